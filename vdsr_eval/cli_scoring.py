"""What `vdsr-eval` and `vdsr-eval score` share: from options and methods to printed tables and files."""

from collections.abc import Iterable, Mapping, Sequence
from contextlib import ExitStack
from dataclasses import replace
from os.path import realpath
from pathlib import Path
from typing import TYPE_CHECKING, Any

import click

from vdsr_data import voice
from vdsr_data.errors import VdsrError
from vdsr_data.options import given, progress, refuse_idle
from vdsr_eval.options import PROTOCOLS

if TYPE_CHECKING:
    from vdsr_data.datasets import Benchmark
    from vdsr_eval.evaluate import Method
    from vdsr_eval.protocol import Protocol
    from vdsr_eval.report import Table

__all__ = ["check_options", "evaluate_and_report", "open_sets"]

FILES = ("json", "csv", "markdown", "latex", "html")
PICTURES = "8-bit pictures for the eye, whose scores are not those of the table; --save-mat keeps what was scored"


def open_sets(names: Iterable[str]) -> list["Benchmark"]:
    """Open every set once, under names that are told apart."""
    from vdsr_data.datasets import open_testset
    from vdsr_eval.names import distinct

    sets = list({realpath(testset.path): testset for testset in map(open_testset, names)}.values())
    for testset, name in zip(sets, distinct([s.name for s in sets], [s.path for s in sets]), strict=True):
        testset.name = name
    return sets


def check_options(context: click.Context, sets: Sequence["Benchmark"], inputs: Iterable[Path]) -> None:
    """Refuse contradictions, options without effect, and outputs that exist or meet, before the work."""
    from vdsr_data.files import check_output, is_empty

    options = context.params
    if options["save_images"] is None:
        refuse_idle(context, ["detail"], "draws into the folder of --save-images; name that too")
    if options["html"] is None:
        refuse_idle(context, ["html_images"], "is for the page of --html; name that too")
    if options["only"]:
        refuse_idle(context, ["html_images"], "counts images, and --image names them; leave one of the two out")
    if all(options[name] is None for name in ("html", "save_images", "save_mat")):
        refuse_idle(context, ["only"], "says what --html, --save-images and --save-mat show; name one of these too")
    known = dict.fromkeys(name for testset in sets for name in testset.image_names)
    for name in options["only"]:
        if name not in known:
            where = ", ".join(testset.name for testset in sets)
            raise VdsrError(f"--image {name}: no such image in {where}; there are {', '.join(known)}")
    taken = {realpath(path): "what is read" for path in inputs}
    if log := voice.log_name():
        taken.setdefault(realpath(log), "--log-file")
    for name in FILES:
        if options[name] is not None:
            place = realpath(options[name])
            if str(Path(place).parent) in taken and options[name].exists():
                taken[place] = "in a folder that is read"
            if place in taken:
                raise click.UsageError(f"{options[name]}: is {taken[place]} and --{name}; give each a file of its own")
            taken[place] = f"--{name}"
            check_output(options[name], force=options["force"])
    for name in ("save_images", "save_mat"):
        target = options[name]
        if target is not None and target.is_dir() and not is_empty(target) and not options["force"]:
            raise VdsrError(f"{target}: is not empty; name a new folder, or use --force to write into it")


def evaluate_and_report(
    context: click.Context,
    sets: Sequence["Benchmark"],
    scales: Sequence[int],
    methods: Mapping[str, "Method"],
    baseline: str | None,
    *,
    notes: Sequence[str] = (),
) -> None:
    """Evaluate with progress on a terminal, print the tables, say what is odd in them, write the files.

    `notes` are what is odd in the files that the methods read.
    """
    from vdsr_data.files import claimed
    from vdsr_eval import export
    from vdsr_eval.page import PageImages, write_page
    from vdsr_eval.pictures import file_names
    from vdsr_eval.remarks import remarks
    from vdsr_eval.run import PictureFiles, Plan, check_memory, run, tables

    options = context.params
    if baseline is not None and set(methods) == {baseline}:
        raise click.UsageError(f"--baseline {baseline}: there is nothing else to compare with it")
    protocols = _protocols(context)
    plan = Plan(sets=sets, scales=list(dict.fromkeys(scales)), methods=methods, protocols=protocols, lr=options["lr"])
    check_memory(plan)
    sinks: list[Any] = []
    if options["save_images"] or options["save_mat"]:
        where = {"images": options["save_images"], "mat": options["save_mat"], "detail": options["detail"]}
        folders = file_names([testset.name for testset in sets])
        sinks.append(PictureFiles(**where, sets=folders, only=frozenset(options["only"])))
    if options["html"]:
        each = max(1, options["html_images"] // (len(sets) * len(plan.scales)))
        sinks.append(PageImages(each, frozenset(options["only"])))
    count = sum(len(testset) for testset in sets) * len(plan.scales) * len(protocols) * len(methods)
    with ExitStack() as stack:
        for folder in {realpath(options[name]) for name in ("save_images", "save_mat") if options[name] is not None}:
            stack.enter_context(claimed(Path(folder)))
        advance = stack.enter_context(progress("evaluating", count, unit="results"))
        records = run(plan, skip=voice.remark, sinks=sinks, advance=advance)
    chosen = {key: options[key] for key in ("per_image", "compare", "explain")}
    found = tables(records, protocols, baseline=baseline, **chosen)
    for table in found:
        _print(table)
    said = [*notes, *remarks(records)]
    for line in said:
        voice.remark(line)
    found[0] = replace(found[0], notes=(*found[0].notes, *said))
    export.write_files(records, found, **{key: options[key] for key in ("json", "csv", "markdown", "latex")})
    if options["html"]:
        write_page(options["html"], records, found, sinks[-1].views)
    for name in FILES:
        if options[name] is not None:
            voice.say(f"wrote {options[name]}", err=True)
    if options["save_images"] is not None:
        voice.say(f"wrote {options['save_images']}: {PICTURES}", err=True)
    if options["save_mat"] is not None:
        voice.say(f"wrote {options['save_mat']}: what was scored under {protocols[0].label}", err=True)


def _protocols(context: click.Context) -> list["Protocol"]:
    """The named protocols, all of them to explain unless some are named, as the options vary them."""
    from vdsr_eval.protocol import PROTOCOLS as KNOWN

    named = given(context, ["protocols"]) or not context.params["explain"]
    names = dict.fromkeys(context.params["protocols"] if named else PROTOCOLS)
    varied = {key: context.params[key] for key in ("border", "boundary", "rgb")}
    if context.params["grey"] is not None:
        varied["grey"] = context.params["grey"]
    return [replace(KNOWN[name], **varied) for name in names]


def _print(table: "Table") -> None:
    """Print a table; a pipe or a file gets whole lines, whatever their width."""
    from rich import box
    from rich.console import Console
    from rich.table import Table as RichTable

    console = Console(highlight=False, markup=False, emoji=False)
    drawn = RichTable(box=box.SIMPLE_HEAD, show_edge=False, pad_edge=False)
    for number, name in enumerate(table.columns):
        drawn.add_column(name, justify="left" if number < table.left else "right", overflow="fold")
    for row in table.printed():
        drawn.add_row(*row)
    if not console.is_terminal:
        console.width = 10_000
        console.width = max(console.measure(drawn).maximum, len(table.title), *map(len, table.notes))
    console.print(table.title)
    console.print(drawn)
    for note in table.notes:
        console.print(note)
    console.print()
