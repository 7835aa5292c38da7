"""Contact sheets: what is to be shown, and where; `figures` draws them."""

from dataclasses import dataclass
from pathlib import Path

from vdsr_data import limits
from vdsr_data.errors import ArgumentError, VdsrError
from vdsr_data.interop.pairs import Pairs, open_pairs
from vdsr_data.io.files import check_output
from vdsr_data.training.subimage_folder import SubimageFolder

__all__ = ["Preview", "offered", "preview"]

PATCHES, IMAGES = 24, 8  # shown, unless a number is given


@dataclass(frozen=True)
class Preview:
    """What `preview` drew: the picture, how many patches or images of which file are on it, and what they are."""

    output: Path
    file: Path
    shown: int
    what: str

    def __str__(self) -> str:
        return f"{self.output}: {self.shown} {self.what} of {self.file}"


def preview(
    file: str | Path,
    output: str | Path | None = None,
    *,
    count: int | None = None,
    seed: int = 0,
    force: bool = False,
) -> Preview:
    """Draw a contact sheet of a training or benchmark file: lr, gt and the residual gt - lr; of sub-images: HR and LR.

    Parameters
    ----------
    file : path
        A training file, a part or a virtual file, a benchmark file, or a folder of .mat files or sub-images.
    output : path, optional
        The PNG file to write, the same bytes for the same arguments; by default FILE_preview.png in the current folder.
    count : int, optional
        Patches of a training file (24 by default), or images (8), 1 to 64; all, if there are no more.
    seed : int
        Of the choice.
    force : bool
        Replace an output that exists.

    Returns
    -------
    Preview

    Raises
    ------
    ArgumentError
        If `count` or `seed` is not allowed, or a seed is given though all are shown.
    VdsrError
        If the file is damaged, or if the output is no .png, exists or cannot be written.

    Warns
    -----
    RangeWarning
        If something that is shown has values that no training takes.

    Examples
    --------
    >>> import tempfile
    >>> import numpy as np
    >>> from vdsr_data import build_test, preview, write_image
    >>> with tempfile.TemporaryDirectory() as folder:
    ...     write_image(f"{folder}/dots.png", np.eye(12, dtype=np.uint8) * 255)
    ...     built = build_test(folder, f"{folder}/dots.h5", scales=[2])
    ...     sheet = preview(built.output, f"{folder}/sheet.png")
    >>> sheet.shown, sheet.what
    (1, 'images')
    """
    file = limits.checked_path("file", file)
    output = limits.checked_path("output", output or f"{file.stem}_preview.png")
    if output.suffix.lower() != ".png":
        raise VdsrError(f"{output}: a preview is a picture; name a .png file")
    limits.whole("seed", seed, limits.SEEDS)
    check_output(output, force=force)
    pairs = open_pairs(file)
    total, usual, what = offered(pairs)
    shown = usual if count is None else limits.whole("count", count, limits.PREVIEWS)
    if seed and total <= shown:
        raise ArgumentError(f"`seed` is for a choice, but all {total} are shown")
    from vdsr_data.inspect.figures import save_preview  # takes half a second, which a refusal need not take

    return Preview(output, file, save_preview(output, pairs, total=total, count=shown, seed=seed), what)


def offered(pairs: Pairs | SubimageFolder) -> tuple[int, int, str]:
    """How many there are to choose from, how many are shown unless a number is given, and what they are."""
    if isinstance(pairs, SubimageFolder):
        return len(pairs.shapes), IMAGES, "sub-images"
    return (len(pairs), PATCHES, "patches") if pairs.shape else (len(dict(pairs.images)), IMAGES, "images")
