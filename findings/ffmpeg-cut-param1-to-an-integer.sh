#!/usr/bin/env bash
# ffmpeg's scaler has a parameter for the cubic, a = -param1, which is 0.6 unless told otherwise. The filter `scale` of
# older releases cuts what it is told to an integer: param1=0.5, everybody else's Catmull-Rom, becomes 0 without a word, and
# the image is blurred. The same command line gives other images in ffmpeg 4.2 (and 5.1) than in 7.0 (and 6.1).
set -euo pipefail
folder=$(mktemp -d)
trap 'rm -rf "$folder"' EXIT
for version in 0.4.9 0.6.0; do
  python3 -m venv "$folder/$version"
  "$folder/$version/bin/pip" install --quiet --disable-pip-version-check "imageio-ffmpeg==$version" setuptools==80.9.0
  "$folder/$version/bin/python" -W ignore - "$folder/$version.txt" <<'PY'
import subprocess
import sys

import imageio_ffmpeg

line = bytearray([100] * 64)
line[32] = 228
kernels = {}
for param1 in (0.5, 0):
    scale = f"scale=128:4:flags=bicubic:param0=0:param1={param1}"
    command = [imageio_ffmpeg.get_ffmpeg_exe(), "-v", "error", "-f", "rawvideo", "-pix_fmt", "gray", "-s", "64x4", "-i", "-",
               "-vf", scale, "-f", "rawvideo", "-pix_fmt", "gray", "-"]
    found = subprocess.run(command, input=bytes(line) * 4, capture_output=True, check=True).stdout
    kernels[param1] = [value - 100 for value in found[128 + 60 : 128 + 70]]
    print(f"seen: ffmpeg {imageio_ffmpeg.get_ffmpeg_version()}, param1={param1}:", *kernels[param1])
with open(sys.argv[1], "w") as file:
    print("cut" if kernels[0.5] == kernels[0] else "kept", file=file)
PY
done
echo "expected: param1=0.5 gives weights below zero in every release"
[[ $(cat "$folder/0.4.9.txt") == cut && $(cat "$folder/0.6.0.txt") == kept ]] || { echo "this has changed"; exit 1; }
