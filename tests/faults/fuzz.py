"""Feed damaged files to a reader in a process of its own, so that a crash, a hang or a flood of memory is seen.

As a program: `fuzz.py KIND SEED FIRST COUNT FOLDER` reads inputs FIRST to FIRST + COUNT - 1 of a kind, each the same
whenever its number and seed are; with `--guided SECONDS` instead of a count, atheris chooses the inputs by coverage.
"""

import faulthandler
import random
import resource
import shutil
import signal
import subprocess
import sys
import tempfile
import warnings
from collections.abc import Callable
from dataclasses import dataclass
from importlib import import_module
from pathlib import Path

from vdsr_data.errors import VdsrError

HANG = 5  # seconds of processor time for one input
ASLEEP = 60  # seconds of the clock: long, as other work may fill the machine
MEMORY = 2**30  # bytes of address space beyond what the process had with everything imported
BATCH = 5_000  # inputs of a process; a reader that leaks would show
NUMBERS = (0, 1, 2, 3, 127, 128, 255, 256, 32767, 65535, 100_000, 10**9, 2**31 - 1, 2**31, 2**32 - 1, 2**63, 2**64 - 1)


@dataclass(frozen=True)
class Reader:
    """What is fuzzed: names of files, good files to damage, and the reading, which may raise VdsrError only.

    `repair` puts checksums right after the damage, so that it reaches what lies behind them; every other input has it.
    """

    suffixes: tuple[str, ...]
    seeds: Callable[[], list[bytes]]
    read: Callable[[Path], object]
    repair: Callable[[bytes], bytes] | None = None
    words: tuple[bytes, ...] = ()
    memory: int = MEMORY


def mutate(data: bytes, others: list[bytes], chance: random.Random, words: tuple[bytes, ...]) -> bytes:
    """Damage a file: bits, bytes, numbers, words, holes, repetitions, truncation, parts of another file."""
    new = bytearray(data)
    for _ in range(1 + int(chance.expovariate(0.7))):
        size = len(new)
        at = chance.randrange(min(size, 512) if chance.random() < 0.5 else size) if size else 0  # heads matter more
        kind = chance.randrange(9 if words else 8)
        if not size or kind == 5:
            other = chance.choice(others)
            start = chance.randrange(len(other)) if other else 0
            new[at : at + chance.randrange(64)] = other[start : start + chance.randrange(64)]
        elif kind in (0, 1):
            new[at] ^= 1 << chance.randrange(8)
        elif kind == 2:
            new[at] = chance.randrange(256)
        elif kind == 3:
            width = chance.choice((1, 2, 4, 8))
            number = chance.choice(NUMBERS) % 256**width
            new[at : at + width] = number.to_bytes(width, chance.choice(("little", "big")))
        elif kind == 4:
            del new[at : at + chance.randrange(1, 64)]
        elif kind == 6:
            new[at:at] = new[at : at + chance.randrange(1, 64)]
        elif kind == 7:
            if chance.random() < 0.2:
                del new[at:]
        else:
            new[at : at + chance.choice((0, 0, 4, 8))] = chance.choice(words)
    return bytes(new)


def made(reader: Reader, kind: str, seed: str, number: int, seeds: list[bytes]) -> tuple[str, bytes]:
    """Suffix and bytes of an input."""
    chance = random.Random(f"{kind} {seed} {number}")
    data = mutate(chance.choice(seeds), seeds, chance, reader.words)
    if reader.repair and number % 2:
        data = reader.repair(data)
    return chance.choice(reader.suffixes), data


def judge(reader: Reader, path: Path) -> str | None:
    """Read a file; what is wrong with how that went, or None."""
    try:
        reader.read(path)
    except VdsrError as error:
        text = str(error)
        if not text.isprintable():
            return f"a message that is not one printable line: {text!r}"
        return None if path.name in text or path.parent.name in text else f"a message that names no file: {text!r}"
    except MemoryError:
        return "more memory than is stated"
    except Exception as error:
        return f"{type(error).__name__}: {error}"
    return None


def restrain(memory: int) -> None:
    """Let the process die of a hang, and fail at too much memory."""
    with open("/proc/self/statm") as file:
        used = int(file.read().split()[0]) * resource.getpagesize()
    resource.setrlimit(resource.RLIMIT_AS, (used + memory, used + memory))
    resource.setrlimit(resource.RLIMIT_CORE, (0, 0))


def work(kind: str, seed: str, first: int, count: int, folder: Path) -> None:
    """Read inputs, and tell the number of each before it is read and what was wrong with it after."""
    reader = reader_of(kind)
    seeds = reader.seeds()
    for data in seeds:  # imports everything
        path = folder / f"{kind}-good{reader.suffixes[0]}"
        path.write_bytes(data)
        judge(reader, path)
    faulthandler.enable()
    faulthandler.register(signal.SIGPROF, chain=True)  # say where it hangs, then die
    restrain(reader.memory)
    with (folder / "now").open("wb", buffering=0) as now, (folder / "wrong").open("a") as wrong:
        for number in range(first, first + count):
            now.seek(0)
            now.write(b"%20d" % number)
            suffix, data = made(reader, kind, seed, number, seeds)
            path = folder / f"{kind}{suffix}"
            path.write_bytes(data)
            signal.setitimer(signal.ITIMER_PROF, HANG)
            signal.setitimer(signal.ITIMER_REAL, ASLEEP)
            problem = judge(reader, path)
            signal.setitimer(signal.ITIMER_PROF, 0)
            signal.setitimer(signal.ITIMER_REAL, 0)
            path.unlink()
            if problem:
                wrong.write(f"{kind} {seed} {number}: {problem}\n")
                wrong.flush()
        now.seek(0)
        now.write(b"%20d" % (first + count))


def campaign(kind: str, seed: str, count: int, seconds: float = 3600, first: int = 0) -> tuple[int, list[str]]:
    """Read `count` inputs, or as many as the time allows: how many were read, and what went wrong with which."""
    scratch = "/dev/shm" if Path("/dev/shm").is_dir() else None
    folder = Path(tempfile.mkdtemp(prefix="fuzz-", dir=scratch))
    stop, number = first + count, first
    problems: list[str] = []
    try:
        while number < stop and seconds > 0 and len(problems) < 100:
            before = resource.getrusage(resource.RUSAGE_CHILDREN)
            batch = min(BATCH, stop - number)
            command = [sys.executable, __file__, kind, seed, str(number), str(batch), str(folder)]
            done = subprocess.run(command, check=False, capture_output=True, text=True, timeout=3600)
            after = resource.getrusage(resource.RUSAGE_CHILDREN)
            seconds -= after.ru_utime + after.ru_stime - before.ru_utime - before.ru_stime
            if not (folder / "now").exists():
                raise RuntimeError(f"{kind}: {done.stderr}")
            reached = int((folder / "now").read_bytes())
            if done.returncode:
                where = " ".join(done.stderr.split())[:600]
                problems.append(f"{kind} {seed} {reached}: the process died ({done.returncode}) {where}")
                reached += 1
            number = reached
            problems += (folder / "wrong").read_text().splitlines()
            (folder / "wrong").unlink()
        return number - first, problems
    finally:
        shutil.rmtree(folder)


def guided(kind: str, seed: str, seconds: int, folder: Path) -> None:
    """Let atheris choose the inputs by the branches that they reach; a failure ends the process with a traceback."""
    import atheris

    # Numba does not compile what atheris has changed.
    kernels = [
        "vdsr_data.matlab._resize_kernels",
        "vdsr_data.matlab._color_kernels",
        "vdsr_eval.metrics._fidelity_kernels",
        "vdsr_data.matlab._compile",
    ]
    packages = ["vdsr_data", "vdsr_eval", "vdsr_train", "PIL", "png", "tifffile"]
    with atheris.instrument_imports(include=packages, exclude=kernels):
        reader = reader_of(kind)
        corpus = folder / "corpus"
        corpus.mkdir()
        for number, data in enumerate(reader.seeds()):
            (corpus / str(number)).write_bytes(data)
            (folder / f"warm{reader.suffixes[0]}").write_bytes(data)
            judge(reader, folder / f"warm{reader.suffixes[0]}")
    path = folder / f"{kind}{reader.suffixes[0]}"

    def once(data: bytes) -> None:
        path.write_bytes(data)
        problem = judge(reader, path)
        if problem:
            raise AssertionError(f"{kind}: {problem}")

    options = [f"-max_total_time={seconds}", f"-seed={seed}", f"-timeout={HANG}", "-max_len=65536",
               "-rss_limit_mb=4096", f"-artifact_prefix={folder}/", "-print_final_stats=1"]  # fmt: skip
    atheris.Setup([sys.argv[0], *options, str(corpus)], once)
    atheris.Fuzz()


def reader_of(kind: str) -> Reader:
    """The reader of this kind; imports no more than it needs."""
    for home in ("fuzz_images", "fuzz_hdf5", "fuzz_others"):
        found: dict[str, Reader] = import_module(home).READERS
        if kind in found:
            return found[kind]
    raise KeyError(kind)


if __name__ == "__main__":
    warnings.simplefilter("ignore")  # as the command lines do
    sys.path.insert(0, str(Path(__file__).resolve().parents[2]))
    if sys.argv[3] == "--guided":
        guided(sys.argv[1], sys.argv[2], int(sys.argv[4]), Path(sys.argv[5]))
    else:
        work(sys.argv[1], sys.argv[2], int(sys.argv[3]), int(sys.argv[4]), Path(sys.argv[5]))
