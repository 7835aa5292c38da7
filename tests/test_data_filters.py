"""`fspecial` against its documentation, `imfilter` against a slow twin for any size, kernel, dtype and option."""

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from numpy.typing import DTypeLike
from reference import random_image, slow_imfilter
from scipy import integrate, ndimage

from vdsr_data import ArgumentError, fspecial, imfilter
from vdsr_data.matlab import filters
from vdsr_data.matlab.arrays import LayoutWarning

DTYPES = (np.uint8, np.uint16, np.float32, np.float64)
BOUNDARIES = (0, 0.7, 12.5, "replicate", "symmetric", "circular")


@pytest.mark.slow
@pytest.mark.jit
@settings(max_examples=150)
@given(
    rows=st.integers(1, 9), columns=st.integers(1, 9), channels=st.sampled_from([(), (1,), (2,), (3,)]),
    height=st.integers(1, 8), width=st.integers(1, 8), dtype=st.sampled_from(DTYPES),
    boundary=st.sampled_from(BOUNDARIES), convolve=st.booleans(), full=st.booleans(), threads=st.integers(1, 3),
    kind=st.sampled_from(["random", "zeros among", "separable", "average"]), seed=st.integers(0, 99),
)  # fmt: skip
def test_any_options(
    rows, columns, channels, height, width, dtype, boundary, convolve, full, threads, kind, seed
) -> None:
    random = np.random.default_rng(seed)
    kernel = random.normal(0, 0.2, (height, width))
    if kind == "zeros among":
        kernel[random.random((height, width)) < 0.5] = 0
    elif kind == "separable":
        kernel = np.outer(random.random(height), random.random(width)) / (height * width)
    elif kind == "average":  # of which results lie halfway between two numbers
        kernel[:] = 1 / (height * width)
    image = random_image((rows, columns, *channels), dtype, seed)
    found = imfilter(image, kernel, boundary=boundary, convolve=convolve, full=full, threads=threads)
    expected = slow_imfilter(image, kernel, boundary, convolve, full)
    assert found.dtype == image.dtype
    assert found.shape == expected.shape
    assert (found == expected).all()
    assert found.flags.c_contiguous


@pytest.mark.parametrize("size", [5, 7, (5, 8), 15])
@pytest.mark.parametrize("dtype", [np.uint8, np.uint16])
def test_two_passes_round_as_one(size, dtype: DTypeLike, monkeypatch: pytest.MonkeyPatch) -> None:
    image = random_image((61, 83, 3), dtype)
    image[:20] //= 128  # averages of small numbers are often halfway between two
    for kernel in (fspecial("gaussian", size, 1.6), fspecial("average", size)):
        assert filters._passes(kernel, float(np.iinfo(dtype).max)) is not None
        found = imfilter(image, kernel, boundary="symmetric")
        with monkeypatch.context() as patch:
            patch.setattr(filters, "SEPARABLE_FROM", 10**9)
            assert (imfilter(image, kernel, boundary="symmetric") == found).all()


@pytest.mark.parametrize("size", [1e-6, 1, 1e4, 1e6, 1e9, 1e12, 1e300, 1e304])
def test_two_passes_round_as_one_whatever_the_weights(size: float, monkeypatch: pytest.MonkeyPatch) -> None:
    """The sums of such weights cancel to numbers within the range, of which two passes keep fewer digits."""
    image = random_image((40, 50), np.uint8)
    for column, row in (([1, -2, 1e-9, 2, -1], [1, -1, 1 / size, 1, -1]), ([1, 1, -2, 1, -1], [1, 3, -8, 3, 1])):
        kernel = np.outer(column, row) * size
        found = imfilter(image, kernel)
        with monkeypatch.context() as patch:
            patch.setattr(filters, "SEPARABLE_FROM", 10**9)
            assert (imfilter(image, kernel) == found).all()


def test_tensors_come_back_as_tensors_and_lose_no_gradient(torch) -> None:
    image = random_image((20, 30, 3), np.uint8)
    found = imfilter(torch.from_numpy(image), fspecial("average"))
    assert isinstance(found, torch.Tensor)
    assert (found.numpy() == imfilter(image, fspecial("average"))).all()
    with pytest.raises(TypeError, match="detach"):
        imfilter(torch.zeros(9, 9, requires_grad=True), np.ones((3, 3)))
    with pytest.raises(TypeError, match="bfloat16"):
        imfilter(torch.zeros(9, 9, dtype=torch.bfloat16), np.ones((3, 3)))


def test_convolution_and_correlation_are_scipys() -> None:
    image, kernel = random_image((30, 40), np.float64), random_image((5, 5), np.float64, 1)
    np.testing.assert_allclose(imfilter(image, kernel), ndimage.correlate(image, kernel, mode="constant"), atol=1e-12)
    np.testing.assert_allclose(
        imfilter(image, kernel, convolve=True, boundary="circular"),
        ndimage.convolve(image, kernel, mode="wrap"),
        atol=1e-12,
    )


def test_what_is_not_finite_spreads_over_the_kernel_but_not_through_its_zeros() -> None:
    image = np.zeros((5, 5))
    image[2, 2] = np.nan
    spread = np.isnan(imfilter(image, np.array([[0, 1, 0], [1, 1, 1], [0, 1, 0]])))
    assert spread.astype(int).tolist() == [[0] * 5, [0, 0, 1, 0, 0], [0, 1, 1, 1, 0], [0, 0, 1, 0, 0], [0] * 5]


def test_memory_layouts() -> None:
    image = random_image((20, 30, 3), np.uint8)
    kernel = fspecial("gaussian", 7, 1.6)
    expected = imfilter(image, kernel)
    for other in (
        np.asfortranarray(image),
        image[::-1][::-1],
        np.ascontiguousarray(image.transpose(1, 0, 2)).transpose(1, 0, 2),
    ):
        assert (imfilter(other, kernel) == expected).all()
    swapped = imfilter(image.astype(">u2"), kernel)
    assert (swapped == imfilter(image.astype("u2"), kernel)).all()
    assert swapped.dtype.isnative


@pytest.mark.parametrize(
    ("arguments", "error", "words"),
    [
        ((np.zeros((0, 3)), np.ones((3, 3))), ArgumentError, "non-empty"),
        ((np.zeros(3), np.ones((3, 3))), ArgumentError, "shape"),
        ((np.zeros((3, 3), int), np.ones((3, 3))), TypeError, "int64"),
        ((np.zeros((3, 3)), np.ones((0, 3))), ArgumentError, "kernel must be"),
        ((np.zeros((3, 3)), np.ones(3)), ArgumentError, "kernel must be"),
        ((np.zeros((3, 3)), np.array([["a"]])), ArgumentError, "kernel must be"),
        ((np.zeros((3, 3)), np.full((3, 3), np.nan)), ArgumentError, "finite"),
    ],
)
def test_refused(arguments, error, words: str) -> None:
    with pytest.raises(error, match=words):
        imfilter(*arguments)


@pytest.mark.parametrize(
    "option", [{"boundary": "mirror"}, {"boundary": np.nan}, {"convolve": 1}, {"full": "yes"}, {"threads": 0}]
)
def test_refused_options(option) -> None:
    (name,) = option
    with pytest.raises(ArgumentError, match=name):
        imfilter(np.zeros((3, 3)), np.ones((3, 3)), **option)


def test_channels_first_is_said() -> None:
    with pytest.warns(LayoutWarning):
        imfilter(np.zeros((3, 20, 30)), np.ones((3, 3)))


def test_gaussian_follows_its_formula() -> None:
    kernel = fspecial("gaussian", (5, 8), 1.6)
    y, x = np.mgrid[-2:3, -3.5:4]
    bell = np.exp(-(x**2 + y**2) / (2 * 1.6**2))
    np.testing.assert_allclose(kernel, bell / bell.sum(), rtol=1e-14)
    tiny = fspecial("gaussian", 21, 0.5)  # what is below eps times the largest is zero
    assert np.count_nonzero(tiny) < 120
    assert tiny.sum() == pytest.approx(1, abs=1e-15)


@pytest.mark.parametrize("radius", [0.3, 1, 2.5, 5])
def test_disk_is_the_part_of_the_disk_in_each_pixel(radius: float) -> None:
    kernel = fspecial("disk", radius)
    middle = len(kernel) // 2
    assert len(kernel) == 2 * int(np.ceil(radius - 0.5)) + 1

    def height(x: float, y: float) -> float:
        reach = np.sqrt(max(radius**2 - x**2, 0))
        return max(min(y + 0.5, reach) - max(y - 0.5, -reach), 0)

    for row, column in np.ndindex(kernel.shape):
        x, y = column - middle, row - middle
        area = integrate.quad(height, x - 0.5, x + 0.5, args=(y,), limit=400)[0]
        assert kernel[row, column] == pytest.approx(area / (np.pi * radius**2), abs=1e-6)


def test_motion_as_documented() -> None:
    """Largest on the line, falling to zero at a distance of one pixel, then divided by the sum; the ends as printed."""
    printed = [[0, 0.0754, 0.1883], [0.0754, 0.3215, 0.0754], [0.1883, 0.0754, 0]]
    assert fspecial("motion", 3, 45).round(4).tolist() == printed
    assert fspecial("motion", 15, 30).shape == (9, 15)
    assert fspecial("motion", 20, 45).shape == (15, 15)
    assert fspecial("motion", 8, 60).shape == (9, 5)  # of which the outer rows are 0
    assert fspecial("motion", 9, 0).tolist() == [[pytest.approx(1 / 9)] * 9]
    np.testing.assert_allclose(fspecial("motion", 9, 90), fspecial("motion", 9, 0).T)
    diagonal = fspecial("motion", 9, 45)
    assert diagonal.shape == (7, 7)
    assert (np.argmax(diagonal, axis=1) == np.arange(6, -1, -1)).all()  # up to the right
    assert fspecial("motion", 1, 30).tolist() == [[1]]


@pytest.mark.parametrize("length", [1, 2, 3.5, 8, 15, 30])
@pytest.mark.parametrize("degrees", [0, 1, 30, 45, 60, 89, 90, 91, 135, 179])
def test_motion_of_any_angle(length: float, degrees: float) -> None:
    kernel = fspecial("motion", length, degrees)
    assert kernel.sum() == pytest.approx(1, abs=1e-14)
    assert (kernel == kernel[::-1, ::-1]).all()
    half, angle = (length - 1) / 2, np.deg2rad(degrees)
    for side, part in zip(kernel.shape, (np.sin(angle), np.cos(angle)), strict=True):
        assert side // 2 < half * abs(part) + 1  # less than a pixel beyond the ends
    np.testing.assert_allclose(fspecial("motion", length, degrees + 180), kernel, atol=1e-14)
    np.testing.assert_allclose(fspecial("motion", length, -degrees), kernel[::-1], atol=1e-14)


def test_sizes_may_be_arrays_and_a_gaussian_without_values_is_zero() -> None:
    assert (fspecial("gaussian", np.array([3, 5]), 1.0) == fspecial("gaussian", (3, 5), 1.0)).all()
    assert (fspecial("average", np.array(3)) == fspecial("average", 3)).all()
    assert fspecial("gaussian", 4, 0.01).tolist() == [[0.0] * 4] * 4


def test_small_kernels_as_documented() -> None:
    laplacian = np.array([[0.05, 0.2, 0.05], [0.2, -1, 0.2], [0.05, 0.2, 0.05]]) * 4 / 1.2
    np.testing.assert_allclose(fspecial("laplacian", 0.2), laplacian, atol=1e-15)
    unsharp = np.array([[-0.2, -0.8, -0.2], [-0.8, 5.2, -0.8], [-0.2, -0.8, -0.2]]) / 1.2
    np.testing.assert_allclose(fspecial("unsharp"), unsharp, atol=1e-15)
    assert fspecial("sobel").tolist() == [[1, 2, 1], [0, 0, 0], [-1, -2, -1]]
    assert fspecial("prewitt").tolist() == [[1, 1, 1], [0, 0, 0], [-1, -1, -1]]
    assert fspecial("average", (2, 4)).tolist() == [[0.125] * 4] * 2
    for sigma in (0.5, 1.4):
        assert fspecial("log", 9, sigma).sum() == pytest.approx(0, abs=1e-14)
    # As MATLAB prints it.
    assert fspecial("log")[2].round(4).tolist() == [0.0564, 0.7146, -4.9048, 0.7146, 0.0564]


@pytest.mark.parametrize(
    ("arguments", "words"),
    [
        (("box",), "kind"),
        (("gaussian", 0, 1), "size"),
        (("gaussian", (3, 3, 3), 1), "size"),
        (("gaussian", 3, 0), "sigma"),
        (("disk", -1), "radius"),
        (("laplacian", 2), "alpha"),
        (("sobel", 3), "0 parameters"),
        (("gaussian", 3, 1, 2), "2 parameters"),
    ],
)
def test_fspecial_refuses(arguments, words: str) -> None:
    with pytest.raises(ArgumentError, match=words):
        fspecial(*arguments)
