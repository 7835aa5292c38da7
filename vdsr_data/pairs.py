"""The pairs of a training or a test file by number, for loaders that run in many processes, and for a look inside."""

import os
from collections.abc import Sequence
from contextlib import ExitStack
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from vdsr_data.errors import VdsrError
from vdsr_data.storage import TrainingFile, open_training
from vdsr_data.testfile import TestFile, is_test_file, open_test_file, summarise

__all__ = ["Pairs"]


class Pairs:
    """The pairs (lr, gt) of a training file (also a part, or a virtual one) or of a test file.

    The file is opened for a short look here, and then on first use, anew in each process: the object can be pickled,
    and no process works with a handle that another one has opened.

    Parameters
    ----------
    path : path
    scale : int, optional
        Of a test file: its pairs of this scale only.

    Attributes
    ----------
    path : Path
        Absolute.
    shape : (int, int), or None
        Rows and columns of every pair; None for a test file, whose images differ.
    images : list of (str, int)
        Name and scale of each pair of a test file, image after image; empty for a training file.

    Raises
    ------
    VdsrError
        If it is no such file, or a test file without a pair of that scale. A part of a training file may be empty.
    """

    def __init__(self, path: Path | str, *, scale: int | None = None) -> None:
        self.path = Path(path).absolute()
        self.shape: tuple[int, int] | None = None
        self.images: list[tuple[str, int]] = []
        self._opened: tuple[int, ExitStack, Any] | None = None
        if not is_test_file(path):
            if scale is not None:
                raise VdsrError(f"{path}: a training file, whose scales are mixed; only a test file is read by scale")
            with open_training(path, empty=True) as file:
                self.shape, self._count = (file.patch_size, file.patch_size), len(file)
            return
        scales = [found for found, _, _ in summarise(path)]
        if not scales or scale not in (None, *scales):
            raise VdsrError(f"{path}: holds no pairs of scale {scale}; it has {', '.join(map(str, scales)) or 'none'}")
        with open_test_file(path) as file:
            chosen = scales if scale is None else [scale]
            self.images = [(name, number) for name in file.names for number in chosen]
        self._count = len(self.images)

    def __len__(self) -> int:
        return self._count

    def read(self, indices: Sequence[int]) -> list[tuple[NDArray[Any], NDArray[Any]]]:
        """Return (lr, gt) of these pairs, each (rows, columns): float32 of a training file, float64 of a test file.

        Raises
        ------
        IndexError
            If an index is not in [0, len).
        VdsrError
            If the file has been damaged or taken away.
        """
        for index in indices:
            if not 0 <= index < len(self):
                raise IndexError(f"{self.path}: has pairs 0 to {len(self) - 1}, not {index}")
        file = self._file()
        if not len(indices):
            return []
        if isinstance(file, TrainingFile):
            return list(zip(*file.gather(np.asarray(indices, dtype=np.intp)), strict=True))
        return [self._of_image(file, *self.images[index]) for index in indices]

    def close(self) -> None:
        """Close the file until it is used again."""
        opened, self._opened = self._opened, None
        if opened is not None and opened[0] == os.getpid():
            opened[1].close()

    def __getstate__(self) -> dict[str, Any]:
        return {**self.__dict__, "_opened": None}

    def _file(self) -> TrainingFile | TestFile:
        if self._opened is None or self._opened[0] != os.getpid():
            stack = ExitStack()
            file: TrainingFile | TestFile
            if self.shape:
                file = stack.enter_context(open_training(self.path, empty=True))
                file.resident = False
            else:
                file = stack.enter_context(open_test_file(self.path))
            self._opened = os.getpid(), stack, file
        opened: TrainingFile | TestFile = self._opened[2]
        return opened

    def _of_image(self, file: TestFile, name: str, scale: int) -> tuple[NDArray[np.float64], NDArray[np.float64]]:
        pair = file.pair(name, scale)
        if pair is None:
            raise VdsrError(f"{self.path}: /x{scale}/{name} is missing; build the file again")
        return pair.lr, pair.gt
