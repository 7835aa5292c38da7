"""Files matched to images by name, whatever words, scales and companions the people who wrote them put beside it.

A name is read as words. What is left of a file's name without the image's says of which scale the file is, and what
part it plays: a result (SR), a low-resolution image (LR), the original (HR, GT), a bicubic image or a residual.
"""

import re
import unicodedata
from collections import Counter
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from fnmatch import fnmatchcase
from pathlib import Path
from typing import Literal, NamedTuple, get_args

from vdsr_data.errors import VdsrError, listed
from vdsr_data.images.files import SUFFIXES
from vdsr_data.limits import EVALUATED, choice, different, number, text

__all__ = ["Matches", "Part", "distinct", "image_of", "match_files"]

Part = Literal["sr", "lr"]
HINTS = {
    "sr": "say which by a pattern, such as --pattern '*_SR*' (for a baseline --baseline-pattern)",
    "lr": "keep one file for each image there",
}

READ = (*(suffix for suffixes in SUFFIXES.values() for suffix in suffixes), ".mat")
NUMBER = r"\d+(?:\.\d+)?"
# x2, 2x, x2.5, scale_2, sf2, SRF_2: words of their own, never a part of another.
SCALE = re.compile(rf"(?<![^\W_])(?:(?:x|(?:scale|sf|srf)[-_ ]?)({NUMBER})|({NUMBER})x)(?![^\W_])")
# A scale that is glued to a word, as in EDSRx2, SRx4plus or 4xNomos: less sure, for pix2pix is none.
GLUED = re.compile(rf"(?<!\d)x({NUMBER})(?!\d)|(?<![\d.])({NUMBER})x(?!\d)")
# What a word says of a file, in order: a residual of an SR image is a residual.
PARTS: dict[str, frozenset[str]] = {
    "other": frozenset({"residual", "detail", "diff", "error"}),
    "gt": frozenset({"hr", "gt", "original", "ref"}),
    "lr": frozenset({"lr", "lrbi", "lrbd", "lrdn", "lq", "input"}),
    "bicubic": frozenset({"bicubic", "bic", "bilinear", "nearest", "lanczos"}),
    "sr": frozenset({"sr"}),
}
# For each part that is looked for: which files count, the best first; the next group only where no image has the first.
GROUPS: dict[Part, tuple[tuple[str, ...], ...]] = {
    "sr": (("sr", ""), ("bicubic",), ("lr",), ("gt",), ("other",)),
    "lr": (("lr", "", "bicubic"), ("gt", "sr")),
}


class Matches(NamedTuple):
    """The file of each image, by the image's name, and what should be said of the rest."""

    files: dict[str, Path]
    remarks: list[str]


@dataclass(frozen=True)
class _File:
    path: Path
    part: str
    scale: int  # 0: of this scale, 1: of none that it names, 2: it seems to name another
    exact: bool
    words: tuple[str, ...]  # but for the image's, the scale's and those of its part


def match_files(
    folder: Path | str, names: Sequence[str], *, scale: float, part: Part = "sr", pattern: str = "*"
) -> Matches:
    """Find the file of each image: ``butterfly.png``, ``butterfly_RCAN_x3.png``, ``butterflyx3.mat``.

    A file belongs to the longest name that its own name holds as whole words, whatever the case and the Unicode form.
    Names of images are compared without scales and without HR, GT and the like, and, where that does not do, without
    the words that all of them share. A file that names another scale (x2, 2x, x2.5, scale_2, SRF_2) belongs to none;
    one that names the wanted scale, or seems to (EDSRx2), goes before others, but never before the file of another
    method. A file called SR goes before a bare name; companions (HR, GT, LR, bicubic, residual) count only where no
    image has anything else.

    Parameters
    ----------
    folder : Path or str
        Not searched recursively.
    names : sequence of str
        The images' names, without suffix.
    scale : float
    part : {"sr", "lr"}
        Whether results or low-resolution images are looked for.
    pattern : str
        Only files whose whole name this shell pattern matches, such as ``*_SR*``.

    Raises
    ------
    VdsrError
        If there is no such folder, or if an image has no file or several; the candidates are listed. ArgumentError if
        `names` are no list of different names, or another argument is not as above.
    """
    folder = Path(folder)
    different("names", names, text)
    number("scale", scale, EVALUATED)
    choice("part", part, get_args(Part))
    text("pattern", pattern)
    if not folder.is_dir():
        raise VdsrError(f"{folder}: no such folder of {'results' if part == 'sr' else 'low-resolution images'}")
    paths = [path for path in sorted(folder.iterdir()) if path.suffix.lower() in READ and path.name[0] != "."]
    if not paths:
        raise VdsrError(f"{folder}: no result in it; looked for {', '.join(READ)}")
    paths = [path for path in paths if fnmatchcase(path.name, pattern)]
    if not paths:
        raise VdsrError(f"{folder}: no file is called like {pattern}; quote the pattern, such as '*_SR*'")
    first: dict[str, list[_File]] = {}
    for cores in _cores(names):
        owned, strangers = _assign(paths, names, cores, scale)
        first = first or owned
        if all(owned.values()):
            chosen = _choose(folder, owned, scale, part)
            remarks = _remarks(folder, chosen, strangers, scale)
            return Matches({name: file.path for name, file in chosen.items()}, remarks)
    missing = next(name for name, found in first.items() if not found)
    candidates = listed(path.name for path in paths)
    raise VdsrError(f"{folder}: no file is named after the image {missing} at x{scale:g}; candidates: {candidates}")


def image_of(line: str, names: Sequence[str], *, scale: float) -> tuple[str, str]:
    """The image that a line of a log names before its numbers, and what stands behind the name, in lower case.

    Of several names it is the last, so that a counter in front does no harm, and the longest. Two empty strings for a
    line that names none, or another scale.

    Examples
    --------
    >>> image_of("x3 1 baby_RDN_x3.png: PSNR= 35.73", ["1", "baby"], scale=3)
    ('baby', '_rdn_x3.png: psnr= 35.73')
    """
    plain = _plain(line)
    first = re.search(r"(?<!\w)\d+\.\d", plain)
    before = plain[: first.start()] if first else plain
    found = [
        (match.end(), len(name), match.start(), name)
        for name in names
        for match in re.finditer(_pattern(_plain(name)), before)
    ]
    if not found:
        return "", ""
    end, _, start, name = max(found)
    said = _scales(f"{before[:start]} {before[end:]}")
    return ("", "") if said and scale not in said else (name, plain[end:])


def _cores(names: Sequence[str]) -> list[list[str]]:
    """What tells the images apart: names without a scale and a part that all have, then without all that they share."""
    whole = [_plain(name) for name in names]
    parts = frozenset().union(*PARTS.values()).intersection(*map(_words, whole))
    scale = len({frozenset(_scales(name)) for name in whole}) == 1
    core = [_stripped(name, parts, scale) for name in whole]
    found = [core if _apart(core) else whole]
    shared = set.intersection(*(set(_words(name)) for name in found[0])) if len(names) > 1 else set()
    rest = ["_".join(word for word in _words(name) if word not in shared) for name in found[0]]
    if shared and _apart(rest):
        found.append(rest)
    return found


def _assign(
    paths: Sequence[Path], names: Sequence[str], cores: Sequence[str], scale: float
) -> tuple[dict[str, list[_File]], list[Path]]:
    """Files by the image that they belong to, but for those of another scale; and files that belong to none."""
    owned: dict[str, list[_File]] = {name: [] for name in names}
    strangers = []
    for path in paths:
        stem = _plain(path.stem)
        bare = SCALE.sub("_", stem)  # whose digits are no image's name
        held = [
            (stem == _plain(name), len(core), core in stem, name, core)
            for name, core in zip(names, cores, strict=True)
            if stem == _plain(name) or _holds(bare if core.isdigit() else stem, core)
        ]
        if not held:
            strangers.append(path)
            continue
        *_, name, core = max(held)
        # The whole name first: a scale in it says nothing about the file.
        rest = _without(stem, _plain(name)) if _holds(stem, _plain(name)) else _without(stem, core)
        said = _scales(rest)
        if said and scale not in said:
            continue
        glued = _scales(rest, GLUED)
        named = 0 if said or scale in glued else 2 if glued else 1
        words = _words(GLUED.sub("_", SCALE.sub("_", _without(stem, core))))
        part = next((part for part, known in PARTS.items() if known & set(words)), "")
        others = tuple(word for word in words if word not in PARTS.get(part, ()))
        owned[name].append(_File(path, part, named, stem == _plain(name), others))
    return owned, strangers


def _choose(folder: Path, owned: Mapping[str, list[_File]], scale: float, part: Part) -> dict[str, _File]:
    """The one file of each image."""
    for group in GROUPS[part]:
        files = {name: [file for file in found if file.part in group] for name, found in owned.items()}
        if any(files.values()):
            break
    chosen = {}
    for name, found in files.items():
        best = min((_rank(file, group) for file in found), default=None)
        candidates = [file for file in found if _rank(file, group) == best]
        # Another method's file is no worse for what its name says; only the bare name gives way.
        rivals = [file for file in found if candidates and _alike(file, candidates[0]) and not file.exact]
        if len({file.words for file in rivals}) > 1:
            candidates = rivals
        if len(candidates) != 1:
            problem = f"{len(candidates)} files could be" if candidates else "no file is named after"
            several = listed(file.path.name for file in candidates or owned[name])
            hint = f"; {HINTS[part]}" if candidates else ""
            raise VdsrError(f"{folder}: {problem} the image {name} at x{scale:g}; candidates: {several}{hint}")
        chosen[name] = candidates[0]
    return chosen


def _rank(file: _File, group: Sequence[str]) -> tuple[int, int, bool]:
    return group.index(file.part), file.scale, not file.exact


def _alike(one: _File, other: _File) -> bool:
    """Whether two files play the same part."""
    return one.part == other.part or {one.part, other.part} == {"sr", ""}


def _remarks(folder: Path, chosen: Mapping[str, _File], strangers: Sequence[Path], scale: float) -> list[str]:
    """What is ignored, and files that do not look like the results of one method."""
    found = []
    if strangers:
        count = f"{len(strangers)} files belong" if len(strangers) > 1 else "1 file belongs"
        found.append(f"{folder}: {count} to no original, and no score: {listed(path.name for path in strangers)}")
    kinds = Counter((file.part, file.words) for file in chosen.values())
    if len(kinds) > 1 and (kinds.most_common(1)[0][1] > 1 or len(chosen) == 2):
        examples = [next(f.path.name for f in chosen.values() if (f.part, f.words) == kind) for kind in kinds]
        found.append(f"{folder}: files named in different ways, as those of several methods: {listed(examples)}")
    elsewhere = [file.path.name for file in chosen.values() if file.scale == 2]
    if elsewhere:
        found.append(f"{folder}: scored at x{scale:g}, though names seem to say another scale: {listed(elsewhere)}")
    said = _scales(_plain(folder.absolute().name))
    if said and scale not in said:
        found.append(f"{folder}: scored at x{scale:g}, though the folder is called after another scale")
    return found


def _plain(text: str) -> str:
    """Text to be compared: one Unicode form, no case, and an x for the sign of multiplication."""
    return unicodedata.normalize("NFC", unicodedata.normalize("NFC", text).casefold()).replace("\u00d7", "x")


def _words(text: str) -> list[str]:
    return [word for word in re.split(r"[\W_]+", text) if word]


def _scales(text: str, pattern: re.Pattern[str] = SCALE) -> set[float]:
    """The scales that a text names."""
    return {float(one or other) for one, other in pattern.findall(text)}


def _stripped(name: str, parts: frozenset[str], scale: bool) -> str:
    """A name without these words, and without its scale."""
    words = re.split(r"([\W_]+)", SCALE.sub("_", name) if scale else name)
    return re.sub(r"^[-_ .]+|[-_ .]+$", "", "".join("" if word in parts else word for word in words))


def _apart(cores: Sequence[str]) -> bool:
    return all(cores) and len(set(cores)) == len(cores)


def _pattern(name: str) -> str:
    """A name as whole words: no letter or digit around it, but for a scale such as x3 behind it."""
    literal = r"[-_ .]+".join(map(re.escape, re.split(r"[-_ .]+", name)))
    return rf"(?<![^\W_]){literal}(?=x\d|[\W_]|$)"


def _holds(stem: str, name: str) -> bool:
    return re.search(_pattern(name), stem) is not None


def _without(stem: str, name: str) -> str:
    return re.sub(_pattern(name), "_", stem, count=1)


def distinct(names: Sequence[str], paths: Sequence[Path | str], *, taken: Iterable[str] = ()) -> list[str]:
    """Names for tables that are told apart: where two are equal, or taken, as much of the path as it takes is added.

    Parameters
    ----------
    names : sequence of str
        What they would be called, such as ``Set5`` or ``VDSR (weights.h5)``; what is in brackets may be replaced.
    paths : sequence of Path
        Where each comes from.
    taken : iterable of str
        Names that none of them may have.

    Examples
    --------
    >>> from pathlib import Path
    >>> distinct(["Set5", "Set5", "B100"], [Path("/data/Set5"), Path("/old/Set5.h5"), Path("/data/B100")])
    ['Set5 (data/Set5)', 'Set5 (old/Set5.h5)', 'B100']
    """
    found = list(names)
    parts = [Path(path).absolute().parts[1:] for path in paths]
    for name, count in Counter([*names, *taken]).items():
        alike = [k for k in range(len(names)) if names[k] == name] if count > 1 else []
        for length in range(2, max((len(parts[k]) for k in alike), default=2) + 2):
            tails = {k: "/".join(parts[k][-length:]) for k in alike}
            if len(set(tails.values())) == len(alike):
                break
        for k in alike:
            found[k] = f"{name.partition(' (')[0]} ({tails[k]})"
    return found
