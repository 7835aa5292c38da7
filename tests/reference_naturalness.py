"""NIQE and BRISQUE written down plainly, in NumPy and SciPy: what the fast ones must equal where nothing is flat.

One 7 x 7 filter instead of two passes, and a whole table searched for each fit.
"""

import math

import numpy as np
from reference import slow_imresize
from scipy.ndimage import correlate
from scipy.special import gamma

SHAPES = np.arange(9801) * 0.001 + 0.2


def slow_grey(image: np.ndarray) -> np.ndarray:
    if image.ndim == 2:
        return image.astype(float)
    weights = np.linalg.inv([[1, 0.956, 0.621], [1, -0.272, -0.647], [1, -1.106, 1.703]])[0]
    return np.floor(image @ weights + 0.5)


def slow_coefficients(grey: np.ndarray, mode: str) -> np.ndarray:
    y, x = np.mgrid[-3:4, -3:4]
    window = np.exp(-(x**2 + y**2) / (2 * (7 / 6) ** 2))
    window /= window.sum()
    mean = correlate(grey, window, mode=mode)
    return (grey - mean) / (np.sqrt(np.abs(correlate(grey**2, window, mode=mode) - mean**2)) + 1)


def slow_fit(values: np.ndarray) -> tuple[float, float, float]:
    """Shape, left and right deviation of an asymmetric generalised Gaussian."""
    left, right = (math.sqrt((side**2).mean()) for side in (values[values < 0], values[values > 0]))
    ratio = left / right
    wanted = np.abs(values).mean() ** 2 / (values**2).mean() * (ratio**3 + 1) * (ratio + 1) / (ratio**2 + 1) ** 2
    table = gamma(2 / SHAPES) ** 2 / (gamma(1 / SHAPES) * gamma(3 / SHAPES))
    return SHAPES[np.argmin((table - wanted) ** 2)], left, right


def slow_niqe_features(block: np.ndarray) -> list[float]:
    found = []
    for shift in (None, (0, 1), (1, 0), (1, 1), (1, -1)):
        shape, left, right = slow_fit((block if shift is None else block * np.roll(block, shift, (0, 1))).ravel())
        left, right = (side * math.sqrt(gamma(1 / shape) / gamma(3 / shape)) for side in (left, right))
        middle = (right - left) * gamma(2 / shape) / gamma(1 / shape)
        found += [shape, (left + right) / 2] if shift is None else [shape, middle, left, right]
    return found


def slow_niqe(image: np.ndarray, mean: np.ndarray, covariance: np.ndarray, *, resize=slow_imresize) -> float:
    grey = slow_grey(image)
    rows, columns = (side // 96 for side in grey.shape)
    grey = grey[: rows * 96, : columns * 96]
    scales = []
    for plane, side in ((grey, 96), (resize(grey, 0.5), 48)):
        found = slow_coefficients(plane, "nearest")
        scales.append([slow_niqe_features(found[i * side : (i + 1) * side, j * side : (j + 1) * side])
                       for j in range(columns) for i in range(rows)])  # fmt: skip
    features = np.hstack(scales)
    apart = mean - features.mean(axis=0)
    return math.sqrt(apart @ np.linalg.pinv((covariance + np.cov(features.T)) / 2) @ apart)


def slow_brisque_features(image: np.ndarray, *, resize=slow_imresize) -> list[float]:
    grey, features = slow_grey(image), []
    for plane in (grey, resize(grey, 0.5)):
        found = slow_coefficients(plane, "constant")
        square = (found**2).mean()
        table = gamma(1 / SHAPES) * gamma(3 / SHAPES) / gamma(2 / SHAPES) ** 2
        features += [SHAPES[np.argmin(np.abs(table - square / np.abs(found).mean() ** 2))], square]
        for shift in ((0, 1), (1, 0), (1, 1), (-1, 1)):
            shape, left, right = slow_fit((found * np.roll(found, shift, (0, 1))).ravel())
            scale = math.sqrt(gamma(1 / shape) / gamma(3 / shape))
            middle = (right - left) * gamma(2 / shape) / gamma(1 / shape) * scale
            features += [shape, middle, left**2, right**2]
    return features
