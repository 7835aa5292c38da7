"""Degraded images that MATLAB wrote for published papers, value for value."""

from pathlib import Path

import numpy as np
import pytest
from scipy.io import loadmat

from vdsr_data import colon, degrade, read_image
from vdsr_eval import evaluate
from vdsr_eval.scoring.records import mean_score

pytestmark = pytest.mark.conformance

SCALES = (1.1, 1.2, 1.4, 1.5, 1.6, 1.8, 2.5, 2.6, 3.0, 3.3, 3.5, 3.6, 4.0)


NAMES = ("baby", "bird", "butterfly", "head", "woman")


def original(reference_data: Path, name: str) -> np.ndarray:
    (path,) = (reference_data / "Set5").glob(f"{name}*")
    return read_image(path)


@pytest.mark.parametrize("scale", SCALES)
def test_fractional_scales_of_meta_sr(reference_data: Path, scale: float) -> None:
    folder = reference_data / "proofs" / "fractional"
    matlab = colon(1.1, 0.1, 4)[round((scale - 1.1) / 0.1)]
    lr = degrade(read_image(folder / "img_001_SRF.png"), "bi", matlab, boundary="replicate", crop="meta-sr")
    assert np.count_nonzero(lr != read_image(folder / f"X{scale:.2f}" / "img_001_SRF.png")) == 0


@pytest.mark.parametrize("name", NAMES)
def test_blur_down_of_rdn(reference_data: Path, name: str) -> None:
    lr = read_image(reference_data / "proofs" / "bd_x3_replicate" / f"{name}_LRBD_x3.png")
    assert np.count_nonzero(degrade(original(reference_data, name), "bd", 3) != lr) == 0


@pytest.mark.parametrize("name", NAMES)
def test_bicubic_and_noise_of_rdn(reference_data: Path, name: str) -> None:
    lr = read_image(reference_data / "proofs" / "dn_x3_replicate" / f"{name}_LRDN_x3.png")
    assert np.count_nonzero(degrade(original(reference_data, name), "dn", 3, boundary="replicate") != lr) == 0


@pytest.mark.parametrize("name", NAMES)
def test_bicubic_by_8(reference_data: Path, name: str) -> None:
    hr, proofs = original(reference_data, name), reference_data / "proofs"
    each = read_image(proofs / "bi_x8_uint8_replicate" / f"{name}_LRBI_x8.png")
    once = read_image(proofs / "bi_x8_double_once" / f"{name}x8.png")
    assert np.count_nonzero(degrade(hr, "bi", 8, boundary="replicate") != each) == 0
    assert np.count_nonzero(degrade(hr, "bi-double", 8) != once) == 0


@pytest.mark.parametrize("name", ["test_38_g_02", "test_51_g_12"])
def test_kernels_of_dpsr(reference_data: Path, name: str) -> None:
    folder = reference_data / "proofs" / "kernels_x4"
    hr = read_image(folder / "gt" / f"{name[:7]}.png")
    lr = degrade(hr, "blur", 4, kernel=loadmat(folder / f"{name}.mat")["kernel"])
    assert np.count_nonzero(lr != read_image(folder / f"{name}.png")) == 0


@pytest.mark.parametrize("name", ["baboon", "barbara"])
def test_jpeg_of_rdn(reference_data: Path, name: str) -> None:
    folder = reference_data / "proofs" / "jpeg_q10"
    lr = degrade(read_image(folder / "gt" / f"{name}.bmp"), "jpeg", quality=10)
    assert np.count_nonzero(lr != read_image(folder / f"{name}_LQ_Q10.png")) == 0


RDN = {
    "bd": {"Set5": "28.78 / 0.8308", "Set14": "26.38 / 0.7271", "B100": "26.33 / 0.6918"},
    "dn": {"Set5": "24.01 / 0.5369", "Set14": "22.87 / 0.4724", "B100": "22.92 / 0.4449"},
}


@pytest.mark.parametrize("kind", RDN)
def test_bicubic_rows_of_rdn(reference_data: Path, kind: str) -> None:
    """Tables of the RDN paper: luma rounded, grey originals kept grey, an older MATLAB."""
    sets = [reference_data / name for name in RDN[kind]]
    how = {"protocols": "rcan", "luma": "uint8", "grey": "keep", "boundary": "replicate"}
    scores = evaluate(sets, scales=3, degradation=kind, **how)
    for name, row in RDN[kind].items():
        psnr, ssim = mean_score([record for record in scores if record.dataset == name])
        assert f"{psnr:.2f} / {ssim:.4f}" == row
