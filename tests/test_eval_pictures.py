"""Pictures of what was scored: their pixels, their names, and the detail that is chosen."""

from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
from scipy.io import loadmat

from vdsr_data import imresize, rgb2ycbcr, ycbcr2rgb
from vdsr_data.benchmark.sets import Original
from vdsr_data.images.files import read_image
from vdsr_eval.metrics.fidelity import Pixels
from vdsr_eval.protocols.pair import prepare
from vdsr_eval.protocols.protocol import PROTOCOLS, Protocol
from vdsr_eval.reports.pictures import file_names, save_images, save_mat
from vdsr_eval.reports.rendering import automatic_window, checked_window, ground_truth, picture, residual
from vdsr_eval.scoring.records import Record, Scored


def photograph(rows: int = 61, columns: int = 80, seed: int = 0) -> np.ndarray:
    small = np.random.default_rng(seed).integers(30, 226, (rows // 5, columns // 5, 3), np.uint8)
    return imresize(small, size=(rows, columns))


def scored(pixels: np.ndarray, protocol: Protocol, model: str = "bicubic", add: float = 0.0) -> Scored:
    original = Original("bird", pixels)
    pair = prepare(pixels, scale=2, protocol=protocol)
    record = Record("Set", "bird", 2, model, protocol.label, 30.0, 0.9)
    image = (pair.bicubic + add * protocol.data_range).clip(0, protocol.data_range)
    return Scored(record, original, pair, protocol, Pixels(image))


@pytest.mark.parametrize("name", PROTOCOLS)
@pytest.mark.parametrize("rgb", [False, True])
def test_the_picture_of_the_ground_truth_is_the_ground_truth(name: str, rgb: bool) -> None:
    """Luma and chroma join to the original again, but for the rounding of 8-bit YCbCr."""
    item = scored(photograph(), replace(PROTOCOLS[name], rgb=rgb))
    item = replace(item, values=item.pair.truth)
    gt = ground_truth(item)
    np.testing.assert_array_equal(gt, photograph()[:60, : 72 if name == "basicsr" else 80])
    assert np.abs(picture(item).astype(int) - gt).max() <= (0 if rgb else 2)


def test_the_picture_has_the_scored_luma_and_the_originals_chroma() -> None:
    item = scored(photograph(), PROTOCOLS["paper"])
    ycc = rgb2ycbcr(photograph()[:60, :80])
    ycc[:, :, 0] = item.image
    assert np.abs(picture(item).astype(int) - ycbcr2rgb(ycc)).max() <= 1


def test_grey_stays_grey() -> None:
    item = scored(photograph()[:, :, 0], PROTOCOLS["paper"])
    np.testing.assert_array_equal(picture(item), item.image)
    assert ground_truth(item).ndim == 2


def test_16_bits_are_shown_as_8() -> None:
    item = scored(photograph().astype(np.uint16) * 257, PROTOCOLS["vdsr-tf"])
    np.testing.assert_array_equal(ground_truth(item), photograph()[:60, :80])
    assert picture(item).dtype == np.uint8


@pytest.mark.parametrize("name", PROTOCOLS)
def test_the_residual_is_grey_where_nothing_was_added(name: str) -> None:
    """Within a level: `paper` and `rcan` round the luma that `lr` does not."""
    assert np.abs(residual(scored(photograph(), PROTOCOLS[name])).astype(int) - 128).max() <= 2
    brighter = residual(scored(photograph(), PROTOCOLS[name], add=0.1))
    assert np.abs(brighter.astype(int) - (128 + 25)).max() <= (8 if PROTOCOLS[name].rgb else 3)  # colours saturate


def test_names_of_files(tmp_path: Path) -> None:
    bicubic = scored(photograph(), PROTOCOLS["paper"])
    network = scored(photograph(), PROTOCOLS["paper"], "VDSR (runs/a/weights.h5)", 0.02)
    other = scored(photograph(), PROTOCOLS["paper"], "VDSR (runs/b/weights.h5)", 0.01)
    (tmp_path / "one").mkdir()
    save_images(tmp_path / "one", [bicubic, network])
    names = {path.name for path in (tmp_path / "one").iterdir()}
    assert names == {f"bird_{tag}.png" for tag in ("gt", "bicubic", "sr", "sr_residual")}
    np.testing.assert_array_equal(read_image(tmp_path / "one/bird_sr.png"), picture(network))
    np.testing.assert_array_equal(read_image(tmp_path / "one/bird_sr_residual.png"), residual(network))

    (tmp_path / "two").mkdir()
    save_images(tmp_path / "two", [bicubic, network, other])
    assert (tmp_path / "two/bird_VDSR-runs-b-weights.h5.png").is_file()
    assert len(list((tmp_path / "two").iterdir())) == 6


def test_no_method_overwrites_another_or_the_ground_truth(tmp_path: Path) -> None:
    bicubic = scored(photograph(), PROTOCOLS["paper"])
    methods = [
        scored(photograph(), PROTOCOLS["paper"], name, 0.01 * k) for k, name in enumerate(("gt", "EDSR", "edsr"))
    ]
    save_images(tmp_path, [bicubic, *methods])
    assert len(list(tmp_path.iterdir())) == 2 + 2 * 3
    np.testing.assert_array_equal(read_image(tmp_path / "bird_gt.png"), photograph()[:60, :80])
    np.testing.assert_array_equal(read_image(tmp_path / "bird_edsr-2.png"), picture(methods[2]))


def test_mat_files_hold_what_was_scored(tmp_path: Path) -> None:
    bicubic = scored(photograph(), PROTOCOLS["paper"])
    save_mat(tmp_path, [bicubic, scored(photograph(), PROTOCOLS["paper"], "VDSR", 0.02)])
    (path,) = tmp_path.rglob("*.mat")
    assert path.name == "bird_sr.mat"
    assert loadmat(path)["protocol"] == "paper"
    sr = loadmat(path)["sr"]
    assert sr.dtype == np.float64
    np.testing.assert_allclose(sr, bicubic.image / 255 + 0.02, atol=1e-12)
    save_mat(tmp_path, [bicubic])
    np.testing.assert_allclose(loadmat(tmp_path / "bird_bicubic.mat")["sr"] * 255, bicubic.image)


def test_the_window_is_where_methods_differ_most() -> None:
    bicubic = scored(photograph(100, 150), PROTOCOLS["paper"])
    image = bicubic.image.copy()
    image[40:60, 90:110] += 30
    other = replace(bicubic, values=Pixels(image))
    assert automatic_window([bicubic, other]) == (90, 40, 110, 60)
    alone = replace(bicubic, values=Pixels(bicubic.pair.gt.copy()))
    alone.image[:20, 130:] -= 25
    assert automatic_window([alone]) == (130, 0, 150, 20)


@pytest.mark.parametrize("shape", [(12, 90), (5, 5)])
def test_the_window_of_a_small_image_is_inside_it(shape: tuple[int, int]) -> None:
    item = scored(photograph(40, 40), PROTOCOLS["paper"])
    item = replace(item, values=Pixels(np.zeros(shape)), pair=replace(item.pair, truth=Pixels(np.ones(shape))))
    x0, y0, x1, y1 = automatic_window([item])
    assert checked_window((x0, y0, x1, y1), shape) == (x0, y0, x1, y1)


@pytest.mark.parametrize("window", [(0, 0, 81, 10), (0, 0, 10, 61), (5, 5, 5, 9), (9, 5, 5, 9)])
def test_a_window_outside_is_refused(window) -> None:
    with pytest.raises(ValueError, match="inside 80 columns, 60 rows"):
        checked_window(window, (60, 80))


def test_file_names_are_safe_and_differ() -> None:
    labels = ["VDSR (runs/a b/weights.h5)", "../..", "EDSR", "EDSR+", "edsr", "Bildsätze", "集", "gt", "a_b", "a-b"]
    names = file_names(labels, taken=["gt"])
    assert list(names.values()) == [
        "VDSR-runs-a-b-weights.h5", "unnamed", "EDSR", "EDSR+", "edsr-2", "Bildsätze", "集", "gt-2", "a-b", "a-b-2",
    ]  # fmt: skip
