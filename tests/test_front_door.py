"""The front door: a function for each command, with the command's words and defaults, and examples that run.

`DOORS` has the commands of each package and their functions. Where a word must differ, `DIFFERENT` says how.
"""

import importlib
import inspect
from collections.abc import Callable
from dataclasses import fields
from pathlib import Path
from typing import Any

import click
import pytest

import vdsr_data
import vdsr_eval
import vdsr_train
from vdsr_data.benchmark.build import build_test
from vdsr_data.cli.main import main as data
from vdsr_data.limits import FLIPS, ROTATIONS
from vdsr_data.training.recipe import TrainingRecipe
from vdsr_eval.cli.main import main as evaluation
from vdsr_train.cli.main import main as training

DOORS: dict[str, tuple[click.Command, dict[str, Callable[..., Any]]]] = {
    "vdsr-data": (
        data,
        {
            "fetch": vdsr_data.fetch,
            "build-train": vdsr_data.build_train,
            "merge": vdsr_data.merge,
            "build-test": vdsr_data.build_test,
            "imresize": vdsr_data.imresize_folder,
            "degrade": vdsr_data.degrade_folder,
            "export": vdsr_data.export,
            "identify": vdsr_data.identify,
            "conform": vdsr_data.conform,
            "info": vdsr_data.info,
            "preview": vdsr_data.preview,
            "verify": vdsr_data.verify,
        },
    ),
    "vdsr-eval": (
        evaluation,
        {
            "vdsr-eval": vdsr_eval.evaluate,
            "score": vdsr_eval.score,
            "protocols": vdsr_eval.describe_protocols,
            "measure": vdsr_eval.measure,
            "upscale": vdsr_eval.upscale,
            "convert": vdsr_eval.convert,
        },
    ),
    "vdsr-train": (
        training,
        {
            "run": vdsr_train.train,
            "decay": vdsr_train.decay,
            "pack": vdsr_train.pack,
            "sweep": vdsr_train.sweep,
            "convert": vdsr_eval.convert,
        },
    ),
}
TABLES = ("per_image", "compare", "explain", "json", "csv", "markdown", "latex", "html")  # methods of `Scores`
DIFFERENT: dict[tuple[str, str], str | None] = {
    **{(command, option): None for command in ("vdsr-eval", "score") for option in TABLES},
    **{("measure", option): None for option in ("csv", "json", "force")},  # methods of `Measured`
    ("vdsr-eval", "models"): "methods",
    ("vdsr-eval", "weights"): None,  # methods too
    ("fetch", "everything"): None,  # --all is list_sets()
    ("fetch", "listing"): None,  # --list is list_sets()
    ("build-train", "folder"): "images",  # a list of files, too
}
FIELDS = {field.name for field in fields(vdsr_train.Config)}
OTHER_DEFAULTS = ("sets", "methods", "html_images")  # the command looks for sets and networks; images are for a page
PLACES = ("output", "run_dir")  # where a result goes, which may be given without its word
BESIDE = {"advance", "config", "quiet", "remark", "report"}  # what a program needs beside the options: to be told
COMMANDS = [(tool, name) for tool, (_, functions) in DOORS.items() for name in functions]
NAMES = [
    (package, name)
    for package in ("vdsr_data", "vdsr_eval", "vdsr_train")
    for name in importlib.import_module(package).__all__
]


def command_of(tool: str, name: str) -> click.Command:
    main = DOORS[tool][0]
    return main.commands[name] if isinstance(main, click.Group) and name in main.commands else main


@pytest.mark.parametrize("tool", DOORS)
def test_each_command_has_a_function(tool: str):
    main, functions = DOORS[tool]
    if isinstance(main, click.Group):
        assert set(main.commands) == set(functions) - {tool}


@pytest.mark.parametrize(("tool", "name"), COMMANDS)
def test_options_are_keywords_of_that_name_and_default(tool: str, name: str):
    keywords = inspect.signature(DOORS[tool][1][name]).parameters
    command = command_of(tool, name)
    defaults = command.make_context(name, [], resilient_parsing=True).params
    words = {}
    for param in command.params:
        word = DIFFERENT.get((name, str(param.name)), param.name)
        if word is not None and not param.is_eager:
            words[word] = param
    if any(keyword.kind is keyword.VAR_KEYWORD for keyword in keywords.values()):
        words = {word: param for word, param in words.items() if word not in FIELDS}  # which are keywords, too
    assert {word for word, it in keywords.items() if it.kind is not it.VAR_KEYWORD} - BESIDE == set(words)
    for word, param in words.items():
        if word in OTHER_DEFAULTS:
            continue
        keyword = keywords[word]
        if isinstance(param, click.Option) and param.required:
            assert keyword.default is keyword.empty, word
        elif isinstance(param, click.Option):
            default = defaults[str(param.name)]
            assert keyword.default == (str(default) if isinstance(default, Path) else default), word
            assert keyword.kind is keyword.KEYWORD_ONLY or word in PLACES, word
        else:
            assert keyword.kind is keyword.POSITIONAL_OR_KEYWORD, word
            assert (keyword.default is keyword.empty) == param.required or word == "names"


@pytest.mark.parametrize(("package", "name"), NAMES)
def test_each_name_says_what_it_is_and_shows_how(package: str, name: str):
    thing = getattr(importlib.import_module(package), name)
    if not (inspect.isclass(thing) or inspect.isfunction(thing)):
        return  # a table, whose module tells of it
    assert ">>> " in (inspect.getdoc(thing) or ""), f"{package}.{name} has no example"


def test_defaults_are_those_of_train_data_m():
    """Written twice, in the recipe and in the signature."""
    recipe = vars(TrainingRecipe()) | {"patch_size": None, "stride": None}  # which depend on the format
    for name, value in recipe.items():
        assert inspect.signature(vdsr_data.build_train).parameters[name].default == value
    assert inspect.signature(build_test).parameters["scales"].default == recipe["scales"]


def test_choices_are_the_limits():
    options = {param.name: param.type for param in command_of("vdsr-data", "build-train").params}
    for name, allowed in (("rotations", ROTATIONS), ("flips", FLIPS)):
        typed = options[name].convert(",".join(map(str, allowed)), None, None)
        assert getattr(TrainingRecipe(**{name: typed}), name) == allowed


WRONG_PATHS = {
    "images": [vdsr_data.build_train, lambda it: vdsr_data.build_train([it])],
    "name": [vdsr_data.build_test, vdsr_data.open_set],
    "parts": [vdsr_data.merge, lambda it: vdsr_data.merge([it]), lambda _: vdsr_data.merge("part1.h5")],
    "output": [lambda it: vdsr_data.build_train("sample", it), lambda it: vdsr_data.build_test("sample", it),
               lambda it: vdsr_data.merge(["part1.h5"], it), lambda it: vdsr_data.preview("train.h5", it),
               lambda it: vdsr_train.pack("run", it),
               lambda it: vdsr_eval.upscale("a.png", it, scale=2)],
    "file": [vdsr_data.info, vdsr_data.preview, vdsr_data.verify],
    "source": [vdsr_eval.measure,
               lambda it: vdsr_data.imresize_folder(it, "b", scale=2), lambda it: vdsr_eval.upscale(it, scale=2),
               lambda it: vdsr_eval.convert(it, "b.h5")],
    "target": [lambda it: vdsr_data.imresize_folder("a", it, scale=2), lambda it: vdsr_eval.convert("a.h5", it)],
    "names": [vdsr_data.fetch, lambda it: vdsr_data.fetch([it])],
    "path": [vdsr_data.read_image, lambda it: vdsr_data.write_image(it, [[1]]), vdsr_data.tf_dataset,
             vdsr_train.read_config, vdsr_train.Config().write,
             vdsr_eval.Scores(records=(), protocols=()).to_csv],
    "folder": [vdsr_data.list_images, vdsr_eval.ResultFolder, lambda it: vdsr_eval.score(it, "sample", 2)],
    "sets": [vdsr_eval.evaluate, lambda it: vdsr_eval.evaluate([it])],
    "lr": [lambda it: vdsr_eval.evaluate("sample", lr=it)],
    "save_images": [lambda it: vdsr_eval.evaluate("sample", save_images=it)],
    "save_mat": [lambda it: vdsr_eval.evaluate("sample", save_mat=it)],
    "weights": [vdsr_eval.load_network, lambda it: vdsr_train.train(file="x.h5", weights=it)],
    "run_dir": [lambda it: vdsr_train.train(run_dir=it), lambda it: vdsr_train.sweep(it, seed=[1, 2], images="sample")],
    "run": [lambda it: vdsr_train.decay(it, steps=1), lambda it: vdsr_train.pack(it, "a.h5")],
    "resume": [lambda it: vdsr_train.train(resume=it)],
}  # fmt: skip


@pytest.mark.parametrize("word", WRONG_PATHS)
def test_what_is_no_path_is_one_line_that_names_the_argument(word: str):
    for call in WRONG_PATHS[word]:
        with pytest.raises(vdsr_data.ArgumentError, match=rf"^{word}: (\[?5\]? is not allowed|give a list)"):
            call(5)
