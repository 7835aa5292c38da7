"""Output files that are complete or absent: written beside their final name, then renamed.

An output that is a symbolic link stays one: the file that it leads to is replaced, and what is temporary lies beside
that. Which names can be written, and what the system refuses, is told here too.
"""

import errno
import os
import re
import secrets
import shutil
import unicodedata
import zlib
from collections.abc import Callable, Iterable, Iterator, Sequence
from contextlib import ExitStack, contextmanager, suppress
from functools import partial
from pathlib import Path

from vdsr_data.errors import VdsrError
from vdsr_data.io.interrupt import half_done
from vdsr_data.io.lock import held
from vdsr_data.limits import checked_path

__all__ = ["DEFLATE", "HDF5", "check_apart", "check_folder", "check_input", "check_name", "check_output",
           "check_target", "claimed", "in_use", "is_empty", "is_plain_name", "naming", "refusal", "replacing",
           "scratch", "scratch_folder", "sweep", "together", "unchanged", "written"]  # fmt: skip

DEFLATE = 1032  # the most that gzip reduces values by: a file cannot hold more values than so many times its bytes
FULL = (errno.ENOSPC, errno.EDQUOT, errno.EFBIG)  # of which libraries say neither where nor briefly
OF_CONTENT = (0, errno.EINVAL, errno.EOVERFLOW)  # what reading where a damaged file points to ends in
LOCK = ".lock"  # of a folder
HDF5 = (".h5", ".hdf5", ".hdf")  # what an HDF5 file is called; other suffixes are free, but for those of another kind
KINDS = {
    "an image": (".jpg", ".jpeg", ".png", ".bmp", ".tif", ".tiff", ".gif", ".webp"),
    "a MATLAB file": (".mat",),
    "a NumPy file": (".npy", ".npz"),
    "weights": (".pt", ".pth", ".ckpt", ".safetensors"),
    "an archive": (".zip", ".gz", ".xz", ".bz2", ".tar", ".tgz"),
    "a text": (".csv", ".json", ".txt", ".log", ".md", ".tex", ".html", ".pdf", ".py"),
}
HIDDEN = re.compile(r"(?P<partial>\..+)-[a-z0-9_]+\.partial(\.[^.]*)?|(?P<lock>\..+)\.lock", re.DOTALL)


in_use: set[str] = set()  # real paths of files that this process writes to all the time: its log


def check_target(path: Path | str, suffixes: Sequence[str] = ()) -> None:
    """Refuse to write a file where none can be, or in the place of what is no file: a folder, a device, a pipe.

    Parameters
    ----------
    path
    suffixes
        Of files of this kind, the usual one first. A name with none of them is refused if it is that of another kind.

    Raises
    ------
    VdsrError
        With the way out: another name, or the folder to create.
    """
    path = checked_path("path", path)
    if path.is_dir():
        raise VdsrError(f"{path}: is a folder; give the name of a file to write")
    if path.exists() and not path.is_file():
        raise VdsrError(f"{path}: not a plain file, and never replaced; name another file")
    if os.path.realpath(path) in in_use:
        raise VdsrError(f"{path}: is the log file of this very run; name another file")
    suffix = path.suffix.lower()
    other = next((kind for kind, names in KINDS.items() if suffix in names), None)
    if suffixes and suffix not in suffixes and other:
        raise VdsrError(f"{path}: is the name of {other}; what is written here is called {' or '.join(suffixes)}")
    _check_parent(path)


def check_output(path: Path | str, *, force: bool, suffixes: Sequence[str] = ()) -> None:
    """Do as `check_target`, and refuse an output that exists unless `force`."""
    check_target(path, suffixes)
    if Path(path).exists() and not force:
        raise VdsrError(f"{path}: exists already; use --force to replace it, or name another file")


def check_apart(outputs: Iterable[Path | str], inputs: Iterable[Path | str], *, name: str = "place") -> None:
    """Refuse outputs that are files which are read, or would lie in a folder that is; links are followed.

    `name` is what the message calls them, such as ``--run-dir``.
    """
    read = {Path(os.path.realpath(path)): path for path in inputs}
    for output in outputs:
        place = Path(os.path.realpath(output))
        for near in (place, *place.parents):
            if near in read and (near == place or near.is_dir()):
                what = "is what is read" if near == place else f"lies in {read[near]}, which is read"
                raise VdsrError(f"{output}: {what}; name another {name}")


def check_input(path: Path | str) -> None:
    """Refuse to read what is no file: a pipe would be waited for.

    Raises
    ------
    VdsrError
        That says what it is instead.
    """
    path = Path(path)
    if not path.is_file():
        kind = "is a folder; give a file" if path.is_dir() else "not a plain file" if path.exists() else "no such file"
        raise VdsrError(f"{path}: {kind}")


def check_folder(folder: Path | str, *, force: bool) -> None:
    """Refuse an output folder that holds something (unless `force`), that is a file, or whose own folder is missing.

    Raises
    ------
    VdsrError
        With the way out, as above.
    """
    folder = Path(folder)
    if folder.exists() and not folder.is_dir():
        raise VdsrError(f"{folder}: is a file; name a folder")
    _check_parent(folder)
    if folder.is_dir() and not is_empty(folder) and not force:
        raise VdsrError(f"{folder}: is not empty; use --force to replace files in it, or name another folder")


def _check_parent(path: Path) -> None:
    folder = _followed(path).parent
    if not folder.is_dir():
        fault = "is a file, no folder" if folder.exists() else "no such folder; create it first"
        raise VdsrError(f"{folder}: {fault}, or name another place")


def is_plain_name(name: str) -> bool:
    """Whether a name is text in one line that a file can have, so that tables, pages and data files can hold it.

    Names that are not UTF-8, which Python has as lone surrogates, and control characters are not.
    """
    odd = ("Cc", "Cs", "Zl", "Zp")
    taken = "/\\:" if os.name == "nt" else "/"
    return name not in ("", ".", "..") and not any(c in taken or unicodedata.category(c) in odd for c in name)


def check_name(path: Path | str) -> None:
    """Refuse a file or folder that will be named in tables and files, if its name is not `is_plain_name`.

    Raises
    ------
    VdsrError
        With the name escaped.
    """
    if not is_plain_name(Path(path).name):
        raise VdsrError(f"{path}: its name is not text in one line (UTF-8), which tables and files need; rename it")


def refusal(error: BaseException, path: Path | str) -> OSError | None:
    """What the system refused, as an OSError that names `path`: no permission, too many open files, a broken disk.

    None if the content of a file is to blame. HDF5 says the number of the system's error in its text only.
    """
    number = _number(error)
    return None if number is None or number in OF_CONTENT else OSError(number, os.strerror(number), str(path))


def _number(error: BaseException) -> int | None:
    found = re.search(r"errno = (\d+)", str(error))
    return int(found[1]) if found else getattr(error, "errno", None)


@contextmanager
def unchanged(path: Path | str) -> Iterator[None]:
    """Let a file be read more than once, and in pieces, as one and the same.

    Raises
    ------
    VdsrError
        If it is no file, another one at the end of the block, or has been written to.
    """
    path = Path(path)
    check_input(path)
    before = path.stat()
    yield
    after = path.stat()
    if any(getattr(before, name) != getattr(after, name) for name in ("st_ino", "st_size", "st_mtime_ns")):
        raise VdsrError(f"{path}: was replaced or changed while it was read; run the command again")


@contextmanager
def scratch(path: Path | str) -> Iterator[Path]:
    """Give a temporary file in the folder of `path`; it is removed when the block ends.

    Its name starts with a dot and ends in ``.partial`` plus the suffix of `path`, so that neither a reader nor a glob
    for finished files can take it for one. Whatever the system refuses is an OSError that names `path`.
    """
    path = Path(path)
    temporary = _temporary(path, path.suffix if len(path.suffix) < 10 else "")
    half_done.add(str(temporary))
    try:
        os.close(os.open(temporary, os.O_CREAT | os.O_EXCL | os.O_RDWR, 0o600))
        yield temporary
    except (OSError, RuntimeError) as error:  # h5py raises both, when it closes a file
        number = _number(error)
        if number in FULL or "errno = " in str(error) or getattr(error, "filename", None) == str(temporary):
            raise OSError(number, os.strerror(number or 0), str(path)) from error
        raise
    finally:
        with suppress(OSError):
            temporary.unlink(missing_ok=True)
            half_done.discard(str(temporary))


@contextmanager
def scratch_folder(path: Path | str) -> Iterator[Path]:
    """Give a temporary folder beside `path`, with a name like that of `scratch`; it is removed when the block ends."""
    folder = _temporary(Path(path))
    half_done.add(str(folder))
    try:
        folder.mkdir(0o700)
        yield folder
    finally:
        shutil.rmtree(folder, ignore_errors=True)
        half_done.discard(str(folder))


@contextmanager
def written(path: Path | str) -> Iterator[Path]:
    """Give a temporary file as `scratch` does, and rename it to `path` if the block ends well; for locked places.

    A symbolic link is replaced here, not followed: nobody may lead a download elsewhere. Errors as `check_target`.
    """
    path = Path(path)
    if not path.is_symlink():
        check_target(path)
    with scratch(path) as temporary:
        yield temporary
        temporary.chmod(0o666 & ~_umask())  # no longer private: a data set is shared like any other
        temporary.replace(path)


@contextmanager
def replacing(path: Path | str) -> Iterator[Path]:
    """Do as `written` does, for what a link leads to, and let nobody else do the same until the block ends.

    What a killed one has left of `path` is removed first.

    Raises
    ------
    VdsrError
        As `check_target`; or if another process is writing `path`, with its id.
    """
    check_target(path)
    path = _followed(Path(path))
    lock = path.with_name(f"{_hidden(path)}.lock")

    def clean() -> None:
        for other in path.parent.iterdir():
            if other != lock and _owner(other.name) == _hidden(path):
                _remove(other)

    with ExitStack() as stack:
        with naming(path):
            stack.enter_context(held(lock, path, clean=clean))
        yield stack.enter_context(written(path))


@contextmanager
def claimed(folder: Path | str) -> Iterator[None]:
    """Keep a folder, made if it is missing, from all other processes that claim it, until the block ends.

    If one of them was killed, everything that it has left in the folder, and below, is removed first.

    Raises
    ------
    VdsrError
        If another process has claimed it, with its id.
    """
    folder = Path(folder)
    with ExitStack() as stack:
        with naming(folder):
            folder.mkdir(parents=True, exist_ok=True)
            stack.enter_context(held(folder / LOCK, folder, clean=partial(sweep, folder)))
        yield


@contextmanager
def together(folder: Path | str, files: Iterable[Path]) -> Iterator[Callable[[Path], Path]]:
    """Claim a folder, and let files in it or below appear together when the block ends well; else none of them does.

    Gives a function that says where to write each of `files` until then.

    Raises
    ------
    VdsrError
        As `claimed`; or if two of the files are one, or something that is no plain file is in the way.
    """
    folder = Path(folder)
    seen: dict[str, Path] = {}
    for path in files:
        if (other := seen.setdefault(os.path.realpath(path), path)) is not path:
            which = f"{path}" if path == other else f"{other} and {path}"
            raise VdsrError(f"{which}: two images would be written to one file; name other ones or another place")
        for near in path.relative_to(folder).parents:
            if (folder / near).exists() and not (folder / near).is_dir():
                raise VdsrError(f"{folder / near}: is a file where a folder is needed; move it, or name another place")
        if path.exists():
            check_target(path)

    def inside(error: OSError) -> bool:
        return error.errno in FULL or folder in Path(error.filename or "").parents

    with claimed(folder), naming(folder, inside), scratch_folder(folder / "images") as hidden:
        places = {path: hidden / f"{k}{path.suffix}" for k, path in enumerate(seen.values())}
        yield places.__getitem__
        for path, place in places.items():
            path.parent.mkdir(parents=True, exist_ok=True)
            try:
                place.replace(_followed(path))
            except OSError as error:
                if error.errno != errno.EXDEV:  # a link that leads to another disk
                    raise
                with replacing(path) as copy:
                    shutil.copyfile(place, copy)


def sweep(folder: Path) -> None:
    """Remove what killed processes have left in a folder and below, and nothing that a living one works on."""
    for parent, folders, files in os.walk(folder):
        for name in (*folders, *files):
            if (owner := _owner(name)) is not None:
                with suppress(VdsrError, OSError), held(Path(parent, f"{owner}.lock"), folder):
                    _remove(Path(parent, name))


def is_empty(folder: Path | str) -> bool:
    """Whether nothing is in a folder but what a killed process may have left."""
    return all(path.name == LOCK or _owner(path.name) is not None for path in Path(folder).iterdir())


@contextmanager
def naming(path: Path, where: Callable[[OSError], bool] = lambda _: True) -> Iterator[None]:
    """Let an OSError of which `where` is true name `path` instead of a hidden file."""
    try:
        yield
    except OSError as error:
        if not where(error):
            raise
        raise OSError(error.errno, os.strerror(error.errno or 0), str(path)) from error


def _followed(path: Path) -> Path:
    """The file that a symbolic link leads to, or will; any other path as it is."""
    return Path(os.path.realpath(path)) if path.is_symlink() else path


def _temporary(path: Path, suffix: str = "") -> Path:
    return path.with_name(f"{_hidden(path)}-{secrets.token_hex(4)}.partial{suffix}")


def _hidden(path: Path) -> str:
    """What the hidden files of `path` begin with; a long name is cut, with a checksum to tell it apart."""
    name = os.fsencode(path.name)
    return f".{path.name}" if len(name) <= 180 else f".{os.fsdecode(name[:100])}~{zlib.crc32(name):08x}"


def _owner(name: str) -> str | None:
    """What `_hidden` gave for the file that this is a temporary file or lock of; None for any other name."""
    found = HIDDEN.fullmatch(name)
    return found and (found["partial"] or found["lock"])


def _remove(path: Path) -> None:
    if path.is_dir():
        shutil.rmtree(path, ignore_errors=True)
    else:
        path.unlink(missing_ok=True)


def _umask() -> int:
    """The process's file mode mask, which can only be read by setting it."""
    mask = os.umask(0)
    os.umask(mask)
    return mask
