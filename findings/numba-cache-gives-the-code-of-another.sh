#!/usr/bin/env bash
# Numba's cache on disk (cache=True) can hand out the code of another specialisation for good: two processes that
# compile one function at once, for different arguments or constants, take the same file name, and the index of the
# one points at the code of the other. Each program that runs later gets wrong numbers, without a word. Test runs in
# parallel and the first start of several workers after an installation do just that. Here the disk is slow, as one on a
# network is, so that it shows within seconds.
set -euo pipefail
folder=$(mktemp -d)
trap 'rm -rf "$folder"' EXIT
python3 -m venv "$folder/env"
"$folder/env/bin/pip" install --quiet --disable-pip-version-check numba==0.68.1 numpy==2.4.6
{
    echo "from numba import njit"
    for number in $(seq 0 29); do
        printf 'def adding_%d(constant):\n    @njit(cache=True)\n    def add_%d(x):\n        return x + constant\n    return add_%d\n' \
            "$number" "$number" "$number"
    done
} > "$folder/functions.py"
cat > "$folder/run.py" <<'PY'
import os
import random
import sys
import time

import functions

replace = os.replace


def slow_replace(*names):
    time.sleep(random.uniform(0, 0.1))
    replace(*names)


os.replace = slow_replace
constant, begin = int(sys.argv[1]), float(sys.argv[2])
functions.adding_0(constant)(0.0)  # warms up the compiler
for number in range(1, 30):
    while time.time() < begin + number * 0.5:  # both processes begin with a function at the same moment
        pass
    assert getattr(functions, f"adding_{number}")(constant)(0.0) == constant
PY
export NUMBA_CACHE_DIR="$folder/cache" PYTHONPATH="$folder"
begin=$(python3 -c 'import time; print(time.time() + 8)')
"$folder/env/bin/python" "$folder/run.py" 1 "$begin" & first=$!
"$folder/env/bin/python" "$folder/run.py" 2 "$begin" & second=$!
wait "$first"
wait "$second"
"$folder/env/bin/python" - <<'PY'
import functions
import numba

print("numba", numba.__version__)
print("expected: in every later process, a function that adds 1 adds 1, and one that adds 2 adds 2")
wrong = [n for n in range(1, 30) if any(getattr(functions, f"adding_{n}")(c)(0.0) != c for c in (1, 2))]
print(f"seen: {len(wrong)} of 29 functions, each compiled by two processes at once, have one that does the other's")
assert wrong, "the cache no longer mixes them up (or the processes never met: run again)"
PY
