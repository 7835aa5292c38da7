"""The manners of all commands: whose fault a failure is, warnings in one line, words for numbers, idle options."""

import sys
import threading
import warnings
from pathlib import Path

import click
import pytest
from click.testing import CliRunner, Result
from command_line import fails

from vdsr_data.cli.main import main as data
from vdsr_data.cli.options import CHOICE, NUMBERS, WHOLE, ExplainingCommand, ExplainingGroup, refuse_idle
from vdsr_data.errors import ArgumentError, VdsrError, VdsrWarning
from vdsr_eval.cli.main import main as evaluate
from vdsr_train.cli.main import main as train


class OtherWarning(VdsrWarning):
    """A class of its own."""


def command(work, *options: click.Option) -> ExplainingCommand:
    return ExplainingCommand("tool", callback=work, params=list(options))


def run(work, *arguments: str) -> Result:
    return CliRunner().invoke(command(work), arguments)


def raising(error: Exception):
    def work() -> None:
        raise error

    return work


@pytest.mark.parametrize("error", [VdsrError("a.png: grey"), ArgumentError("a.png: grey"), OSError("a.png: grey")])
def test_what_users_cause_is_one_line(error: Exception):
    fails(run(raising(error)), 1, ": a.png: grey\n")


@pytest.mark.parametrize("error", [ValueError("shapes"), KeyError("x"), AssertionError(), RuntimeError("two\nlines")])
def test_what_we_cause_asks_for_a_report(error: Exception, tmp_path: Path):
    result = run(raising(error))
    fails(result, 3, f"internal error ({type(error).__name__}: ", "our fault", "--log-file FILE")
    log = tmp_path / "log.txt"
    fails(run(raising(error), "--log-file", str(log)), 3, "internal error", f"report it with {log}")
    assert "Traceback" in log.read_text()
    assert "in work" in log.read_text()


def test_each_class_of_warning_is_said_once():
    def work() -> None:
        for k in range(3):
            warnings.warn(f"first\x1b {k}", VdsrWarning, stacklevel=2)
            warnings.warn(f"other {k}", OtherWarning, stacklevel=2)
            warnings.warn(f"foreign {k}", UserWarning, stacklevel=2)

    result = run(work)
    assert (result.exit_code, result.stdout) == (0, "")
    assert result.stderr == "first\\x1b 0\nother 0\n"
    assert run(work, "--quiet").stderr == result.stderr


def test_warnings_come_from_threads_and_all_are_logged(tmp_path: Path):
    def work() -> None:
        def warn(k: int) -> None:
            warnings.warn(f"thread {k}", VdsrWarning, stacklevel=2)

        threads = [threading.Thread(target=warn, args=(k,)) for k in range(8)]
        for thread in threads:
            thread.start()
        for thread in threads:
            thread.join()

    log = tmp_path / "log.txt"
    result = run(work, "--log-file", str(log))
    assert result.stderr.count("\n") == 1
    assert log.read_text().count(" thread ") == 8


def test_a_command_leaves_warnings_as_they_were():
    run(lambda: None)
    with pytest.raises(VdsrWarning):  # pytest makes errors of them
        warnings.warn("after", VdsrWarning, stacklevel=1)


def every(group: click.Command, path: tuple[str, ...] = ()) -> list[tuple[str, ...]]:
    found = [path]
    if isinstance(group, click.Group):
        for name, one in group.commands.items():
            found += every(one, (*path, name))
    return found


@pytest.mark.parametrize("tool", [data, evaluate, train], ids=["data", "eval", "train"])
def test_every_command_knows_h(tool: click.Command):
    for path in every(tool):
        short, long = (CliRunner().invoke(tool, [*path, option]) for option in ("-h", "--help"))
        assert short.exit_code == 0, short.output
        assert short.stdout == long.stdout
        assert "-h, --help" in short.stdout


def test_messages_name_the_command_as_it_was_typed(monkeypatch: pytest.MonkeyPatch):
    group = ExplainingGroup("x", commands=[ExplainingCommand("see", callback=raising(VdsrError("no")))])
    monkeypatch.setattr(sys, "argv", ["/usr/bin/vdsr-x", "see"])
    monkeypatch.setattr(sys.modules["__main__"], "__spec__", None)
    with pytest.raises(SystemExit), CliRunner().isolation() as streams:
        group.main(["see"])
    assert streams[1].getvalue() == b"vdsr-x: no\n"
    monkeypatch.setattr(sys.modules["__main__"], "__spec__", type("Spec", (), {"name": "vdsr_x.__main__"}))
    with pytest.raises(SystemExit), CliRunner().isolation() as streams:
        group.main(["see", "--mistake"])
    assert streams[1].getvalue().startswith(b"python -m vdsr_x: No such option")
    assert streams[1].getvalue().endswith(b"(see python -m vdsr_x see --help)\n")


@pytest.mark.parametrize("words", [("info", ""), ("verify", ""), ("build-train", "sample", "-o", ""),
                                   ("build-test", "sample", "-o", ""), ("imresize", "sample", "", "--scale", "2"),
                                   ("merge", "")])  # fmt: skip
def test_an_empty_path_is_not_the_current_folder(words: tuple[str, ...]):
    fails(CliRunner().invoke(data, words), 2, "an empty name; give a file or a folder")


@pytest.mark.parametrize("given", ["2.5", "1", "17", "x", ""])
def test_whole_numbers_are_called_that(given: str):
    with pytest.raises(click.BadParameter, match=f"'{given}': whole numbers from 2 to 16 are allowed"):
        WHOLE(2, 16).convert(given, None, None)
    with pytest.raises(click.BadParameter, match="'-1': whole numbers from 0 on are allowed"):
        WHOLE(0).convert("-1", None, None)
    with pytest.raises(click.BadParameter, match="give different whole numbers from 1 to 64, such as 2,3,4"):
        NUMBERS(int, 1, 64, "2,3,4").convert("1.5", None, None)


def test_whole_numbers_are_taken():
    assert [WHOLE(2, 16).convert(text, None, None) for text in ("2", "16")] == [2, 16]


@pytest.mark.parametrize(
    ("arguments", "complaint"),
    [([], ""), (["--much", "3"], "--much is for --html"), (["--no-border"], "--no-border is for --html")],
)
def test_idle_options_are_refused(arguments: list[str], complaint: str):
    much = click.Option(["-m", "--much"], type=int, default=3)
    border = click.Option(["--border/--no-border"], default=True)

    @click.pass_context
    def work(context: click.Context, **_: object) -> None:
        refuse_idle(context, ("much", "border"), "is for --html")

    result = CliRunner().invoke(command(work, much, border), arguments)
    if complaint:
        fails(result, 2, complaint)
    else:
        assert result.exit_code == 0, result.output


def test_commas_between_values_are_hinted_at():
    for words in (
        ["Set5", "--scales", "2", "3"],
        ["--scales", "2", "3", "Set5"],
        ["-o", "3", "x", "--scales", "2", "3"],
    ):
        fails(CliRunner().invoke(data, ["build-test", *words]), 2,
              "--scales takes several values with commas between them, such as --scales 2,3")  # fmt: skip
    fails(CliRunner().invoke(data, ["build-test", "Set5", "Set14"]), 2, "unexpected extra argument (Set14)")


@pytest.mark.parametrize(
    ("typed", "meant"), [("--scale", "--scales"), ("--bundary", "--boundary"), ("--nosuch", ""), ("--epochs", "")]
)
def test_only_options_that_are_near_are_suggested(typed: str, meant: str):
    result = CliRunner().invoke(data, ["build-test", "Set5", typed, "2"])
    fails(result, 2, f"No such option '{typed}'.", f"Did you mean '{meant}'?" if meant else "")
    assert ("mean" in result.stderr) == bool(meant)
    assert "mean" not in CliRunner().invoke(train, ["--nosuch", "2"]).stderr


@pytest.mark.parametrize("error", [VdsrError("a  b\nc\t\x1b: no"), OSError(2, "no", "a  b\nc\t\x1b")])
def test_names_are_shown_so_that_they_can_be_told_apart(error: Exception):
    fails(run(raising(error)), 1, r": a  b\nc\t\x1b: no")


def test_choices_have_no_case():
    assert CHOICE(["vdsr-tf", "rcan"]).convert("RCAN", None, None) == "rcan"


def test_an_option_of_one_value_is_not_given_twice() -> None:
    twice = CliRunner().invoke(data, ["imresize", "in", "out", "--scale", "2", "--scale", "3"])
    fails(twice, 2, "--scale is given 2 times, and takes one value")
    several = CliRunner().invoke(evaluate, ["--quiet", "--quiet", "--dataset", "a", "--dataset", "b"])
    assert "given" not in several.stderr
