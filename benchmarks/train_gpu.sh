#!/bin/sh
# A GPU for some minutes, on a machine with JAX and no network: measure, train, pack the state every minute, decay.
#
#   sh benchmarks/train_gpu.sh kit KIT IMAGES     here: wheels, images and these scripts in one folder, KIT
#   sh KIT/train_gpu.sh run MINUTES [OUT]         there: OUT (default: out) has all that should come back
#
# kit:  PYTHON (default 3.12) is the version there, WHEELS what its Python lacks beside the toolkit.
# run:  PYTHON3 (default python3) is the Python that has JAX. OPTIONS are the recipe, BENCH options of bench_gpu.py.
#       RESUME=state.h5 goes on from what was packed before. MEASURE=0 leaves the measurement out.
set -eu
here=$(cd "$(dirname "$0")" && pwd)

kit() {
    kit=$1 images=$2
    root=$(dirname "$here")
    mkdir -p "$kit/wheels" "$kit/images"
    for wheel in ${WHEELS:-keras==3.15.1 namex optree pypng pooch platformdirs}; do
        "$root/.venv/bin/python" -m pip download -q --no-deps --only-binary :all: --python-version "${PYTHON:-3.12}" \
            --platform manylinux_2_28_x86_64 --platform manylinux_2_17_x86_64 --dest "$kit/wheels" "$wheel"
    done
    (cd "$root" && .venv/bin/python -m pip wheel -q --no-deps --wheel-dir "$kit/wheels" .)
    cp "$images"/* "$kit/images"
    cp "$here/train_gpu.sh" "$here/bench_gpu.py" "$here/bench_train.py" "$here/contest.py" "$kit"
    echo "$kit: $(du -sm "$kit" | cut -f1) MiB"
}

run() {
    began=$(date +%s) minutes=$1 out=${2:-out}
    python=${PYTHON3:-python3}
    mkdir -p "$out"
    if [ -d "$here/wheels" ]; then
        "$python" -m pip install -q --no-index --no-deps --target "$here/site" --upgrade "$here"/wheels/*.whl
        export PYTHONPATH="$here/site${PYTHONPATH:+:$PYTHONPATH}"
    fi
    export KERAS_BACKEND=jax PYTHONWARNINGS=ignore
    left() { "$python" -c "print(round($1 * ($minutes - ($(date +%s) - $began) / 60), 2))"; }
    vdsr_train() { echo "\$ vdsr-train $*"; "$python" -m vdsr_train "$@"; }

    if [ "${MEASURE:-1}" != 0 ]; then
        # shellcheck disable=SC2086
        "$python" "$here/bench_gpu.py" jax ${BENCH:-} | tee "$out/measured.txt"
        if "$python" -c 'import torch' 2>/dev/null; then
            # shellcheck disable=SC2086
            "$python" "$here/bench_gpu.py" torch ${BENCH:-} | tee -a "$out/measured.txt"
        fi
    fi

    # A level rate for three quarters of the time that is left, packed every minute: whatever ends the machine, the
    # training goes on elsewhere.
    if [ -n "${RESUME:-}" ]; then
        set -- --resume "$RESUME"
    else
        # shellcheck disable=SC2086
        set -- --schedule stable ${OPTIONS:---preset best --precision mixed_bfloat16 --batch-size 128}
    fi
    vdsr_train "$@" --images "$here/images" --validation none --checkpoint-every 1000 --log-every 500 \
        --minutes "$(left 0.75)" --run-dir "$out/level" &
    training=$!
    while kill -0 "$training" 2>/dev/null; do
        sleep "${EVERY:-60}" &
        wait $! # a signal ends it at once
        "$python" -m vdsr_train pack "$out/level" "$out/state.h5" --force 2>/dev/null || true
    done
    wait "$training"
    vdsr_train pack "$out/level" "$out/state.h5" --force
    vdsr_train decay "$out/level" --minutes "$(left 1)" --run-dir "$out/decayed"
    rm -r "$out/level/checkpoints" "$out/decayed/checkpoints" # the state is packed, the weights are written
    ls -l "$out/state.h5" "$out/decayed/weights.h5"
}

case "${1:-} $#" in
"kit 3" | "run 2" | "run 3") "$@" ;;
*) sed -n '2,9s/^# \{0,1\}//p' "$0"; exit 2 ;;
esac
