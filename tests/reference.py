"""Slow, obvious twins of the fast code: plain Python and NumPy, nothing shared with the packages."""

import math
from fractions import Fraction

import numpy as np


def slow_psnr(image: np.ndarray, reference: np.ndarray, peak: float) -> float:
    """PSNR one value at a time, in exact arithmetic until the logarithm."""
    pairs = zip(image.ravel().tolist(), reference.ravel().tolist(), strict=True)
    error = sum(((Fraction(a) - Fraction(b)) ** 2 for a, b in pairs), Fraction(0)) / image.size
    return math.inf if error == 0 else 10 * math.log10(peak**2 / error)


def slow_ssim(image: np.ndarray, reference: np.ndarray, peak: float, border: str) -> float:
    """SSIM window by window with the two-dimensional Gaussian, as equations 14 to 16 of Wang et al. 2004 define it."""
    a, b = image.astype(float), reference.astype(float)
    if border == "replicate":
        a, b = np.pad(a, 5, mode="edge"), np.pad(b, 5, mode="edge")
    y, x = np.mgrid[-5:6, -5:6]
    weight = np.exp(-(x**2 + y**2) / (2 * 1.5**2))
    weight /= weight.sum()
    c1, c2 = (0.01 * peak) ** 2, (0.03 * peak) ** 2
    values = []
    for i in range(a.shape[0] - 10):
        for j in range(a.shape[1] - 10):
            p, q = a[i : i + 11, j : j + 11], b[i : i + 11, j : j + 11]
            mean_p, mean_q = (weight * p).sum(), (weight * q).sum()
            variance_p = (weight * (p - mean_p) ** 2).sum()
            variance_q = (weight * (q - mean_q) ** 2).sum()
            covariance = (weight * (p - mean_p) * (q - mean_q)).sum()
            luminance = (2 * mean_p * mean_q + c1) / (mean_p**2 + mean_q**2 + c1)
            values.append(luminance * (2 * covariance + c2) / (variance_p + variance_q + c2))
    return float(np.mean(values))
