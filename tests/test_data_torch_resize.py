"""`imresize` of PyTorch's floats: the bits of the slow twin, gradients, batches, compilers; `degrade` likewise."""

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from needs import needs
from reference import random_image, slow_imresize

from vdsr_data import ArgumentError, degrade, imresize
from vdsr_data.limits import BOUNDARIES, RESIZE_METHODS, TENSOR_LAYOUTS

needs("torch")

import torch  # noqa: E402

from vdsr_data.matlab import torch_resize  # noqa: E402
from vdsr_data.matlab.resize import Plan  # noqa: E402

WAYS = [
    {"scale": 1 / 2},
    {"scale": 1 / 3, "boundary": "replicate"},
    {"scale": (3, 0.5)},
    {"scale": (1 / 3, 2)},
    {"size": (13, 4), "method": "lanczos3"},
    {"scale": 1 / 3, "method": "nearest"},
    {"scale": 0.7, "antialias": False},
]
each_way = pytest.mark.parametrize("way", WAYS, ids=str)
BATCH = torch.from_numpy(random_image((2, 3, 9, 7), np.float64))
factors = st.sampled_from([1 / 4, 1 / 3, 1 / 2, 0.7, 1.0, 1.5, 2.0, 3.0, 4.0])


def nchw(batch: torch.Tensor, way: dict) -> torch.Tensor:
    return imresize(batch, layout="NCHW", **way)


def placed(images: np.ndarray, layout: str) -> np.ndarray:
    """Images (N, H, W, C) in a layout, the first of them where that has one."""
    source = images if "N" in layout else images[0]
    return np.einsum(f"{'NHWC'[-source.ndim :]}->{layout}", source)


@settings(max_examples=80)
@given(
    rows=st.integers(1, 11),
    columns=st.integers(1, 11),
    scale=st.tuples(factors, factors),
    layout=st.sampled_from(TENSOR_LAYOUTS),
    dtype=st.sampled_from([np.float32, np.float64]),
    antialias=st.booleans(),
    boundary=st.sampled_from(BOUNDARIES),
    method=st.sampled_from(RESIZE_METHODS),
    threads=st.sampled_from([None, 1, 3]),
)
def test_bits_are_those_of_the_slow_twin(rows, columns, scale, layout, dtype, antialias, boundary, method, threads):
    images = random_image((2, rows, columns, 3), dtype)
    how = {"antialias": antialias, "boundary": boundary, "method": method}
    size = (int(np.ceil(scale[0] * rows)), int(np.ceil(scale[1] * columns)))
    expected = placed(np.stack([slow_imresize(image, scale, size, **how) for image in images]), layout)
    tensor = torch.from_numpy(placed(images, layout).copy()).requires_grad_()
    result = imresize(tensor, scale, layout=layout, threads=threads, **how)
    assert result.dtype == tensor.dtype
    arrays = imresize(tensor.detach().numpy(), scale, layout=layout, threads=threads, **how)  # take a layout too
    assert (result.detach().numpy() == arrays).all()
    if method.startswith("lanczos"):  # whose sines the twin leaves to C
        np.testing.assert_allclose(arrays, expected, rtol=0, atol=8 * np.finfo(dtype).eps)
    else:
        assert (arrays == expected).all()


@each_way
@pytest.mark.parametrize("dtype", [torch.float16, torch.bfloat16])
def test_halves_are_rounded_once_from_float64(way: dict, dtype: torch.dtype):
    images = BATCH.to(dtype)
    exact = nchw(images.double(), way)
    result = nchw(images, way)
    assert result.dtype == dtype
    step = torch.finfo(dtype).eps / 2 * (1 + 1e-6)  # that PyTorch converts by way of float32
    assert ((result.double() - exact).abs() <= step * exact.abs().clamp(min=2.0**-14)).all()


@each_way
def test_gradients_are_finite_differences(way: dict):
    batch = BATCH[:1].clone().requires_grad_()
    assert torch.autograd.gradcheck(lambda x: nchw(x, way), batch)
    assert torch.autograd.gradgradcheck(lambda x: nchw(x, way), batch)


@each_way
def test_the_transpose_is_that_of_the_whole_matrix(way: dict):
    """<A x, y> = <x, A' y>, where the result of x's every unit vector is a column of A."""
    units = torch.eye(63, dtype=torch.float64).reshape(63, 1, 9, 7)
    matrix = nchw(units, way).reshape(63, -1).T
    batch = BATCH[:1, :1].clone().requires_grad_()
    result = nchw(batch, way)
    weights = torch.from_numpy(random_image(tuple(result.shape), np.float64, seed=1))
    (gradient,) = torch.autograd.grad(result, batch, weights)
    torch.testing.assert_close(gradient.ravel(), matrix.T @ weights.ravel(), rtol=0, atol=1e-14)


@each_way
def test_other_devices_have_the_same_bits_in_float64(way: dict):
    """By what runs there, here on the CPU; in float32 it sums in float32."""
    shape = tuple(nchw(BATCH, way).shape[2:])
    scales = way.get("scale", (shape[0] / 9, shape[1] / 7))
    scales = scales if isinstance(scales, tuple) else (scales, scales)
    method = way.get("method", "bicubic")
    plan = Plan(
        (9, 7), shape, scales, way.get("antialias", method != "nearest"), way.get("boundary", "symmetric"), method
    )
    images = BATCH.permute(0, 2, 3, 1)
    exact = torch_resize._on_cpu(images, plan, False, 1)
    assert (exact.permute(0, 3, 1, 2) == nchw(BATCH, way)).all()
    assert (torch_resize._anywhere(images, plan, False) == exact).all()
    gradient = torch_resize._on_cpu(exact, plan, True, 1)
    torch.testing.assert_close(torch_resize._anywhere(exact, plan, True), gradient, rtol=0, atol=1e-14)
    single = torch_resize._anywhere(images.float(), plan, False)
    assert (single - exact).abs().max() < 1e-6 * BATCH.abs().max()
    torch.library.opcheck(torch_resize._operator, (images, *plan, False, 1))


@each_way
def test_vmap_and_gradients_of_each_image(way: dict):
    whole = nchw(BATCH, way)
    assert (torch.func.vmap(lambda x: imresize(x, layout="CHW", **way))(BATCH) == whole).all()
    last = torch.func.vmap(lambda x: imresize(x, layout="CHW", **way), in_dims=3, out_dims=3)(BATCH.permute(1, 2, 3, 0))
    assert (last == whole.permute(1, 2, 3, 0)).all()
    energy = torch.func.grad(lambda x: (imresize(x, layout="CHW", **way) ** 2).sum())
    batch = BATCH.clone().requires_grad_()
    (expected,) = torch.autograd.grad((nchw(batch, way) ** 2).sum(), batch)
    torch.testing.assert_close(torch.func.vmap(energy)(BATCH), expected, rtol=0, atol=1e-13)


@pytest.mark.slow
@pytest.mark.filterwarnings("ignore")
def test_torch_compile_takes_it_whole():
    def work(x: torch.Tensor, scale: float | tuple[float, float]) -> torch.Tensor:
        return degrade(imresize(2 * x, scale, layout="NCHW") + 1, "bd", 2, layout="NCHW")

    cases = [
        ("inductor", 2, (2, 3, 9, 7)),
        ("aot_eager", 1 / 2, (2, 3, 9, 7)),
        ("aot_eager", (1 / 3, 2), (3, 1, 31, 9)),
    ]
    for backend, scale, shape in cases:
        compiled = torch.compile(work, fullgraph=True, backend=backend)
        batch = torch.from_numpy(random_image(shape, np.float64)).requires_grad_()
        result, expected = compiled(batch, scale), work(batch, scale)
        assert (result == expected).all()
        gradients = [torch.autograd.grad((y**2).sum(), batch)[0] for y in (result, expected)]
        torch.testing.assert_close(*gradients, rtol=0, atol=1e-12)


def test_ten_steps_of_a_training():
    """A layer that enlarges learns to give back what it was given, once that is reduced as MATLAB does."""
    torch.manual_seed(0)
    layer = torch.nn.Conv2d(3, 3, 3, padding=1, padding_mode="replicate")
    optimizer = torch.optim.Adam(layer.parameters(), 0.05)
    batch, losses = torch.rand(4, 3, 12, 12), []
    for _ in range(10):
        loss = (imresize(layer(imresize(batch, 2, layout="NCHW")), 1 / 2, layout="NCHW") - batch).square().mean()
        optimizer.zero_grad()
        loss.backward()
        optimizer.step()
        losses.append(loss.item())
    assert losses[-1] < losses[0] / 2


@pytest.mark.parametrize("kind", ["bi", "bi-double", "bd"])
@pytest.mark.parametrize("scale", [2, 3])
def test_degrade_with_gradients(kind: str, scale: int):
    batch = (BATCH / 4).requires_grad_()
    expected = np.stack([[degrade(plane, kind, scale) for plane in image] for image in batch.detach().numpy()])
    result = degrade(batch, kind, scale, layout="NCHW")
    assert np.abs(result.detach().numpy() - expected).max() <= (1e-15 if kind == "bd" else 0)
    assert torch.autograd.gradcheck(
        lambda x: degrade(x, kind, scale, layout="NCHW"), batch[:1].detach().requires_grad_()
    )


@pytest.mark.parametrize("dtype", [np.uint8, np.uint16])
def test_integers_keep_their_exact_way(dtype: type):
    images = random_image((2, 3, 9, 7), dtype)
    expected = np.stack([[imresize(plane, 1 / 2) for plane in image] for image in images])
    result = imresize(torch.from_numpy(images), 1 / 2, layout="NCHW")
    assert (result.numpy() == expected).all()
    assert (imresize(images, 1 / 2, layout="NCHW") == expected).all()


def test_threads_share_one_image():
    image = torch.from_numpy(random_image((40, 30), np.float64))
    assert (imresize(image, (1.5, 2), threads=3) == imresize(image, (1.5, 2), threads=1)).all()


def test_it_is_never_a_view_and_changes_nothing():
    batch = BATCH.clone()
    result = imresize(batch, 1, layout="NCHW")
    assert (result == batch).all()
    result.fill_(1)
    assert (batch == BATCH).all()


WRONG = [
    (lambda: imresize(BATCH, 2), ArgumentError, r"four dimensions \(2, 3, 9, 7\) need layout='NCHW' or layout='NHWC'"),
    (lambda: imresize(BATCH, 2, layout="CHW"), ArgumentError, r"a non-empty CHW image, got shape \(2, 3, 9, 7\)"),
    (lambda: imresize(BATCH, 2, layout="nchw"), ArgumentError, "layout: .nchw. is not allowed; give one of HWC, CHW,"),
    (lambda: imresize(BATCH[:0], 2, layout="NCHW"), ArgumentError, "non-empty NCHW image"),
    (lambda: imresize(BATCH, -2, layout="NCHW"), ArgumentError, "scale must be one positive number or a pair"),
    (lambda: imresize(BATCH[0, 0].to("meta"), 2), TypeError, "values lie in memory, got one on the device meta"),
    (lambda: imresize(BATCH[0, 0].to_sparse(), 2), TypeError, "got one of the layout torch.sparse_coo"),
    (lambda: imresize(BATCH[0].long(), 2, layout="CHW"), TypeError, "uint8, uint16, float32 or float64, got int64"),
    (
        lambda: degrade(BATCH, "dn", 2, layout="NCHW"),
        ArgumentError,
        "for floats, by bi, bi-double, bd, not for .* by dn",
    ),
    (lambda: degrade(BATCH, "bi", 9, layout="NCHW"), ArgumentError, "nothing is left of an image of 9 x 7 pixels"),
    (lambda: degrade(BATCH.byte(), "bi", 2, layout="NCHW"), ArgumentError, "not for torch.uint8, by bi"),
]


@pytest.mark.parametrize(("call", "error", "words"), WRONG)
def test_bad_input_is_one_line(call, error: type, words: str):
    with pytest.raises(error, match=words) as raised:
        call()
    assert "\n" not in str(raised.value)
