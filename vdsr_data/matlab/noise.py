"""MATLAB's `imnoise`: noise from MATLAB's own random numbers."""

from typing import Any, Literal, get_args

import numpy as np
from numpy.typing import NDArray

from vdsr_data import limits
from vdsr_data.errors import ArgumentError
from vdsr_data.matlab.arrays import as_array
from vdsr_data.matlab.color import INTEGER_TOP, im2double
from vdsr_data.matlab.random import Generator, rand, randn

__all__ = ["NoiseKind", "imnoise", "to_class"]

NoiseKind = Literal["gaussian", "poisson", "salt & pepper", "speckle"]
DEFAULTS: dict[str, tuple[float, ...]] = {
    "gaussian": (0.0, 0.01), "poisson": (), "salt & pepper": (0.05,), "speckle": (0.05,)
}  # fmt: skip
COUNTS = 1e12  # photons that a float of 1 stands for


def imnoise(
    image: NDArray[Any], kind: NoiseKind, *parameters: float, seed: int = 0, generator: Generator = "twister"
) -> NDArray[Any]:
    """Add noise as MATLAB's ``imnoise(image, kind, parameters...)`` does after ``rng(seed)``.

    Parameters
    ----------
    image : ndarray
        Any shape; uint8, uint16; or float32, float64 in [0, 1]. Any memory layout, never modified.
    kind : {"gaussian", "poisson", "salt & pepper", "speckle"}
        What the noise is.
    *parameters
        As in MATLAB, for images in [0, 1], and with its defaults: ``"gaussian", mean, variance``;
        ``"salt & pepper", density``; ``"speckle", variance``.
    seed, generator
        As for `rand`; ``generator="v4"`` is what ``randn('seed', seed)`` and ``rand('seed', seed)`` switch to.

    Returns
    -------
    ndarray
        Same shape and dtype, clipped to [0, 1] (integers: to their range, rounded half away from zero).

    Raises
    ------
    TypeError
        For another dtype.
    ArgumentError
        If `kind`, a parameter, `seed` or `generator` is not valid.

    Warns
    -----
    RangeWarning
        If floats are above 2.

    Notes
    -----
    The random numbers are MATLAB's; how they are used follows its documentation, and no MATLAB file was at hand to
    prove it. "poisson" has the right distribution, but not MATLAB's numbers.

    Examples
    --------
    >>> import numpy as np
    >>> from vdsr_data import imnoise
    >>> imnoise(np.full((1, 3), 100, np.uint8), "gaussian", 0, 0.01).tolist()
    [[114, 147, 42]]
    """
    image = as_array(image, "imnoise")
    kind = limits.choice("kind", kind, get_args(NoiseKind))
    if len(parameters) > len(DEFAULTS[kind]):
        raise ArgumentError(f"imnoise {kind} has {len(DEFAULTS[kind])} parameters, got {len(parameters)}")
    values = im2double(image)
    first, second = (*parameters, *DEFAULTS[kind][len(parameters) :], 0.0, 0.0)[:2]
    match kind:
        case "gaussian":
            mean, variance = limits.number("mean", first, (-1, 1)), limits.number("variance", second, (0, 100))
            noise = randn(image.shape, seed, generator)
            noisy = values + np.sqrt(variance) * noise + mean
        case "speckle":
            variance = limits.number("variance", first, (0, 100))
            noisy = values + np.sqrt(12 * variance) * values * (rand(image.shape, seed, generator) - 0.5)
        case "salt & pepper":
            density = limits.number("density", first, (0, 1))
            chance = rand(image.shape, seed, generator)
            noisy = np.where(chance < density / 2, 0.0, np.where(chance < density, 1.0, values))
        case _:
            counts = INTEGER_TOP.get(image.dtype.newbyteorder("="), COUNTS)
            limits.choice("generator", generator, ("twister",))
            stream = np.random.RandomState(limits.whole("seed", seed, limits.SEEDS))
            means = np.nan_to_num(values * counts, nan=0.0).clip(0, counts)
            noisy = np.where(np.isnan(values), values, stream.poisson(means) / counts)
    return to_class(noisy.clip(0, 1), image.dtype)


def to_class(values: NDArray[np.float64], dtype: np.dtype[Any]) -> NDArray[Any]:
    """Images in [0, 1] as MATLAB's ``im2uint8``, ``im2uint16``, ``single`` or ``double``, by the dtype."""
    dtype = dtype.newbyteorder("=")
    top = INTEGER_TOP.get(dtype)
    if top is None:
        return values.astype(dtype)
    return np.floor((values * top).clip(0, top) + 0.5).astype(dtype)
