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


def slow_volume_ssim(image: np.ndarray, reference: np.ndarray, peak: float) -> float:
    """MATLAB's `ssim` of an RGB image, which it takes for a volume: windows of 11 x 11 x 11 with repeated edges."""
    a, b = (np.pad(volume.astype(float), 5, mode="edge") for volume in (image, reference))
    weight = np.exp(-(np.mgrid[-5:6, -5:6, -5:6] ** 2).sum(axis=0) / (2 * 1.5**2))
    weight /= weight.sum()
    c1, c2 = (0.01 * peak) ** 2, (0.03 * peak) ** 2
    values = []
    for place in np.ndindex(image.shape):
        window = tuple(slice(k, k + 11) for k in place)
        p, q = a[window], b[window]
        mean_p, mean_q = (weight * p).sum(), (weight * q).sum()
        variances = (weight * ((p - mean_p) ** 2 + (q - mean_q) ** 2)).sum()
        covariance = (weight * (p - mean_p) * (q - mean_q)).sum()
        luminance = (2 * mean_p * mean_q + c1) / (mean_p**2 + mean_q**2 + c1)
        values.append(luminance * (2 * covariance + c2) / (variances + c2))
    return float(np.mean(values))


def slow_cube(x: float) -> float:
    """x ** 3 rounded once, from exact rational arithmetic; MATLAB's one known exception included."""
    return (
        float.fromhex("0x1.284bda12f684cp+2") if x == float.fromhex("0x1.aaaaaaaaaaaabp+0") else float(Fraction(x) ** 3)
    )


def slow_keys(x: float) -> float:
    """Keys' cubic convolution kernel, a = -0.5."""
    x = abs(x)
    if x <= 1:
        return 1.5 * slow_cube(x) - 2.5 * (x * x) + 1
    if x <= 2:
        return -0.5 * slow_cube(x) + 2.5 * (x * x) - 4 * x + 2
    return 0.0


def slow_taps(in_length: int, out_length: int, scale: float, antialias: bool, boundary: str) -> list[list[tuple]]:
    """Per output pixel its (index, weight) pairs, in MATLAB's one-based arithmetic; all-zero columns are kept."""
    stretch = scale if antialias and scale < 1 else 1.0
    width = 4 / stretch
    table = []
    for x in range(1, out_length + 1):
        u = x / scale + 0.5 * (1 - 1 / scale)
        left = math.floor(u - width / 2)
        taps = [left + k for k in range(math.ceil(width) + 2)]
        weights = [stretch * slow_keys(stretch * (u - tap)) for tap in taps]
        total = weights[0]
        for weight in weights[1:]:
            total += weight
        mirror = [*range(1, in_length + 1), *range(in_length, 0, -1)]
        if boundary == "symmetric":
            indices = [mirror[(tap - 1) % len(mirror)] - 1 for tap in taps]
        else:
            indices = [min(max(tap, 1), in_length) - 1 for tap in taps]
        table.append([(i, w / total) for i, w in zip(indices, weights, strict=True) if w != 0])
    return table


def slow_round(value: float, top: int) -> int:
    """Round half away from zero and saturate to [0, top]."""
    return min(max(math.floor(Fraction(value) + Fraction(1, 2)), 0), top)


def slow_imresize(
    image: np.ndarray,
    scale: tuple[float, float],
    size: tuple[int, int],
    antialias: bool = True,
    boundary: str = "symmetric",
) -> np.ndarray:
    """imresize pixel by pixel; scale and size are (rows, columns)."""
    tops = {"uint8": 255, "uint16": 65535}
    result = image if image.dtype.name in tops else image.astype(np.float64)
    for axis in (0, 1) if scale[0] <= scale[1] else (1, 0):
        source = np.moveaxis(result, axis, 0)
        out = np.empty((size[axis], *source.shape[1:]), dtype=result.dtype)
        for x, taps in enumerate(slow_taps(len(source), size[axis], scale[axis], antialias, boundary)):
            total = taps[0][1] * source[taps[0][0]].astype(np.float64)
            for index, weight in taps[1:]:
                total = total + weight * source[index].astype(np.float64)
            if result.dtype.name in tops:
                rounded = [slow_round(value, tops[result.dtype.name]) for value in total.ravel().tolist()]
                total = np.reshape(rounded, total.shape)
            out[x] = total
        result = np.moveaxis(out, 0, axis)
    return result.astype(image.dtype)


BT601 = ((65.481, 128.553, 24.966), (-37.797, -74.203, 112.0), (112.0, -93.786, -18.214))


def slow_ycbcr(pixel: tuple[float, float, float], channel: int, integer: bool) -> float:
    """One channel of rgb2ycbcr of one pixel, uint8 (`integer`) or float."""
    r, g, b = pixel
    t1, t2, t3 = (t * (1 / 255) for t in BT601[channel])
    offset = (16.0, 128.0, 128.0)[channel]
    if integer:
        return slow_round(((t1 * r + t2 * g) + t3 * b) + offset, 255)
    return ((t1 * r + t2 * g) + t3 * b) + offset * (1 / 255)


def slow_luma(image: np.ndarray) -> np.ndarray:
    """Luma of a uint8 image; a grey image is its own."""
    if image.ndim == 2:
        return image
    flat = [slow_ycbcr(tuple(pixel), 0, True) for pixel in image.reshape(-1, 3).astype(float).tolist()]
    return np.reshape(flat, image.shape[:2]).astype(np.uint8)


def slow_train_data(images: list[np.ndarray], patch: int = 41, stride: int = 41, scales: tuple = (2, 3, 4)) -> tuple:
    """train_data.m statement by statement, everything in memory; returns /lr and /gt as h5py shows MATLAB's file."""
    lr_list, gt_list = [], []
    for image in images:
        y = slow_luma(image) / 255
        for rotation in (0, 1):
            for flip in (False, True):
                turned = np.rot90(y, rotation)
                turned = turned[:, ::-1] if flip else turned
                for scale in scales:
                    height, width = (n // scale * scale for n in turned.shape)
                    gt = turned[:height, :width]
                    low = slow_imresize(gt, (1 / scale, 1 / scale), (height // scale, width // scale))
                    lr = slow_imresize(low, (scale, scale), (height, width))
                    for i in range(0, height - patch + 1, stride):
                        for j in range(0, width - patch + 1, stride):
                            gt_list.append(gt[i : i + patch, j : j + patch].T)
                            lr_list.append(lr[i : i + patch, j : j + patch].T)
    order = np.argsort(np.random.RandomState(5489).random_sample(len(gt_list)), kind="stable")
    order = order[: len(order) // 64 * 64]
    return tuple(np.array([part[k] for k in order], dtype=np.float32)[:, np.newaxis] for part in (lr_list, gt_list))
