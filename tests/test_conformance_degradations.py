"""Degraded images that MATLAB wrote for published papers, value for value."""

from pathlib import Path

import numpy as np
import pytest

from vdsr_data import imresize, read_image

pytestmark = pytest.mark.conformance

SCALES = (1.1, 1.2, 1.4, 1.5, 1.6, 1.8, 2.5, 2.6, 3.0, 3.3, 3.5, 3.6, 4.0)


@pytest.mark.parametrize("scale", SCALES)
def test_fractional_scales_of_meta_sr(reference_data: Path, scale: float) -> None:
    """An older MATLAB; scales as its colon makes them; four pixels less where the size is no multiple of the scale."""
    folder = reference_data / "proofs" / "fractional"
    hr = read_image(folder / "img_001_SRF.png")
    lr = read_image(folder / f"X{scale:.2f}" / "img_001_SRF.png")
    if hr.shape[0] / scale != round(hr.shape[0] / scale):
        hr = hr[:-4, :-4]
    matlab = 1.1 + round((scale - 1.1) / 0.1) * 0.1
    assert np.count_nonzero(imresize(hr, 1 / matlab, boundary="replicate") != lr) == 0
