"""A recipe refuses by itself what no command line stands before."""

import json
from dataclasses import replace
from pathlib import Path

import pytest
from click.testing import CliRunner

from vdsr_data import Degradation
from vdsr_data.cli.main import main
from vdsr_data.errors import ArgumentError
from vdsr_data.limits import checked_paths
from vdsr_data.training.recipe import TrainingRecipe, count_patches, recipe_of

IMPOSSIBLE = [
    {"rotations": (45,)}, {"rotations": (90.0,)}, {"rotations": ()}, {"flips": ("sideways",)}, {"flips": "none"},
    {"flips": ("none", "none")}, {"axes": "nchw"}, {"scales": (2, 2)}, {"scales": (0,)}, {"scales": (65,)},
    {"scales": (2.5,)}, {"scales": 2}, {"scales": "2,3"}, {"patch_size": 1}, {"patch_size": 4097}, {"patch_size": "41"},
    {"stride": 0}, {"stride": 4097}, {"stride": True}, {"downsizes": (0.0,)}, {"downsizes": (1.5,)},
    {"downsizes": (float("nan"),)}, {"downsizes": (1, 1.0)}, {"seed": -1}, {"seed": 2**32}, {"seed": 0.5},
    {"boundary": "wrap"}, {"boundary": ["symmetric"]}, {"keys": ("lr",)}, {"keys": ("lr", "lr")},
    *({name: None} for name in TrainingRecipe().kept()), {"flips": 5}, {"scales": {2, 3}}, {"flips": [["none"]]},
    {"keys": ("../lr", "gt")}, {"keys": ("a", "b", "c")}, {"keys": "lr,gt"}, {"keys": {"lr": 1, "gt": 2}},
]  # fmt: skip


@pytest.mark.parametrize("change", IMPOSSIBLE, ids=str)
def test_an_impossible_recipe_is_refused_by_name_and_read_from_no_file(change: dict):
    (name,) = change
    with pytest.raises(ArgumentError, match=f"^{name}: .* give "):
        TrainingRecipe(**change)
    with pytest.raises(ArgumentError):
        replace(TrainingRecipe(), **change)
    assert recipe_of(TrainingRecipe().kept() | change) is None


@pytest.mark.parametrize("recipe", [
    TrainingRecipe(),
    TrainingRecipe(scales=(64, 1), patch_size=2, stride=4096, rotations=(270, 180), flips=("up-down",)),
    TrainingRecipe(scales=(3,), degradation=Degradation("bd", sigma=1.5)),
    TrainingRecipe(downsizes=(0.01, 1), seed=2**32 - 1, boundary="replicate", axes="nhwc", keys=("data", "label")),
])  # fmt: skip
def test_a_possible_one_comes_back_from_its_file(recipe: TrainingRecipe):
    assert recipe_of(json.loads(json.dumps(recipe.kept()))) == recipe
    assert recipe_of(recipe.kept() | {"more": 1}) is None
    assert recipe_of("recipe") is None


def test_lists_become_tuples():
    recipe = TrainingRecipe(scales=[3], rotations=[0], keys=["a", "b"])
    assert recipe == TrainingRecipe(scales=(3,), rotations=(0,), keys=("a", "b"))
    assert hash(recipe)


@pytest.mark.parametrize(("option", "value"), [
    ("--rotations", "45"), ("--flips", "sideways"), ("--keys", "lr"), ("--patch-size", "1"), ("--seed", "-1"),
    ("--downsizes", "2"), ("--scales", "65"), ("--axes", "nchw"), ("--boundary", "wrap"),
])  # fmt: skip
def test_the_command_line_says_the_same_by_the_name_of_the_option(option: str, value: str):
    done = CliRunner().invoke(main, ["build-train", "sample", option, value])
    assert done.exit_code == 2
    assert option in done.stderr
    assert done.stderr.count("\n") == 1


def test_images_are_paths_or_their_names(photographs: Path):
    names = [str(path) for path in sorted(photographs.iterdir())]
    recipe = TrainingRecipe(patch_size=12, stride=12)
    assert count_patches(names, recipe) == count_patches([Path(name) for name in names], recipe)
    wrong = [([], "at least one"), (str(photographs), "list_images"), (photographs, "list_images")]
    for images, words in (*wrong, (None, "list of files"), ([3], "list of files")):
        with pytest.raises(ArgumentError, match=f"^images: .*{words}"):
            checked_paths(images)
