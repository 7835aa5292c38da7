"""The command ``vdsr-eval``: options to one evaluation, records to printed tables and files."""

from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import TYPE_CHECKING

import click

from vdsr_data.errors import VdsrError
from vdsr_data.options import ExplainingGroup, force_option, progress

if TYPE_CHECKING:
    from vdsr_data.datasets import Benchmark
    from vdsr_eval.evaluate import Record, Upscaler
    from vdsr_eval.protocol import Protocol
    from vdsr_eval.report import Table

PROTOCOL_NAMES = ("vdsr-tf", "paper", "rcan")
FILE = click.Path(dir_okay=False, path_type=Path)


@click.group(cls=ExplainingGroup, invoke_without_command=True)
@click.version_option(package_name="vdsr-toolkit")
@click.option(
    "--dataset",
    "datasets",
    multiple=True,
    metavar="SET",
    help="A test file, a folder of originals or a name; repeatable.  [default: the test files here, else sample]",
)
@click.option(
    "--scale",
    "scales",
    multiple=True,
    type=click.IntRange(2, 16),
    default=(2, 3, 4),
    show_default="2 3 4",
    help="Factor of the super-resolution; repeatable.",
)
@click.option(
    "--model",
    "models",
    multiple=True,
    type=click.Choice(["bicubic", "vdsr"]),
    help="What to evaluate; repeatable. `bicubic` alone needs no TensorFlow.  [default: both]",
)
@click.option(
    "--weights",
    "weights",
    multiple=True,
    type=click.Path(path_type=Path),
    metavar="FILE",
    help="Weights of a network, or its run folder; repeatable.  [default: the newest below ./runs]",
)
@click.option(
    "--protocol",
    "protocols",
    multiple=True,
    type=click.Choice(PROTOCOL_NAMES),
    default=("vdsr-tf",),
    show_default=True,
    help="How scores are computed; repeatable.",
)
@click.option("--border", type=click.IntRange(0), help="Pixels of each side that are not scored.  [default: the scale]")
@click.option("--per-image", is_flag=True, help="Print a row for each image too.")
@click.option("--json", "json_file", type=FILE, help="Write all records, means and per image.")
@click.option("--csv", "csv_file", type=FILE, help="Write `file name, psnr, ssim`, with more columns where needed.")
@force_option
@click.pass_context
def main(
    context: click.Context,
    datasets: tuple[str, ...],
    scales: tuple[int, ...],
    models: tuple[str, ...],
    weights: tuple[Path, ...],
    protocols: tuple[str, ...],
    border: int | None,
    per_image: bool,
    json_file: Path | None,
    csv_file: Path | None,
    force: bool,
) -> None:
    """Score bicubic interpolation and trained networks on benchmarks, in the way that a published table was computed.

    The ground truth is cropped to a multiple of the scale, reduced and enlarged as MATLAB's imresize does, upscaled by
    each model and compared without the border. Prints PSNR (dB) / SSIM, the mean over the images of each set.
    """
    if context.invoked_subcommand is not None:
        return
    from vdsr_data.datasets import open_testset
    from vdsr_data.files import check_output
    from vdsr_eval import export

    outputs = [path for path in (json_file, csv_file) if path is not None]
    for path in outputs:
        check_output(path, force=force)
    sets = [open_testset(name) for name in dict.fromkeys(datasets or _default_sets())]
    chosen = _protocols(protocols, border=border)
    records = _run(sets, dict.fromkeys(scales), _upscalers(models, weights), chosen)
    _print_tables(records, chosen, per_image=per_image)
    if json_file is not None:
        export.write_json(json_file, records)
    if csv_file is not None:
        export.write_text(csv_file, export.csv_text(records))
    for path in outputs:
        click.echo(f"wrote {path}", err=True)


def _default_sets() -> list[str]:
    """The test files of the current folder, else the built-in set."""
    from vdsr_data.testfile import is_test_file

    return [str(path) for path in sorted(Path.cwd().glob("*.h5")) if is_test_file(path)] or ["sample"]


def _protocols(names: Sequence[str], *, border: int | None) -> list["Protocol"]:
    """The named protocols, as the options vary them."""
    from dataclasses import replace

    from vdsr_eval.protocol import PROTOCOLS

    return [replace(PROTOCOLS[name], border=border) for name in dict.fromkeys(names)]


def _upscalers(models: Sequence[str], weights: Sequence[Path]) -> dict[str, "Upscaler"]:
    """The models by the name that tables carry; bicubic first.

    Without weights to be found bicubic is evaluated all the same, unless the network was asked for by name.
    """
    from vdsr_eval.evaluate import bicubic

    if weights and models and "vdsr" not in models:
        raise click.UsageError("--weights names a network, but --model leaves the networks out; add --model vdsr")
    found: dict[str, Upscaler] = {"bicubic": bicubic} if not models or "bicubic" in models else {}
    if models and "vdsr" not in models:
        return found
    try:
        from vdsr_train.predict import load_upscaler

        for upscaler in [load_upscaler(path) for path in weights or (None,)]:
            found[upscaler.name] = upscaler
    except VdsrError as error:
        if weights or models:
            raise
        click.echo(f"bicubic alone: {error}", err=True)
    return found


def _run(
    sets: Sequence["Benchmark"],
    scales: Mapping[int, None],
    models: Mapping[str, "Upscaler"],
    protocols: Sequence["Protocol"],
) -> list["Record"]:
    """Evaluate everything, with progress on a terminal."""
    from vdsr_eval.evaluate import evaluate_images

    records = []
    steps = sum(len(testset) for testset in sets) * len(scales)
    with progress("evaluating", steps * len(models) * len(protocols), unit="results") as advance:
        for testset in sets:
            for scale in scales:
                for scored in evaluate_images(testset, scale=scale, models=models, protocols=protocols, skip=_skip):
                    records.append(scored.record)
                    advance(1)
    return records


def _skip(message: str) -> None:
    click.echo(message, err=True)


def _print_tables(records: Sequence["Record"], protocols: Sequence["Protocol"], *, per_image: bool) -> None:
    """A table for each protocol, under its description."""
    from vdsr_eval import report

    for protocol in protocols:
        ours = [record for record in records if record.protocol == protocol.label]
        if per_image:
            _print(report.per_image(ours, title=protocol.describe()))
        _print(report.summary(ours, title=protocol.describe()))


def _print(table: "Table") -> None:
    """Print a table; a pipe or a file gets whole lines, whatever their width."""
    from rich import box
    from rich.console import Console
    from rich.table import Table as RichTable

    console = Console(highlight=False)
    drawn = RichTable(box=box.SIMPLE_HEAD, show_edge=False, pad_edge=False)
    for number, name in enumerate(table.columns):
        drawn.add_column(name, justify="left" if number < table.left else "right", overflow="fold")
    for row in table.rows:
        drawn.add_row(*row)
    if not console.is_terminal:
        console.width = max(console.width, console.measure(drawn).maximum, len(table.title))
    console.print(table.title, markup=False)
    console.print(drawn)
    console.print()
