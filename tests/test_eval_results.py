"""Other people's results: matched by name, refused with a reason, scored as our own would be."""

from dataclasses import replace
from pathlib import Path

import h5py
import numpy as np
import pytest
from PIL import Image
from scipy.io import savemat

from vdsr_data import imresize, luma
from vdsr_data.datasets import Original, open_testset
from vdsr_data.errors import VdsrError
from vdsr_data.images import write_image
from vdsr_eval.evaluate import bicubic, evaluate_images, method
from vdsr_eval.protocol import PROTOCOLS, prepare
from vdsr_eval.results import low_resolution, match_files, results


def photograph(rows: int = 41, columns: int = 50, seed: int = 0) -> np.ndarray:
    small = np.random.default_rng(seed).integers(0, 256, (rows // 5, columns // 5, 3), np.uint8)
    return imresize(small, size=(rows, columns))


def touch(folder: Path, *names: str) -> None:
    folder.mkdir(exist_ok=True)
    for name in names:
        (folder / name).write_bytes(b"")


@pytest.mark.parametrize(
    "file",
    ["butterfly.png", "Butterfly.BMP", "butterfly_RCAN_x3.png", "x3-butterfly.mat", "butterflyx3.tif",
     "SR_butterfly_3.png", "img-butterfly-SRF_3_SR.png", "0_butterfly_x3_x3.png"],
)  # fmt: skip
def test_prefixes_and_suffixes_are_understood(tmp_path: Path, file: str) -> None:
    touch(tmp_path / "r", file, "readme.txt", ".hidden_butterfly.png", "bird_x3.png")
    assert match_files(tmp_path / "r", ["butterfly", "bird"], scale=3)["butterfly"].name == file


def test_the_longest_name_owns_a_file(tmp_path: Path) -> None:
    touch(tmp_path / "r", "img_1_x2.png", "img_10_x2.png", "img_1_b_x2.png", "253027.png", "53027.png")
    names = ["img_1", "img_10", "img_1_b", "253027", "53027"]
    matched = match_files(tmp_path / "r", names, scale=2)
    assert [matched[name].name for name in names] == [
        "img_1_x2.png", "img_10_x2.png", "img_1_b_x2.png", "253027.png", "53027.png",
    ]  # fmt: skip


def test_other_scales_are_set_aside(tmp_path: Path) -> None:
    touch(tmp_path / "r", "bird_x2.png", "bird_x3.png", "bird_x4.png")
    for scale in (2, 3, 4):
        assert match_files(tmp_path / "r", ["bird"], scale=scale)["bird"].name == f"bird_x{scale}.png"
    with pytest.raises(
        VdsrError, match=r"no file is named after the image bird at x8; candidates: bird_x2.png, bird_x3"
    ):
        match_files(tmp_path / "r", ["bird"], scale=8)


def test_an_exact_name_goes_first(tmp_path: Path) -> None:
    touch(tmp_path / "r", "bird.png", "bird_residual.png")
    assert match_files(tmp_path / "r", ["bird"], scale=2)["bird"].name == "bird.png"


def test_missing_and_ambiguous_matches_list_the_candidates(tmp_path: Path) -> None:
    touch(tmp_path / "r", "bird_A.png", "bird_B.png", *(f"other{k}.png" for k in range(9)))
    with pytest.raises(VdsrError, match=r"2 files could be the image bird at x3; candidates: bird_A.png, bird_B.png$"):
        match_files(tmp_path / "r", ["bird"], scale=3)
    with pytest.raises(
        VdsrError, match=r"no file is named after the image head at x3; candidates: bird_A.* and 5 more"
    ):
        match_files(tmp_path / "r", ["head"], scale=3)
    touch(tmp_path / "empty")
    with pytest.raises(VdsrError, match=r"no result in it; looked for .jpg"):
        match_files(tmp_path / "empty", ["head"], scale=3)
    with pytest.raises(VdsrError, match=r"no such folder"):
        match_files(tmp_path / "nowhere", ["head"], scale=3)


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
    testset = open_testset(gt)
    (tmp_path / "r").mkdir()
    for original in testset:
        pair = prepare(original.pixels, scale=3, protocol=protocol)
        if name == "rcan" or rgb:
            colours = prepare(original.pixels, scale=3, protocol=replace(protocol, rgb=True)).bicubic
            if protocol.result == "float":
                savemat(tmp_path / "r" / f"{original.name}_3.mat", {"sr": colours})
            else:
                write_image(tmp_path / "r" / f"{original.name}_x3.png", colours.astype(np.uint8))
        else:
            savemat(tmp_path / "r" / f"{original.name}_3.mat", {"sr": pair.bicubic / protocol.data_range, "scale": 3})
    methods = {"bicubic": method(bicubic), "theirs": results(tmp_path / "r", testset.image_names, scale=3)}
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
    scored = results(tmp_path / "r", ["bird"], scale=2)(Original("bird", image), None, protocol, 2)
    np.testing.assert_allclose(scored, luma(image // 2) * (protocol.data_range / 255), rtol=1e-15)


def test_a_grey_original_takes_a_grey_image_stored_as_rgb(tmp_path: Path) -> None:
    grey = photograph()[:40, :, 0]
    touch(tmp_path / "r")
    write_image(tmp_path / "r" / "bird.png", np.dstack([grey] * 3))
    scored = results(tmp_path / "r", ["bird"], scale=2)(Original("bird", grey), None, PROTOCOLS["rcan"], 2)
    np.testing.assert_array_equal(scored, grey)


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
        (ORIGINAL, GREY[:39, :48], "paper", "is grey, the original in colour"),
        (ORIGINAL, GREY[:39, :48] / 255, "rcan", "is luma, but rcan scores an RGB result"),
        (GREY, ORIGINAL[:39, :48], "paper", "is in colour, the original grey"),
        (ORIGINAL, ORIGINAL[:39, :48].astype(np.uint16), "paper", "is 16-bit, the original 8-bit"),
        (ORIGINAL.astype(np.uint16), ORIGINAL[:39, :48], "vdsr-tf", "is 8-bit, the original 16-bit"),
        (ORIGINAL, ORIGINAL[:39, :48] * 1.0, "paper", "holds floats from .* must be in .0, 1.: divide"),
        (ORIGINAL, ORIGINAL[:39, :48] * np.nan, "paper", "holds NaN or infinity"),
        (ORIGINAL, ORIGINAL[:39, :48].astype(np.int32), "paper", "holds int32; allowed are uint8, uint16 and floats"),
    ],
)
def test_what_does_not_fit_says_why(tmp_path: Path, original, result, protocol: str, message: str) -> None:
    touch(tmp_path / "r")
    savemat(tmp_path / "r" / "bird.mat", {"image": result})
    run = results(tmp_path / "r", ["bird"], scale=3)
    with pytest.raises(VdsrError, match=rf"bird\.mat: .*{message}"):
        run(Original("bird", original), None, PROTOCOLS[protocol], 3)


def test_files_that_hold_no_image_say_why(tmp_path: Path) -> None:
    def refused(file: str, message: str) -> None:
        with pytest.raises(VdsrError, match=message) as caught:
            results(tmp_path, [Path(file).stem], scale=3)(
                Original(Path(file).stem, ORIGINAL), None, PROTOCOLS["paper"], 3
            )
        assert file in str(caught.value)

    (tmp_path / "text.png").write_text("no picture")
    refused("text.png", "cannot be read as an image")
    Image.fromarray(ORIGINAL).save(tmp_path / "cut.png")
    (tmp_path / "cut.png").write_bytes((tmp_path / "cut.png").read_bytes()[:300])
    refused("cut.png", "cannot be read as an image")
    savemat(tmp_path / "two.mat", {"a": ORIGINAL, "b": ORIGINAL})
    refused("two.mat", "needs one image, in a variable such as sr; holds a, b")
    savemat(tmp_path / "none.mat", {"psnr": 3.0, "name": "bird"})
    refused("none.mat", "holds none")
    (tmp_path / "half.mat").write_bytes((tmp_path / "two.mat").read_bytes()[:200])
    refused("half.mat", "cannot be read as a .mat file")
    with h5py.File(tmp_path / "new.mat", "w") as file:
        file["sr"] = 1.0
    refused("new.mat", "version 7.3; load it in MATLAB and save it with '-v7'")


def test_low_resolution_images_are_read_by_name(tmp_path: Path) -> None:
    low = imresize(ORIGINAL[:39, :48], 1 / 3)
    touch(tmp_path / "lr")
    write_image(tmp_path / "lr" / "birdx3.png", low)
    read = low_resolution(tmp_path / "lr", ["bird"], scale=3)
    np.testing.assert_array_equal(read(Original("bird", ORIGINAL)), low)
    write_image(tmp_path / "lr" / "birdx3.png", low.astype(np.uint16))
    with pytest.raises(VdsrError, match=r"birdx3.png: is 16-bit, the original 8-bit"):
        read(Original("bird", ORIGINAL))
    savemat(tmp_path / "lr" / "headx3.mat", {"lr": low / 255})
    with pytest.raises(VdsrError, match=r"holds floats"):
        low_resolution(tmp_path / "lr", ["head"], scale=3)(Original("head", ORIGINAL))
