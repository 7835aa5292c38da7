"""Two commands with one output or one run folder: the second leaves with a line that names the first."""

import os
import signal
import subprocess
import sys
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager
from pathlib import Path

import pytest
from click.testing import CliRunner
from command_line import fails
from forks import Command, Forks, hidden, tree
from train_fixtures import Recorder, small, training_file

from vdsr_data.cli.main import main as data
from vdsr_data.errors import VdsrError
from vdsr_data.io.files import claimed, replacing
from vdsr_eval.cli.main import main as evaluate

ROOT = Path(__file__).resolve().parents[2]
HOLD = """
import sys
from pathlib import Path
from vdsr_data.io.files import claimed, replacing
with {"file": replacing, "folder": claimed}[sys.argv[1]](Path(sys.argv[2])):
    print("held", flush=True)
    sys.stdin.read()
"""


@contextmanager
def holder(kind: str, path: Path) -> Iterator[subprocess.Popen[str]]:
    """Another process that is writing `path`."""
    command = [sys.executable, "-c", HOLD, kind, str(path)]
    with subprocess.Popen(command, stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True, cwd=ROOT) as process:
        assert process.stdout.readline() == "held\n"
        try:
            yield process
        finally:
            process.stdin.close()
            process.wait()


BICUBIC = ("--model", "bicubic", "--scale", "2", "--force", "--dataset")
# The command line, its words ("@" a folder of images, "%" a file of it), what it locks, and the name of the output.
CASES = {
    "build-train": (data, ("build-train", "@", "--patch-size", "9", "--force", "-o"), "file", "t.h5"),
    "sub-images": (data, ("build-train", "@", "--format", "lmdb", "--force", "-o"), "folder", "sub-images"),
    "build-test": (data, ("build-test", "@", "--force", "-o"), "file", "b.h5"),
    "build-test-mat": (data, ("build-test", "@", "--format", "mat", "--force", "-o"), "folder", "mat"),
    "imresize-file": (data, ("imresize", "%", "--scale", "1/2", "--force"), "file", "small.png"),
    "imresize-folder": (data, ("imresize", "@", "--scale", "1/2", "--force"), "folder", "small"),
    "eval-json": (evaluate, (*BICUBIC, "@", "--json"), "file", "s.json"),
    "eval-html": (evaluate, (*BICUBIC, "@", "--html"), "file", "p.html"),
    "eval-images": (evaluate, (*BICUBIC, "@", "--save-images"), "folder", "pictures"),
    "eval-mat": (evaluate, (*BICUBIC, "@", "--save-mat"), "folder", "mats"),
}


@pytest.mark.parametrize("case", CASES)
def test_second_command_names_the_first(photographs: Path, tmp_path: Path, case: str, tried) -> None:
    main, words, kind, name = CASES[case]
    names = {"@": str(photographs), "%": str(photographs / "a.jpg")}
    output = tmp_path / "out" / name
    output.parent.mkdir()
    words = [*(names.get(word, word) for word in words), str(output)]
    tried("two at once", 3)
    with holder(kind, output) as first:
        before = tree(output.parent)
        fails(CliRunner().invoke(main, words), 1, str(output), f"process {first.pid} is writing there")
        assert tree(output.parent) == before
        first.kill()
    assert hidden(tree(output.parent))  # a lock that nobody holds any more
    assert CliRunner().invoke(main, words).exit_code == 0
    assert not hidden(tree(output.parent))


@pytest.mark.parametrize("process", ["1", "4000000000", "not a number", ""])
def test_a_lock_is_as_alive_as_its_holder(tmp_path: Path, process: str, tried) -> None:
    """Whatever process has the number now: after a restart of the machine it may be any."""
    (tmp_path / ".out.txt.lock").write_text(f"{process} elsewhere\n")
    (tmp_path / ".out.txt-0123abcd.partial.txt").write_text("half")
    (tmp_path / ".lock").write_text(process)
    tried("two at once", 2)
    with replacing(tmp_path / "out.txt") as temporary:
        temporary.write_text("whole")
    assert tree(tmp_path) == {"out.txt": b"whole", ".lock": process.encode()}
    with claimed(tmp_path):
        assert (tmp_path / ".lock").read_text().startswith(f"{os.getpid()} ")
    assert tree(tmp_path) == {"out.txt": b"whole"}


def test_what_a_living_process_writes_is_not_swept_away(tmp_path: Path, tried) -> None:
    (tmp_path / ".lock").touch()
    (tmp_path / "below").mkdir()
    (tmp_path / "below" / ".dead.txt-0123abcd.partial.txt").touch()
    tried("two at once")
    with holder("file", tmp_path / "below" / "live.txt"), claimed(tmp_path):
        names = {Path(name).name for name in tree(tmp_path)}
        assert any(name.startswith(".live.txt-") for name in names)
        assert ".dead.txt-0123abcd.partial.txt" not in names
    assert [path.name for path in (tmp_path / "below").iterdir()] == ["live.txt"]


def test_threads_of_one_process_are_two_as_well(tmp_path: Path, tried) -> None:
    tried("two at once")
    with replacing(tmp_path / "out") as temporary:
        temporary.write_text("first")
        with pytest.raises(VdsrError, match=f"process {os.getpid()} "), replacing(tmp_path / "out"):
            pass
    assert (tmp_path / "out").read_text() == "first"


def test_a_link_in_the_place_of_a_lock_is_not_followed(tmp_path: Path, tried) -> None:
    if not hasattr(os, "O_NOFOLLOW"):
        pytest.skip("this system has no O_NOFOLLOW")
    (tmp_path / "precious").write_text("mine")
    (tmp_path / ".out.lock").symlink_to(tmp_path / "precious")
    tried("two at once")
    with pytest.raises(OSError, match="out"), replacing(tmp_path / "out"):
        pass
    assert (tmp_path / "precious").read_text() == "mine"


COUNT = """
import sys
from pathlib import Path
from vdsr_data.errors import VdsrError
from vdsr_data.io.lock import held
folder, times = Path(sys.argv[1]), int(sys.argv[2])
while times:
    try:
        with held(folder / ".lock", folder):
            count = int((folder / "count").read_text())
            (folder / "count").write_text(str(count + 1))
            times -= 1
    except VdsrError:
        pass
"""


@pytest.mark.slow
def test_only_one_at_a_time(tmp_path: Path, amount, tried) -> None:
    """Processes that count in one file lose nothing, though each removes the lock when it is done with it."""
    (tmp_path / "count").write_text("0")
    times = amount(100, 5000)
    command = [sys.executable, "-c", COUNT, str(tmp_path), str(times)]
    processes = [subprocess.Popen(command, cwd=ROOT) for _ in range(3)]
    assert [process.wait() for process in processes] == [0, 0, 0]
    tried("two at once", 3 * times)
    assert tree(tmp_path) == {"count": str(3 * times).encode()}


@pytest.mark.skipif(sys.platform == "win32", reason="needs fork")
@pytest.mark.slow
def test_commands_that_start_together(photographs: Path, tmp_path: Path, amount, tried) -> None:
    """Of two with different options one at least ends well, and the file is one of theirs."""
    words = ("vdsr-data", "build-train", str(photographs), "--patch-size", "9", "-o", "t.h5", "--force", "--seed")
    commands = [Command((*words, str(seed)), below=str(tmp_path / "out")) for seed in range(2)]
    (tmp_path / "out").mkdir()
    with (
        Forks("vdsr_data.cli.main", "vdsr_data.training.build", "vdsr_data.training.generate") as one,
        Forks("vdsr_data.cli.main", "vdsr_data.training.build", "vdsr_data.training.generate") as two,
    ):
        results = []
        for fork in (one, two):
            fork.warm(commands[0])
        for command in commands:
            assert one(command).code == 0
            results.append(tree(tmp_path / "out"))
        for _ in range(amount(5, 300)):
            tried("two at once")
            with ThreadPoolExecutor(2) as pool:
                ends = list(pool.map(lambda fork, command: fork(command), (one, two), commands))
            assert 0 in {end.code for end in ends}
            for end in ends:
                if end.code:
                    assert end.code == 1
                    assert len(end.lines) == 1
                    assert "is writing there; wait until it ends" in end.err
            assert tree(tmp_path / "out") in results


@pytest.mark.slow
def test_one_training_in_a_run_folder(tmp_path: Path, tried) -> None:
    pytest.importorskip("tensorflow")
    from vdsr_train.run.train import run_training

    training_file(tmp_path / "train.h5")
    config, run = small(tmp_path, validation="none"), tmp_path / "run"
    tried("two at once", 3)
    with holder("folder", run) as first, pytest.raises(VdsrError, match=f"run: process {first.pid} is writing there"):
        run_training(config, run, resume=False, console=Recorder())
    assert not list(run.iterdir())
    seen = []

    def second(step: int) -> None:
        """While it trains, before and after checkpoints, nobody can go on with it."""
        if step in (3, 10, 25):
            files = tree(run)
            with pytest.raises(VdsrError, match=f"process {os.getpid()} is writing there"):
                run_training(config, run, resume=True, console=Recorder())
            assert tree(run) == files
            seen.append(step)

    run_training(config, run, resume=False, console=Recorder(at=second))
    assert seen == [3, 10, 25]
    assert not hidden(tree(run))


@pytest.mark.skipif(sys.platform == "win32", reason="needs POSIX signals")
def test_a_stopped_process_still_holds(tmp_path: Path, tried) -> None:
    tried("two at once")
    with holder("file", tmp_path / "out") as first:
        first.send_signal(signal.SIGSTOP)
        with pytest.raises(VdsrError, match=f"process {first.pid} "), replacing(tmp_path / "out"):
            pass
        first.send_signal(signal.SIGCONT)
