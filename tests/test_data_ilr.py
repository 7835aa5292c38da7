"""The network's input of degraded data files: benchmark files, training files and sub-images, against slow twins."""

import io
import math
import shutil
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from fractions import Fraction
from pathlib import Path
from typing import Any

import command_line
import h5py
import numpy as np
import pytest
from command_line import fails
from PIL import Image
from reference import slow_imfilter, slow_imresize, slow_luma, slow_round, slow_v4_randn

from vdsr_data import Degradation, build_test, build_train, degrade, fspecial, imresize, info, merge, modcrop, verify
from vdsr_data.benchmark.file import open_benchmark_file
from vdsr_data.degradations.recipes import KINDS
from vdsr_data.errors import ArgumentError, VdsrError
from vdsr_data.images.files import list_images, read_image, write_image
from vdsr_data.io.hdf5 import write_attribute
from vdsr_data.training.recipe import TrainingRecipe
from vdsr_data.training.shards import generate_spread
from vdsr_eval import evaluate

KERNEL = fspecial("gaussian", 15, 1.6)
BOUNDARIES = ["symmetric", "replicate"]


def photo(seed: int, rows: int, columns: int, *channels: int, bits: int = 8) -> np.ndarray:
    kind = np.uint8 if bits == 8 else np.uint16
    shape = (rows // 4 + 1, columns // 4 + 1, *channels)
    return imresize(np.random.default_rng(seed).integers(0, 2**bits, shape, kind), size=(rows, columns))


@pytest.fixture
def originals(tmp_path: Path) -> Path:
    """Colour and grey, of 8 and of 16 bits, of sides that no scale divides."""
    folder = tmp_path / "set"
    folder.mkdir()
    write_image(folder / "colour.png", photo(0, 23, 31, 3))
    write_image(folder / "grey.png", photo(1, 29, 22))
    write_image(folder / "deep.png", photo(2, 22, 25, 3, bits=16))
    write_image(folder / "deep_grey.tif", photo(3, 26, 23, bits=16))
    return folder


def rounded(values: np.ndarray) -> np.ndarray:
    return np.reshape([slow_round(value, 255) for value in np.ravel(values).tolist()], values.shape).astype(np.uint8)


def slow_noise(shape: tuple[int, ...]) -> np.ndarray:
    return np.reshape(slow_v4_randn(math.prod(shape)), shape, order="F")


def resized(image: np.ndarray, factor: float, boundary: str) -> np.ndarray:
    size = tuple(math.ceil(factor * side) for side in image.shape[:2])
    return slow_imresize(image, (factor, factor), size, boundary=boundary)


def as_jpeg(image: np.ndarray) -> np.ndarray:
    stream = io.BytesIO()
    Image.fromarray(image).save(stream, "jpeg", quality=40)
    return np.asarray(Image.open(stream))


# What each does to an 8-bit image that has been cropped, at a scale and with a rule beyond the edge.
SLOW: dict[str, Callable[[np.ndarray, float, str], np.ndarray]] = {
    "bi": lambda hr, scale, edge: resized(hr, 1 / scale, edge),
    "bi-double": lambda hr, scale, edge: rounded(resized(hr / 255, 1 / scale, edge) * 255),
    "bd": lambda hr, _, __: slow_imfilter(hr, fspecial("gaussian", 7, 1.6), "replicate")[1::3, 1::3],
    "dn:noise=10": lambda hr, scale, edge: noisy(resized(hr, 1 / scale, edge)),
    "blur:sigma=1.6": lambda hr, scale, edge: rounded(
        slow_imfilter(resized(hr, 1 / scale, edge) / 255, KERNEL, "circular", convolve=True) * 255
    ),
    "srmd:noise=0": lambda hr, scale, edge: rounded(
        resized(slow_imfilter(hr / 255, fspecial("gaussian", 15, 2.6), "replicate"), 1 / scale, edge) * 255
    ),
    "noise": lambda hr, _, __: rounded(
        (hr / 255 + 10 / 255 * slow_noise(hr.shape)).astype(np.float32) * np.float32(255)
    ),
    "jpeg:quality=40": lambda hr, _, __: as_jpeg(hr),
}


def noisy(low: np.ndarray) -> np.ndarray:
    return rounded(low.astype(np.float32) + (10 * slow_noise(low.shape)).astype(np.float32))


CASES = [("bi", 2), ("bi", 2.5), ("bi", 1.1), ("bi-double", 3), ("bi-double", 3.7), ("bd", 3), ("dn:noise=10", 2),
         ("blur:sigma=1.6", 4), ("srmd:noise=0", 2), ("noise", 1), ("jpeg:quality=40", 1)]  # fmt: skip


def slow_crop(image: np.ndarray, scale: float) -> np.ndarray:
    """To multiples; at a fraction 4 pixels less where a side is none, as Meta-SR does."""
    factor = Fraction(str(scale))
    rest = [side % factor for side in image.shape[:2]]
    rows, columns = (int(n - (4 * (r != 0) if factor % 1 else r)) for n, r in zip(image.shape, rest, strict=False))
    return image[:rows, :columns]


@pytest.mark.slow
@pytest.mark.parametrize("boundary", BOUNDARIES)
@pytest.mark.parametrize(("kind", "scale"), CASES)
def test_benchmark_files_hold_the_slow_twins(kind, scale, boundary, originals: Path, tmp_path: Path) -> None:
    build_test(originals, tmp_path / "b.h5", scales=[scale], degradation=kind, boundary=boundary)
    with open_benchmark_file(tmp_path / "b.h5") as file:
        assert file.degradation == Degradation.parse(kind)
        for path in originals.iterdir():
            image = slow_crop(read_image(path), scale)
            eight = image if image.dtype == np.uint8 else rounded(image / 65535 * 255)
            low = slow_luma(SLOW[kind](eight, scale, boundary)) / 255
            stored = file.pair(path.stem, scale)
            assert stored is not None
            assert (stored.lr == resized(low, scale, boundary)[: len(image), : image.shape[1]]).all()
            if image.dtype == np.uint8:  # of 16 bits too, luma of the original is not degraded
                assert (stored.gt == slow_luma(image) / 255).all()


@pytest.mark.parametrize("boundary", BOUNDARIES)
@pytest.mark.parametrize(
    ("kind", "scales"),
    [("bi", (2, 2.5, 8, 16)), ("bi-double", (1.1, 2)), ("bd", (2, 3, 4)), ("dn:noise=10,seed=3", (2,)),
     ("blur:sigma=1.6", (4,)), ("srmd", (2,)), ("noise", (1,)), ("jpeg:quality=40", (1,)), (None, (1.7, 8, 2.5, 16))],
)  # fmt: skip
def test_verify_makes_every_pair_anew(kind, scales, boundary, originals: Path, tmp_path: Path) -> None:
    build_test(originals, tmp_path / "b.h5", scales=scales, degradation=kind, boundary=boundary)
    found = verify(tmp_path / "b.h5", images=originals)
    assert not found.failures
    count = 4 * len(scales)
    assert {check.name: check.found for check in found.checks}["made anew"] == f"{count} of {count} pairs"
    said = [line for line in info(tmp_path / "b.h5").lines if "degradation" in line]
    assert said == ([] if kind is None else [f"  degradation: {Degradation.parse(kind)}"])


def test_the_commands_words(originals: Path, tmp_path: Path) -> None:
    """A set at factors as they are typed, the kernel in a file, twice the same bytes."""
    np.save(tmp_path / "k.npy", KERNEL)
    for name, kind, scales in (("a", "bi", "2.5,1.1:0.1:1.3"), ("b", f"srmd:kernel={tmp_path / 'k.npy'},noise=2", 2)):
        for file in ("1.h5", "2.h5"):
            words = ("-o", tmp_path / f"{name}{file}", "--degradation", kind, "--scales", scales)
            done = command_line.run("build-test", originals, *words, "--workers", 2)
            assert done.exit_code == 0, done.output
        assert (tmp_path / f"{name}1.h5").read_bytes() == (tmp_path / f"{name}2.h5").read_bytes()
    with h5py.File(tmp_path / "a1.h5") as file:
        assert sorted(file) == ["original", "x1.1", "x1.2000000000000002", "x1.3", "x2.5"]
    said = command_line.run("info", tmp_path / "b1.h5").stdout
    assert "  degradation: srmd with noise 2, a kernel of 15 x 15\n" in said
    assert max(map(len, said.splitlines())) < 120
    for words, message in (
        (["--degradation", "bd", "--scales", "2.5"], "scale must be a whole number"),
        (["--degradation", "bd", "--format", "mat"], ".mat files cannot say how they were made"),
        (["--degradation", "noise", "--scales", "2"], "noise does not reduce images"),
        (["--degradation", "fog"], "kind: 'fog' is not allowed"),
    ):
        done = command_line.run("build-test", originals, "-o", tmp_path / "c.h5", *words)
        fails(done, 2 if "mat" in words else 1, message)
    assert not (tmp_path / "c.h5").exists()


@pytest.fixture
def degraded(originals: Path, tmp_path: Path) -> Path:
    recipe = Degradation("srmd", kernel=KERNEL)
    return build_test(originals, tmp_path / "srmd.h5", scales=[2], degradation=recipe).output


def with_attribute(path: Path, name: str, value: Any) -> Path:
    target = Path(shutil.copy(path, path.with_name("changed.h5")))
    with h5py.File(target, "r+") as file:
        del file.attrs[name]
        if value is not None:
            write_attribute(file, name, value)
    return target


def test_tampering_is_found(degraded: Path) -> None:
    near = (KERNEL + np.eye(15) * 1e-4).tolist()
    for value, words in (
        ({"kind": "bd"}, "/x2/colour/lr differs from what its original gives"),
        ({"kind": "srmd", "kernel": near}, "/x2/colour/lr differs from what its original gives"),
        (None, "/x2/colour/lr differs from what its original gives"),
        ({"kind": "noise"}, "degradation is not what this file needs"),  # at x2
        ({"kind": "srmd", "kernel": [[1, 2], [3]]}, "degradation is not what this file needs"),
        ({"kind": "srmd", "more": 1}, "degradation is not what this file needs"),
        ({"kind": "fog"}, "degradation is not what this file needs"),
        ("bd", "degradation is not what this file needs"),
        (7, "degradation is not what this file needs"),
    ):
        failures = verify(with_attribute(degraded, "degradation", value)).failures
        assert words in failures[0]
        assert not any("\n" in line for line in failures)
    with h5py.File(degraded, "r+") as file:
        file["x2/grey/lr"][3, 4] += 1e-3
    assert verify(degraded).failures == ["made anew: /x2/grey/lr differs from what its original gives"]


def test_a_kind_of_another_time_is_one_line(degraded: Path) -> None:
    path = with_attribute(degraded, "degradation", {"kind": "fog", "density": 3})
    fails(command_line.run("verify", path), 1, "degradation is not what this file needs")
    assert "  degradation: none that this toolkit knows" in command_line.run("info", path).stdout
    with pytest.raises(VdsrError, match=r"changed.h5: its degradation is none that this toolkit knows"):
        evaluate(path, scales=2)


# What `verify` said of files that were built before any could hold a degradation.
EARLIER = {
    ("test", "symmetric"): "cde0aa5f4394f4f73741cbbbd692ea276a32f4a029eef229a2bdb65193358249",
    ("test", "replicate"): "b0bcf3b795b3a5e45d45b6a237bbffa7519f1dfce280bd38d8c3e767d35c9c73",
    ("train", "symmetric"): "de1f186ac8ec9f0f5ce44ff323f566ab723a28b94cc7b475a40304f91500abff",
    ("train", "replicate"): "84211c0aea4b1cfd869b994bb7e40dd5d27f2bcafc9db9d0af6f86087d66af73",
    ("png", "symmetric"): "51c2efbfb14d02b1846881b81e915f1d394c0d9fdc3fcd4d39d3c9380d1f1b39",
}


def earlier(rows: int, columns: int, *channels: int, top: int) -> np.ndarray:
    values = np.arange(math.prod((rows, columns, *channels))) * 7919 % top
    return values.astype(np.uint8 if top < 256 else np.uint16).reshape(rows, columns, *channels)


@pytest.mark.parametrize(("what", "boundary"), EARLIER)
def test_builds_without_a_degradation_are_what_they_were(what: str, boundary: str, tmp_path: Path) -> None:
    folder = tmp_path / "set"
    folder.mkdir()
    write_image(folder / "a.png", earlier(60, 66, 3, top=251))
    write_image(folder / "g.png", earlier(61, 55, top=251))
    if what != "png":
        write_image(folder / "deep.png", earlier(48, 60, 3, top=65521))
    if what == "test":
        made = build_test(folder, tmp_path / f"{boundary}.h5", boundary=boundary)
    elif what == "train":
        made = build_train(folder, tmp_path / "t.h5", boundary=boundary, patch_size=12, stride=12)
    else:
        made = build_train(folder, tmp_path / "png", format="png", scales=[2, 3], patch_size=24, stride=24)
    assert verify(made.output, images=None if what == "png" else folder, expect=EARLIER[what, boundary]).failures == []
    if what != "png":
        with h5py.File(made.output) as file:
            assert "degradation" not in str(dict(file.attrs))


def slow_patches(images: list[np.ndarray], recipe: TrainingRecipe, kind: str, **options: Any) -> np.ndarray:
    """Patches of lr: each variant of each image degraded in colour; noise by its number among all."""
    found, number = [], 0
    for image in images:
        for downsize in recipe.downsizes:
            small = image if downsize == 1 else imresize(image, downsize, boundary=recipe.boundary)
            for rotation in recipe.rotations:
                for flip in recipe.flips:
                    for scale in recipe.scales:
                        turned = np.rot90(small, rotation // 90)
                        turned = {"none": turned, "left-right": turned[:, ::-1], "up-down": turned[::-1]}[flip]
                        hr = modcrop(np.ascontiguousarray(turned), scale)
                        own = dict(options)
                        if "seed" in KINDS[kind].options:
                            own["seed"] = options.get("seed", 0) + number
                        if "boundary" in KINDS[kind].options:
                            own["boundary"] = recipe.boundary
                        low = slow_luma(degrade(hr, kind, scale, **own)) / 255
                        lr = imresize(low, scale, boundary=recipe.boundary)
                        number += 1
                        step, size = recipe.stride, recipe.patch_size
                        for i in range(0, lr.shape[0] - size + 1, step):
                            found += [lr[i : i + size, j : j + size].T for j in range(0, lr.shape[1] - size + 1, step)]
    order = np.argsort(np.random.RandomState(recipe.seed or 5489).random_sample(len(found)), kind="stable")
    return np.array([found[k] for k in order[: len(order) // 64 * 64]], np.float32)[:, np.newaxis]


TRAINED = [("bd", {}, (2, 3)), ("dn", {"noise": 10, "seed": 7}, (2,)), ("dn", {}, (2, 3)), ("noise", {}, (1,)),
           ("jpeg", {"quality": 30}, (1,)), ("srmd", {"noise": 5.5}, (2,)), ("bi", {}, (4,))]  # fmt: skip


@pytest.mark.parametrize(("kind", "options", "scales"), TRAINED)
def test_training_files_hold_degraded_patches(kind, options, scales, photographs: Path, tmp_path: Path) -> None:
    recipe = TrainingRecipe(scales=scales, patch_size=12, stride=12, rotations=(0, 270), downsizes=(1.0, 0.7),
                            boundary="replicate", degradation=Degradation(kind, **options))  # fmt: skip
    how = {name: getattr(recipe, name) for name in ("scales", "patch_size", "stride", "rotations", "downsizes")}
    path = tmp_path / "t.h5"
    build_train(photographs, path, degradation=recipe.degradation, boundary="replicate", workers=2, **how)
    with h5py.File(path) as file:
        lr = file["lr"][...]
    assert (lr == slow_patches([read_image(one) for one in list_images(photographs)], recipe, kind, **options)).all()
    assert verify(path, images=photographs, sample=10**6).failures == []
    assert any(line.endswith(f", degradation {recipe.degradation}") for line in info(path).lines)


def test_parts_make_the_same_noise(photographs: Path, tmp_path: Path) -> None:
    """By their place in the whole, whoever makes them: parts, threads, the workers of a cluster."""
    how: dict[str, Any] = {"scales": [2, 3], "patch_size": 12, "stride": 12, "degradation": "dn:seed=4294967290"}
    build_train(photographs, tmp_path / "whole.h5", workers=1, **how)
    parts = [build_train(photographs, tmp_path / f"{k}.h5", shard=(k, 3), workers=2, **how).output for k in (3, 1, 2)]
    assert not any(verify(part, images=photographs).failures for part in parts)
    merge(parts, tmp_path / "merged.h5")
    recipe = TrainingRecipe(scales=(2, 3), patch_size=12, stride=12, degradation=Degradation("dn", seed=4294967290))
    with ThreadPoolExecutor(2) as executor:
        generate_spread(list_images(photographs), tmp_path / "spread.h5", recipe, executor, parts=3)
    whole = (tmp_path / "whole.h5").read_bytes()
    assert (tmp_path / "merged.h5").read_bytes() == whole
    assert (tmp_path / "spread.h5").read_bytes() == whole
    with h5py.File(tmp_path / "whole.h5", "r+") as file:
        file["lr"][5, 0, 3, 3] += 0.01
    assert verify(tmp_path / "whole.h5", images=photographs, sample=10**6).failures


@pytest.mark.parametrize("kind", ["png", "lmdb"])
def test_sub_images_are_cut_from_degraded_photographs(kind: str, photographs: Path, tmp_path: Path) -> None:
    if kind == "lmdb":
        pytest.importorskip("lmdb")
    for degradation in ("bd", "dn:noise=10,seed=5"):
        output = tmp_path / degradation[:2]
        how = {"scales": [3], "patch_size": 36, "stride": 24, "degradation": degradation}
        build_train(photographs, output, format=kind, **how)
        found = info(output).pairs
        where = f"LR_{degradation[:2]}/X3_sub" if kind == "png" else f"LR_{degradation[:2]}_X3_sub.lmdb"
        assert (output / where).is_dir()
        for k, path in enumerate(list_images(photographs)):
            hr = modcrop(read_image(path), 3)
            lr = degrade(hr, "bd", 3) if degradation == "bd" else degrade(hr, "dn", 3, noise=10, seed=5 + k)
            assert (found.pixels(3, f"{path.stem}_s001") == lr[:12, :12]).all()
            assert (found.pixels(1, f"{path.stem}_s001") == hr[:36, :36]).all()
        checked = verify(output)
        assert checked.failures == []
        assert f"does not say with which options {degradation[:2]} made LR" in str(checked)
        build_train(photographs, output, format=kind, **how, workers=1, force=True)
        assert verify(output, expect=checked.sha256).failures == []


def test_refused_before_anything_is_written(photographs: Path, tmp_path: Path) -> None:
    for options, words in (
        ({"degradation": "noise"}, "noise does not reduce images: the scale must be 1, not 2"),
        ({"degradation": "noise", "scales": [1], "format": "png"}, "LR of scale 1 would be HR itself"),
        ({"degradation": "bd:noise=3"}, "noise has no effect on bd"),
        ({"degradation": 3}, "give a kind such as bd, or a Degradation"),
    ):
        with pytest.raises(ArgumentError, match=words):
            build_train(photographs, tmp_path / "out", **options)
    assert not (tmp_path / "out").exists()
    write_image(photographs / "deep.png", np.zeros((50, 50), np.uint16))
    with pytest.raises(VdsrError, match=r"deep.png: has 16 bits"):
        build_train(photographs, tmp_path / "out", format="png", degradation="bd", scales=[3], patch_size=36, stride=36)


def test_a_dry_run_knows_degradations(photographs: Path, tmp_path: Path) -> None:
    sizes = {"patch_size": 12, "stride": 12}
    for build, options in ((build_test, {}), (build_train, sizes), (build_train, {**sizes, "format": "png"})):
        how = {"scales": [3], "degradation": "srmd", "dry_run": True, **options}
        assert "would" in str(build(photographs, tmp_path / "out.h5", **how))
    assert not (tmp_path / "out.h5").exists()
