"""What makes numbers comparable: how the low resolution is made, which luma is scored, its rounding, border and SSIM.

Three ways are in use for the same benchmarks, hundredths of a dB apart. Each is a frozen `Protocol`; the functions
below apply one. Images stay in the protocol's own range: [0, 1] where the result is a float, 0 to 255 where it is
rounded.
"""

from collections.abc import Iterable, Sequence
from dataclasses import dataclass, replace
from typing import Any, Literal, get_args, get_origin, get_type_hints

import numpy as np
from numpy.typing import NDArray

from vdsr_data import Degradation, degrade, im2double, imresize, luma, modcrop, rgb2ycbcr, ycbcr2rgb
from vdsr_data.degradations.recipes import KINDS
from vdsr_data.errors import ArgumentError
from vdsr_data.limits import FACTORS, choice, several, whole
from vdsr_data.matlab.arrays import as_array
from vdsr_eval.metrics.fidelity import SSIM_WINDOW, SsimBorder, psnr, ssim
from vdsr_eval.protocols.checked import Floats, checked_image, checked_luma, eight_bit, rounded

__all__ = [
    "PROTOCOLS",
    "Colour",
    "Pair",
    "Protocol",
    "as_colours",
    "as_protocol",
    "as_scored",
    "pair_from_stored",
    "prepare",
    "result",
    "rgb_result",
    "score",
    "small_image",
    "too_small",
    "varied",
]

Colour = Literal["luma", "rgb"]


@dataclass(frozen=True, kw_only=True)
class Protocol:
    """One way of computing the PSNR and SSIM of a super-resolution table.

    The ground truth is first cropped to a multiple of the scale, and `border` pixels of each side are not scored.

    Examples
    --------
    >>> from dataclasses import replace
    >>> from vdsr_eval import PROTOCOLS
    >>> replace(PROTOCOLS["rcan"], border=8).label
    'rcan (border 8)'
    """

    name: str
    # What imresize shrinks: the luma in floating point, or the 8-bit colour image as a PNG file would hold it.
    source: Literal["luma", "rgb"]
    # rgb2ycbcr of the ground truth: rounded to whole values (MATLAB's uint8), or not (MATLAB's double).
    luma: Literal["uint8", "float"]
    # What the method hands in: luma clipped to [0, 1], luma rounded to uint8, or an 8-bit colour image.
    result: Literal["float", "uint8", "rgb"]
    ssim_border: SsimBorder
    # Published tables that come out of these rules.
    reproduces: str
    # The variations that the commands offer. A grey original is its own luma, or is read as three equal channels.
    grey: Literal["keep", "rgb"] = "keep"
    # None is the scale.
    border: int | None = None
    boundary: Literal["symmetric", "replicate"] = "symmetric"
    rgb: bool = False
    # What makes the low resolution; None is bicubic, of what `source` says. Else it is made of the 8-bit colour image.
    degradation: Degradation | None = None

    def __post_init__(self) -> None:
        for name in ("name", "reproduces"):
            if not isinstance(getattr(self, name), str):
                raise ArgumentError(f"{name}: {getattr(self, name)!r} is not allowed; give text")
        for name, allowed in RULES.items():
            choice(name, getattr(self, name), allowed)
        if self.border is not None:
            whole("border", self.border, (0, None))
        choice("rgb", self.rgb, (False, True))
        if self.degradation is not None and not isinstance(self.degradation, Degradation):
            raise ArgumentError(f"degradation: {self.degradation!r} is not allowed; give a Degradation")
        if self.degradation is not None and not KINDS[self.degradation.kind].reduces:
            raise ArgumentError(
                f"degradation: {self.degradation.kind} does not reduce images, and cannot be scored here"
            )

        if self.degradation is not None and self.degradation.boundary not in (None, self.boundary):
            raise ArgumentError("degradation: its boundary is that of the protocol; give that one")

    @property
    def data_range(self) -> float:
        """The peak of the scored images: 1 for floats, 255 for 8-bit results."""
        return 1.0 if self.result == "float" else 255.0

    @property
    def label(self) -> str:
        """The name, followed by what was varied: "paper (border 0, RGB)"; other rules have another label."""
        base = PROTOCOLS.get(self.name)
        changes = [
            "RGB" if rule == "rgb" else str(value) if rule in PLAIN else f"{rule.replace('_', ' ')} {value}"
            for rule in ("border", *RULES, "rgb", "degradation")
            if (value := getattr(self, rule)) != getattr(base, rule, value)
        ]
        return f"{self.name} ({', '.join(changes)})" if changes else self.name

    def describe(self) -> str:
        """One line that says all of it, printed with every table."""
        low = "imresize of float luma" if self.source == "luma" else "imresize of the 8-bit RGB image"
        low = low if self.degradation is None else f"{self.degradation} of the 8-bit RGB image"
        kind = {"float": "float luma, not rounded", "uint8": "luma rounded to 8 bits", "rgb": "8-bit RGB result"}
        if self.rgb:
            kind = {"float": "float RGB, not rounded", "uint8": "RGB rounded to 8 bits", "rgb": "8-bit RGB result"}
        scored = kind[self.result]
        if self.result == "rgb" and not self.rgb:
            scored += ", its luma " + ("not rounded" if self.luma == "float" else "rounded")
        border = "scale" if self.border is None else self.border
        edge = {"replicate": "whole image, replicated edge", "valid": "valid windows"}[self.ssim_border]
        grey = "; grey originals as RGB" if self.grey == "rgb" else ""
        return f"{self.label}: {low} ({self.boundary}); {scored}; border {border}; SSIM over {edge}{grey}"


PLAIN = ("boundary", "degradation")  # whose values need no name in a label
# The rules of a protocol that are one of a few words.
RULES = {name: get_args(hint) for name, hint in get_type_hints(Protocol).items() if get_origin(hint) is Literal}

PROTOCOLS: dict[str, Protocol] = {
    protocol.name: protocol
    for protocol in (
        Protocol(
            name="vdsr-tf", source="luma", luma="uint8", result="float", ssim_border="replicate",
            reproduces="VDSR-TensorFlow",
        ),
        Protocol(
            name="paper", source="luma", luma="uint8", result="uint8", ssim_border="valid",
            reproduces="the VDSR paper, SRCNN, SelfExSR",
        ),
        Protocol(
            name="rcan", source="rgb", luma="float", result="rgb", ssim_border="valid", grey="rgb",
            reproduces="RCAN, EDSR, SwinIR, BasicSR",
        ),
    )
}  # fmt: skip


@dataclass(frozen=True)
class Pair:
    """One image at one scale, ready to be upscaled and scored.

    `gt` and `bicubic` are what the protocol scores: (rows, columns) or, for colour, (rows, columns, 3), float64 in
    [0, data_range]. `ilr` is the network's input: luma enlarged by bicubic, float64, not clipped. `chroma` is the
    enlarged Cb and Cr, (rows, columns, 2) in [0, 1], or None for a grey image and where nothing needs it. `lr` is the
    low-resolution image that was handed in, None where the protocol made it: see `small_image`.
    """

    gt: Floats
    bicubic: Floats
    ilr: Floats
    chroma: Floats | None
    lr: NDArray[Any] | None = None


def as_protocol(protocol: Protocol | str) -> Protocol:
    """The protocol of that name, whatever its case; a `Protocol` is itself.

    Raises
    ------
    ArgumentError
        If there is none of that name; the message lists those that there are.
    """
    if isinstance(protocol, Protocol):
        return protocol
    return PROTOCOLS[choice("protocol", protocol.lower() if isinstance(protocol, str) else protocol, list(PROTOCOLS))]


def varied(
    protocols: Protocol | str | Iterable[Protocol | str],
    *,
    border: int | None = None,
    rgb: bool = False,
    grey: Literal["keep", "rgb"] | None = None,
    luma: Literal["uint8", "float"] | None = None,
    boundary: Literal["symmetric", "replicate"] = "symmetric",
    degradation: str | Degradation | None = None,
) -> tuple[Protocol, ...]:
    """One protocol or several, each once, with these rules changed; what is left at its default stays as it is.

    Raises
    ------
    ArgumentError
        If there is no such protocol or rule, or no protocol at all.

    Examples
    --------
    >>> [protocol.label for protocol in varied(["paper", "rcan"], border=0)]
    ['paper (border 0)', 'rcan (border 0)']
    """
    recipe = None if degradation is None else Degradation.parse(degradation)
    given = {"border": border, "rgb": rgb, "grey": grey, "luma": luma, "boundary": boundary, "degradation": recipe}
    usual = {"rgb": False, "boundary": "symmetric"}
    changes: dict[str, Any] = {name: value for name, value in given.items() if value != usual.get(name)}
    found = tuple(dict.fromkeys(replace(as_protocol(protocol), **changes) for protocol in several(protocols)))
    if not found:
        raise ArgumentError(f"protocols: give at least one of {', '.join(PROTOCOLS)}")
    return found


def prepare(original: NDArray[Any], *, scale: int, protocol: Protocol | str, lr: NDArray[Any] | None = None) -> Pair:
    """Make the ground truth and the low resolution of one image, as the protocol says.

    Parameters
    ----------
    original : ndarray, shape (rows, columns) or (rows, columns, 3), uint8 or uint16
        The whole image; it is cropped here. 16 bits are reduced to 8 where the protocol scores 8-bit results.
    scale : int
    protocol : Protocol or str
        One of `PROTOCOLS`, its name, or a variation of one.
    lr : ndarray, uint8 or uint16, optional
        A low-resolution image that was made elsewhere, instead of shrinking `original`.

    Raises
    ------
    ArgumentError
        If an image has another shape or dtype, or `lr` another size or number of channels than the cropped original
        asks for; if there is no such protocol, or the scale is no whole number.
    """
    protocol, given = as_protocol(protocol), lr
    original, lr = _as_read(original, lr, whole("scale", scale, FACTORS), protocol)
    gt = as_scored(original, protocol)
    if protocol.source == "rgb":
        lr = imresize(original, 1 / scale, boundary=protocol.boundary) if lr is None else lr
        up = imresize(im2double(lr), scale, boundary=protocol.boundary)
        planes = up if up.ndim == 2 else rgb2ycbcr(up)
        bicubic = as_scored(imresize(lr, scale, boundary=protocol.boundary), protocol)
        return Pair(gt, bicubic, *_split(planes), given)

    colour = protocol.rgb and original.ndim == 3
    planes = _lr_planes(original, lr, scale, protocol, colour=colour)
    ilr, chroma = _split(imresize(planes, scale, boundary=protocol.boundary))
    return Pair(gt, result(ilr, chroma, protocol=protocol), ilr, chroma, given)


def small_image(
    original: NDArray[Any],
    *,
    scale: int,
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
    original, lr = _as_read(original, lr, whole("scale", scale, FACTORS), protocol)
    if protocol.source == "rgb" or (lr is not None and colour == "rgb"):
        image = im2double(imresize(original, 1 / scale, boundary=protocol.boundary) if lr is None else lr)
        if colour == "luma" and image.ndim == 3:
            return np.ascontiguousarray(rgb2ycbcr(image)[:, :, 0])
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
    scored = gt if protocol.result == "float" else rounded(gt * 255)
    return Pair(scored, result(ilr, None, protocol=protocol), ilr, None)


def result(sr: NDArray[Any], chroma: Floats | None, *, protocol: Protocol | str) -> Floats:
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
    ndarray of float64, in [0, protocol.data_range]

    Raises
    ------
    ArgumentError
        As `checked_luma`, which also warns; or if `chroma` has another shape.
    """
    protocol, sr = as_protocol(protocol), checked_luma(sr)
    if chroma is not None and (chroma := as_array(chroma, "chroma")).shape != (*sr.shape, 2):
        raise ArgumentError(f"chroma: shape {(*sr.shape, 2)} is needed beside this luma, got {chroma.shape}")
    image = sr.clip(0, 1) if chroma is None else ycbcr2rgb(np.dstack([sr, chroma]))
    if protocol.result == "float":
        return image
    return as_scored(rounded(image * 255).astype(np.uint8), protocol) if image.ndim == 3 else rounded(image * 255)


def rgb_result(image: NDArray[Any], *, protocol: Protocol | str) -> Floats:
    """What is scored of an upscaled RGB image, floats in [0, 1] of shape (rows, columns, 3); as `result`."""
    protocol, image = as_protocol(protocol), np.asarray(image, np.float64).clip(0, 1)
    if protocol.result == "float":
        return image if protocol.rgb else luma(image)
    return as_scored(rounded(image * 255).astype(np.uint8), protocol)


def score(image: Floats, gt: Floats, *, scale: int, protocol: Protocol | str) -> tuple[float, float]:
    """PSNR and SSIM of a `result` against the ground truth of its pair, without the border.

    Raises
    ------
    ArgumentError
        If the shapes differ, or nothing that the SSIM window fits remains inside the border; if there is no such
        protocol, or the scale is no whole number.

    Warns
    -----
    RangeWarning
        If `gt` clearly has another range than the protocol's.
    """
    protocol = as_protocol(protocol)
    image, gt = as_array(image, "score"), as_array(gt, "score")
    if image.shape != gt.shape:
        raise ArgumentError(f"the image is {image.shape}, the ground truth {gt.shape}; give images of one shape")
    if problem := too_small(gt.shape, scale=scale, protocol=protocol):
        raise ArgumentError(problem)
    border = scale if protocol.border is None else protocol.border
    inner = np.s_[border : gt.shape[0] - border, border : gt.shape[1] - border]
    a, b = image[inner], gt[inner]
    return (
        psnr(a, b, data_range=protocol.data_range),
        ssim(a, b, data_range=protocol.data_range, border=protocol.ssim_border),
    )


def too_small(shape: Sequence[int], *, scale: int, protocol: Protocol | str) -> str:
    """Why an image of this shape cannot be scored, or an empty string; ArgumentError if it is the shape of none."""
    protocol, scale = as_protocol(protocol), whole("scale", scale, FACTORS)
    if not isinstance(shape, Sequence) or len(shape) not in (2, 3):
        raise ArgumentError(f"images have the shape (rows, columns) or (rows, columns, 3), got {shape!r}")
    border = scale if protocol.border is None else protocol.border
    rows, columns = (length - length % scale - 2 * border for length in shape[:2])
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


def as_scored(image: NDArray[Any], protocol: Protocol | str) -> Floats:
    """The values of an integer image, uint8 or uint16, that a protocol compares, float64 in its range."""
    protocol, image = as_protocol(protocol), checked_image(image, "image")
    if protocol.rgb or image.ndim == 2:
        return im2double(image) if protocol.result == "float" else image.astype(np.float64)
    if protocol.luma == "float":
        return rgb2ycbcr(im2double(image))[:, :, 0] * protocol.data_range
    return im2double(luma(image)) if protocol.result == "float" else luma(image).astype(np.float64)


def _as_read(
    original: NDArray[Any], lr: NDArray[Any] | None, scale: int, protocol: Protocol
) -> tuple[NDArray[Any], NDArray[Any] | None]:
    """The cropped original and the given low-resolution image, with the channels and the depth of the protocol."""
    original = checked_image(original, "original")
    lr = None if lr is None else checked_image(lr, "lr")
    if lr is not None and original.ndim == 2:
        lr = as_colours(lr, protocol)
    original = as_colours(modcrop(original, scale), protocol)
    if lr is not None:
        _check_lr(lr, original, scale)
    if protocol.result != "float":
        original = eight_bit(original)
    if lr is not None and (protocol.result != "float" or protocol.source == "rgb"):
        lr = eight_bit(lr)
    if lr is None and protocol.degradation is not None:
        lr = degrade(eight_bit(original), protocol.degradation.resized_by(protocol.boundary), scale)
    return original, lr


def _lr_planes(
    original: NDArray[Any], lr: NDArray[Any] | None, scale: int, protocol: Protocol, *, colour: bool
) -> Floats:
    """Luma, or YCbCr, of low resolution where the protocol shrinks luma."""
    if lr is not None:
        return im2double(rgb2ycbcr(lr) if colour else luma(lr))
    planes = im2double(rgb2ycbcr(original) if colour else luma(original))
    return imresize(planes, 1 / scale, boundary=protocol.boundary)


def _split(planes: Floats) -> tuple[Floats, Floats | None]:
    """Luma and chroma of a grey or YCbCr image."""
    return (planes, None) if planes.ndim == 2 else (np.ascontiguousarray(planes[:, :, 0]), planes[:, :, 1:])


def _check_lr(lr: NDArray[Any], original: NDArray[Any], scale: int) -> None:
    """Refuse a low-resolution image that does not belong to the cropped original."""
    wanted = (original.shape[0] // scale, original.shape[1] // scale)
    if lr.shape[:2] != wanted:
        raise ArgumentError(
            f"the low-resolution image is {lr.shape[0]}x{lr.shape[1]}, but the original, cropped to a multiple of"
            f" {scale}, needs {wanted[0]}x{wanted[1]}"
        )
    if lr.ndim != original.ndim:
        kinds = {2: "grey", 3: "colour"}
        raise ArgumentError(f"the low-resolution image is {kinds[lr.ndim]}, the original {kinds[original.ndim]}")
