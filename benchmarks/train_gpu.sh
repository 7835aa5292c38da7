#!/bin/sh
# A GPU for some minutes, on a machine with JAX and no network: measure, find batch and rate by short trials, train, pack
# the state every minute, decay.
#
#   sh benchmarks/train_gpu.sh kit KIT IMAGES     here: wheels, images and these scripts in one folder, KIT
#   sh KIT/train_gpu.sh run MINUTES [OUT]         there: OUT (default: out) has all that should come back
#
# kit:  PYTHON (default 3.12) is the version there, WHEELS what its Python lacks beside the toolkit.
# run:  PYTHON3 (default python3) is the Python that has JAX, BENCH options of bench_gpu.py. OPTIONS are the recipe but
#       for batch and rate: BATCH and RATES are tried in the place of those that the measurement suggests.
#       RESUME=state.h5 goes on from what was packed before, without trials. MEASURE=0 leaves the measurement out.
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
    cp "$here/train_gpu.sh" "$here/bench_gpu.py" "$here/bench_train.py" "$here/contest.py" \
        "$here/trials.py" "$kit"
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

    if [ -n "${RESUME:-}" ]; then
        set -- --resume "$RESUME"
    else
        # Of three rates, the one with the least loss at the end of a short training, of ten seconds at the pace measured.
        fits=$("$python" "$here/trials.py" batch "$out/measured.txt")
        batch=${BATCH:-${fits% *}} steps=${fits#* }
        # shellcheck disable=SC2086
        set -- ${OPTIONS:---preset best --precision mixed_bfloat16} --batch-size "$batch"
        for rate in ${RATES:-$("$python" "$here/trials.py" rates "$batch")}; do
            vdsr_train "$@" --images "$here/images" --validation none --log-every "$((steps / 5 + 1))" \
                --steps "$steps" --checkpoint-every "$steps" --schedule cosine --learning-rate "$rate" \
                --run-dir "$out/trials/$rate" || true # a rate may be too high
        done
        set -- --schedule stable "$@" --learning-rate "$("$python" "$here/trials.py" best "$out"/trials/*)"
    fi

    # A level rate for three quarters of the time that is left, packed every minute: whatever ends the machine, the
    # training goes on elsewhere.
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
    rm -rf "$out"/*/checkpoints "$out"/trials/*/checkpoints # the state is packed, the weights are written
    ls -l "$out/state.h5" "$out/decayed/weights.h5"
}

case "${1:-} $#" in
"kit 3" | "run 2" | "run 3") "$@" ;;
*) sed -n '2,11s/^# \{0,1\}//p' "$0"; exit 2 ;;
esac
