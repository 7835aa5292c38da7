"""How things are measured: ours and its peers in turn, round after round; the machine's noise meets all alike."""

import platform
import statistics
import subprocess
import sys
import time
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from pathlib import Path
from tempfile import TemporaryDirectory

__all__ = ["HEAD", "Limit", "Peak", "Row", "Work", "processor"]

Work = Callable[[], object]
# Run a command from a small process and print its peak: a new process begins with the peak of the one that makes it.
CHILD = """
import resource, subprocess, sys
subprocess.run(sys.argv[1:], check=True, stdout=subprocess.DEVNULL)
print(resource.getrusage(resource.RUSAGE_CHILDREN).ru_maxrss)
"""
HEAD = ("what", "ours, ms", "peer", "peer, ms", "peer / ours", "target", "met")


@dataclass
class Row:
    """What is measured, the peers, and by how much each is to be beaten (None: shown only)."""

    what: str
    ours: Work
    peers: dict[str, tuple[Work, float | None]]
    rounds: int = 9
    reset: Work = lambda: None  # before each work, not timed
    seconds: dict[str, list[float]] = field(default_factory=dict)

    def measure(self) -> None:
        """Time ours and every peer in turn."""
        contenders = {"ours": self.ours, **{name: work for name, (work, _) in self.peers.items()}}
        for number in range(self.rounds + 1):
            for name, work in contenders.items():
                self.reset()
                start = time.perf_counter()
                work()
                if number:  # the first compiles and fills caches
                    self.seconds.setdefault(name, []).append(time.perf_counter() - start)

    def median(self, name: str) -> float:
        """Milliseconds."""
        return 1e3 * statistics.median(self.seconds[name])

    def cells(self) -> Iterator[list[str]]:
        """One line for each peer: how many times as long as ours it takes."""
        for name, (_, target) in self.peers.items():
            ratio = self.median(name) / self.median("ours")
            wanted = "" if target is None else f"{target:.2g}"
            mark = "" if target is None else ("yes" if ratio >= target else "no")
            figures = [f"{self.median('ours'):.2f}", name, f"{self.median(name):.2f}", f"{ratio:.2f}"]
            yield [self.what, *figures, wanted, mark]


@dataclass
class Limit:
    """What is to take no longer than so many seconds; a fresh folder is given to every round."""

    what: str
    work: Callable[[Path], object]
    limit: float
    note: Callable[[float], str] = lambda _: ""
    rounds: int = 5
    seconds: list[float] = field(default_factory=list)

    def measure(self) -> None:
        """Time the work, after one round that is not counted."""
        for number in range(self.rounds + 1):
            with TemporaryDirectory() as folder:
                start = time.perf_counter()
                self.work(Path(folder))
                if number:
                    self.seconds.append(time.perf_counter() - start)

    def median(self) -> float:
        """Seconds."""
        return statistics.median(self.seconds)

    def cells(self) -> Iterator[list[str]]:
        """One line: the median beside the limit."""
        middle = self.median()
        mark = "yes" if middle <= self.limit else "no"
        yield [self.what, f"{1e3 * middle:.0f}", self.note(middle), "", "", f"under {1e3 * self.limit:.0f} ms", mark]


@dataclass
class Peak:
    """The most memory that a command may take, in MB; it runs in a fresh folder, which `prepare` has filled."""

    what: str
    words: list[str]
    prepare: Callable[[Path], object]
    limit: float
    most: float = 0.0

    def measure(self) -> None:
        """Run it once: its peak is the operating system's count."""
        with TemporaryDirectory() as folder:
            self.prepare(Path(folder))
            done = subprocess.run(
                [sys.executable, "-c", CHILD, *self.words], cwd=folder, check=True, capture_output=True
            )
            self.most = int(done.stdout) * 1024 / 1e6

    def cells(self) -> Iterator[list[str]]:
        """One line: the peak beside the limit."""
        mark = "yes" if self.most <= self.limit else "no"
        yield [self.what, "", f"peak: {self.most:.0f} MB", "", "", f"under {self.limit:.0f} MB", mark]


def processor() -> tuple[str, list[str]]:
    """Name of the processor and its features, as Linux calls them; elsewhere what Python knows."""
    try:
        lines = Path("/proc/cpuinfo").read_text(encoding="utf-8").splitlines()
    except OSError:
        lines = []
    found = {key.strip(): value.strip() for key, _, value in (line.partition(":") for line in lines)}
    name = found.get("model name") or platform.processor() or platform.machine()
    return name, found.get("flags", "").split()
