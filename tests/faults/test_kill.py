"""kill -9 and Ctrl-C at random moments: what has its final name is whole, and the next call ends as if nothing was."""

import re
import shutil
import signal
import subprocess
import sys
import time
from dataclasses import dataclass
from pathlib import Path

import pytest
from forks import Command, Forks, Outcome, fetching, hidden, tree
from patience import in_time

pytestmark = [
    pytest.mark.slow,
    pytest.mark.skipif(sys.platform == "win32", reason="needs POSIX signals and fork"),
]

EVAL = ("vdsr-eval", "--model", "bicubic", "--save-images", "pictures", "--html", "page.html", "--json", "scores.json")
# A command, and the option whose other value makes the older output that it replaces.
CASES = {
    "build-train": ("vdsr-data", "build-train", "@", "--patch-size", "11", "--stride", "9", "-o", "t.h5", "--seed"),
    "compressed": ("vdsr-data", "build-train", "@", "--patch-size", "9", "--compression", "1", "-o", "c.h5", "--seed"),
    "build-test": ("vdsr-data", "build-test", "@", "-o", "b.h5", "--scales"),
    "build-test-mat": ("vdsr-data", "build-test", "@", "--format", "mat", "-o", "mat", "--boundary"),
    "imresize": ("vdsr-data", "imresize", "@", "lr", "--scale"),
    "degrade": ("vdsr-data", "degrade", "@", "lr", "--kind", "dn", "--scale", "2,3", "--noise"),
    "export": ("vdsr-data", "export", "@", "-o", "sets", "--layout", "rcan", "--scales", "2,3", "--boundary"),
    "eval": (*EVAL, "--dataset", "@", "--scale", "2", "--detail", "auto", "--protocol"),
}
VALUES = {
    "build-train": ("1", "2"), "compressed": ("1", "2"), "build-test": ("2", "3"),
    "build-test-mat": ("replicate", "symmetric"), "imresize": ("1/2", "1/3"), "degrade": ("10", "30"),
    "export": ("replicate", "symmetric"), "eval": ("paper", "vdsr-tf"),
}  # fmt: skip


@dataclass
class Target:
    """A command, its folder, and the trees that it may show: nothing, the old output, the new one."""

    command: Command
    folder: Path
    old: dict[str, bytes]
    new: dict[str, bytes]
    whole: Outcome

    def reset(self, *, old: bool) -> None:
        """Put the folder back to nothing, or to the old output."""
        shutil.rmtree(self.folder)
        self.folder.mkdir()
        for name, data in self.old.items() if old else ():
            (self.folder / name).parent.mkdir(parents=True, exist_ok=True)
            (self.folder / name).write_bytes(data)


def prepare(forks: Forks, folder: Path, command: Command, other: Command) -> Target:
    trees = []
    for one in (other, command):
        shutil.rmtree(folder, ignore_errors=True)
        folder.mkdir()
        if one is other:
            forks.warm(one)
        done = forks(one)
        assert done.code == 0, done.err
        trees.append(tree(folder))
        assert trees[-1]
        assert not hidden(trees[-1])
    return Target(command, folder, *trees, whole=done)


def check(target: Target, outcome: Outcome, signum: int, *, old: bool, before: set[str]) -> None:
    """After the signal: no file under its final name is anything but the old or the new one."""
    assert not outcome.hung
    found = tree(target.folder)
    for name, data in found.items():
        if any(part.startswith(".") and part != ".Set5.partial" for part in Path(name).parts):
            continue
        final = name.replace(".Set5.partial", "Set5")
        assert data in (target.new.get(final), target.old.get(final) if old else None), f"{name} is neither"
    if old:
        assert target.old.keys() & target.new.keys() <= found.keys()
    if signum == signal.SIGKILL:
        assert outcome.code in (-signal.SIGKILL, 0), outcome.err
    elif outcome.code:  # else it was done before it noticed
        assert outcome.code == 130, outcome.err
        assert outcome.lines == [f"{target.command.words[0]}: interrupted"]
        assert in_time(outcome.seconds, 2)
        assert not [name for name in found.keys() - before if re.search(r"-\w+\.partial", name)]


def strike(forks: Forks, target: Target, chance, amount, tried) -> None:
    """Kill at operations and at moments, with and without an older output, then let it end."""
    killed, number = 0, amount(4, 60)
    for count in range(2 * number):
        if killed == number:
            break
        old = count % 2 == 1
        target.reset(old=old)
        for _ in range(1 + (chance.random() < 0.25)):  # sometimes the next start is killed too
            signum = chance.choice((signal.SIGKILL, signal.SIGINT))
            if chance.random() < 0.6:
                when = {"at": chance.randint(1, target.whole.operations)}
            else:
                when = {"after": chance.uniform(0, target.whole.seconds)}
            tried("killed", 0)
            before = hidden(tree(target.folder))
            outcome = forks(target.command.killed(signum, **when))
            try:
                check(target, outcome, signum, old=old, before=before)
            except AssertionError as error:
                raise AssertionError(f"{signal.Signals(signum).name} {when} old={old}: {error}\n{outcome}") from error
            killed += outcome.code != 0
            tried("killed", int(outcome.code != 0))
        again = forks(target.command)
        assert again.code == 0, (signum, when, old, again.err)
        assert tree(target.folder) == target.new, (signum, when, old)


@pytest.mark.parametrize("case", CASES)
def test_killed_commands_leave_whole_files_or_none(forks, photographs, tmp_path, case, chance, amount, tried) -> None:
    words = [str(photographs) if word == "@" else word for word in CASES[case]]
    commands = [Command((*words, value, "--force"), below=str(tmp_path / "out")) for value in VALUES[case]]
    strike(forks, prepare(forks, tmp_path / "out", *commands), chance, amount, tried)


def test_killed_fetch_goes_on_where_it_was(forks, tmp_path, chance, amount, tried) -> None:
    command = fetching(tmp_path, chance)
    shutil.copytree(tmp_path / "mirror", tmp_path / "old")
    damaged = tmp_path / "old" / "Set5" / "head.bmp"
    damaged.write_bytes(damaged.read_bytes()[:-1])
    whole = forks(command)
    assert whole.code == 0, whole.err
    target = Target(command, tmp_path / "out", tree(tmp_path / "old"), tree(tmp_path / "out"), whole)
    assert target.new == tree(tmp_path / "mirror")
    strike(forks, target, chance, amount, tried)


# Says when Ctrl-C is looked after, which is before anything is imported that takes time.
READY = """
import signal, sys
from vdsr_data.io import interrupt
from {package}.start import main
signal.signal(signal.SIGINT, signal.default_int_handler)  # not so in a job's background
sys.argv[0] = "{name}"
watch = interrupt._watch
interrupt._watch = lambda: print("x", watch())
main()
"""
STARTS = {
    "vdsr-data": ["build-train", "sample", "-o", "train.h5"],
    "vdsr-eval": ["--dataset", "sample", "--scale", "2", "--weights", "default"],
    "vdsr-train": ["--images", ".", "--steps", "1"],
}


@pytest.mark.parametrize("name", STARTS)
def test_ctrl_c_is_obeyed_from_the_start(tmp_path, name, chance, amount, tried) -> None:
    if name != "vdsr-data":
        pytest.importorskip("tensorflow")
    code = READY.format(package=name.replace("-", "_"), name=name)
    for _ in range(amount(1, 40)):
        tried("killed")
        process = subprocess.Popen(
            [sys.executable, "-uc", code, *STARTS[name]], cwd=tmp_path, stdout=subprocess.PIPE, stderr=subprocess.PIPE,
        )  # fmt: skip
        assert process.stdout.read(1) == b"x"
        delay = chance.choice((0.02, 0.3, 2)) * chance.random()
        time.sleep(delay)
        process.send_signal(signal.SIGINT)
        began = time.monotonic()
        _, said = process.communicate(timeout=60)
        assert time.monotonic() - began < 2, delay
        lines = [line for line in said.decode().splitlines() if line]
        if process.returncode < 2:  # it was there first; without images there is nothing to train
            assert process.returncode == int(name == "vdsr-train"), delay
            for path in tmp_path.glob("*.h5"):
                path.unlink()
        else:
            assert (process.returncode, lines) == (130, [f"{name}: interrupted"]), delay
        assert not list(tmp_path.iterdir())
