"""`imresize` of batches of patches beside what people call inside a training: on the CPU, one thread, float32.

`--write` puts the table into docs/how-to/resize-inside-a-training.md. ResizeRight and bicubic-pytorch are measured
where they are installed (`pip install '.[bench]'`).
"""

import os

os.environ["OMP_NUM_THREADS"] = "1"

import argparse
import platform
from collections.abc import Callable, Iterator
from functools import partial
from importlib.metadata import version
from itertools import chain
from pathlib import Path

import torch
from arrays import FACTORS
from contest import Row, Work, processor
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
PEERS = ("interpolate", "ResizeRight", "bicubic-pytorch")
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


def lines(rounds: int) -> Iterator[list[str]]:
    """For each batch, factor and way: ours in milliseconds, and how many times as long each peer takes."""
    for shape in SHAPES:
        batch = torch.rand(shape, requires_grad=True)
        for label, factor in FACTORS.items():
            for name, way in (("forward", forward), ("and backward", both_ways)):
                works: dict[str, Work] = {who: partial(way, resize, batch) for who, resize in resizers(factor)}
                ours, near = works.pop("ours"), works.pop("interpolate")
                what = f"{' x '.join(map(str, shape))}, {label}, {name}"
                close = Row(what, ours, {"interpolate": (near, 1.0)}, rounds)
                far = Row(what, ours, {who: (work, 5.0) for who, work in works.items()}, max(rounds // 5, 3))
                for row in (close, far):  # the others take seconds
                    row.measure()
                ratios = {cells[2]: cells[4] for row in (close, far) for cells in row.cells()}
                yield [what, f"{close.median('ours'):.2f}", *(ratios.get(who, "") for who in PEERS)]


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


def put(page: str, marks: tuple[str, str], text: list[str]) -> str:
    """The page with these lines between its marks."""
    before, _, rest = page.partition(marks[0])
    return before + "\n".join([marks[0], *text, "", marks[1]]) + rest.partition(marks[1])[2]


def main() -> None:
    """Measure, print, and write the page if asked."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--write", action="store_true")
    parser.add_argument("--rounds", type=int, default=15)
    arguments = parser.parse_args()
    torch.set_num_threads(1)
    table = []
    for cells in chain([HEAD, ["---"] * len(HEAD)], lines(arguments.rounds)):
        table.append(f"| {' | '.join(cells)} |")
        print(table[-1], flush=True)
    if arguments.write:
        packages = ", ".join(
            f"{name} {version(name)}" for name in ("torch", "resize-right", "bicubic-pytorch", "numba")
        )
        machine = f"{processor()[0]}, one thread, Python {platform.python_version()}, {packages}"
        page = put(PAGE.read_text(encoding="utf-8"), MARKS, [f"On {machine}:", "", *table])
        PAGE.write_text(put(page, ERRORS, list(errors())), encoding="utf-8")


if __name__ == "__main__":
    main()
