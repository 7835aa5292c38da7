"""Training and benchmark files as data sets of PyTorch and TensorFlow, which are imported when they are asked for."""

from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np

from vdsr_data.errors import VdsrError
from vdsr_data.interop.pairs import Pairs

if TYPE_CHECKING:
    from vdsr_data.interop.torch_pairs import TorchPairs

__all__ = ["tf_dataset", "torch_dataset"]

BLOCK = 64  # pairs of a training file in one visit: a chunk of it
LOOKED_AT = 32  # patches that are looked at before; of a compressed file each takes the time of its chunk


def torch_dataset(path: Path | str, *, scale: float | None = None) -> "TorchPairs":
    """Open a training or benchmark file as a data set of PyTorch, for ``torch.utils.data.DataLoader``.

    Parameters
    ----------
    path : path
        A training file (also a part or a virtual file), a benchmark file, or the folder of its .mat files.
    scale : float, optional
        Of a benchmark file or .mat files: only images at this scale. A training file mixes its scales.

    Returns
    -------
    torch.utils.data.Dataset
        Of pairs (lr, gt): float32 tensors (1, rows, columns), luma in [0, 1], upright whatever the axes of the file
        are. Patches of a training file are all of one size, so a batch is (batch, 1, rows, columns); images of a test
        file differ, so take them one by one (``batch_size=1``). Each process opens the file for itself, on first use:
        any ``num_workers`` and any start method will do, and the data set can be pickled.

    Raises
    ------
    VdsrError
        If PyTorch is not installed, `path` is no such file or holds nothing; here already if one of some patches has
        values that `vdsr-data verify` does not allow, and else where a pair is read that has.

    Notes
    -----
    Pairs lie in the file in random order already. Of a compressed file a pair takes the time of its chunk of 64; read
    one in order, or write it without ``--compression``.

    Examples
    --------
    >>> from torch.utils.data import DataLoader  # doctest: +SKIP
    >>> from vdsr_data import torch_dataset
    >>> loader = DataLoader(torch_dataset("vdsr_train.h5"), batch_size=64, shuffle=True)  # doctest: +SKIP
    """
    try:
        from vdsr_data.interop.torch_pairs import TorchPairs
    except ImportError as error:
        raise VdsrError("torch_dataset needs PyTorch: pip install 'vdsr-toolkit[torch]'") from error
    return TorchPairs(_opened(path, scale))


def tf_dataset(path: Path | str, *, scale: float | None = None) -> Any:
    """Open a training or benchmark file as a ``tf.data.Dataset``, not batched and not repeated.

    Parameters and errors are those of `torch_dataset`, with TensorFlow instead of PyTorch.

    Returns
    -------
    tf.data.Dataset
        Of pairs (lr, gt) in the order of the file: float32 tensors (rows, columns, 1), luma in [0, 1]. Its cardinality
        is known, and of a training file its static shape too: ``.shuffle(4096).batch(64).prefetch(2)`` is what remains.

    Examples
    --------
    >>> from vdsr_data import tf_dataset
    >>> batches = tf_dataset("vdsr_train.h5").shuffle(4096).batch(64).prefetch(2)  # doctest: +SKIP
    """
    try:
        import tensorflow as tf
    except ImportError as error:
        raise VdsrError("tf_dataset needs TensorFlow: pip install 'vdsr-toolkit[train]'") from error
    pairs = _opened(path, scale)
    block = BLOCK if pairs.shape else 1

    def read(start: np.int64) -> list[Any]:
        found = pairs.read(range(int(start), min(int(start) + block, len(pairs))), sound=True)
        return [np.stack(images).astype(np.float32)[..., np.newaxis] for images in zip(*found, strict=True)]

    def shaped(start: Any) -> Any:
        both = tf.numpy_function(read, [start], [tf.float32, tf.float32])
        return tuple(tf.ensure_shape(images, (None, *(pairs.shape or (None, None)), 1)) for images in both)

    blocks = tf.data.Dataset.range(0, len(pairs), block).map(shaped)
    return blocks.unbatch().apply(tf.data.experimental.assert_cardinality(len(pairs)))


def _opened(path: Path | str, scale: float | None) -> Pairs:
    pairs = Pairs(path, scale=scale)
    if not len(pairs):
        raise VdsrError(f"{path}: holds no pairs")
    if pairs.shape:
        pairs.read(np.linspace(0, len(pairs) - 1, min(len(pairs), LOOKED_AT)).astype(int).tolist(), sound=True)
        pairs.close()
    return pairs
