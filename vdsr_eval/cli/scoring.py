"""What `vdsr-eval` and `vdsr-eval score` share: from options and methods to printed tables and files."""

from collections.abc import Iterable, Mapping, Sequence
from os.path import realpath
from pathlib import Path
from typing import TYPE_CHECKING, Any

import click

from vdsr_data.cli import voice
from vdsr_data.cli.options import given, refuse_idle
from vdsr_data.errors import VdsrError

if TYPE_CHECKING:
    from vdsr_data.benchmark.sets import Benchmark
    from vdsr_eval.reports.scores import Scores, Shown
    from vdsr_eval.reports.tables import Table

__all__ = ["FILES", "check_options", "chosen", "print_table", "report"]

FILES = {
    "json": (".json",),
    "csv": (".csv", ".txt"),
    "markdown": (".md", ".markdown", ".txt"),
    "latex": (".tex", ".txt"),
    "html": (".html", ".htm"),
}  # what each is called; other names are free, but for those of another kind
TRIED = ("vdsr-tf", "paper", "rdn", "rcan")  # by --explain: those with a published bicubic table, and rcan
PICTURES = "8-bit pictures for the eye, whose scores are not those of the table; --save-mat keeps what was scored"


def check_options(context: click.Context, sets: Sequence["Benchmark"], inputs: Iterable[Path]) -> None:
    """Refuse, before the work, contradictions, idle options, and outputs that exist, meet or cannot be written.

    `inputs` are files and folders that are read, beside those of the sets and of --lr: nothing is written over them.
    """
    from vdsr_data.io.files import check_output, scratch

    options = context.params
    if options["save_images"] is None:
        refuse_idle(context, ["detail"], "draws into the folder of --save-images; name that too")
    if options["html"] is None:
        refuse_idle(context, ["html_images"], "is for the page of --html; name that too")
    if options["images"]:
        refuse_idle(context, ["html_images"], "counts images, and --image names them; leave one of the two out")
    if all(options[name] is None for name in ("html", "save_images", "save_mat")):
        refuse_idle(context, ["images"], "says what --html, --save-images and --save-mat show; name one of these too")
    if options["claim"] is not None or options["claims"] is not None:
        refuse_idle(context, ["protocols", "explain"], "has no place beside --claim, which finds the protocol")
    taken = _read([*inputs, *(benchmark.path for benchmark in sets), *filter(None, [options["lr"], options["claims"]])])
    if log := voice.log_name():
        taken.setdefault(realpath(log), "--log-file")
    for name in ("save_images", "save_mat"):
        if options[name] is not None:
            taken.setdefault(realpath(options[name]), f"--{name.replace('_', '-')}")
    for name, suffixes in FILES.items():
        if options[name] is not None:
            place = realpath(options[name])
            if place in taken:
                raise click.UsageError(f"{options[name]}: is {taken[place]} and --{name}; give each a file of its own")
            taken[place] = f"--{name}"
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


def chosen(context: click.Context, sets: Sequence["Benchmark"]) -> dict[str, Any]:
    """The arguments of `evaluate` and `score` that the options of `scoring_options` make."""
    options = context.params
    # These to explain, unless some are named.
    named = given(context, ["protocols"]) or not options["explain"]
    known = {name for benchmark in sets for name in benchmark.image_names}
    images = [part for name in options["images"] for part in ([name] if name in known else name.split(","))]
    same = (
        "border",
        "rgb",
        "grey",
        "luma",
        "boundary",
        "degradation",
        "rules",
        "lr",
        "claim",
        "claims",
        "metrics",
        "also",
        "save_images",
        "save_mat",
        "detail",
        "force",
    )
    return {
        **{name: options[name] for name in same},
        "protocols": options["protocols"] if named else TRIED,
        "images": images,
        "html_images": options["html_images"] if options["html"] else 0,
        "remark": voice.remark,
    }


def report(context: click.Context, scores: "Scores") -> None:
    """Write the files, print the tables, say what is odd in them."""
    options = context.params
    shown: Shown = {
        "per_image": options["per_image"],
        "compare": options["compare"],
        "explain": options["explain"],
    }
    found = scores.tables(**shown)
    failed = _write(options, scores, shown)
    for table in found:
        print_table(table)
    for line in scores.remarks:
        voice.remark(line)
    for name in FILES:
        if options[name] is not None and name not in failed:
            voice.say(f"wrote {options[name]}", err=True)
    if options["save_images"] is not None:
        voice.say(f"wrote {options['save_images']}: {PICTURES}", err=True)
    if options["save_mat"] is not None:
        voice.say(f"wrote {options['save_mat']}: what was scored under {scores.protocols[0].label}", err=True)
    if failed:
        raise VdsrError(f"not written: {'; '.join(failed.values())}")


def _write(options: Mapping[str, Any], scores: "Scores", shown: "Shown") -> dict[str, str]:
    """Write the files, before anything is printed: a reader that goes away takes none with it.

    Returns what is wrong with those that could not be written, by their options; one does not keep the others back.
    """
    failed = {}
    for name in FILES:
        if options[name] is None:
            continue
        how = shown if name in ("markdown", "latex", "html") else {}
        try:
            getattr(scores, f"to_{name}")(options[name], **how)
        except VdsrError as error:
            failed[name] = str(error)
        except OSError as error:
            failed[name] = f"{options[name]}: {error.strerror or error}"
    return failed


def print_table(table: "Table") -> None:
    """Print a table to the terminal or to what reads it."""
    from rich.console import Console

    from vdsr_eval.reports.scores import draw

    draw(table, Console(highlight=False, markup=False, emoji=False))
