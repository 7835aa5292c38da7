"""Files that are something else than their name says: what a failed download or an unfinished checkout leaves."""

from pathlib import Path

__all__ = ["mistaken", "mistaken_folder"]

ARCHIVES = {
    b"PK\x03\x04": "zip",
    b"PK\x05\x06": "zip",
    b"\x1f\x8b": "gzip",
    b"7z\xbc\xaf\x27\x1c": "7z",
    b"Rar!\x1a\x07": "rar",
    b"BZh": "bzip2",
    b"\xfd7zXZ\x00": "xz",
    b"\x28\xb5\x2f\xfd": "zstd",
}
PAGES = (b"<!doctype html", b"<html", b"<head", b"<script")


def mistaken(path: Path | str) -> str | None:
    """Tell by its first bytes that a file is no data at all, whatever its name: an answer to "why can it not be read?".

    Parameters
    ----------
    path : Path
        A file that exists.

    Returns
    -------
    str or None
        Words that follow the file's name: ``is empty``, ``is a web page (HTML)``, ``is a Git LFS pointer; ...``,
        ``is an archive (zip); unpack it first``. None if it is nothing of that kind. What reads a format that is an
        archive itself, such as .npz, asks only for files that are not.
    """
    with Path(path).open("rb") as file:
        head = file.read(1024)
    if not head:
        return "is empty"
    if head.startswith(b"version https://git-lfs.github.com/spec/"):
        return "is a Git LFS pointer; fetch the file itself with `git lfs pull`"
    if head.removeprefix(b"\xef\xbb\xbf").lstrip().lower().startswith(PAGES):
        return "is a web page (HTML); download the file itself"
    kind = next((name for magic, name in ARCHIVES.items() if head.startswith(magic)), None)
    kind = "tar" if head[257:262] == b"ustar" else kind
    return f"is an archive ({kind}); unpack it first" if kind else None


def mistaken_folder(path: Path | str) -> str | None:
    """Tell that a folder is one of vdsr-train, not of data, in words that follow its name; None for any other."""
    path = Path(path)
    if (path / "config.json").is_file() and (path / "log.csv").is_file():
        return f"is the run folder of a training; score its weights with `vdsr-eval --weights {path}`"
    if any(path.glob("step-*.h5")):
        return f"holds checkpoints of a training; go on from them with `vdsr-train --resume {path.parent}`"
    return None
