"""The pairs of a training or a benchmark file by number, for loaders in many processes, and for a look into a file."""

import os
from collections.abc import Sequence
from contextlib import ExitStack
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from vdsr_data import limits
from vdsr_data.benchmark.claims import ROLES, fault_of, refuse_faults
from vdsr_data.benchmark.file import BenchmarkFile, LumaBands, is_benchmark_file, open_benchmark_file, summarise
from vdsr_data.benchmark.mat_folder import MatFolder, is_mat_folder
from vdsr_data.errors import VdsrError
from vdsr_data.training.file import TrainingFile, open_training
from vdsr_data.training.subimage_folder import SubimageFolder

__all__ = ["Pairs", "open_pairs"]


def open_pairs(path: Path | str) -> "Pairs | SubimageFolder":
    """Open a training or benchmark file, or a folder of .mat files or sub-images, whichever it is; errors as theirs."""
    folder = Path(path).is_dir() and not is_mat_folder(path)
    return SubimageFolder(path) if folder else Pairs(path)


class Pairs:
    """The pairs (lr, gt) of a training file (also a part or virtual), a benchmark file, or a folder of .mat files.

    The file is opened for a short look here, and then on first use, anew in each process: the object can be pickled,
    and no process works with a handle that another one has opened.

    Parameters
    ----------
    path : path
    scale : float, optional
        Of a benchmark file or .mat files: pairs of this scale only.

    Attributes
    ----------
    path : Path
        Absolute.
    shape : (int, int), or None
        Rows and columns of every pair; None for images, which differ.
    images : list of (str, int)
        Name and scale of each pair of images, image after image; empty for a training file.

    Raises
    ------
    ArgumentError
        If the scale is none.
    VdsrError
        If it is no such file, or a benchmark file without a pair of that scale. A part of a training file may be empty.
    """

    def __init__(self, path: Path | str, *, scale: float | None = None) -> None:
        path = limits.checked_path("path", path)
        self.path = path.absolute()
        self.shape: tuple[int, int] | None = None
        self.images: list[tuple[str, float]] = []
        self._opened: tuple[int, ExitStack, Any] | None = None
        if scale is not None:
            limits.checked_factor("scale", scale)
        if is_mat_folder(path):
            folder = MatFolder(path)
            scales, names = folder.scales, folder.names
        elif is_benchmark_file(path):
            scales = [found for found, _, _ in summarise(path)]
            with open_benchmark_file(path) as file:
                names = file.names
        else:
            if scale is not None:
                raise VdsrError(
                    f"{path}: a training file, whose scales are mixed; only a benchmark file is read by scale"
                )
            with open_training(path, empty=True) as training:
                self.shape, self._count = (training.patch_size, training.patch_size), len(training)
            return
        if not scales or scale not in (None, *scales):
            raise VdsrError(f"{path}: holds no pairs of scale {scale}; it has {', '.join(map(str, scales)) or 'none'}")
        chosen = scales if scale is None else [scale]
        self.images = [(name, number) for name in names for number in chosen]
        self._count = len(self.images)

    def __len__(self) -> int:
        return self._count

    def read(self, indices: Sequence[int], *, sound: bool = False) -> list[tuple[NDArray[Any], NDArray[Any]]]:
        """Return (lr, gt) of these pairs, each (rows, columns): float32 of a training file, else float64.

        Raises
        ------
        IndexError
            If an index is not in [0, len).
        VdsrError
            If the file has been damaged or taken away; with `sound`, if a pair has values that no training takes.
        """
        for index in indices:
            if not 0 <= index < len(self):
                raise IndexError(f"{self.path}: has pairs 0 to {len(self) - 1}, not {index}")
        file = self._file()
        if not len(indices):
            return []
        if isinstance(file, TrainingFile):
            patches = file.gather(np.asarray(indices, dtype=np.intp))
            if sound:
                refuse_faults(self.path, file.keys, indices, *patches)
            return list(zip(*patches, strict=True))
        pairs = []
        for name, scale in (self.images[index] for index in indices):
            found = file.pair(name, scale)
            if found is None:
                raise self._missing(name, scale)
            pairs.append((found.lr, found.gt))
            for role, values in zip(ROLES, pairs[-1], strict=True) if sound else ():
                if fault := fault_of(values, role):
                    raise VdsrError(f"{self.path}: {role} of {name} at scale {scale} {fault}; build it again")
        return pairs

    def bands(self, index: int) -> LumaBands:
        """Return (rows, columns) of a pair of images, and its rows (lr, gt), some at a time; errors as `read`."""
        file, (name, scale) = self._file(), self.images[index]
        found = None if isinstance(file, TrainingFile) else file.bands(name, scale)
        if found is None:
            raise self._missing(name, scale)
        return found

    def close(self) -> None:
        """Close the file until it is used again."""
        opened, self._opened = self._opened, None
        if opened is not None and opened[0] == os.getpid():
            opened[1].close()

    def __getstate__(self) -> dict[str, Any]:
        return {**self.__dict__, "_opened": None}

    def _file(self) -> TrainingFile | BenchmarkFile | MatFolder:
        if self._opened is None or self._opened[0] != os.getpid():
            stack = ExitStack()
            file: TrainingFile | BenchmarkFile | MatFolder
            if self.path.is_dir():
                file = MatFolder(self.path)
            elif self.shape:
                file = stack.enter_context(open_training(self.path, empty=True))
                file.resident = False
            else:
                file = stack.enter_context(open_benchmark_file(self.path))
            self._opened = os.getpid(), stack, file
        opened: TrainingFile | BenchmarkFile | MatFolder = self._opened[2]
        return opened

    def _missing(self, name: str, scale: float) -> VdsrError:
        return VdsrError(f"{self.path}: {name} at scale {scale} is missing; build it again")
