"""Patches and MATLAB's random order."""

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from vdsr_data import modcrop, randperm
from vdsr_data.training.patches import augment, cut, patch_count


def test_randperm_is_a_fresh_matlab_session():
    # Printed by MATLAB: `randperm(10)` in a fresh session, and `rng(42); randperm(15)` in R2017b.
    assert (randperm(10) + 1).tolist() == [6, 3, 7, 8, 5, 1, 2, 4, 9, 10]
    assert (randperm(15, seed=42) + 1).tolist() == [11, 7, 6, 5, 15, 14, 1, 4, 9, 10, 3, 13, 8, 2, 12]


@given(st.integers(0, 300), st.integers(0, 2**32 - 1))
def test_randperm_is_a_permutation(n, seed):
    assert sorted(randperm(n, seed).tolist()) == list(range(n))


@pytest.mark.parametrize(
    ("n", "seed", "words"), [(-1, 0, "n: -1"), (3, -1, "seed: -1"), (3, 2**32, "seed: 4294967296")]
)
def test_randperm_refuses(n, seed, words):
    with pytest.raises(ValueError, match=words):
        randperm(n, seed)


def test_augment_turns_counter_clockwise_then_flips():
    image = np.array([[1, 2], [3, 4]])
    assert augment(image, 90, "none").tolist() == [[2, 4], [1, 3]]
    assert augment(image, 90, "left-right").tolist() == [[4, 2], [3, 1]]
    assert augment(image, 0, "up-down").tolist() == [[3, 4], [1, 2]]
    assert augment(image, 270, "none").tolist() == [[3, 1], [4, 2]]


@given(st.integers(1, 40), st.integers(1, 40), st.integers(1, 12), st.integers(1, 15))
def test_cut_rows_outer_columns_inner(rows, columns, size, stride):
    image = np.arange(rows * columns).reshape(rows, columns)
    patches = cut(image, size, stride)
    slow = [
        image[i : i + size, j : j + size]
        for i in range(0, rows - size + 1, stride)
        for j in range(0, columns - size + 1, stride)
    ]
    assert len(patches) == len(slow) == patch_count(rows, columns, size, stride)
    assert patches.dtype == np.float32
    assert all((a == b).all() for a, b in zip(patches, slow, strict=True))
    assert (cut(image, size, stride, transpose=True) == patches.swapaxes(1, 2)).all()


@given(st.integers(1, 30), st.integers(1, 30), st.integers(1, 8))
def test_modcrop_takes_from_bottom_and_right(rows, columns, scale):
    image = np.arange(rows * columns).reshape(rows, columns)
    out = modcrop(image, scale)
    assert out.shape == (rows // scale * scale, columns // scale * scale)
    assert (out == image[: out.shape[0], : out.shape[1]]).all()


@pytest.mark.parametrize("scale", [0, -2, 1.5])
def test_modcrop_refuses(scale):
    with pytest.raises(ValueError, match="whole number"):
        modcrop(np.zeros((4, 4)), scale)
