"""What data files claim of themselves, and checks that hold them to it: attributes, ranges of values, images."""

import hashlib
import json
import re
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field, fields
from pathlib import Path
from typing import Any, Literal

import numpy as np
from numpy.typing import NDArray

from vdsr_data.errors import ArgumentError
from vdsr_data.recipe import TrainingRecipe
from vdsr_data.shards import SHARD

__all__ = ["Check", "Form", "Values", "Verified", "among", "check_attributes", "check_images", "content_sum",
           "digests", "exactly", "fault_of", "names", "numbers", "recipe_of", "shard_of", "version"]  # fmt: skip

SHOWN = 10  # failures of a check
# Bicubic weights of a pixel sum to 1, and their absolute values to 1.25 at most; lr is made from gt by four such sums.
REACH = 0.5 * 1.25**4
RANGES = {"gt": (0.0, 1.0), "lr": (0.5 - REACH, 0.5 + REACH)}
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

    def __init__(self, key: str, role: Literal["lr", "gt"]) -> None:
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


def fault_of(values: NDArray[Any], role: Literal["lr", "gt"]) -> str:
    """What is wrong with values of lr or gt, as the rest of a sentence; empty if nothing is."""
    low, high = RANGES[role]
    least, most = float(values.min()), float(values.max())
    if low <= least and most <= high:  # false if one of them is NaN
        return ""
    if not np.isfinite(values).all():
        return "holds NaN or infinite values"
    divisor = next((top for top in (255, 65535) if 2 * high < most <= top * RANGES["lr"][1]), None)
    hint = f"; luma is 0 to 1, divide by {divisor}" if divisor else ""
    return f"holds {least:g} to {most:g}, allowed is {low:.4g} to {high:.4g}{hint}"


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


def shard_of(value: Any) -> tuple[int, int] | None:
    """K and n of part k of n; None if it is no such text."""
    found = SHARD.fullmatch(str(value))
    return (int(found[1]), int(found[2])) if found and int(found[1]) <= int(found[2]) else None


def recipe_of(value: Any) -> TrainingRecipe | None:
    """The recipe that an attribute describes; None if it describes none."""
    if not isinstance(value, dict) or value.keys() != {field.name for field in fields(TrainingRecipe)}:
        return None
    try:
        return TrainingRecipe(**value)
    except ArgumentError:
        return None


def _different(value: Any) -> bool:
    """Whether this is a list of different things."""
    return isinstance(value, list) and 0 < len({str(item) for item in value}) == len(value)
