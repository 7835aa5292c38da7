"""`vdsr-data verify`: a sound file of every kind passes, and every kind of damage is found."""

import json
import re
import shutil
from collections.abc import Callable
from pathlib import Path

import h5py
import numpy as np
import pytest
from command_line import fails, run
from PIL import Image

from vdsr_data.benchmark.build import generate_test
from vdsr_data.errors import ArgumentError, VdsrError
from vdsr_data.images.files import list_images
from vdsr_data.images.memory import MemoryWarning
from vdsr_data.inspect.verification import verify
from vdsr_data.io.hdf5 import annotate, write_attribute
from vdsr_data.training.generate import generate_train, shard_of
from vdsr_data.training.recipe import TrainingRecipe, recipe_of
from vdsr_data.training.shards import merge

RECIPE = TrainingRecipe(patch_size=16, stride=8, scales=(2, 3), downsizes=(1.0, 0.8), seed=3)


@pytest.fixture
def images(photographs: Path) -> list[Path]:
    return list_images(photographs)


@pytest.fixture(scope="module")
def sound(negatives: Path, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A folder of files, which each test damages copies of."""
    images, folder = list_images(negatives), tmp_path_factory.mktemp("sound")
    generate_train(images, folder / "t.h5", RECIPE)
    generate_test("set", images, folder / "b.h5", scales=(2, 3))
    for k in (1, 2, 3):
        generate_train(images, folder / f"part{k}.h5", RECIPE, shard=(k, 3))
    return folder


@pytest.fixture
def training(sound: Path, tmp_path: Path) -> Path:
    return Path(shutil.copy(sound / "t.h5", tmp_path))


@pytest.fixture
def benchmark(sound: Path, tmp_path: Path) -> Path:
    return Path(shutil.copy(sound / "b.h5", tmp_path))


@pytest.fixture
def parts(sound: Path, tmp_path: Path) -> list[Path]:
    return [Path(shutil.copy(sound / f"part{k}.h5", tmp_path)) for k in (1, 2, 3)]


def wrong(path: Path, *words: str, **options: object) -> list[str]:
    """The failures, of which one line holds all the words."""
    failures = verify(path, **options).failures
    assert any(all(word in line for word in words) for line in failures), failures
    return failures


def change(path: Path, key: str, index: object, value: object) -> None:
    with h5py.File(path, "r+") as file:
        file[key][index] = value


def flip_a_bit(path: Path, key: str, index: tuple[int, ...]) -> None:
    """The last bit of one float32 in the file."""
    with h5py.File(path, "r+") as file:
        value = np.array(file[key][index])
        bits = value.view("u4" if value.dtype == np.float32 else "u8")
        file[key][index] = (bits ^ bits.dtype.type(1)).view(value.dtype)


@pytest.mark.slow
@pytest.mark.parametrize("recipe", [RECIPE, TrainingRecipe(patch_size=16, axes="nhwc", keys=("data", "label"))])
@pytest.mark.parametrize("compression", [0, 1])
def test_sound_training_file_passes(images: list[Path], tmp_path: Path, recipe: TrainingRecipe, compression: int):
    path = tmp_path / "t.h5"
    generate_train(images, path, recipe, compression=compression)
    with h5py.File(path) as file:
        pairs = len(file[recipe.keys[0]])
    found = verify(path, images=images, sample=10**6)
    assert not found.failures
    assert found.kind == f"training file of {pairs:,} pairs"
    assert {check.name: check.found for check in found.checks}["made anew"] == f"{pairs:,} of {pairs:,} pairs"


@pytest.mark.slow
def test_one_sum_for_one_content(images: list[Path], training: Path, parts: list[Path], tmp_path: Path):
    sums = {verify(training).sha256}
    generate_train(images, tmp_path / "compressed.h5", RECIPE, compression=2, workers=3)
    merge(parts, tmp_path / "merged.h5")
    merge(parts, tmp_path / "virtual.h5", virtual=True)
    for name in ("compressed", "merged", "virtual"):
        sums.add(verify(tmp_path / f"{name}.h5", images=images).sha256)
    annotate(training, {"version": "99.1.dev2+local"})  # another version with the same values
    assert sums == {verify(training, expect=next(iter(sums)).upper()).sha256}
    generate_train(images, tmp_path / "other.h5", TrainingRecipe(patch_size=16, stride=8, scales=(2, 3), seed=4))
    assert verify(tmp_path / "other.h5").sha256 not in sums
    assert len({verify(part).sha256 for part in parts}) == 3


def test_sound_parts_pass(images: list[Path], parts: list[Path], tmp_path: Path):
    for part in parts:
        found = verify(part, images=images, sample=10**6)
        assert not found.failures
        assert found.kind.startswith("part of a training file of ")
    merge(parts, tmp_path / "v.h5", virtual=True)
    found = verify(tmp_path / "v.h5", images=images)
    assert not found.failures
    assert found.kind.startswith("virtual training file")
    assert [check.name for check in found.checks][2:5] == ["part part1.h5", "part part2.h5", "part part3.h5"]


def test_empty_part_passes(images: list[Path], photographs: Path, tmp_path: Path):
    Image.fromarray(np.zeros((9, 90), dtype=np.uint8)).save(photographs / "z.png")
    generate_train(list_images(photographs), tmp_path / "p.h5", RECIPE, shard=(5, 5))
    assert not verify(tmp_path / "p.h5", images=list_images(photographs)).failures


def test_file_of_others_passes_without_provenance(tmp_path: Path):
    with h5py.File(tmp_path / "m.h5", "w") as file:
        for key in ("data", "label"):
            file[key] = np.full((70, 1, 5, 5), 0.5, dtype=">f8")
    found = verify(tmp_path / "m.h5")
    assert not found.failures
    assert "none" in found.checks[0].found
    assert len(wrong(tmp_path / "m.h5", "images", "without sound attributes", images=[tmp_path / "a.png"])) == 1


def test_sound_test_file_passes(images: list[Path], benchmark: Path):
    found = verify(benchmark, images=images, sample=3)
    assert not found.failures
    assert found.kind == f"benchmark file of {len(images)} images"
    assert {check.name: check.found for check in found.checks}["made anew"] == f"3 of {2 * len(images)} pairs"


@pytest.mark.parametrize("key", ["lr", "gt"])
def test_flipped_bit(images: list[Path], training: Path, key: str):
    before = verify(training).sha256
    flip_a_bit(training, key, (17, 0, 3, 4))
    assert not verify(training).failures  # what only the sum or the images can tell
    assert wrong(training, "content", before, expect=before) == verify(training, expect=before).failures
    assert wrong(training, "made anew", f"patch 17 of /{key}", images=images, sample=10**6)


def test_flipped_bit_in_a_part(parts: list[Path], tmp_path: Path):
    merge(parts, tmp_path / "v.h5", virtual=True)
    flip_a_bit(parts[1], "gt", (3, 0, 3, 4))
    assert len(wrong(parts[1], "CRC-32 of gt", "patch 3 ")) == 1
    wrong(tmp_path / "v.h5", "part part2.h5", "CRC-32 of gt", "patch 3 ")


@pytest.mark.parametrize("value", [np.nan, np.inf, -np.inf, 1.01, -1e-9, 3])
def test_values_that_gt_cannot_have(training: Path, value: float):
    change(training, "gt", (5, 0, 1, 2), value)
    assert len(wrong(training, "values of gt", "patch 5")) == 1


@pytest.mark.parametrize("value", [np.nan, np.inf, 1.8, -0.8])
def test_values_that_lr_cannot_have(training: Path, value: float):
    change(training, "lr", (5, 0, 1, 2), value)
    assert len(wrong(training, "values of lr", "patch 5")) == 1


def test_many_failures_are_not_all_shown(training: Path):
    change(training, "gt", slice(0, 64), np.nan)
    assert len(wrong(training, "and more")) == 11


ATTRIBUTES = {
    "format": "a training file", "version": "new", "keys": "gt,lr", "axes": "nhwc", "images": ["../a.jpg"],
    "sha256": ["0" * 64], "unknown": "1", "recipe": {"scales": [2]},
}  # fmt: skip


@pytest.mark.parametrize("name", ATTRIBUTES)
def test_changed_attribute(training: Path, name: str):
    before = verify(training).sha256
    annotate(training, {name: ATTRIBUTES[name]})
    if name == "keys":  # which names the roles of the data sets: then lr and gt are exchanged
        wrong(training, "attributes", "recipe")
        return
    wrong(training, "attributes", name, expect=before)
    if name != "version":
        wrong(training, "content", expect=before)


@pytest.mark.parametrize("change", [
    {"seed": 4}, {"stride": 9}, {"scales": [2, 4]}, {"boundary": "replicate"}, {"rotations": [90, 0]},
    {"flips": ["none"]}, {"downsizes": [1.0, 0.7]},
])  # fmt: skip
def test_changed_recipe(images: list[Path], training: Path, change: dict):
    with h5py.File(training) as file:
        recipe = recipe_of(json.loads(file.attrs["recipe"]))
    assert recipe == RECIPE
    before = verify(training).sha256
    annotate(training, {"recipe": {**RECIPE.__dict__, **change}})
    wrong(training, "content", expect=before)
    assert verify(training, images=images, sample=10**6).failures


@pytest.mark.parametrize("change", [
    {"seed": -1}, {"seed": True}, {"stride": 0}, {"scales": []}, {"scales": [2, 2]}, {"scales": 2},
    {"patch_size": "16"}, {"boundary": ["symmetric"]}, {"rotations": [45]}, {"flips": ["none", "none"]},
    {"downsizes": [2]}, {"keys": ["lr"]}, {"axes": "chw"}, {"more": 1}, {"patch_size": 17},
])  # fmt: skip
def test_impossible_recipe(training: Path, change: dict):
    annotate(training, {"recipe": {**RECIPE.__dict__, **change}})
    assert len(wrong(training, "attributes", "recipe")) == 1


def test_missing_attribute(training: Path):
    with h5py.File(training, "r+") as file:
        del file.attrs["recipe"]
    assert len(wrong(training, "recipe is missing")) == 1


def test_shard_texts():
    assert shard_of("2/4") == (2, 4)
    assert [shard_of(text) for text in ("0/4", "5/4", "2", None, "2/4/5", "x/y")] == [None] * 6


PART_DAMAGE: dict[str, tuple[Callable[[h5py.File], None], str]] = {
    "order": (lambda file: file["position"].__setitem__(slice(0, 2), [5, 4]), "positions"),
    "beyond": (lambda file: file["position"].__setitem__(-1, 10**9), "positions"),
    "total": (lambda file: write_attribute(file, "total_pairs", 65), "total_pairs"),
    "shard": (lambda file: write_attribute(file, "shard", "4/3"), "shard"),
    "no crc": (lambda file: file.__delitem__("crc32"), "CRC-32"),
    "no position": (lambda file: file.__delitem__("position"), "positions"),
    "crc": (lambda file: file["crc32"].__setitem__((0, 1), 0), "patch 0 "),
}  # fmt: skip


@pytest.mark.parametrize("damage", PART_DAMAGE)
def test_damaged_part(parts: list[Path], damage: str):
    function, words = PART_DAMAGE[damage]
    with h5py.File(parts[0], "r+") as file:
        function(file)
    wrong(parts[0], words)


def test_number_of_pairs(images: list[Path], training: Path):
    with h5py.File(training, "r+") as file:
        for key in ("lr", "gt"):
            file[key].resize(len(file[key]) - 64, axis=0)
    assert not verify(training).failures
    wrong(training, "images", "give", images=images)
    with h5py.File(training, "r+") as file:
        for key in ("lr", "gt"):
            file[key].resize(len(file[key]) - 1, axis=0)
    wrong(training, "counts", "multiple of 64")


def test_exchanged_images(images: list[Path], training: Path, benchmark: Path):
    one, other = images[0], images[1]
    one.rename(one.with_name("kept"))
    other.rename(one)
    one.with_name("kept").rename(other)
    for path in (training, benchmark):
        failures = wrong(path, "images", one.name, "another image", images=images)
        assert len(failures) == 2
        assert len(wrong(path, f"{one.name} is not there", images=images[1:])) == 2


def test_image_of_another_part_is_missing(images: list[Path], parts: list[Path]):
    assert len(wrong(parts[0], f"{images[1].name} is not there", images=[images[0], *images[2:]])) == 1


@pytest.mark.parametrize("kept", [0, 7, 100, 3000, -1, -5000])
def test_truncated_file(training: Path, benchmark: Path, kept: int):
    for path in (training, benchmark):
        content = path.read_bytes()
        path.write_bytes(content[:kept])
        fails(run("verify", path), 1, path.name)


def test_changed_meanwhile(training: Path, monkeypatch: pytest.MonkeyPatch):
    def look(*_: object) -> None:
        with training.open("ab") as file:
            file.write(b"0")

    monkeypatch.setattr("vdsr_data.benchmark.claims.Values.look", look)
    with pytest.raises(VdsrError, match="replaced or changed while"):
        verify(training)


def test_no_such_file_and_no_data_file(tmp_path: Path):
    fails(run("verify", tmp_path / "none.h5"), 1, "no such file")
    (tmp_path / "t.h5").write_bytes(b"text")
    fails(run("verify", tmp_path / "t.h5"), 1, "not an HDF5 file")
    with h5py.File(tmp_path / "h.h5", "w") as file:
        file["x"] = 1
    fails(run("verify", tmp_path / "h.h5"), 1, "not a training file")


TEST_DAMAGE: dict[str, tuple[Callable[[h5py.File], None], str]] = {
    "pair": (lambda file: file.__delitem__("x2/a/gt"), "/x2/a/gt is missing"),
    "image": (lambda file: file.__delitem__("x3/a"), "/x3/a/gt is missing"),
    "original": (lambda file: file.__delitem__("original/a"), "/original/a is missing"),
    "chroma": (lambda file: file.__delitem__("x2/a/cb"), "/x2/a/cb is missing"),
    "all chroma": (lambda file: [file.__delitem__(f"x2/a/{key}") for key in ("cb", "cr")], "/x2/a/cb differs"),
    "stranger": (lambda file: file.create_dataset("x2/a/zz", data=1.0), "/x2/a/zz does not belong"),
    "nan": (lambda file: file["x2/a/gt"].__setitem__((0, 0), np.nan), "/x2/a/gt holds NaN"),
    "range": (lambda file: file["x2/a/gt"].__setitem__((0, 0), 2), "/x2/a/gt holds"),
    "names": (lambda file: write_attribute(file, "names", ["a"]), "attributes: names"),
    "scales": (lambda file: write_attribute(file, "scales", "[2, 3, 4]"), "/x4/a/gt is missing"),
    "fewer scales": (lambda file: write_attribute(file, "scales", "[2]"), "/x3/a/gt does not belong"),
    "boundary": (lambda file: write_attribute(file, "boundary", "replicate"), "/x2/a/lr differs"),
}  # fmt: skip


@pytest.mark.parametrize("damage", TEST_DAMAGE)
def test_damaged_test_file(benchmark: Path, damage: str):
    function, words = TEST_DAMAGE[damage]
    with h5py.File(benchmark, "r+") as file:
        function(file)
    wrong(benchmark, words, sample=10**6)


@pytest.mark.parametrize("key", ["gt", "lr", "cb", "cr"])
def test_flipped_bit_in_a_test_file(benchmark: Path, key: str):
    with h5py.File(benchmark, "r+") as file:
        bits = file[f"x3/a/{key}"][...]
        bits.view("u1")[0, 0] ^= 1
        file[f"x3/a/{key}"][...] = bits
    assert len(wrong(benchmark, f"/x3/a/{key} differs", sample=10**6)) == 1


def test_other_original(images: list[Path], benchmark: Path):
    with h5py.File(benchmark, "r+") as file:
        file["original/a"][0, 0] ^= 1
    # Perhaps rounding hides it from luma; the image itself does not.
    assert verify(benchmark, sample=0, images=images).failures


def test_what_python_may_hand_in(images: list[Path], benchmark: Path):
    for options, words in (
        ({"images": []}, "images: give"), ({"images": 5}, "images: 5"), ({"images": [None]}, "images"),
        ({"expect": "abc"}, "expect: 'abc': give the 64 digits"), ({"expect": 5}, "expect: 5"),
        ({"sample": -1}, "sample: -1"), ({"seed": None}, "seed: None"),
    ):  # fmt: skip
        with pytest.raises(ArgumentError, match=f"^{words}"):
            verify(benchmark, **options)


def test_memory_that_an_image_of_a_test_file_needs_is_said(benchmark: Path, monkeypatch: pytest.MonkeyPatch):
    monkeypatch.setattr("vdsr_data.images.memory.available_memory", lambda: (1000, 10**9))
    with pytest.warns(MemoryWarning, match="set: 0 megapixels: about 0.0 GB of memory"):
        assert not verify(benchmark).failures
    assert not verify(benchmark, sample=0).failures  # a warning would be an error


def test_object_of_no_known_kind(benchmark: Path):
    with h5py.File(benchmark, "r+") as file:
        file["x2/a/zz"] = "text"
    fails(run("verify", benchmark), 1, "x2/a/zz", "build the file again")
    with h5py.File(benchmark, "r+") as file:
        del file["x2/a/zz"]
        file["x2/loop"] = h5py.SoftLink("/nowhere")
    fails(run("verify", benchmark), 1, "damaged")


def test_command_prints_one_table(photographs: Path, training: Path, benchmark: Path):
    done = run("verify", training, "--images", photographs)
    assert done.exit_code == 0
    assert done.stderr == ""
    digest = re.search(r"SHA-256 ([0-9a-f]{64})", done.stdout)
    assert digest
    assert [line.split()[0] for line in done.stdout.splitlines()[1:]] == [
        "attributes", "counts", "values", "values", "images", "made", "content"]  # fmt: skip
    assert run("verify", training, "--expect", digest[1]).exit_code == 0
    assert run("verify", benchmark, "--images", photographs, "--sample", "1", "--seed", "5").exit_code == 0


def test_command_says_each_failure_in_a_line(photographs: Path, training: Path):
    change(training, "gt", (5, 0, 1, 2), np.nan)
    done = run("verify", training, "--expect", "0" * 64)
    assert done.exit_code == 1
    assert "WRONG" in done.stdout
    first, second = done.stderr.splitlines()
    assert "patch 5" in first
    assert "expected" in second
    fails(run("verify", training, "--expect", "abc"), 2, "--expect", "64 digits")
    shutil.rmtree(photographs)
    fails(run("verify", training, "--images", photographs), 1, "no such data set")
