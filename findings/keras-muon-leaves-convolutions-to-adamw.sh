#!/usr/bin/env bash
# keras.optimizers.Muon orthogonalises the updates of dense kernels only. Its documentation excepts embeddings, the
# output layer and variables of no or one dimension, and the method's authors flatten convolution kernels; but those of
# Conv2D are trained by AdamW without a word, and a convolutional network sees nothing of Muon.
set -euo pipefail
folder=$(mktemp -d)
trap 'rm -rf "$folder"' EXIT
python3 -m venv "$folder/env"
"$folder/env/bin/pip" install --quiet --disable-pip-version-check keras==3.15.1 jax==0.10.2 jaxlib==0.10.2 numpy==2.4.6
KERAS_BACKEND=jax "$folder/env/bin/python" - <<'PY'
import keras
import numpy as np

print("keras", keras.__version__)
print("expected: kernels of hidden layers, dense or convolutional, are Muon's")
seen = {}
for name, shape in {"dense": (64, 64), "convolutional": (3, 3, 64, 64)}.items():
    kernel = keras.Variable(np.zeros(shape, "float32"), name="kernel")
    gradient = np.random.default_rng(0).standard_normal(shape).astype("float32")
    optimizer = keras.optimizers.Muon(learning_rate=0.1, adam_lr_ratio=1.0, weight_decay=0.0)
    optimizer.build([kernel])
    optimizer.apply([keras.ops.convert_to_tensor(gradient)], [kernel])
    sizes = np.abs(np.asarray(kernel.value))
    # Adam's first step has one size for every value, an orthogonalised one has not.
    seen[name] = "AdamW" if sizes.std() < 0.01 * sizes.mean() else "Muon"
    print(f"seen: the first step of a {name} kernel is {seen[name]}'s: sizes {sizes.min():.4f} to {sizes.max():.4f}")
assert seen == {"dense": "Muon", "convolutional": "AdamW"}, "this has changed"
PY
