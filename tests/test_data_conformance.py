"""`conform` and `vdsr-data conform`: what is said of functions, libraries and programs, and of what is no resizer."""

import sys
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from click.testing import CliRunner
from PIL import Image

import vdsr_data
from vdsr_data import ArgumentError, VdsrError, conform, imresize, luma, rgb2ycbcr
from vdsr_data.cli.main import main
from vdsr_data.interop.conformance import VECTORS, read_vectors

PILLOW = "PIL.Image:Image.resize"
SHRINK = """
import sys
from PIL import Image
image = Image.open(sys.argv[1])
size = [round(side * float(sys.argv[3])) for side in image.size]
image.resize(size, Image.Resampling.BICUBIC).save(sys.argv[2])
"""


@pytest.fixture
def module(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Callable[[str], str]:
    """Write a module of a user, and give its name."""
    monkeypatch.syspath_prepend(str(tmp_path))

    def write(text: str) -> str:
        name = f"mine{abs(hash(text))}"
        (tmp_path / f"{name}.py").write_text(text, encoding="utf-8")
        return name

    return write


def test_our_own_is_matlabs() -> None:
    found = conform(imresize)
    assert found.exact
    assert found.target == "vdsr_data.matlab.resize:imresize"
    assert all(one.asked for one in found.outcomes)
    assert {group.where for group in found.groups} == {"everywhere"}
    assert found.resizing.rounding.order == "rows first"
    assert [fit.border for fit in (found.resizing.enlarging, found.resizing.shrinking)] == ["mirrored"] * 2
    assert found.refused == {}


def test_options_stand_behind_commas() -> None:
    older = conform("vdsr_data:imresize,boundary=replicate,antialias=False")
    assert (older.resizing.shrinking.border, older.resizing.shrinking.widened) == ("repeated", False)
    assert older.exact
    assert {one.family for one in older.asked} == {"no antialias"}
    assert len(older.outcomes) > len(older.asked)
    by_family = {(group.family, group.dtype, group.way): group.where for group in older.groups}
    assert by_family["before R2015b", "uint8", "enlarging"] == "everywhere"
    assert by_family["today", "float64", "enlarging"] == "inside"
    box = conform("vdsr_data:imresize,method=box")
    assert {one.case.name for one in box.asked} == {"imresize-grey-1of3-box", "imresize-tiny_rgb-2-box"}
    assert box.exact
    assert not conform(f"{PILLOW},resample=BOX").exact


def test_pillow_is_told_apart() -> None:
    found = conform(PILLOW)
    assert found.version.startswith("pillow ")
    assert found.resizing.enlarging.a == found.resizing.shrinking.a == -0.5
    assert found.resizing.shrinking.widened
    assert found.resizing.shrinking.border == "cut off"
    rounding = found.resizing.rounding
    assert (rounding.times, rounding.order, rounding.rule) == (2, "columns first", "half up")
    assert not found.exact
    assert found.note


def test_axes_swapped_give_pillow_matlabs_values_inside() -> None:
    """What docs/why/matlab.md says of it."""

    def swapped(image: np.ndarray, size: tuple[int, int]) -> np.ndarray:
        if image.dtype != np.uint8:
            raise TypeError
        pixels = np.ascontiguousarray(np.swapaxes(image, 0, 1))
        return np.swapaxes(np.asarray(Image.fromarray(pixels).resize(size, Image.Resampling.BICUBIC)), 0, 1)

    found = conform(swapped)
    (group,) = (one for one in found.groups if (one.family, one.dtype, one.way) == ("today", "uint8", "enlarging"))
    assert group.where == "inside"
    assert found.refused.keys() == {"uint16", "float64"}
    assert found.resizing.rounding.order == "rows first"


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("def f(x, size): return x", "gives shape (20, 24) of (20, 24), not (10, 12); it must give the size"),
        ("import numpy as n\ndef f(x, size): return n.zeros(size[::-1], x.dtype)", "gives shape (12, 10)"),
        ("def f(x, size): return x[::2, ::2] / 255", "gives float64 of uint8; it must keep the dtype of the image"),
        ("def f(x, size): return x[::2, ::2] // 2", "gives 50 of 100 everywhere (uint8); it must keep the range"),
        ("def f(x, size):\n  y = x[::2, ::2]\n  return y * 255 if y.dtype.kind == 'f' else y",
         "gives 127.5 of 0.5 everywhere (float64)"),
        ("def f(x, size): raise KeyError('what')", "KeyError: 'what'"),
        ("def f(): pass", "TypeError: f() takes 0 positional arguments"),
        ("def f(x, size): return None", "gives shape () of (20, 24)"),
        ("def f(x, size): raise SystemExit(0)", "SystemExit: 0"),
    ],
)  # fmt: skip
def test_what_is_no_resizer_is_one_line(text: str, message: str, module: Callable[[str], str]) -> None:
    target = f"{module(text)}:f"
    with pytest.raises(VdsrError) as told:
        conform(target)
    assert str(told.value).startswith(f"{target}: ")
    assert message in str(told.value)
    assert "\n" not in str(told.value)


@pytest.mark.parametrize(
    ("target", "message"),
    [
        ("nowhere_at_all:f", "target: nowhere_at_all cannot be imported: No module named 'nowhere_at_all'"),
        ("math:nothing", "target: module 'math' has no attribute 'nothing'"),
        ("math:pi", "target: math:pi is not a function, but of type float"),
        ("math", "target: 'math' is not allowed; give module:function, such as cv2:resize, or a command line"),
        ("", "target: '' is not allowed"),
        (5, "target: 5 is not allowed; give module:function, a command line, or a function"),
        ("resize {input}", "needs both {input} and {output}"),
        ("resize '{input} {output}", "is not allowed: No closing quotation"),
        ("resize {input} {output}", "it also needs {scale}, or {rows} and {columns}"),
        (f"{PILLOW},resample=SHARP", "target: PIL.Image:Resampling has no SHARP"),
    ],
)
def test_what_cannot_be_imported_is_one_line(target: Any, message: str) -> None:
    with pytest.raises(ArgumentError) as told:
        conform(target)
    assert message in str(told.value)


@pytest.mark.parametrize(
    ("text", "message"), [("1 / 0", "ZeroDivisionError: division by zero"), ("raise SystemExit(0)", "SystemExit: 0")]
)
def test_a_module_that_fails_as_it_is_imported_is_one_line(
    text: str, message: str, module: Callable[[str], str]
) -> None:
    """A script that ends itself, above all with 0, is not one that agrees."""
    name = module(text)
    with pytest.raises(ArgumentError, match=rf"^target: {name} cannot be imported: {message}$"):
        conform(f"{name}:f")


def test_a_function_that_is_not_in_the_vectors_is_refused() -> None:
    with pytest.raises(ArgumentError, match=r"^function: 'imrotate' is not allowed; give one of .*imresize"):
        conform(imresize, function="imrotate")


def test_vectors_that_are_damaged_are_one_line(tmp_path: Path) -> None:
    (tmp_path / "vectors.json").write_text("{}", encoding="utf-8")
    with pytest.raises(VdsrError, match=r"cannot be read as conformance vectors \('inputs'\); install anew$"):
        read_vectors(tmp_path)
    text = (VECTORS / "vectors.json").read_text(encoding="utf-8")
    (tmp_path / "vectors.json").write_text(text, encoding="utf-8")
    with pytest.raises(VdsrError, match=r"grey\.png: no such file$"):
        read_vectors(tmp_path)


def test_dtypes_that_are_not_taken_are_told() -> None:
    def only_bytes(image: np.ndarray, size: tuple[int, int]) -> np.ndarray:
        if image.dtype != np.uint8:
            raise ValueError("bytes, please")
        return imresize(image, size=size)

    found = conform(only_bytes)
    assert found.exact
    assert found.refused == {"uint16": "ValueError: bytes, please", "float64": "ValueError: bytes, please"}
    assert "  uint16 is not taken: ValueError: bytes, please" in str(found)
    assert (found.resizing.enlarging.a, found.resizing.shrinking.a) == (-0.5, -0.5)


def test_a_case_that_fails_does_not_end_it() -> None:
    def grey_only(image: np.ndarray, scale: float, antialias: bool) -> np.ndarray:
        if image.ndim == 3:
            raise NotImplementedError("grey only")
        return imresize(image, scale, antialias=antialias)

    found = conform(grey_only)
    assert not found.exact
    assert {one.case.result.ndim for one in found.asked if not one.exact} == {3}
    assert all(one.case.options["size"] is None for one in found.outcomes)
    assert "imresize(rgb, 1/2, 'bicubic'): NotImplementedError: grey only" in str(found)


def test_a_target_cannot_change_the_vectors() -> None:
    def spoiling(image: np.ndarray, size: tuple[int, int]) -> np.ndarray:
        result = imresize(image, size=size)
        image[:] = 0
        return result

    conform(spoiling)
    assert conform(imresize).exact


def test_other_functions_are_compared_as_ours_are_called(module: Callable[[str], str]) -> None:
    assert conform(rgb2ycbcr).function == "rgb2ycbcr"
    text = """
import numpy as np
from vdsr_data import rgb2ycbcr as right
def rgb2ycbcr(image):
    return right(image) if image.dtype != np.uint8 else np.clip(right(image), 17, None).astype(np.uint8)
"""
    found = conform(f"{module(text)}:rgb2ycbcr")
    assert (found.exact, found.resizing) == (False, None)
    assert [one.case.name for one in found.outcomes if not one.exact] == ["rgb2ycbcr-colours"]
    assert "rgb2ycbcr(colours): 4 of 768 values differ, by up to 1 of 255" in str(found)
    with pytest.raises(VdsrError, match="gives shape"):
        conform(luma, function="rgb2ycbcr")


def test_a_form_of_ssim_is_found() -> None:
    found = conform("skimage.metrics:structural_similarity", function="ssim")
    assert [one.case.name for one in found.outcomes if one.exact] == ["ssim-uniform-7"]
    assert "data_range=255): agrees" in str(found)


def test_what_is_no_image_differs_in_its_own_unit(module: Callable[[str], str]) -> None:
    """A dB more is 1 more, not 255 of 255."""
    name = module("from vdsr_eval import psnr\ndef f(*a, **k): return psnr(*a, **k) + 1")
    found = conform(f"{name}:f", function="psnr")
    assert max(one.largest for one in found.outcomes) == pytest.approx(1)
    assert "1 of 1 values differ, by up to 1\n" in str(found)


@pytest.mark.slow
def test_a_program_is_run(tmp_path: Path) -> None:
    script = tmp_path / "shrink it.py"
    script.write_text(SHRINK, encoding="utf-8")
    found = conform(f"'{sys.executable}' '{script}' {{input}} {{output}} {{scale}}")
    assert "float64" in found.refused
    assert found.resizing.shrinking.border == "cut off"
    assert found.resizing.rounding.order == "columns first"
    assert {one.case.dtype for one in found.outcomes} >= {"uint8"}
    with pytest.raises(VdsrError, match=r"ended with \d+: .*No such file"):
        conform(f"'{sys.executable}' none.py {{input}} {{output}} {{rows}} {{columns}}")
    with pytest.raises(VdsrError, match="no-such-program cannot be run"):
        conform("no-such-program {input} {output} {scale}")
    with pytest.raises(VdsrError, match=r"ended with 0: it wrote no \{output\}"):
        conform(f"'{sys.executable}' -c pass {{input}} {{output}} {{scale}}")
    with pytest.raises(VdsrError, match="EOFError"):  # and does not wait for what is typed
        conform(f"'{sys.executable}' -c 'input()' {{input}} {{output}} {{scale}}")


def test_the_command_prints_what_the_function_says() -> None:
    done = CliRunner().invoke(main, ["conform", "vdsr_data:imresize"])
    assert (done.exit_code, done.output) == (0, f"{conform('vdsr_data:imresize')}\n")
    done = CliRunner().invoke(main, ["conform", PILLOW])
    assert (done.exit_code, done.output) == (1, f"{conform(PILLOW)}\n")
    done = CliRunner().invoke(main, ["conform", "vdsr_data:luma", "--function", "resize"])
    assert done.exit_code == 2
    assert "--function" in done.output


def test_the_page_prints_what_is_said_today() -> None:
    """Of our own function, which does not depend on the version of another library."""
    page = (Path(vdsr_data.__file__).parents[1] / "docs" / "how-to" / "conformance.md").read_text(encoding="utf-8")
    assert str(conform("vdsr_data:imresize")) in page
