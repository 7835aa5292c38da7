"""What the fault tests share: how much to try, from which seed, and the table at the end.

`make test` tries a little of everything. With the environment variable VDSR_TORTURE (`make torture` sets it to 1) the
counts are the long ones times its value. VDSR_SEED starts all random choices; the same seed makes the same choices.
"""

import os
import random
from collections import defaultdict
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest
from forks import Forks

FACTOR = float(os.environ.get("VDSR_TORTURE") or 0)
SEED = int(os.environ.get("VDSR_SEED") or 0)
FOUND = Path(__file__).with_name("found.md").read_text(encoding="utf-8")


def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    """Skip what is for `make torture` alone, so that a plain `pytest` is quick too."""
    for item in items:
        if not FACTOR and item.get_closest_marker("torture"):
            item.add_marker(pytest.mark.skip(reason="long; run by make torture"))


@pytest.fixture(scope="session")
def amount() -> Callable[[int, int], int]:
    """How many to try: ``amount(quick, long)``, the first in `make test`, the second in `make torture`."""
    return lambda quick, long: max(1, round(FACTOR * long)) if FACTOR else quick


@pytest.fixture(scope="session")
def forks() -> Iterator[Forks]:
    """A process with all that commands import which need no TensorFlow."""
    data = ("cli.main", "training.build", "training.generate", "training.shards", "public.download")
    scores = ("cli.main", "reports.page", "reports.evaluation", "reports.figures", "reports.export")
    with Forks(*(f"vdsr_data.{m}" for m in data), *(f"vdsr_eval.{m}" for m in scores), "matplotlib.pyplot", "scipy.io",
               "pooch", "requests", "rich.table", "rich.console") as process:  # fmt: skip
        yield process


@pytest.fixture
def chance(request: pytest.FixtureRequest) -> random.Random:
    """Random choices of a test's own, the same with the same VDSR_SEED."""
    return random.Random(f"{SEED} {request.node.name}")


@pytest.fixture
def tried(request: pytest.FixtureRequest) -> Callable[..., None]:
    """Count what was tried for the table: ``tried("killed", 20)``; best called before each try, with 1.

    Seconds and failures of the test go to the class of faults that it named first.
    """
    counts: dict[str, int] = {}  # a plain one, which the workers of pytest-xdist can send

    def count(fault: str, number: int = 1) -> None:
        counts[fault] = counts.get(fault, 0) + number

    request.node.user_properties.append(("tried", counts))
    return count


def pytest_terminal_summary(terminalreporter: pytest.TerminalReporter) -> None:
    """Print one line for each class of faults, with how many of its failures were mended so far."""
    rows: dict[str, list[float]] = defaultdict(lambda: [0, 0, 0.0])
    for outcome in ("passed", "failed"):
        for report in terminalreporter.stats.get(outcome, []):
            counts = dict(report.user_properties).get("tried")
            if report.when != "call" or counts is None:
                continue
            first = next(iter(counts), "other")
            for fault, number in counts.items():
                rows[fault][0] += number
            rows[first][1] += outcome == "failed"
            rows[first][2] += report.duration
    if not rows:
        return
    mended = {fault: FOUND.count(f"\n- {fault}: ") for fault in rows}
    rows["all"] = [sum(column) for column in zip(*rows.values(), strict=True)]
    mended["all"] = sum(mended.values())
    terminalreporter.section(f"faults, seed {SEED}")
    terminalreporter.line(f"{'fault':20}{'tried':>12}{'failures':>12}{'mended':>12}{'seconds':>12}")
    for fault, (number, failures, seconds) in rows.items():
        terminalreporter.line(f"{fault:20}{number:12,}{failures:12}{mended[fault]:12}{seconds:12.1f}")
