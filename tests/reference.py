"""Slow, obvious twins of the fast code: plain Python and NumPy, nothing shared with the packages; and random images."""

import math
import statistics
import struct
from fractions import Fraction
from itertools import pairwise

import numpy as np
from numpy.typing import DTypeLike


def random_image(shape: tuple[int, ...], dtype: DTypeLike, seed: int = 0) -> np.ndarray:
    """Any values of an integer, or normal numbers."""
    random = np.random.default_rng(seed)
    if np.dtype(dtype).kind == "u":
        return random.integers(0, np.iinfo(dtype).max + 1, shape, dtype=dtype)
    return random.normal(0, 1, shape).astype(dtype)


def random_network(depth: int, channels: int = 4) -> list[tuple[np.ndarray, np.ndarray]]:
    """Weights under which every layer passes on about as much as it is given."""
    random = np.random.default_rng(depth)
    shapes = [(3, 3, i, o) for i, o in pairwise([1, *[channels] * (depth - 1), 1])]
    return [
        ((random.standard_normal(s) * np.sqrt(2 / (9 * s[2]))).astype(np.float32), random.normal(size=s[3]) / 10)
        for s in shapes
    ]


def slow_network(weights: list[tuple[np.ndarray, np.ndarray]], image: np.ndarray) -> np.ndarray:
    """The network in float64, one tap at a time, with zeros beyond the edge."""
    rows, columns = image.shape
    features = image[..., np.newaxis].astype(float)
    for number, (kernel, bias) in enumerate(weights, start=1):
        padded, sums = np.pad(features, ((1, 1), (1, 1), (0, 0))), bias.astype(float)
        for i, j in np.ndindex(3, 3):
            with np.errstate(invalid="ignore"):
                sums = sums + padded[i : i + rows, j : j + columns] @ kernel[i, j].astype(float)
        features = sums if number == len(weights) else np.where(sums < 0, 0, sums)  # a NaN stays
    return image + features[..., 0]


def slow_psnr(image: np.ndarray, reference: np.ndarray, peak: float) -> float:
    """PSNR one value at a time, in exact arithmetic until the logarithm."""
    pairs = zip(image.ravel().tolist(), reference.ravel().tolist(), strict=True)
    error = sum(((Fraction(a) - Fraction(b)) ** 2 for a, b in pairs), Fraction(0)) / image.size
    return math.inf if error == 0 else 10 * math.log10(peak**2 / error)


def slow_ssim(
    image: np.ndarray,
    reference: np.ndarray,
    peak: float,
    border: str,
    *,
    window: str = "gaussian",
    volume: bool = False,
    downsample: bool = False,
    luminance: bool = True,
) -> float:
    """SSIM window by window, as equations 14 to 16 of Wang et al. 2004 define it, in all its forms."""
    a, b = image.astype(float), reference.astype(float)
    if a.ndim == 3 and not volume:
        options = {"window": window, "downsample": downsample, "luminance": luminance}
        return float(np.mean([slow_ssim(a[..., c], b[..., c], peak, border, **options) for c in range(a.shape[2])]))
    if downsample:
        f = max(1, math.floor(min(a.shape) / 256 + 0.5))
        a, b = slow_block_means(a, f), slow_block_means(b, f)
    size = {"gaussian": 11, "uniform-8": 8, "uniform-7": 7}[window]
    if border != "valid":
        mode = {"replicate": "edge", "reflect": "reflect"}[border]
        a, b = (np.pad(x, ((size - 1) // 2, size // 2), mode=mode) for x in (a, b))
    weight = np.ones((size,) * a.ndim)
    if window == "gaussian":
        weight = np.exp(-sum(x**2 for x in np.mgrid[(slice(-5, 6),) * a.ndim]) / (2 * 1.5**2))
    weight /= weight.sum()
    samples = weight.size / (weight.size - 1) if window == "uniform-7" else 1.0
    c1, c2 = (0.01 * peak) ** 2, (0.03 * peak) ** 2
    values = []
    for place in np.ndindex(*(side - size + 1 for side in a.shape)):
        box = tuple(slice(k, k + size) for k in place)
        p, q = a[box], b[box]
        mean_p, mean_q = (weight * p).sum(), (weight * q).sum()
        variance_p = samples * (weight * (p - mean_p) ** 2).sum()
        variance_q = samples * (weight * (q - mean_q) ** 2).sum()
        covariance = samples * (weight * (p - mean_p) * (q - mean_q)).sum()
        value = (2 * covariance + c2) / (variance_p + variance_q + c2)
        if luminance:
            value *= (2 * mean_p * mean_q + c1) / (mean_p**2 + mean_q**2 + c1)
        values.append(value)
    return float(np.mean(values))


def ordered_ssim(
    a: np.ndarray, b: np.ndarray, peak: float, border: str, *, window: str = "gaussian", volume: bool = False
) -> float:
    """SSIM of whole float64 planes, each sum in the order that the kernel's comments state: equal in every bit."""
    size = {"gaussian": 11, "uniform-8": 8, "uniform-7": 7}[window]
    x = np.arange(11) - 5
    taps = np.exp(-(x**2) / 4.5) / np.exp(-(x**2) / 4.5).sum() if window == "gaussian" else np.full(size, 1 / size)

    def padded(image: np.ndarray) -> np.ndarray:
        mode = {"replicate": "edge", "reflect": "reflect"}.get(border)
        beyond = ((size - 1) // 2, size // 2)
        pads = [beyond, beyond, beyond if volume else (0, 0)]
        return np.pad(image, pads, mode=mode) if mode else image

    def means(lines: np.ndarray, turned: bool) -> np.ndarray:
        """Weighted sums of lines: from the ends inwards, or of a box in turn, downwards by row modulo size."""
        sums = []
        for start in range(len(lines) - size + 1):
            part = lines[start : start + size]
            if size == 11:
                total = taps[0] * (part[0] + part[10])
                for k in range(1, 5):
                    total = total + taps[k] * (part[k] + part[10 - k])
                sums.append(total + taps[5] * part[5])
                continue
            part = np.roll(part, start % size, axis=0) if turned else part
            total = part[0]
            for line in part[1:7]:
                total = total + line
            sums.append(taps[0] * total + taps[0] * part[7] if size == 8 else taps[0] * total)
        return np.array(sums)

    a, b = (padded(np.atleast_3d(image.astype(float))) for image in (a, b))
    c1, c2 = (0.01 * peak) ** 2, (0.03 * peak) ** 2
    if window == "uniform-7":
        samples = size ** (3 if volume else 2)
        c2 *= (samples - 1) / samples
    products = np.array([a, b, a * a + b * b, a * b])
    channels = [products[..., c] for c in range(a.shape[2])]
    if volume:  # each of the real channels by the sum of the taps that lie on it
        deep, edge = len(channels) - size + 1, (size - 1) // 2
        real = channels[edge : edge + deep]
        places = np.arange(len(channels)).clip(edge, edge + deep - 1) - edge
        weights = [np.bincount(places[k : k + size], taps, deep) for k in range(deep)]
        channels = [sum((w * c for w, c in zip(row, real, strict=True)), np.zeros(real[0].shape)) for row in weights]
    values = []
    for moments in channels:
        mean_a, mean_b, squares, both = (means(means(moment, True).T, False).T for moment in moments)
        product, square = mean_a * mean_b, mean_a * mean_a + mean_b * mean_b
        numerator, denominator = 2.0 * (both - product) + c2, squares - square + c2
        numerator, denominator = (2.0 * product + c1) * numerator, (square + c1) * denominator
        columns = np.zeros(product.shape[1])
        for row in numerator / denominator:
            columns += row
        values.append(columns.sum() / product.size)
    return float(np.mean(values))


def slow_block_means(image: np.ndarray, factor: int) -> np.ndarray:
    """The mean of factor x factor pixels with mirrored edges, placed as imfilter's, every factor-th of them."""
    return slow_imfilter(image, np.full((factor, factor), 1 / factor**2), "symmetric")[::factor, ::factor]


def slow_ms_ssim(a: np.ndarray, b: np.ndarray, peak: float, method: str) -> float:
    """Wang's multi-scale SSIM of two planes."""
    weights = [0.0448, 0.2856, 0.3001, 0.2363, 0.1333]
    values = []
    for scale in range(5):
        values.append(slow_ssim(a, b, peak, "valid", luminance=scale == 4))
        a, b = slow_block_means(a, 2), slow_block_means(b, 2)
    if method == "product":
        return math.prod(value**weight for value, weight in zip(values, weights, strict=True))
    return sum(value * weight for value, weight in zip(values, weights, strict=True)) / sum(weights)


def slow_gmsd(a: np.ndarray, b: np.ndarray, peak: float) -> float:
    """Xue's gradient magnitude similarity deviation of two planes, pixel by pixel, zero beyond the edges."""

    def at(image: np.ndarray, i: int, j: int) -> float:
        return float(image[i, j]) if 0 <= i < image.shape[0] and 0 <= j < image.shape[1] else 0.0

    def magnitude(image: np.ndarray) -> list[float]:
        rows, columns = ((side + 1) // 2 for side in image.shape)
        small = np.zeros((rows, columns))
        for i, j in np.ndindex(rows, columns):
            small[i, j] = sum(at(image, 2 * i + k, 2 * j + m) for k in (0, 1) for m in (0, 1)) / 4
        steps = (-1, 0, 1)
        return [
            math.hypot(
                sum(at(small, i + k, j + 1) - at(small, i + k, j - 1) for k in steps) / 3,
                sum(at(small, i + 1, j + k) - at(small, i - 1, j + k) for k in steps) / 3,
            )
            for i, j in np.ndindex(rows, columns)
        ]

    constant = 170 * (peak / 255) ** 2
    alike = [
        (2 * p * q + constant) / (p * p + q * q + constant) for p, q in zip(magnitude(a), magnitude(b), strict=True)
    ]
    return statistics.stdev(alike)


class Rounded:
    """A float whose every sum, product and quotient is exact and then rounded once, as IEEE 754 says."""

    def __init__(self, value: float):
        self.value = float(value)

    def __add__(self, other: "Rounded | float") -> "Rounded":
        return Rounded(float(Fraction(self.value) + Fraction(_plain(other))))

    def __mul__(self, other: "Rounded | float") -> "Rounded":
        return Rounded(float(Fraction(self.value) * Fraction(_plain(other))))

    def __truediv__(self, other: "Rounded | float") -> "Rounded":
        return Rounded(float(Fraction(self.value) / Fraction(_plain(other))))

    def __sub__(self, other: "Rounded | float") -> "Rounded":
        return self + -_plain(other)

    def __rsub__(self, other: float) -> "Rounded":
        return Rounded(other) - self

    def __rtruediv__(self, other: float) -> "Rounded":
        return Rounded(other) / self

    __radd__, __rmul__ = __add__, __mul__


def _plain(x: Rounded | float) -> float:
    return x.value if isinstance(x, Rounded) else x


def _top(x):
    """The number without its lower 32 bits."""
    return type(x)(_from_words(_upper_word(_plain(x)), 0))


def _upper_word(x: float) -> int:
    return struct.unpack(">I", struct.pack(">d", x)[:4])[0]


def _from_words(upper: int, lower: int) -> float:
    return struct.unpack(">d", struct.pack(">II", upper, lower))[0]


def _words(text: str) -> list[float]:
    """Doubles from their 16 hexadecimal digits."""
    return [struct.unpack(">d", bytes.fromhex(word))[0] for word in text.split()]


def _horner(factors: list[float], x):
    total = type(x)(factors[-1])
    for factor in reversed(factors[:-1]):
        total = factor + x * total
    return total


EXP = _words("3FC555555555553E BF66C16C16BEBD93 3F11566AAF25DE2C BEBBBD41C5D26BF1 3E66376972BEA4D0")


def slow_cube(x: float, number: type = float) -> float:
    """x ** 3 as fdlibm's pow has it, 2 to the power 3 log2(x); with `Rounded` numbers in exact arithmetic."""
    if x == 0:
        return 0.0
    log2 = _words(
        "3FE3333333333303 3FDB6DB6DB6FABFF 3FD55555518F264D 3FD17460A91D4101 3FCD864A93C9DB65 3FCA7E284A454EEF"
    )
    c, c_high, c_low = _words("3FEEC709DC3A03FD 3FEEC709E0000000 BE3E2FE0145B01F5")
    g, g_high, g_low = _words("3FE62E42FEFA39EF 3FE62E4300000000 BE205C610CA86C39")
    n = math.frexp(x)[1] - 1
    a = number(math.ldexp(x, -n))
    fraction = _upper_word(_plain(a)) & 0xFFFFF
    b, d_high, d_low = 1.0, 0.0, 0.0
    if 0x3988E < fraction < 0xBB67A:
        b, (d_high, d_low) = 1.5, _words("3FE2B80340000000 3E4CFDEB43CFD006")
    elif fraction >= 0xBB67A:
        a, n = a * 0.5, n + 1
    u, v = a - b, 1 / (a + b)
    s = u * v
    s_high = _top(s)
    t_high = number(_from_words(((_upper_word(_plain(a)) >> 1) | 0x20000000) + 0x80000 + 0x40000 * (b == 1.5), 0))
    t_low = a - (t_high - b)
    s_low = v * ((u - s_high * t_high) - s_high * t_low)
    q = s * s
    r = (q * q) * _horner(log2, q) + s_low * (s_high + s)
    q = s_high * s_high
    t_high = _top(3.0 + q + r)
    t_low = r - ((t_high - 3.0) - q)
    u, v = s_high * t_high, s_low * t_high + t_low * s
    p_high = _top(u + v)
    p_low = v - (p_high - u)
    z_high, z_low = c_high * p_high, c_low * p_high + p_low * c + d_low
    t1 = _top(((z_high + z_low) + d_high) + n)
    t2 = z_low - (((t1 - n) - d_high) - z_high)
    p_low, p_high = t2 * 3.0, t1 * 3.0
    z = _plain(p_low + p_high)
    m = math.trunc(z + math.copysign(0.5, z)) if abs(z) > 0.5 else 0
    p_high = p_high - m
    t = _top(p_low + p_high)
    u, v = t * g_high, (p_low - (t - p_high)) * g + t * g_low
    z = u + v
    w = v - (z - u)
    q = z * z
    c = z - q * _horner(EXP, q)
    r = (z * c) / (c - 2.0) - (w + z * w)
    return math.ldexp(_plain(1.0 - (r - z)), m)


def slow_exp(x: float) -> float:
    """e ** x as fdlibm has it, one rounded operation at a time."""
    ln2_high, ln2_low = _words("3FE62E42FEE00000 3DEA39EF35793C76")
    if abs(x) < 2.0**-28:
        return 1.0 + x
    k = 0
    if _upper_word(abs(x)) > 0x3FD62E42:
        near = _upper_word(abs(x)) < 0x3FF0A2B2
        k = int(math.copysign(1, x)) if near else math.trunc(x / math.log(2) + math.copysign(0.5, x))
    high, low = Rounded(x) - Rounded(k) * ln2_high, Rounded(k) * ln2_low
    rest = high - low
    c = rest - (rest * rest) * _horner(EXP, rest * rest)
    if k == 0:
        return (1.0 - ((rest * c) / (c - 2.0) - rest)).value
    return math.ldexp((1.0 - ((low - (rest * c) / (2.0 - c)) - high)).value, k)


def slow_log(x: float) -> float:
    """Natural logarithm as fdlibm has it, one rounded operation at a time."""
    ln2_high, ln2_low = _words("3FE62E42FEE00000 3DEA39EF35793C76")
    g = _words(
        "3FE5555555555593 3FD999999997FA04 3FD2492494229359 3FCC71C51D8E78AF 3FC7466496CB03DE 3FC39A09D078C69F "
        "3FC2F112DF3E5244"
    )
    k = math.frexp(x)[1] - 1
    a = math.ldexp(x, -k)
    fraction = _upper_word(a) & 0xFFFFF
    if fraction >= 0x6A09C:
        a, k = a / 2, k + 1
    f, high, low = Rounded(a) - 1.0, Rounded(k) * ln2_high, Rounded(k) * ln2_low
    if fraction in (0, 0xFFFFE, 0xFFFFF):
        return (high - ((f * f * (0.5 - (1 / 3) * f) - low) - f)).value
    s = f / (2.0 + f)
    z = s * s
    w = z * z
    r = w * _horner(g[1::2], w) + z * _horner(g[::2], w)
    if 0x6147A < fraction < 0x6B851:
        half = 0.5 * f * f
        return (high - ((half - (s * (half + r) + low)) - f)).value
    return (high - ((s * (f - r) - low) - f)).value


def slow_keys(x: float) -> float:
    """Keys' cubic convolution kernel, a = -0.5."""
    x = abs(x)
    if x <= 1:
        return 1.5 * slow_cube(x) - 2.5 * (x * x) + 1
    if x <= 2:
        return -0.5 * slow_cube(x) + 2.5 * (x * x) - 4 * x + 2
    return 0.0


def slow_kernel(x: float, method: str) -> float:
    """One of MATLAB's resizing kernels."""
    if method == "bicubic":
        return slow_keys(x)
    if method in ("bilinear", "triangle"):
        return max(1 - abs(x), 0.0)
    if method in ("nearest", "box"):
        return 1.0 if -0.5 <= x < 0.5 else 0.0
    lobes = {"lanczos2": 2, "lanczos3": 3}[method]
    if abs(x) >= lobes:
        return 0.0
    eps = 2.0**-52
    return (math.sin(math.pi * x) * math.sin(math.pi * x / lobes) + eps) / (math.pi**2 * (x * x) / lobes + eps)


SUPPORT = {"nearest": 1, "box": 1, "bilinear": 2, "triangle": 2, "bicubic": 4, "lanczos2": 4, "lanczos3": 6}


def slow_taps(
    in_length: int, out_length: int, scale: float, antialias: bool, boundary: str, method: str = "bicubic"
) -> list[list[tuple]]:
    """Per output pixel its (index, weight) pairs, in MATLAB's one-based arithmetic; all-zero columns are kept."""
    stretch = scale if antialias and scale < 1 else 1.0
    width = SUPPORT[method] / stretch
    table = []
    for x in range(1, out_length + 1):
        u = x / scale + 0.5 * (1 - 1 / scale)
        left = math.floor(u - width / 2)
        taps = [left + k for k in range(math.ceil(width) + 2)]
        weights = [stretch * slow_kernel(stretch * (u - tap), method) for tap in taps]
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


def slow_round(value: float | Fraction, top: int) -> int:
    """Round half away from zero and saturate to [0, top]."""
    return min(max(math.floor(Fraction(value) + Fraction(1, 2)), 0), top)


def slow_imresize(
    image: np.ndarray,
    scale: tuple[float, float],
    size: tuple[int, int],
    antialias: bool = True,
    boundary: str = "symmetric",
    method: str = "bicubic",
) -> np.ndarray:
    """imresize pixel by pixel; scale and size are (rows, columns)."""
    tops = {"uint8": 255, "uint16": 65535}
    result = image if image.dtype.name in tops else image.astype(np.float64)
    for axis in (0, 1) if scale[0] <= scale[1] else (1, 0):
        source = np.moveaxis(result, axis, 0)
        out = np.empty((size[axis], *source.shape[1:]), dtype=result.dtype)
        for x, taps in enumerate(slow_taps(len(source), size[axis], scale[axis], antialias, boundary, method)):
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


def slow_gray(image: np.ndarray) -> np.ndarray:
    """rgb2gray of uint8 by Cramer's rule in whole numbers: the first row of the inverse of NTSC's matrix."""
    (a, b, c), (d, e, f), (g, h, i) = (1000, 956, 621), (1000, -272, -647), (1000, -1106, 1703)
    row = e * i - f * h, c * h - b * i, b * f - c * e
    total = a * row[0] + d * row[1] + g * row[2]
    weights = [Fraction(1000 * part, total) for part in row]
    grey = [
        slow_round(sum(w * v for w, v in zip(weights, pixel, strict=True)), 255)
        for pixel in image.reshape(-1, 3).tolist()
    ]
    return np.reshape(grey, image.shape[:2]).astype(np.uint8)


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


def slow_randn(count: int, seed: int, widths: list[float]) -> list[float]:
    """The ziggurat of MATLAB's twister, one word after the other."""
    twister = np.random.RandomState(seed or 5489)

    def word() -> int:
        return int(twister.randint(0, 2**32, dtype=np.uint32))

    def height(x: float) -> float:
        return slow_exp(-0.5 * x * x)

    def one() -> float:
        while True:
            a, b = word(), word()
            layer = (b >> 24) + 1
            x = (((a >> 3) * 2**24 + (b & (2**24 - 1))) * 2.0**-52 - 1) * widths[layer]
            if abs(x) <= widths[layer - 1]:
                return x
            if layer == 256:
                while True:
                    beyond = slow_log(twister.random_sample()) / 3.6541528853610088
                    if -2 * slow_log(twister.random_sample()) > beyond * beyond:
                        return math.copysign(3.6541528853610088 - beyond, x)
            u = twister.random_sample()
            if height(widths[layer]) + u * (height(widths[layer - 1]) - height(widths[layer])) < height(x):
                return x

    return [one() for _ in range(count)]


def slow_v4_start(seed: int) -> int:
    """The first state after `rand('seed', seed)`, bit by bit: 0 to 14 change places with 16 to 30, and 15 stays."""
    bits = [(seed or 931316785) >> k & 1 for k in range(31)]
    return sum(bit << place for bit, place in zip(bits, [*range(16, 31), 15, *range(15)], strict=True))


def slow_v4_randn(count: int, seed: int = 0) -> list[float]:
    """Normal numbers of MATLAB 4 after `randn('seed', seed)`, one state after the other."""
    state, values = slow_v4_start(seed), []
    while len(values) < count:
        state = 16807 * state % (2**31 - 1)
        u = 2 * state / (2**31 - 1) - 1
        state = 16807 * state % (2**31 - 1)
        v = 2 * state / (2**31 - 1) - 1
        r = u * u + v * v
        if r < 1:
            values.append(u * math.sqrt(-2 * slow_log(r) / r))
    return values


def slow_imfilter(
    image: np.ndarray, kernel: np.ndarray, boundary: str | float = 0, convolve: bool = False, full: bool = False
) -> np.ndarray:
    """imfilter pixel by pixel, with one-based places as MATLAB counts them."""
    top = {"uint8": 255, "uint16": 65535}.get(image.dtype.name)
    rows, columns = kernel.shape
    if convolve:
        kernel = kernel[::-1, ::-1]
    before = (rows - 1, columns - 1) if full else ((rows + 1) // 2 - 1, (columns + 1) // 2 - 1)
    size = [n + k - 1 if full else n for n, k in zip(image.shape, kernel.shape, strict=False)]

    def pixel(i: int, j: int) -> np.ndarray | float:
        place = []
        for at, side in ((i, image.shape[0]), (j, image.shape[1])):
            if not isinstance(boundary, str):
                if not 0 <= at < side:
                    return slow_round(boundary, top) if top else float(boundary)
                place.append(at)
            elif boundary == "replicate":
                place.append(min(max(at, 0), side - 1))
            elif boundary == "circular":
                place.append(at % side)
            else:
                place.append([*range(side), *reversed(range(side))][at % (2 * side)])
        return image[tuple(place)].astype(np.float64)

    out = np.empty((*size, *image.shape[2:]), dtype=image.dtype)
    for i in range(size[0]):
        for j in range(size[1]):
            total = np.zeros(image.shape[2:])
            for q in range(columns):
                for p in range(rows):
                    if kernel[p, q] != 0:
                        total = total + kernel[p, q] * pixel(i + p - before[0], j + q - before[1])
            if top:
                total = np.reshape([slow_round(value, top) for value in np.ravel(total).tolist()], np.shape(total))
            out[i, j] = total
    return out
