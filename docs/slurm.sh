#!/bin/bash
# vdsr-train on several nodes of a SLURM cluster, one worker per node, all GPUs of each: sbatch docs/slurm.sh
#
# Every worker needs the same Python environment, training file and run folder, so start it on a shared file system.
# Options behind the script's name are vdsr-train's (PRESET=paper sbatch docs/slurm.sh --theta 1e-4); --batch-size is
# that of all workers together, and each takes an equal part. Worker 0 writes and prints.
# Fifteen minutes before the end SLURM sends SIGTERM: worker 0 saves a checkpoint, and the job goes on in its own
# requeued copy. After a dead node `sbatch docs/slurm.sh` again does the same, from the last checkpoint.

#SBATCH --job-name=vdsr
#SBATCH --nodes=2
#SBATCH --ntasks-per-node=1
#SBATCH --gpus-per-node=4
#SBATCH --cpus-per-task=16
#SBATCH --time=24:00:00
#SBATCH --signal=TERM@900
#SBATCH --requeue
#SBATCH --output=vdsr-%j.log
#SBATCH --open-mode=append

set -euo pipefail

RUN=${RUN:-runs/slurm}
FILE=${FILE:-vdsr_train.h5}
PORT=${PORT:-23456}
PRESET=${PRESET:-best}

WORKERS=$(for host in $(scontrol show hostnames "$SLURM_JOB_NODELIST"); do
  seq --format "\"$host:%.0f\"" "$PORT" $((PORT + ${SLURM_NTASKS_PER_NODE:-1} - 1))
done | paste -sd,)
export WORKERS

if [ -e "$RUN/config.json" ]; then
  WHAT=(--resume "$RUN" "$@")
else
  WHAT=("$FILE" --preset "$PRESET" --run-dir "$RUN" --distribute multi-worker "$@")
fi

# Once a worker is gone the others have two minutes to say so and to end.
srun --wait=120 bash -c '
  export TF_CONFIG="{\"cluster\": {\"worker\": [$WORKERS]}, \"task\": {\"type\": \"worker\", \"index\": $SLURM_PROCID}}"
  exec vdsr-train "$@"
' vdsr-train "${WHAT[@]}" || {
  code=$?
  # 143 is SIGTERM after a saved checkpoint: the time is up, not the training.
  [ "$code" -eq 143 ] && scontrol requeue "$SLURM_JOB_ID"
  exit "$code"
}
