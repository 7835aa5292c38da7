"""How the values of gt and of the residual are spread, by a bounded random sample of the pairs of a file."""

from dataclasses import dataclass
from itertools import pairwise
from typing import Any

import numpy as np
from numpy.typing import NDArray
from rich.table import Table

from vdsr_data.pairs import Pairs

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


def spread(pairs: Pairs, *, seed: int = 0) -> Spread:
    """Read at most 1,024 pairs and four million pixels, chosen at random, and count; `pairs` must not be empty.

    Raises
    ------
    VdsrError
        If the file is damaged.
    """
    order = np.random.default_rng(seed).permutation(len(pairs)).tolist()
    if pairs.shape:
        chosen = sorted(order[: max(1, min(PAIRS, PIXELS // (pairs.shape[0] * pairs.shape[1])))])
        found = pairs.read(chosen)
    else:
        found, pixels = [], 0
        while order and pixels < PIXELS and len(found) < PAIRS:
            found += pairs.read([order.pop()])
            pixels += found[-1][0].size
    lr, gt = (np.concatenate([pair[k].ravel() for pair in found]) for k in (0, 1))
    residual = np.abs(gt - lr, dtype=np.float64)
    few = len(found) < len(pairs)
    sample = f"{len(found):,} of {len(pairs):,} pairs, at random" if few else f"all {len(pairs):,} pairs"
    with np.errstate(divide="ignore", invalid="ignore"):
        psnr = -10 * np.log10(np.mean(residual**2))
    summary = (
        f"gt {_range(gt)}, mean {gt.mean(dtype=np.float64):.3f}; |gt - lr| {_range(residual)}, "
        f"mean {residual.mean():.4f}; PSNR of lr {psnr:.2f} dB"
    )
    outside = np.mean(~((gt >= 0) & (gt <= 1)))
    if outside:
        summary += f"; {outside:.2%} of gt not in [0, 1]"
    return Spread(_shares(gt, LUMA), _shares(residual * 255, np.array(STEPS)), sample, summary)


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


def _shares(values: NDArray[Any], edges: NDArray[np.float64]) -> NDArray[np.float64]:
    return np.histogram(values[np.isfinite(values)], edges)[0] / max(values.size, 1)


def _range(values: NDArray[Any]) -> str:
    return f"{values.min():.3f} to {values.max():.3f}"


def _bar(share: float, blocks: bool) -> str:
    """A bar of up to `BAR` characters; what is not nothing shows."""
    if not share > 0:
        return " " * BAR
    if not blocks:
        return ("#" * max(round(share * BAR), 1)).ljust(BAR)
    full, rest = divmod(max(round(share * BAR * 8), 1), 8)
    return ("█" * full + EIGHTHS[rest]).strip().ljust(BAR)
