#!/usr/bin/env bash
# SimpleITK's Resample of an 8-bit image cuts off the fractions of what it interpolates, where every other library rounds:
# the result is half a grey value darker on average.
set -euo pipefail
folder=$(mktemp -d)
trap 'rm -rf "$folder"' EXIT
python3 -m venv "$folder/env"
"$folder/env/bin/pip" install --quiet --disable-pip-version-check SimpleITK==2.5.7 numpy==2.4.6
"$folder/env/bin/python" - <<'PY'
import numpy as np
import SimpleITK as sitk

print("SimpleITK", sitk.Version_VersionString())
print("expected: 8-bit results are those of floating point, rounded to the nearest")
image = sitk.GetImageFromArray(np.random.default_rng(0).integers(60, 180, (64, 64)).astype(np.uint8))


def enlarged(interpolator: int, kind: int) -> np.ndarray:
    found = sitk.Resample(image, (128, 128), sitk.Transform(), interpolator, (-0.25, -0.25), (0.5, 0.5),
                          (1, 0, 0, 1), 0, kind)
    return sitk.GetArrayFromImage(found)[8:-8, 8:-8].astype(float)


for name, interpolator in (("linear", sitk.sitkLinear), ("B-spline", sitk.sitkBSpline)):
    whole, exact = enlarged(interpolator, sitk.sitkUInt8), enlarged(interpolator, sitk.sitkFloat64)
    inside = (exact > 0.5) & (exact < 254.5)
    gap = (whole - exact)[inside]
    print(f"seen: {name}: {gap.mean():+.3f} on average, from {gap.min():+.3f} to {gap.max():+.3f}")
    assert gap.mean() < -0.4, "this has changed"
PY
