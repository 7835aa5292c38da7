"""What is measured on arrays: imresize, colour and metrics beside their peers, on one thread unless a row says so."""

import sys
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import numpy as np
from contest import Row, Work

from vdsr_data import fspecial, imfilter, imresize, rgb2ycbcr, ycbcr2rgb
from vdsr_data.public.registry import data_folders
from vdsr_eval import brisque, niqe, psnr, ssim

__all__ = ["array_rows"]

FACTORS = {"x1/2": 1 / 2, "x1/3": 1 / 3, "x1/4": 1 / 4, "x2": 2, "x3": 3, "x4": 4}


def array_rows() -> Iterator[Row]:
    """Every row on arrays."""
    yield from resize_rows()
    yield from thread_rows()
    yield from filter_rows()
    yield from other_rows()
    yield from naturalness_rows()


def resize_rows() -> Iterator[Row]:
    """Imresize of float64 luma, and of 8-bit grey and colour, 1024 x 1024."""
    import cv2
    from PIL import Image

    cv2.setNumThreads(1)
    random = np.random.default_rng(0)
    luma = random.random((1024, 1024))
    grey, color = (random.integers(0, 256, shape, dtype=np.uint8) for shape in ((1024, 1024), (1024, 1024, 3)))
    for label, factor in FACTORS.items():
        size = int(np.ceil(1024 * factor))
        shrinks = factor < 1
        peers: dict[str, tuple[Work, float | None]] = {}
        picture = Image.fromarray(luma.astype(np.float32))
        peers["Pillow, float32"] = (lambda p=picture, n=size: p.resize((n, n), Image.Resampling.BICUBIC), 2.5)
        peers |= torch_peers(luma, factor, size)
        peers["OpenCV float64, no antialias"] = (
            lambda n=size: cv2.resize(luma, (n, n), interpolation=cv2.INTER_CUBIC), None if shrinks else 1.0
        )  # fmt: skip
        yield Row(f"imresize float64 {label}", lambda f=factor: imresize(luma, f), peers)
    for image, kind in ((grey, "uint8 grey"), (color, "uint8 RGB")):
        picture = Image.fromarray(image)
        for label, factor in FACTORS.items():
            size = int(np.ceil(1024 * factor))
            peers = {"Pillow": (lambda p=picture, n=size: p.resize((n, n), Image.Resampling.BICUBIC), 1.5)}
            peers |= rust_peer(image, size, 1.65 if kind == "uint8 grey" and factor > 1 else 1.0)
            yield Row(f"imresize {kind} {label}", lambda f=factor, i=image: imresize(i, f), peers)


def rust_peer(image: np.ndarray, size: int, target: float) -> dict[str, tuple[Work, float | None]]:
    """fast_image_resize, where it is installed: its own image in, its own image out, nothing copied."""
    try:
        from cykooz_resizer import FilterType, ImageData, PixelType, ResizeAlg, ResizeOptions, Resizer
    except ImportError:
        return {}
    kind = PixelType.U8 if image.ndim == 2 else PixelType.U8x3
    resizer, source = Resizer(), ImageData(*image.shape[1::-1], kind, image.tobytes())
    options = ResizeOptions(resize_alg=ResizeAlg.convolution(FilterType.catmull_rom))
    return {"fast_image_resize": (lambda: resizer.resize(source, ImageData(size, size, kind), options), target)}


def torch_peers(luma: np.ndarray, factor: float, size: int) -> dict[str, tuple[Work, float | None]]:
    """What runs on torch, where that is installed."""
    try:
        import torch
        from resize_right import resize as resize_right
    except ImportError:
        return {}
    torch.set_num_threads(1)
    tensor = torch.from_numpy(luma)[None, None]
    shrinks = factor < 1

    def antialiased() -> object:
        return torch.nn.functional.interpolate(tensor, size=(size, size), mode="bicubic", antialias=True)

    return {
        "torch float64, antialias": (antialiased, 2.5 if shrinks else 3.0),
        "ResizeRight (NumPy)": (lambda: resize_right(luma, factor), 10.0 if shrinks else 12.0),
    }


def thread_rows() -> Iterator[Row]:
    """Two threads against one; here "peer / ours" is the gain, before it what the processor has to give."""
    yield arithmetic()
    random = np.random.default_rng(0)
    for side in (512, 1024, 2048):
        luma = random.random((side, side))
        for label, factor in FACTORS.items():
            one = (lambda f=factor, i=luma: imresize(i, f), 1.7)
            yield Row(
                f"two threads {side} {label}", lambda f=factor, i=luma: imresize(i, f, threads=2), {"one thread": one}
            )


def arithmetic() -> Row:
    """Vector arithmetic that stays in the first cache, for whose units two logical cores may have to take turns."""
    from numba import njit

    @njit(nogil=True, fastmath=True)
    def work(values: np.ndarray) -> None:
        for _ in range(100_000):
            for i in range(len(values)):
                values[i] = values[i] * 0.999 + 0.1

    first, second = np.ones((2, 1024))
    pool = ThreadPoolExecutor(1)

    def one() -> None:
        work(first)
        work(second)

    def two() -> None:
        other = pool.submit(work, second)
        work(first)
        other.result()

    return Row("vector arithmetic in cache, two threads", two, {"one thread": (one, None)})


def filter_rows() -> Iterator[Row]:
    """Imfilter of 8-bit colour, 1024 x 1024, by Gaussians, which are separable, and by a kernel that is not."""
    import cv2
    from scipy.ndimage import correlate

    random = np.random.default_rng(0)
    color = random.integers(0, 256, (1024, 1024, 3), dtype=np.uint8)
    doubles = color.astype(np.float64)
    other = random.random((7, 7))
    kernels = {
        "7 x 7 Gaussian": fspecial("gaussian", 7, 1.6),
        "7 x 7, not separable": other / other.sum(),
        "21 x 21 Gaussian": fspecial("gaussian", 21, 3),
    }
    for label, kernel in kernels.items():
        peers = {
            "SciPy float64": (lambda k=kernel: correlate(doubles, k[:, :, np.newaxis], mode="nearest"), 3.0),
            "OpenCV float64": (
                lambda k=kernel: cv2.filter2D(color, cv2.CV_64F, k, borderType=cv2.BORDER_REPLICATE),
                1.0,
            ),
        }
        yield Row(f"imfilter uint8 RGB {label}", lambda k=kernel: imfilter(color, k, boundary="replicate"), peers)


def other_rows() -> Iterator[Row]:
    """Colour conversion and metrics, 1024 x 1024."""
    import cv2
    from skimage.color import rgb2ycbcr as skimage_ycbcr
    from skimage.color import ycbcr2rgb as skimage_rgb
    from skimage.metrics import structural_similarity

    random = np.random.default_rng(0)
    color = random.integers(0, 256, (1024, 1024, 3), dtype=np.uint8)
    spare = np.empty_like(color)
    copy = (lambda: np.copyto(spare, color), 1 / 3)
    ycbcr = skimage_ycbcr(color)
    yield Row(
        "rgb2ycbcr uint8", lambda: rgb2ycbcr(color), {"scikit-image": (lambda: skimage_ycbcr(color), 5), "copy": copy}
    )
    yield Row(
        "ycbcr2rgb uint8", lambda: ycbcr2rgb(color), {"scikit-image": (lambda: skimage_rgb(ycbcr), 5), "copy": copy}
    )

    a = random.random((1024, 1024))
    b = np.clip(a + 0.05 * random.standard_normal(a.shape), 0, 1)
    options = {"data_range": 1.0, "gaussian_weights": True, "sigma": 1.5, "use_sample_covariance": False}
    window = cv2.getGaussianKernel(11, 1.5)

    def opencv_ssim() -> float:
        """The way in which most super-resolution code computes it: five 11 x 11 filters."""
        blur = lambda image: cv2.filter2D(image, -1, window @ window.T)  # noqa: E731
        mean_a, mean_b = blur(a), blur(b)
        var_a, var_b, cov = blur(a * a) - mean_a**2, blur(b * b) - mean_b**2, blur(a * b) - mean_a * mean_b
        top = (2 * mean_a * mean_b + 1e-4) * (2 * cov + 9e-4)
        return float((top / ((mean_a**2 + mean_b**2 + 1e-4) * (var_a + var_b + 9e-4))).mean())

    for border in ("replicate", "valid"):
        peers = {"scikit-image": (lambda: structural_similarity(a, b, **options), 15.0), "OpenCV": (opencv_ssim, 15.0)}
        yield Row(f"ssim {border}", lambda k=border: ssim(a, b, data_range=1.0, border=k), peers)
    yield Row("psnr", lambda: psnr(a, b, data_range=1.0), {"reading both once": (lambda: (a.max(), b.max()), 1 / 2)})


def naturalness_rows() -> Iterator[Row]:
    """NIQE and BRISQUE of RGB noise without flat areas, where their models were fetched."""
    image = np.random.default_rng(0).integers(0, 256, (1024, 1024, 3), dtype=np.uint8)
    for name, function in (("niqe", niqe), ("brisque", brisque)):
        if any((folder / name).is_dir() for folder in data_folders()):
            yield Row(f"{name} uint8 RGB", lambda f=function: f(image), naturalness_peers(name, image))


def naturalness_peers(name: str, image: np.ndarray) -> dict[str, tuple[Work, float | None]]:
    """The plain twin of the tests, and pyiqa on the processor, where that is installed."""
    sys.path.append(str(Path(__file__).resolve().parents[1] / "tests"))
    from reference_naturalness import slow_brisque_features, slow_niqe

    twin = {"niqe": lambda: slow_niqe(image, np.zeros(36), np.eye(36), resize=imresize),
            "brisque": lambda: slow_brisque_features(image, resize=imresize)}  # fmt: skip
    peers: dict[str, tuple[Work, float | None]] = {"plain NumPy and SciPy": (twin[name], 10.0)}
    try:
        import pyiqa
        import torch
    except ImportError:
        return peers
    metric = pyiqa.create_metric(name, device="cpu")
    tensor = torch.from_numpy(image.transpose(2, 0, 1)[None] / 255).float()
    return peers | {"pyiqa": (lambda: metric(tensor), None)}
