"""The self-ensemble: symmetric, neutral for what is symmetric already, and the mean of eight turned results."""

import numpy as np
import pytest

from vdsr_data.errors import ArgumentError, VdsrError
from vdsr_eval.networks.ensemble import self_ensemble


def lopsided(lr: np.ndarray, scale: int) -> np.ndarray:
    """A function with a preference: it shifts towards the lower right and scales with the column."""
    return np.roll(lr, (1, 2), axis=(0, 1)) * np.linspace(1, 2, lr.shape[1])


@pytest.mark.parametrize("shape", [(7, 9), (8, 8), (1, 5)])
def test_it_commutes_with_flips_and_turns(shape: tuple[int, int]) -> None:
    image = np.random.default_rng(0).random(shape)
    ensemble = self_ensemble(lopsided)
    expected = ensemble(image, 2)
    np.testing.assert_allclose(ensemble(image[:, ::-1], 2)[:, ::-1], expected, atol=1e-12)
    np.testing.assert_allclose(ensemble(image[::-1], 2)[::-1], expected, atol=1e-12)
    np.testing.assert_allclose(ensemble(image.T, 2).T, expected, atol=1e-12)
    assert np.abs(lopsided(image.T, 2).T - lopsided(image, 2)).max() > 0.01


def test_it_is_the_mean_over_the_eight() -> None:
    image = np.random.default_rng(1).random((5, 6))
    turned = []
    for transposed in (False, True):
        for rows in (1, -1):
            for columns in (1, -1):
                given = (image.T if transposed else image)[::rows, ::columns]
                back = lopsided(given, 2)[::rows, ::columns]
                turned.append(back.T if transposed else back)
    np.testing.assert_allclose(self_ensemble(lopsided)(image, 2), np.mean(turned, axis=0), atol=1e-13)


def test_a_symmetric_function_is_left_as_it_is() -> None:
    image = np.random.default_rng(2).random((6, 4))
    np.testing.assert_allclose(self_ensemble(lambda lr, scale: lr**2)(image, 3), image**2, atol=1e-15)


def test_each_call_gets_a_contiguous_image_and_the_scale() -> None:
    seen = []

    def record(lr: np.ndarray, scale: int) -> np.ndarray:
        seen.append((lr.flags.c_contiguous, lr.shape, scale))
        return lr

    self_ensemble(record)(np.zeros((3, 5)), 4)
    assert len(seen) == 8
    assert all(contiguous for contiguous, _, _ in seen)
    assert {shape for _, shape, _ in seen} == {(3, 5), (5, 3)}
    assert {scale for _, _, scale in seen} == {4}


def test_what_is_no_function_or_returns_no_luma_is_refused() -> None:
    with pytest.raises(ArgumentError, match="upscale: 'net' is not allowed; give a function"):
        self_ensemble("net")
    with pytest.raises(VdsrError, match=r"the result has shape \(2, 3\), its input \(2, 4\)"):
        self_ensemble(lambda lr, scale: lr[:, :3])(np.zeros((2, 4)), 2)
