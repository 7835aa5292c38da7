"""`imresize` of JAX's floats: inside `jit`, `grad` and `vmap`; in float64 on the CPU the bits of the slow twin."""

from collections.abc import Iterator

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from needs import needs
from reference import random_image, slow_imresize

from vdsr_data import degrade, imresize
from vdsr_data.limits import BOUNDARIES, RESIZE_METHODS, TENSOR_LAYOUTS

needs("jax")

import jax  # noqa: E402
from jax.test_util import check_grads  # noqa: E402

BATCH = random_image((2, 3, 9, 7), np.float64)
WAYS = [{"scale": 1 / 2}, {"scale": (3, 0.5), "boundary": "replicate"}, {"size": (13, 4), "method": "lanczos3"}]
each_way = pytest.mark.parametrize("way", WAYS, ids=str)
factors = st.sampled_from([1 / 3, 1 / 2, 0.7, 1.0, 2.0, 3.0])


@pytest.fixture(autouse=True, scope="module")
def doubles() -> Iterator[None]:
    with jax.enable_x64():
        yield


@settings(max_examples=12)
@given(
    rows=st.integers(1, 11),
    columns=st.integers(1, 11),
    scale=st.tuples(factors, factors),
    channels_first=st.booleans(),
    antialias=st.booleans(),
    boundary=st.sampled_from(BOUNDARIES),
    method=st.sampled_from([method for method in RESIZE_METHODS if not method.startswith("lanczos")]),
)
def test_bits_of_jit_are_those_of_the_slow_twin(rows, columns, scale, channels_first, antialias, boundary, method):
    images = random_image((2, rows, columns, 3), np.float64)
    how = {"antialias": antialias, "boundary": boundary, "method": method}
    size = (int(np.ceil(scale[0] * rows)), int(np.ceil(scale[1] * columns)))
    expected = np.stack([slow_imresize(image, scale, size, **how) for image in images])
    layout = "NCHW" if channels_first else "NHWC"
    if channels_first:
        images, expected = images.transpose(0, 3, 1, 2), expected.transpose(0, 3, 1, 2)
    result = jax.jit(lambda x: imresize(x, scale, layout=layout, **how))(images)
    np.testing.assert_array_equal(result, expected)


def test_bits_of_a_larger_batch():
    """Whose loops the compiler makes into vectors."""
    images = random_image((4, 3, 96, 80), np.float64)
    for scale in (1 / 2, 1 / 3, 3, (0.7, 1.3), (2, 1 / 2)):
        result = jax.jit(lambda x, scale=scale: imresize(x, scale, layout="NCHW"))(images)
        assert (np.asarray(result) == imresize(images, scale, layout="NCHW")).all()


def test_infinities_and_nan_spread_as_in_numpy():
    image = random_image((9, 7), np.float64)
    image[2, 2], image[4, 4], image[8, 0] = -np.inf, np.inf, np.nan
    np.testing.assert_array_equal(jax.jit(lambda x: imresize(x, 2))(image), imresize(image, 2))


@each_way
@pytest.mark.parametrize("layout", TENSOR_LAYOUTS)
def test_single_and_half_precision(way: dict, layout: str):
    """Within a few roundings of the largest value, and one of what is returned."""
    images = BATCH if "N" in layout else BATCH[0]
    exact = imresize(images, layout=layout, **way)
    for dtype in ("float32", "float16", "bfloat16"):
        array = jax.numpy.asarray(images).astype(dtype)
        rounded = imresize(np.asarray(array, np.float64), layout=layout, **way)
        for result in (
            imresize(array, layout=layout, **way),
            jax.jit(lambda x: imresize(x, layout=layout, **way))(array),
        ):
            assert result.dtype == dtype
            assert result.shape == exact.shape
            error = np.abs(np.asarray(result, np.float64) - rounded)
            eps = float(jax.numpy.finfo(dtype).eps)
            assert (error <= eps / 2 * np.abs(rounded) + 1e-6 * np.abs(images).max()).all()


@each_way
def test_gradients_are_finite_differences(way: dict):
    for layout in ("NCHW", "NHWC"):
        check_grads(jax.jit(lambda x, k=layout: imresize(x, layout=k, **way)), (BATCH,), order=2, modes=["fwd", "rev"])
    check_grads(lambda x: imresize(x, layout="NCHW", **way), (BATCH.astype(np.float32),), order=1)


@each_way
def test_vmap(way: dict):
    whole = imresize(BATCH, layout="NCHW", **way)
    assert (np.asarray(jax.vmap(lambda x: imresize(x, layout="CHW", **way))(BATCH)) == whole).all()


def test_ten_steps_of_a_training():
    """A kernel learns to give back what it was given, once that is enlarged, filtered and reduced."""
    batch = jax.numpy.asarray(random_image((4, 12, 12, 1), np.float32))

    @jax.jit
    def step(kernel: jax.Array) -> tuple[jax.Array, jax.Array]:
        def loss(kernel: jax.Array) -> jax.Array:
            dimensions = ("NHWC", "HWIO", "NHWC")
            large = imresize(batch, 2, layout="NHWC")
            made = jax.lax.conv_general_dilated(large, kernel, (1, 1), "SAME", dimension_numbers=dimensions)
            return ((imresize(made, 1 / 2, layout="NHWC") - batch) ** 2).mean()

        value, gradient = jax.value_and_grad(loss)(kernel)
        return kernel - 0.4 * gradient, value

    kernel, losses = jax.numpy.full((3, 3, 1, 1), 0.1, "float32"), []
    for _ in range(10):
        kernel, value = step(kernel)
        losses.append(float(value))
    assert losses[-1] < losses[0] / 2


@pytest.mark.parametrize("kind", ["bi", "bi-double", "bd"])
def test_degrade_inside_jit(kind: str):
    expected = np.stack([[degrade(plane, kind, 3) for plane in image] for image in BATCH / 4])
    work = jax.jit(lambda x: degrade(x, kind, 3, layout="NCHW"))
    assert np.abs(np.asarray(work(BATCH / 4)) - expected).max() <= (1e-15 if kind == "bd" else 0)
    check_grads(work, (BATCH / 4,), order=1)


def test_integers_that_are_traced_are_refused():
    with pytest.raises(TypeError, match="jax traces this function; call it on concrete arrays"):
        jax.jit(lambda x: imresize(x, 2))(np.zeros((8, 8), np.uint8))
