"""TensorBoard, where it is installed: curves, pictures of a batch, histograms of weights and gradients."""

from collections.abc import Mapping
from importlib.util import find_spec
from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np
from numpy.typing import NDArray

from vdsr_train.backends import backend
from vdsr_train.config import Config

if TYPE_CHECKING:
    from vdsr_eval.networks.weights import Weights

__all__ = ["Board", "open_board"]

Array = NDArray[np.float32]
PICTURES = 8


class Board:
    """Event files of one run, for ``tensorboard --logdir runs``.

    Parameters
    ----------
    folder : Path
        Receives the event files.
    config : Config
        Of the run; its clipping is shown beside the gradients.
    """

    def __init__(self, folder: Path, config: Config) -> None:
        import tensorflow as tf

        from vdsr_train.backends.model import build_model
        from vdsr_train.backends.step import compile_gradients

        self._summary, self._writer = tf.summary, tf.summary.create_file_writer(str(folder))
        self._config = config
        self._model = build_model(depth=config.depth, channels=config.channels)  # beside the one that is trained
        self._gradients = compile_gradients(self._model, config)

    def scalars(self, row: Mapping[str, float]) -> None:
        """Draw a row of the log."""
        with self._writer.as_default(step=int(row["step"])):
            for name, value in row.items():
                if name != "step":
                    self._summary.scalar(name, value)
        self._writer.flush()

    def batch(self, row: Mapping[str, float], weights: "Weights", lr: Array, gt: Array) -> None:
        """Draw a batch, (batch, rows, columns, 1): pictures in and out, and histograms of weights and gradients."""
        from vdsr_train.backends.model import set_weights

        set_weights(self._model, weights)
        sr, gradients = self._gradients(lr, gt)
        limit = self._config.theta / row["learning_rate"]
        with self._writer.as_default(step=int(row["step"])):
            for name, images in (("input", lr), ("label", gt), ("output", sr), ("residual", 0.5 + 2 * (sr - lr))):
                self._summary.image(name, np.clip(images, 0, 1), max_outputs=PICTURES)
            for variable, gradient in zip(self._model.trainable_variables, gradients, strict=True):
                self._summary.histogram(f"weights/{variable.path}", variable.numpy())
                self._summary.histogram(f"gradients/{variable.path}", gradient)
                self._summary.histogram(f"clipped/{variable.path}", _clip(gradient, self._config.clip, limit))

    def close(self) -> None:
        """Close the files."""
        self._writer.close()


def open_board(folder: Path, config: Config) -> Board | None:
    """Open a board, or return None where TensorBoard is not installed or the backend is not TensorFlow."""
    if find_spec("tensorboard") is None or backend.running() != "tensorflow":
        return None
    return Board(folder, config)


def _clip(gradient: Array, clip: str, limit: float) -> Array:
    """Return what the optimizer makes of a gradient, for one device."""
    if clip == "value":
        return np.clip(gradient, -limit, limit)
    norm = float(np.linalg.norm(gradient))
    return gradient * min(1.0, limit / max(norm, 1e-30)) if clip == "norm" else gradient
