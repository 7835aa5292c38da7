"""The conformance vectors and their checker: made anew byte for byte, well formed, and such that a last bit fails."""

import ast
import importlib.util
import json
import re
import sys
from collections.abc import Callable
from pathlib import Path
from types import ModuleType
from typing import Any

import numpy as np
import pytest

from vdsr_data import conform, im2double, imresize
from vdsr_data.interop.conformance import VECTORS, read_vectors
from vdsr_data.matlab import taps
from vdsr_data.matlab.color import MATRIX

ROOT = Path(__file__).resolve().parents[1]
SCHEMA = json.loads((VECTORS / "schema.json").read_text(encoding="utf-8"))
DOCUMENT = json.loads((VECTORS / "vectors.json").read_text(encoding="utf-8"))


def load(name: str) -> ModuleType:
    spec = importlib.util.spec_from_file_location(f"conformance_{name}", ROOT / "conformance" / f"{name}.py")
    assert spec is not None
    assert spec.loader is not None
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    return module


@pytest.fixture
def check(monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]) -> Callable[..., tuple[int, str]]:
    """The checker's exit code and what it prints."""
    checker = load("check")

    def run(*words: object) -> tuple[int, str]:
        monkeypatch.setattr(sys, "argv", ["check.py", *map(str, words)])
        return checker.main(), capsys.readouterr().out

    return run


@pytest.fixture
def kernel(monkeypatch: pytest.MonkeyPatch) -> Callable[..., None]:
    """Change something in the tables of weights, which are kept, until the test ends."""

    def change(name: str, value: Any) -> None:
        monkeypatch.setattr(taps, name, value)
        taps.wrapped_taps.cache_clear()
        taps.periodic_columns.cache_clear()

    yield change
    monkeypatch.undo()
    taps.wrapped_taps.cache_clear()
    taps.periodic_columns.cache_clear()


@pytest.mark.slow
def test_every_byte_is_made_anew() -> None:
    made = load("generate").generate()
    kept = {path.name: path.read_bytes() for path in VECTORS.iterdir() if path.name != "schema.json"}
    assert made.keys() == kept.keys()
    assert [name for name in made if made[name] != kept[name]] == []
    assert sum(map(len, made.values())) < 600_000


def test_the_document_follows_its_schema() -> None:
    """By jsonschema where it is installed, and of what matters most by hand."""
    if importlib.util.find_spec("jsonschema"):
        import jsonschema

        jsonschema.validate(DOCUMENT, SCHEMA)
        spoiled = json.loads(json.dumps(DOCUMENT))
        spoiled["cases"][0]["proof"] = "perhaps"
        with pytest.raises(jsonschema.ValidationError):
            jsonschema.validate(spoiled, SCHEMA)
    case = SCHEMA["$defs"]["case"]
    names = [one["name"] for one in DOCUMENT["cases"]]
    assert len(set(names)) == len(names)
    for one in DOCUMENT["cases"]:
        assert one.keys() == set(case["required"]) == case["properties"].keys()
        assert one["function"] in case["properties"]["function"]["enum"]
        assert re.fullmatch(case["properties"]["name"]["pattern"], one["name"])
        assert one["proof"] in case["properties"]["proof"]["enum"]
        assert one["matlab"]
        assert one["evidence"]
        for value in [*one["arguments"], *one["options"].values()]:
            assert not isinstance(value, dict) or value["input"] in DOCUMENT["inputs"]


def test_the_readme_shows_a_case_as_it_is() -> None:
    page = (ROOT / "conformance" / "README.md").read_text(encoding="utf-8")
    shown = json.loads(page.partition("```json\n")[2].partition("```")[0])
    assert shown in DOCUMENT["cases"]


def test_there_is_a_case_of_each_kind() -> None:
    cases = [case for case in read_vectors() if case.function == "imresize" and case.options["method"] == "bicubic"]
    had = {(case.dtype, case.options["boundary"], case.options["antialias"]) for case in cases}
    assert had >= {(dtype, boundary, True) for dtype in ("uint8", "uint16", "float64")
                   for boundary in ("symmetric", "replicate")} | {("uint8", "symmetric", False)}  # fmt: skip
    factors = {case.options["scale"] for case in cases if isinstance(case.options["scale"], float)}
    assert factors >= {1 / 2, 1 / 3, 1 / 4, 1 / 8, 2.0, 3.0, 4.0, 8.0, 0.7, 1.3}
    assert {case.result.ndim for case in cases} == {2, 3}
    functions = {case.function for case in read_vectors()}
    assert functions == set(SCHEMA["$defs"]["case"]["properties"]["function"]["enum"])


def test_results_that_matlab_printed_are_there() -> None:
    cases = {case.name: case.result for case in read_vectors()}
    assert (cases["randperm-10"] + 1).tolist() == [6, 3, 7, 8, 5, 1, 2, 4, 9, 10]
    assert (cases["randperm-15"] + 1).tolist() == [11, 7, 6, 5, 15, 14, 1, 4, 9, 10, 3, 13, 8, 2, 12]
    assert cases["randn-24"][0] == 0.53766713954610001
    assert cases["randn-24"][-1] == 1.6302352891647292
    assert abs(cases["randn-seed-1"][0, 0] - -0.649013765191241) < 1e-15
    assert cases["randn-v4"].ravel(order="F")[:4].round(4).tolist() == [1.1650, 0.6268, 0.0751, 0.3516]
    assert (np.abs(cases["randn-tail"]) > 3.6541528853610088).sum() == 1


def test_colours_find_a_division_by_255() -> None:
    (colours,) = (case.arguments[0] for case in read_vectors() if case.name == "rgb2ycbcr-colours")
    red, green, blue = np.moveaxis(colours.astype(float), 2, 0)
    first, second = ([c * (1 / 255) for c in MATRIX[0]], [c / 255 for c in MATRIX[0]])
    lumas = [np.floor(a * red + b * green + c * blue + 16 + 0.5) for a, b, c in (first, second)]
    assert (lumas[0] != lumas[1]).sum() == 49


@pytest.mark.parametrize(
    ("text", "words", "message"),
    [
        ("raise SystemExit(0)", ["mine"], "mine: cannot be imported (SystemExit: 0)"),
        ("", ["theirs"], "theirs: cannot be imported (ModuleNotFoundError"),
        ("", ["mine", "--function", "nothing"], "--function nothing: the vectors have none of this name"),
        ("", ["--results", "nowhere"], "nowhere: no such folder"),
    ],
)
def test_what_cannot_be_compared_is_no_agreement(
    text: str, words: list[str], message: str, check: Callable[..., tuple[int, str]], tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str],
) -> None:  # fmt: skip
    monkeypatch.syspath_prepend(str(tmp_path))
    monkeypatch.delitem(sys.modules, "mine", raising=False)
    (tmp_path / "mine.py").write_text(text, encoding="utf-8")
    with pytest.raises(SystemExit) as ended:
        check(*words)
    assert ended.value.code == 2
    assert message in capsys.readouterr().err


def test_a_function_that_ends_the_process_differs(
    check: Callable[..., tuple[int, str]], tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.syspath_prepend(str(tmp_path))
    (tmp_path / "ends.py").write_text("def rand(*a, **k): raise SystemExit(0)", encoding="utf-8")
    code, said = check("ends", "--function", "rand")
    assert code == 1
    assert "SystemExit: 0" in said
    assert "rand: 0 of" in said


def test_the_checker_needs_numpy_and_pillow_only() -> None:
    tree = ast.parse((ROOT / "conformance" / "check.py").read_text(encoding="utf-8"))
    found = {alias.name for node in ast.walk(tree) if isinstance(node, ast.Import) for alias in node.names}
    found |= {str(node.module) for node in ast.walk(tree) if isinstance(node, ast.ImportFrom)}
    assert {name.partition(".")[0] for name in found} - set(sys.stdlib_module_names) == {"numpy", "PIL"}


def test_checker_and_conform_agree_on_all(check: Callable[..., tuple[int, str]]) -> None:
    code, text = check("vdsr_data", "vdsr_eval")
    assert code == 0
    counts = {name: int(count) for name, count in re.findall(r"^(\w+): (\d+) of \2 cases agree$", text, re.MULTILINE)}
    for name, count in counts.items():
        found = conform(f"{'vdsr_eval' if name in ('psnr', 'ssim') else 'vdsr_data'}:{name}")
        assert found.exact
        assert len(found.asked) == count
    assert sum(counts.values()) == len(read_vectors())


@pytest.mark.parametrize(("scale", "row"), [(1 / 2, 3), (1 / 3, 2), (2.0, 5), (0.7, 4), (1.3, 2)])
def test_the_last_bit_of_one_weight_fails(
    scale: float, row: int, check: Callable[..., tuple[int, str]], kernel: Callable[..., None]
) -> None:
    made = taps._taps

    def changed(out_length: int, factor: float, *options: Any) -> tuple[np.ndarray, np.ndarray]:
        tap, weight = made(out_length, factor, *options)
        if factor == scale:
            weight[row, weight[row].argmax()] = np.nextafter(weight[row].max(), 2)
        return tap, weight

    kernel("_taps", changed)
    code, text = check("vdsr_data", "--function", "imresize")
    assert code == 1
    found = conform("vdsr_data:imresize")
    assert not found.exact
    wrong = {one.case.name for one in found.asked if not one.exact}
    assert wrong == set(re.findall(r"^(imresize-\S+): ", text, re.MULTILINE))
    assert any("double" in name for name in wrong)


@pytest.mark.parametrize("other", [lambda x: (x * x) * x, lambda x: x * (x * x) + 0.0])
def test_another_cube_changes_8_bit_values(
    other: Callable[[np.ndarray], np.ndarray], kernel: Callable[..., None]
) -> None:
    kernel("cube", other)
    wrong = {one.case.name for one in conform(imresize).asked if not one.exact and one.case.dtype == "uint8"}
    assert wrong >= {"imresize-tens-1of1p4", "imresize-more_tens-1of2p5"}


def test_results_of_a_program_are_compared(check: Callable[..., tuple[int, str]], tmp_path: Path) -> None:
    for case in DOCUMENT["cases"]:
        stored = case["result"]
        if "png" in stored:
            (tmp_path / f"{case['name']}.png").write_bytes((VECTORS / stored["png"]).read_bytes())
        else:
            (tmp_path / f"{case['name']}.txt").write_text("\n".join(stored["rows"]), encoding="utf-8")
    assert check("--results", tmp_path)[0] == 0
    (tmp_path / "imresize-rgb16-1of2.png").unlink()
    other = (VECTORS / "imresize-rgb16-3-replicate.png").read_bytes()
    (tmp_path / "imresize-rgb16-3.png").write_bytes(other)
    code, text = check("--results", tmp_path)
    assert code == 1
    assert "imresize-rgb16-3: " in text
    assert "cases agree, 1 missing" in text
    assert "randn: 5 of 5 cases agree" in text


def test_what_a_function_raises_is_said(
    check: Callable[..., tuple[int, str]], tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    (tmp_path / "onlyfloats.py").write_text(
        "def im2double(x):\n    assert x.dtype == 'float64', 'floats'\n    return x"
    )
    monkeypatch.syspath_prepend(str(tmp_path))
    code, text = check("onlyfloats", "--function", "im2double")
    assert code == 1
    assert "im2double-ramp: AssertionError: floats  (im2double(ramp), proof: rules)" in text
    assert "im2double: 1 of 3 cases agree" in text


def test_inputs_are_images_that_saturate() -> None:
    grey = next(case.arguments[0] for case in read_vectors() if case.name == "imresize-grey-1of2")
    assert (grey.min(), grey.max()) == (0, 255)
    assert im2double(grey).shape == (48, 40)
    assert not grey.flags.writeable
