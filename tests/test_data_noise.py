"""`imnoise` as documented, with MATLAB's random numbers; `colon` as MATLAB's loops count."""

import numpy as np
import pytest
from numpy.typing import DTypeLike

from vdsr_data import ArgumentError, colon, im2double, imnoise, rand, randn

DTYPES = (np.uint8, np.uint16, np.float32, np.float64)
KINDS = ("gaussian", "poisson", "salt & pepper", "speckle")


def gradient(dtype: DTypeLike) -> np.ndarray:
    plain = np.linspace(0.1, 0.9, 60 * 80 * 3).reshape(60, 80, 3)
    return (plain * np.iinfo(dtype).max).astype(dtype) if np.dtype(dtype).kind == "u" else plain.astype(dtype)


@pytest.mark.parametrize("dtype", DTYPES)
@pytest.mark.parametrize("kind", KINDS)
def test_same_dtype_and_range_and_numbers(dtype: DTypeLike, kind: str) -> None:
    image = gradient(dtype)
    before = image.copy()
    noisy = imnoise(image, kind, seed=3)
    assert (image == before).all()
    assert noisy.dtype == image.dtype
    assert noisy.shape == image.shape
    assert (noisy != image).any()
    assert (noisy == imnoise(image.copy(order="F"), kind, seed=3)).all()
    assert (noisy != imnoise(image, kind, seed=4)).any()
    values = im2double(noisy)
    assert values.min() >= 0
    assert values.max() <= 1


@pytest.mark.parametrize("generator", ["twister", "v4"])
def test_gaussian_has_mean_variance_and_order(generator: str) -> None:
    image = np.full((50, 40), 0.5)
    noise = imnoise(image, "gaussian", 0.05, 0.001, generator=generator) - 0.5
    assert noise == pytest.approx(0.05 + np.sqrt(0.001) * randn((50, 40), generator=generator), abs=1e-15)
    assert imnoise(image, "gaussian") == pytest.approx(imnoise(image, "gaussian", 0, 0.01))


def test_salt_and_pepper_have_their_share() -> None:
    noisy = imnoise(np.full((300, 400), 77, np.uint8), "salt & pepper", 0.2)
    chance = rand((300, 400))
    assert ((noisy == 0) == (chance < 0.1)).all()
    assert ((noisy == 255) == ((chance >= 0.1) & (chance < 0.2))).all()
    assert (noisy[chance >= 0.2] == 77).all()


def test_speckle_grows_with_the_image_and_has_its_variance() -> None:
    noisy = imnoise(np.full((400, 400), 0.5), "speckle", 0.04)
    assert (noisy / 0.5).var() == pytest.approx(0.04, rel=0.02)
    assert (imnoise(np.zeros((9, 9)), "speckle") == 0).all()


@pytest.mark.parametrize("dtype", [np.uint8, np.uint16])
def test_poisson_has_the_image_as_mean_and_variance(dtype: DTypeLike) -> None:
    noisy = imnoise(np.full((400, 400), 100, dtype), "poisson").astype(float)
    assert noisy.mean() == pytest.approx(100, rel=0.01)
    assert noisy.var() == pytest.approx(100, rel=0.02)


@pytest.mark.parametrize("kind", KINDS)
def test_nan_stays_in_its_pixel(kind: str) -> None:
    image = np.full((4, 5), 0.5)
    image[1, 2] = np.nan
    noisy = imnoise(image, kind, *([0] if kind == "salt & pepper" else []))
    assert np.isnan(noisy[1, 2])
    assert np.isnan(noisy).sum() == 1


@pytest.mark.parametrize(
    ("arguments", "options", "words"),
    [
        (("blur",), {}, "kind"),
        (("gaussian", 0, -1), {}, "variance"),
        (("gaussian", 0, 1, 2), {}, "2 parameters"),
        (("poisson", 1), {}, "0 parameters"),
        (("poisson",), {"generator": "v4"}, "generator"),
        (("speckle",), {"seed": -1}, "seed"),
        (("salt & pepper", 1.5), {}, "density"),
    ],
)
def test_refused(arguments, options, words: str) -> None:
    with pytest.raises(ArgumentError, match=words):
        imnoise(np.zeros((3, 3)), *arguments, **options)
    with pytest.raises(TypeError, match="int64"):
        imnoise(np.zeros((3, 3), int), "poisson")


def test_colon_counts_by_steps() -> None:
    scales = colon(1.1, 0.1, 4)
    assert len(scales) == 30
    assert scales == [1.1 + k * 0.1 for k in range(30)]
    assert scales[1] == 1.2000000000000002
    assert colon(0, 0.1, 0.3)[-1] == pytest.approx(0.3, abs=1e-15)
    assert colon(5, -2, 0) == [5, 3, 1]
    assert colon(2, 1, 4) == [2, 3, 4]
    assert colon(1, 1, 1) == [1]


@pytest.mark.parametrize("arguments", [(1, 0, 2), (1, 1, 0), (0, 1e-9, 1), (1, np.nan, 2), ("a", 1, 2)])
def test_colon_refuses(arguments) -> None:
    with pytest.raises(ArgumentError):
        colon(*arguments)
