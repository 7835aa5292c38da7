"""Where images come from by name: a path, a fetched set or a folder below $VDSR_DATA, or scikit-image's photographs."""

import os
import unicodedata
from collections.abc import Iterator, Sequence
from contextlib import suppress
from difflib import get_close_matches
from functools import cached_property
from importlib.util import find_spec
from pathlib import Path
from typing import Any, Literal, NamedTuple

from numpy.typing import NDArray

from vdsr_data.benchmark.file import BenchmarkFile, StoredPair, open_benchmark_file
from vdsr_data.errors import VdsrError
from vdsr_data.images.files import TEST_ORDER, TRAIN_ORDER, image_size, is_image_name, list_images, read_image
from vdsr_data.io.files import check_input, check_name
from vdsr_data.io.mistaken import mistaken
from vdsr_data.limits import checked_path, checked_paths
from vdsr_data.public.registry import data_folders, fetch_command, registered, sets_of_any_case

__all__ = ["Benchmark", "Original", "find_images", "folder_names", "images_of", "is_single", "open_set", "unique_names"]

# `sample`: photographs that scikit-image installs (BSD licence and public domain; its data/README.txt names each
# source). No scene is in both parts.
SAMPLE: dict[str, tuple[str, ...]] = {
    "train": ("brick.png", "coins.png", "grass.png", "gravel.png", "hubble_deep_field.jpg", "ihc.png",
              "motorcycle_left.png", "page.png", "retina.jpg", "rocket.jpg"),
    "test": ("astronaut.png", "camera.png", "chelsea.png", "coffee.png"),
}  # fmt: skip


class Original(NamedTuple):
    """An uncropped ground-truth image: its name without suffix, and uint8 or uint16 pixels, grey or RGB."""

    name: str
    pixels: NDArray[Any]


class Benchmark:
    """A set of originals, read one at a time while iterating; made by `open_set`.

    Attributes
    ----------
    name : str
        What tables call it; may be changed where two sets would have one name.
    image_names : list of str
    path : Path
        The benchmark file, or the folder of the originals.

    Examples
    --------
    >>> from vdsr_data import open_set
    >>> open_set("sample").image_names
    ['astronaut', 'camera', 'chelsea', 'coffee']
    """

    def __init__(self, name: str, source: Path | list[Path]) -> None:
        self.name = name
        self.path = source if isinstance(source, Path) else source[0].parent
        self._source = source
        self._open: BenchmarkFile | None = None  # while it is iterated: opening takes longer than reading an image
        if isinstance(source, Path):
            with open_benchmark_file(source) as file:
                self.image_names = file.names
        else:
            self.image_names = unique_names(source)

    def __len__(self) -> int:
        return len(self.image_names)

    def __iter__(self) -> Iterator[Original]:
        if not isinstance(self._source, Path):
            yield from (Original(path.stem, read_image(path)) for path in self._source)
            return
        with open_benchmark_file(self._source) as file:
            self._open = file
            try:
                yield from (Original(name, file.original(name)) for name in self.image_names)
            finally:
                self._open = None

    @cached_property
    def most_pixels(self) -> int:
        """Pixels of the largest original, from the heads of the files."""
        if not isinstance(self._source, Path):
            return max(rows * columns for rows, columns in map(image_size, self._source))
        with open_benchmark_file(self._source) as file:
            return max(rows * columns for rows, columns in map(file.size, self.image_names))

    def stored(self, image_name: str, scale: float) -> StoredPair | None:
        """The luma pair that a benchmark file holds; None for a folder of images, or a scale that it lacks."""
        if self._open is not None:
            return self._open.pair(image_name, scale)
        if not isinstance(self._source, Path):
            return None
        with open_benchmark_file(self._source) as file:
            return file.pair(image_name, scale)


def open_set(name: Path | str) -> Benchmark:
    """Open a benchmark: a benchmark file, a folder of originals, or a name.

    A name is looked up as a path, then in the folder that the environment variable ``VDSR_DATA`` names (as a folder or
    a benchmark file), then in the cache of `vdsr-data fetch`, then in both whatever its case, then among the built-in
    sets.

    Returns
    -------
    Benchmark
        Iterate over it for its originals, each with ``name`` and ``pixels``.

    Raises
    ------
    VdsrError
        If there is no such set; the message lists where it was looked for, and how to fetch it if it is a public one.

    Examples
    --------
    >>> from vdsr_data import open_set
    >>> [(name, pixels.shape) for name, pixels in open_set("sample")][1]
    ('camera', (512, 512))
    """
    for path in _candidates(name, (".h5",)):
        if path.is_dir():
            break
        if path.is_file():
            check_name(path)
            try:
                return Benchmark(path.stem, path)
            except VdsrError as error:
                raise VdsrError(f"{error}; a set is a folder of images or a benchmark file") from error
    return Benchmark(*find_images(name, "test"))


def find_images(name: Path | str, part: Literal["train", "test"]) -> tuple[str, list[Path]]:
    """Name and image files of a folder, a folder below ``VDSR_DATA``, a fetched set, or a built-in set.

    Raises
    ------
    VdsrError
        If there is no such folder or set but perhaps a file, or no image in it, or if a name is not text in one line.
    """
    for path in _candidates(name):
        if path.is_dir():
            named = Path(os.path.abspath(path))  # noqa: PTH100 - a link has the name that it was given
            check_name(named)
            return named.name, list_images(path, TRAIN_ORDER if part == "train" else TEST_ORDER)
    if str(name) == "sample":
        return "sample", _sample(part)
    if Path(name).exists():
        check_input(name)
        kind = "an image" if is_image_name(name) else "a file"
        raise VdsrError(f"{name}: {mistaken(name) or f'is {kind}; give the folder that holds the images'}")
    raise VdsrError(_unknown(str(name)))


def images_of(source: str | Path | Sequence[str | Path], part: Literal["train", "test"]) -> tuple[str, list[Path]]:
    """As `find_images`, or the files themselves where they are listed; their name is that of their folder."""
    if isinstance(source, str | Path):
        return find_images(source, part)
    files = checked_paths(source)
    return files[0].absolute().parent.name, files


def is_single(source: Path) -> bool:
    """Whether one image is meant, which may be missing, and no folder or set."""
    return source.is_file() or (is_image_name(source) and not source.is_dir())


def folder_names() -> list[str]:
    """Names of the folders with images among which sets are looked up by name."""
    folders = [path for base in data_folders() if base.is_dir() for path in base.iterdir()]
    return sorted({path.name for path in folders if not path.name.startswith(".") and _holds_images(path)})


def _holds_images(folder: Path) -> bool:
    with suppress(OSError):  # no folder, or not ours to read
        return any(map(is_image_name, folder.iterdir()))
    return False


def unique_names(paths: Sequence[Path]) -> list[str]:
    """File names without suffix.

    Raises
    ------
    VdsrError
        If two files share a name, but for how Unicode writes its letters: their results could not be told apart.
    """
    seen: dict[str, Path] = {}
    for path in paths:
        name = unicodedata.normalize("NFC", path.stem)
        if name in seen:
            raise VdsrError(f"{seen[name]} and {path.name}: two images of one name; rename or remove one")
        seen[name] = path
    return [path.stem for path in paths]


def _candidates(name: Path | str, suffixes: tuple[str, ...] = ()) -> Iterator[Path]:
    if name == "":
        raise VdsrError("an empty name; give a folder, a file or a set")
    yield checked_path("name", name)
    names = [f"{name}{suffix}" for suffix in ("", *suffixes)]
    yield from (base / spelled for base in data_folders() for spelled in names)
    if str(name) != "sample":
        yield from sets_of_any_case(names)


def _sample(part: Literal["train", "test"]) -> list[Path]:
    spec = find_spec("skimage")
    if spec is None or not spec.submodule_search_locations:
        raise VdsrError("the set `sample` needs scikit-image: pip install scikit-image")
    folder = Path(spec.submodule_search_locations[0]) / "data"
    missing = [file for file in SAMPLE[part] if not (folder / file).is_file()]
    if missing:
        raise VdsrError(f"{folder}: this scikit-image lacks {', '.join(missing)}; pip install 'scikit-image>=0.25'")
    return [folder / file for file in SAMPLE[part]]


def _unknown(name: str) -> str:
    base = os.environ.get("VDSR_DATA")
    where = f"in {base} ($VDSR_DATA)" if base else "VDSR_DATA is not set"
    *_, cache = data_folders()
    names = folder_names()
    way_out = ""
    if "," in name:
        way_out = "here a name is of one set; "
    elif command := fetch_command(name):
        way_out = f"get it with `{command}`; "
    elif near := get_close_matches(name, {"sample", *names, *registered()}):
        way_out = f"did you mean {' or '.join(near)}? "
    known = ", ".join(["sample (built in)", *names])
    return f"{name}: no such data set; {way_out}looked for a path, {where}, in {cache}, and among {known}"
