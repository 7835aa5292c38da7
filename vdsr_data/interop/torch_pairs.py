"""The data set of PyTorch that `vdsr_data.torch_dataset` makes; importing this module imports PyTorch."""

from collections.abc import Sequence
from typing import Any

import numpy as np
import torch
from numpy.typing import NDArray
from torch.utils.data import Dataset

from vdsr_data.interop.pairs import Pairs

__all__ = ["TorchPairs"]

Item = tuple[torch.Tensor, torch.Tensor]


class TorchPairs(Dataset[Item]):  # type: ignore[misc]
    """Pairs (lr, gt) of float32 tensors (1, rows, columns); see `vdsr_data.torch_dataset`."""

    def __init__(self, pairs: Pairs) -> None:
        self.pairs = pairs

    def __len__(self) -> int:
        return len(self.pairs)

    def __getitem__(self, index: int) -> Item:
        return self.__getitems__([index + len(self) if -len(self) <= index < 0 else index])[0]

    def __getitems__(self, indices: Sequence[int]) -> list[Item]:
        """Return a whole batch, as a DataLoader asks for it: one visit to the file instead of one for each pair."""
        return [(_tensor(lr), _tensor(gt)) for lr, gt in self.pairs.read(indices, sound=True)]


def _tensor(image: NDArray[Any]) -> torch.Tensor:
    return torch.from_numpy(np.asarray(image, dtype=np.float32)[np.newaxis])
