#!/usr/bin/env bash
# torchmetrics' structural_similarity_index_measure gives another number from 1.4.2 on than in 1.4.1, for the same
# images and arguments: it averaged where the window fits, as Wang's ssim_index, and now averages over the whole image
# with mirrored edges. A patch release moved every SSIM that was computed with it, so that a table needs the version.
set -euo pipefail
folder=$(mktemp -d)
trap 'rm -rf "$folder"' EXIT
cat > "$folder/score.py" <<'PY'
import sys

import numpy as np
import torch
import torchmetrics
from torchmetrics.functional.image import structural_similarity_index_measure

y, x = np.mgrid[:48, :64]
clean = 0.5 + 0.3 * np.sin(x / 4) * np.cos(y / 5)
noisy = clean + np.where((y < 5) | (y > 42), 0.15, 0.02) * np.random.default_rng(0).standard_normal(clean.shape)
planes = [torch.from_numpy(image)[None, None] for image in (noisy, clean)]
value = float(structural_similarity_index_measure(*planes, data_range=1.0))
print(f"torchmetrics {torchmetrics.__version__}: {value:.4f}", file=sys.stderr)
print(value)
PY
echo "expected: a patch release gives the same SSIM of the same images"
values=()
for version in 1.4.1 1.4.2; do
  python3 -m venv "$folder/$version"
  "$folder/$version/bin/pip" install --quiet --disable-pip-version-check "torchmetrics==$version" torch==2.13.0 numpy==2.4.6 setuptools==80.9.0
  values+=("$("$folder/$version/bin/python" -W ignore "$folder/score.py")")
done
python3 - "${values[@]}" <<'PY'
import sys

before, after = map(float, sys.argv[1:])
print(f"seen: {before:.4f} in 1.4.1, {after:.4f} in 1.4.2")
assert abs(before - after) > 0.01, "this has changed"
PY
