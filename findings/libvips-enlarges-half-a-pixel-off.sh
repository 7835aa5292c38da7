#!/usr/bin/env bash
# libvips' resize shifts what it enlarges: with kernel "cubic" or "linear" everything lies half a pixel of the result
# further right and down than it should, so that a mirrored image does not become the mirrored result. Whoever compares
# such an image with its original, pixel by pixel, measures the shift: PSNR falls by decibels. It shrinks in place.
set -euo pipefail
folder=$(mktemp -d)
trap 'rm -rf "$folder"' EXIT
python3 -m venv "$folder/env"
"$folder/env/bin/pip" install --quiet --disable-pip-version-check pyvips==3.2.0 pyvips-binary==8.18.7 numpy==2.4.6
"$folder/env/bin/python" - <<'PY'
import numpy as np
import pyvips

print("libvips", ".".join(str(pyvips.version(k)) for k in range(3)))
print("expected: a ramp of one grey value for each pixel, enlarged or shrunk, rises around the same middle, 19.5")
ramp = np.tile(np.arange(40.0), (40, 1))
for factor in (2, 3, 4, 0.5):
    for kernel in ("cubic", "linear"):
        found = pyvips.Image.new_from_array(ramp).resize(factor, kernel=kernel).numpy()
        shift = (19.5 - found[found.shape[0] // 2, found.shape[1] // 4 : -(found.shape[1] // 4)].mean()) * factor
        print(f"seen: x{factor}, {kernel}: shifted by {shift:.3f} pixels of the result")
        assert abs(shift - (0.5 if factor > 1 else 0)) < 0.01, "this has changed"
PY
