"""`imresize` of JAX's arrays of floats, traced or on any device; importing this module imports JAX.

float64 is summed one tap after the other, and the compiler is kept from fusing products into sums: on the CPU the bits
are those of `imresize`. Anything else is two products with matrices, in float32: as `jax.image.resize` computes.
"""

from functools import partial

import jax
import jax.numpy as jnp
import numpy as np
from numpy.typing import NDArray

from vdsr_data.matlab.resize import Plan

__all__ = ["resize"]


def resize(
    array: jax.Array,
    view: tuple[int, int, int, int],
    plan: Plan,
    threads: int | None,  # noqa: ARG001 (JAX has its own)
) -> jax.Array:
    """Resize an array seen as (images, rows, columns, channels)."""
    images = array.reshape(view)
    if images.dtype == jnp.float64:
        return _in_order(plan, images)
    return _by_matrices(plan, images.astype(jnp.float32)).astype(images.dtype)


def _by_matrices(plan: Plan, images: jax.Array) -> jax.Array:
    rows, columns = (_matrix(plan, axis).astype(images.dtype) for axis in (0, 1))
    return jnp.einsum("rh,nhwc,sw->nrsc", rows, images, columns, precision="highest")


def _matrix(plan: Plan, axis: int) -> NDArray[np.float64]:
    index, weight = plan.taps(axis)
    matrix = np.zeros((plan.sizes[axis], plan.lengths[axis]))
    np.add.at(matrix, (np.arange(len(index))[:, np.newaxis], index), weight)
    return matrix


@partial(jax.custom_jvp, nondiff_argnums=(0,))
def _in_order(plan: Plan, images: jax.Array) -> jax.Array:
    for axis in plan.order:
        index, weight = plan.taps(axis)
        shape = (1, -1, 1, 1) if axis == 0 else (1, 1, -1, 1)
        total = None
        for tap, factor in zip(index.T, weight.T, strict=True):
            part = _rounded(jnp.take(images, tap, axis=axis + 1) * factor.reshape(shape))
            total = part if total is None else total + part
        images = total
    return images


@_in_order.defjvp  # type: ignore[untyped-decorator]
def _(plan: Plan, primals: tuple[jax.Array], tangents: tuple[jax.Array]) -> tuple[jax.Array, jax.Array]:
    return _in_order(plan, *primals), _by_matrices(plan, *tangents)


def _rounded(product: jax.Array) -> jax.Array:
    """The product itself, by a choice that XLA cannot see through.

    It would make a fused multiply-add, which rounds once, of the product and the sum that follows; neither
    `optimization_barrier` nor `reduce_precision` keeps it from that.
    """
    return jnp.where(product < np.finfo(np.float64).min, -jnp.inf, product)
