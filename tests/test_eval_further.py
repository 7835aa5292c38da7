"""Further metrics of pictures: ours as the functions give them, pyiqa's through a stand-in of its interface."""

import json
import sys
from pathlib import Path
from types import ModuleType

import numpy as np
import pytest

from vdsr_data import open_set, write_image
from vdsr_data.errors import ArgumentError, VdsrError
from vdsr_eval import SSIM_FORMS, evaluate, gmsd, ms_ssim, ssim


@pytest.fixture
def hills(tmp_path: Path) -> Path:
    (tmp_path / "hills").mkdir()
    y, x = np.mgrid[:196, :204]
    for seed in (1, 2):
        planes = [np.sin(x / (5 + seed + c)) * np.cos(y / 4) * 90 + 120 for c in range(3)]
        noise = np.random.default_rng(seed).normal(0, 6, (196, 204, 3))
        write_image(tmp_path / "hills" / f"h{seed}.png", (np.dstack(planes) + noise).clip(0, 255).astype(np.uint8))
    y, x = np.mgrid[:190, :190]
    write_image(tmp_path / "hills" / "grey.png", (128 + 100 * np.sin(x / 3) * np.cos(y / 5)).astype(np.uint8))
    return tmp_path / "hills"


@pytest.mark.parametrize("protocol", ["rcan", "paper"])
def test_ours_are_those_of_the_pictures(hills: Path, tmp_path: Path, protocol: str) -> None:
    from vdsr_data import read_image, rgb2gray

    scores = evaluate(hills, scales=2, protocols=[protocol, "vdsr-tf"], metrics=["gmsd", "ms-ssim", "ssim-rgb"],
                      save_images=tmp_path / "p")  # fmt: skip
    rows = {row["image"]: row for row in scores.further.rows()}
    assert {row["protocol"] for row in rows.values()} == {protocol}
    for original in open_set(hills):
        name = original.name
        folder = tmp_path / "p" / "hills" / "x2"
        a, b = (read_image(folder / f"{name}_{tag}.png")[2:-2, 2:-2] for tag in ("bicubic", "gt"))
        a = a if a.ndim == b.ndim else a[:, :, 0]
        form = SSIM_FORMS["volume" if b.ndim == 3 else "replicate"]
        assert rows[name]["ssim-rgb"] == pytest.approx(ssim(a, b, data_range=255, **form), abs=1e-12)
        grey = [one if one.ndim == 2 else rgb2gray(one) for one in (a, b)]
        assert rows[name]["gmsd"] == pytest.approx(gmsd(*grey, data_range=255), abs=1e-12)
        assert rows[name]["ms-ssim"] == pytest.approx(ms_ssim(*grey, data_range=255), abs=1e-12)
    table = scores.tables()[-1]
    assert table.columns == ("set", "scale", "method", "gmsd", "ms-ssim", "ssim-rgb")
    means = [f"{np.mean([row[name] for row in rows.values()]):.4f}" for name in table.columns[3:]]
    assert table.rows == [("hills", "x2", "bicubic", *means)]
    images = {one["image"]: one for one in json.loads(scores.to_json())[0]["images"]}
    assert images["h1"]["gmsd"] == rows["h1"]["gmsd"]


def test_a_model_that_was_not_fetched_is_named(hills: Path, monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    monkeypatch.setenv("VDSR_DATA", str(tmp_path))
    (hills / "grey.png").unlink()
    with pytest.raises(VdsrError, match="vdsr-data fetch niqe"):
        evaluate(hills, scales=2, metrics="niqe")


def test_what_is_too_small_is_named(tmp_path: Path) -> None:
    write_image(tmp_path / "small.png", np.arange(40 * 44, dtype=np.uint8).reshape(40, 44))
    with pytest.raises(VdsrError, match=r"small x2, ms-ssim: ms_ssim needs"):
        evaluate(tmp_path, scales=2, metrics="ms-ssim")


@pytest.fixture
def pyiqa(monkeypatch: pytest.MonkeyPatch) -> ModuleType:
    """What the bridge uses of pyiqa: names, and metrics of tensors."""
    pytest.importorskip("torch")
    module = ModuleType("pyiqa")
    module.__version__ = "9.9"
    module.list_models = lambda: ["far", "mean", "broken"]

    def create_metric(name: str, device: str) -> object:
        assert device == "cpu"
        if name == "broken":
            raise RuntimeError("no network")

        class Metric:
            metric_mode = "NR" if name == "mean" else "FR"

            def __call__(self, image, *reference):
                assert image.shape[:2] == (1, 3)
                return image.mean() if not reference else (image - reference[0]).abs().mean()

        return Metric()

    module.create_metric = create_metric
    monkeypatch.setitem(sys.modules, "pyiqa", module)
    return module


def test_metrics_of_pyiqa_stand_beside_ours(hills: Path, pyiqa: ModuleType) -> None:
    scores = evaluate(hills, scales=2, protocols="rcan", metrics="gmsd", also="pyiqa:far,mean")
    row = next(row for row in scores.further.rows() if row["image"] == "h1")
    assert row.keys() >= {"gmsd", "pyiqa:far", "pyiqa:mean"}
    assert 0 < row["pyiqa:far"] < 0.2 < row["pyiqa:mean"] < 0.8


@pytest.mark.parametrize(
    ("also", "error", "words"),
    [
        ("lpips", ArgumentError, "also: 'lpips' is not allowed; give metrics of pyiqa, such as pyiqa:lpips,dists"),
        ("pyiqa:", ArgumentError, "is not allowed"),
        ("pyiqa:near", ArgumentError, "also: pyiqa 9.9 has no metric 'near'"),
        ("pyiqa:broken", VdsrError, r"pyiqa cannot make broken \(no network\)"),
    ],
)
def test_what_pyiqa_has_not_is_one_line(hills: Path, pyiqa: ModuleType, also: str, error: type, words: str) -> None:
    with pytest.raises(error, match=words):
        evaluate(hills, scales=2, also=also)


def test_pyiqa_may_be_missing(hills: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(sys.modules, "pyiqa", None)
    with pytest.raises(VdsrError, match="pyiqa is not installed: pip install pyiqa"):
        evaluate(hills, scales=2, also="pyiqa:lpips")
    with pytest.raises(ArgumentError, match="metric: 'fid' is not allowed; give one of niqe"):
        evaluate(hills, scales=2, metrics="fid")
