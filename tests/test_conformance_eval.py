"""Scores of the benchmarks against the published tables and MATLAB's own log; skipped where the images are missing."""

import json
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
from click.testing import CliRunner

from vdsr_eval import evaluate
from vdsr_eval.cli.main import main
from vdsr_eval.protocols.protocol import PROTOCOLS
from vdsr_eval.protocols.published import published
from vdsr_eval.scoring.records import mean_score


@pytest.mark.parametrize("name", ["Set5", "Set14", "B100"])
def test_bicubic_of_vdsr_tf_digit_for_digit_as_printed(reference_data: Path, name: str) -> None:
    """VDSR-TensorFlow's README, through the command itself."""
    result = CliRunner().invoke(main, ["--model", "bicubic", "--dataset", str(reference_data / name)])
    assert result.exit_code == 0, result.output
    rows = [line.split() for line in result.stdout.splitlines() if line.startswith(name)]
    for scale, row in zip((2, 3, 4), rows, strict=True):
        expected = published(dataset=name, scale=scale, protocol="vdsr-tf")[0]
        assert expected.model == "bicubic"
        assert row == [name, f"x{scale}", row[2], f"{expected.psnr:.2f}", "/", f"{expected.ssim:.4f}"]


@pytest.mark.parametrize("scale", [2, 3, 4])
def test_bicubic_of_paper_digit_for_digit(reference_data: Path, scale: int) -> None:
    """Set5 of the VDSR paper's Table 3 (scored by its authors in MATLAB)."""
    psnr, ssim = mean_score(evaluate(reference_data / "Set5", scales=scale, protocols="paper"))
    expected = published(dataset="Set5", scale=scale, protocol="paper")[0]
    assert (f"{psnr:.2f}", f"{ssim:.4f}") == (f"{expected.psnr:.2f}", f"{expected.ssim:.4f}")


def test_per_image_psnr_equals_matlabs_log(reference_data: Path) -> None:
    """An older MATLAB's log of Set5 x2: 8-bit RGB reduced and enlarged with boundary replicate, 8-bit luma scored."""
    protocol = replace(PROTOCOLS["rcan"], luma="uint8", boundary="replicate")
    records = evaluate(reference_data / "Set5", scales=2, protocols=protocol)
    found = {record.image: round(record.psnr, 4) for record in records}
    assert found == {"baby": 37.0263, "bird": 36.7730, "butterfly": 27.4298, "head": 34.8375, "woman": 32.1354}


@pytest.mark.parametrize("name", ["Set5", "B100"])
@pytest.mark.parametrize("scale", [2, 3, 4])
def test_the_authors_network_reaches_their_table(reference_data: Path, tmp_path: Path, name: str, scale: int) -> None:
    """Table 3 of the VDSR paper with the published weights, through the command; B100 takes minutes."""
    pytest.importorskip("keras", reason="needs TensorFlow")
    weights = reference_data / "weights" / "VDSR_Official.mat"
    options = [
        "--scale",
        scale,
        "--model",
        "vdsr",
        "--weights",
        weights,
        "--protocol",
        "paper",
        "--json",
        tmp_path / "j",
    ]
    result = CliRunner().invoke(main, ["--dataset", str(reference_data / name), *map(str, options)])
    assert result.exit_code == 0, result.output
    (row,) = json.loads((tmp_path / "j").read_text())
    (expected,) = [r for r in published(dataset=name, scale=scale, protocol="paper") if r.model == "VDSR"]
    assert row["psnr"] == pytest.approx(expected.psnr, abs=0.01)
    assert row["ssim"] == pytest.approx(expected.ssim, abs=0.0002)


def test_a_self_ensemble_gains(reference_data: Path) -> None:
    """Averaging over eight flips and turns helps a network that was not trained to be symmetric, on every image."""
    pytest.importorskip("keras", reason="needs TensorFlow")
    from vdsr_eval.networks.ensemble import self_ensemble
    from vdsr_eval.networks.network import load_network

    network = load_network(reference_data / "weights" / "VDSR_Official.mat")
    alone, together = (
        evaluate(reference_data / "Set5", upscale, scales=4, protocols="paper")
        for upscale in (network, self_ensemble(network))
    )
    gains = [b.psnr - a.psnr for a, b in zip(alone, together, strict=True)]
    assert min(gains) > 0


def test_no_protocol_is_another_one(reference_data: Path) -> None:
    """The three differ in the digits that papers print, so that a table says which it was."""
    means = {name: mean_score(evaluate(reference_data / "Set5", scales=2, protocols=name)) for name in PROTOCOLS}
    assert {name: (round(psnr, 2), round(ssim, 4)) for name, (psnr, ssim) in means.items()} == {
        "vdsr-tf": (33.68, 0.9304), "paper": (33.66, 0.9299), "rcan": (33.67, 0.9303),
    }  # fmt: skip
    assert np.ptp([psnr for psnr, _ in means.values()]) < 0.02


@pytest.mark.parametrize("name", ["Set5", "Set14", "B100"])
def test_bicubic_of_selfexsr_digit_for_digit(reference_data: Path, name: str) -> None:
    """SelfExSR's README: 8-bit RGB reduced and enlarged, 8-bit luma scored, the grey original of Set14 kept grey."""
    protocol = replace(PROTOCOLS["rcan"], luma="uint8", grey="keep")
    for scale in (2, 3, 4):
        psnr, ssim = mean_score(evaluate(reference_data / name, scales=scale, protocols=protocol))
        expected = published(dataset=name, scale=scale, protocol=protocol)[0]
        assert (f"{psnr:.2f}", f"{ssim:.4f}") == (f"{expected.psnr:.2f}", f"{expected.ssim:.4f}")
