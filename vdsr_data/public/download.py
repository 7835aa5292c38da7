"""Public data sets brought here: downloaded with pooch, checked by SHA-256, put where `open_set` looks for them.

A set gets its name when the last of its files is verified, so that no command reads half of one; until then they wait
in a hidden folder beside it, and the next call fetches only what is missing there.
"""

import errno
import os
import threading
import time
from collections import deque
from collections.abc import Callable, Sequence
from contextlib import suppress
from dataclasses import dataclass
from pathlib import Path
from typing import Any, BinaryIO
from urllib.parse import quote, urljoin, urlsplit

from vdsr_data import limits
from vdsr_data.errors import ArgumentError, VdsrError
from vdsr_data.io.ahead import Advance, Progress, ignore, of_all
from vdsr_data.io.disk import check_space
from vdsr_data.io.files import sweep, written
from vdsr_data.io.lock import held
from vdsr_data.public.registry import (
    RegisteredFile,
    check_address,
    data_folders,
    file_size,
    find_sets,
    registered,
    unfinished,
)

__all__ = ["Fetched", "fetch"]

CONNECT_TIMEOUT, READ_TIMEOUT = 10.0, 30.0  # seconds; the latter between two pieces
LONGEST_WAIT = 10.0  # seconds between two attempts
GRACE = 1.0  # seconds that downloads have to notice an interruption
CHUNK = 1 << 15
UNWRITABLE = (errno.EACCES, errno.EPERM, errno.EROFS, errno.EEXIST, errno.ENOTDIR)


@dataclass(frozen=True)
class Fetched:
    """Where a set is, its number of files and bytes, and how many of the files had to be fetched."""

    folder: Path
    files: int
    size: int
    new: int

    def __str__(self) -> str:
        return f"{self.folder}: {self.files} files verified, {self.new} of them new, {self.size / 1e6:.1f} MB"


class _Stopped(Exception):  # noqa: N818  not an error: the user asked for it
    pass


class _PassingError(Exception):
    """What may go well another time."""


def fetch(
    names: str | Sequence[str],
    *,
    mirror: str | Path | None = None,
    workers: int = 4,
    retries: int = 3,
    advance: Progress = ignore,
) -> list[Fetched]:
    """Fetch public data sets into ``$VDSR_DATA`` or the cache, each file checked by its SHA-256.

    Everything finds them there by name. Only what is missing or damaged is fetched; a set gets its name when it is
    whole.

    Parameters
    ----------
    names : str or sequence of str
        Such as ``["291", "Set5"]``, in any case; `list_sets` tells which there are.
    mirror : path or str, optional
        A folder or an address that has ``SET/FILE``, instead of the public addresses.
    workers : int
        Files to fetch at a time, 1 to 32.
    retries : int
        Further attempts at a file after a failure that may pass, up to 20.
    advance : callable
        Called with how many megabytes are in place since the last call, negative ones of a failed attempt, and how
        many the set has.

    Returns
    -------
    list of Fetched
        One for each set.

    Raises
    ------
    ArgumentError
        If there is no name, or `workers` or `retries` is not allowed.
    VdsrError
        If no such set is registered, if a file cannot be had or is not the registered one (verified ones are kept), if
        the folder cannot be written, or if another process fetches the same set there.

    Examples
    --------
    >>> from vdsr_data import fetch
    >>> fetch("Set5")[0].folder  # doctest: +SKIP
    PosixPath('/home/me/.cache/vdsr-toolkit/Set5')
    """
    limits.whole("workers", workers, limits.DOWNLOADS)
    limits.whole("retries", retries, limits.RETRIES)
    names = [names] if isinstance(names, str) else names
    if not isinstance(names, Sequence) or not names:
        raise ArgumentError(f"names: {names!r} is not allowed; give at least one, such as Set5")
    datasets = find_sets([limits.text("names", name) for name in names])
    source = _source(None if mirror is None else str(mirror))
    return [_fetch_set(dataset, source, workers, retries, advance) for dataset in datasets]


def _fetch_set(
    dataset: str, source: Callable[[RegisteredFile], str], workers: int, retries: int, progress: Progress
) -> Fetched:
    """Bring a set into the first of `data_folders`."""
    files = registered()[dataset]
    size = sum(file.size for file in files)
    advance = of_all(progress, size / 1e6)
    final = next(data_folders()) / dataset
    missing = _missing(final, files)
    lock = final.with_name(f".{dataset}.lock")
    try:
        if missing or lock.exists():
            final.parent.mkdir(parents=True, exist_ok=True)
            with held(lock, final):
                missing = _complete(final, files, source, workers, retries, advance)
        else:
            advance(size / 1e6)
        sweep(final)
    except OSError as error:
        if missing and error.errno in UNWRITABLE:
            reason = os.strerror(error.errno)
            raise VdsrError(f"{final}: cannot be written ({reason}); set VDSR_DATA to a folder that can") from error
        if missing:
            raise
    return Fetched(final, len(files), size, len(missing))


def _complete(final: Path, files: list[RegisteredFile], source: Callable[[RegisteredFile], str], workers: int,
              retries: int, advance: Advance) -> list[RegisteredFile]:  # fmt: skip
    """Fetch what is missing, give the set its name, and return what had been missing."""
    folder = final if final.exists() else unfinished(final)
    sweep(folder)
    missing = _missing(folder, files)
    advance(sum(file.size for file in files if file not in missing) / 1e6)
    if missing:
        _check_strangers(folder, files)
        try:
            folder.mkdir(exist_ok=True)
            check_space(final, sum(file.size for file in missing), way_out="set VDSR_DATA to a folder on another disk")
            _Downloads(folder, source, retries, advance).run(missing, workers)
        except VdsrError as error:
            kept = sum(file_size(folder / file.name) == file.size for file in files)
            raise VdsrError(f"{error}; {kept} of {len(files)} files of {files[0].dataset} are kept") from error
        finally:
            with suppress(OSError):
                unfinished(final).rmdir()  # if nothing came
    if folder != final:
        folder.rename(final)
    return missing


def _missing(folder: Path, files: list[RegisteredFile]) -> list[RegisteredFile]:
    return [file for file in files if not _verified(folder / file.name, file)]


def _verified(path: Path, file: RegisteredFile) -> bool:
    from pooch import file_hash

    return file_size(path) == file.size and file_hash(str(path)) == file.sha256


def _check_strangers(folder: Path, files: list[RegisteredFile]) -> None:
    """Refuse to mix a set into a folder of other images, such as the same set under other names."""
    from vdsr_data.images.files import SUFFIXES

    suffixes = {suffix for kind in SUFFIXES.values() for suffix in kind}
    there = {path.name for path in folder.glob("[!.]*") if path.suffix.lower() in suffixes}
    for stranger in sorted(there - {file.name for file in files}):
        raise VdsrError(
            f"{folder}: holds {stranger}, which is not of the registered set; rename that folder, or set VDSR_DATA to "
            "another"
        )


def _source(mirror: str | None) -> Callable[[RegisteredFile], str]:
    """The address, or the path, of a file."""
    if mirror is None:
        return lambda file: file.url
    if "://" in mirror:
        check_address(mirror)
        return lambda file: f"{mirror.rstrip('/')}/{quote(file.dataset)}/{quote(file.name)}"
    if not Path(mirror).is_dir():
        raise VdsrError(f"{mirror}: no such folder; a mirror is a folder or an address that has SET/FILE")
    return lambda file: str(Path(mirror) / file.dataset / file.name)


class _Sink:
    """What a download is written to: counts it, refuses what is too long, ends when asked to."""

    def __init__(self, out: BinaryIO, size: int, stop: threading.Event, advance: Advance) -> None:
        self._out, self._size, self._stop, self._advance = out, size, stop, advance
        self.count = 0

    def write(self, data: bytes) -> None:
        if self._stop.is_set():
            raise _Stopped
        if self.count + len(data) > self._size:
            raise VdsrError(f"is longer than the registered {self._size} bytes")
        self._out.write(data)
        self.count += len(data)
        self._advance(len(data) / 1e6)

    def flush(self) -> None:
        """Asked for by pooch after every piece; closing the file does it once."""


class _Downloads:
    """Downloads of one set, in daemon threads: one that waits for a server cannot be woken, only left behind."""

    def __init__(self, folder: Path, source: Callable[[RegisteredFile], str], retries: int,
                 advance: Advance) -> None:  # fmt: skip
        self._folder, self._source, self._retries, self._advance = folder, source, retries, advance
        self._stop = threading.Event()
        self._partial: set[Path] = set()
        self._failures: list[Exception] = []

    def run(self, files: list[RegisteredFile], workers: int) -> None:
        """Fetch the files; after a failure what is under way is finished, an interruption ends it at once."""
        pending = deque(files)
        threads = [threading.Thread(target=self._work, args=(pending,), daemon=True)
                   for _ in range(min(workers, len(files)))]  # fmt: skip
        try:
            for thread in threads:
                thread.start()
            for thread in threads:
                while thread.is_alive():
                    thread.join(0.1)  # without a limit, Windows would not let an interruption through
        except BaseException:
            pending.clear()
            self._stop.set()
            end = time.monotonic() + GRACE
            for thread in threads:
                if thread.is_alive():
                    thread.join(max(0.0, end - time.monotonic()))
            for path in list(self._partial):
                with suppress(OSError):
                    path.unlink()
            raise
        if self._failures:
            raise self._failures[0]

    def _work(self, pending: deque[RegisteredFile]) -> None:
        while True:
            try:
                self._fetch(pending.popleft())
            except (IndexError, _Stopped):
                return
            except Exception as error:  # raised again by `run`
                self._failures.append(error)
                pending.clear()

    def _fetch(self, file: RegisteredFile) -> None:
        """Fetch a file, and try again what may pass, waiting longer each time."""
        for attempt in range(self._retries + 1):
            try:
                self._attempt(file)
                return
            except VdsrError as error:
                raise VdsrError(f"{self._source(file)}: {error}") from error
            except _PassingError as error:
                if attempt == self._retries:
                    raise VdsrError(f"{self._source(file)}: {error}") from error
            if self._stop.wait(min(2**attempt, LONGEST_WAIT)):
                raise _Stopped

    def _attempt(self, file: RegisteredFile) -> None:
        with written(self._folder / file.name) as temporary, temporary.open("wb") as out:
            self._partial.add(temporary)
            sink = _Sink(out, file.size, self._stop, self._advance)
            try:
                _read(self._source(file), sink)
                out.close()  # a full disk may say so only now
                if sink.count < file.size:
                    raise _PassingError(f"has {sink.count} bytes instead of the registered {file.size}")
                if not _verified(temporary, file):
                    raise _PassingError("its SHA-256 is not the registered one; it was damaged underway, or replaced")
            except BaseException:
                self._advance(-sink.count / 1e6)
                raise
            finally:
                self._partial.discard(temporary)


def _read(source: str, sink: _Sink) -> None:
    if "://" in source:
        _read_address(source, sink)
        return
    try:
        with Path(source).open("rb") as file:
            while data := file.read(CHUNK):
                sink.write(data)
    except FileNotFoundError as error:
        raise VdsrError("no such file") from error
    except PermissionError as error:
        raise VdsrError("cannot be read: permission denied") from error


def _read_address(url: str, sink: _Sink) -> None:
    import requests
    from pooch import HTTPDownloader

    answers = []

    def watch(answer: requests.Response, *_: Any, **__: Any) -> None:
        answers.append(answer)
        if answer.is_redirect:
            target = urljoin(answer.url, answer.headers["location"])
            check_address(target, redirected_from=urlsplit(answer.url).scheme)

    # Uncompressed, so that the registered size bounds what is read and not only what is written.
    download = HTTPDownloader(chunk_size=CHUNK, timeout=(CONNECT_TIMEOUT, READ_TIMEOUT), hooks={"response": watch},
                              headers={"Accept-Encoding": "identity"})  # fmt: skip
    try:
        download(url, sink, None)
    except requests.RequestException as error:
        raise _explain(error) from error
    finally:
        for answer in answers:
            answer.close()


def _explain(error: Any) -> Exception:
    """What went wrong, in a few words: a `_PassingError` if it may go well another time, else a VdsrError."""
    import requests
    from urllib3.exceptions import MaxRetryError, ReadTimeoutError

    cause = error.args[0] if error.args else None
    if isinstance(error, requests.HTTPError) and error.response is not None:
        status = error.response.status_code
        kind = _PassingError if status in (408, 429) or status >= 500 else VdsrError
        return kind(f"the server says {status} {error.response.reason}")
    if isinstance(error, requests.Timeout) or isinstance(cause, ReadTimeoutError):
        limit = CONNECT_TIMEOUT if isinstance(error, requests.ConnectTimeout) else READ_TIMEOUT
        return _PassingError(f"no answer within {limit:g} s")
    if isinstance(error, requests.exceptions.SSLError):
        return VdsrError("its certificate is not accepted")
    if isinstance(cause, MaxRetryError):
        return _PassingError("cannot be reached: there is no network, no such server, or it is down")
    if isinstance(error, requests.ConnectionError | requests.exceptions.ChunkedEncodingError):
        return _PassingError("the connection was cut")
    return VdsrError(str(error))
