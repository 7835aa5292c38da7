"""What a build has written; and what one would write and take, found by building a little of it: `dry_run`."""

import time
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from tempfile import TemporaryDirectory

from vdsr_data.errors import VdsrError
from vdsr_data.images.files import image_size
from vdsr_data.io.disk import check_space, size_text
from vdsr_data.io.files import is_empty

__all__ = ["Built", "foretell"]

ENOUGH = 1_500_000  # pixels of a sample: a second or so


@dataclass(frozen=True)
class Built:
    """What `build_train` or `build_test` wrote, or with `dry_run` would write; as text what the command says.

    Attributes
    ----------
    output : Path
        The file or folder.
    images : int
        How many it was made from.
    pairs : int
        Of patches or of images; sub-images in HR.
    seconds : float, or None
        That it took, or would take; None if so few images do not tell.
    size : float, or None
        Bytes of a file; of a dry run about, and None as above.
    dropped : int
        Patches left over in a last partial chunk of the whole.
    too_small : tuple of Path
        Images that are smaller than a patch, and give none; a dry run does not tell.
    dry_run : bool
        Whether nothing was written.
    """

    output: Path
    images: int
    pairs: int
    seconds: float | None
    line: str = field(repr=False)
    size: float | None = None
    dropped: int = 0
    too_small: tuple[Path, ...] = ()
    dry_run: bool = False

    def __str__(self) -> str:
        return self.line


def foretell(
    images: Sequence[Path],
    output: Path,
    build: Callable[[list[Path], Path], object],
    what: str,
    *,
    pairs: int,
    dropped: int = 0,
    size: float | None = None,
    possible: Callable[[slice], bool] = lambda _: True,
) -> Built:
    """Tell what ``build(images, output)`` would write, and how long it would take here.

    Parameters
    ----------
    images, output, build
    what : str
        That the output would hold.
    pairs, dropped
        As `Built` has them.
    size : float, optional
        Bytes that the output would have, if they are known.
    possible : callable
        Whether a build of a slice of the images is.

    Raises
    ------
    VdsrError
        If an image of the sample is refused, as the whole build would, or if the disk is too small.
    """
    estimate, seconds = _scaled(images, build, possible)
    size = estimate if size is None else size
    check_space(output, int(size or 0))
    bytes_ = "" if size is None else f", {size_text(size)}"
    there = output.exists() and not (output.is_dir() and is_empty(output))
    force = "; it exists already, and would be replaced with --force" if there else ""
    duration = "" if seconds is None else f", about {max(seconds, 1):.0f} s on this machine"
    line = f"{output}: would hold {what}{bytes_}{duration}; nothing was written{force}"
    return Built(output, len(images), pairs, seconds, line, size, dropped, dry_run=True)


def _scaled(
    images: Sequence[Path], build: Callable[[list[Path], Path], object], possible: Callable[[slice], bool]
) -> tuple[float | None, float | None]:
    """Bytes and seconds of a build of a few images, evenly spread, times the share of their pixels.

    None if such a sample is not `possible`. What is wrong with an image in it is told, as the whole build would.
    """
    pixels = [rows * columns for rows, columns in map(image_size, images)]
    sample = slice(None, None, max(1, sum(pixels) // ENOUGH))
    if not possible(sample):
        return None, None
    share = sum(pixels[sample]) / sum(pixels)
    with TemporaryDirectory() as folder:
        try:
            for target in (Path(folder, "first"), Path(folder, "second")):  # the first loads compiled code
                began = time.perf_counter()
                build(list(images[sample]), target)
                seconds = time.perf_counter() - began
        except VdsrError as error:
            if folder in str(error):  # which may have no room; the images are somewhere else
                return None, None
            raise
        files = [target] if target.is_file() else target.rglob("*")
        return sum(file.stat().st_size for file in files if file.is_file()) / share, seconds / share
