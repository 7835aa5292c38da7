#!/usr/bin/env bash
# The safetensors format has BF16, in which many networks are published; but its reader for NumPy ends in a TypeError
# about NumPy, which names neither the file nor the tensor.
set -euo pipefail
folder=$(mktemp -d)
trap 'rm -rf "$folder"' EXIT
python3 -m venv "$folder/env"
"$folder/env/bin/pip" install --quiet --disable-pip-version-check safetensors==0.8.0 numpy==2.4.6
cd "$folder"
env/bin/python - <<'PY'
import json
import struct
from importlib.metadata import version

from safetensors.numpy import load_file

head = json.dumps({"weight": {"dtype": "BF16", "shape": [2], "data_offsets": [0, 4]}}).encode()
with open("one.safetensors", "wb") as file:
    file.write(struct.pack("<Q", len(head)) + head + struct.pack("<2H", 0x3F80, 0xC000))  # 1 and -2
print("safetensors", version("safetensors"))
print("expected: the values 1 and -2 in some type of NumPy, or an error that speaks of BF16 and the file")
try:
    print("seen:", load_file("one.safetensors"))
except TypeError as error:
    print("seen: TypeError:", error)
else:
    raise SystemExit("this has changed")
PY
