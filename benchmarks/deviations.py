"""Who agrees with MATLAB: writes docs/deviations.md, the tables of docs/why/who-agrees.md, and docs/deviations.png.

    python benchmarks/deviations.py                  # needs the extra `bench`; Set5 is looked for by name
    python benchmarks/deviations.py --only ffmpeg    # prints what is measured of the rows whose names have that

Whatever is installed is measured, each library in a process of its own; the rest is named below the table. "MATLAB" is
this toolkit's `imresize`, which has its values. `--old FOLDER` adds another torchmetrics, as in `metrics.py`.
"""

import argparse
import importlib
import json
import math
import os
import re
import subprocess
import sys
import tempfile
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from functools import partial
from importlib.metadata import version
from pathlib import Path
from typing import Any

os.environ.setdefault("TF_CPP_MIN_LOG_LEVEL", "3")

import numpy as np
from matplotlib.backends.backend_agg import FigureCanvasAgg
from matplotlib.figure import Figure
from matplotlib.patches import Rectangle
from numpy.typing import NDArray

from vdsr_data import im2double, imresize, luma, modcrop
from vdsr_data.benchmark.sets import open_set
from vdsr_data.errors import VdsrError
from vdsr_data.interop.adapters import as_resizer, find_target
from vdsr_data.interop.fitting import Fit, fit_resizer
from vdsr_eval import SSIM_FORMS, psnr, ssim
from vdsr_eval.protocols.pair import result, score

DOCS = Path(__file__).resolve().parents[1] / "docs"
SCALE = 3
RIM = 4  # pixels of a reduced image that the edge may reach
SECONDS = 1500  # that a library has: JAX compiles for each size
INK, PAPER, SAME, OTHER = "#24292f", "#ffffff", "#9ecae1", "#fdae6b"

Image = NDArray[Any]  # (rows, columns): floats in [0, 1], or uint8
Size = tuple[int, int]
Resize = Callable[[Image, Size], Image]


# ---- libraries that `vdsr-data conform` has no adapter for; floats and 8 bits


def as_class(values: Any, image: Image) -> Image:
    """Floats as the class of the image."""
    found = np.asarray(values)
    return np.rint(found.clip(0, 255)).astype(np.uint8) if image.dtype == np.uint8 else found.astype(np.float64)


def single(image: Image) -> Image:
    """What has no doubles gets floats in single precision."""
    return np.ascontiguousarray(image, np.float32 if image.dtype.kind == "f" else None)


def known(target: str) -> Resize:
    """A target of `vdsr-data conform`."""
    resize, _ = as_resizer(find_target(target))
    return lambda image, size: np.asarray(resize(image, size, {"scale": None}))


def deep(resize: Resize) -> Resize:
    """Floats through 16 bits, for what takes integers only."""

    def through(image: Image, size: Size) -> Image:
        if image.dtype == np.uint8:
            return resize(image, size)
        return resize(np.rint(image.clip(0, 1) * 65535).astype(np.uint16), size) / 65535

    return through


def basicsr() -> Resize:
    """It takes one factor, and floats."""
    function = importlib.import_module("basicsr.utils.matlab_functions").imresize
    return lambda image, size: as_class(function(image.astype(np.float64), size[0] / image.shape[0]), image)


def bicubic_pytorch() -> Resize:
    """Its own sizes; 8 bits are rounded by it."""
    torch, module = importlib.import_module("torch"), importlib.import_module("bicubic_pytorch")
    return lambda image, size: module.imresize(torch.from_numpy(image.copy()), sizes=size).numpy()


def onnxruntime(**attributes: Any) -> Resize:
    """The operator Resize, in single precision."""
    onnx, runtime = importlib.import_module("onnx"), importlib.import_module("onnxruntime")
    helper, kind = onnx.helper, onnx.TensorProto.FLOAT
    node = helper.make_node("Resize", ["x", "", "", "sizes"], ["y"], mode="cubic", **attributes)
    given = [helper.make_tensor_value_info("x", kind, [1, 1, None, None]),
             helper.make_tensor_value_info("sizes", onnx.TensorProto.INT64, [4])]  # fmt: skip
    graph = helper.make_graph([node], "resize", given, [helper.make_tensor_value_info("y", kind, [1, 1, None, None])])
    model = helper.make_model(graph, opset_imports=[helper.make_opsetid("", 18)], ir_version=9)
    session = runtime.InferenceSession(model.SerializeToString(), providers=["CPUExecutionProvider"])

    def resize(image: Image, size: Size) -> Image:
        values = {"x": image[None, None].astype(np.float32), "sizes": np.array([1, 1, *size])}
        return as_class(session.run(None, values)[0][0, 0], image)

    return resize


def dali() -> Resize:
    """On the processor."""
    fn, types = importlib.import_module("nvidia.dali.fn"), importlib.import_module("nvidia.dali.types")
    pipeline = importlib.import_module("nvidia.dali").Pipeline

    def resize(image: Image, size: Size) -> Image:
        pipe = pipeline(1, 1, None)
        with pipe:
            given = fn.external_source(name="x", layout="HWC")
            pipe.set_outputs(fn.resize(given, size=list(size), interp_type=types.INTERP_CUBIC))
        pipe.build()
        pipe.feed_input("x", [single(image)[..., None]])
        return np.asarray(pipe.run()[0].at(0)[..., 0])

    return resize


def openimageio(name: str) -> Resize:
    """One of its filters."""
    oiio = importlib.import_module("OpenImageIO")

    def resize(image: Image, size: Size) -> Image:
        roi = oiio.ROI(0, size[1], 0, size[0], 0, 1, 0, 1)
        found = oiio.ImageBufAlgo.resize(oiio.ImageBuf(single(image)[..., None]), filtername=name, roi=roi)
        return np.asarray(found.get_pixels(oiio.UINT8 if image.dtype == np.uint8 else oiio.FLOAT))[..., 0]

    return resize


def libvips(affine: bool, **options: Any) -> Resize:
    """Its `resize`, by factors; or `affine` where the image grows, put where the pixels belong."""
    pyvips = importlib.import_module("pyvips")

    def resize(image: Image, size: Size) -> Image:
        across, down = size[1] / image.shape[1], size[0] / image.shape[0]
        source = pyvips.Image.new_from_array(np.ascontiguousarray(image))
        if not affine or min(across, down) < 1:
            return np.asarray(source.resize(across, vscale=down, kernel="cubic", **options).numpy())
        words = {"odx": (across - 1) / 2, "ody": (down - 1) / 2, "oarea": [0, 0, *size[::-1]], "extend": "mirror"}
        cubic = pyvips.Interpolate.new("bicubic")
        return np.asarray(source.affine([across, 0, 0, down], interpolate=cubic, **words).numpy())

    return resize


def ffmpeg(options: str) -> Resize:
    """The filter `scale`, through PyAV."""
    av, fractions = importlib.import_module("av"), importlib.import_module("fractions")
    filters = importlib.import_module("av.filter")

    def resize(image: Image, size: Size) -> Image:
        frame = av.VideoFrame.from_ndarray(
            np.ascontiguousarray(image), format="gray" if image.dtype == np.uint8 else "gray16le"
        )
        graph = filters.Graph()
        source = graph.add_buffer(
            width=image.shape[1], height=image.shape[0], format=frame.format, time_base=fractions.Fraction(1)
        )
        scale, sink = graph.add("scale", f"{size[1]}:{size[0]}:{options}"), graph.add("buffersink")
        source.link_to(scale)
        scale.link_to(sink)
        graph.configure()
        graph.push(frame)
        return np.asarray(graph.pull().to_ndarray())

    return deep(resize)


def simpleitk() -> Resize:
    """On the grid that all others use, whose pixels are squares."""
    itk = importlib.import_module("SimpleITK")

    def resize(image: Image, size: Size) -> Image:
        steps = [image.shape[1] / size[1], image.shape[0] / size[0]]
        source, start = itk.GetImageFromArray(image), [(step - 1) / 2 for step in steps]
        found = itk.Resample(
            source, size[::-1], itk.Transform(), itk.sitkBSpline, start, steps, [1, 0, 0, 1], 0, source.GetPixelID()
        )
        return np.asarray(itk.GetArrayFromImage(found))

    return resize


def octave() -> Resize:
    """`imresize` of its package image; arrays as raw files, columns first."""
    said(["octave", "--version"])

    def resize(image: Image, size: Size) -> Image:
        kind = {"uint8": "uint8", "float64": "double"}[image.dtype.name]
        with tempfile.TemporaryDirectory() as folder:
            image.T.tofile(Path(folder, "in"))
            script = (
                f"pkg load image; cd '{folder}'; file = fopen('in'); x = fread(file, {list(image.shape)}, '*{kind}');"
                f"y = imresize(x, {list(size)}, 'bicubic'); file = fopen('out', 'w'); fwrite(file, y, class(y));"
            )
            command = ["octave", "--no-gui", "--quiet", "--no-init-file", "--eval", script]
            subprocess.run(command, check=True, capture_output=True)
            return np.fromfile(Path(folder, "out"), image.dtype).reshape(size[::-1]).T

    return resize


def said(command: list[str]) -> str:
    """The version in what a program prints; ImportError if there is none."""
    try:
        text = subprocess.run(command, check=True, capture_output=True, text=True).stdout
    except (OSError, subprocess.CalledProcessError) as error:
        raise ImportError(f"no {command[0]}") from error
    found = re.search(r"\d+(\.\d+)+(-\d+)?", text)
    return found[0] if found else "?"


# ---- what brings others to MATLAB's values


def mirrored(resize: Resize) -> Resize:
    """The image is turned over at its edges, and what becomes of that is cut off."""

    def edged(image: Image, size: Size) -> Image:
        wide, cut = zip(*(beyond(*lengths) for lengths in zip(image.shape, size, strict=True)), strict=True)
        padded = np.pad(image, [(k, k) for k in wide], mode="symmetric")
        found = resize(padded, (size[0] + 2 * cut[0], size[1] + 2 * cut[1]))
        return found[cut[0] : cut[0] + size[0], cut[1] : cut[1] + size[1]]

    return edged


def beyond(before: int, after: int) -> tuple[int, int]:
    """Pixels beyond an edge that a kernel may reach, and how many of the result they are: whole numbers."""
    if before == after:
        return 0, 0
    step = math.gcd(before, after)
    times = math.ceil((RIM + 1) * max(before, after) / min(before, after) / (before // step))
    return times * before // step, times * after // step


def turned(resize: Resize) -> Resize:
    """The axes swapped."""
    return lambda image, size: resize(np.ascontiguousarray(image.T), size[::-1]).T


def twice(resize: Resize) -> Resize:
    """8 bits: down the image, rounded, then across, as floats; halves up."""

    def passes(image: Image, size: Size) -> Image:
        if image.dtype != np.uint8:
            return resize(image, size)
        found = image
        for to in ((size[0], image.shape[1]), size):
            values = np.asarray(resize(found / 255.0, to), np.float64) * 255
            found = np.floor(values.clip(0, 255) + 0.5).astype(np.uint8)
        return found

    return passes


WORDS = {mirrored: "mirror", turned: "swap the axes", twice: "pass by pass"}  # as the page explains them


@dataclass(frozen=True)
class Library:
    """A row of the table: its name and call, where its version is from, and what brings it to MATLAB's values."""

    name: str
    call: str
    source: str | list[str]  # a package, or a command that prints the version
    make: Callable[[], Resize]
    mend: tuple[Callable[[Resize], Resize], ...] = ()
    environment: tuple[str, str] = ("", "")

    def version(self) -> str:
        """Of the package or program."""
        return version(self.source) if isinstance(self.source, str) else said(self.source)

    @property
    def label(self) -> str:
        """Name and call."""
        return f"{self.name}, {self.call}" if self.call else self.name


def of_target(
    name: str, call: str, package: str | list[str], target: str, *mend: Callable[[Resize], Resize]
) -> Library:
    """A row of what `vdsr-data conform` can call."""
    return Library(name, call, package, partial(known, target), mend)


def of_keras(backend: str, antialias: bool) -> Library:
    """Keras takes its backend when it is imported."""
    call, target = "antialias" * antialias, f"keras.ops.image:resize,antialias={antialias}"
    mend = (twice, mirrored) if antialias else ()
    name = f"Keras on {backend}"
    return Library(name, call, "keras", partial(known, target), mend, ("KERAS_BACKEND", backend.lower()))


CATROM = "-filter Catrom -resize {columns}x{rows}! {output}"
FFMPEG = [sys.executable, "-c", "import av; print(av.ffmpeg_version_info)"]
TORCH = "torch.nn.functional:interpolate"
LIBRARIES = [
    of_target("vdsr-toolkit", "", "vdsr-toolkit", "vdsr_data:imresize"),
    Library("GNU Octave", "imresize", ["octave", "--version"], octave, (twice,)),
    Library("BasicSR", "imresize", "basicsr", basicsr),
    Library("bicubic-pytorch", "imresize", "bicubic-pytorch", bicubic_pytorch, (twice,)),
    of_target("ResizeRight", "pad_mode symmetric", "resize-right", "resize_right:resize,pad_mode=symmetric", twice),
    of_target("ResizeRight", "", "resize-right", "resize_right:resize", twice, mirrored),
    of_target("Pillow", "BICUBIC", "pillow", "PIL.Image:Image.resize", turned, mirrored),
    of_target("PyTorch", "antialias", "torch", f"{TORCH},antialias=True", turned, mirrored),
    of_target("PyTorch", "", "torch", TORCH),
    of_target("torchvision v2", "", "torchvision", "torchvision.transforms.v2.functional:resize", turned, mirrored),
    of_target("fast_image_resize", "catmull_rom", "cykooz-resizer", "cykooz_resizer:Resizer", mirrored),
    of_target("TensorFlow", "antialias", "tensorflow-cpu", "tensorflow.image:resize,antialias=True", twice, mirrored),
    of_target("TensorFlow", "", "tensorflow-cpu", "tensorflow.image:resize"),
    *(of_keras(backend, antialias) for backend in ("TensorFlow", "JAX", "Torch") for antialias in (True, False)),
    of_target("JAX", "", "jax", "jax.image:resize", twice, mirrored),
    Library("ONNX Runtime", "cubic", "onnxruntime", onnxruntime),
    Library("ONNX Runtime", "antialias, a -0.5", "onnxruntime",
            partial(onnxruntime, antialias=1, cubic_coeff_a=-0.5), (twice, mirrored)),
    Library("NVIDIA DALI", "CPU, cubic", "nvidia-dali-cuda120", dali, (twice, mirrored)),
    Library("OpenImageIO", "keys", "openimageio", partial(openimageio, "keys"), (mirrored,)),
    Library("OpenImageIO", "cubic", "openimageio", partial(openimageio, "cubic")),
    Library("libvips", "resize", "pyvips-binary", partial(libvips, affine=False)),
    Library("libvips", "resize gap=0; affine", "pyvips-binary",
            partial(libvips, affine=True, gap=0), (twice, mirrored)),
    Library("ImageMagick", "Catrom", ["convert", "-version"], lambda: deep(known("convert {input} " + CATROM)),
            (twice, mirrored)),
    Library("GraphicsMagick", "Catrom", ["gm", "version"], lambda: deep(known("gm convert {input} " + CATROM)),
            (twice, mirrored)),
    Library("ffmpeg (PyAV)", "bicubic", FFMPEG, partial(ffmpeg, "flags=bicubic")),
    Library("ffmpeg (PyAV)", "bicubic, param1=0.5", FFMPEG,
            partial(ffmpeg, "flags=bicubic+accurate_rnd+bitexact:param1=0.5")),
    of_target("OpenCV", "INTER_CUBIC", "opencv-python-headless", "cv2:resize"),
    of_target("kornia", "bicubic, antialias", "kornia", "kornia.geometry.transform:resize,antialias=True"),
    of_target("kornia", "bicubic", "kornia", "kornia.geometry.transform:resize"),
    of_target("scikit-image", "order 3", "scikit-image", "skimage.transform:resize"),
    of_target("SciPy", "zoom", "scipy", "scipy.ndimage:zoom"),
    of_target("SciPy", "zoom, grid_mode", "scipy", "scipy.ndimage:zoom,grid_mode=True,mode=reflect"),
    Library("SimpleITK", "BSpline", "simpleitk", simpleitk),
]  # fmt: skip


# ---- what is measured


def photograph() -> NDArray[np.uint8]:
    """The luma of a photograph that comes with scikit-image, of a size that 3 divides."""
    return modcrop(luma(dict(open_set("sample"))["astronaut"]), SCALE)


def reduced(image: Image) -> Size:
    """The size of an image reduced by 3."""
    return image.shape[0] // SCALE, image.shape[1] // SCALE


def apart(resize: Resize, image: Image, size: Size) -> NDArray[np.float64]:
    """How far a result is from MATLAB's, in steps of 255."""
    step = 1 if image.dtype == np.uint8 else 255
    ours, theirs = imresize(image, size=size), np.asarray(resize(image, size))
    return step * np.abs(theirs.astype(np.float64) - ours)


def bicubic_row(resize: Resize) -> float:
    """The PSNR of bicubic on Set5 x3 by the protocol `paper`, if a library makes both images."""
    scores = []
    for _, original in open_set("Set5"):
        gt = luma(modcrop(original, SCALE))
        low = resize(luma(im2double(modcrop(original, SCALE))), reduced(gt))
        sr = result(np.asarray(resize(low, gt.shape), np.float64), None, protocol="paper")
        scores.append(score(sr, gt.astype(np.float64), scale=SCALE, protocol="paper")[0])
    return float(np.mean(scores))


def share(different: NDArray[np.float64]) -> float:
    """Of values that differ, in percent."""
    return 100 * float(np.mean(different > 0))


def measure(library: Library) -> dict[str, Any]:
    """All that the tables say of a library; ImportError if it is not there."""
    resize, photo = library.make(), photograph()
    found = fit_resizer(lambda image, size: np.asarray(resize(image, size)), np.float64)
    row: dict[str, Any] = {
        "label": library.label,
        "version": library.version(),
        **described(found.enlarging, found.shrinking),
    }
    rounding = found.rounding
    row["rounds"] = (
        "own arithmetic" if rounding is None else "once" if rounding.times == 1 else f"twice, {rounding.order}"
    )
    if rounding and rounding.rule == "truncated":
        row["rounds"] += ", down"
    gap, gap8 = (apart(resize, image, reduced(photo)) for image in (im2double(photo), photo))
    row["inside"] = float(gap[RIM:-RIM, RIM:-RIM].max())
    gap[RIM:-RIM, RIM:-RIM] = 0
    row["rim"], row["share"] = float(gap.max()), share(gap8[RIM:-RIM, RIM:-RIM])
    try:
        row["psnr"] = bicubic_row(resize)
    except VdsrError:
        row["psnr"] = None  # no Set5 here
    if library.mend:
        for mend in library.mend:
            resize = mend(resize)
        small = imresize(photo, size=reduced(photo))
        ways = ((photo, small.shape), (small, photo.shape))
        row["mended"] = max(float(apart(resize, im2double(image), size).max()) for image, size in ways)
        row["mended share"] = max(share(apart(resize, image, size)) for image, size in ways)
    return row


def described(enlarging: Fit | None, shrinking: Fit | None) -> dict[str, str]:
    """Kernel, growth and edge, in words; both ways where they differ."""
    fits = [fit for fit in (shrinking, enlarging) if fit]

    def both(cells: list[str]) -> str:
        return " / ".join(dict.fromkeys(cell or "another" for cell in cells)) or "another"

    kernels = [f"cubic, {fit.a:g}" if fit.a is not None else fit.kernel for fit in fits]
    moved = ", corner on corner" if any(fit.corners for fit in fits) else ", shifted" * any(fit.shift for fit in fits)
    return {
        "kernel": both(kernels) + moved,
        "grows": {True: "yes", False: "no", None: "unknown"}[shrinking.widened if shrinking else None],
        "edge": both([fit.border for fit in fits]),
    }


def rows(only: str = "") -> Iterator[tuple[Library, dict[str, Any] | str]]:
    """What was measured of each library in its own process, or why it was not."""
    for number, library in enumerate(LIBRARIES):
        if only.lower() not in library.label.lower():
            continue
        environment = dict(os.environ) | dict([library.environment] if library.environment[0] else [])
        command = [sys.executable, __file__, "--row", str(number)]
        try:
            done = subprocess.run(
                command, capture_output=True, text=True, env=environment, timeout=SECONDS, check=False
            )
        except subprocess.TimeoutExpired:
            yield library, f"took more than {SECONDS} s"
            continue
        last = (done.stdout.splitlines() or [""])[-1]
        why = (done.stderr.strip().splitlines() or ["ended without a word"])[-1]
        yield library, json.loads(last) if done.returncode == 0 else why


# ---- metrics


def metric_pair() -> tuple[NDArray[np.uint8], NDArray[np.uint8]]:
    """A drawn 8-bit image, reduced by 3 and enlarged again, and itself."""
    y, x = np.mgrid[:96, :120]
    waves = 128 + 60 * np.sin(x / 3) * np.cos(y / 4) + 40 * np.sign(np.sin(x / 11 + y / 17))
    drawn = np.rint(waves).astype(np.uint8)
    return imresize(imresize(drawn, 1 / SCALE), size=drawn.shape), drawn


def other_psnr(library: str, a: Image, b: Image) -> float:
    """PSNR by another library, which is told the range."""

    def of(module: str, name: str, *images: Any, **options: Any) -> float:
        return float(getattr(importlib.import_module(module), name)(*images, **options))

    def tensors(*names: str, **options: float) -> float:
        torch = importlib.import_module("torch")
        return of(*names, *(torch.from_numpy(image)[None, None].double() for image in (a, b)), **options)

    calls: dict[str, Callable[[], float]] = {
        "scikit-image": lambda: of("skimage.metrics", "peak_signal_noise_ratio", b, a, data_range=255),
        "BasicSR": lambda: of("basicsr.metrics.psnr_ssim", "calculate_psnr", a[..., None], b[..., None], crop_border=0),
        "TensorFlow": lambda: of("tensorflow.image", "psnr", a[..., None], b[..., None], 255),
        "torchmetrics": lambda: tensors("torchmetrics.functional.image", "peak_signal_noise_ratio", data_range=255.0),
        "kornia": lambda: tensors("kornia.metrics", "psnr", max_val=255.0),
        "piq": lambda: tensors("piq", "psnr", data_range=255.0),
        "pyiqa": lambda: tensors("pyiqa.archs.psnr_arch", "psnr", data_range=255.0),
        "sewar": lambda: of("sewar.full_ref", "psnr", b, a, MAX=255),
    }
    return calls[library]()


def metrics_table(old: str | None) -> list[str]:
    """PSNR and SSIM of one pair by every library: whose form of SSIM it is, and to how many decimals."""
    from metrics import digits, found_peers

    a, b = metric_pair()
    forms = {form: ssim(a, b, data_range=255, **options) for form, options in SSIM_FORMS.items() if form != "volume"}
    ours, seen = psnr(a, b, data_range=255), set()
    lines = [
        "| library | PSNR, dB | SSIM | apart | form | decimals alike |",
        "| --- | ---: | ---: | ---: | --- | ---: |",
    ]
    lines.append(f"| vdsr-toolkit | {ours:.5f} | {forms['valid']:.5f} |  | `valid` |  |")
    for name, _, work in found_peers(a, b, old):  # one at a time: an old version takes the place of a new one
        value = work()
        alike, form = max((digits(other, value), form) for form, other in forms.items())
        release = name.partition(",")[0]
        ratio = "" if release in seen else f"{other_psnr(release.split()[0], a, b):.5f}"
        seen.add(release)
        whose = f"`{form}` | {alike}" if alike > 2 else "another | "
        lines.append(f"| {name} | {ratio} | {value:.5f} | {signed(value - forms['valid'], 5)} | {whose} |")
    return lines


# ---- what is written

MATLAB = {"kernel": "cubic, -0.5", "grows": "yes", "edge": "mirrored", "rounds": "twice, rows first"}
HEADS = {"kernel": "kernel", "grows": "grows", "edge": "edge", "rounds": "8 bits are rounded"}
BEGIN, END = "<!-- --8<-- [start:{}] -->", "<!-- --8<-- [end:{}] -->"


def signed(gap: float, digits: int) -> str:
    """A difference; nothing is neither more nor less."""
    text = f"{gap:+.{digits}f}"
    return text if float(text) else text[1:]


def small(value: float) -> str:
    """A difference in steps of 255."""
    return "0" if value == 0 else f"{value:.2f}" if value >= 0.01 else f"{value:.0e}"


def table(found: list[dict[str, Any]]) -> list[str]:
    """A row for each library, the nearest first."""
    heads = ["library", *HEADS.values(), "inside", "rim", "8 bits differ", "Set5 x3, dB"]
    lines = [f"| {' | '.join(heads)} |", f"| --- |{' --- |' * 4}{' ---: |' * 4}"]
    ours = found[0]["psnr"]
    for row in found:
        gap = "" if row["psnr"] is None else f"{ours:.2f}" if row is found[0] else signed(row["psnr"] - ours, 3)
        cells = [f"{row['label']} ({row['version']})", *(row[name] for name in HEADS)]
        cells += [small(row["inside"]), small(row["rim"]), f"{row['share']:.2f} %", gap]
        lines.append(f"| {' | '.join(cells)} |")
    return lines


def mended_table(found: list[dict[str, Any]], mends: dict[str, str]) -> list[str]:
    """What to do with each library that can be brought to MATLAB's values, and how near it then is, edges included."""
    lines = ["| library | what to do | floats, at most | 8 bits differ |", "| --- | --- | ---: | ---: |"]
    for row in found:
        if "mended" in row:
            cells = [row["label"], mends[row["label"]], small(row["mended"]), f"{row['mended share']:.2f} %"]
            lines.append(f"| {' | '.join(cells)} |")
    return lines


def nearest_first(found: list[dict[str, Any]]) -> list[dict[str, Any]]:
    """Ours, then by what the bicubic row of a table moves, or else by the largest difference; then by 8-bit values."""

    def far(row: dict[str, Any]) -> tuple[float, float]:
        moved = row["inside"] / 10 if row["psnr"] is None else abs(row["psnr"] - found[0]["psnr"])
        return round(moved, 2), round(row["share"], 2)

    return [found[0], *sorted(found[1:], key=far)]


def draw(path: Path, found: list[dict[str, Any]]) -> None:
    """The table as coloured cells, and what the bicubic row of a table moves as bars."""
    ours, names = found[0]["psnr"], list(HEADS)
    figure = Figure(figsize=(11, 0.27 * len(found) + 1.1), layout="constrained", facecolor=PAPER)
    FigureCanvasAgg(figure)
    cells, bars = figure.subplots(1, 2, sharey=True, width_ratios=(2.6, 1))
    for y, row in enumerate(found):
        for x, name in enumerate(names):
            same = row[name] == MATLAB[name]
            cells.add_patch(Rectangle((x - 0.48, y - 0.42), 0.96, 0.84, color=SAME if same else OTHER))
            cells.text(x, y, row[name], ha="center", va="center", fontsize=8, color=INK)
    cells.set(xlim=(-0.5, len(names) - 0.5), ylim=(len(found) - 0.5, -0.5))
    cells.set_yticks(range(len(found)), [row["label"] for row in found], fontsize=8.5, color=INK)
    cells.set_xticks(range(len(names)), list(HEADS.values()), fontsize=9, color=INK)
    cells.xaxis.tick_top()
    gaps = [row["psnr"] - ours for row in found]
    drawn = bars.barh(range(len(found)), gaps, color=[SAME if abs(gap) < 0.005 else OTHER for gap in gaps])
    bars.bar_label(drawn, [signed(gap, 2) for gap in gaps], fontsize=8, padding=3, color=INK)
    bars.axvline(0, color=INK, linewidth=0.8)
    bars.margins(x=0.25)
    bars.set_title("bicubic on Set5 x3: dB to MATLAB", fontsize=9, color=INK)
    for axes in (cells, bars):
        axes.spines[:].set_visible(False)
        axes.tick_params(length=0)
    bars.tick_params(labelbottom=False)
    figure.suptitle("Which “bicubic” is MATLAB's?   blue: as MATLAB   orange: something else", fontsize=11, color=INK)
    figure.savefig(path, dpi=130)


def section(name: str, lines: list[str]) -> str:
    """A part that a page takes by its name."""
    return "\n".join([BEGIN.format(name), "", *lines, "", END.format(name)]) + "\n"


def main() -> None:
    """Measure, print and write."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--only", default="", metavar="NAME")
    parser.add_argument("--old", metavar="FOLDER")
    parser.add_argument("--row", type=int, help=argparse.SUPPRESS)
    arguments = parser.parse_args()
    if arguments.row is not None:
        print(json.dumps(measure(LIBRARIES[arguments.row])))
        return
    found, absent = [], []
    for library, row in rows(arguments.only):
        print(library.label, row, flush=True)
        if isinstance(row, str):
            absent.append(f"{library.label} ({row})")
        else:
            found.append(row)
    if arguments.only:
        return
    found = nearest_first(found)
    mends = {library.label: ", ".join(WORDS[mend] for mend in reversed(library.mend)) for library in LIBRARIES}
    lines = [*table(found), "", f"Not installed, and left out: {', '.join(absent) or 'none'}."]
    text = section("resize", lines) + section("mended", mended_table(found, mends))
    text += section("metrics", metrics_table(arguments.old))
    (DOCS / "deviations.md").write_text(text, encoding="utf-8")
    if found[0]["psnr"] is not None:
        draw(DOCS / "deviations.png", found)
    print(f"wrote {DOCS / 'deviations.md'} and deviations.png")


if __name__ == "__main__":
    main()
