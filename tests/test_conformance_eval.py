"""Scores of the benchmarks against the published tables and MATLAB's own log; skipped where the images are missing."""

import json
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
from click.testing import CliRunner

from vdsr_data.matlab.matfile import read_mat
from vdsr_eval import evaluate, score
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
    """The means differ, so that a table with enough digits says which it was."""
    means = {name: mean_score(evaluate(reference_data / "Set5", scales=2, protocols=name)) for name in PROTOCOLS}
    found = {name: (round(psnr, 2), round(ssim, 4)) for name, (psnr, ssim) in means.items()}
    assert {name: found[name] for name in ("vdsr-tf", "paper", "rcan")} == {
        "vdsr-tf": (33.68, 0.9304), "paper": (33.66, 0.9299), "rcan": (33.67, 0.9303),
    }  # fmt: skip
    assert len({(round(psnr, 6), round(ssim, 6)) for psnr, ssim in means.values()}) == len(PROTOCOLS)
    luma = [psnr for name, (psnr, _) in means.items() if not PROTOCOLS[name].rgb]
    assert np.ptp(luma) < 0.05


def test_dncnn_denoises_set12_as_its_authors_measured(reference_data: Path) -> None:
    """30.44 dB in the paper; the noise is that of ``randn('seed', 0)``, anew for each image, and not rounded."""
    folder = reference_data / "proofs" / "dncnn"
    scores = evaluate(folder / "Set12", folder / "sigma=25.mat", scales=1, protocols="denoising",
                      degradation="noise:noise=25")  # fmt: skip
    psnr, ssim = mean_score(scores)
    assert (f"{psnr:.4f}", f"{ssim:.4f}") == ("30.4358", "0.8618")


VDSR_CLAIMS = [(2, "37.53/0.9587", "paper"), (2, "37.56/0.9591", "dncnn"), (3, "33.66/0.9213", "paper"),
               (3, "33.67/0.9220", "dncnn"), (4, "31.34/0.8838", "paper"), (4, "31.35/0.8845", "dncnn")]  # fmt: skip


@pytest.mark.parametrize(("scale", "claim", "name"), VDSR_CLAIMS)
def test_a_claim_for_the_authors_network_has_its_protocol(
    reference_data: Path, scale: int, claim: str, name: str
) -> None:
    """Table 3 of the VDSR paper, and the same weights in DnCNN's README; no other named protocol fits."""
    scores = evaluate(
        reference_data / "Set5", reference_data / "weights" / "VDSR_Official.mat", scales=scale, claim=claim
    )
    assert scores.explanation is not None
    labels = [way.protocol.label for way in scores.explanation.found]
    assert labels[0] == name
    assert set(labels) & set(PROTOCOLS) == {name}


@pytest.mark.parametrize(
    ("file", "model"), [("weights/VDSR_Official.mat", "VDSR"), ("proofs/dncnn/DnCNN3.mat", "DnCNN-3")]
)
def test_dncnns_table_digit_for_digit(reference_data: Path, file: str, model: str) -> None:
    scores = evaluate(reference_data / "Set5", reference_data / file, protocols="dncnn")
    found = [(mean["scale"], f"{mean['psnr']:.2f}/{mean['ssim']:.4f}") for mean in scores.means()]
    rows = [row for scale in (2, 3, 4) for row in published(dataset="Set5", scale=scale, protocol="dncnn")]
    assert found == [(row.scale, f"{row.psnr:.2f}/{row.ssim:.4f}") for row in rows if row.model == model]


@pytest.mark.parametrize("kind", ["BD", "DN"])
def test_matlabs_log_of_rdns_results_names_rcan_alone(reference_data: Path, kind: str) -> None:
    """Every digit of the PSNR and SSIM of five images, printed by RCAN's MATLAB script."""
    folder = reference_data / "proofs" / "results"
    scores = score(folder / f"RDN_{kind}_x3", reference_data / "Set5", 3, claims=folder / f"RDN_{kind}_x3.txt")
    assert scores.explanation is not None
    assert [way.protocol.label for way in scores.explanation.found] == ["rcan"]


@pytest.mark.parametrize("scale", [2, 3, 4])
def test_bicubic_of_selfexsr_to_the_last_bits(reference_data: Path, scale: int) -> None:
    """PSNR and SSIM of each image as an older MATLAB stored them, in double precision."""
    stored = read_mat(reference_data / "proofs" / "selfexsr" / f"result_Set5_SRF_{scale}.mat")
    records = evaluate(reference_data / "Set5", scales=scale, protocols="rdn")
    assert np.abs([record.psnr for record in records] - stored["PSNR_table"][:, 0]).max() < 1e-13
    assert np.abs([record.ssim for record in records] - stored["SSIM_table"][:, 0]).max() < 2e-14


@pytest.mark.parametrize("name", ["Set5", "Set14", "B100"])
def test_bicubic_of_selfexsr_digit_for_digit(reference_data: Path, name: str) -> None:
    """SelfExSR's README: 8-bit RGB reduced and enlarged, 8-bit luma scored, the grey original of Set14 kept grey."""
    for scale in (2, 3, 4):
        psnr, ssim = mean_score(evaluate(reference_data / name, scales=scale, protocols="rdn"))
        expected = published(dataset=name, scale=scale, protocol="rdn")[0]
        assert (f"{psnr:.2f}", f"{ssim:.4f}") == (f"{expected.psnr:.2f}", f"{expected.ssim:.4f}")
