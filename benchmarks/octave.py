"""Where GNU Octave and its image package have MATLAB's values: writes the tables of docs/how-to/octave.md.

    python benchmarks/octave.py Set5        # a folder, or a name; needs `apt install octave octave-image`

"MATLAB" is this toolkit, which has its values.
"""

import argparse
import subprocess
import tempfile
from collections.abc import Iterable, Iterator
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray
from scipy.io import loadmat, savemat

from vdsr_data import (
    fspecial,
    im2double,
    imfilter,
    imresize,
    luma,
    modcrop,
    open_set,
    rgb2ycbcr,
    write_image,
    ycbcr2rgb,
)
from vdsr_eval import evaluate, psnr

DOCS = Path(__file__).resolve().parents[1] / "docs"
PAGE, SCRIPTS = DOCS / "how-to" / "octave.md", DOCS / "octave"
MARKS = "<!-- written by benchmarks/octave.py -->", "<!-- end -->"
SCALES = (2, 3, 4)
FACTORS = ("1/2", "1/3", "1/4", "2", "3", "4", "0.4", "0.6", "0.7", "0.9", "1.5")
OTHERS: dict[str, dict[str, Any]] = {  # what Octave is told, and the toolkit
    "[100 133]": {"size": (100, 133)},
    "1/3, 'Antialiasing', false": {"scale": 1 / 3, "antialias": False},
    "1/3, 'bilinear'": {"scale": 1 / 3, "method": "bilinear"},
    "1/3, 'box'": {"scale": 1 / 3, "method": "box"},
}

Plane = NDArray[Any]


def octave(program: str, **given: Any) -> dict[str, Any]:
    """The variables that a program of Octave's leaves; those given it has, and the scripts of docs/octave."""
    with tempfile.TemporaryDirectory() as folder:
        before, after = Path(folder, "before.mat"), Path(folder, "after.mat")
        savemat(before, given)
        code = f"pkg load image; load('{before}'); {program}; save('-v7', '{after}');"
        command = ["octave-cli", "--norc", "--no-history", "--quiet", "--path", str(SCRIPTS), "--eval", code]
        ran = subprocess.run(command, capture_output=True, text=True, check=False)
        if ran.returncode:
            raise RuntimeError(f"Octave: {ran.stderr.strip()}")
        return loadmat(after)


def versions() -> str:
    """Of Octave and its image package."""
    found = octave("a = version; b = pkg('describe', 'image'){1}.version")
    return f"GNU Octave {found['a'][0]}, image package {found['b'][0]}"


class Gap:
    """How far some arrays are from MATLAB's: the largest difference, and the share of unequal values."""

    def __init__(self) -> None:
        self.largest = 0.0
        self.unequal = self.count = 0

    def add(self, theirs: Plane, matlab: Plane) -> None:
        """Compare two arrays of one shape."""
        assert theirs.shape == matlab.shape
        gaps = np.abs(theirs.astype(np.float64) - matlab)
        self.largest = max(self.largest, float(gaps.max()))
        self.unequal += int(np.count_nonzero(gaps))
        self.count += gaps.size

    def floats(self) -> str:
        """The largest difference."""
        return f"{self.largest:.0e}" if self.largest else "0"

    def integers(self) -> str:
        """How many differ, and by how many steps."""
        return f"{100 * self.unequal / self.count:.2g} %, up to {self.largest:.0f}" if self.unequal else "0"


def resizing(lumas: list[Plane]) -> dict[str, tuple[Gap, Gap, Gap, Gap]]:
    """Floats and 8 bits by Octave's imresize, then both by imresize_as_matlab, which takes factors only."""
    calls = {call: {"scale": eval(call)} for call in FACTORS} | OTHERS
    found = {call: (Gap(), Gap(), Gap(), Gap()) for call in calls}
    program = "f = im2double(y);"
    for k, call in enumerate(calls):
        for n, function in enumerate(("imresize", "imresize_as_matlab")[: 1 + (call in FACTORS)]):
            program += f"f{n}_{k} = {function}(f, {call}); u{n}_{k} = {function}(y, {call});"
    for y in lumas:
        theirs = octave(program, y=y)
        for k, (call, options) in enumerate(calls.items()):
            matlab = imresize(im2double(y), **options), imresize(y, **options)
            for n in range(1 + (call in FACTORS)):
                found[call][2 * n].add(theirs[f"f{n}_{k}"], matlab[0])
                found[call][2 * n + 1].add(theirs[f"u{n}_{k}"], matlab[1])
    return found


def functions(images: list[Plane]) -> dict[str, Gap]:
    """Other functions, of colour images."""
    blur = fspecial("gaussian", 7, 1.6)
    program = """f = im2double(a); y = rgb2ycbcr(a); fy = rgb2ycbcr(f); r = ycbcr2rgb(y); fr = ycbcr2rgb(fy);
        g = fspecial('gaussian', 7, 1.6); m = imfilter(a, g, 'replicate'); p = psnr(y(:, :, 1), y(:, :, 2));"""
    names = (
        "im2double", "rgb2ycbcr, 8 bits, luma", "rgb2ycbcr, 8 bits, chroma", "rgb2ycbcr, floats, luma",
        "rgb2ycbcr, floats, chroma", "ycbcr2rgb, 8 bits", "ycbcr2rgb, floats", "psnr", "fspecial('gaussian', 7, 1.6)",
        "imfilter, 8 bits, 'replicate'",
    )  # fmt: skip
    gaps = {name: Gap() for name in names}
    for a in images:
        theirs, f = octave(program, a=a), im2double(a)
        y, fy = rgb2ycbcr(a), rgb2ycbcr(f)
        pairs = (
            (theirs["f"], f),
            (theirs["y"][..., 0], y[..., 0]), (theirs["y"][..., 1:], y[..., 1:]),
            (theirs["fy"][..., 0], fy[..., 0]), (theirs["fy"][..., 1:], fy[..., 1:]),
            (theirs["r"], ycbcr2rgb(theirs["y"])), (theirs["fr"], ycbcr2rgb(theirs["fy"])),
            (theirs["p"], np.array([[psnr(theirs["y"][..., 0], theirs["y"][..., 1], data_range=255)]])),
            (theirs["g"], blur), (theirs["m"], imfilter(a, blur, boundary="replicate")),
        )  # fmt: skip
        for gap, pair in zip(gaps.values(), pairs, strict=True):
            gap.add(*pair)
    return gaps


def bicubic_rows(images: dict[str, Plane]) -> Iterator[tuple[str, ...]]:
    """The bicubic rows of tables by MATLAB and by Octave, PSNR / SSIM, and the largest difference of an image."""
    rows: list[list[str]] = [[], [], []]
    with tempfile.TemporaryDirectory() as folder:
        for name, pixels in images.items():
            write_image(Path(folder, f"{name}.png"), pixels)
        for scale in SCALES:
            matlab = np.array([(one.psnr, one.ssim) for one in evaluate(folder, scales=scale, protocols="paper")])
            theirs = octave(f"scores = bicubic('{folder}', {scale})")["scores"]
            for row, values in zip(rows[:2], (matlab.mean(axis=0), theirs.mean(axis=0)), strict=True):
                row.append("{:.4f} / {:.4f}".format(*values))
            rows[2].append("{:.0e} / {:.0e}".format(*np.abs(matlab - theirs).max(axis=0)))
    labels = "`paper`, MATLAB", "`paper`, `bicubic.m`", "the most that an image differs"
    yield from ((label, *row) for label, row in zip(labels, rows, strict=True))


def rcan_rows(images: dict[str, Plane]) -> Iterator[tuple[str, ...]]:
    """PSNR of 8-bit colour images that are reduced and enlarged: luma that is not rounded, without a border."""
    for function in ("", "imresize", "imresize_as_matlab"):
        cells = []
        for scale in SCALES:
            decibels = []
            for pixels in images.values():
                gt = modcrop(pixels, scale)
                if function:
                    sr = octave(f"sr = {function}({function}(a, 1/{scale}), {scale})", a=gt)["sr"]
                else:
                    sr = imresize(imresize(gt, 1 / scale), scale)
                inner = np.s_[scale:-scale, scale:-scale, 0]
                x, y = (rgb2ycbcr(im2double(image))[inner] for image in (sr, gt))
                decibels.append(psnr(x, y, data_range=1))
            cells.append(f"{np.mean(decibels):.4f}")
        yield (f"`rcan`, {f'`{function}`' if function else 'MATLAB'}", *cells)


def stripes(lumas: list[Plane]) -> str:
    """What becomes of an image of one grey, and of photographs, at factors that are not whole."""
    cells = []
    for factor in ("0.9", "0.8", "0.7", "0.6", "0.5"):
        values = octave(f"g = imresize(uint8(200 * ones(840, 840)), {factor});")["g"]
        cells.append(f"{values.min()} to {values.max()} at {factor}")
    decibels = []
    for y in lumas:
        f = im2double(y)
        theirs = octave("f = imresize(imresize(f, 0.6), size(f));", f=f)["f"]
        decibels.append([psnr(f, sr, data_range=1) for sr in (theirs, imresize(imresize(f, 0.6), size=f.shape))])
    mean = np.mean(decibels, axis=0)
    return (
        f"A flat image, 200 everywhere, becomes {', '.join(cells)}. Photographs reduced by 0.6 and enlarged again, "
        f"in floats, have {mean[0]:.2f} dB instead of {mean[1]:.2f}.\n"
    )


def table(heads: Iterable[str], rows: Iterable[Iterable[str]]) -> list[str]:
    """Lines of Markdown."""
    heads = tuple(heads)
    return [f"| {' | '.join(cells)} |" for cells in (heads, ("---",) * len(heads), *rows)] + [""]


def tables(name: str) -> str:
    """All of the page's."""
    images = dict(open_set(name))
    colour = {image: pixels for image, pixels in images.items() if pixels.ndim == 3}
    lines = [f"On {Path(name).name} ({versions()}):", ""]
    lumas = [modcrop(luma(pixels), 12) for pixels in images.values()]
    shown = (Gap.floats, Gap.integers) * 2
    lines += table(("`imresize(a, ...)`", "floats", "8 bits", "`imresize_as_matlab`, floats", "8 bits"), (
        (f"`{call}`", *(show(gap) if gap.count else "" for show, gap in zip(shown, gaps, strict=True)))
        for call, gaps in resizing(lumas).items()
    ))  # fmt: skip
    lines += [stripes(lumas), "Bicubic rows of tables, PSNR / SSIM:", ""]
    lines += table(("", *(f"x{scale}" for scale in SCALES)), (*bicubic_rows(images), *rcan_rows(colour)))
    lines += ["Other functions:", "", *table(("function", "difference"), (
        (f"`{call}`", shown["8 bits" in call](gap)) for call, gap in functions([*colour.values()]).items()
    ))]  # fmt: skip
    return "\n".join(lines)


def main() -> None:
    """Measure, print, and write the page."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("set")
    text = tables(parser.parse_args().set)
    print(text)
    before, _, rest = PAGE.read_text(encoding="utf-8").partition(MARKS[0])
    PAGE.write_text(f"{before}{MARKS[0]}\n{text}{MARKS[1]}{rest.partition(MARKS[1])[2]}", encoding="utf-8")


if __name__ == "__main__":
    main()
