"""What data files claim of themselves, and checks that hold them to it: attributes, ranges of values, images."""

import hashlib
import json
import re
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, Literal

import numpy as np
from numpy.typing import NDArray

from vdsr_data.errors import VdsrError
from vdsr_data.matlab.arrays import divisor

__all__ = ["ROLES", "Check", "Form", "Role", "Values", "Verified", "among", "check_attributes", "check_images",
           "content_sum", "digests", "drawn", "ends_of", "exactly", "fault_of", "look_through", "names", "numbers",
           "refuse_faults", "same_bits", "version"]  # fmt: skip

Role = Literal["lr", "gt"]

SHOWN = 10  # failures of a check
# Bicubic weights of a pixel sum to 1, and their absolute values to 1.25 at most; lr is made from gt by four such sums.
REACH = 0.5 * 1.25**4
RANGES = {"gt": (0.0, 1.0), "lr": (0.5 - REACH, 0.5 + REACH)}
ROLES: tuple[Role, Role] = ("lr", "gt")
Form = Callable[[Any], bool]


@dataclass
class Check:
    """One thing that was looked at: what it is, what was found, and one line for each failure."""

    name: str
    found: str = ""
    failures: list[str] = field(default_factory=list)

    def fail(self, text: str) -> None:
        """Note a failure; of many only the first few."""
        if len(self.failures) <= SHOWN:
            self.failures.append(text if len(self.failures) < SHOWN else "... and more")


@dataclass(frozen=True)
class Verified:
    """What was found out about a file: its kind, the checks, and the SHA-256 of its content."""

    kind: str
    checks: list[Check]
    sha256: str

    @property
    def failures(self) -> list[str]:
        """One line for each thing that is wrong."""
        return [f"{check.name}: {text}" for check in self.checks for text in check.failures]


class Values:
    """The range of the values of lr or gt, and where they are not allowed."""

    def __init__(self, key: str, role: Role) -> None:
        self.check = Check(f"values of {key}", "none")
        self._role = role
        self._least, self._most = np.inf, -np.inf
        self._others = False  # NaN or infinite ones

    def look(self, block: NDArray[Any], name: Callable[[int], str]) -> None:
        """Look at values (n, ...); ``name(k)`` is what ``block[k]`` is called."""
        wrong = fault_of(block, self._role)
        finite = block[np.isfinite(block)] if wrong else block
        self._others |= finite.size < block.size
        if finite.size:
            self._least, self._most = min(self._least, float(finite.min())), max(self._most, float(finite.max()))
        found = [f"{self._least:.4f} to {self._most:.4f}"] if self._least <= self._most else []
        self.check.found = ", ".join([*found, *(["NaN or infinity"] if self._others else [])])
        if not wrong:
            return
        for k, row in enumerate(block):
            if fault := fault_of(row, self._role):
                self.check.fail(f"{name(k)} {fault}")


def fault_of(values: NDArray[Any], role: Role) -> str:
    """What is wrong with values of lr or gt, as the rest of a sentence; empty if nothing is."""
    low, high = RANGES[role]
    least, most = float(values.min()), float(values.max())
    if low <= least and most <= high:  # false if one of them is NaN
        return ""
    if not np.isfinite(values).all():
        return "holds NaN or infinite values"
    top = divisor(most) if most > 2 * high else None
    hint = f"; luma is 0 to 1, divide by {top}" if top else ""
    return f"holds {least:g} to {most:g}, allowed is {low:.4g} to {high:.4g}{hint}"


def refuse_faults(path: Path, keys: Sequence[str], numbers: Sequence[int] | NDArray[np.integer], *pair: Any) -> None:
    """Refuse patches with values that `fault_of` finds fault with.

    Parameters
    ----------
    path : Path
        Of their training file.
    keys : pair of str
        Names of its data sets of lr and of gt.
    numbers : sequence of int
        Of the patches.
    *pair : ndarray, shape (count, rows, columns)
        lr, and gt.

    Raises
    ------
    VdsrError
        That names the first of these patches.
    """
    for role, key, patches in zip(ROLES, keys, pair, strict=True):
        if len(patches) and fault_of(patches, role):
            found = ((number, fault_of(patch, role)) for number, patch in zip(numbers, patches, strict=True))
            number, fault = next((number, fault) for number, fault in found if fault)
            raise VdsrError(f"{path}: patch {number} of /{key} {fault}; build the file again")


def ends_of(values: NDArray[Any]) -> list[float]:
    """The least and the largest finite value, and NaN if there are others: all that `fault_of` need see."""
    ends = [float(values.min()), float(values.max())] if values.size else []
    if np.isfinite(ends).all():
        return ends
    finite = values[np.isfinite(values)]
    return [float(finite.min()), float(finite.max()), np.nan] if finite.size else [np.nan]


def look_through(
    bands: Iterable[NDArray[Any]], dtype: np.dtype[Any], shape: Sequence[int], values: Values | None, name: str
) -> str:
    """SHA-256 of a data set that comes in bands of rows, whose range goes into `values`; `name` is that of the set."""
    little = dtype.newbyteorder("<")
    digest = hashlib.sha256(f"{little.str} {tuple(shape)}".encode())
    ends: list[float] = []
    for band in bands:
        digest.update(np.ascontiguousarray(band, dtype=little).tobytes())
        ends += ends_of(band)
    if values is not None and ends:
        values.look(np.array([ends]), lambda _: name)
    return digest.hexdigest()


def drawn(count: int, sample: int, seed: int) -> list[int]:
    """Numbers of at most `sample` of so many things, drawn at random, in ascending order."""
    return np.sort(np.random.default_rng(seed).permutation(count)[:sample]).tolist()  # type: ignore[no-any-return]


def same_bits(one: NDArray[Any], other: NDArray[Any]) -> bool:
    """Whether two arrays have one dtype, one shape and the same bits."""
    if (one.dtype, one.shape) != (other.dtype, other.shape):
        return False
    bits = f"u{one.dtype.itemsize}"
    return bool((np.ascontiguousarray(one).view(bits) == np.ascontiguousarray(other).view(bits)).all())


def content_sum(attributes: Mapping[str, Any], sums: Mapping[str, str]) -> str:
    """SHA-256 of the attributes, but the version of the writer, and of the SHA-256 of each data set."""
    kept = {name: value for name, value in attributes.items() if name != "version"}
    return hashlib.sha256(json.dumps([kept, dict(sums)], sort_keys=True).encode()).hexdigest()


def check_attributes(attributes: Mapping[str, Any], forms: Mapping[str, Form]) -> Check:
    """Hold attributes to their forms; none may be missing or unknown."""
    check = Check("attributes", f"{len(attributes)}, each of its form")
    for name, sound in forms.items():
        if name not in attributes:
            check.fail(f"{name} is missing")
        elif not sound(attributes[name]):
            check.fail(f"{name} is not what this file needs: {str(attributes[name])[:80]!r}")
    for name in sorted(attributes.keys() - forms.keys()):
        check.fail(f"{name} is not known")
    return check


def check_images(images: Sequence[Path], claimed: Sequence[tuple[str, str]]) -> tuple[Check, list[Path]]:
    """Compare image files with claimed names and SHA-256 sums; the check, and the file of each name that is there."""
    there = {path.name: path for path in images}
    check = Check("images", f"{len(claimed)} SHA-256 sums")
    for name, digest in claimed:
        if name not in there:
            check.fail(f"{name} is not there")
            continue
        found = hashlib.sha256(there[name].read_bytes()).hexdigest()
        if found != digest:
            check.fail(f"{there[name]} is another image: its SHA-256 is {found}, the file was made from {digest}")
    return check, [there[name] for name, _ in claimed if name in there]


def exactly(expected: Any) -> Form:
    """Accept this value alone."""
    return lambda value: type(value) is type(expected) and bool(value == expected)


def among(*allowed: Any) -> Form:
    """Accept one of these values, or a list of different ones of them."""
    return lambda value: all(item in allowed for item in (value if _different(value) else [value]))


def numbers(low: float, high: float, *kinds: type) -> Form:
    """Accept a list of different numbers of these types (int alone by default) in a range."""
    return lambda value: _different(value) and all(type(n) in (kinds or (int,)) and low <= n <= high for n in value)


def names(value: Any) -> bool:
    """Accept a list of different names of files, without a folder."""
    return _different(value) and all(
        isinstance(name, str) and name not in ("", "..") and name == Path(name).name for name in value
    )


def digests(value: Any) -> bool:
    """Accept a list of SHA-256 sums."""
    return isinstance(value, list) and all(re.fullmatch("[0-9a-f]{64}", str(item)) for item in value)


def version(value: Any) -> bool:
    """Accept a version of this toolkit."""
    return isinstance(value, str) and re.fullmatch(r"\d+(\.\w+)+(\+[\w.]+)?", value) is not None


def _different(value: Any) -> bool:
    """Whether this is a list of different things."""
    return isinstance(value, list) and 0 < len({str(item) for item in value}) == len(value)
