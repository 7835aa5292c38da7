#!/usr/bin/env bash
# OpenImageIO's resize by the filter "keys" or "catmull-rom" gives other values when it makes an image taller only than when
# it makes the same image, turned, wider only. The latter is right. Whoever resizes one axis at a time gets another image
# than who resizes both.
set -euo pipefail
folder=$(mktemp -d)
trap 'rm -rf "$folder"' EXIT
python3 -m venv "$folder/env"
"$folder/env/bin/pip" install --quiet --disable-pip-version-check OpenImageIO==3.2.2.0 numpy==2.4.6
"$folder/env/bin/python" - <<'PY'
import numpy as np
import OpenImageIO as oiio


def resized(image: np.ndarray, rows: int, columns: int) -> np.ndarray:
    """By the filter `keys`."""
    roi = oiio.ROI(0, columns, 0, rows, 0, 1, 0, 1)
    found = oiio.ImageBufAlgo.resize(oiio.ImageBuf(np.ascontiguousarray(image)[..., None]), filtername="keys", roi=roi)
    return np.asarray(found.get_pixels(oiio.FLOAT))[..., 0]


print("OpenImageIO", oiio.VERSION_STRING)
print("expected: an image that is turned, enlarged and turned back is what it is if it is enlarged as it lies")
image = np.random.default_rng(0).random((40, 40)).astype(np.float32)
gaps = {}
for name, (rows, columns) in {"height": (120, 40), "both": (120, 120)}.items():
    gap = np.abs(resized(image, rows, columns) - resized(image.T, columns, rows).T)
    gaps[name] = gap.max()
    print(f"seen: {name}: up to {gap.max():.6f} apart, of a range of 1")
assert gaps["both"] < 1e-4 < 0.01 < gaps["height"], "this has changed"
PY
