"""What holds for every combination of valid options: one file and one score by any route, and outputs that parse.

hypothesis draws the combinations; VDSR_EXAMPLES says how many in all (60 where it is not set).
"""

import csv
import hashlib
import io
import json
import os
import re
from contextlib import chdir
from dataclasses import replace
from html.parser import HTMLParser
from itertools import pairwise
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any

import h5py
import numpy as np
import pytest
from click.testing import CliRunner, Result
from hypothesis import HealthCheck, assume, given, settings
from hypothesis import strategies as st
from pylatexenc.latexwalker import LatexEnvironmentNode, LatexWalker
from scipy.io import loadmat, savemat

from vdsr_data import Degradation, build_test, imresize, info, modcrop, verify
from vdsr_data.benchmark.build import generate_test
from vdsr_data.benchmark.sets import open_set
from vdsr_data.cli.main import main as data
from vdsr_data.degradations.recipes import KINDS
from vdsr_data.images.files import image_size, read_image, write_image
from vdsr_data.io.hdf5 import read_attributes, write_attribute
from vdsr_data.training.recipe import TrainingRecipe
from vdsr_eval import evaluate
from vdsr_eval.cli.main import main as evaluation
from vdsr_eval.protocols.pair import prepare
from vdsr_eval.protocols.protocol import PROTOCOLS

pytestmark = pytest.mark.jit
EXAMPLES = int(os.environ.get("VDSR_EXAMPLES", "60"))


def combinations(share: float) -> settings:
    """How many a test draws: its share of all, the more the less one costs."""
    count = max(3, round(EXAMPLES * share))
    return settings(max_examples=count, deadline=None, suppress_health_check=list(HealthCheck))


some = st.sampled_from
many = {"max_size": 3, "unique": True}


def photo(seed: int, rows: int, columns: int, channels: int = 3, bits: int = 8) -> np.ndarray:
    shape = (rows // 5 + 1, columns // 5 + 1, *([3] if channels == 3 else []))
    small = np.random.default_rng(seed).integers(0, 2**bits, shape, np.uint8 if bits == 8 else np.uint16)
    return imresize(small, size=(rows, columns))


@pytest.fixture(scope="module")
def sets(tmp_path_factory: pytest.TempPathFactory) -> dict[str, Path]:
    """Sets by a name of the test's: two called `fruit`, one with grey, one with 16 bits, a file of the first."""
    here = tmp_path_factory.mktemp("sets")
    images = {
        "fruit/apple.png": photo(0, 41, 52), "fruit/pear_HR.bmp": photo(1, 45, 37),
        "old/fruit/apple.png": photo(2, 40, 40),
        "grey/bridge.png": photo(3, 36, 44, 1), "grey/Café x.png": photo(4, 37, 43),
        "deep/plum.png": photo(5, 38, 41, bits=16), "deep/fig.tif": photo(6, 40, 36, 1, bits=16),
    }  # fmt: skip
    for name, image in images.items():
        (here / name).parent.mkdir(parents=True, exist_ok=True)
        write_image(here / name, image)
    generate_test("fruit", sorted((here / "fruit").iterdir()), here / "fruit.h5", scales=(2, 3))
    return {"one": here / "fruit", "two": here / "old/fruit", "file": here / "fruit.h5", "grey": here / "grey",
            "deep": here / "deep"}  # fmt: skip


def run(command: Any, *words: object) -> Result:
    """Run a command that must end well."""
    done = CliRunner().invoke(command, [str(word) for word in words])
    assert done.exit_code == 0, f"{words}: {done.output}"
    for line in done.output.splitlines():
        if line.startswith("wrote "):
            assert Path(line[6:].partition(": ")[0]).exists(), line
    return done


class Page(HTMLParser):
    """The JSON inside a page."""

    def handle_data(self, text: str) -> None:
        if self.lasttag == "script" and text.lstrip().startswith("{"):
            self.content = json.loads(text)


def check_outputs(records: dict[tuple[str, ...], tuple[float, float]], names: list[str]) -> None:
    """Every output parses, by the parser of its format, and holds the records."""
    if "csv" in names:
        with open("out.csv", newline="", encoding="utf-8") as file:
            rows = list(csv.DictReader(file, strict=True))
        assert len(rows) == len(records)
        assert all(None not in row and None not in row.values() for row in rows)
        found = sorted(round(float(row["psnr"]), 6) for row in rows)
        assert found == sorted(round(psnr, 6) for psnr, _ in records.values())
    if "latex" in names:
        nodes, _, _ = LatexWalker(
            Path("out.latex").read_text(encoding="utf-8"), tolerant_parsing=False
        ).get_latex_nodes()
        tables = [node for node in nodes if isinstance(node, LatexEnvironmentNode)]
        assert tables
        for table in tables:
            (tabular,) = [n for n in table.nodelist if getattr(n, "environmentname", "") == "tabular"]
            lines = tabular.latex_verbatim().replace(r"\&", "").split("\n")
            cells = {line.count("&") for line in lines if line.endswith(r"\\")}
            assert len(cells) == 1
            assert cells == {len(re.search(r"\{([lr]+)\}", lines[0])[1]) - 1}  # type: ignore[index]
    if "markdown" in names:
        blocks = re.findall(r"(?:^\|.*\|\n)+", Path("out.markdown").read_text(encoding="utf-8"), re.MULTILINE)
        assert blocks
        for block in blocks:
            assert len({len(re.findall(r"(?<!\\)\|", line)) for line in block.splitlines()}) == 1
    if "html" in names:
        page = Page()
        page.feed(Path("out.html").read_text(encoding="utf-8"))
        keys = [
            tuple(str(r[k]) for k in ("dataset", "image", "scale", "model", "protocol"))
            for r in page.content["records"]
        ]
        assert sorted(keys) == sorted(records)


def records_of(path: Path) -> dict[tuple[str, ...], tuple[float, float]]:
    """Scores by set, image, scale, model and protocol; no two rows share these."""
    found: dict[tuple[str, ...], tuple[float, float]] = {}
    for row in json.loads(path.read_text(encoding="utf-8")):
        for image in row["images"]:
            key = (row["dataset"], image["image"], str(row["scale"]), row["model"], row["protocol"])
            assert key not in found
            found[key] = image["psnr"], image["ssim"]
        assert row["ssim"] == pytest.approx(np.mean([image["ssim"] for image in row["images"]]))
    return found


PROTOCOL = {
    "border": st.none() | st.integers(0, 5), "rgb": st.booleans(), "grey": some([None, "keep", "rgb"]),
    "boundary": some(["symmetric", "replicate"]),
}  # fmt: skip


def variation(border: int | None, rgb: bool, grey: str | None, boundary: str) -> tuple[list[object], dict[str, Any]]:
    """The same as options of the command and as fields of a protocol."""
    words: list[object] = ["--boundary", boundary, *(["--rgb"] if rgb else [])]
    words += [*(["--border", border] if border is not None else []), *(["--grey", grey] if grey else [])]
    given = {"border": border, "rgb": rgb or None, "grey": grey, "boundary": boundary}
    fields = {name: value for name, value in given.items() if value is not None}
    return words, fields


@pytest.mark.slow
@combinations(0.25)
@given(
    names=st.lists(some(["one", "two", "file", "grey", "deep"]), min_size=1, **many),
    scales=st.lists(some([2, 3]), min_size=1, **many),
    protocols=st.lists(some(list(PROTOCOLS)), min_size=1, **many),
    varied=st.fixed_dictionaries(PROTOCOL),
    outputs=st.lists(some(["csv", "latex", "markdown", "html"]), max_size=4, unique=True),
    flags=st.lists(some(["--per-image", "--compare", "--explain", "--save-images", "--save-mat"]), **many),
)
def test_a_score_is_the_same_by_every_route(sets, names, scales, protocols, varied, outputs, flags) -> None:
    words, fields = variation(**varied)
    words += [word for name in names for word in ("--dataset", sets[name])]
    words += [word for name in protocols for word in ("--protocol", name)]
    words += [word for scale in scales for word in ("--scale", scale)]
    words += [word for name in ("json", *outputs) for word in (f"--{name}", f"out.{name}")]
    words += [word for flag in flags for word in ([flag, flag[2:]] if flag.startswith("--save") else [flag])]
    with TemporaryDirectory() as here, chdir(here):
        run(evaluation, "--model", "bicubic", *words)
        records = records_of(Path("out.json"))
        check_outputs(records, outputs)
        labels = {name: replace(PROTOCOLS[name], **fields) for name in protocols}
        labelled = dict(zip(names, dict.fromkeys(key[0] for key in records), strict=True))
        for name, label in labelled.items():
            for protocol in labels.values():
                for scale in scales:
                    for r in evaluate(open_set(sets[name]), "bicubic", scales=scale, protocols=protocol):
                        assert records[label, r.image, str(scale), "bicubic", protocol.label] == (r.psnr, r.ssim)
        if {"one", "file"} <= set(names):
            for key, score in records.items():
                if key[0] == labelled["one"]:
                    assert records[labelled["file"], *key[1:]] == score
        if "--save-mat" in flags:
            first = labels[protocols[0]]
            for folder in Path("save-mat").glob("*/x*"):
                files = {path.stem.removesuffix("_bicubic") for path in folder.iterdir()}
                name = next(name for name in names if files == set(open_set(sets[name]).image_names))
                more, _ = variation(**varied)
                scale = folder.name[1:]
                gt = ["--gt", sets[name], "--scale", scale, "--protocol", protocols[0], "--name", "again"]
                run(evaluation, "score", folder, *gt, *more, "--json", "again.json", "--force")
                alike = [key for key in names if files == set(open_set(sets[key]).image_names)]
                for key, score in records_of(Path("again.json")).items():
                    if key[3] == "again":
                        before = [records[labelled[k], key[1], scale, "bicubic", first.label] for k in alike]
                        assert any(score == pytest.approx(one, abs=1e-9) for one in before)
        if "--save-images" in flags:
            pictures = [path for path in Path("save-images").rglob("*.png") if not path.stem.endswith("residual")]
            images = {key[:3] for key in records}
            assert len(pictures) == 2 * len(images)


@pytest.mark.slow
@combinations(0.3)
@given(
    name=some(["one", "two", "grey", "deep"]),
    scale=some([2, 3]),
    protocol=some(list(PROTOCOLS)),
    varied=st.fixed_dictionaries(PROTOCOL),
    kind=some(["png", "bmp", "tif", "float", "uint8", "peak"]),
    pattern=some(["{}", "{}_x%d", "%dx_{}", "{}_SR_scale_%d", "NET-{}-X%d"]),
    companions=st.booleans(),
)
def test_results_score_alike_in_every_form(sets, name, scale, protocol, varied, kind, pattern, companions) -> None:
    """What bicubic interpolation gives, handed in as files, scores as bicubic does."""
    words, fields = variation(**varied)
    rules = replace(PROTOCOLS[protocol], **fields)
    words += ["--gt", sets[name], "--scale", scale, "--protocol", protocol, "--json", "out.json"]
    with TemporaryDirectory() as here, chdir(here):
        Path("mine").mkdir()
        for original in open_set(sets[name]):
            colours = prepare(original.pixels, scale=scale, protocol=replace(rules, rgb=True)).bicubic
            luma = prepare(original.pixels, scale=scale, protocol=rules).bicubic
            as_luma = rules.result != "rgb" and not rules.rgb and kind in ("float", "peak", "uint8")
            image = (luma if as_luma else colours) / rules.data_range
            whole = kind in ("png", "bmp", "tif", "uint8")
            if whole and (rules.result == "float" or (rules.result == "uint8" and not rules.rgb and not as_luma)):
                return  # 8 bits, or 8-bit colours, would round what this protocol does not
            stem = pattern.replace("%d", str(scale)).format(original.name)
            if kind in ("float", "peak"):
                savemat(f"mine/{stem}.mat", {"sr": image * (255 if kind == "peak" else 1)})
            elif kind == "uint8":
                savemat(f"mine/{stem}.mat", {"sr": np.round(image * 255).astype(np.uint8)})
            else:
                write_image(f"mine/{stem}.{kind}", np.round(image * 255).astype(np.uint8))
            if companions:
                write_image(f"mine/{original.name}_LR_x{scale}.png", photo(9, 12, 12))
                write_image(f"mine/{original.name}_bicubic_x{scale}.png", photo(9, 12, 12))
        run(evaluation, "score", "mine", *words, *(["--peak", 255] if kind == "peak" else []))
        records = records_of(Path("out.json"))
        for key, score in records.items():
            if key[3] == "mine":
                assert score == pytest.approx(records[*key[:3], "bicubic", key[4]], abs=1e-6)


@pytest.fixture(scope="module")
def originals(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Images of every kind that a training set has."""
    here = tmp_path_factory.mktemp("originals")
    write_image(here / "b.png", photo(0, 41, 50))
    write_image(here / "a.bmp", photo(1, 36, 33))
    write_image(here / "c.png", photo(2, 30, 47, 1))
    write_image(here / "d.tif", photo(3, 33, 35, bits=16))
    write_image(here / "tiny.png", photo(4, 6, 6))
    return here


def digest(path: Path) -> str:
    return hashlib.sha256(path.read_bytes()).hexdigest()


@pytest.mark.slow
@combinations(0.03)
@given(
    scales=st.lists(some([1, 2, 3, 4]), min_size=1, **many),
    patch=st.integers(2, 9),
    stride=st.integers(3, 12),
    rotations=st.lists(some([0, 90, 180, 270]), min_size=1, **many),
    flips=st.lists(some(["none", "left-right", "up-down"]), min_size=1, **many),
    downsizes=st.lists(some([1, 0.8, 0.5]), min_size=1, **many),
    seed=st.integers(0, 2**32 - 1),
    boundary=some(["symmetric", "replicate"]),
    axes=some(["matlab", "nhwc"]),
    keys=some(["lr,gt", "data,label", "x,y"]),
    degradation=some([None, "bi:boundary=replicate", "bd", "dn:noise=5", "srmd:sigma=2,seed=4"]),
    compression=st.integers(0, 2),
    parts=st.integers(1, 5),
    workers=st.integers(1, 3),
)
def test_a_training_file_is_the_same_by_every_route(
    originals: Path, parts: int, compression: int, **options: Any
) -> None:
    spelled = {"patch": "patch-size"}
    words: list[object] = [originals]
    workers = options.pop("workers")
    if options["degradation"] is None:
        del options["degradation"]
    for name, value in options.items():
        words += [f"--{spelled.get(name, name)}", ",".join(map(str, value)) if isinstance(value, list) else value]
    fields = {spelled.get(name, name).replace("-", "_"): value for name, value in options.items()}
    fields = {name: tuple(value) if isinstance(value, list) else value for name, value in fields.items()}
    with TemporaryDirectory() as here, chdir(here):
        how = Degradation.parse(fields.pop("degradation")) if "degradation" in fields else None
        assume(how is None or how.boundary in (None, options["boundary"]))
        recipe = TrainingRecipe(**fields | {"keys": tuple(options["keys"].split(",")), "degradation": how})
        assume(sum(recipe.count(*image_size(path)) for path in sorted(originals.iterdir())) >= 64)
        said = run(data, "build-train", *words, "-o", "one.h5", "--workers", workers).output
        run(data, "build-train", *words, "-o", "two.h5", "--workers", 1)
        assert digest(Path("one.h5")) == digest(Path("two.h5"))
        forecast = run(data, "build-train", *words, "-o", "dry.h5", "--dry-run").output
        assert re.search(r"[\d,]+ pairs", said)[0] == re.search(r"[\d,]+ pairs", forecast)[0]  # type: ignore[index]
        assert not Path("dry.h5").exists()
        for k in range(1, parts + 1):
            run(data, "build-train", *words, "--shard", f"{k}/{parts}", "-o", f"part{k}.h5")
            run(data, "info", f"part{k}.h5")
        names = [f"part{k}.h5" for k in range(parts, 0, -1)]
        run(data, "merge", *names, "-o", "merged.h5")
        assert digest(Path("merged.h5")) == digest(Path("one.h5"))
        run(data, "merge", *names, "-o", "virtual.h5", "--virtual")
        run(data, "build-train", *words, "-o", "packed.h5", "--compression", compression)
        sums = set()
        for name in ("one.h5", "virtual.h5", "packed.h5"):
            found = run(data, "verify", name, "--images", originals, "--sample", 20).output
            sums.add(re.search(r"SHA-256 ([0-9a-f]{64})", found.split("content")[-1])[1])  # type: ignore[index]
            run(data, "info", name)
        assert len(sums) == 1
        run(data, "preview", "packed.h5", "--count", 3)
        assert read_image("packed_preview.png").size


@pytest.mark.slow
@combinations(0.1)
@given(
    scales=st.lists(some([1, 2, 3, 5]), min_size=1, **many),
    boundary=some(["symmetric", "replicate"]),
    workers=st.integers(1, 3),
)
def test_a_test_file_is_the_same_by_every_route(
    originals: Path, scales: list[int], boundary: str, workers: int
) -> None:
    words = [originals, "--scales", ",".join(map(str, scales)), "--boundary", boundary]
    with TemporaryDirectory() as here, chdir(here):
        said = run(data, "build-test", *words, "-o", "one.h5", "--workers", workers).output
        run(data, "build-test", *words, "-o", "two.h5", "--workers", 1)
        assert digest(Path("one.h5")) == digest(Path("two.h5"))
        mat = run(data, "build-test", *words, "-o", "mat", "--format", "mat").output
        assert said.splitlines()[:-1] == mat.splitlines()[:-1]
        run(data, "verify", "one.h5", "--images", originals)
        run(data, "info", "one.h5")
        run(data, "preview", "one.h5", "--count", 2)
        testset = open_set("one.h5")
        for original in testset:
            for scale in scales:
                stored = testset.stored(original.name, scale)
                for key in ("gt", "lr"):
                    value = loadmat(f"mat/{original.name}_{scale}_{key}.mat")[key]
                    np.testing.assert_array_equal(value, getattr(stored, key))


@st.composite
def recipes(draw: Any) -> Degradation:
    """Any kind with any of its options."""
    kind = draw(some(list(KINDS)))
    rows, columns = draw(st.tuples(st.integers(1, 4), st.integers(1, 4)))
    row = st.lists(st.floats(-10, 10), min_size=columns, max_size=columns)
    values = {
        "boundary": some(["symmetric", "replicate"]), "sigma": st.floats(0.01, 100),
        "kernel": st.lists(row, min_size=rows, max_size=rows), "noise": st.floats(0, 255) | st.integers(0, 255),
        "seed": st.integers(0, 2**32 - 1), "quality": st.integers(1, 100),
    }  # fmt: skip
    given = {name: draw(values[name]) for name in KINDS[kind].options if draw(st.booleans())}
    if "kernel" in given:
        given.pop("sigma", None)
    elif kind == "blur":
        given.setdefault("sigma", draw(values["sigma"]))
    return Degradation(kind, **given)


@combinations(2)
@given(recipe=recipes())
def test_a_degradation_comes_back_from_where_it_was_kept(recipe: Degradation) -> None:
    """From a file, and from words."""
    with h5py.File(io.BytesIO(), "w") as file:
        write_attribute(file, "degradation", recipe.given())
        found = Degradation.kept(read_attributes(file)["degradation"])
    assert found == recipe
    assert (str(found), found.explain(1), hash(found)) == (str(recipe), recipe.explain(1), hash(recipe))
    if recipe.kernel is None:
        options = [f"{name}={value}" for name, value in recipe.given().items() if name != "kind"]
        assert Degradation.parse(f"{recipe.kind}{':' * bool(options)}{','.join(options)}") == recipe


anything = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats() | st.text(max_size=5),
    lambda one: st.lists(one, max_size=3) | st.dictionaries(st.text(max_size=3), one, max_size=2),
    max_leaves=6,
)
words = some(["kind", "boundary", "sigma", "kernel", "noise", "seed", "quality", "more"])


@combinations(5)
@given(value=anything | st.dictionaries(words, anything | some(list(KINDS)), max_size=4))
def test_what_is_no_degradation_is_none(value: Any) -> None:
    found = Degradation.kept(value)
    assert found is None or Degradation.kept(found.given()) == found


@pytest.mark.slow
@combinations(0.2)
@given(
    recipe=recipes(),
    scales=st.lists(some([1, 2, 3, 2.5]), min_size=1, **many),
    boundary=some(["symmetric", "replicate"]),
    name=some(["one", "grey", "deep"]),
    protocols=st.lists(some(list(PROTOCOLS)), min_size=1, **many),
)
def test_a_degraded_benchmark_file_scores_as_its_folder(sets, recipe, scales, boundary, name, protocols) -> None:
    fractions = recipe.kind in ("bi", "bi-double")
    scales = [scale for scale in scales if scale == 1 or (KINDS[recipe.kind].reduces and (fractions or scale != 2.5))]
    assume(scales and recipe.boundary in (None, boundary))
    with TemporaryDirectory() as here, chdir(here):
        how = {"scales": scales, "degradation": recipe, "boundary": boundary}
        build_test(sets[name], "b.h5", **how)
        assert verify("b.h5", images=sets[name], sample=2).failures == []
        assert [line for line in info("b.h5").lines if "degradation" in line] == [f"  degradation: {recipe}"]
        found = [evaluate(one, **how, protocols=protocols) for one in ("b.h5", sets[name])]
        assert len({str([(r.image, r.scale, r.psnr, r.ssim) for r in records]) for records in found}) == 1


@pytest.mark.slow
@combinations(0.3)
@given(
    how=st.one_of(
        st.tuples(st.just("--scale"), some(["2", "1/3", "0.7", "1/2,1/3", "1.5,3"])),
        st.tuples(st.just("--size"), some(["20x31", "60x7"])),
    ),
    crop=some([1, 2, 3, 4]),
    kind=some(["png", "bmp", "tif"]),
    antialias=st.booleans(),
    boundary=some(["symmetric", "replicate"]),
    workers=st.integers(1, 3),
)
def test_imresize_is_the_same_for_files_folders_and_arrays(
    originals, how, crop, kind, antialias, boundary, workers
) -> None:
    words = [*how, "--modcrop", crop, "--boundary", boundary, *([] if antialias else ["--no-antialias"])]
    numbers = [float(a) / float(b or 1) for a, _, b in (part.partition("/") for part in re.split("[,x]", how[1]))]
    options: dict[str, Any] = {"antialias": antialias, "boundary": boundary}
    if how[0] == "--size":
        options["size"] = tuple(map(int, numbers))
    else:
        options["scale"] = numbers[0] if len(numbers) == 1 else tuple(numbers)
    with TemporaryDirectory() as here, chdir(here):
        if kind != "bmp":  # which holds no 16 bits
            run(data, "imresize", originals, "all", *words, "--format", kind, "--workers", workers)
        for source in sorted(originals.iterdir()):
            image = read_image(source)
            if image.dtype == np.uint16 and kind == "bmp":
                continue
            run(data, "imresize", source, f"{source.stem}.{kind}", *words)
            expected = imresize(modcrop(image, crop), **options)
            np.testing.assert_array_equal(read_image(f"{source.stem}.{kind}"), expected)
            if kind != "bmp":
                np.testing.assert_array_equal(read_image(f"all/{source.stem}.{kind}"), expected)


@combinations(0.02)
@given(
    scales=st.lists(some([2, 3, 4]), min_size=1, **many),
    size=some([12, 24, 36]),
    stride=some([12, 24]),
    compression=st.integers(0, 9),
    boundary=some(["symmetric", "replicate"]),
    workers=st.integers(1, 3),
    degradation=some([None, "bd", "dn:noise=5"]),
)
def test_sub_images_are_the_same_as_files_and_in_a_database(
    sets, scales, size, stride, compression, boundary, workers, degradation
) -> None:
    lmdb = pytest.importorskip("lmdb")
    words = ["--scales", ",".join(map(str, scales)), "--patch-size", size, "--stride", stride, "--boundary", boundary]
    words += ["--compression", compression, "--workers", workers]
    words += [] if degradation is None else ["--degradation", degradation]
    low = "bicubic" if degradation is None else degradation[:2]
    with TemporaryDirectory() as here, chdir(here):
        run(data, "build-train", sets["one"], "--format", "png", "-o", "png", *words)
        run(data, "build-train", sets["one"], "--format", "lmdb", "-o", "lmdb", *words)
        pairs = [("HR_sub", "HR_sub.lmdb"), *((f"LR_{low}/X{s}_sub", f"LR_{low}_X{s}_sub.lmdb") for s in scales)]
        counts = set()
        for folder, database in pairs:
            files = sorted((Path("png") / folder).iterdir())
            counts.add(len(files))
            with lmdb.open(str(Path("lmdb") / database), readonly=True, lock=False) as store, store.begin() as read:
                assert store.stat()["entries"] == len(files)
                for file in files:
                    assert read.get(file.stem.encode()) == file.read_bytes()
        assert len(counts) == 1
        for folder in ("png", "lmdb"):
            for command in ("info", "verify"):
                run(data, command, folder)


def test_lists_of_sizes_never_repeat_a_score() -> None:
    """The check of the checks: what these tests compare does differ between protocols and variations."""
    image = photo(0, 41, 52)
    scores = set()
    for name, rules in PROTOCOLS.items():
        for rgb in (False, True):
            for boundary in ("symmetric", "replicate"):
                protocol = replace(rules, rgb=rgb, boundary=boundary)
                scores.add((name, float(prepare(image, scale=2, protocol=protocol).bicubic.sum())))
    assert len(scores) == 4 * len(PROTOCOLS)
    assert all(a != b for a, b in pairwise(sorted(scores)))
