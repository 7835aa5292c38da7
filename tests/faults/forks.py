"""Commands run in forks of one process that has imported everything, so that killing hundreds of them takes a minute.

A fault is let in at a moment in time, or at one of the operations on files below a folder, counted as Python's audit
hooks report them (what HDF5 does by itself is met by chance only).
"""

import hashlib
import io
import json
import os
import random
import shutil
import signal
import subprocess
import sys
import threading
import time
from contextlib import redirect_stdout
from dataclasses import asdict, dataclass, replace
from importlib import import_module
from pathlib import Path
from typing import Any

ROOT = Path(__file__).resolve().parents[2]
HUNG = 30.0  # seconds after which a command is given up


@dataclass(frozen=True)
class Command:
    """One call of a command in the folder `below`, and what happens to it.

    The fault comes `after` so many seconds, or `at` an operation, from 1, on files in that folder or in `watched`: a
    signal, an error number, the removal of a folder, or the replacement of a file by another.
    """

    words: tuple[str, ...]
    below: str
    after: float | None = None
    at: int | None = None
    watched: str = ""
    only: str = ""  # this kind of operation counts
    signum: int = 0
    error: int = 0
    remove: str = ""
    replace: tuple[str, str] = ("", "")
    env: tuple[tuple[str, str], ...] = ()
    registry: str = ""  # instead of the list of public data sets
    limit: int = 0  # of the size of a file, in bytes
    user: int = 0  # who runs it, if root starts it

    def but(self, **changes: Any) -> "Command":
        return replace(self, **changes)

    def killed(self, signum: int, **when: Any) -> "Command":
        return replace(self, signum=signum, **when)


@dataclass(frozen=True)
class Outcome:
    """How it ended: its exit code (minus the signal), seconds (from the signal on, if one came), operations, output."""

    code: int
    seconds: float
    operations: int
    out: str
    err: str
    hung: bool = False

    @property
    def lines(self) -> list[str]:
        return [line for line in self.err.splitlines() if line]


class Forks:
    """The process that forks; a context manager."""

    def __init__(self, *modules: str) -> None:
        env = os.environ | {"TF_CPP_MIN_LOG_LEVEL": "3", "PYTHONPATH": str(ROOT)}
        self._process = subprocess.Popen(
            [sys.executable, __file__, *modules], stdin=subprocess.PIPE, stdout=subprocess.PIPE, env=env, text=True
        )

    def __enter__(self) -> "Forks":
        return self

    def __exit__(self, *_: object) -> None:
        self._process.stdin.close()
        self._process.stdout.close()
        self._process.wait()

    def warm(self, command: Command) -> None:
        """Run a command in the process itself, so that its forks have the compiled kernels that it needed."""
        print(json.dumps(asdict(command) | {"warm": True}), file=self._process.stdin, flush=True)
        assert self._process.stdout.readline() == "warm\n"

    def __call__(self, command: Command) -> Outcome:
        print(json.dumps(asdict(command)), file=self._process.stdin, flush=True)
        return Outcome(**json.loads(self._process.stdout.readline()))


def fetching(folder: Path, chance: random.Random) -> Command:
    """A fetch of five small files from `folder`/mirror to `folder`/out."""
    mirror, out = folder / "mirror" / "Set5", folder / "out"
    mirror.mkdir(parents=True)
    out.mkdir()
    lines = ["dataset\tfile\tsha256\tbytes\turl\n"]
    for name in ("baby.bmp", "bird.bmp", "butterfly.bmp", "head.bmp", "woman.bmp"):
        body = chance.randbytes(chance.randint(1000, 200_000))
        (mirror / name).write_bytes(body)
        digest = hashlib.sha256(body).hexdigest()
        lines.append(f"Set5\t{name}\t{digest}\t{len(body)}\thttps://example.invalid/{name}\n")
    (folder / "registry.tsv").write_text("".join(lines))
    words = ("vdsr-data", "fetch", "Set5", "--mirror", str(mirror.parent))
    return Command(words, str(out), env=(("VDSR_DATA", str(out)),), registry=str(folder / "registry.tsv"))


def tree(folder: Path) -> dict[str, bytes]:
    """The content of every file in a folder and below, the hidden ones too, by its name."""
    return {str(path.relative_to(folder)): path.read_bytes() for path in folder.rglob("*") if path.is_file()}


def hidden(files: dict[str, bytes]) -> set[str]:
    """Those of `tree` that are no results: temporary files and locks."""
    return {name for name in files if any(part.startswith(".") for part in Path(name).parts)}


def _child(job: dict[str, Any], out: int, err: int, count: int) -> None:
    signal.signal(signal.SIGINT, signal.default_int_handler)  # which a job in the background does not have
    os.dup2(os.open(os.devnull, os.O_RDONLY), 0)
    os.dup2(out, 1)
    os.dup2(err, 2)
    os.environ.update(job["env"])
    os.chdir(job["below"])
    name = job["words"][0]
    sys.argv = list(job["words"])
    if job["registry"]:
        from vdsr_data.public import registry

        registry.REGISTRY = Path(job["registry"])
    if job["limit"]:
        import resource

        resource.setrlimit(resource.RLIMIT_FSIZE, (job["limit"], job["limit"]))
    if job["user"]:
        os.setuid(job["user"])
    _watch(job, count)
    from vdsr_data.io.interrupt import run

    code = 0
    try:
        signal.pthread_sigmask(signal.SIG_UNBLOCK, [signal.SIGINT])
        run(f"{name.replace('-', '_')}.cli.main")
    except SystemExit as end:
        code = end.code if isinstance(end.code, int) else int(end.code is not None)
    except KeyboardInterrupt:  # that had waited for this
        code = 130
        os.write(2, f"{name}: interrupted\n".encode())
    except BaseException:
        import traceback

        traceback.print_exc()
        code = 99
    sys.stdout.flush()
    sys.stderr.flush()
    os._exit(code)


def _watch(job: dict[str, Any], count: int) -> None:
    """Count the operations below the folder, in the file `count`, and let the fault in at one of them."""
    below, watched = job["below"], job["watched"] or job["below"]
    seen, lock = 0, threading.RLock()

    def hook(event: str, arguments: tuple[Any, ...]) -> None:
        nonlocal seen
        if event not in EVENTS or (job["only"] and event != job["only"]):
            return
        paths = [str(argument) for argument in arguments[:2] if isinstance(argument, str | os.PathLike)]
        if event != "fcntl.flock" and not any(os.path.join(below, path).startswith(watched) for path in paths):  # noqa: PTH118
            return
        with lock:
            seen = number = seen + 1
        os.pwrite(count, b"%9d" % number, 0)
        if number != job["at"]:
            return
        if job["signum"]:
            os.pwrite(count, b" %.6f" % time.monotonic(), 9)
            os.kill(os.getpid(), job["signum"])
        if job["error"]:
            raise OSError(job["error"], os.strerror(job["error"]), *paths[:1])
        if job["remove"]:
            shutil.rmtree(job["remove"])
        if job["replace"][0]:
            os.replace(*job["replace"])  # noqa: PTH105

    sys.addaudithook(hook)


EVENTS = {"open", "os.rename", "os.remove", "os.mkdir", "os.rmdir", "os.chmod", "os.truncate", "os.listdir",
          "os.scandir", "fcntl.flock"}  # fmt: skip


def _serve() -> None:
    import tempfile

    answers = os.fdopen(os.dup(1), "w")
    os.dup2(2, 1)
    for line in sys.stdin:
        job = json.loads(line)
        if "warm" in job:
            os.chdir(job["below"])
            with redirect_stdout(io.StringIO()):
                import_module(f"{job['words'][0].replace('-', '_')}.cli.main").main(
                    job["words"][1:], standalone_mode=False
                )
            print("warm", file=answers, flush=True)
            continue
        with tempfile.TemporaryFile() as out, tempfile.TemporaryFile() as err, tempfile.TemporaryFile() as count:
            began = time.monotonic()
            signal.pthread_sigmask(signal.SIG_BLOCK, [signal.SIGINT])  # until the command begins
            child = os.fork()
            if not child:
                _child(job, out.fileno(), err.fileno(), count.fileno())
            signal.pthread_sigmask(signal.SIG_UNBLOCK, [signal.SIGINT])
            hung, status = False, None
            if job["after"] is not None:
                while status is None and time.monotonic() - began < job["after"]:
                    status = _ended(child)
                if status is None:
                    os.kill(child, job["signum"])
                    began = time.monotonic()
            while status is None:
                if time.monotonic() - began > HUNG:
                    hung = True
                    os.kill(child, signal.SIGKILL)
                    status = os.waitpid(child, 0)[1]
                else:
                    status = _ended(child)
            ended = time.monotonic()
            texts = []
            for file in (out, err, count):
                file.seek(0)
                texts.append(file.read().decode(errors="replace"))
            code = os.waitstatus_to_exitcode(status)
            operations, *struck = texts[2].split() or ["0"]
            seconds = ended - (float(struck[0]) if struck else began)
            outcome = Outcome(code, seconds, int(operations), texts[0], texts[1], hung)
            print(json.dumps(asdict(outcome)), file=answers, flush=True)


def _ended(child: int) -> int | None:
    done, status = os.waitpid(child, os.WNOHANG)
    if done:
        return status
    time.sleep(0.0005)
    return None


if __name__ == "__main__":
    for module in sys.argv[1:]:
        import_module(module)
    _serve()
