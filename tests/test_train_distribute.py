"""Many devices: the result of one device, whoever dies is reported, and a training stopped by it goes on."""

import json
import os
import signal
import subprocess
import sys
import time
from pathlib import Path

import numpy as np
import pytest
from click.testing import CliRunner
from needs import needs
from sgd_rule import MIRRORED, elsewhere, equals_the_rule
from train_fixtures import COMMAND, Fork, Recorder, small, training_file, undraw

from vdsr_data.errors import VdsrError
from vdsr_eval.networks.weights import read_weights
from vdsr_train.backends.distribute import Worker, launch, this_worker
from vdsr_train.backends.distribute import _free_ports as free_ports
from vdsr_train.cli.main import main
from vdsr_train.run.log import read_log
from vdsr_train.run.train import run_training

needs("tensorflow")
undrawn = pytest.fixture(autouse=True)(undraw)
forks = pytest.mark.skipif(sys.platform == "win32", reason="needs fork")

RECIPE = {"steps": 36, "theta": 1e-3, "learning_rate": 0.02, "decay_every": 1, "validation": "none", "ema": 10}


def differ(one: Path, other: Path) -> float:
    """The largest difference between two networks."""
    pairs = zip(read_weights(one), read_weights(other), strict=True)
    return max(float(np.abs(a - b).max()) for layers in pairs for a, b in zip(*layers, strict=True))


@pytest.fixture
def folder(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    training_file(tmp_path / "train.h5")
    return tmp_path


@pytest.fixture(scope="module")
def alone(tmp_path_factory):
    """The same training on one device."""
    folder = tmp_path_factory.mktemp("alone")
    training_file(folder / "train.h5")
    with pytest.MonkeyPatch.context() as patch:
        undraw(patch)
        run_training(small(folder, **RECIPE), folder / "one", resume=False, console=Recorder())
    return folder / "one"


UNDRAWN = """
from pathlib import Path
from train_fixtures import Recorder
from vdsr_train.config import read_config
from vdsr_train.run import record
from vdsr_train.run.train import run_training
record.open_board = lambda *_: None  # which takes most of the time
"""
TWO_DEVICES = """
import tensorflow as tf
cpu = tf.config.list_physical_devices("CPU")[0]
tf.config.set_logical_device_configuration(cpu, [tf.config.LogicalDeviceConfiguration()] * 2)
"""
TRAINING = """
run_training(read_config("mirrored.json"), "mirrored", resume=False, console=Recorder())
"""


@pytest.mark.slow
@forks
def test_two_devices_clip_after_the_sum_and_equal_one(folder, alone) -> None:
    """Through two drops of the rate, with clipping active, which on parts of a batch would give other values."""
    small(folder, **RECIPE, distribute="mirrored").write(folder / "mirrored.json")
    code, _, errors = Fork(folder, code=TWO_DEVICES + UNDRAWN + TRAINING).wait()
    assert code == 0, errors
    for name in ("weights.h5", "averaged.h5"):
        assert differ(alone / name, folder / "mirrored" / name) < 1e-5
    rows = [read_log(run / "log.csv") for run in (alone, folder / "mirrored")]
    assert max(row["clipped"] for row in rows[0]) > 0.01
    assert [row["clipped"] for row in rows[1]] == pytest.approx([row["clipped"] for row in rows[0]], abs=5e-3)


@pytest.mark.slow
@forks
def test_on_two_devices_sgd_equals_the_rule_too(tmp_path) -> None:
    """Each is given a part of a gradient that it would clip otherwise than the sum."""
    code, _, errors = Fork(tmp_path, ".", code=TWO_DEVICES + elsewhere(MIRRORED)).wait()
    assert code == 0, errors
    equals_the_rule(tmp_path)


def arguments(folder: Path, *more: str, **changes: object) -> list[str]:
    recipe = RECIPE | changes | {"depth": 3, "channels": 8, "batch_size": 8, "log_every": 5, "checkpoint_every": 7}
    options = [f"--{name.replace('_', '-')}={value}" for name, value in recipe.items()]
    return ["train.h5", "--preset=paper", *options, *more]


WORKER = """
import numpy as np
from vdsr_train.backends import model
from vdsr_train.backends.distribute import this_worker
built, build = [], model.build_model
model.build_model = lambda **options: built.append(build(**options)) or built[-1]
run_training(read_config("two.json"), "two", resume=False, console=Recorder())
np.savez(f"worker{this_worker('multi-worker').index}.npz", *built[0].get_weights())
"""


def place(index: int, workers: list[str]) -> dict[str, str]:
    task = {"cluster": {"worker": workers}, "task": {"type": "worker", "index": index}}
    return {"TF_CONFIG": json.dumps(task)}


@pytest.mark.slow
@forks
def test_two_workers_are_identical_and_equal_one(folder, alone) -> None:
    small(folder, **RECIPE, distribute="multi-worker").write(folder / "two.json")
    workers = [f"127.0.0.1:{port}" for port in free_ports(2)]
    processes = [Fork(folder, code=UNDRAWN + WORKER, environment=place(index, workers)) for index in range(2)]
    ends = [process.wait() for process in processes]
    assert [code for code, *_ in ends] == [0, 0], ends
    with np.load("worker0.npz") as chief, np.load("worker1.npz") as other:
        assert len(chief.files) == 6
        assert all(chief[name].tobytes() == other[name].tobytes() for name in chief.files)
        saved = [array for layer in read_weights(folder / "two" / "weights.h5") for array in layer]
        assert all(np.array_equal(array, chief[name]) for array, name in zip(saved, chief.files, strict=True))
    for name in ("weights.h5", "averaged.h5"):
        assert differ(alone / name, folder / "two" / name) < 1e-5


# The command, whose local workers are forks: each runs what a new interpreter would be given.
LAUNCHING = """
import os, signal, subprocess, sys
from vdsr_train.backends import distribute
from vdsr_train.run import record
record.open_board = lambda *_: None  # which takes most of the time

class Forked:
    def __init__(self, command, *, env, start_new_session):
        assert start_new_session and command[:2] == [sys.executable, "-c"]
        self.args, self.returncode, self.pid = command, None, os.fork()
        if self.pid:
            print("worker", self.pid, flush=True)
            return
        os.setsid()
        os.environ.update(env)
        sys.argv = ["-c", *command[3:]]
        distribute.subprocess = subprocess
        code = 0
        try:
            exec(command[2], {"__name__": "__main__"})
        except SystemExit as end:
            code = end.code or 0
        os._exit(code)

    def poll(self):
        if self.returncode is None:
            pid, status = os.waitpid(self.pid, os.WNOHANG)
            self.returncode = os.waitstatus_to_exitcode(status) if pid else None
        return self.returncode

    def send_signal(self, number):
        os.kill(self.pid, number)

class Module:
    Popen = Forked

distribute.subprocess = Module
from vdsr_train.cli.main import main
main()
"""


@pytest.mark.slow
@forks
def test_a_dead_worker_is_reported_and_the_training_goes_on_until_ctrl_c(folder) -> None:
    words = arguments(folder, "--run-dir=run", "--local-workers=2", steps=100000)
    process = Fork(folder, *words, code=LAUNCHING)
    process.until_step(10)  # a checkpoint was written at step 7
    workers = [int(line.split()[1]) for line in process.said().splitlines() if line.startswith("worker ")]
    os.kill(workers[1], signal.SIGKILL)
    killed = time.monotonic()
    code, _, errors = process.wait()
    assert time.monotonic() - killed < 60
    assert code in (1, 137)  # of the one that reports, or of the one that died
    assert errors.endswith("vdsr-train: another worker is gone; go on with: vdsr-train --resume, on all workers\n")
    last = max(int(path.stem[5:]) for path in (folder / "run" / "checkpoints").glob("step-*.h5"))

    process = Fork(folder, "--resume=run", "--local-workers=2", code=LAUNCHING)
    process.until_step(last + 1)
    os.kill(process.pid, signal.SIGINT)  # the launcher passes it on, and the chief saves
    code, out, errors = process.wait()
    assert code == 130
    assert "go on with: vdsr-train --resume run" in errors
    assert "Traceback" not in errors
    saved = max(int(path.stem[5:]) for path in (folder / "run" / "checkpoints").glob("step-*.h5"))
    steps = [row["step"] for row in read_log(folder / "run" / "log.csv")]
    assert steps[-1] == saved > last
    assert steps == sorted(set(steps))
    assert out.count("stopped") == 0


@pytest.mark.slow
def test_local_workers_are_interpreters_that_run_the_command(folder, capfd) -> None:
    assert launch(2, ["--version"]) == 0
    assert capfd.readouterr().out.count("vdsr-train, version ") == 2
    assert launch(2, ["missing.h5"]) == 1
    assert capfd.readouterr().err.count("vdsr-train: missing.h5: no such training file") == 2


@pytest.mark.slow
@forks
def test_a_worker_that_never_appears_is_not_waited_for_without_limit(folder) -> None:
    code = "from vdsr_train.backends import distribute; distribute.PATIENCE = 1; "
    workers = [f"127.0.0.1:{port}" for port in free_ports(2)]
    words = arguments(folder, "--distribute=multi-worker")
    code, _, errors = Fork(folder, *words, code=code + COMMAND, environment=place(0, workers)).wait()
    assert code == -signal.SIGKILL
    assert errors.endswith(
        "vdsr-train: worker 0 waited 1 s, but not all 2 workers appeared; "
        "start all of them, with addresses that reach each other\n"
    )


def config(**task) -> str:
    return json.dumps({"cluster": {"worker": ["a:1", "b:2"]}, "task": {"type": "worker", "index": 1} | task})


def test_the_place_of_a_worker(monkeypatch) -> None:
    monkeypatch.delenv("TF_CONFIG", raising=False)
    assert this_worker("none") == this_worker("mirrored") == Worker(0, 1)
    monkeypatch.setenv("TF_CONFIG", config())
    assert this_worker("multi-worker") == Worker(1, 2)


@pytest.mark.parametrize("text", ["", "{", "[]", config(index=2), config(type="ps"), '{"task": {}}'])
def test_a_wrong_tf_config_is_explained(monkeypatch, text) -> None:
    monkeypatch.setenv("TF_CONFIG", text)
    with pytest.raises(VdsrError, match="TF_CONFIG"):
        this_worker("multi-worker")


@pytest.mark.parametrize(
    ("words", "message"),
    [
        (["--distribute", "mirrored"], "finds no GPU here"),
        (["--distribute", "multi-worker"], "needs TF_CONFIG"),
    ],
)
def test_what_is_not_there_is_said(folder, monkeypatch, words, message) -> None:
    monkeypatch.delenv("TF_CONFIG", raising=False)
    result = CliRunner().invoke(main, arguments(folder, *words))
    assert result.exit_code == 1
    assert message in result.stderr
    assert not (folder / "runs").exists()


ENDED = """
import os, signal, sys, time
from vdsr_train.backends import backend
backend.start(distribute="multi-worker")
os.kill(os.getpid(), signal.SIGTERM)
time.sleep(5)
"""


@pytest.mark.slow
@forks
def test_sigterm_before_the_first_step_ends_a_worker(folder) -> None:
    """As when a job's time is up: TensorFlow's strategy would swallow it."""
    workers = [f"127.0.0.1:{port}" for port in free_ports(2)]
    processes = [Fork(folder, code=ENDED, environment=place(index, workers)) for index in range(2)]
    assert [process.wait()[0] for process in processes] == [-signal.SIGTERM] * 2


def test_the_slurm_script_gives_every_worker_its_place(folder, monkeypatch) -> None:
    """Run with stand-ins for SLURM's commands: two nodes, and the words that vdsr-train gets on each."""
    script = Path(__file__).parents[1] / "docs" / "slurm.sh"
    tools = folder / "tools"
    tools.mkdir()
    for name, text in {
        "scontrol": 'printf "node1\\nnode2\\n"',
        "srun": 'shift; for SLURM_PROCID in 0 1; do export SLURM_PROCID; "$@"; done',
        "vdsr-train": 'echo "$TF_CONFIG"; echo "$@"',
    }.items():
        (tools / name).write_text(f"#!/bin/bash\n{text}\n")
        (tools / name).chmod(0o755)
    environment = os.environ | {"PATH": f"{tools}:{os.environ['PATH']}", "SLURM_JOB_NODELIST": "node[1-2]"}
    done = subprocess.run(["bash", script], env=environment, capture_output=True, text=True, check=True)
    lines = done.stdout.splitlines()
    for index in (0, 1):
        monkeypatch.setenv("TF_CONFIG", lines[2 * index])
        assert this_worker("multi-worker") == Worker(index, 2)
        assert json.loads(lines[2 * index])["cluster"]["worker"] == ["node1:23456", "node2:23456"]
        expected = "vdsr_train.h5 --preset best --run-dir runs/slurm --distribute multi-worker"
        assert lines[2 * index + 1] == expected
    (folder / "runs" / "slurm").mkdir(parents=True)
    (folder / "runs" / "slurm" / "config.json").write_text("{}")
    command = ["bash", script, "--log-every", "9"]
    done = subprocess.run(command, env=environment, capture_output=True, text=True, check=True)
    assert done.stdout.splitlines()[1] == "--resume runs/slurm --log-every 9"
    several = environment | {"SLURM_NTASKS_PER_NODE": "2"}
    done = subprocess.run(command, env=several, capture_output=True, text=True, check=True)
    places = json.loads(done.stdout.splitlines()[0])["cluster"]["worker"]
    assert places == ["node1:23456", "node1:23457", "node2:23456", "node2:23457"]
