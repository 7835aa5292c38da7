"""The conformance vectors, and `conform`: whether a function gives MATLAB's values on them, and what it is if not."""

import json
import math
import re
import warnings
from collections.abc import Callable, Mapping, Sequence
from contextlib import suppress
from dataclasses import dataclass
from functools import lru_cache
from inspect import Parameter, signature
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from vdsr_data.errors import VdsrError, brief
from vdsr_data.images.files import read_image
from vdsr_data.interop.adapters import Target, as_resizer, find_target
from vdsr_data.interop.fitting import Fit, Resizing, fit_resizer
from vdsr_data.limits import choice

__all__ = ["VECTORS", "Case", "Conformity", "Group", "Outcome", "conform", "read_vectors"]

Image = NDArray[Any]

VECTORS = Path(__file__).parent / "vectors"
DEFAULTS = {"boundary": "symmetric", "antialias": True, "method": "bicubic"}
DTYPES: tuple[type[np.generic], ...] = (np.uint8, np.uint16, np.float64)
PROBE, PROBED = (20, 24), (10, 12)
TOP = {"uint8": 255, "uint16": 65535}  # of floats it is 1
IMAGES = {"imresize", "rgb2ycbcr", "ycbcr2rgb", "im2double", "imfilter", "degrade"}  # what gives them
FAILURES = 5  # that are shown


@dataclass(frozen=True)
class Case:
    """One case of the vectors, see `conformance/README.md`: arrays are there as arrays.

    `proof` is "file", "printed" or "rules": how far MATLAB itself proves it, as `evidence` says.
    """

    name: str
    function: str
    matlab: str
    arguments: tuple[Any, ...]
    options: Mapping[str, Any]
    result: Image
    tolerance: float
    proof: str
    evidence: str

    @property
    def dtype(self) -> str:
        """Of the result."""
        return self.result.dtype.name

    @property
    def way(self) -> str:
        """Of imresize: "shrinking" if a dimension becomes smaller, else "enlarging"."""
        before, after = self.arguments[0].shape, self.result.shape
        return "shrinking" if any(b < a for a, b in zip(before, after, strict=True)) else "enlarging"


@dataclass(frozen=True)
class Outcome:
    """What a target made of a case.

    `differing` of `values` differ, and `differing_inside` of `inside` that lie where the kernel meets no edge. The
    largest differences of images are in steps of 8 bits: of the top value / 255. `why` says what came instead of a
    result that can be compared. `asked` is whether the target can be told what the case wants, was told so by an
    option, or it is MATLAB's default.
    """

    case: Case
    asked: bool
    differing: int = 0
    values: int = 0
    differing_inside: int = 0
    inside: int = 0
    largest: float = 0.0
    largest_inside: float = 0.0
    why: str = ""

    @property
    def exact(self) -> bool:
        """Whether every value agrees."""
        return not self.differing and not self.why

    @property
    def family(self) -> str:
        """What the case asks for: "today", "before R2015b" (the edge repeated) or "no antialias"."""
        if not self.case.options.get("antialias", True):
            return "no antialias"
        return "before R2015b" if self.case.options.get("boundary") == "replicate" else "today"


@dataclass(frozen=True)
class Group:
    """The cases of one dtype, way and family together: how many there are, are exact, and are exact inside.

    `cases_inside` are those that have an inside.
    """

    dtype: str
    way: str
    family: str
    asked: bool
    cases: int
    exact: int
    cases_inside: int
    exact_inside: int
    largest: float
    largest_inside: float

    @property
    def where(self) -> str:
        """Where the values are MATLAB's: "everywhere", "inside" or "nowhere"."""
        if self.exact == self.cases:
            return "everywhere"
        return "inside" if self.cases_inside and self.exact_inside == self.cases_inside else "nowhere"


@dataclass(frozen=True)
class Conformity:
    """What `conform` found; its text is what `vdsr-data conform` prints.

    Attributes
    ----------
    target : str
    version : str
        The package and its version; empty if it is of none.
    note : str
        What is done beside the call of a library.
    function : str
        The function of MATLAB that it was compared with.
    resizing : Resizing or None
        What a resizer is: its kernel, rule beyond the edge and rounding.
    outcomes : tuple of Outcome
        One for each case that could be run.
    refused : dict of str
        Dtypes that it does not take, and what it says.
    """

    target: str
    version: str
    note: str
    function: str
    resizing: Resizing | None
    outcomes: tuple[Outcome, ...]
    refused: Mapping[str, str]

    @property
    def asked(self) -> tuple[Outcome, ...]:
        """The cases that it could be told to do."""
        return tuple(one for one in self.outcomes if one.asked)

    @property
    def exact(self) -> bool:
        """Whether every value of what it could be told to do agrees."""
        return bool(self.asked) and all(one.exact for one in self.asked)

    @property
    def groups(self) -> tuple[Group, ...]:
        """The outcomes of imresize by dtype, way and family."""
        found: dict[tuple[str, str, str], list[Outcome]] = {}
        for one in self.outcomes:
            found.setdefault((one.family, one.case.dtype, one.case.way), []).append(one)
        return tuple(_group(dtype, way, family, ones) for (family, dtype, way), ones in found.items())

    def __str__(self) -> str:
        name = f"{self.target} ({self.version})" if self.version else self.target
        agree = sum(one.exact for one in self.asked)
        verdict = f"{agree} of {len(self.asked)} cases of {self.function} agree"
        lines = [f"{name}: {verdict}{', in every value' * self.exact}"]
        if self.resizing:
            lines += [*_description(self.resizing), "", *_table(self.groups), ""]
        lines += [f"  {dtype} is not taken: {why}" for dtype, why in self.refused.items()]
        lines += [f"  {self.note}"] * bool(self.note)
        failed = [one for one in self.asked if one.why]
        shown = failed[:FAILURES] if self.resizing else [] if self.exact else self.outcomes
        lines += [f"  {one.case.matlab}: {_result(one)}" for one in shown]
        return "\n".join(lines).rstrip()


def conform(target: str | Callable[..., Any], *, function: str | None = None) -> Conformity:
    """Compare a function with MATLAB's values, and say what it does: any library's, anybody's, or a program.

    Parameters
    ----------
    target : str or callable
        A function; or ``module:function``, which is imported, with options behind commas:
        ``cv2:resize,interpolation=INTER_AREA``. Those of libraries that `vdsr_data.interop.adapters` lists are called
        as they want. Other resizers are called with an ndarray (rows, columns) or (rows, columns, 3) of uint8, uint16
        or float64 in [0, 1] and those of ``scale``, ``size``, ``antialias``, ``boundary`` and ``method`` that they
        name, or else with the size (rows, columns). Or a command line with ``{input}``, ``{output}`` (PNG files) and
        ``{scale}`` or ``{rows}`` and ``{columns}``.
    function : str, optional
        The function of the vectors to compare with: "imresize", "rgb2ycbcr", "psnr", ... By default that of the
        target's name, or "imresize". All but "imresize" are called with the arguments of ours.

    Returns
    -------
    Conformity

    Raises
    ------
    ArgumentError
        If `target` cannot be imported, or `function` is none of the vectors'.
    VdsrError
        If it can do nothing, or changes the size, the dtype or the range of an image.

    Notes
    -----
    The vectors are synthetic. Where MATLAB's own files or printed numbers prove such a case, it says so. Kernel, rule
    beyond the edge and rounding are found from impulses and noise, not from the name of the function.

    Examples
    --------
    >>> from vdsr_data import conform
    >>> found = conform("PIL.Image:Image.resize")
    >>> found.resizing.shrinking.a, found.resizing.shrinking.border, found.resizing.rounding.order
    (-0.5, 'cut off', 'columns first')
    """
    cases = read_vectors()
    names = list(dict.fromkeys(case.function for case in cases))
    if function is not None:
        choice("function", function, names)
    with warnings.catch_warnings(), np.errstate(all="ignore"):
        warnings.simplefilter("ignore")  # other libraries', which are not for whoever asks here
        found = find_target(target)
        own = re.split(r"[:.]", found.name.partition(",")[0])[-1]
        function = function or (own if own in names else "imresize")
        chosen = [case for case in cases if case.function == function]
        return _of_resizer(found, chosen) if function == "imresize" else _of_function(found, function, chosen)


@lru_cache(1)
def read_vectors(folder: Path = VECTORS) -> tuple[Case, ...]:
    """Read the cases, and their arrays, which cannot be written to.

    Raises
    ------
    VdsrError
        If a file is missing or damaged.
    """
    try:
        vectors = json.loads((folder / "vectors.json").read_text(encoding="utf-8"))
        inputs = {name: _array(folder, stored) for name, stored in vectors["inputs"].items()}

        def given(value: Any) -> Any:
            if not isinstance(value, dict):
                return value
            found = inputs[value["input"]]
            return np.tile(found, value["repeat"]) if "repeat" in value else found

        return tuple(
            Case(**{**case, "arguments": tuple(map(given, case["arguments"])), "result": _array(folder, case["result"]),
                    "options": {name: given(value) for name, value in case["options"].items()}})
            for case in vectors["cases"]
        )  # fmt: skip
    except (OSError, ValueError, TypeError, KeyError) as error:
        raise VdsrError(f"{folder}: cannot be read as conformance vectors ({brief(error)}); install anew") from error


def _array(folder: Path, stored: Mapping[str, Any]) -> Image:
    """An array of the vectors: an image, or rows of numbers."""
    dtype, shape = np.dtype(stored["dtype"]), tuple(stored["shape"])
    if "rows" in stored:
        read: Callable[[str], Any] = float.fromhex if dtype.kind == "f" else int
        found = np.array([read(word) for row in stored["rows"] for word in row.split()], dtype).reshape(shape)
    else:
        pixels = read_image(folder / stored["png"])
        found = pixels if pixels.shape == shape else np.moveaxis(pixels.reshape(shape[2], *shape[:2]), 0, 2).copy()
    found.flags.writeable = False
    return found


def _of_function(target: Target, function: str, cases: Sequence[Case]) -> Conformity:
    """Compare a function that is called as ours of that name."""
    named: Mapping[str, Parameter] | None = None
    with suppress(TypeError, ValueError):  # of compiled functions, which do not tell
        named = signature(target.function).parameters
    any_word = named is None or any(parameter.kind is Parameter.VAR_KEYWORD for parameter in named.values())
    outcomes = []
    for case in cases:
        options = {name: _copied(value) for name, value in case.options.items() if any_word or name in (named or ())}
        try:
            got = target.function(*map(_copied, case.arguments), **{**options, **target.options})
        except (Exception, SystemExit) as error:  # whatever a function raises is its answer
            outcomes.append(Outcome(case, asked=True, why=_said(error)))
            continue
        outcomes.append(_compared(case, got, asked=True))
    if all(one.why for one in outcomes):
        raise VdsrError(f"{target.name}: {outcomes[0].why}")
    return Conformity(target.name, target.version, "", function, None, tuple(outcomes), {})


def _of_resizer(target: Target, cases: Sequence[Case]) -> Conformity:
    """Look at a resizer, and compare it with imresize."""
    resize, takes = as_resizer(target)

    def sized(image: Image, size: tuple[int, int]) -> Image:
        scale = size[0] / image.shape[0], size[1] / image.shape[1]
        return np.asarray(resize(image, size, {"scale": None if "size" in takes else scale[0], **DEFAULTS}))

    refused = {}
    for dtype in DTYPES:
        try:
            _probe(target.name, sized, np.dtype(dtype))
        except _RefusedError as error:
            refused[np.dtype(dtype).name] = brief(error)
    taken = [dtype for dtype in DTYPES if np.dtype(dtype).name not in refused]
    if not taken:
        raise VdsrError(f"{target.name}: {refused['uint8']}")
    wanted = {name: target.options.get(name, value) for name, value in DEFAULTS.items()}
    outcomes = []
    for case in cases:
        told = {name for name in wanted if case.options[name] == wanted[name] or name in takes}
        if case.dtype in refused or not _can(case, takes) or "method" not in told:
            continue
        asked = len(told) == len(wanted)
        image = _copied(case.arguments[0])
        try:
            got = resize(image, case.result.shape[:2], case.options)
        except (Exception, SystemExit) as error:  # whatever a function raises is its answer
            outcomes.append(Outcome(case, asked, why=_said(error)))
            continue
        outcomes.append(_compared(case, got, asked))
    resizing = fit_resizer(sized, np.float64 if np.float64 in taken else taken[0])
    note = target.adapter.note if target.adapter else ""
    return Conformity(target.name, target.version, note, "imresize", resizing, tuple(outcomes), refused)


def _said(error: BaseException) -> str:
    """What a target raised, in one line, with its class where the toolkit did not make it."""
    return str(error) if isinstance(error, VdsrError) else f"{type(error).__name__}: {brief(error)}"


class _RefusedError(Exception):
    """A function's own error."""


def _probe(name: str, sized: Callable[[Image, tuple[int, int]], Image], dtype: np.dtype[Any]) -> None:
    """Resize an even image; VdsrError if what comes is no image of that size, dtype and range."""
    grey = 100 if dtype.kind == "u" else 0.5
    try:
        got = sized(np.full(PROBE, grey, dtype), PROBED)
    except (Exception, SystemExit) as error:  # whatever a function raises is its answer
        raise _RefusedError(_said(error)) from error
    if got.shape != PROBED:
        shapes = " of ".join(str(shape) for shape in (got.shape, PROBE))
        raise VdsrError(f"{name}: gives shape {shapes}, not {PROBED}; it must give the size (rows, columns) it is told")
    if got.dtype != dtype:
        raise VdsrError(f"{name}: gives {got.dtype} of {dtype}; it must keep the dtype of the image")
    middle = float(got[PROBED[0] // 2, PROBED[1] // 2])
    if not abs(middle - grey) <= (1 if dtype.kind == "u" else 0.01):
        raise VdsrError(f"{name}: gives {middle:g} of {grey} everywhere ({dtype}); it must keep the range of the image")


def _can(case: Case, takes: frozenset[str]) -> bool:
    """Whether the size, or else the factor, is all that the case wants to be told."""
    scale, before = case.options["scale"], case.arguments[0].shape
    if scale is None:
        return "size" in takes
    if "scale" in takes:
        return True
    factors = scale if isinstance(scale, list) else [scale, scale]
    return all(factor == case.result.shape[k] / before[k] for k, factor in enumerate(factors))


def _copied(value: Any) -> Any:
    return value.copy() if isinstance(value, np.ndarray) else value


def _compared(case: Case, result: Any, asked: bool) -> Outcome:
    """The outcome of a case."""
    got, wanted = np.asarray(result), case.result
    if got.shape != wanted.shape:
        return Outcome(case, asked, why=f"gives shape {got.shape}, not {wanted.shape}")
    if got.dtype.kind != wanted.dtype.kind or (wanted.dtype.kind != "i" and got.dtype != wanted.dtype):
        return Outcome(case, asked, why=f"gives {got.dtype}, not {wanted.dtype}")
    gap = np.where(got == wanted, 0, np.abs(got.astype(np.float64) - wanted.astype(np.float64)))
    wrong = ~(gap <= case.tolerance * np.maximum(np.abs(wanted), 1))  # a NaN is wrong
    inner = _inside(case)
    step = 255 / TOP.get(case.dtype, 1) if case.function in IMAGES else 1
    return Outcome(
        case, asked, int(wrong.sum()), wrong.size, int(wrong[inner].sum()), wrong[inner].size,
        float(gap.max(initial=0)) * step, float(gap[inner].max(initial=0)) * step,
    )  # fmt: skip


def _inside(case: Case) -> tuple[slice, ...]:
    """The part of a resized image whose kernels, of two pixels to each side or widened, meet no edge."""
    if case.function != "imresize":
        return ()
    parts = []
    for before, after in zip(case.arguments[0].shape[:2], case.result.shape[:2], strict=True):
        rim = math.ceil(2 * max(after / before, 1)) if before != after else 0
        parts.append(slice(rim, max(after - rim, rim)))
    return tuple(parts)


def _group(dtype: str, way: str, family: str, ones: Sequence[Outcome]) -> Group:
    having = [one for one in ones if one.inside]
    return Group(
        dtype, way, family, all(one.asked for one in ones), len(ones), sum(one.exact for one in ones), len(having),
        sum(not one.differing_inside and not one.why for one in having),
        max(one.largest for one in ones), max(one.largest_inside for one in ones),
    )  # fmt: skip


def _result(outcome: Outcome) -> str:
    """An outcome in words."""
    if outcome.why or outcome.exact:
        return outcome.why or "agrees"
    unit = " of 255" if outcome.case.function in IMAGES else ""
    return f"{outcome.differing} of {outcome.values} values differ, by up to {outcome.largest:.3g}{unit}"


def _description(resizing: Resizing) -> list[str]:
    """A table of what was found beside what MATLAB does."""
    enlarging, shrinking = (_words(fit) for fit in (resizing.enlarging, resizing.shrinking))
    rows = [("", "enlarging", "shrinking", "MATLAB")]
    rows += [(name, enlarging[name], shrinking[name], MATLAB[name]) for name in MATLAB]
    found = resizing.rounding
    lines = _columns(rows, 4)
    if found:
        times = f"after each pass, {found.order}" if found.times == 2 else "once"
        lines.append(f"  8 bits   rounded {times}, {found.rule}: {100 * found.share:.1f} % of noise")
        matlab = (found.times, found.order, found.rule) == (2, "rows first", "half up")
        lines += ["           (MATLAB: after each pass, rows first, half up)"] * (not matlab)
    return lines


MATLAB = {"kernel": "cubic, a = -0.5", "widened": "yes", "edge": "mirrored", "shift": "none"}


def _words(fit: Fit | None) -> dict[str, str]:
    """What was found of a factor, by the names of `MATLAB`."""
    if fit is None:
        return dict.fromkeys(MATLAB, "failed")
    kernel = f"{fit.kernel}, a = {fit.a:g}" if fit.a is not None else fit.kernel or "unknown"
    shift = f"{fit.shift:g} pixels" if fit.shift else "none"
    return {
        "kernel": kernel,
        "widened": "" if fit.widened is None else "yes" if fit.widened else "no",
        "edge": fit.border or "unknown",
        "shift": "corner on corner" if fit.corners else shift,
    }


def _table(groups: Sequence[Group]) -> list[str]:
    """The groups, one in a line; those that are not asked for only where something is exact."""
    shown = [group for group in groups if group.asked or group.exact_inside or group.exact]
    rows = [("", "", "", "cases", "exact", "inside", "largest", "inside")]
    rows += [(one.family, one.dtype, one.way, str(one.cases), str(one.exact), f"{one.exact_inside}/{one.cases_inside}",
              f"{one.largest:.3g}", f"{one.largest_inside:.3g}") for one in shown]  # fmt: skip
    return _columns(rows, 3)


def _columns(rows: Sequence[Sequence[str]], left: int) -> list[str]:
    """Lines of cells one below the other, those behind the first few to the right."""
    widths = [max(map(len, column)) for column in zip(*rows, strict=True)]
    lines = []
    for row in rows:
        cells = [cell.ljust(width) if k < left else cell.rjust(width)
                 for k, (cell, width) in enumerate(zip(row, widths, strict=True))]  # fmt: skip
        lines.append(f"  {'  '.join(cells)}".rstrip())
    return lines
