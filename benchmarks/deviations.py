"""Where other libraries' bicubic resizing leaves MATLAB's: writes docs/deviations.png and docs/deviations.md.

    python benchmarks/deviations.py        # needs the extra `bench`

On `sample`, and on Set5 where it is found by name. "MATLAB" is this toolkit's `imresize`, which has its values.
"""

from collections.abc import Callable, Iterator
from importlib.metadata import version
from pathlib import Path
from typing import Any

import cv2
import matplotlib as mpl
import numpy as np
import torch
from matplotlib.backends.backend_agg import FigureCanvasAgg
from matplotlib.figure import Figure
from numpy.typing import NDArray
from PIL import Image
from skimage.transform import resize as skimage_resize

from vdsr_data import im2double, imresize, luma, modcrop
from vdsr_data.benchmark.sets import open_set
from vdsr_data.errors import VdsrError
from vdsr_eval import psnr

DOCS = Path(__file__).resolve().parents[1] / "docs"
SCALES = (2, 3, 4)
SHOWN, SHOWN_SCALE = "astronaut", 3  # the image that is drawn; the scale of everything but the PSNR
RIM = 4  # pixels of the reduced image that the edge may reach
STEPS = 8  # of 255: where the colours of the picture end
INK, PAPER = "#24292f", "#ffffff"

Plane = NDArray[Any]  # float luma in [0, 1], or uint8
Size = tuple[int, int]
Resize = Callable[[Plane, Size], Plane]


def pillow(image: Plane, size: Size) -> Plane:
    """Floats in its mode F, 8 bits in its fixed-point arithmetic."""
    picture = Image.fromarray(image if image.dtype == np.uint8 else image.astype(np.float32))
    return np.asarray(picture.resize(size[::-1], Image.Resampling.BICUBIC))


def opencv(image: Plane, size: Size) -> Plane:
    """As it is called nearly everywhere."""
    return np.asarray(cv2.resize(image, size[::-1], interpolation=cv2.INTER_CUBIC))


def torch_bicubic(image: Plane, size: Size, *, antialias: bool) -> Plane:
    """Its two kernels: antialias changes the cubic too, also where an image grows."""
    tensor = torch.from_numpy(image.copy())[None, None]
    return torch.nn.functional.interpolate(tensor, size=size, mode="bicubic", antialias=antialias)[0, 0].numpy()


def skimage(image: Plane, size: Size) -> Plane:
    """Order 3 is a spline; before it shrinks an image it blurs it with a Gaussian. It answers in floats."""
    shrinks = size[0] < image.shape[0]
    resized = skimage_resize(image, size, order=3, anti_aliasing=shrinks, preserve_range=True)
    return np.rint(resized).astype(np.uint8) if image.dtype == np.uint8 else np.asarray(resized)


PEERS: dict[str, Resize] = {
    "Pillow": pillow,
    "PyTorch, antialias": lambda image, size: torch_bicubic(image, size, antialias=True),
    "scikit-image": skimage,
    "OpenCV": opencv,
    "PyTorch": lambda image, size: torch_bicubic(image, size, antialias=False),
}
# In the table only: what tells why the 8-bit images of Pillow differ.
TABLED: dict[str, Resize] = {
    "Pillow, rows first": lambda image, size: pillow(np.ascontiguousarray(image.T), size[::-1]).T,
}
PACKAGES = ("pillow", "torch", "scikit-image", "opencv-python-headless")


def matlab(image: Plane, size: Size) -> Plane:
    """The measure of all."""
    return imresize(image, size=size)


def originals(name: str) -> Iterator[tuple[str, NDArray[np.uint8]]]:
    """Name and 8-bit luma of each image of a set."""
    for image, pixels in open_set(name):
        yield image, luma(pixels)


def low(resize: Resize, gt: Plane, scale: int) -> Plane:
    """The reduced image."""
    return resize(gt, (gt.shape[0] // scale, gt.shape[1] // scale))


def score(resize: Resize, gt: Plane, scale: int) -> float:
    """PSNR of reducing and enlarging by one library, without a border of `scale`, as `vdsr-tf` scores it."""
    sr = resize(low(resize, gt, scale), (gt.shape[0], gt.shape[1])).clip(0, 1)
    inner = np.s_[scale:-scale, scale:-scale]
    return psnr(sr[inner], gt[inner], data_range=1)


class Deviation:
    """A library's mean PSNR by scale, and how far its images reduced by 3 are from MATLAB's, in steps of 255."""

    def __init__(self, resize: Resize, images: list[NDArray[np.uint8]]) -> None:
        self.psnr = {}
        for scale in SCALES:
            scores = [score(resize, im2double(modcrop(whole, scale)), scale) for whole in images]
            self.psnr[scale] = float(np.mean(scores))
        self.largest = self.inside = 0.0
        differing = pixels = 0
        for whole in images:
            gt = modcrop(whole, SHOWN_SCALE)
            gap = 255 * np.abs(low(resize, im2double(gt), SHOWN_SCALE) - low(matlab, im2double(gt), SHOWN_SCALE))
            self.largest = max(self.largest, float(gap.max()))
            self.inside = max(self.inside, float(gap[RIM:-RIM, RIM:-RIM].max()))
            unequal = (low(resize, gt, SHOWN_SCALE) != low(matlab, gt, SHOWN_SCALE))[RIM:-RIM, RIM:-RIM]
            differing, pixels = differing + int(unequal.sum()), pixels + unequal.size
        self.differing = 100 * differing / pixels


def measure(name: str) -> dict[str, Deviation]:
    """Every library on a set, MATLAB first."""
    images = [pixels for _, pixels in originals(name)]
    return {library: Deviation(resize, images) for library, resize in {"MATLAB": matlab, **PEERS, **TABLED}.items()}


def signed(gap: float, digits: int) -> str:
    """A difference; nothing is neither more nor less."""
    text = f"{gap:+.{digits}f}"
    return text if float(text) else text[1:]


def table(results: dict[str, dict[str, Deviation]]) -> str:
    """One Markdown table for each set."""
    heads = [*(f"x{scale}, dB" for scale in SCALES), "largest", "largest inside", "8-bit, inside"]
    lines = []
    for name, found in results.items():
        lines += [f"**{name}**", "", f"| bicubic of | {' | '.join(heads)} |", f"| --- |{' ---: |' * len(heads)}"]
        for library, row in found.items():
            if library == "MATLAB":
                cells = [*(f"{row.psnr[scale]:.2f}" for scale in SCALES), *("",) * 3]
            else:
                cells = [signed(row.psnr[scale] - found["MATLAB"].psnr[scale], 3) for scale in SCALES]
                cells += [f"{row.largest:.2f}", f"{row.inside:.4f}", f"{row.differing:.2f} %"]
            lines.append(f"| {library} | {' | '.join(cells)} |")
        lines.append("")
    versions = ", ".join(f"{package} {version(package)}" for package in PACKAGES)
    lines.append(f"Written by `python benchmarks/deviations.py` with {versions}.")
    return "\n".join(lines) + "\n"


def draw(path: Path, found: dict[str, Deviation]) -> None:
    """The differences of one reduced image as colours, and of the mean PSNR as bars."""
    gt = im2double(modcrop(dict(originals("sample"))[SHOWN], SHOWN_SCALE))
    ours = low(matlab, gt, SHOWN_SCALE)
    figure = Figure(figsize=(11, 5.6), layout="constrained", facecolor=PAPER)
    FigureCanvasAgg(figure)
    grid = figure.add_gridspec(2, len(PEERS) + 1, height_ratios=(1.05, 1))
    axes = figure.add_subplot(grid[0, 0])
    axes.imshow(ours, cmap="gray", vmin=0, vmax=1)
    axes.set_title(f"MATLAB\n{SHOWN}, reduced by {SHOWN_SCALE}", fontsize=10, color=INK)
    axes.set_axis_off()
    maps = []
    for k, (library, resize) in enumerate(PEERS.items()):
        axes = figure.add_subplot(grid[0, k + 1])
        difference = 255 * (low(resize, gt, SHOWN_SCALE) - ours)
        maps.append(axes.imshow(difference, cmap="RdBu_r", vmin=-STEPS, vmax=STEPS))
        axes.set_title(f"{library}\nup to {np.abs(difference).max():.1f} of 255", fontsize=10, color=INK)
        axes.set_axis_off()
    bar = figure.colorbar(maps[0], ax=figure.axes, location="right", shrink=0.8, extend="both", pad=0.01)
    bar.set_label("minus MATLAB, of 255", color=INK)
    axes = figure.add_subplot(grid[1, :])
    colours = mpl.colormaps["viridis"]([0.15, 0.5, 0.8])
    for k, scale in enumerate(SCALES):
        gaps = [found[library].psnr[scale] - found["MATLAB"].psnr[scale] for library in PEERS]
        bars = axes.bar(np.arange(len(PEERS)) + 0.26 * (k - 1), gaps, 0.24, color=colours[k], label=f"x{scale}")
        axes.bar_label(bars, [signed(gap, 2) for gap in gaps], fontsize=9, padding=2, color=INK)
    axes.axhline(0, color=INK, linewidth=0.8)
    axes.set_xticks(range(len(PEERS)), list(PEERS))
    axes.set_ylabel("dB")
    axes.set_title("PSNR of bicubic on the set sample, reduced and enlarged by the library, minus MATLAB's",
                   fontsize=10, color=INK)  # fmt: skip
    axes.spines[["top", "right"]].set_visible(False)
    axes.margins(y=0.15)
    axes.legend(frameon=False, ncols=3)
    figure.savefig(path, dpi=140)


def main() -> None:
    """Measure, print and write."""
    results = {}
    for name in ("sample", "Set5"):
        try:
            results[name] = measure(name)
        except VdsrError as error:
            print(f"left out: {error}")
    text = table(results)
    print(text)
    (DOCS / "deviations.md").write_text(text, encoding="utf-8")
    draw(DOCS / "deviations.png", results["sample"])
    print(f"wrote {DOCS / 'deviations.md'} and deviations.png")


if __name__ == "__main__":
    main()
