"""The network: 3x3 convolutions with ReLU, and the input added to the output.

Built in code, never loaded from a file: a file only fills in the numbers.
"""

from collections.abc import Iterable
from itertools import pairwise
from pathlib import Path
from typing import Any

import keras
import numpy as np

from vdsr_data.errors import VdsrError
from vdsr_eval.networks.convert import read_any
from vdsr_eval.networks.weights import Weights
from vdsr_train.config import Config

__all__ = ["Weights", "build_model", "get_weights", "initial_weights", "set_weights"]


def build_model(*, depth: int, channels: int, precision: str = "float32") -> Any:
    """Build the network for images of any size.

    Parameters
    ----------
    depth, channels : int
        Number of convolutional layers, and of channels between them; the paper's are 20 and 64.
    precision : {"float32", "mixed_bfloat16"}
        Arithmetic of the hidden layers. The weights, the last layer and the sum are float32 in either case.

    Returns
    -------
    keras.Model
        From (batch, rows, columns, 1) to the same shape: bicubic luma in [0, 1] to estimated luma, not clipped.

    Raises
    ------
    ArgumentError
        An argument is not one that `Config` allows.
    """
    Config(depth=depth, channels=channels, precision=precision)  # type: ignore[arg-type]
    images = keras.Input((None, None, 1), name="lr")
    features = images
    common = {"padding": "same", "kernel_initializer": "zeros"}  # Keras's draws are compiled, and not wanted
    for layer in range(1, depth):
        features = keras.layers.Conv2D(
            channels, 3, activation="relu", dtype=precision, name=f"conv_{layer:02}", **common
        )(features)
    residual = keras.layers.Conv2D(1, 3, dtype="float32", name=f"conv_{depth:02}", **common)(features)
    return keras.Model(images, keras.layers.Add(dtype="float32", name="sum")([images, residual]), name="vdsr")


def initial_weights(config: Config) -> Weights:
    """Return the weights that a training starts from.

    Those that `config.weights` names; else normal ones with variance 2 / (9 inputs) (He et al. 2015) and zero biases,
    drawn by NumPy, so that a seed means the same weights under every backend.

    Raises
    ------
    VdsrError
        The named weights cannot be read, or are of another network than `config` says.
    """
    if config.weights is not None:
        return _trained_weights(config.weights, config)
    random = np.random.default_rng([config.seed, 0])
    sizes = [1] + [config.channels] * (config.depth - 1) + [1]
    weights = []
    for inputs, outputs in pairwise(sizes):
        kernel = random.standard_normal((3, 3, inputs, outputs)) * np.sqrt(2.0 / (9 * inputs))
        weights.append((kernel.astype(np.float32), np.zeros(outputs, np.float32)))
    if config.last_layer == "zero":
        weights[-1][0][:] = 0.0
    return weights


def _trained_weights(source: Path | str, config: Config) -> Weights:
    weights = read_any(source)
    widths = [kernel.shape[-1] for kernel, _ in weights[:-1]]
    if widths != [config.channels] * (config.depth - 1):
        found = f"{len(weights)} layers of {' and '.join(map(str, sorted(set(widths))))} channels"
        fitting = f"; give --depth {len(weights)} --channels {widths[0]}" if len(set(widths)) == 1 else ""
        raise VdsrError(f"{source}: has {found}, this training {config.depth} of {config.channels}{fitting}")
    return weights


def get_weights(variables: Iterable[Any]) -> Weights:
    """Return the (kernel, bias) of each layer, float32, kernels (3, 3, inputs, outputs).

    `variables` are the trainable variables of a model, or their averages.
    """
    arrays = [np.array(variable.numpy()) for variable in variables]
    return list(zip(arrays[0::2], arrays[1::2], strict=True))


def set_weights(model: Any, weights: Weights) -> None:
    """Fill a model that has as many layers and channels as `weights`."""
    model.set_weights([array for layer in weights for array in layer])
