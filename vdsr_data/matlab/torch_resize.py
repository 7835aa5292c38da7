"""`imresize` of PyTorch's tensors of floats, with gradients, on any device; importing this module imports PyTorch.

One operator, which PyTorch knows by name: `torch.compile` and `vmap` take it whole, and no compiler gets to reorder its
sums or to fuse its products into them. What it does is linear, so that its gradient is the operator transposed, and the
gradient of that the operator itself.
"""

from collections.abc import Sequence
from functools import lru_cache
from typing import Any, cast

import torch

from vdsr_data.limits import Boundary
from vdsr_data.matlab import _resize_kernels as _kernels
from vdsr_data.matlab.resize import Plan, in_bands

__all__ = ["resize"]

FLOATS = (torch.float16, torch.bfloat16, torch.float32, torch.float64)


def resize(array: torch.Tensor, view: tuple[int, int, int, int], plan: Plan, threads: int | None) -> torch.Tensor:
    """Resize a tensor seen as (images, rows, columns, channels), by default on as many threads as PyTorch has.

    Raises
    ------
    TypeError
        If it is sparse, has no values, or a dtype that is none of the four.
    """
    if array.layout != torch.strided or array.device.type == "meta":
        kind = f"of the layout {array.layout}" if array.layout != torch.strided else "on the device meta"
        raise TypeError(f"imresize needs a tensor whose values lie in memory, got one {kind}")
    if array.dtype not in FLOATS:
        raise TypeError(f"imresize takes tensors of float16, bfloat16, float32 or float64, got {array.dtype}")
    return cast(torch.Tensor, _Resize.apply(array.reshape(view), plan, False, threads or 0))


torch.library.define(
    "vdsr_data::imresize",
    "(Tensor images, SymInt[] lengths, SymInt[] sizes, float[] scales, bool antialias, str boundary, str method, "
    "bool transposed, int threads) -> Tensor",
)
_operator = torch.ops.vdsr_data.imresize.default


@torch.library.impl("vdsr_data::imresize", "CompositeExplicitAutograd")  # type: ignore[untyped-decorator]
def _apply(
    images: torch.Tensor,
    lengths: Sequence[int],
    sizes: Sequence[int],
    scales: Sequence[float],
    antialias: bool,
    boundary: Boundary,
    method: str,
    transposed: bool,
    threads: int,
) -> torch.Tensor:
    (a, b), (c, d), (e, f) = lengths, sizes, scales
    plan = Plan((a, b), (c, d), (e, f), antialias, boundary, method)
    if images.device.type == "cpu":
        return _on_cpu(images, plan, transposed, threads or torch.get_num_threads())
    return _anywhere(images, plan, transposed)


def _on_cpu(images: torch.Tensor, plan: Plan, transposed: bool, threads: int) -> torch.Tensor:
    """By our own kernel, in float64."""
    swapped = plan.order == (1, 0)
    exact = images if images.dtype in {torch.float32, torch.float64} else images.double()
    exact = exact.transpose(1, 2) if swapped else exact
    (index, weight), columns = (plan.taps(axis, transposed) for axis in plan.order)
    result = torch.empty((len(images), len(index), len(columns[0]), images.shape[3]), dtype=exact.dtype)
    source, target = exact.contiguous().numpy(), result.numpy()

    def work(band: slice) -> None:
        if len(source) == 1:  # of its rows, since there is no other image for the other threads
            _kernels.resize_batch(source, index[band], weight[band], *columns, target[:, band])
        else:
            _kernels.resize_batch(source[band], index, weight, *columns, target[band])

    in_bands(work, len(index) if len(source) == 1 else len(source), threads)
    return (result.transpose(1, 2).contiguous() if swapped else result).to(images.dtype)


def _anywhere(images: torch.Tensor, plan: Plan, transposed: bool) -> torch.Tensor:
    """By PyTorch's own products and sums, one tap after the other, in float64 or else float32."""
    dtype = torch.float64 if images.dtype == torch.float64 else torch.float32
    result = images.to(dtype)
    for axis in plan.order:
        index, weight = _tables(plan, axis, transposed, images.device, dtype)
        source, result = result, None
        for tap, factor in zip(index, weight, strict=True):
            part = source.index_select(axis + 1, tap) * factor
            result = part if result is None else result + part
    return result.to(images.dtype)


@lru_cache(64)
def _tables(
    plan: Plan, axis: int, transposed: bool, device: torch.device, dtype: torch.dtype
) -> tuple[torch.Tensor, torch.Tensor]:
    """Indices (taps, pixels), and weights that broadcast over (images, rows, columns, channels), on the device."""
    index, weight = (torch.tensor(table.T, device=device) for table in plan.taps(axis, transposed))
    shape = (len(weight), 1, -1, 1, 1) if axis == 0 else (len(weight), 1, 1, -1, 1)
    return index, weight.to(dtype).reshape(shape)


@torch.library.register_fake("vdsr_data::imresize")  # type: ignore[untyped-decorator]
def _(images: torch.Tensor, lengths: Sequence[int], sizes: Sequence[int], *how: Any) -> torch.Tensor:
    rows, columns = lengths if how[-2] else sizes
    return images.new_empty((images.shape[0], rows, columns, images.shape[3]))


@torch.library.register_vmap("vdsr_data::imresize")  # type: ignore[untyped-decorator]
def _(info: Any, in_dims: tuple[int, ...], images: torch.Tensor, *how: Any) -> tuple[torch.Tensor, int]:  # noqa: ARG001
    batch = images.movedim(in_dims[0], 0)
    return _operator(batch.flatten(0, 1), *how).unflatten(0, batch.shape[:2]), 0


class _Resize(torch.autograd.Function):  # type: ignore[misc]
    """The operator with its derivatives, for autograd and for `torch.func`, which wants them in this form."""

    generate_vmap_rule = True

    @staticmethod
    def forward(images: torch.Tensor, plan: Plan, transposed: bool, threads: int) -> torch.Tensor:
        return _operator(images, *plan, transposed, threads)

    @staticmethod
    def setup_context(ctx: Any, inputs: tuple[Any, ...], output: torch.Tensor) -> None:  # noqa: ARG004 (PyTorch's)
        ctx.how = inputs[1:]

    @staticmethod
    def backward(ctx: Any, gradient: torch.Tensor) -> tuple[Any, ...]:
        plan, transposed, threads = ctx.how
        return _Resize.apply(gradient, plan, not transposed, threads), None, None, None
