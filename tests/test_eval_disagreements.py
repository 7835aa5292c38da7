"""Tables that disagree: what is said agrees with the published data, and the commands print what is promised."""

import re
import shlex
from pathlib import Path

import pytest
from click.testing import CliRunner

from vdsr_eval.cli.main import main
from vdsr_eval.protocols.disagreements import DISAGREEMENTS, Disagreement
from vdsr_eval.protocols.published import PUBLISHED

SHOWN = {shown.command: shown.prints for found in DISAGREEMENTS for shown in found.shown}
VALUE = re.compile(r"\d\d\.\d{2,4}|0\.\d{2,4}|\d\d\.\d\d/0\.\d{3,4}")


@pytest.mark.parametrize("found", DISAGREEMENTS, ids=lambda found: f"{found.model} {found.dataset} x{found.scale}")
def test_numbers_are_those_of_the_published_tables(found: Disagreement) -> None:
    """What has the source of a table stands in the table, note and degradation apart."""
    sources = {row.source for row in PUBLISHED}
    rows = [row for row in PUBLISHED if (row.dataset, row.scale) == (found.dataset, found.scale)]
    for number in found.printed:
        assert VALUE.fullmatch(number.value), number
        if number.source in sources and "/" in number.value:
            psnr, ssim = map(float, number.value.split("/"))
            models = {row.model.split(" (")[0] for row in rows
                      if (row.source, row.psnr, row.ssim) == (number.source, psnr, ssim)}  # fmt: skip
            assert found.model.split(",")[0] in models, number
    assert len(found.cause) > 40
    assert len({number.value for number in found.printed} | {shown.prints for shown in found.shown}) > 1


def test_swapped_digits_are_swapped() -> None:
    """The same digits in another order, or one that was mistyped."""
    for found in DISAGREEMENTS:
        if "digits swapped" in found.cause:
            first, *others = (number.value.split("/")[1] for number in found.printed)
            assert all(other != first and sorted(other) == sorted(first) for other in others)


@pytest.mark.parametrize("command", SHOWN)
def test_commands_print_what_is_promised(command: str, reference_data: Path) -> None:
    if "--weights" in command:
        pytest.importorskip("keras", reason="needs TensorFlow")
    words = shlex.split(command)[1:]
    words[words.index("--dataset") + 1] = str(reference_data / words[words.index("--dataset") + 1])
    words = [str(reference_data / "weights" / word) if word.endswith(".mat") else word for word in words]
    result = CliRunner().invoke(main, words)
    assert result.exit_code == 0, result.output
    assert SHOWN[command] in result.stdout
