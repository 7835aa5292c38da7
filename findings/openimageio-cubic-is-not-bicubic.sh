#!/usr/bin/env bash
# OpenImageIO has a filter called "cubic", but it is Keys' cubic with a = 0, without negative lobes: an image becomes
# blurred where everybody else's bicubic (a = -0.5 or -0.75) keeps edges. What is meant is called "keys", or "catmull-rom".
set -euo pipefail
folder=$(mktemp -d)
trap 'rm -rf "$folder"' EXIT
python3 -m venv "$folder/env"
"$folder/env/bin/pip" install --quiet --disable-pip-version-check OpenImageIO==3.2.2.0 numpy==2.4.6
"$folder/env/bin/python" - <<'PY'
import numpy as np
import OpenImageIO as oiio

print("OpenImageIO", oiio.VERSION_STRING)
print("expected: cubic has weights below zero, as every bicubic has")
impulse = np.zeros((9, 9, 1), np.float32)
impulse[:, 4] = 1
least = {}
for name in ("cubic", "keys", "catmull-rom"):
    found = oiio.ImageBufAlgo.resize(oiio.ImageBuf(impulse), filtername=name, roi=oiio.ROI(0, 18, 0, 18, 0, 1, 0, 1))
    weights = np.asarray(found.get_pixels(oiio.FLOAT))[8, 4:14, 0]
    least[name] = weights.min()
    print(f"seen: {name}:", " ".join(f"{weight:+.4f}" for weight in weights))
assert least["cubic"] >= 0, "this has changed"
assert least["keys"] < -0.05, "keys has changed"
PY
