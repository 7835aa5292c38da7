"""Metrics that are learned: those of pyiqa, where it is installed. We write none of them."""

from collections.abc import Callable
from typing import Any

import numpy as np
from numpy.typing import NDArray

from vdsr_data.errors import ArgumentError, VdsrError, one_line

__all__ = ["pyiqa_metric"]


def pyiqa_metric(name: str) -> Callable[[NDArray[np.uint8], NDArray[np.uint8]], float]:
    """A metric of pyiqa, on the processor.

    Parameters
    ----------
    name : str
        As pyiqa lists it, such as lpips or dists.

    Returns
    -------
    callable
        Of an image and its reference, uint8 (rows, columns) or (rows, columns, 3); grey is handed over as RGB. A metric
        without a reference gets the image alone.

    Raises
    ------
    ArgumentError
        If pyiqa has none of that name.
    VdsrError
        If pyiqa is not installed, or cannot make the metric: most fetch weights when they are first used.
    """
    try:
        import pyiqa
        import torch
    except ImportError:
        raise VdsrError("pyiqa is not installed: pip install pyiqa") from None
    if name not in pyiqa.list_models():
        raise ArgumentError(f"also: pyiqa {pyiqa.__version__} has no metric {name!r}; pyiqa.list_models() names them")
    try:
        metric = pyiqa.create_metric(name, device="cpu")
    except Exception as error:  # of any kind: it fetches weights, and builds a network of them
        raise VdsrError(f"pyiqa cannot make {name} ({one_line(str(error))[:200]})") from error

    def tensor(image: NDArray[np.uint8]) -> Any:
        planes = np.dstack([image] * 3) if image.ndim == 2 else image
        return torch.from_numpy(planes.transpose(2, 0, 1).astype(np.float32) / 255)[None]

    def measure(image: NDArray[np.uint8], reference: NDArray[np.uint8]) -> float:
        with torch.no_grad():
            given = [tensor(image)] if metric.metric_mode == "NR" else [tensor(image), tensor(reference)]
            return float(metric(*given))

    return measure
