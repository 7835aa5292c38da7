"""One image under a protocol: the ground truth, the low resolution, what is scored of a result, and its scores.

Images stay in the protocol's own range: [0, 1] where the result is a float, 0 to 255 where it is rounded. What is
scored is kept in the fewest bytes that hold it, see `Pixels`: float64 of a whole photograph takes a gigabyte.
"""

import math
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from functools import cache, partial
from typing import Any, Literal, get_args

import numpy as np
from numpy.typing import NDArray

from vdsr_data import im2double, imresize, luma, rgb2ycbcr, ycbcr2rgb
from vdsr_data.degradations.ilr import degraded_image, enlarged
from vdsr_data.degradations.recipes import crop_for
from vdsr_data.errors import ArgumentError
from vdsr_data.interop.resizers import resizer
from vdsr_data.limits import EVALUATED, checked_factor, choice
from vdsr_data.matlab.arrays import as_array, modcrop, remark_range
from vdsr_data.matlab.color import to_double, to_rgb, to_ycbcr
from vdsr_data.matlab.noise import to_class
from vdsr_data.matlab.resize import output_size
from vdsr_eval.metrics.fidelity import (
    SSIM_FORMS,
    SSIM_WINDOW,
    Pixels,
    as_floats,
    compared,
    decibels,
    mean_squared_error,
    mean_ssim,
    remark_odd,
)
from vdsr_eval.protocols.checked import Floats, checked_image, checked_luma, eight_bit, rounded
from vdsr_eval.protocols.protocol import Protocol, as_protocol

__all__ = [
    "Colour",
    "Enlarged",
    "Pair",
    "as_colours",
    "as_scored",
    "enlarge",
    "ground_truth",
    "pair_from_stored",
    "pair_of",
    "prepare",
    "result",
    "rgb_result",
    "score",
    "small_image",
    "too_small",
    "without_rest",
]

Colour = Literal["luma", "rgb"]


@dataclass(frozen=True)
class Pair:
    """One image at one scale, ready to be upscaled and scored.

    `truth` and `baseline` are what the protocol scores, of the ground truth and of bicubic: (rows, columns) or, for
    colour, (rows, columns, 3), in [0, data_range]. `ilr` is the network's input: luma enlarged by bicubic, float64, not
    clipped. `chroma` is the enlarged Cb and Cr, (rows, columns, 2) in [0, 1], or None for a grey image and where
    nothing needs it. `lr` is the low-resolution image that was handed in, None where the protocol made it: see
    `small_image`.
    """

    truth: Pixels
    baseline: Pixels
    enlarged: Callable[[], tuple[Floats, Floats | None]]  # ilr and chroma, made when they are asked for
    lr: NDArray[Any] | None = None

    @property
    def gt(self) -> Floats:
        """The ground truth as float64."""
        return self.truth.floats()

    @property
    def bicubic(self) -> Floats:
        """Bicubic as float64."""
        return self.baseline.floats()

    @property
    def ilr(self) -> Floats:
        """Luma enlarged by bicubic."""
        return self.enlarged()[0]

    @property
    def chroma(self) -> Floats | None:
        """Cb and Cr enlarged by bicubic."""
        return self.enlarged()[1]


def prepare(original: NDArray[Any], *, scale: float, protocol: Protocol | str, lr: NDArray[Any] | None = None) -> Pair:
    """Make the ground truth and the low resolution of one image, as the protocol says.

    Parameters
    ----------
    original : ndarray, shape (rows, columns) or (rows, columns, 3), uint8 or uint16
        The whole image; it is cropped here. 16 bits are reduced to 8 where the protocol scores 8-bit results.
    scale : float
        From 1 to 16; at a fraction the original is cropped as `crop_for` says.
    protocol : Protocol or str
        One of `PROTOCOLS`, its name, or a variation of one.
    lr : ndarray, uint8 or uint16, optional
        A low-resolution image that was made elsewhere, instead of shrinking `original`.

    Raises
    ------
    ArgumentError
        If an image has another shape or dtype, or `lr` another size or number of channels than the cropped original
        asks for; if there is no such protocol, or the scale is no number from 1 to 16.
    VdsrError
        If the library is missing whose resizer the protocol names.
    """
    protocol = as_protocol(protocol)
    return pair_of(enlarge(original, scale=scale, protocol=protocol, lr=lr), protocol)


@dataclass(frozen=True)
class Enlarged:
    """An original as a protocol reads and crops it, and its low resolution at the same size; made by `enlarge`.

    It depends on the rules source, degradation, boundary, resizer, crop and grey; and on whether results have 8 bits.
    """

    original: NDArray[Any]  # uint8 or uint16
    planes: Callable[[], Floats]  # luma, or YCbCr
    low: NDArray[Any] | None  # the colour image of 8 bits, 16 or floats; None where luma is shrunk
    up: Callable[[], Floats]  # it enlarged in floating point, anew at each call
    up_eight_bit: Callable[[], NDArray[Any]]  # it enlarged as an 8-bit image
    given: NDArray[Any] | None


def enlarge(
    original: NDArray[Any],
    *,
    scale: float,
    protocol: Protocol,
    lr: NDArray[Any] | None = None,
    colour: bool | None = None,
) -> Enlarged:
    """Read, reduce and enlarge an original; arguments and errors are those of `prepare`.

    `colour` says whether all channels are needed; by default what the protocol needs.
    """
    scale, given = checked_factor("scale", scale, EVALUATED), lr
    original, lr = _as_read(original, lr, scale, protocol)
    enlarged_low = partial(_enlarged, scale=scale, shape=original.shape, protocol=protocol)
    colour = _colour(protocol) if colour is None else colour
    if protocol.source == "luma":
        small = _lr_planes(original, lr, scale, protocol, colour=colour and original.ndim == 3)
        planes = cache(lambda: enlarged_low(small))
        return Enlarged(original, planes, None, planes, lambda: original, given)
    low = _low(original, scale, protocol) if lr is None else lr

    def up() -> Floats:
        # Nobody is warned of noise that goes beyond [0, 1]; and the others' own bicubic is of 8 bits.
        return _double(enlarged_low(low if protocol.resizer != "matlab" else _double(low)))

    planes = cache(lambda: to_ycbcr(up()) if low.ndim == 3 else up())
    return Enlarged(original, planes, low, up, cache(lambda: enlarged_low(low)), given)


def pair_of(made: Enlarged, protocol: Protocol) -> Pair:
    """What the protocol scores of it; its rules that `Enlarged` depends on must be those that made it."""
    truth = as_scored(made.original, protocol)
    if protocol.result == "rgb" and made.low is not None and made.low.dtype.kind == "u":
        baseline = as_scored(made.up_eight_bit(), protocol)
    elif made.low is not None and made.low.ndim == 3:
        baseline = _of_rgb(made.up(), protocol)
    elif (planes := made.planes()).ndim == 3 and _colour(protocol):
        baseline = _finished(planes, to_rgb, protocol)
    else:
        baseline = _finished(planes if planes.ndim == 2 else planes[:, :, 0], _clip(protocol), protocol)
    return Pair(truth, baseline, cache(lambda: _split(made.planes(), protocol)), made.given)


def small_image(
    original: NDArray[Any],
    *,
    scale: float,
    protocol: Protocol | str,
    lr: NDArray[Any] | None = None,
    colour: Colour = "luma",
) -> Floats:
    """The low-resolution image of `prepare`, before it is enlarged.

    Parameters
    ----------
    original, scale, protocol, lr
        As for `prepare`.
    colour : {"luma", "rgb"}
        Luma, or RGB; a grey image has three equal channels then. Where the protocol shrinks luma, RGB is made of luma
        and chroma that are shrunk alike.

    Returns
    -------
    ndarray of float64, shape (rows / scale, columns / scale) or with 3 channels
        In [0, 1], but for what imresize overshoots where it shrinks floats.

    Raises
    ------
    ArgumentError
        As `prepare`, or if there is no such colour.

    Examples
    --------
    >>> small_image(np.zeros((13, 9, 3), np.uint8), scale=3, protocol="rcan", colour="rgb").shape
    (4, 3, 3)
    """
    protocol, colour = as_protocol(protocol), choice("colour", colour, get_args(Colour))
    scale = checked_factor("scale", scale, EVALUATED)
    original, lr = _as_read(original, lr, scale, protocol)
    if protocol.source != "luma" or (lr is not None and colour == "rgb"):
        image = to_double(_low(original, scale, protocol) if lr is None else lr)
        if colour == "luma" and image.ndim == 3:
            return to_ycbcr(image, channels=1)[:, :, 0]
    else:
        image = _lr_planes(original, lr, scale, protocol, colour=colour == "rgb" and original.ndim == 3)
        image = image if image.ndim == 2 else ycbcr2rgb(image)
    return np.dstack([image] * 3) if colour == "rgb" and image.ndim == 2 else image


def pair_from_stored(gt: Floats, ilr: Floats, *, protocol: Protocol | str) -> Pair:
    """The pair of a benchmark file, which holds luma in [0, 1], for the protocols that shrink luma and score luma."""
    protocol = as_protocol(protocol)
    gt, ilr = checked_luma(gt, "the stored original"), checked_luma(ilr, "the stored low resolution")
    if gt.shape != ilr.shape:
        raise ArgumentError(f"the stored low resolution is {ilr.shape}, the original {gt.shape}; they need one shape")
    scored = Pixels(gt) if protocol.result == "float" else _finished(gt, as_floats, protocol)
    return Pair(scored, _finished(ilr, _clip(protocol), protocol), lambda: (ilr, None))


def result(sr: NDArray[Any], chroma: Floats | None, *, protocol: Protocol | str) -> Pixels:
    """What is scored of an upscaled luma: clipped, rounded or turned into an 8-bit image as the protocol says.

    Parameters
    ----------
    sr : ndarray of float, shape (rows, columns)
        Luma in [0, 1]; values beyond are clipped.
    chroma : ndarray, shape (rows, columns, 2), or None
        As in `Pair`.
    protocol : Protocol or str

    Returns
    -------
    Pixels, in [0, protocol.data_range]
        None of which is kept in `sr`, but where it is neither clipped nor rounded.

    Raises
    ------
    ArgumentError
        As `checked_luma`, which also warns; or if `chroma` has another shape.
    """
    protocol, sr = as_protocol(protocol), checked_luma(sr)
    if chroma is not None and (chroma := as_array(chroma, "chroma")).shape != (*sr.shape, 2):
        raise ArgumentError(f"chroma: shape {(*sr.shape, 2)} is needed beside this luma, got {chroma.shape}")
    if chroma is not None:
        return _finished(np.dstack([sr, chroma]), to_rgb, protocol)
    return _now(_finished(sr, _clip(protocol), protocol), protocol)


def rgb_result(image: NDArray[Any], *, protocol: Protocol | str) -> Pixels:
    """What is scored of an upscaled RGB image, floats in [0, 1] of shape (rows, columns, 3); as `result`."""
    protocol, image = as_protocol(protocol), np.asarray(image, np.float64)
    remark_range(image, "the result")
    return _now(_of_rgb(image, protocol), protocol)


def _of_rgb(image: Floats, protocol: Protocol) -> Pixels:
    """What is scored of RGB in [0, 1]."""
    clip = _clip(protocol)
    if protocol.result == "float" and not protocol.rgb:
        return Pixels(_in_bands(image, lambda band: to_ycbcr(clip(band), channels=1)[:, :, 0], np.float64))
    return _finished(image, clip, protocol)


def _finished(image: Floats, make: Callable[[Floats], Floats], protocol: Protocol) -> Pixels:
    """What is scored of an image that `make` turns into luma or RGB in [0, 1], a band at a time."""
    if protocol.result == "float":
        return Pixels(image, make)
    eight = _in_bands(image, lambda band: rounded(make(band) * 255), np.uint8, image.shape)
    return as_scored(eight, protocol) if eight.ndim == 3 else Pixels(eight)


def _clip(protocol: Protocol) -> Callable[[Floats], Floats]:
    return _clipped if protocol.clip else as_floats


def _clipped(band: Floats) -> Floats:
    return band.clip(0, 1)


def _now(pixels: Pixels, protocol: Protocol) -> Pixels:
    """Pixels of which no value is still to be made of a caller's array, which may change."""
    return Pixels(pixels.floats()) if protocol.result == "float" else pixels


def _in_bands(
    image: NDArray[Any], make: Callable[[NDArray[Any]], NDArray[Any]], dtype: type, shape: Sequence[int] = ()
) -> NDArray[Any]:
    """What `make` returns of an image, called for a band of rows at a time: one value a pixel, or of this shape."""
    out: NDArray[Any] = np.empty(shape or image.shape[:2], dtype)
    for start in range(0, len(image), ROWS):
        out[start : start + ROWS] = make(image[start : start + ROWS])
    return out


def score(
    image: Floats | Pixels, gt: Floats | Pixels, *, scale: float, protocol: Protocol | str
) -> tuple[float, float]:
    """PSNR and SSIM of a `result` against the ground truth of its pair, without the border.

    Raises
    ------
    ArgumentError
        If the shapes differ, or nothing that the SSIM window fits remains inside the border; if there is no such
        protocol, or the scale is no number from 1 to 16.

    Warns
    -----
    RangeWarning
        If `gt` clearly has another range than the protocol's.
    """
    protocol = as_protocol(protocol)
    image, gt = (x if isinstance(x, Pixels) else as_array(x, "score") for x in (image, gt))
    if image.shape != gt.shape:
        raise ArgumentError(f"the image is {image.shape}, the ground truth {gt.shape}; give images of one shape")
    border = protocol.border_at(checked_factor("scale", scale, EVALUATED))
    if problem := _too_small(gt.shape, gt.shape, border):
        raise ArgumentError(problem)
    inner = np.s_[border : gt.shape[0] - border, border : gt.shape[1] - border]
    a, b, peak = compared(image[inner], gt[inner], protocol.data_range)
    form = SSIM_FORMS["replicate" if protocol.ssim == "volume" and len(a.shape) == 2 else protocol.ssim]
    error, similarity = mean_squared_error(a, b), mean_ssim(a, b, peak, **form)
    remark_odd(error)
    return decibels(error, peak), similarity


def too_small(shape: Sequence[int], *, scale: float, protocol: Protocol | str) -> str:
    """Why an image of this shape cannot be scored, or an empty string; ArgumentError if it is the shape of none."""
    protocol, scale = as_protocol(protocol), checked_factor("scale", scale, EVALUATED)
    if not isinstance(shape, Sequence) or len(shape) not in (2, 3):
        raise ArgumentError(f"images have the shape (rows, columns) or (rows, columns, 3), got {shape!r}")
    return _too_small(shape, _size(shape, scale, protocol), protocol.border_at(scale))


def _too_small(shape: Sequence[int], cropped: Sequence[int], border: int) -> str:
    """As `too_small`, of what is known to be left of the image."""
    rows, columns = (length - 2 * border for length in cropped[:2])
    if min(rows, columns) >= SSIM_WINDOW:
        return ""
    return (
        f"{shape[0]}x{shape[1]} pixels leave {max(rows, 0)}x{max(columns, 0)} inside a border of {border};"
        f" SSIM needs {SSIM_WINDOW}x{SSIM_WINDOW}"
    )


def as_colours(image: NDArray[Any], protocol: Protocol | str) -> NDArray[Any]:
    """An image (rows, columns) or (rows, columns, 3) as the protocol reads it: a grey one as RGB where it says so."""
    protocol = as_protocol(protocol)
    return np.dstack([image] * 3) if protocol.grey == "rgb" and image.ndim == 2 else image


def as_scored(image: NDArray[Any], protocol: Protocol | str) -> Pixels:
    """The values of an integer image, uint8 or uint16, that a protocol compares, in its range."""
    protocol, image = as_protocol(protocol), checked_image(image, "image")
    if protocol.luma == "single" and not protocol.rgb:
        return Pixels(_in_bands(image, _single, np.float32))
    whole = to_double if protocol.result == "float" else as_floats
    if protocol.rgb or image.ndim == 2:
        return Pixels(image, whole)
    if protocol.luma == "float":
        top = protocol.data_range
        return Pixels(_in_bands(image, lambda band: to_ycbcr(to_double(band), channels=1)[:, :, 0] * top, np.float64))
    if protocol.luma == "uint8":
        return Pixels(luma(image), whole)
    weights = EDSR if protocol.luma == "difference" else JPEG
    if protocol.luma == "full-uint8":
        return Pixels(_in_bands(image, lambda band: rounded(band @ weights), np.uint8))
    return Pixels(_in_bands(image, lambda band: band @ weights, np.float64))


def _single(band: NDArray[Any]) -> NDArray[np.float32]:
    """Luma times 255 in single precision; of a grey image itself."""
    values = to_double(band) if band.ndim == 2 else to_ycbcr(to_double(band), channels=1)[:, :, 0]
    return values.astype(np.float32) * np.float32(255)


def ground_truth(original: NDArray[Any], *, scale: float, protocol: Protocol | str) -> NDArray[Any]:
    """The whole original as the protocol crops it, (rows, columns) or (rows, columns, 3) of the same dtype."""
    protocol = as_protocol(protocol)
    if protocol.crop == "none":
        return original
    if protocol.crop == "resize":
        rows, columns = _size(original.shape, scale, protocol)
        return original if (rows, columns) == original.shape[:2] else _resized(original, (rows, columns), protocol)
    return crop_for(original if protocol.crop == "scale" else modcrop(original, protocol.crop), scale)


def without_rest(image: NDArray[Any], gt: Sequence[int], *, scale: float) -> NDArray[Any]:
    """A result at a fractional scale without what lies beyond the ground truth, whose shape is `gt`.

    The low resolution is rounded up, so that some times as much, rounded down (as Meta-SR does) or up, is a pixel or
    two more than the ground truth. A result of another size is returned as it is.
    """
    if scale != int(scale):
        sides = [low * scale for low in output_size(gt[:2], 1 / scale)]
        if image.shape[:2] in [tuple(map(math.floor, sides)), tuple(map(math.ceil, sides))]:
            return image[: gt[0], : gt[1]]
    return image


ROWS = 256  # of an image that are float64 at a time

# Weights of red, green and blue: of EDSR's logs, and of JPEG (ITU-R BT.601 without head- and footroom).
EDSR = np.array([65.738, 129.057, 25.064]) / 256
JPEG = np.array([0.299, 0.587, 0.114])


def _size(shape: Sequence[int], scale: float, protocol: Protocol) -> tuple[int, int]:
    """Rows and columns of the ground truth of an original of this shape."""
    if protocol.crop == "resize":
        return int(shape[0] // scale * scale), int(shape[1] // scale * scale)
    rows, columns = ground_truth(np.broadcast_to(np.uint8(0), tuple(shape[:2])), scale=scale, protocol=protocol).shape
    return rows, columns


def _as_read(
    original: NDArray[Any], lr: NDArray[Any] | None, scale: float, protocol: Protocol
) -> tuple[NDArray[Any], NDArray[Any] | None]:
    """The cropped original and the given low-resolution image, with the channels and the depth of the protocol."""
    original = checked_image(original, "original")
    lr = None if lr is None else checked_image(lr, "lr")
    if lr is not None and original.ndim == 2:
        lr = as_colours(lr, protocol)
    original = as_colours(ground_truth(original, scale=scale, protocol=protocol), protocol)
    if lr is not None:
        _check_lr(lr, original, scale, protocol)
    if protocol.result != "float":
        original = eight_bit(original)
    if lr is not None and (protocol.result != "float" or protocol.source != "luma"):
        lr = eight_bit(lr)
    recipe = protocol.degradation
    if lr is None and recipe is not None:
        recipe.check_scale(scale)
        rounded_once = recipe.kind != "noise" or protocol.source != "rgb-float"
        lr = degraded_image(original, recipe, scale, protocol.boundary) if rounded_once else recipe.noisy(original)
    return original, lr


def _low(original: NDArray[Any], scale: float, protocol: Protocol) -> NDArray[Any]:
    """The low-resolution colour image of a cropped original: 8 or 16 bits, or floats that are not rounded."""
    if protocol.resizer != "matlab":
        return _resized(original, _low_size(original.shape, scale, protocol), protocol)
    if protocol.source == "rgb":
        return imresize(original, 1 / scale, boundary=protocol.boundary)
    floats = imresize(im2double(original), 1 / scale, boundary=protocol.boundary)
    return to_class(floats, original.dtype) if protocol.source == "rgb-once" else floats


def _double(image: NDArray[Any]) -> Floats:
    """What `to_double` returns; no copy of what is float64."""
    return image if image.dtype == np.float64 else to_double(image)


def _low_size(shape: Sequence[int], scale: float, protocol: Protocol) -> tuple[int, int]:
    """Rows and columns of the low resolution; MATLAB rounds up, where scripts for other libraries have ``//``."""
    if protocol.resizer != "matlab":
        return int(shape[0] // scale), int(shape[1] // scale)
    return output_size((shape[0], shape[1]), 1 / scale)


def _lr_planes(
    original: NDArray[Any], lr: NDArray[Any] | None, scale: float, protocol: Protocol, *, colour: bool
) -> Floats:
    """Luma, or YCbCr, of low resolution where the protocol shrinks luma."""
    if lr is not None:
        return im2double(rgb2ycbcr(lr) if colour else luma(lr))
    planes = im2double(rgb2ycbcr(original) if colour else luma(original))
    return imresize(planes, 1 / scale, boundary=protocol.boundary)


def _enlarged(low: NDArray[Any], scale: float, shape: Sequence[int], protocol: Protocol) -> NDArray[Any]:
    """The low resolution at the size of the ground truth."""
    if protocol.resizer != "matlab":
        return _resized(low, (shape[0], shape[1]), protocol)
    if protocol.crop == "none":
        return imresize(low, size=(shape[0], shape[1]), boundary=protocol.boundary)
    return enlarged(low, scale, shape, protocol.boundary)


def _resized(image: NDArray[Any], size: tuple[int, int], protocol: Protocol) -> NDArray[Any]:
    """An 8-bit image at another size, by the library that the protocol names."""
    if protocol.resizer == "matlab":
        return imresize(image, size=size, boundary=protocol.boundary)
    return resizer(protocol.resizer)(np.ascontiguousarray(eight_bit(image)), size)


def _colour(protocol: Protocol) -> bool:
    """Whether results need all three channels."""
    return protocol.rgb or protocol.result == "rgb"


def _split(planes: Floats, protocol: Protocol) -> tuple[Floats, Floats | None]:
    """Luma of a grey or YCbCr image, and chroma where the protocol needs it."""
    if planes.ndim == 2:
        return planes, None
    return np.ascontiguousarray(planes[:, :, 0]), planes[:, :, 1:] if _colour(protocol) else None


def _check_lr(lr: NDArray[Any], original: NDArray[Any], scale: float, protocol: Protocol) -> None:
    """Refuse a low-resolution image that does not belong to the cropped original."""
    wanted = _low_size(original.shape, scale, protocol)
    if lr.shape[:2] != wanted:
        usual = protocol.crop == "scale" and scale == int(scale)
        cropped = f"cropped to a multiple of {scale}" if usual else f"as {protocol.label} crops it for x{scale:g}"
        raise ArgumentError(
            f"the low-resolution image is {lr.shape[0]}x{lr.shape[1]}, but the original, {cropped}, needs"
            f" {wanted[0]}x{wanted[1]}"
        )
    if lr.ndim != original.ndim:
        kinds = {2: "grey", 3: "colour"}
        raise ArgumentError(f"the low-resolution image is {kinds[lr.ndim]}, the original {kinds[original.ndim]}")
