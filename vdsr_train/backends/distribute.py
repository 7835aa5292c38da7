"""Training on many devices: the strategy, this process's place among the workers, and a launcher for one machine."""

import json
import os
import random
import signal
import socket
import subprocess
import sys
import time
from collections.abc import Iterator, Sequence
from contextlib import contextmanager, suppress
from dataclasses import dataclass
from typing import Any

from vdsr_data.errors import VdsrError

__all__ = ["LaunchError", "Worker", "check_shares", "launch", "open_strategy", "this_worker"]

GRACE = 60.0  # seconds that the workers left by a dead one have to report it
PATIENCE = 600.0  # seconds that the workers of a training may appear one after another


@dataclass(frozen=True)
class Worker:
    """A process of a multi-worker training; worker 0 is the chief, which alone writes."""

    index: int
    count: int


class LaunchError(VdsrError):
    """Workers that `launch` began have failed, and said why."""

    def __init__(self, code: int) -> None:
        super().__init__(f"the local workers ended with exit code {code}; they have said why on stderr")
        self.code = code


def this_worker(distribute: str) -> Worker:
    """Read this process's place from ``TF_CONFIG``; alone it is worker 0 of 1.

    Raises
    ------
    VdsrError
        ``TF_CONFIG`` is missing or not what TensorFlow expects.
    """
    if distribute != "multi-worker":
        return Worker(0, 1)
    text = os.environ.get("TF_CONFIG")
    if not text:
        raise VdsrError(
            "multi-worker needs TF_CONFIG in each worker's environment; on one machine use --local-workers 2"
        )
    try:
        config = json.loads(text)
        workers, task = config["cluster"]["worker"], config["task"]
        place = Worker(int(task["index"]), len(workers))
        if task["type"] != "worker" or set(config["cluster"]) != {"worker"} or not 0 <= place.index < place.count:
            raise ValueError("every task must be a worker of the cluster")
    except (KeyError, TypeError, ValueError) as error:
        raise VdsrError(
            f"TF_CONFIG: {text!r} is not understood ({error}); expected is "
            '{"cluster": {"worker": ["host:port", ...]}, "task": {"type": "worker", "index": 0}}'
        ) from None
    return place


def open_strategy(distribute: str, stderr: int) -> Any:
    """Return the `tf.distribute` strategy, to be opened before TensorFlow's first operation.

    Where other workers do not appear in time, the process ends with a line on the file descriptor `stderr`.

    Raises
    ------
    VdsrError
        No GPU was found, or the other workers do not answer.
    """
    import tensorflow as tf

    if distribute == "none":
        return tf.distribute.get_strategy()
    if distribute == "mirrored":
        if not tf.config.list_physical_devices("GPU") and len(tf.config.list_logical_devices("CPU")) < 2:
            raise VdsrError(
                "distribute mirrored: TensorFlow finds no GPU here (nvidia-smi should list one); leave it out"
            )
        return tf.distribute.MirroredStrategy(tf.config.list_logical_devices("GPU") or None)
    place = this_worker(distribute)
    try:
        with _patience(place, stderr):
            strategy = tf.distribute.MultiWorkerMirroredStrategy()
    except (tf.errors.OpError, RuntimeError) as error:
        raise VdsrError(f"multi-worker: the workers do not find each other ({str(error).splitlines()[0]})") from None
    if signal.getsignal(signal.SIGTERM) is not None:  # which TensorFlow has begun to swallow
        signal.signal(signal.SIGTERM, signal.getsignal(signal.SIGTERM))
    return strategy


# TensorFlow waits for the other workers without limit, in native code that holds the interpreter's lock: no thread and
# no signal handler could end it, but another process can. It ends with its parent, whose end of the pipe closes.
WATCH = """
import os, signal, sys, threading
def end():
    print(sys.argv[3], file=sys.stderr, flush=True)
    os.kill(int(sys.argv[1]), getattr(signal, "SIGKILL", signal.SIGTERM))
    os._exit(0)
timer = threading.Timer(float(sys.argv[2]), end)
timer.daemon = True
timer.start()
sys.stdin.read()
"""


@contextmanager
def _patience(place: Worker, stderr: int) -> Iterator[None]:
    """End this process, with a line on `stderr`, if the body takes longer than `PATIENCE`."""
    text = (
        f"vdsr-train: worker {place.index} waited {PATIENCE:g} s, but not all {place.count} workers appeared; "
        "start all of them, with addresses that reach each other"
    )
    command = [sys.executable, "-c", WATCH, str(os.getpid()), str(PATIENCE), text]
    with subprocess.Popen(command, stdin=subprocess.PIPE, stderr=stderr):  # noqa: S603
        yield


def launch(workers: int, arguments: Sequence[str]) -> int:
    """Run ``vdsr-train`` with `arguments` as `workers` processes of this machine and return their exit code.

    A worker that fails is given time to be reported by the others, which are then ended. Ctrl-C and SIGTERM are passed
    on: the chief saves, and the others end with it.
    """
    addresses = [f"127.0.0.1:{port}" for port in _free_ports(workers)]
    code = "import sys; sys.argv[0] = 'vdsr-train'; from vdsr_train.cli.main import main; main()"
    command = [sys.executable, "-c", code, *arguments]
    processes = []
    for index in range(workers):
        place = {"cluster": {"worker": addresses}, "task": {"type": "worker", "index": index}}
        environment = os.environ | {"TF_CONFIG": json.dumps(place)}
        processes.append(subprocess.Popen(command, env=environment, start_new_session=True))  # noqa: S603

    def pass_on(signum: int, _frame: object) -> None:
        for process in processes:
            process.send_signal(signum)

    handlers = {number: signal.signal(number, pass_on) for number in (signal.SIGINT, signal.SIGTERM)}
    try:
        return _wait(processes)
    finally:
        for number, handler in handlers.items():
            signal.signal(number, handler)


def _free_ports(count: int) -> list[int]:
    """Find ports that nobody listens to, below those that the system hands out for outgoing connections."""
    found: list[int] = []
    for port in random.sample(range(20000, 30000), 1000):
        with socket.socket() as probe, suppress(OSError):
            probe.bind(("127.0.0.1", port))
            found.append(port)
        if len(found) == count:
            return found
    raise VdsrError(f"no {count} free ports were found on this machine")


def _wait(processes: list[subprocess.Popen[bytes]]) -> int:
    """Wait for all, or, once one has failed, for the rest within a grace; return the first failure's code."""
    code, deadline = 0, float("inf")
    while any(process.poll() is None for process in processes) and time.monotonic() < deadline:
        failed = next((process.returncode for process in processes if process.returncode), 0)
        if failed and not code:
            code, deadline = failed, time.monotonic() + GRACE
        time.sleep(0.2)
    for process in processes:
        if process.poll() is None:
            process.kill()
            process.wait()
        code = code or process.returncode
    return 128 - code if code < 0 else code


def check_shares(batch_size: int, count: int) -> None:
    """Raise a VdsrError where so many workers or devices cannot share a batch equally."""
    if batch_size % count:
        fitting = max(1, batch_size // count) * count
        raise VdsrError(
            f"batch_size {batch_size} cannot be shared equally by {count} devices; give --batch-size {fitting}"
        )
