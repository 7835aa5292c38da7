#!/usr/bin/env bash
# ResizeRight, which is taken for MATLAB's imresize, sets zeros beyond the edge unless told otherwise: the outermost pixels
# of every image that it resizes are darker, a corner by a seventh. pad_mode="symmetric" is MATLAB's rule.
set -euo pipefail
folder=$(mktemp -d)
trap 'rm -rf "$folder"' EXIT
python3 -m venv "$folder/env"
"$folder/env/bin/pip" install --quiet --disable-pip-version-check resize-right==0.0.2 numpy==2.4.6
"$folder/env/bin/python" -W ignore - <<'PY'
from importlib.metadata import version

import numpy as np
from resize_right import resize

print("ResizeRight", version("resize-right"))
print("expected: an image that is white everywhere stays white everywhere, as imresize leaves it")
seen = {}
for options in ({}, {"pad_mode": "symmetric"}):
    found = resize(np.ones((30, 30)), scale_factors=1 / 3, **options)
    seen[bool(options)] = found.min()
    print(f"seen: {options or 'as it is'}: from {found.min():.4f} to {found.max():.4f}")
assert seen[False] < 0.95, "this has changed"
assert abs(seen[True] - 1) < 1e-9, "symmetric has changed"
PY
