"""Patches of gt from luma that is kept as bytes."""

from collections.abc import Iterator
from itertools import product
from pathlib import Path

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from vdsr_data import im2double, modcrop, write_image
from vdsr_data.errors import VdsrError
from vdsr_data.limits import FLIPS, ROTATIONS
from vdsr_data.training import planes as module
from vdsr_data.training.patches import augment, cut
from vdsr_data.training.planes import Planes, planes_for
from vdsr_data.training.recipe import TrainingRecipe


@given(
    shapes=st.lists(st.tuples(st.integers(5, 30), st.integers(5, 30)), min_size=1, max_size=3),
    size=st.integers(2, 5),
    stride=st.integers(1, 6),
    axes=st.sampled_from(["matlab", "nhwc"]),
    scale=st.integers(2, 4),
    left_out=st.integers(0, 3),
)
def test_patches_are_those_of_cut(shapes, size, stride, axes, scale, left_out) -> None:
    random = np.random.default_rng(0)
    recipe = TrainingRecipe(patch_size=size, stride=stride, axes=axes)
    images = [random.integers(0, 256, shape, dtype=np.uint8) for shape in shapes]

    def views(image: np.ndarray) -> Iterator[np.ndarray]:
        for rotation, flip in product(ROTATIONS, FLIPS):
            view = modcrop(augment(image, rotation, flip), scale)
            if min(view.shape) >= size:
                yield view

    slow = [cut(im2double(view), size, stride, transpose=axes == "matlab") for image in images for view in views(image)]
    if not slow:
        return
    slow = np.concatenate(slow)
    count = max(len(slow) - left_out, 0)
    planes = Planes(sum(image.size for image in images), count, recipe)
    positions, done = random.permutation(len(slow)), 0
    for image in images:
        for view in views(planes.keep(image, Path("a.png"))):
            n = len(cut(view, size, stride))
            planes.note(positions[done : done + n], view)
            done += n
    in_order = np.empty_like(slow)
    in_order[positions] = slow
    start = count // 3
    assert planes.patches(start, count).tobytes() == in_order[start:count].tobytes()


def test_large_sets_and_16_bits_are_not_kept(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    write_image(tmp_path / "a.png", np.zeros((40, 30), dtype=np.uint8))
    write_image(tmp_path / "b.png", np.zeros((40, 30), dtype=np.uint16))
    recipe = TrainingRecipe(downsizes=(1.0, 0.5))
    assert planes_for([tmp_path / "a.png"], 10, recipe) is not None
    assert planes_for([tmp_path / "a.png", tmp_path / "b.png"], 10, recipe) is None
    most = 40 * 30 + 20 * 15 + 10 * module.PLACE.itemsize
    monkeypatch.setattr(module, "MOST", most)
    assert planes_for([tmp_path / "a.png"], 10, recipe) is not None
    assert planes_for([tmp_path / "a.png"], 11, recipe) is None


@pytest.mark.parametrize("image", [np.zeros((4, 5), np.uint8), np.zeros((4, 4), np.uint16)])
def test_an_image_that_is_not_what_its_head_said(image: np.ndarray) -> None:
    with pytest.raises(VdsrError, match=r"a\.png: its size is not the one that the head of the file declares"):
        Planes(16, 1, TrainingRecipe()).keep(image, Path("a.png"))
