"""How the values of gt and of the residual are spread, by a bounded random sample of the pairs of a file.

Values are counted some at a time, so that memory does not grow with an image.
"""

from dataclasses import dataclass, field
from itertools import pairwise
from typing import Any

import numpy as np
from numpy.typing import NDArray
from rich.table import Table

from vdsr_data.interop.pairs import Pairs

__all__ = ["Spread", "spread", "table"]

PAIRS, PIXELS = 1024, 2**22  # at most, but for a single image that is larger
LUMA = np.linspace(0, 1, 11)
STEPS = (0, 0.5, 1, 2, 4, 8, 16, 32, 64, 128, np.inf)  # of 255
BAR = 16  # characters
EIGHTHS = " ▏▎▍▌▋▊▉█"


@dataclass(frozen=True)
class Spread:
    """Shares of the values of gt, and of \\|gt - lr|, in each of ten intervals, and what else is said of them."""

    gt: NDArray[np.float64]
    residual: NDArray[np.float64]
    sample: str
    summary: str


@dataclass
class _Tally:
    """Counts and sums of the values that were added."""

    size: int = 0
    outside: int = 0
    gt: NDArray[Any] = field(default_factory=lambda: np.zeros(len(LUMA) - 1))
    residual: NDArray[Any] = field(default_factory=lambda: np.zeros(len(STEPS) - 1))
    gt_ends: list[float] = field(default_factory=list)
    residual_ends: list[float] = field(default_factory=list)
    gt_sum: float = 0
    residual_sum: float = 0
    squares: float = 0

    @np.errstate(invalid="ignore", over="ignore")  # of infinite values
    def add(self, lr: NDArray[Any], gt: NDArray[Any]) -> None:
        residual = np.abs(gt - lr, dtype=np.float64)
        self.size += gt.size
        self.outside += int(np.count_nonzero(~((gt >= 0) & (gt <= 1))))
        self.gt += _counts(gt, LUMA)
        self.residual += _counts(residual * 255, np.array(STEPS))
        self.gt_ends += [float(gt.min()), float(gt.max())]
        self.residual_ends += [float(residual.min()), float(residual.max())]
        self.gt_sum += float(gt.sum(dtype=np.float64))
        self.residual_sum += float(residual.sum())
        self.squares += float((residual**2).sum())


def spread(pairs: Pairs, *, seed: int = 0) -> Spread:
    """Read at most 1,024 pairs and four million pixels, chosen at random, and count; `pairs` must not be empty.

    Raises
    ------
    VdsrError
        If the file is damaged.
    """
    order = np.random.default_rng(seed).permutation(len(pairs)).tolist()
    tally, count = _Tally(), 0
    if pairs.shape:
        chosen = sorted(order[: max(1, min(PAIRS, PIXELS // (pairs.shape[0] * pairs.shape[1])))])
        lr, gt = (np.stack(patches) for patches in zip(*pairs.read(chosen), strict=True))
        tally.add(lr, gt)
        count = len(chosen)
    else:
        while order and tally.size < PIXELS and count < PAIRS:
            for lr, gt in pairs.bands(order.pop())[1]:
                tally.add(lr, gt)
            count += 1
    sample = f"{count:,} of {len(pairs):,} pairs, at random" if count < len(pairs) else f"all {count:,} pairs"
    with np.errstate(divide="ignore", invalid="ignore"):
        psnr = -10 * np.log10(np.float64(tally.squares / tally.size))
    summary = (
        f"gt {_range(tally.gt_ends)}, mean {tally.gt_sum / tally.size:.3f}; "
        f"|gt - lr| {_range(tally.residual_ends)}, mean {tally.residual_sum / tally.size:.4f}; PSNR of lr {psnr:.2f} dB"
    )
    if tally.outside:
        summary += f"; {tally.outside / tally.size:.2%} of gt not in [0, 1]"
    return Spread(tally.gt / tally.size, tally.residual / tally.size, sample, summary)


def table(found: Spread, *, blocks: bool) -> Table:
    """Lay both histograms out side by side, 77 characters wide; with `blocks` in eighths of a character, else ASCII."""
    grid = Table.grid(padding=(0, 2, 0, 0))
    for style in ("dim", "cyan", "") * 2:
        grid.add_column(style=style, no_wrap=True, justify="left" if style else "right")
    grid.add_row("gt", "", "", "|gt - lr| x 255", "", "")
    names = [f"{low:.1f} to {high:.1f}" for low, high in pairwise(LUMA)]
    steps = [f"{low:g} to {high:g}" for low, high in pairwise(STEPS[:-1])] + [f"{STEPS[-2]:g} or more"]
    most, largest = found.gt.max() or 1, found.residual.max() or 1
    for name, share, step, size in zip(names, found.gt, steps, found.residual, strict=True):
        grid.add_row(
            name, _bar(share / most, blocks), f"{share:.1%}",
            step, _bar(size / largest, blocks), f"{size:.1%}",
        )  # fmt: skip
    return grid


def _counts(values: NDArray[Any], edges: NDArray[np.float64]) -> NDArray[np.intp]:
    return np.histogram(values[np.isfinite(values)], edges)[0]


def _range(ends: list[float]) -> str:
    return f"{np.min(ends):.3f} to {np.max(ends):.3f}"


def _bar(share: float, blocks: bool) -> str:
    """A bar of up to `BAR` characters; what is not nothing shows."""
    if not share > 0:
        return " " * BAR
    if not blocks:
        return ("#" * max(round(share * BAR), 1)).ljust(BAR)
    full, rest = divmod(max(round(share * BAR * 8), 1), 8)
    return ("█" * full + EIGHTHS[rest]).strip().ljust(BAR)
