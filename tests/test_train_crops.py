"""Random crops of images: right pairs, a pure function of (seed, step), every symmetry, in proportion to area."""

from collections import Counter

import numpy as np
import pytest
from train_fixtures import smooth

from vdsr_data.errors import VdsrError
from vdsr_data.images.files import write_image
from vdsr_train.config import Config
from vdsr_train.loop.crops import CropBatches


@pytest.fixture(scope="module")
def folder(tmp_path_factory):
    """Two grey images, one twice as large as the other, and one that is smaller than a patch."""
    folder = tmp_path_factory.mktemp("images")
    for number, (rows, columns) in enumerate([(40, 48), (80, 48), (9, 50)]):
        image = smooth(np.random.default_rng(number), 1, 80)[0, :rows, :columns]
        write_image(folder / f"image{number}.png", (image * 255).round().astype(np.uint8))
    return folder


def make(folder, **changes) -> CropBatches:
    return CropBatches(Config(**({"images": str(folder), "patch_size": 12, "batch_size": 8} | changes)))


def untouched(gt, batches) -> tuple[int, int, int]:
    """Find a crop among all variants and ways: the variant, the way, and how often it was found."""
    hits = []
    for variant, (_, whole) in enumerate(batches.variants):
        windows = np.lib.stride_tricks.sliding_window_view(whole, (12, 12))
        for way in range(8):
            back = gt[:, ::-1] if way > 3 else gt
            hits += [(variant, way)] * int((windows == np.rot90(back, -way % 4)).all(axis=(2, 3)).any())
    return (*hits[0], len(hits)) if hits else (-1, -1, 0)


def test_every_crop_is_a_place_of_an_image_and_lr_is_our_imresize_of_it(folder) -> None:
    from vdsr_data import imresize
    from vdsr_data.images.files import read_image

    batches = make(folder, scales=(3,))
    expected = {}
    for number in range(2):
        image = read_image(folder / f"image{number}.png") / 255
        gt = image[: image.shape[0] // 3 * 3, : image.shape[1] // 3 * 3]
        expected[number] = imresize(imresize(gt, 1 / 3), size=gt.shape), gt
    for variant, (lr, gt) in enumerate(batches.variants):
        np.testing.assert_array_equal(lr, expected[variant][0].astype(np.float32))
        np.testing.assert_array_equal(gt, expected[variant][1].astype(np.float32))
    lr, gt = batches(0)
    assert lr.shape == gt.shape == (8, 12, 12, 1)
    assert lr.dtype == gt.dtype == np.float32
    for one_lr, one_gt in zip(lr[..., 0], gt[..., 0], strict=True):
        variant, way, hits = untouched(one_gt, batches)
        assert hits >= 1
        turned_lr = one_lr[:, ::-1] if way > 3 else one_lr
        windows = np.lib.stride_tricks.sliding_window_view(batches.variants[variant][0], (12, 12))
        assert (windows == np.rot90(turned_lr, -way % 4)).all(axis=(2, 3)).any()


def test_all_eight_ways_in_each_batch_and_area_decides_how_often(folder) -> None:
    batches = make(folder, scales=(2,))
    assert len(batches.variants) == 2  # the third image has no room for a patch
    found = [untouched(gt, batches) for step in range(batches.steps_per_epoch) for gt in batches(step)[1][..., 0]]
    ways = Counter(way for _, way, hits in found if hits == 1)
    assert set(ways) == set(range(8))
    variants = Counter(variant for variant, _, _ in found)
    assert variants[1] == pytest.approx(2 * variants[0], abs=4)


@pytest.mark.parametrize("batch_size", [8, 13])
def test_places_lead_to_the_same_crops(folder, batch_size) -> None:
    batches = make(folder, downsizes=(1.0, 0.5), scales=(2, 3), batch_size=batch_size)
    pixels = batches.pixels()
    assert pixels.size < sum(lr.size + gt.size for lr, gt in batches.variants)  # scales share their originals
    i, j = np.indices((12, 12))
    for step in range(9):
        for crops, places in zip(batches(step), batches.places(step), strict=True):
            first, down, right = (column[:, np.newaxis, np.newaxis] for column in places.T)
            np.testing.assert_array_equal(pixels[first + i * down + j * right], crops[..., 0])


def test_downsizes_and_scales_multiply(folder) -> None:
    batches = make(folder, downsizes=(1.0, 0.5), scales=(2, 3, 4))
    assert len(batches.variants) == 2 * 2 * 3
    assert {gt.shape for _, gt in batches.variants} >= {(80, 48), (40, 24), (20, 24)}


def test_a_batch_is_a_pure_function_of_seed_and_step(folder) -> None:
    batches, again = make(folder), make(folder)
    first = [batches(step) for step in range(10)]
    for step in (9, 2, 5):
        for one, other in zip(first[step], again(step), strict=True):
            np.testing.assert_array_equal(one, other)
    assert not np.array_equal(make(folder, seed=1)(0)[0], first[0][0])
    next_epoch = batches(batches.steps_per_epoch)
    assert not np.array_equal(next_epoch[0], first[0][0])


def test_identity(folder) -> None:
    assert make(folder).identity() == make(folder, seed=3).identity() != make(folder, scales=(2,)).identity()


def test_images_without_room(folder, tmp_path) -> None:
    with pytest.raises(VdsrError, match="have room for 0 crops of 90 x 90"):
        make(folder, patch_size=90)
    with pytest.raises(VdsrError, match="no image in it"):
        make(tmp_path)
