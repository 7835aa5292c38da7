#!/usr/bin/env bash
# PyTorch's F.interpolate(mode="bicubic") is not one function: with antialias=True it uses another cubic kernel
# (a = -0.5 instead of -0.75), also when it enlarges, where there is nothing to filter. Bicubic baselines of
# super-resolution made with the two differ on every image.
set -euo pipefail
folder=$(mktemp -d)
trap 'rm -rf "$folder"' EXIT
python3 -m venv "$folder/env"
"$folder/env/bin/pip" install --quiet --disable-pip-version-check torch==2.13.0 numpy==2.4.6
"$folder/env/bin/python" - <<'PY'
import torch
from torch.nn.functional import interpolate


def keys(x: float, a: float) -> float:
    """Keys' cubic convolution kernel."""
    x = abs(x)
    if x <= 1:
        return (a + 2) * x**3 - (a + 3) * x**2 + 1
    return a * x**3 - 5 * a * x**2 + 8 * a * x - 4 * a if x < 2 else 0.0


print("torch", torch.__version__)
print("expected: enlarging twice gives the same with and without antialias, which only filters when shrinking")
impulse = torch.zeros(1, 1, 1, 9, dtype=torch.float64)
impulse[..., 4] = 1
places = [(k + 0.5) / 2 - 0.5 - 4 for k in range(18)]  # of the results, seen from the impulse
for antialias, a in ((False, -0.75), (True, -0.5)):
    seen = interpolate(impulse, size=(1, 18), mode="bicubic", antialias=antialias)[0, 0, 0]
    print(f"seen: antialias={antialias}:", " ".join(f"{value:+.4f}" for value in seen[4:14].tolist()))
    kernel = torch.tensor([keys(place, a) for place in places], dtype=torch.float64)
    assert torch.allclose(seen, kernel, atol=1e-12), f"no longer Keys' kernel with a = {a}"
PY
