"""Other people's results: matched by name, refused with a reason, scored as our own would be."""

import math
from dataclasses import replace
from pathlib import Path

import h5py
import numpy as np
import pytest
from PIL import Image
from scipy.io import savemat

from vdsr_data import imresize, luma
from vdsr_data.benchmark.sets import Original, open_set
from vdsr_data.errors import ArgumentError, VdsrError
from vdsr_data.images.files import write_image
from vdsr_eval import score
from vdsr_eval.protocols.pair import as_colours, ground_truth, prepare
from vdsr_eval.protocols.protocol import PROTOCOLS
from vdsr_eval.scoring.methods import bicubic, method
from vdsr_eval.scoring.results import Results, low_resolution
from vdsr_eval.scoring.run import evaluate_images


def photograph(rows: int = 41, columns: int = 50, seed: int = 0) -> np.ndarray:
    small = np.random.default_rng(seed).integers(0, 256, (rows // 5, columns // 5, 3), np.uint8)
    return imresize(small, size=(rows, columns))


def touch(folder: Path, *names: str) -> None:
    folder.mkdir(exist_ok=True)
    for name in names:
        (folder / name).write_bytes(b"")


@pytest.fixture
def gt(tmp_path: Path) -> Path:
    (tmp_path / "gt").mkdir()
    for seed, name in enumerate(("bird", "head")):
        write_image(tmp_path / "gt" / f"{name}.png", photograph(seed=seed))
    return tmp_path / "gt"


@pytest.mark.parametrize("name", PROTOCOLS)
@pytest.mark.parametrize("rgb", [False, True])
def test_saved_bicubic_results_score_as_bicubic_does(gt: Path, tmp_path: Path, name: str, rgb: bool) -> None:
    """What a method would hand in under each protocol: floats, 8-bit luma in a .mat file, or 8-bit RGB."""
    protocol = replace(PROTOCOLS[name], rgb=rgb)
    testset = open_set(gt)
    (tmp_path / "r").mkdir()
    for original in testset:
        pair = prepare(original.pixels, scale=3, protocol=protocol)
        if protocol.result == "rgb" or rgb:
            colours = prepare(original.pixels, scale=3, protocol=replace(protocol, rgb=True)).bicubic
            if protocol.result == "float":
                savemat(tmp_path / "r" / f"{original.name}_3.mat", {"sr": colours})
            else:
                write_image(tmp_path / "r" / f"{original.name}_x3.png", colours.astype(np.uint8))
        else:
            savemat(tmp_path / "r" / f"{original.name}_3.mat", {"sr": pair.bicubic / protocol.data_range, "scale": 3})
    methods = {"bicubic": method(bicubic), "theirs": Results(tmp_path / "r", testset.image_names, scale=3)}
    scored = list(evaluate_images(testset, scale=3, methods=methods, protocols=[protocol], skip=pytest.fail))
    assert len(scored) == 4
    for ours, theirs in zip(scored[::2], scored[1::2], strict=True):
        assert theirs.record.psnr == pytest.approx(ours.record.psnr, abs=1e-9)
        assert theirs.record.ssim == pytest.approx(ours.record.ssim, abs=1e-9)


@pytest.mark.parametrize("name", ["vdsr-tf", "paper"])
def test_an_rgb_result_is_scored_by_its_luma(tmp_path: Path, name: str) -> None:
    image = photograph()[:40]
    touch(tmp_path / "r")
    write_image(tmp_path / "r" / "bird.png", image // 2)
    protocol = PROTOCOLS[name]
    scored = Results(tmp_path / "r", ["bird"], scale=2)(Original("bird", image), None, protocol, 2)
    np.testing.assert_allclose(scored.floats(), luma(image // 2) * (protocol.data_range / 255), rtol=1e-15)


def test_a_grey_original_takes_a_grey_image_stored_as_rgb(tmp_path: Path) -> None:
    grey = photograph()[:40, :, 0]
    touch(tmp_path / "r")
    write_image(tmp_path / "r" / "bird.png", np.dstack([grey] * 3))
    run = Results(tmp_path / "r", ["bird"], scale=2)
    kept = run(Original("bird", grey), None, replace(PROTOCOLS["rcan"], grey="keep"), 2)
    np.testing.assert_array_equal(kept.floats(), grey)
    as_rgb = run(Original("bird", grey), None, PROTOCOLS["rcan"], 2).floats()
    np.testing.assert_allclose(as_rgb, 16 + 219 / 255 * grey, atol=1e-12)
    in_colour = run(Original("bird", np.dstack([grey] * 3)), None, PROTOCOLS["rcan"], 2)
    np.testing.assert_array_equal(as_rgb, in_colour.floats())


ORIGINAL = photograph(41, 50)
GREY = ORIGINAL[:, :, 0]


@pytest.mark.parametrize(
    ("original", "result", "protocol", "message"),
    [
        (ORIGINAL, ORIGINAL, "paper", "is 41x50, expected 39x48: the original was not cropped to a multiple of 3"),
        (ORIGINAL, ORIGINAL[:40, :48], "paper", "cropped to a multiple of 4, not of 3"),
        (ORIGINAL, ORIGINAL[:13, :16], "paper", "that is the low-resolution image"),
        (ORIGINAL, ORIGINAL[:33, :42], "paper", "a border of 3 was cut off already"),
        (ORIGINAL, ORIGINAL[:20, :48], "paper", "is 20x48, expected 39x48, the original .41x50. cropped"),
        (ORIGINAL, GREY[:39, :48], "rcan", "is luma, but rcan scores an RGB result"),
        (ORIGINAL, GREY[:39, :48] / 255, "rcan", "is luma, but rcan scores an RGB result"),
        (GREY, ORIGINAL[:39, :48], "paper", "is in colour, the original grey; --grey rgb"),
        (ORIGINAL, ORIGINAL[:39, :48].astype(np.uint16), "paper", "is 16-bit, the original 8-bit"),
        (ORIGINAL.astype(np.uint16), ORIGINAL[:39, :48], "vdsr-tf", "is 8-bit, the original 16-bit"),
        (ORIGINAL, ORIGINAL[:39, :48] * 1.0, "paper", "holds floats from .* must be in .0, 1.: .* say --peak 255"),
        (ORIGINAL, ORIGINAL[:39, :48] * np.nan, "paper", "holds NaN or infinity"),
        (ORIGINAL, ORIGINAL[:39, :48].astype(np.int32), "paper", "holds int32; allowed are uint8, uint16 and floats"),
    ],
)
def test_what_does_not_fit_says_why(tmp_path: Path, original, result, protocol: str, message: str) -> None:
    touch(tmp_path / "r")
    savemat(tmp_path / "r" / "bird.mat", {"image": result})
    run = Results(tmp_path / "r", ["bird"], scale=3)
    with pytest.raises(VdsrError, match=rf"bird\.mat: .*{message}"):
        run(Original("bird", original), None, PROTOCOLS[protocol], 3)


def test_files_that_hold_no_image_say_why(tmp_path: Path) -> None:
    def refused(file: str, message: str) -> None:
        with pytest.raises(VdsrError, match=message) as caught:
            Results(tmp_path, [Path(file).stem], scale=3)(
                Original(Path(file).stem, ORIGINAL), None, PROTOCOLS["paper"], 3
            )
        assert file in str(caught.value)

    (tmp_path / "text.png").write_text("no picture")
    refused("text.png", "cannot be read as an image")
    Image.fromarray(ORIGINAL).save(tmp_path / "cut.png")
    (tmp_path / "cut.png").write_bytes((tmp_path / "cut.png").read_bytes()[:300])
    refused("cut.png", "cannot be read as an image")
    savemat(tmp_path / "two.mat", {"a": ORIGINAL, "b": ORIGINAL})
    refused("two.mat", "a variable such as sr; holds a .uint8 41x50x3., b .*; name one with --variable")
    savemat(tmp_path / "none.mat", {"psnr": 3.0, "name": "bird"})
    refused("none.mat", r"holds psnr \(float64 1x1\), name \(text 1\); an image is numbers of shape \(rows, columns\)")
    savemat(tmp_path / "turned.mat", {"sr": np.zeros((3, 60, 50))})
    refused("turned.mat", r"holds sr \(float64 3x60x50: channels come last, as np.moveaxis.* puts them\); an image is")
    savemat(tmp_path / "mask.mat", {"sr": np.zeros((2, 5, 5)), "mask": ORIGINAL[:39, :48]})  # not taken for it
    refused("mask.mat", r"holds sr \(float64 2x5x5\), mask \(uint8 39x48x3\); name one with --variable")
    (tmp_path / "half.mat").write_bytes((tmp_path / "two.mat").read_bytes()[:200])
    refused("half.mat", "cannot be read as a .mat file")
    with h5py.File(tmp_path / "new.mat", "w") as file:
        file["sr"] = 1.0
    refused("new.mat", "neither MATLAB nor Octave wrote")


def test_arguments_are_checked(tmp_path: Path) -> None:
    touch(tmp_path / "r", "bird.png")
    for wrong, message in (
        ({"peak": 0}, "peak: 0 is not allowed"),
        ({"peak": np.inf}, "peak: inf is not allowed"),
        ({"variable": 3}, "variable: 3 is not allowed"),
        ({"names": "bird"}, "names: 'bird' is not allowed; give a list"),
        ({"scale": 0}, "scale: 0 is not allowed"),
    ):
        with pytest.raises(ArgumentError, match=message):
            Results(**{"folder": tmp_path / "r", "names": ["bird"], "scale": 2} | wrong)
    with pytest.raises(ArgumentError, match="head is none of the names that files were looked for, bird"):
        Results(tmp_path / "r", ["bird"], scale=2)(Original("head", GREY), None, PROTOCOLS["paper"], 2)


def test_low_resolution_images_are_read_by_name(tmp_path: Path) -> None:
    low = imresize(ORIGINAL[:39, :48], 1 / 3)
    touch(tmp_path / "lr")
    write_image(tmp_path / "lr" / "birdx3.png", low)
    read, remarks = low_resolution(tmp_path / "lr", ["bird"], scale=3)
    assert not remarks
    np.testing.assert_array_equal(read(Original("bird", ORIGINAL)), low)
    write_image(tmp_path / "lr" / "birdx3.png", low.astype(np.uint16))
    with pytest.raises(VdsrError, match=r"birdx3.png: is 16-bit, the original 8-bit"):
        read(Original("bird", ORIGINAL))
    savemat(tmp_path / "lr" / "headx3.mat", {"lr": low / 255})
    with pytest.raises(VdsrError, match=r"holds floats"):
        low_resolution(tmp_path / "lr", ["head"], scale=3)[0](Original("head", ORIGINAL))


@pytest.mark.parametrize("protocol", PROTOCOLS)
@pytest.mark.parametrize("scale", [2.2, 2.5, 1.7, 3.9])
def test_results_at_fractions(scale: float, protocol: str, tmp_path: Path) -> None:
    """As large as the ground truth, or what the scale makes of the low resolution, rounded down or up: Meta-SR's."""
    for name in ("gt", "sr"):
        (tmp_path / name).mkdir()
    write_image(tmp_path / "gt" / "bird.png", photograph(83, 96))
    rules = PROTOCOLS[protocol]
    gt = as_colours(ground_truth(photograph(83, 96), scale=scale, protocol=rules), rules)
    low = imresize(gt, 1 / scale, boundary=rules.boundary)
    up = imresize(low, scale, boundary=rules.boundary)
    floors = tuple(math.floor(side * scale) for side in low.shape[:2])
    assert all(a <= b <= c for a, b, c in zip(gt.shape[:2], floors, up.shape[:2], strict=True))
    found = set()
    for rows, columns in {gt.shape[:2], floors, up.shape[:2]}:
        write_image(tmp_path / "sr" / "bird.png", up[:rows, :columns])
        ours, theirs = score(tmp_path / "sr", tmp_path / "gt", scale, protocols=rules)
        found.add((theirs.psnr, theirs.ssim))
    assert len(found) == 1
    if (rules.source, rules.result) == ("rgb", "rgb"):
        assert found == {(ours.psnr, ours.ssim)}
    wanted = f"{gt.shape[0]}x{gt.shape[1]}"
    for rows, columns in ((gt.shape[0] - 1, gt.shape[1]), (gt.shape[0] + 9, gt.shape[1] + 9), low.shape[:2]):
        write_image(tmp_path / "sr" / "bird.png", imresize(low, size=(rows, columns)))
        with pytest.raises(VdsrError, match=f"^.*bird.png: is {rows}x{columns}, expected {wanted}.*$"):
            score(tmp_path / "sr", tmp_path / "gt", scale, protocols=rules)
