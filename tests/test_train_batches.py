"""Batches are a pure function of (seed, step), and every epoch is a permutation."""

from pathlib import Path

import numpy as np
import pytest

from vdsr_data.errors import VdsrError
from vdsr_train.loop.batches import FileBatches, prefetch, turn


class Patches:
    """Stands in for an open training file: patch i is i / 1024 everywhere, gt is lr + 1/4."""

    keys = ("data", "label")
    position = None

    def __init__(self, count: int, size: int = 5) -> None:
        self.lr = np.arange(count, dtype=np.float32)[:, None, None] / 1024 * np.ones((1, size, size), np.float32)
        self.patch_size, self.attributes = size, {}

    def __len__(self) -> int:
        return len(self.lr)

    def gather(self, indices):
        return self.lr[indices], self.lr[indices] + np.float32(0.25)


def make(count: int = 50, batch_size: int = 8, seed: int = 3, **options) -> FileBatches:
    return FileBatches(Patches(count), Path("train.h5"), batch_size=batch_size, seed=seed, **options)


def numbers(batches: FileBatches, step: int) -> np.ndarray:
    lr, gt = batches(step)
    assert lr.shape == gt.shape == (batches.batch_size, 5, 5, 1)
    assert lr.dtype == gt.dtype == np.float32
    np.testing.assert_array_equal(gt, lr + np.float32(0.25))  # pairs stay pairs
    return (lr[:, 0, 0, 0] * 1024).astype(int)


def test_each_epoch_is_a_fresh_permutation() -> None:
    batches = make(count=48)
    epochs = [np.concatenate([numbers(batches, 6 * epoch + step) for step in range(6)]) for epoch in range(4)]
    assert all(sorted(epoch) == list(range(48)) for epoch in epochs)
    assert len({tuple(epoch) for epoch in epochs}) == 4
    assert not any((epoch == np.arange(48)).all() for epoch in epochs)


def test_the_last_incomplete_batch_is_left_out_and_not_the_same_patches_each_time() -> None:
    batches = make(count=50)
    assert batches.steps_per_epoch == 6
    left = [set(range(50)) - set(np.concatenate([numbers(batches, 6 * e + s) for s in range(6)])) for e in range(5)]
    assert all(len(out) == 2 for out in left)
    assert len({tuple(sorted(out)) for out in left}) > 1


def test_any_step_can_be_asked_for_in_any_order() -> None:
    batches, again = make(symmetries=True), make(symmetries=True)
    first = {step: batches(step) for step in range(20)}
    for step in (19, 3, 11, 0, 7):
        for one, other in zip(first[step], again(step), strict=True):
            np.testing.assert_array_equal(one, other)
    assert not np.array_equal(make(seed=4)(0)[0], first[0][0])


def test_turn_gives_all_eight_symmetries() -> None:
    patch = np.arange(9, dtype=np.float32).reshape(1, 3, 3)
    turned = turn(np.repeat(patch, 8, axis=0), 0)
    expected = [np.rot90(patch[0], way % 4) for way in range(4)] + [
        np.rot90(patch[0], way)[:, ::-1] for way in range(4)
    ]
    np.testing.assert_array_equal(turned, np.stack(expected))
    np.testing.assert_array_equal(turn(np.repeat(patch, 11, axis=0), 5), np.stack((expected * 2)[5:16]))
    assert len({array.tobytes() for array in turned}) == 8


def test_symmetries_turn_both_halves_of_a_pair_alike() -> None:
    random = np.random.default_rng(0)
    file = Patches(64, size=6)
    file.lr = (random.random(file.lr.shape) / 2).astype(np.float32)
    plain = FileBatches(file, Path("x"), batch_size=32, seed=0)
    turned = FileBatches(file, Path("x"), batch_size=32, seed=0, symmetries=True)
    lr, gt = turned(1)
    np.testing.assert_array_equal(gt, lr + np.float32(0.25))
    same = (lr == plain(1)[0]).all(axis=(1, 2, 3))
    assert 0 < same.sum() < 16  # about one in eight is left as it was
    np.testing.assert_allclose(lr.sum(axis=(1, 2, 3)), plain(1)[0].sum(axis=(1, 2, 3)), rtol=1e-5)


def test_too_few_patches() -> None:
    with pytest.raises(VdsrError, match=r"train\.h5: holds 7 patches.*--batch-size 7"):
        make(count=7)
    with pytest.raises(VdsrError, match=r"holds 0 patches.*build it again"):
        make(count=0)


def test_a_patch_that_is_no_luma_is_named_before_a_training_begins() -> None:
    """By the number of the patch, the name of the data set, and what to do."""
    for value, words in (
        (np.nan, r"data holds NaN"),
        (np.inf, r"data holds NaN or infinite"),
        (3.0, r"data holds .* to 3, allowed is -0\.7207 to 1\.721"),
        (0.9, r"label holds .* to 1\.15, allowed is 0 to 1"),
        (200.0, r"data .*; luma is 0 to 1, divide by 255"),
    ):
        file = Patches(40)
        file.lr[5, 2, 2] = value
        with pytest.raises(VdsrError, match=rf"train\.h5: patch 5 of /{words}.*; build the file again"):
            FileBatches(file, Path("train.h5"), batch_size=8, seed=0)


def test_of_many_patches_some_are_looked_at_and_each_when_its_turn_comes() -> None:
    file = Patches(10)
    file.lr = np.zeros((5000, 3, 3), np.float32)
    looked = []
    gather = file.gather
    file.gather = lambda indices: looked.extend(indices.tolist()) or gather(indices)
    file.lr[7] = 255.0
    batches = FileBatches(file, Path("train.h5"), batch_size=8, seed=0)
    assert len(looked) == 1024
    assert looked[0] == 0
    assert looked[-1] == 4999
    assert np.diff(looked).max() <= 5
    assert 7 not in looked
    with pytest.raises(VdsrError, match=r"patch 7 of /data"):
        for step in range(batches.steps_per_epoch):
            batches(step)


def test_identity_knows_the_data() -> None:
    assert make().identity() == make(seed=9, batch_size=4).identity()
    assert make().identity() != make(count=51).identity()
    other = make()
    other.file.lr[-1, 0, 0] += 1e-3
    assert other.identity() != make().identity()


def test_prefetch_gives_the_same_batches_in_order() -> None:
    batches = make()
    steps = []
    for step, (lr, gt), waited in prefetch(batches, range(4, 9)):
        np.testing.assert_array_equal(lr, batches(step)[0])
        np.testing.assert_array_equal(gt, batches(step)[1])
        assert waited >= 0
        steps.append(step)
    assert steps == [4, 5, 6, 7, 8]
    assert list(prefetch(batches, [])) == []


def test_prefetch_raises_what_the_batch_raised() -> None:
    batches = make(count=8)
    batches.file.lr[:] = np.inf
    with pytest.raises(VdsrError, match="NaN or infinite"):
        list(prefetch(batches, range(2)))


def test_one_part_of_a_training_file_is_refused() -> None:
    for attributes, position, words in (({"shard": "1/4"}, None, "part 1/4"), ({}, np.arange(40), "one part")):
        file = Patches(40)
        file.attributes, file.position = attributes, position
        with pytest.raises(VdsrError, match=rf"train\.h5: is {words} of a training file; join all .*merge"):
            FileBatches(file, Path("train.h5"), batch_size=8, seed=0)


def test_identity_knows_the_images_that_a_file_was_made_from() -> None:
    first, second = make(), make()
    second.file.attributes["sha256"] = ["ab" * 32]
    assert first.identity() != second.identity()
    assert first.identity().split()[0] == second.identity().split()[0]  # all that was saved once
