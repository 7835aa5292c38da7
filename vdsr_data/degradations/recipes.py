"""The degradations that papers made in MATLAB, by their names: `degrade`, and `Degradation`, which explains it."""

import math
import re
from collections.abc import Callable, Sequence
from contextlib import suppress
from dataclasses import dataclass, fields, replace
from typing import Any, cast

import numpy as np
from numpy.typing import NDArray

from vdsr_data import limits
from vdsr_data.degradations.kernels import read_kernel
from vdsr_data.errors import ArgumentError
from vdsr_data.images.files import as_jpeg
from vdsr_data.limits import CROPS, DEGRADATION_KINDS, Boundary, Crop, DegradationKind, TensorLayout
from vdsr_data.matlab.arrays import channels_first, colon, modcrop, remark_range
from vdsr_data.matlab.color import to_double
from vdsr_data.matlab.dlpack import Array, as_numpy
from vdsr_data.matlab.filters import checked_kernel, fspecial, imfilter
from vdsr_data.matlab.noise import to_class
from vdsr_data.matlab.random import randn
from vdsr_data.matlab.resize import Plan, image_view, imresize, resize_by

__all__ = [
    "KINDS",
    "Crop",
    "Degradation",
    "DegradationKind",
    "checked_degradation",
    "crop_for",
    "crop_lines",
    "degrade",
]

Image = NDArray[Any]
SIGMAS = (0.01, 100.0)  # of Gaussian kernels, in pixels
NOISE = (0.0, 255.0)  # standard deviation, of values up to 255
QUALITIES = (1, 100)
LINEAR = ("bi", "bi-double", "bd")  # in floating point, and without noise: these have gradients


@dataclass(frozen=True)
class Kind:
    """A kind of degradation: what it is, who used it, which options it has, and how far it is proved.

    `noise` is its usual standard deviation, `deep` whether it is defined for images of more than 8 bits.
    """

    title: str
    papers: str
    options: tuple[str, ...]
    proved: str
    reduces: bool = True
    deep: bool = True
    noise: float = 0.0


KINDS: dict[str, Kind] = {
    "bi": Kind(
        "bicubic, of 8-bit images rounded after each pass", "nearly all since 2016", ("boundary",),
        "0 of 3,038,733 values at thirteen scales from 1.1 to 4, and 0 of 26,535 of Set5 x8",
    ),
    "bi-double": Kind(
        "bicubic in floating point, rounded once", "BasicSR, ESRGAN, SwinIR", ("boundary",),
        "0 of 26,535 values of Set5 x8",
    ),
    "bd": Kind(
        "blurred by a Gaussian 7 x 7, then every third pixel", "RDN, RCAN, SRFBN, SAN, HAN, IRCNN, SRMD", ("sigma",),
        "0 of 187,962 values of Set5 x3",
    ),
    "dn": Kind(
        "bicubic, then noise of level 30", "RDN, SRFBN", ("boundary", "noise", "seed"),
        "0 of 187,962 values of Set5 x3", deep=False, noise=30.0,
    ),
    "blur": Kind(
        "bicubic, then convolved with a kernel, circular", "DPSR", ("boundary", "kernel", "sigma"),
        "0 of 51,840 values of two images of BSD68, x4",
    ),
    "srmd": Kind(
        "blurred by a kernel 15 x 15, bicubic, then noise, all in floating point", "SRMD, IKC, DAN",
        ("boundary", "kernel", "sigma", "noise", "seed"), "follows SRMD's script; no file of its authors was at hand",
        noise=15.0,
    ),
    "noise": Kind(
        "noise alone", "DnCNN, FFDNet, RDN", ("noise", "seed"),
        "follows the papers' scripts; no file of theirs was at hand", reduces=False, deep=False, noise=10.0,
    ),
    "jpeg": Kind(
        "JPEG alone", "ARCNN, DnCNN, RDN, SwinIR", ("quality",), "0 of 524,288 values of two grey images",
        reduces=False, deep=False,
    ),
}  # fmt: skip


@dataclass(frozen=True)
class Degradation:
    """What is done to an original, and with which options; those that are not given are those of the papers.

    Parameters
    ----------
    kind : str
        "bi", "bi-double", "bd", "dn", "blur", "srmd", "noise" or "jpeg", in any case.
    boundary : {"symmetric", "replicate"}, optional
        Pixels beyond the edge when resizing, see `imresize`; "symmetric" by default.
    sigma : float, optional
        Standard deviation of the Gaussian in pixels: 1.6 of "bd", 2.6 of "srmd"; "blur" has 15 x 15 pixels as well.
    kernel : ndarray, optional
        (rows, columns), instead of the Gaussian: for "blur", which needs one of the two, and "srmd". Kept as tuples, so
        that degradations can be compared.
    noise : float, optional
        Standard deviation of the noise, for values up to 255: 30 of "dn", 15 of "srmd", 10 of "noise".
    seed : int, optional
        As in ``rng(seed)``; without one ``randn('seed', 0)``, as the papers' scripts have it.
    quality : int, optional
        Of "jpeg", 1 to 100; 10 by default.

    Raises
    ------
    ArgumentError
        If there is no such kind, a value is not allowed, or an option has no effect on the kind.

    Examples
    --------
    >>> from vdsr_data import Degradation
    >>> print("\\n".join(Degradation("bd").explain(3)))
    HR = modcrop(HR, 3);
    h = fspecial('gaussian', 7, 1.6);
    HR = imfilter(HR, h, 'replicate');
    LR = imresize(HR, 1/3, 'nearest');
    """

    kind: DegradationKind = "bi"
    boundary: Boundary | None = None
    sigma: float | None = None
    kernel: Any = None
    noise: float | None = None
    seed: int | None = None
    quality: int | None = None

    def __post_init__(self) -> None:
        kind = self.kind.lower() if isinstance(self.kind, str) else self.kind
        object.__setattr__(self, "kind", limits.choice("kind", kind, DEGRADATION_KINDS))
        known = KINDS[self.kind].options
        for field in fields(self)[1:]:
            if getattr(self, field.name) is not None and field.name not in known:
                raise ArgumentError(f"{field.name} has no effect on {self.kind}; its options: {', '.join(known)}")
        checks: dict[str, Callable[[Any], Any]] = {
            "boundary": limits.checked_boundary,
            "sigma": lambda value: limits.number("sigma", value, SIGMAS),
            "kernel": _kernel,
            "noise": lambda value: limits.number("noise", value, NOISE),
            "seed": lambda value: limits.whole("seed", value, limits.SEEDS),
            "quality": lambda value: limits.whole("quality", value, QUALITIES),
        }
        for name, check in checks.items():
            if getattr(self, name) is not None:
                object.__setattr__(self, name, check(getattr(self, name)))
        if self.kernel is not None and self.sigma is not None:
            raise ArgumentError("give a kernel or sigma, not both")
        if self.kind == "blur" and self.kernel is None and self.sigma is None:
            raise ArgumentError("blur needs a kernel or sigma")

    @classmethod
    def parse(cls, text: "str | Degradation") -> "Degradation":
        """Make one of ``kind`` or ``kind:option=value,...``, as command lines have it; a kernel is the name of a file.

        Raises
        ------
        ArgumentError
            If it is neither, names an option that there is not, or one twice; and as `Degradation`.

        Examples
        --------
        >>> print(Degradation.parse("dn:noise=10,seed=3"))
        dn with noise 10, seed 3
        """
        if isinstance(text, Degradation):
            return text
        if not isinstance(text, str):
            raise ArgumentError(f"degradation: {text!r} is not allowed; give a kind such as bd, or a Degradation")
        kind, colon, rest = text.partition(":")
        options: dict[str, Any] = {}
        for part in re.split(r",(?=\w+=)", rest) if colon else []:  # other commas belong to the name of a file
            name, equal, value = part.partition("=")
            if not equal or name not in {field.name for field in fields(cls)[1:]} - options.keys():
                why = f"{name} is given twice" if name in options else "give kind:option=value, such as dn:noise=10"
                raise ArgumentError(f"degradation: {text!r} is not allowed; {why}")
            options[name] = read_kernel(value) if name == "kernel" else value if name == "boundary" else _number(value)
        return cls(cast(DegradationKind, kind), **options)

    def __str__(self) -> str:
        given = [f"{field.name} {getattr(self, field.name)}" for field in fields(self)[1:]
                 if field.name != "kernel" and getattr(self, field.name) is not None]  # fmt: skip
        if self.kernel is not None:
            given.append(f"a kernel of {self._kernel_size()}")
        return f"{self.kind}{' with ' * bool(given)}{', '.join(given)}"

    def given(self) -> dict[str, Any]:
        """The kind and the options that are given, as files keep them; `kept` makes this of them again."""
        return {field.name: value for field in fields(self) if (value := getattr(self, field.name)) is not None}

    @classmethod
    def kept(cls, value: Any) -> "Degradation | None":
        """The degradation that a file has kept as `given` says it; None if it is none."""
        try:
            return cls(**value) if "kind" in value else None
        except (TypeError, ArgumentError):
            return None

    def number(self, k: int) -> "Degradation":
        """Return this for the k-th of many images to train on, from 0: their noise is that of ``rng(seed + k)``."""
        seeded = "seed" in KINDS[self.kind].options
        return replace(self, seed=((self.seed or 0) + k) % (limits.SEEDS[1] + 1)) if seeded else self

    def resized_by(self, boundary: Boundary) -> "Degradation":
        """Return this with a rule beyond the edge, if the kind has one and none was given."""
        takes = self.boundary is None and "boundary" in KINDS[self.kind].options
        return replace(self, boundary=boundary) if takes else self

    def check_scale(self, scale: float) -> float:
        """Return the factor of reduction if it fits the kind: "noise" and "jpeg" have 1, fractions only "bi" kinds."""
        if not KINDS[self.kind].reduces:
            if scale != 1:
                raise ArgumentError(f"{self.kind} does not reduce images: the scale must be 1, not {scale:g}")
            return 1
        low, high = limits.SCALES
        found = float(limits.number("scale", scale, (1, high)))
        if found != int(found) and self.kind not in {"bi", "bi-double"}:
            raise ArgumentError(f"scale must be a whole number from {low} to {high} for {self.kind}, got {scale!r}")
        return int(found) if found == int(found) else found

    def check_scales(self, scales: float | Sequence[float] | str | None) -> tuple[float, ...]:
        """Return several factors, different ones, as `check_scale` does; also those of MATLAB's "start:step:stop"."""
        if scales is None:
            if KINDS[self.kind].reduces:
                raise ArgumentError(f"scale: give one for {self.kind}")
            scales = 1
        if isinstance(scales, str):
            try:
                start, step, stop = (float(part) for part in scales.split(":"))
            except ValueError:
                raise ArgumentError(f"scale: {scales!r} is not allowed; give start:step:stop, as 1.1:0.1:4") from None
            scales = colon(start, step, stop)
        several = scales if isinstance(scales, Sequence) else [scales]
        return limits.different("scale", several, lambda _, one: self.check_scale(one))

    def check_dtype(self, dtype: np.dtype[Any]) -> None:
        """Refuse images of another dtype than uint8, by an ArgumentError, if the kind is defined for 8 bits only."""
        if not KINDS[self.kind].deep and dtype != np.uint8:
            raise ArgumentError(f"{self.kind} is defined for 8-bit images, got {dtype}")

    def apply(self, image: Image, scale: float = 1) -> Image:
        """Degrade an image that has been cropped for the scale; see `degrade`."""
        scale = self.check_scale(scale)
        self.check_dtype(image.dtype)
        steps: dict[str, Callable[[Image, float], Image]] = {
            "bi": self._bicubic, "bi-double": self._bicubic_once, "bd": self._blur_down, "dn": self._bicubic_and_noise,
            "blur": self._bicubic_and_blur, "srmd": self._srmd, "noise": self._noise, "jpeg": self._jpeg,
        }  # fmt: skip
        return steps[self.kind](image, scale)

    def _bicubic(self, image: Image, scale: float) -> Image:
        return imresize(image, 1 / scale, boundary=self.boundary or "symmetric")

    def _bicubic_once(self, image: Image, scale: float) -> Image:
        return to_class(self._bicubic(to_double(image), scale), image.dtype)

    def _blur_down(self, image: Image, scale: float) -> Image:
        blurred = imfilter(image, fspecial("gaussian", 7, self.sigma or 1.6), boundary="replicate")
        return imresize(blurred, 1 / scale, method="nearest")

    def _bicubic_and_noise(self, image: Image, scale: float) -> Image:
        reduced = self._bicubic(image, scale).astype(np.float32)
        return _uint8(reduced + (self._level * self._randn(reduced.shape)).astype(np.float32))

    def _bicubic_and_blur(self, image: Image, scale: float) -> Image:
        reduced = to_double(self._bicubic(image, scale))
        return to_class(imfilter(reduced, self._gaussian(0), boundary="circular", convolve=True), image.dtype)

    def _srmd(self, image: Image, scale: float) -> Image:
        blurred = imfilter(to_double(image), self._gaussian(2.6), boundary="replicate")
        reduced = self._bicubic(blurred, scale)
        return to_class(reduced + self._level / 255 * self._randn(reduced.shape), image.dtype)

    def _noise(self, image: Image, _scale: float) -> Image:
        return _uint8(self.noisy(image) * np.float32(255))

    def noisy(self, image: Image) -> NDArray[np.float32]:
        """An image with the noise of "noise", in [0, 1] and beyond, neither rounded nor clipped, as for denoisers."""
        return (to_double(image) + self._level / 255 * self._randn(image.shape)).astype(np.float32)

    def _jpeg(self, image: Image, _scale: float) -> Image:
        return as_jpeg(image, self.quality or 10)

    @property
    def _level(self) -> float:
        return KINDS[self.kind].noise if self.noise is None else self.noise

    def _gaussian(self, sigma: float) -> NDArray[np.float64]:
        return fspecial("gaussian", 15, self.sigma or sigma) if self.kernel is None else np.array(self.kernel)

    def _kernel_size(self) -> str:
        return " x ".join(map(str, np.shape(self.kernel)))

    def _randn(self, shape: tuple[int, ...]) -> NDArray[np.float64]:
        return randn(shape, generator="v4") if self.seed is None else randn(shape, self.seed)

    def about(self, scale: float = 1, crop: Crop | None = None, first: Sequence[str] = ()) -> str:
        """Say what this is, who used it, its lines of MATLAB after the `first` ones, and how far it is proved."""
        kind = KINDS[self.kind]
        lines = "\n".join(f"  {line}" for line in [*first, *self.explain(scale, crop)])
        return f"{self}: {kind.title}\nused by: {kind.papers}\nin MATLAB:\n{lines}\ndiffering: {kind.proved}"

    def explain(self, scale: float = 1, crop: Crop | None = None) -> list[str]:
        """Return the lines of MATLAB that this stands for, from the original ``HR`` to ``LR``."""
        scale = self.check_scale(scale)
        factor = f"1/{scale!r}"
        seed = "randn('seed', 0)" if self.seed is None else f"rng({self.seed})"
        gaussian = f"h = fspecial('gaussian', 15, {self.sigma or 2.6});"
        kernel = gaussian if self.kernel is None else f"h = kernel;  % {self._kernel_size()}"
        release = "  % in a release before R2015b" if self.boundary == "replicate" else ""
        bicubic = f"LR = imresize(HR, {factor}, 'bicubic');{release}"
        level = f"{self._level}".removesuffix(".0")
        lines = {
            "bi": [bicubic],
            "bi-double": [f"LR = im2uint8(imresize(im2double(HR), {factor}, 'bicubic'));{release}"],
            "bd": [
                f"h = fspecial('gaussian', 7, {self.sigma or 1.6});", "HR = imfilter(HR, h, 'replicate');",
                f"LR = imresize(HR, {factor}, 'nearest');",
            ],
            "dn": [bicubic, f"{seed};", f"LR = uint8(single(LR) + single({level} * randn(size(LR))));"],
            "blur": [bicubic, kernel, "LR = im2uint8(imfilter(im2double(LR), h, 'circular', 'conv'));"],
            "srmd": [
                kernel, "HR = imfilter(im2double(HR), h, 'replicate');", bicubic, f"{seed};",
                f"LR = im2uint8(LR + {level}/255 * randn(size(LR)));",
            ],
            "noise": [f"{seed};", f"LR = im2uint8(single(im2double(HR) + {level}/255 * randn(size(HR))));"],
            "jpeg": [f"imwrite(HR, 'LR.jpg', 'Quality', {self.quality or 10});", "LR = imread('LR.jpg');"],
        }  # fmt: skip
        return [*crop_lines(scale, crop), *lines[self.kind]]


def degrade(
    image: Array,
    kind: DegradationKind | Degradation = "bi",
    scale: float = 1,
    *,
    boundary: Boundary | None = None,
    sigma: float | None = None,
    kernel: NDArray[Any] | None = None,
    noise: float | None = None,
    seed: int | None = None,
    quality: int | None = None,
    crop: Crop | None = None,
    layout: TensorLayout | None = None,
) -> Array:
    """Make the low-resolution image of an original, as a paper's MATLAB script made it.

    Parameters
    ----------
    image : ndarray, shape (rows, columns) or (rows, columns, 3)
        uint8; for "bi", "bi-double", "bd", "blur" and "srmd" also uint16, or float32, float64 in [0, 1].
        Also a tensor, as for `imresize`, on the CPU; elsewhere and with gradients see `layout`.
    kind : str or Degradation
        The name of a recipe, see `Degradation`, or one with its options.
    scale : float, default 1
        Factor of reduction, from 1 on; "noise" and "jpeg" have none.
    boundary, sigma, kernel, noise, seed, quality
        Options of the recipe, see `Degradation`.
    crop : {"modcrop", "meta-sr", "none"}, optional
        How the image is first cropped for the scale, see `crop_for`.
    layout : {"HWC", "CHW", "NHWC", "NCHW"}, optional
        What the dimensions are, as for `imresize`. With it floats of any library, by "bi", "bi-double" or "bd", have
        gradients, and may be on any device and traced.

    Returns
    -------
    ndarray, or what `image` was, shape (rows, columns) or (rows, columns, 3)
        Same dtype as the image, in native byte order; of a tensor a tensor. "bd" with a
        `layout` differs by a few roundings from the one without.

    Raises
    ------
    ArgumentError
        If an argument is not allowed, has no effect on the kind, or nothing is left of the image.
    TypeError
        If the dtype is none of the four; for a tensor on a GPU, traced or requiring a gradient, without `layout`.

    Warns
    -----
    RangeWarning
        If floats are above 2, such as those of an 8-bit image that was not divided by 255.

    Examples
    --------
    >>> import numpy as np
    >>> from vdsr_data import degrade
    >>> degrade(np.arange(36, dtype=np.uint8).reshape(6, 6) * 7, "bd", 3).tolist()
    [[59, 77], [168, 186]]
    """
    options = {"boundary": boundary, "sigma": sigma, "kernel": kernel, "noise": noise, "seed": seed, "quality": quality}
    if isinstance(kind, Degradation):
        if any(value is not None for value in options.values()):
            raise ArgumentError("give the options to Degradation, or the kind by its name")
        recipe = kind
    else:
        recipe = Degradation(kind, **options)  # type: ignore[arg-type]
    if layout is not None:
        return cast(Array, _degrade_linearly(image, recipe, scale, crop, layout))
    seen, back = as_numpy(image, "degrade")
    if seen.ndim not in (2, 3) or seen.shape[2:] not in ((), (3,)):
        found = channels_first(seen.shape) or f"shape {seen.shape}"
        raise ArgumentError(f"degrade needs an image (rows, columns) or (rows, columns, 3), got {found}")
    remark_range(seen, "degrade")
    scale = recipe.check_scale(scale)
    return cast(Array, back(recipe.apply(_cropped(seen, scale, crop), scale)))


def _cropped(image: Image, scale: float, crop: Crop | None) -> Image:
    """What `crop_for` leaves, which must be something."""
    cropped = crop_for(image, scale, crop)
    if cropped.size == 0:
        size = " x ".join(map(str, image.shape[:2]))
        raise ArgumentError(f"nothing is left of an image of {size} pixels at scale {scale:g}")
    return cropped


def _degrade_linearly(image: Any, recipe: Degradation, scale: float, crop: Crop | None, layout: TensorLayout) -> Any:
    """`degrade` of a tensor of floats, by its own library."""
    if recipe.kind not in LINEAR or "float" not in str(image.dtype):
        allowed = f"layout is for floats, by {', '.join(LINEAR)}"
        raise ArgumentError(f"degrade: {allowed}, not for {image.dtype}, by {recipe.kind}")
    scale = recipe.check_scale(scale)
    view, first = image_view(image.shape, layout, "degrade")
    rows, columns = _cropped(np.broadcast_to(0, view[1:3]), scale, crop).shape
    image = image[(slice(None),) * first + (slice(rows), slice(columns))]
    if recipe.kind != "bd":
        return imresize(image, 1 / scale, boundary=recipe.boundary or "symmetric", layout=layout)
    sizes = math.ceil(rows * (1 / scale)), math.ceil(columns * (1 / scale))
    method = f"blur {recipe.sigma or 1.6}"
    plan = Plan((rows, columns), sizes, (1 / scale, 1 / scale), True, "replicate", method)
    return resize_by(plan, image, (view[0], rows, columns, view[3]), first, None)


def checked_degradation(
    degradation: "str | Degradation | None", scales: Sequence[float], boundary: Boundary
) -> Degradation | None:
    """Return what makes the low-resolution images at these scales; ArgumentError if it cannot, by this boundary."""
    if degradation is None:
        return None
    recipe = Degradation.parse(degradation)
    if recipe.boundary not in (None, boundary):
        raise ArgumentError(f"degradation: its boundary, {recipe.boundary}, must be that of `boundary`, {boundary}")
    for scale in scales:
        recipe.check_scale(scale)
    return recipe


def crop_for(image: NDArray[Any], scale: float, crop: Crop | None = None) -> NDArray[Any]:
    """Crop an original for a scale.

    Parameters
    ----------
    image : ndarray, shape (rows, columns, ...)
    scale : float
    crop : {"modcrop", "meta-sr", "none"}, optional
        To multiples of the scale, which must be whole; or 4 pixels from each side that is no multiple of it, as
        Meta-SR's script does; or not at all. By default "modcrop" for whole scales and "meta-sr" for others.

    Returns
    -------
    ndarray
        A view.

    Raises
    ------
    ArgumentError
        If `crop` is none of them, or "modcrop" with a fraction.

    Examples
    --------
    >>> import numpy as np
    >>> from vdsr_data.degradations.recipes import crop_for
    >>> crop_for(np.zeros((100, 90)), 3).shape, crop_for(np.zeros((100, 90)), 1.5).shape
    ((99, 90), (96, 90))
    """
    match _crop(scale, crop):
        case "none":
            return image
        case "modcrop":
            return modcrop(image, scale)  # type: ignore[arg-type]
    rows, columns = (max(side - 4 * (not _is_multiple(side, scale)), 0) for side in image.shape[:2])
    return image[:rows, :columns]


def _is_multiple(side: int, scale: float) -> bool:
    """MATLAB's ``mod(side, scale) == 0``, which overlooks a rounding error."""
    return math.isclose(round(side / scale) * scale, side, rel_tol=2**-50)


def _crop(scale: float, crop: Crop | None) -> Crop:
    """The rule, if none was given the usual one."""
    if crop is None:
        return "meta-sr" if scale != int(scale) else "none" if scale == 1 else "modcrop"
    return limits.choice("crop", crop, CROPS)


def crop_lines(scale: float, crop: Crop | None) -> list[str]:
    """Return the lines of MATLAB that `crop_for` stands for."""
    match _crop(scale, crop):
        case "none":
            return []
        case "modcrop":
            return [f"HR = modcrop(HR, {scale});"]
        case _:
            less = f"4*(mod(end, {scale!r}) ~= 0)"
            return [f"HR = HR(1:end - {less}, 1:end - {less}, :);"]


def _number(text: str) -> int | float | str:
    """A number as it is written, whole or not; what is none stays text, which is refused where it is used."""
    for kind in (int, float):
        with suppress(ValueError):
            return kind(text)
    return text


def _uint8(values: NDArray[np.float32]) -> NDArray[np.uint8]:
    """MATLAB's ``uint8``: rounded half away from zero, and saturated."""
    return np.floor(values.astype(np.float64).clip(0, 255) + 0.5).astype(np.uint8)


def _kernel(kernel: Any) -> tuple[tuple[float, ...], ...]:
    """The rows of a kernel, checked."""
    return tuple(map(tuple, checked_kernel(kernel).tolist()))
