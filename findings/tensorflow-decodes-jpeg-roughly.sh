#!/usr/bin/env bash
# tf.io.decode_jpeg takes libjpeg's fast transform unless told otherwise: most values of a photograph-like JPEG file
# are not those that Pillow, OpenCV and MATLAB give, so that a network trained through tf.data sees other pixels than
# it is scored on. dct_method="INTEGER_ACCURATE" gives the usual ones.
set -euo pipefail
folder=$(mktemp -d)
trap 'rm -rf "$folder"' EXIT
python3 -m venv "$folder/env"
"$folder/env/bin/pip" install --quiet --disable-pip-version-check tensorflow-cpu==2.21.0 pillow==12.0.0 numpy==2.4.6
cd "$folder"
TF_CPP_MIN_LOG_LEVEL=3 CUDA_VISIBLE_DEVICES="" env/bin/python - <<'PY'
import io

import numpy as np
import tensorflow as tf
from PIL import Image

y, x = np.mgrid[:240, :320]
image = np.stack([128 + 100 * np.sin(x / (7 + c)) * np.cos(y / (5 + c)) for c in range(3)], axis=2).astype(np.uint8)
file = io.BytesIO()
Image.fromarray(image).save(file, "jpeg", quality=90, subsampling=0)
usual = np.asarray(Image.open(file))
print("tensorflow", tf.__version__, "pillow", Image.__version__)
print("expected: a JPEG file has one decoding, or all but one")
shares = {}
for method in ("", "INTEGER_ACCURATE"):
    seen = tf.io.decode_jpeg(file.getvalue(), dct_method=method).numpy()
    shares[method] = (seen != usual).mean()
    print(f"seen: dct_method={method!r}: {shares[method]:.1%} of the values differ from Pillow's,"
          f" by {np.abs(seen.astype(int) - usual).max()} at most")
assert shares[""] > 0.2, "the default is no longer rough"
assert shares["INTEGER_ACCURATE"] == 0, "INTEGER_ACCURATE no longer agrees with Pillow"
PY
