#!/usr/bin/env bash
# Pillow opens a PNG file of 16-bit grey as 16 bits, but the same picture with an alpha channel, even a wholly opaque
# one, as 8-bit RGBA: the lower half of every value is gone, and grey has become colour. A luma computed from it is
# another one (three equal channels go through rgb2ycbcr, grey does not).
set -euo pipefail
folder=$(mktemp -d)
trap 'rm -rf "$folder"' EXIT
python3 -m venv "$folder/env"
"$folder/env/bin/pip" install --quiet --disable-pip-version-check pillow==13.0.0 pypng==0.20220715.0 numpy==2.4.6
cd "$folder"
env/bin/python - <<'PY'
import numpy as np
import PIL
import png
from PIL import Image

grey = np.arange(0, 65536, 257, dtype=np.uint16)[:256].reshape(16, 16) // 3
opaque = np.dstack([grey, np.full_like(grey, 65535)])
for name, image, alpha in (("grey", grey, False), ("with_alpha", opaque, True)):
    with open(f"{name}.png", "wb") as file:
        png.Writer(16, 16, greyscale=True, alpha=alpha, bitdepth=16).write(file, image.reshape(16, -1).tolist())
print("Pillow", PIL.__version__)
print("expected: an opaque alpha channel changes neither the depth nor the colours of what is read")
seen = {name: Image.open(f"{name}.png") for name in ("grey", "with_alpha")}
for name, image in seen.items():
    values = np.asarray(image)
    print(f"seen: {name}: mode {image.mode}, {values.dtype}, shape {values.shape}, largest value {values[..., :1].max()}")
assert seen["grey"].mode.startswith("I;16"), "this has changed"
assert np.asarray(seen["with_alpha"]).dtype == np.uint8, "this has changed"
PY
