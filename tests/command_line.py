"""Running `vdsr-data` in this process, for the benchmark files of its commands, and the shape of its failures."""

from click.testing import CliRunner, Result

from vdsr_data.cli.main import main


def run(*arguments: object) -> Result:
    """The result of a call, which may have ended the process but not with a traceback."""
    result = CliRunner().invoke(main, [str(argument) for argument in arguments])
    assert result.exception is None or isinstance(result.exception, SystemExit), result.exception
    assert result.exit_code != 3, result.stderr  # a fault of ours
    return result


def fails(result: Result, code: int, *words: str) -> None:
    """It failed with this exit code, and one line that holds all the words."""
    assert result.exit_code == code, result.output
    assert result.stderr.count("\n") == 1, result.stderr
    for word in words:
        assert word in result.stderr
