"""--quiet, --verbose and --log-file, which every command has."""

import os
import re
import subprocess
import sys
from pathlib import Path

import click
import numpy as np
import pytest
from click.testing import CliRunner

from vdsr_data.cli.main import main as data
from vdsr_data.images.files import write_image
from vdsr_eval.cli.main import main as evaluate
from vdsr_train.cli.main import main as train


@pytest.fixture
def image(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> str:
    """A small image in the current folder."""
    monkeypatch.chdir(tmp_path)
    write_image(tmp_path / "in.png", np.random.default_rng(0).integers(0, 256, (24, 36), dtype=np.uint8))
    return "in.png"


def commands(group: click.Command, path: tuple[str, ...] = ()) -> list[tuple[click.Command, tuple[str, ...]]]:
    found = [] if group is data else [(group, path)]
    if isinstance(group, click.Group):
        for name, command in group.commands.items():
            found += commands(command, (*path, name))
    return found


@pytest.mark.parametrize("group", [data, evaluate, train], ids=["data", "eval", "train"])
def test_every_command_has_the_three_options(group: click.Command):
    for command, path in commands(group):
        shown = CliRunner().invoke(group, [*path, "--help"]).stdout
        assert all(name in shown for name in ("--quiet", "--verbose", "--log-file")), command.name


def test_quiet_says_nothing_of_what_was_done(image: str):
    done = CliRunner().invoke(data, ["imresize", image, "out.png", "--scale", "1/2", "-q"])
    assert (done.exit_code, done.output) == (0, "")
    assert Path("out.png").exists()


def test_quiet_keeps_errors_and_results(image: str):
    done = CliRunner().invoke(data, ["imresize", "none.png", "out.png", "--scale", "1/2", "--quiet"])
    assert done.exit_code == 1
    assert len(done.stderr.splitlines()) == 1
    assert CliRunner().invoke(data, ["build-test", ".", "-o", "test.h5", "-q"]).output == ""
    assert "benchmark file" in CliRunner().invoke(data, ["info", "test.h5", "-q"]).stdout


def test_verbose_says_versions_and_cost_on_stderr(image: str):
    done = CliRunner().invoke(data, ["imresize", image, "out.png", "--scale", "1/2", "--verbose"])
    assert done.stdout == "out.png: 1 image\n"
    assert re.search(r"Python 3[.]\d+[.]\d+.*, numpy \d", done.stderr)
    assert "vdsr-toolkit " in done.stderr
    assert re.search(r"^took \d+[.]\d s of processor time", done.stderr, re.MULTILINE)


def test_quietness_ends_with_the_command(image: str):
    CliRunner().invoke(data, ["imresize", image, "out.png", "--scale", "1/2", "-q"])
    assert CliRunner().invoke(data, ["imresize", image, "other.png", "--scale", "1/2"]).output == "other.png: 1 image\n"


def test_log_file_has_a_copy_with_times(image: str):
    words = ["imresize", image, "out.png", "--scale", "1/2", "--log-file", "log.txt"]
    done = CliRunner().invoke(data, words)
    assert done.output == "out.png: 1 image\n"
    failed = CliRunner().invoke(data, words)
    assert (failed.exit_code, len(failed.output.splitlines())) == (1, 1)
    log = Path("log.txt").read_text(encoding="utf-8")
    assert re.search(r"^\d{4}-\d\d-\d\d \d\d:\d\d:\d\d,\d{3} INFO    out.png: 1 image$", log, re.MULTILINE)
    assert log.count("Python 3") == 2
    assert re.search(r"ERROR .*out.png: exists already", log)
    assert "Traceback" in log
    assert "Traceback" not in failed.output


def test_log_file_that_cannot_be_written_is_one_line(image: str):
    words = ["imresize", image, "out.png", "--scale", "1/2", "--log-file", "nowhere/log.txt"]
    done = CliRunner().invoke(data, words)
    assert done.exit_code == 1
    assert re.fullmatch(r".*nowhere/log.txt: No such file or directory\n", done.stderr)
    assert not Path("out.png").exists()


def test_only_log_files_are_appended_to(image: str):
    before = Path(image).read_bytes()
    done = CliRunner().invoke(data, ["imresize", image, "out.png", "--scale", "1/2", "--log-file", image])
    assert (done.exit_code, done.stdout) == (1, "")
    assert re.fullmatch(r".*in.png: is not a log file of ours; name another\n", done.stderr)
    assert Path(image).read_bytes() == before
    assert not Path("out.png").exists()
    if hasattr(os, "mkfifo"):
        os.mkfifo("pipe")
        done = CliRunner().invoke(data, ["imresize", image, "out.png", "--scale", "1/2", "--log-file", "pipe"])
        assert (done.exit_code, "pipe: is a pipe, which would be waited for" in done.stderr) == (1, True)
    Path("empty.txt").touch()
    done = CliRunner().invoke(data, ["imresize", image, "out.png", "--scale", "1/2", "--log-file", "empty.txt"])
    assert done.exit_code == 0


def test_the_log_is_no_output(image: str):
    """Which it would be called an output that exists, and be replaced under --force."""
    for force in ([], ["--force"]):
        words = ["imresize", image, "out.png", "--scale", "1/2", "--log-file", "./out.png", *force]
        done = CliRunner().invoke(data, words)
        assert re.fullmatch(r".*out.png: is the log file of this very run; name another file\n", done.stderr)
    assert "is the log file" in Path("out.png").read_text()
    Path("out.png").unlink()
    assert CliRunner().invoke(data, words[:5]).exit_code == 0


@pytest.mark.skipif(sys.platform == "win32", reason="has no such names")
def test_names_that_are_no_text_or_no_line_are_escaped(image: str):
    for name, shown in (("a\n\x1bb.png", r"a\n\x1bb.png"), ("r\udce9.png", r"r\udce9.png")):
        words = ["imresize", image, name, "--scale", "1/2", "--log-file", "log.txt"]
        assert CliRunner().invoke(data, words).stdout == f"{shown}: 1 image\n"
        assert f"{shown}: 1 image\n" in Path("log.txt").read_text()
        assert Path(name).is_file()
        failed = CliRunner().invoke(data, words)
        assert re.fullmatch(rf".+: {re.escape(shown)}: exists already.*\n", failed.stderr)


@pytest.mark.slow
@pytest.mark.skipif(not Path("/dev/full").exists(), reason="needs a device that is always full")
def test_work_goes_on_when_what_is_said_cannot_be_written(image: str):
    words = ["imresize", image, "out.png", "--scale", "1/2"]
    done = CliRunner().invoke(data, [*words, "--log-file", "/dev/full"])
    assert (done.exit_code, done.stdout) == (1, "out.png: 1 image\n")
    assert done.stderr == "/dev/full: No space left on device; nothing more is logged there\n"
    Path("out.png").unlink()
    with Path("/dev/full").open("w") as full:
        command = [sys.executable, "-m", "vdsr_data", *words, "--verbose"]
        failed = subprocess.run(command, stdout=subprocess.PIPE, stderr=full, check=False)
    assert failed.stdout == b"out.png: 1 image\n"
    assert failed.returncode
    assert Path("out.png").is_file()
    assert CliRunner().invoke(data, ["info", "--help"]).exit_code == 0  # nothing of it is left in the next command
