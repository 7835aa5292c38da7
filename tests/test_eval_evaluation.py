"""Running methods over sets from Python: what is run, how often, what is refused and what is averaged."""

import json
import math
import warnings
from dataclasses import FrozenInstanceError, replace
from pathlib import Path

import numpy as np
import pytest
from click.testing import CliRunner
from PIL import Image

from vdsr_data import im2double, imresize, luma, rgb2ycbcr
from vdsr_data.benchmark.sets import open_set
from vdsr_data.errors import ArgumentError, VdsrError
from vdsr_data.matlab.arrays import RangeWarning
from vdsr_eval import PROTOCOLS, Record, ResultFolder, Scores, evaluate, of_small_image, score
from vdsr_eval.protocols.pair import prepare, small_image
from vdsr_eval.protocols.pair import score as score_of
from vdsr_eval.scoring.records import mean_score


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
        scores = evaluate(open_set(folder), "bicubic", scales=3, protocols="paper")
    assert [record.image for record in scores] == ["apple", "pear"]
    pair = prepare(np.asarray(Image.open(folder / "pear.png")), scale=3, protocol="paper")
    expected = score_of(pair.bicubic, pair.gt, scale=3, protocol="paper")
    assert scores.records[1] == Record(folder.name, "pear", 3, "bicubic", "paper", *expected)
    assert scores.left_out == (
        f"{folder.name}/seed: left out, 14x60 pixels leave 6x54 inside a border of 3; SSIM needs 11x11",
    )


def test_border_can_be_given(folder: Path) -> None:
    scores = evaluate(folder, scales=3, border=0)
    assert [record.image for record in scores] == ["apple", "pear", "seed"]
    assert {record.protocol for record in scores} == {"vdsr-tf (border 0)"}


def test_the_upscaler_gets_upsampled_luma_and_its_result_is_scored(folder: Path) -> None:
    (folder / "seed.png").unlink()
    seen = []

    def oracle(lr: np.ndarray, scale: int) -> np.ndarray:
        seen.append((lr, scale))
        name = ("apple", "pear")[len(seen) - 1]
        return luma(np.asarray(Image.open(folder / f"{name}.png")))[: lr.shape[0], : lr.shape[1]] / 255

    scores = evaluate(folder, oracle, scales=4)
    assert [record.psnr for record in scores] == [math.inf, math.inf]
    (remark,) = scores.remarks
    assert remark.startswith("oracle: equals the original, 2 images: ")
    assert str(scores).endswith(remark)
    gt = luma(np.asarray(Image.open(folder / "apple.png")))[:40, :52] / 255
    np.testing.assert_array_equal(seen[0][0], imresize(imresize(gt, 1 / 4), 4))
    assert seen[0][1] == 4
    assert seen[0][0].dtype == np.float64


def test_a_method_runs_once_for_protocols_that_share_its_input(folder: Path) -> None:
    (folder / "seed.png").unlink()
    calls, small = [], []

    def network(lr: np.ndarray, scale: int) -> np.ndarray:
        calls.append(lr)
        return lr.astype(np.float32)

    def enlarged(image: np.ndarray, scale: int) -> np.ndarray:
        small.append(image)
        return imresize(image, scale)

    methods = {"bicubic": "bicubic", "net": network, "own": of_small_image(enlarged)}
    scores = evaluate(folder, methods, scales=2, protocols=PROTOCOLS)
    # Two images; vdsr-tf and paper share, and so do rcan, dncnn, ntire and gopro; rdn, lapsrn, basicsr are alone.
    assert len(calls) == len(small) == 2 * 5
    assert [(r.image, r.protocol, r.model) for r in scores.records[: 3 * len(PROTOCOLS)]] == [
        ("apple", protocol, model) for protocol in PROTOCOLS for model in methods
    ]
    psnr = {(r.protocol, r.image, r.model): r.psnr for r in scores}
    for protocol in ("vdsr-tf", "paper"):
        assert psnr[protocol, "pear", "net"] == pytest.approx(psnr[protocol, "pear", "bicubic"], abs=1e-4)
        assert psnr[protocol, "pear", "own"] == psnr[protocol, "pear", "bicubic"]


def test_what_is_too_small_for_one_protocol_is_left_out_of_all(folder: Path) -> None:
    messages: list[str] = []
    rules = [PROTOCOLS["vdsr-tf"], replace(PROTOCOLS["paper"], border=15)]
    with pytest.raises(VdsrError, match="no image is large enough to be scored at x2"):
        evaluate(folder, scales=2, protocols=rules, remark=messages.append)
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
        evaluate(folder, {"net": lambda lr, scale: spoil(lr)}, scales=2)


@pytest.mark.parametrize(
    ("spoil", "message"),
    [
        (
            lambda image: image,
            r"net, .*/apple x2: the result has shape \(20, 26, 3\); \(40, 52, 3\) is needed",
        ),
        (lambda image: np.full((40, 52, 3), np.nan), "the result holds NaN or infinity"),
        (lambda image: np.zeros((40, 52, 3), np.uint8), r"the result is uint8; floats in \[0, 1\] are needed"),
    ],
)
def test_what_a_function_of_the_small_image_may_not_give(folder: Path, spoil, message: str) -> None:
    with pytest.raises(VdsrError, match=message):
        evaluate(folder, {"net": of_small_image(lambda image, scale: spoil(image), colour="rgb")}, scales=2)


def test_given_low_resolution_images_replace_the_made_ones(folder: Path) -> None:
    (folder / "seed.png").unlink()
    (folder / "lr").mkdir()
    for name in ("apple", "pear"):
        whole = np.asarray(Image.open(folder / f"{name}.png"))
        Image.fromarray(255 - imresize(whole[: len(whole) // 2 * 2, : whole.shape[1] // 2 * 2], 1 / 2)).save(
            folder / "lr" / f"{name}.png"
        )
    seen = []
    small = of_small_image(lambda image, scale: (seen.append(image), imresize(image, scale))[1], colour="rgb")
    evaluate(folder, {"m": small}, scales=2, protocols=["rcan", "paper"], lr=folder / "lr")
    given = im2double(np.asarray(Image.open(folder / "lr" / "apple.png")))
    assert len(seen) == 2  # the protocols share the images
    np.testing.assert_array_equal(seen[0], given)
    Image.fromarray(np.zeros((20, 18, 3), np.uint8)).save(folder / "lr" / "apple.png")
    with pytest.raises(VdsrError, match=r"/apple: the low-resolution image is 20x18, but .* needs 20x26"):
        evaluate(folder, scales=2, protocols="rcan", lr=str(folder / "lr"))


@pytest.mark.parametrize("protocol", PROTOCOLS)
def test_the_small_image_enlarged_is_the_input_of_networks(protocol: str) -> None:
    image, rules = photograph(40, 52, seed=1)[:36, :48], PROTOCOLS[protocol]
    pair = prepare(image, scale=2, protocol=protocol)
    small = small_image(image, scale=2, protocol=protocol)
    rgb = small_image(image, scale=2, protocol=protocol, colour="rgb")
    up = imresize(small, 2, boundary=rules.boundary)
    if rules.source == "luma":
        np.testing.assert_array_equal(up, pair.ilr)
        assert rgb.shape == (18, 24, 3)
        np.testing.assert_allclose(rgb2ycbcr(rgb)[:, :, 0], small, rtol=0, atol=2e-2)
    else:  # luma of what is enlarged as RGB is enlarged luma, but for rounding in float64
        np.testing.assert_allclose(up, pair.ilr, rtol=0, atol=1e-12)
        floats = imresize(im2double(image), 1 / 2, boundary=rules.boundary)
        low = {"rgb": im2double(imresize(image, 1 / 2, boundary=rules.boundary)), "rgb-float": floats,
               "rgb-once": np.floor(floats.clip(0, 1) * 255 + 0.5) / 255}  # fmt: skip
        np.testing.assert_array_equal(rgb, low[rules.source])
    grey = small_image(image[:, :, 0], scale=2, protocol=replace(PROTOCOLS[protocol], grey="keep"), colour="rgb")
    assert grey.shape == (18, 24, 3)
    assert (grey == grey[:, :, :1]).all()


@pytest.mark.parametrize("grey", ["keep", "rgb"])
@pytest.mark.parametrize("rgb", [False, True])
@pytest.mark.parametrize("colour", ["luma", "rgb"])
def test_functions_of_the_small_image_under_every_protocol(tmp_path: Path, grey: str, rgb: bool, colour: str) -> None:
    """A function that enlarges as the protocols do is near bicubic everywhere, whatever is colour and what is grey."""
    Image.fromarray(photograph(40, 52, seed=1)).save(tmp_path / "colour.png")
    Image.fromarray(photograph(44, 48, seed=2)[:, :, 0]).save(tmp_path / "grey.png")
    methods = {"bicubic": "bicubic", "own": of_small_image(imresize, colour=colour)}
    scores = evaluate(tmp_path, methods, scales=2, protocols=PROTOCOLS, rgb=rgb, grey=grey)
    for bicubic, own in zip(scores.records[::2], scores.records[1::2], strict=True):
        assert own.psnr == pytest.approx(bicubic.psnr, abs=0.1)


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
        assert evaluate(folder, scales=2, protocols="rcan").remarks == ()


def test_a_function_that_changes_its_input_changes_no_other_score(photographs) -> None:
    def careless(lr: np.ndarray, scale: int) -> np.ndarray:
        lr += 0.2
        return lr

    def psnrs(names: list[str]) -> list[float]:
        functions = {"careless": careless, "copy": lambda lr, scale: lr.copy()}
        functions["small"] = of_small_image(lambda image, scale: np.kron(careless(image, 1), np.ones((scale, scale))))
        scores = evaluate(photographs, {name: functions[name] for name in names}, scales=2, protocols="paper")
        return [record.psnr for record in scores if record.model == "copy"]

    assert psnrs(["careless", "small", "copy"]) == psnrs(["copy"])


def test_luma_from_0_to_255_is_remarked_upon(folder: Path) -> None:
    (folder / "seed.png").unlink()
    for wrong in (lambda lr, scale: 255 * lr, of_small_image(lambda image, scale: 255 * imresize(image, scale))):
        with pytest.warns(RangeWarning, match="the result: floats up to .*; divide by 255"):
            evaluate(folder, {"net": wrong}, scales=2, protocols="paper")


def test_sets_protocols_and_methods_may_be_one_or_several(folder: Path) -> None:
    (folder / "seed.png").unlink()
    expected = evaluate([open_set(folder)], {"bicubic": "bicubic"}, scales=[2], protocols=[PROTOCOLS["paper"]]).records
    assert evaluate(str(folder), "bicubic", scales=2, protocols="Paper").records == expected
    assert evaluate((folder, str(folder)), ["bicubic"], scales=(2, 2), protocols=["paper"] * 2).records == expected


@pytest.mark.parametrize(
    ("wrong", "message"),
    [
        ({"scales": 0}, "scales: 0 is not allowed; give a number from 1 to 16"),
        ({"scales": 17.5}, "scales: 17.5 is not allowed"),
        ({"scales": 1}, "scales: at 1 nothing is reduced; give lr"),
        ({"scales": 2.5, "degradation": "bd"}, "scale must be a whole number from 1 to 64 for bd"),
        ({"rules": {"ssim": "odd"}}, "ssim: 'odd' is not allowed; give one of valid"),
        ({"rules": {"colour": "odd"}}, "rule: 'colour' is not allowed; give one of source"),
        ({"scales": "23"}, "scales: '23' is not allowed"),
        ({"scales": []}, "scales: give at least one"),
        ({"protocols": "set5"}, "protocol: 'set5' is not allowed; give one of vdsr-tf, paper, rcan"),
        ({"protocols": None}, "protocol: None is not allowed"),
        ({"protocols": []}, "protocols: give at least one of vdsr-tf, paper, rcan"),
        ({"methods": 3}, "methods: 3 is not allowed; give bicubic, weights, a folder of results or a function"),
        ({"methods": {None: "bicubic"}}, "methods: None is not allowed; give the name that tables show"),
        ({"methods": {"bicubic": np.square}}, "bicubic is the name of the baseline; call this method by another"),
        ({"methods": [lambda lr, scale: lr]}, "methods: <lambda> do not tell the methods apart; give a dict"),
        ({"methods": []}, "methods: give at least one"),
        ({"baseline": "bicubic"}, "`baseline` bicubic: there is nothing else to compare with it"),
        ({"border": -1}, "border: -1 is not allowed"),
        ({"grey": "no"}, "grey: 'no' is not allowed"),
        ({"sets": np.zeros((2, 2))}, "sets: .* is not allowed; give a folder, a benchmark file or a name"),
        ({"sets": []}, "sets: give at least one"),
        ({"html_images": -1}, "html_images: -1 is not allowed"),
    ],
)
def test_arguments_are_checked(folder: Path, wrong: dict[str, object], message: str) -> None:
    how = {"sets": folder, "methods": "bicubic", "scales": 2, "protocols": "paper"}
    with pytest.raises(ArgumentError, match=message):
        evaluate(**how | wrong)


def test_a_function_of_the_small_image_needs_a_function_and_a_colour() -> None:
    for wrong, message in (
        (("bicubic", "luma"), "function: 'bicubic' is not allowed"),
        ((abs, "hsv"), "colour: 'hsv'"),
    ):
        with pytest.raises(ArgumentError, match=message):
            of_small_image(wrong[0], colour=wrong[1])


def save_results(folder: Path, source: Path, shift: int) -> None:
    folder.mkdir(parents=True)
    for path in source.glob("*.png"):
        image = np.asarray(Image.open(path)).astype(int)
        image = image[: len(image) // 2 * 2, : image.shape[1] // 2 * 2] + shift
        Image.fromarray(image.clip(0, 255).astype(np.uint8)).save(folder / f"{path.stem}_x2.png")


def test_folders_of_results_stand_beside_functions(tmp_path: Path, folder: Path) -> None:
    """Each set and scale has its files in the folder, or in one of its own."""
    (folder / "seed.png").unlink()
    save_results(folder / "near", folder, 3)
    save_results(folder / "far" / folder.name / "x2", folder, 9)
    methods = ["bicubic", folder / "near", ResultFolder(str(folder / "far"), pattern="*_x2*")]
    scores = evaluate(folder, methods, scales=2, protocols="rcan", baseline="bicubic")
    psnr = {record.model: record.psnr for record in scores if record.image == "pear"}
    assert list(psnr) == ["bicubic", "near", "far"]
    assert psnr["near"] > psnr["far"]
    assert "Against bicubic" in scores.tables()[1].heading
    assert [row["model"] for row in scores.means()] == ["bicubic", "near", "far"]


def test_score_is_evaluate_of_a_folder(folder: Path) -> None:
    (folder / "seed.png").unlink()
    for name, shift in (("near", 3), ("far", 9)):
        save_results(folder / name, folder, shift)
    scores = score(folder / "near", folder, 2, name="mine", baseline=folder / "far", protocols="rcan", border=4)
    assert scores.baseline == "far"
    assert {record.model for record in scores} == {"bicubic", "mine", "far"}
    assert {record.protocol for record in scores} == {"rcan (border 4)"}
    alike = evaluate(folder, {"mine": folder / "near"}, scales=2, protocols="rcan", border=4)
    assert alike.records == tuple(record for record in scores if record.model == "mine")
    for wrong, message in (
        ({"name": "bicubic"}, "bicubic is the name of the baseline"),
        ({"baseline": str(folder / "near")}, "is `folder` itself"),
        ({"peak": 0}, "peak: 0 is not allowed"),
    ):
        with pytest.raises(ArgumentError, match=message):
            score(folder / "near", folder, 2, **wrong)


def test_the_baseline_is_evaluated_too(folder: Path) -> None:
    (folder / "seed.png").unlink()

    def half(lr: np.ndarray, scale: int) -> np.ndarray:
        return lr / 2

    scores = evaluate(folder, half, scales=2, baseline="bicubic")
    assert [record.model for record in scores][:2] == ["bicubic", "half"]
    assert "PSNR minus that of bicubic" in scores.table()
    assert evaluate(folder, ["bicubic", half], scales=2, baseline=half).baseline == "half"
    with pytest.raises(ArgumentError, match="baseline: half is the name of another method"):
        evaluate(folder, {"half": "bicubic", "b": half}, scales=2, baseline=half)
    averaged = evaluate(folder, {"half": half}, scales=2, baseline="bicubic", self_ensemble=True)
    assert [record.model for record in averaged][:2] == ["bicubic", "half x8"]
    assert [r.psnr for r in averaged] == pytest.approx([r.psnr for r in scores], abs=1e-9)


def test_scores_are_what_the_command_prints_and_writes(folder: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    from vdsr_eval.cli.main import main

    (folder / "seed.png").unlink()
    monkeypatch.chdir(folder.parent)
    files = {"json": "s.json", "csv": "s.csv", "markdown": "s.md", "latex": "s.tex", "html": "s.html"}
    words = [
        "--dataset",
        folder.name,
        "--model",
        "bicubic",
        "--scale",
        "3,2",
        "--protocol",
        "paper,rcan",
        "--per-image",
    ]
    words += [word for name, file in files.items() for word in (f"--{name}", file)]
    printed = CliRunner().invoke(main, [*words, "--html-images", "2"])
    assert printed.exit_code == 0, printed.output
    scores = evaluate(folder, scales=[3, 2], protocols=["paper", "rcan"], html_images=2)
    assert scores.table(per_image=True) == printed.stdout
    assert scores.to_json() == Path("s.json").read_text()
    assert scores.to_csv() == Path("s.csv").read_text()
    assert scores.to_markdown(per_image=True) == Path("s.md").read_text()
    assert scores.to_latex(per_image=True) == Path("s.tex").read_text()
    scores.to_html("ours.html", per_image=True)
    assert Path("ours.html").read_bytes() == Path("s.html").read_bytes()


def test_scores_are_rows_and_stay_as_they_are(folder: Path) -> None:
    (folder / "seed.png").unlink()
    scores = evaluate(folder, scales=2)
    assert scores.rows()[0] == {
        "dataset": folder.name, "image": "apple", "scale": 2, "model": "bicubic", "protocol": "vdsr-tf",
        "psnr": scores.records[0].psnr, "ssim": scores.records[0].ssim,
    }  # fmt: skip
    assert len(scores) == 2
    assert scores.to_json() == json.dumps(json.loads(scores.to_json()), indent=1) + "\n"
    assert scores._repr_markdown_().startswith("vdsr-tf: ")
    assert isinstance(scores, Scores)
    with pytest.raises(FrozenInstanceError):
        scores.records = ()


def test_pictures_of_python_are_checked_as_those_of_the_command(folder: Path) -> None:
    (folder / "seed.png").unlink()
    folder = folder.rename(folder.with_name("set"))
    how = {"scales": 2, "save_mat": folder / "m"}
    evaluate(folder, **how, images="apple")
    assert [path.name for path in (folder / "m").rglob("*.mat")] == ["apple_bicubic.mat"]
    evaluate(folder, **how, force=True)
    with pytest.raises(VdsrError, match="m: is not empty; name a new folder, or use --force"):
        evaluate(folder, **how)
    with pytest.raises(VdsrError, match=r"what is written there would lie in .*, which is read"):
        evaluate(folder, {"r": folder / "m" / "set" / "x2"}, **how, force=True)
    with pytest.raises(VdsrError, match="--image plum: no such image"):
        evaluate(folder, scales=2, images=["plum"])
