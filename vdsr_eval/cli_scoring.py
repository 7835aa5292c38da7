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
    from vdsr_eval.evaluate import Method, Record
    from vdsr_eval.protocol import Protocol
    from vdsr_eval.report import Table

__all__ = ["check_options", "evaluate_and_report", "open_sets"]

FILES = {
    "json": (".json",),
    "csv": (".csv", ".txt"),
    "markdown": (".md", ".markdown", ".txt"),
    "latex": (".tex", ".txt"),
    "html": (".html", ".htm"),
}  # what each is called; other names are free, but for those of another kind
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
    """Refuse, before the work, contradictions, idle options, and outputs that exist, meet or cannot be written.

    `inputs` are files and folders that are read, beside those of the sets and of --lr: nothing is written over them.
    """
    from vdsr_data.files import check_output, is_empty, scratch
    from vdsr_eval.pictures import file_names

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
    taken = _read([*inputs, *(testset.path for testset in sets), *filter(None, [options["lr"]])])
    folders = file_names([testset.name for testset in sets]).values()
    scales = options.get("scales") or [options["scale"]]
    for name in ("save_images", "save_mat"):
        target = options[name]
        if target is not None and realpath(target) in taken:
            raise VdsrError(f"{target}: is {taken[realpath(target)]}; name another folder")
        if target is not None and target.is_dir() and not is_empty(target) and not options["force"]:
            raise VdsrError(f"{target}: is not empty; name a new folder, or use --force to write into it")
        for place in (target / folder / f"x{scale}" for folder in folders for scale in scales if target is not None):
            if realpath(place) in taken:
                raise VdsrError(f"{target}: what is written there would lie in {place}, which is read; name another")
    if log := voice.log_name():
        taken.setdefault(realpath(log), "--log-file")
    for name, suffixes in FILES.items():
        if options[name] is not None:
            place = realpath(options[name])
            if place in taken:
                raise click.UsageError(f"{options[name]}: is {taken[place]} and --{name}; give each a file of its own")
            taken[place] = f"--{name}"
            folder = next(
                (f for f in ("save_images", "save_mat") if options[f] and realpath(options[f]) == place), None
            )
            if folder is not None:
                raise click.UsageError(
                    f"{options[name]}: is --{folder.replace('_', '-')} and --{name}; give each its own"
                )
            check_output(options[name], force=options["force"], suffixes=suffixes)
            with scratch(place):  # nothing else tells of every file system whether it can be written
                pass


def _read(inputs: Iterable[Path]) -> dict[str, str]:
    """What to call the real paths of inputs that exist, and of the files in those that are folders."""
    found: dict[str, str] = {}
    for path in inputs:
        if path.is_dir():
            found |= dict.fromkeys(map(realpath, filter(Path.is_file, path.iterdir())), "in a folder that is read")
        if path.exists():
            found[realpath(path)] = "what is read"
    return found


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
    from vdsr_eval.page import PageImages
    from vdsr_eval.pictures import file_names
    from vdsr_eval.remarks import remarks
    from vdsr_eval.run import PictureFiles, Plan, check_detail, check_memory, run, tables

    options = context.params
    if baseline is not None and set(methods) == {baseline}:
        raise click.UsageError(f"--baseline {baseline}: there is nothing else to compare with it")
    protocols = _protocols(context)
    plan = Plan(sets=sets, scales=list(dict.fromkeys(scales)), methods=methods, protocols=protocols, lr=options["lr"])
    check_memory(plan)
    check_detail(plan, options["detail"], options["only"])
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
    said = [*notes, *remarks(records)]
    noted = [replace(found[0], notes=(*found[0].notes, *said)), *found[1:]]
    failed = _write(options, records, noted, sinks[-1].views if options["html"] else [])
    for table in found:
        _print(table)
    for line in said:
        voice.remark(line)
    for name in FILES:
        if options[name] is not None and name not in failed:
            voice.say(f"wrote {options[name]}", err=True)
    if options["save_images"] is not None:
        voice.say(f"wrote {options['save_images']}: {PICTURES}", err=True)
    if options["save_mat"] is not None:
        voice.say(f"wrote {options['save_mat']}: what was scored under {protocols[0].label}", err=True)
    if failed:
        raise VdsrError(f"not written: {'; '.join(failed.values())}")


def _write(
    options: Mapping[str, Any], records: Sequence["Record"], found: Sequence["Table"], views: Sequence[dict[str, Any]]
) -> dict[str, str]:
    """Write the files, before anything is printed: a reader that goes away takes none with it.

    Returns what is wrong with those that could not be written, by their options; one does not keep the others back.
    """
    from vdsr_eval.export import write_files
    from vdsr_eval.page import write_page

    failed = {}
    for name in FILES:
        if options[name] is None:
            continue
        try:
            if name == "html":
                write_page(options[name], records, found, views)
            else:
                write_files(records, found, **{name: options[name]})
        except VdsrError as error:
            failed[name] = str(error)
        except OSError as error:
            failed[name] = f"{options[name]}: {error.strerror or error}"
    return failed


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
