"""Running upscaling functions over a set: what is run, how often, what is refused and what is averaged."""

import math
import warnings
from pathlib import Path

import numpy as np
import pytest
from PIL import Image

from vdsr_data import imresize, luma
from vdsr_data.arrays import RangeWarning
from vdsr_data.datasets import open_testset
from vdsr_data.errors import ArgumentError, VdsrError, VdsrWarning
from vdsr_eval.evaluate import Record, bicubic, evaluate, evaluate_images, mean_score, method
from vdsr_eval.protocol import PROTOCOLS, prepare, score


def photograph(rows: int, columns: int, seed: int) -> np.ndarray:
    random = np.random.default_rng(seed)
    small = random.integers(0, 256, (max(rows // 4, 1), max(columns // 4, 1), 3), np.uint8)
    return imresize(small, size=(rows, columns))


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    """Three images: two of usual size, one too small for the SSIM window."""
    for name, shape in (("apple", (40, 52)), ("pear", (45, 37)), ("seed", (14, 60))):
        Image.fromarray(photograph(*shape, seed=len(name))).save(tmp_path / f"{name}.png")
    return tmp_path


def test_one_record_for_each_image_that_is_large_enough(folder: Path) -> None:
    with pytest.warns(UserWarning, match=r"/seed: left out, 14x60 pixels leave 6x54 inside a border of 3; SSIM needs"):
        records = evaluate(open_testset(folder), scale=3, model="bicubic", upscale=bicubic, protocol=PROTOCOLS["paper"])
    assert [record.image for record in records] == ["apple", "pear"]
    pair = prepare(np.asarray(Image.open(folder / "pear.png")), scale=3, protocol=PROTOCOLS["paper"])
    expected = score(pair.bicubic, pair.gt, scale=3, protocol=PROTOCOLS["paper"])
    assert records[1] == Record(folder.name, "pear", 3, "bicubic", "paper", *expected)


def test_border_can_be_given(folder: Path) -> None:
    records = evaluate(
        open_testset(folder), scale=3, model="m", upscale=bicubic, protocol=PROTOCOLS["vdsr-tf"], border=0
    )
    assert [record.image for record in records] == ["apple", "pear", "seed"]
    assert {record.protocol for record in records} == {"vdsr-tf (border 0)"}


def test_the_upscaler_gets_upsampled_luma_and_its_result_is_scored(folder: Path) -> None:
    (folder / "seed.png").unlink()
    seen = []

    def oracle(lr: np.ndarray, scale: int) -> np.ndarray:
        seen.append((lr, scale))
        name = ("apple", "pear")[len(seen) - 1]
        return luma(np.asarray(Image.open(folder / f"{name}.png")))[: lr.shape[0], : lr.shape[1]] / 255

    with pytest.warns(VdsrWarning, match=r" x4: oracle equals the original of apple, pear: an infinite PSNR"):
        records = evaluate(folder, scale=4, model="oracle", upscale=oracle, protocol=PROTOCOLS["vdsr-tf"])
    assert [record.psnr for record in records] == [math.inf, math.inf]
    gt = luma(np.asarray(Image.open(folder / "apple.png")))[:40, :52] / 255
    np.testing.assert_array_equal(seen[0][0], imresize(imresize(gt, 1 / 4), 4))
    assert seen[0][1] == 4
    assert seen[0][0].dtype == np.float64


def test_a_network_runs_once_for_protocols_that_share_its_input(folder: Path) -> None:
    calls = []

    def network(lr: np.ndarray, scale: int) -> np.ndarray:
        calls.append(lr)
        return lr.astype(np.float32)

    scored = list(
        evaluate_images(
            open_testset(folder), scale=2, methods={"bicubic": method(bicubic), "net": method(network)},
            protocols=list(PROTOCOLS.values()), skip=lambda message: None,
        )
    )  # fmt: skip
    assert len(calls) == 2 * 2  # two images; vdsr-tf and paper share, rcan shrinks another image
    assert [(s.record.image, s.record.protocol, s.record.model) for s in scored[:6]] == [
        ("apple", protocol, model) for protocol in PROTOCOLS for model in ("bicubic", "net")
    ]
    by_model = {(s.record.protocol, s.record.image, s.record.model): s.record.psnr for s in scored}
    for protocol in ("vdsr-tf", "paper"):
        assert by_model[protocol, "pear", "net"] == pytest.approx(by_model[protocol, "pear", "bicubic"], abs=1e-4)


def test_what_is_too_small_for_one_protocol_is_left_out_of_all(folder: Path) -> None:
    from dataclasses import replace

    messages: list[str] = []
    wide = replace(PROTOCOLS["paper"], border=15)
    scored = evaluate_images(
        open_testset(folder), scale=2, methods={"bicubic": method(bicubic)}, protocols=[PROTOCOLS["vdsr-tf"], wide],
        skip=messages.append,
    )  # fmt: skip
    with pytest.raises(VdsrError, match="no image is large enough to be scored at x2"):
        list(scored)
    assert len(messages) == 3


@pytest.mark.parametrize(
    ("spoil", "message"),
    [
        (lambda lr: lr[1:], r"net, .*/apple x2: the result has shape \(39, 52\), its input \(40, 52\)"),
        (lambda lr: np.where(lr > np.median(lr), np.nan, lr), r"/apple x2: the result holds NaN or infinity"),
        (lambda lr: lr / 0, "NaN or infinity"),
        (lambda lr: (lr * 255).astype(np.uint8), r"the result is uint8 of shape \(40, 52\); luma is needed, floats in"),
    ],
)
def test_what_would_poison_a_mean_is_refused(folder: Path, spoil, message: str) -> None:
    with np.errstate(all="ignore"), pytest.raises(VdsrError, match=message):
        evaluate(
            open_testset(folder), scale=2, model="net", upscale=lambda lr, scale: spoil(lr),
            protocol=PROTOCOLS["vdsr-tf"],
        )  # fmt: skip


def test_given_low_resolution_images_replace_the_made_ones(folder: Path) -> None:
    lows = {name: imresize(np.asarray(Image.open(folder / f"{name}.png"))[:, :36], 1 / 2) for name in ("apple", "pear")}
    (folder / "seed.png").unlink()
    scored = evaluate_images(
        open_testset(folder), scale=2, methods={"bicubic": method(bicubic)}, protocols=[PROTOCOLS["rcan"]],
        skip=lambda message: None, low=lambda original: lows[original.name],
    )  # fmt: skip
    with pytest.raises(VdsrError, match=r"/apple: the low-resolution image is 20x18, but .* needs 20x26"):
        next(scored)


def test_mean_score_is_the_mean_over_the_images() -> None:
    records = [Record("s", str(k), 2, "m", "p", float(k), 1 / (k + 1)) for k in range(4)]
    assert mean_score(records) == (1.5, pytest.approx((1 + 1 / 2 + 1 / 3 + 1 / 4) / 4))
    for wrong, message in (([], "no records"), ([1, 2], "records: 1 is not allowed"), (3, "records: 3 is not allowed")):
        with pytest.raises(ArgumentError, match=message):
            mean_score(wrong)


def test_nothing_is_warned_about_without_reason(folder: Path) -> None:
    (folder / "seed.png").unlink()
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        evaluate(open_testset(folder), scale=2, model="m", upscale=bicubic, protocol=PROTOCOLS["rcan"])


def test_a_function_that_changes_its_input_changes_no_other_score(photographs) -> None:
    def careless(lr: np.ndarray, scale: int) -> np.ndarray:
        lr += 0.2
        return lr

    def psnrs(names: list[str]) -> list[float]:
        functions = {"careless": careless, "copy": lambda lr, scale: lr.copy()}
        methods = {name: method(functions[name]) for name in names}
        scored = evaluate_images(
            open_testset(photographs), scale=2, methods=methods, protocols=[PROTOCOLS["paper"]], skip=pytest.fail
        )
        return [item.record.psnr for item in scored if item.record.model == "copy"]

    assert psnrs(["careless", "copy"]) == psnrs(["copy"])


def test_luma_from_0_to_255_is_remarked_upon(folder: Path) -> None:
    (folder / "seed.png").unlink()
    with pytest.warns(RangeWarning, match="the result: floats up to .*; divide by 255"):
        evaluate(folder, scale=2, model="net", upscale=lambda lr, scale: 255 * lr, protocol="paper")


def test_sets_and_protocols_may_be_names(folder: Path) -> None:
    (folder / "seed.png").unlink()
    how = {"scale": 2, "model": "bicubic", "upscale": bicubic}
    expected = evaluate(open_testset(folder), **how, protocol=PROTOCOLS["paper"])
    assert evaluate(str(folder), **how, protocol="Paper") == expected


@pytest.mark.parametrize(
    ("wrong", "message"),
    [
        ({"scale": 0}, "scale: 0 is not allowed; give a whole number, from 2 to 16"),
        ({"scale": 2.5}, "scale: 2.5 is not allowed"),
        ({"protocol": "ntire"}, "protocol: 'ntire' is not allowed; give one of vdsr-tf, paper, rcan"),
        ({"protocol": None}, "protocol: None is not allowed"),
        ({"upscale": "bicubic"}, "upscale: 'bicubic' is not allowed; give a function"),
        ({"model": None}, "model: None is not allowed"),
        ({"border": -1}, "border: -1 is not allowed"),
        ({"testset": np.zeros((20, 20))}, "testset: .* is not allowed; give a folder, a test file or a name"),
    ],
)
def test_arguments_are_checked(folder: Path, wrong: dict[str, object], message: str) -> None:
    how = {"scale": 2, "model": "m", "upscale": bicubic, "protocol": "paper"}
    with pytest.raises(ArgumentError, match=message):
        evaluate(**{"testset": folder} | how | wrong)


def test_methods_and_protocols_of_the_wrong_kind_are_refused(folder: Path) -> None:
    how = {"scale": 2, "methods": {"bicubic": method(bicubic)}, "protocols": ["paper"], "skip": pytest.fail}
    for wrong, message in (
        ({"methods": ["bicubic"]}, "methods: .* is not allowed; give a dict"),
        ({"protocols": "paper"}, "protocols: 'paper' is not allowed; give a list"),
        ({"protocols": ["paper", PROTOCOLS["paper"]]}, "protocols: .* give different ones"),
    ):
        with pytest.raises(ArgumentError, match=message):
            list(evaluate_images(folder, **how | wrong))
