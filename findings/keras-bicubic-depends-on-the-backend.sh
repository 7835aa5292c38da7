#!/usr/bin/env bash
# keras.ops.image.resize(interpolation="bicubic") enlarges by another kernel on PyTorch (a = -0.75, edges repeated) than on
# TensorFlow and JAX (a = -0.5, the kernel cut off): one program gives other images on another backend. With antialias=True
# they agree.
set -euo pipefail
folder=$(mktemp -d)
trap 'rm -rf "$folder"' EXIT
python3 -m venv "$folder/env"
"$folder/env/bin/pip" install --quiet --disable-pip-version-check keras==3.15.1 jax==0.10.2 jaxlib==0.10.2 torch==2.13.0 numpy==2.4.6
cat > "$folder/enlarge.py" <<'PY'
import sys

import keras
import numpy as np

impulse = np.zeros((9, 9, 1), "float32")
impulse[:, 4] = 1
found = {}
for antialias in (False, True):
    found[antialias] = keras.ops.convert_to_numpy(keras.ops.image.resize(
        impulse, (18, 18), interpolation="bicubic", antialias=antialias, data_format="channels_last"))[8, 4:14, 0]
    weights = " ".join(f"{weight:+.4f}" for weight in found[antialias])
    print(f"seen: Keras {keras.__version__} on {keras.backend.backend()}, antialias={antialias}: {weights}")
np.save(sys.argv[1], np.stack([found[False], found[True]]))
PY
echo "expected: the same on every backend"
for backend in jax torch; do
  KERAS_BACKEND=$backend CUDA_VISIBLE_DEVICES="" "$folder/env/bin/python" -W ignore "$folder/enlarge.py" "$folder/$backend.npy"
done
"$folder/env/bin/python" - "$folder" <<'PY'
import sys

import numpy as np

jax, torch = (np.load(f"{sys.argv[1]}/{backend}.npy") for backend in ("jax", "torch"))
gaps = np.abs(jax - torch).max(axis=1)
assert gaps[0] > 0.02, "they agree now"
assert gaps[1] < 1e-5, "with antialias they no longer agree"
PY
