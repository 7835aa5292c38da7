"""Public data sets, and models of metrics, known by name: files with SHA-256, address and source; where they lie."""

import re
from collections.abc import Iterator, Sequence
from os import environ
from pathlib import Path
from typing import NamedTuple
from urllib.parse import urlsplit

from vdsr_data.errors import VdsrError

__all__ = [
    "NOTES",
    "Presence",
    "RegisteredFile",
    "cache_folder",
    "check_address",
    "data_folders",
    "fetch_command",
    "file_size",
    "find_sets",
    "list_sets",
    "registered",
    "sets_of_any_case",
    "unfinished",
]

# Where each set and model comes from, and what is known of its licence. Left out are sets of which no SHA-256 sums of
# all files are known here: BSD68, classic5, LIVE1, Kodak24.
BERKELEY = "the Berkeley Segmentation Dataset (Martin et al., ICCV 2001)"
BERKELEY_TERMS = "offered for non-commercial research and education"
UNKNOWN_TERMS = "no licence is known; for research"
LIVE_TERMS = (
    "copyright 2011 The University of Texas at Austin; any use is allowed that keeps the notice of readme.txt and cites"
    " the release and the paper"
)
NOTES = {
    "291": f"91 images of Yang et al. (IEEE TIP 2010): {UNKNOWN_TERMS}; 200 of {BERKELEY}: {BERKELEY_TERMS}",
    "Set5": f"Bevilacqua et al. (BMVC 2012): {UNKNOWN_TERMS}",
    "Set14": f"Zeyde et al. (Curves and Surfaces 2010): {UNKNOWN_TERMS}",
    "B100": f"100 images of {BERKELEY}: {BERKELEY_TERMS}",
    "Urban100": f"Huang et al. (CVPR 2015), as they cropped it to multiples of 4: {UNKNOWN_TERMS}",
    "Set12": f"12 grey images of denoising papers, as Zhang et al. (IEEE TIP 2017) have them: {UNKNOWN_TERMS}",
    "niqe": f"the model of Mittal et al. (IEEE SPL 2013): {LIVE_TERMS}",
    "brisque": f"the model of Mittal et al. (IEEE TIP 2012): {LIVE_TERMS}",
}

REGISTRY = Path(__file__).with_name("registry.tsv")
SAFE_NAME = re.compile(r"[0-9A-Za-z][0-9A-Za-z_.-]*")  # no separator, no leading dot: it cannot leave its folder
LOOPBACK = ("127.0.0.1", "localhost", "::1")


class RegisteredFile(NamedTuple):
    """A line of the registry: which file of which set, what it must be, and its public address."""

    dataset: str
    name: str
    sha256: str
    size: int
    url: str


class Presence(NamedTuple):
    """A registered set, its number of files and bytes, how many of the files are there, and where (None if none is)."""

    dataset: str
    files: int
    size: int
    present: int
    folder: Path | None


def cache_folder() -> Path:
    """The platform's folder for fetched data; the same as ``pooch.os_cache``, without waiting for pooch."""
    from platformdirs import user_cache_path

    return user_cache_path("vdsr-toolkit")


def data_folders() -> Iterator[Path]:
    """Where sets are looked for by name, and fetched to the first: ``$VDSR_DATA`` if it is set, then the cache."""
    if environ.get("VDSR_DATA"):
        yield Path(environ["VDSR_DATA"])
    yield cache_folder()


def unfinished(folder: Path) -> Path:
    """Where the files of a set wait until it is whole; hidden, so that nobody takes it for the set."""
    return folder.with_name(f".{folder.name}.partial")


def registered() -> dict[str, list[RegisteredFile]]:
    """Read the registry: the files of each set.

    Raises
    ------
    VdsrError
        If a line is damaged, or names a file outside its set's folder or an address that is not to be trusted.
    """
    sets: dict[str, list[RegisteredFile]] = {}
    for number, line in enumerate(REGISTRY.read_text(encoding="utf-8", errors="replace").split("\n")[1:], start=2):
        if not line:
            continue
        fields = line.split("\t")
        if (
            len(fields) != 5
            or not all(SAFE_NAME.fullmatch(name) for name in fields[:2])
            or not re.fullmatch("[0-9a-f]{64}", fields[2])
            or not re.fullmatch("[1-9][0-9]{0,11}", fields[3])
            or not re.fullmatch("https?://[!-Z_a-z~]+", fields[4])
        ):
            raise VdsrError(f"{REGISTRY}: line {number} is damaged; install vdsr-toolkit anew")
        dataset, name, sha256, size, url = fields
        try:
            check_address(url)
        except VdsrError as error:
            raise VdsrError(f"{REGISTRY}: line {number}: {error}") from None
        sets.setdefault(dataset, []).append(RegisteredFile(dataset, name, sha256, int(size), url))
    return sets


def find_sets(names: Sequence[str] = ()) -> list[str]:
    """The registered sets of these names, whatever their case; all sets if there is no name.

    Raises
    ------
    VdsrError
        If a set is not in the registry; the message lists those that are.
    """
    known = _by_lower_case()
    for name in names:
        if name.lower() not in known:
            raise VdsrError(
                f"{name}: no address with checksums is known for it; those that can be fetched are "
                f"{', '.join(known.values())}; put the folder of any other set into {next(data_folders())}"
            )
    return list(dict.fromkeys(known[name.lower()] for name in names)) or list(known.values())


def fetch_command(name: str) -> str | None:
    """The command that fetches the set of this name, None if it is not in the registry."""
    dataset = _by_lower_case().get(name.rstrip("/\\").lower())
    return dataset and f"vdsr-data fetch {dataset}"


def _by_lower_case() -> dict[str, str]:
    """The registered sets by their names in lower case, as they are looked up."""
    return {dataset.lower(): dataset for dataset in registered()}


def sets_of_any_case(names: Sequence[str]) -> Iterator[Path]:
    """What lies where sets are looked for and has one of these names but for upper and lower case.

    Raises
    ------
    VdsrError
        If several things in one folder have.
    """
    wanted = {name.lower() for name in names}
    for base in data_folders():
        found = sorted(path for path in base.iterdir() if path.name.lower() in wanted) if base.is_dir() else []
        if len({path.name.lower() for path in found}) < len(found):
            several = " or ".join(path.name for path in found)
            raise VdsrError(f"{names[0]}: could be {several} in {base}; write its name as it is there")
        yield from found


def list_sets() -> Iterator[Presence]:
    """What is there of each set that `fetch` knows, going by names and sizes; of several places, the fullest.

    Examples
    --------
    >>> from vdsr_data import list_sets
    >>> [found.dataset for found in list_sets()]
    ['291', 'Set5', 'Set14', 'B100', 'Urban100', 'Set12', 'niqe', 'brisque']
    """
    for dataset, files in registered().items():
        best = Presence(dataset, len(files), sum(file.size for file in files), 0, None)
        for base in data_folders():
            for folder in (base / dataset, unfinished(base / dataset)):
                present = sum(file_size(folder / file.name) == file.size for file in files)
                if present > best.present:
                    best = best._replace(present=present, folder=folder)
        yield best


def file_size(path: Path) -> int | None:
    """Bytes of a file, None if there is none."""
    return path.stat().st_size if path.is_file() else None


def check_address(url: str, *, redirected_from: str | None = None) -> None:
    """Allow HTTPS, and HTTP from this machine itself; after a redirect, only the scheme that led to it.

    Raises
    ------
    VdsrError
        If an address is not to be trusted.
    """
    parts = urlsplit(url)
    trusted = parts.scheme == "https" or (parts.scheme == "http" and parts.hostname in LOOPBACK)
    if not trusted or redirected_from not in (None, parts.scheme):
        what = "an address" if redirected_from is None else f"a redirect from {redirected_from} leads there, which"
        raise VdsrError(f"{url}: {what} is not trusted; allowed is https, and http from 127.0.0.1")
