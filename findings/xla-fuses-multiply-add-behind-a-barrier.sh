#!/usr/bin/env bash
# On a processor XLA makes one fused multiply-add of a * b + c inside jit, which rounds once instead of twice; NumPy, and
# JAX outside of jit, round twice. optimization_barrier and reduce_precision around the product, which read as if they
# kept it apart, change nothing; a comparison that is never true does.
set -euo pipefail
folder=$(mktemp -d)
trap 'rm -rf "$folder"' EXIT
python3 -m venv "$folder/env"
"$folder/env/bin/pip" install --quiet --disable-pip-version-check jax==0.10.2 jaxlib==0.10.2 numpy==2.4.6
JAX_PLATFORMS=cpu JAX_ENABLE_X64=1 "$folder/env/bin/python" - <<'PY'
import jax
import jax.numpy as jnp
import numpy as np

print("jax", jax.__version__)
print("expected: behind a barrier, a * b + c is rounded twice")
a, b, c = np.random.default_rng(0).standard_normal((3, 10_000))
ways = {
    "nothing": lambda product: product,
    "optimization_barrier": jax.lax.optimization_barrier,
    "reduce_precision": lambda product: jax.lax.reduce_precision(product, 11, 52),
    "where": lambda product: jnp.where(product < np.finfo(float).min, -jnp.inf, product),
}
seen = {}
for name, keep in ways.items():
    result = jax.jit(lambda a, b, c, keep=keep: keep(a * b) + c)(a, b, c)
    seen[name] = int((np.asarray(result) != a * b + c).sum())
    print(f"seen: with {name}, {seen[name]} of 10000 sums differ from those that are rounded twice")
assert seen["nothing"] and seen["optimization_barrier"] and seen["reduce_precision"], "this has changed"
assert seen["where"] == 0
PY
