"""`imresize` of batches of patches beside what people call inside a training: on the CPU, one thread, float32.

`--write` puts the table into docs/how-to/resize-inside-a-training.md. ResizeRight and bicubic-pytorch are measured
where they are installed (`pip install '.[bench]'`).
"""

import os

os.environ["OMP_NUM_THREADS"] = "1"

import argparse
import platform
import statistics
from collections.abc import Callable, Iterator
from importlib.metadata import version
from pathlib import Path
from typing import Any

import torch
from arrays import FACTORS
from contest import Row, processor
from torch.nn.functional import interpolate

from vdsr_data import imresize
from vdsr_data.matlab.resize import Plan
from vdsr_data.matlab.torch_resize import _anywhere

PAGE = Path(__file__).resolve().parents[1] / "docs" / "how-to" / "resize-inside-a-training.md"
ERRORS = "<!-- errors: written by benchmarks/tensors.py -->", "<!-- end of errors -->"
MARKS = "<!-- written by benchmarks/tensors.py -->", "<!-- end -->"
SHAPES = ((64, 3, 96, 96), (64, 1, 41, 41))
PACKAGES = ("torch", "resize-right", "bicubic-pytorch", "numba")
HEAD = ("batch, factor, way", "ours, ms", "interpolate, antialias", "ResizeRight", "bicubic-pytorch")
TARGETS = {"interpolate": 1.0, "ResizeRight": 5.0, "bicubic-pytorch": 5.0}
Resize = Callable[[torch.Tensor], torch.Tensor]


def resizers(factor: float) -> Iterator[tuple[str, Resize]]:
    """Ours and what is installed."""
    yield "ours", lambda batch: imresize(batch, factor, layout="NCHW")
    yield "interpolate", lambda batch: interpolate(batch, scale_factor=factor, mode="bicubic", antialias=True)
    try:
        from resize_right import resize as resize_right

        yield "ResizeRight", lambda batch: resize_right(batch, factor)
    except ImportError:
        pass
    try:
        from bicubic_pytorch.core import imresize as bicubic_pytorch

        yield "bicubic-pytorch", lambda batch: bicubic_pytorch(batch, factor)
    except ImportError:
        pass


def forward(resize: Resize, batch: torch.Tensor) -> object:
    """The batch resized."""
    with torch.no_grad():
        return resize(batch)


def both_ways(resize: Resize, batch: torch.Tensor) -> object:
    """The gradient of the result's sum of squares, which takes no time itself."""
    result = resize(batch)
    return torch.autograd.grad(result, batch, result.detach())


def rows(rounds: int) -> Iterator[Row]:
    """A row for each batch, factor and way."""
    for shape in SHAPES:
        batch = torch.rand(shape, requires_grad=True)
        for label, factor in FACTORS.items():
            for name, way in (("forward", forward), ("and backward", both_ways)):
                works: dict[str, Any] = {
                    who: (lambda r=resize, w=way, b=batch: w(r, b)) for who, resize in resizers(factor)
                }
                ours = works.pop("ours")
                peers = {who: (work, TARGETS[who]) for who, work in works.items()}
                yield Row(f"{' x '.join(map(str, shape))}, {label}, {name}", ours, peers, rounds)


def cells(row: Row) -> list[str]:
    """Ours in milliseconds, and how many times as long each peer takes."""
    ours = row.median("ours")
    ratios = {name: statistics.median(row.seconds[name]) * 1e3 / ours for name in row.peers}
    return [row.what, f"{ours:.2f}", *(f"{ratios[name]:.1f}" if name in ratios else "" for name in TARGETS)]


def errors() -> Iterator[str]:
    """How far values are from float64's: PyTorch's, also by what runs on other devices, and JAX's."""
    import jax

    yield "Largest differences from float64, of random images in [0, 1] at the six factors of the table below:"
    yield ""
    yield "| dtype | PyTorch on the CPU | PyTorch elsewhere | JAX inside `jit` |"
    yield "| --- | --- | --- | --- |"
    exact = torch.rand(8, 3, 48, 48, dtype=torch.float64)
    for dtype in ("float32", "float16", "bfloat16"):
        batch = exact.to(getattr(torch, dtype))
        array = jax.numpy.asarray(batch.float().numpy()).astype(dtype)
        found = []
        for factor in FACTORS.values():
            want = imresize(batch.double(), factor, layout="NCHW")
            plan = Plan((48, 48), (want.shape[2], want.shape[3]), (factor, factor), True, "symmetric", "bicubic")
            traced = jax.jit(lambda x, k=factor: imresize(x, k, layout="NCHW"))(array)
            results = (
                imresize(batch, factor, layout="NCHW"),
                _anywhere(batch.permute(0, 2, 3, 1), plan, False).permute(0, 3, 1, 2),
                torch.from_numpy(traced.astype("float32").__array__().copy()),
            )
            found.append([float((result.double() - want).abs().max()) for result in results])
        yield f"| {dtype} | {' | '.join(f'{max(column):.1e}' for column in zip(*found, strict=True))} |"


def put(page: str, marks: tuple[str, str], lines: list[str]) -> str:
    """The page with these lines between its marks."""
    before, _, rest = page.partition(marks[0])
    return before + "\n".join([marks[0], *lines, "", marks[1]]) + rest.partition(marks[1])[2]


def main() -> None:
    """Measure, print, and write the page if asked."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--write", action="store_true")
    parser.add_argument("--rounds", type=int, default=15)
    arguments = parser.parse_args()
    torch.set_num_threads(1)
    lines = [f"| {' | '.join(line)} |" for line in (HEAD, ["---"] * len(HEAD))]
    for row in rows(arguments.rounds):
        row.measure()
        lines.append(f"| {' | '.join(cells(row))} |")
        print(lines[-1], flush=True)
    if arguments.write:
        packages = ", ".join(
            f"{name} {version(name)}" for name in ("torch", "resize-right", "bicubic-pytorch", "numba")
        )
        machine = f"{processor()[0]}, one thread, Python {platform.python_version()}, {packages}"
        page = put(PAGE.read_text(encoding="utf-8"), MARKS, [f"On {machine}:", "", *lines])
        PAGE.write_text(put(page, ERRORS, list(errors())), encoding="utf-8")


if __name__ == "__main__":
    main()
