"""What is scored: networks, functions, bicubic interpolation and folders of results, told apart and named."""

import math
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass
from functools import partial
from pathlib import Path
from typing import Any, TypeAlias, TypeGuard, get_args

import numpy as np
from numpy.typing import NDArray

from vdsr_data import imresize
from vdsr_data.benchmark.sets import Original
from vdsr_data.errors import ArgumentError, VdsrError, listed, one_line
from vdsr_data.limits import choice, several
from vdsr_data.matlab.arrays import as_array
from vdsr_eval.metrics.fidelity import Pixels
from vdsr_eval.networks.convert import holds_weights
from vdsr_eval.networks.ensemble import self_ensemble as averaged
from vdsr_eval.networks.load import AnyNetwork, load_any
from vdsr_eval.networks.network import EngineName, Network, Upscaler, checked_upscaler, run_upscaler
from vdsr_eval.networks.probed import ImageNetwork, input_words
from vdsr_eval.networks.shipped import NAME
from vdsr_eval.protocols.checked import checked_luma
from vdsr_eval.protocols.pair import Colour, Pair, result, rgb_result, small_image, without_rest
from vdsr_eval.protocols.protocol import Protocol
from vdsr_eval.scoring.names import distinct
from vdsr_eval.scoring.records import BICUBIC
from vdsr_eval.scoring.results import ResultFolder

__all__ = [
    "Method", "Model", "Opened", "SmallImage", "bicubic", "check_input", "is_upscaler", "load_method", "method",
    "method_of", "named", "network_of", "of_small_image",
]  # fmt: skip

# An original, its pair, the protocol and the scale -> the image to be scored, as `protocol.result` gives it.
Method = Callable[[Original, Pair, Protocol, float], Pixels]

# The low-resolution image and the scale -> the enlarged one, both floats in [0, 1].
Enlarger = Callable[[NDArray[np.float64], Any], NDArray[np.floating]]


@dataclass(frozen=True)
class SmallImage:
    """A function of the low-resolution image; made by `of_small_image`."""

    function: Enlarger
    colour: Colour = "luma"

    @property
    def name(self) -> str:
        """What the function is called."""
        found = getattr(self.function, "name", getattr(self.function, "__name__", type(self.function).__name__))
        return str(found)

    def run(self, image: NDArray[np.float64], scale: float) -> NDArray[np.float64]:
        """Enlarge an image, and refuse what would poison a mean."""
        sides = [side * scale for side in image.shape[:2]]
        shapes = [(*map(way, sides), *image.shape[2:]) for way in (math.floor, math.ceil)]
        sr = as_array(self.function(image.copy(), scale), "the result")
        if sr.shape not in shapes:
            raise VdsrError(f"the result has shape {sr.shape}; {shapes[0]} is needed, {scale:g} times the small image")
        if sr.dtype.kind != "f":
            raise VdsrError(f"the result is {sr.dtype}; floats in [0, 1] are needed")
        return checked_luma(sr.reshape(sr.shape[0], -1)).reshape(sr.shape)


# What may be scored, and how a user may name it: see `vdsr_eval.evaluate`.
Opened: TypeAlias = Upscaler | SmallImage | ResultFolder
Model: TypeAlias = str | Path | Opened


def bicubic(ilr: NDArray[np.float64], scale: float) -> NDArray[np.float64]:  # noqa: ARG001 - an Upscaler
    """The baseline: the input is enlarged already. `rcan` scores imresize of the 8-bit image for it."""
    return ilr


def of_small_image(function: Enlarger, *, colour: Colour = "luma") -> SmallImage:
    """Make a method for `evaluate` of a function that enlarges the low-resolution image itself.

    Most networks since 2016 begin there. The low-resolution image is the one of the protocol: under ``rcan`` the 8-bit
    image as a PNG file would hold it, under ``vdsr-tf`` and ``paper`` floating point; or the one that ``lr`` names.

    Parameters
    ----------
    function : callable
        Takes the image, float64 in [0, 1], and the scale; returns the enlarged image, floats in [0, 1], not clipped; at
        a fractional scale its sides are rounded down or up.
    colour : {"luma", "rgb"}, default "luma"
        "luma": images are (rows, columns), luma as rgb2ycbcr gives it; chroma is enlarged by imresize where a protocol
        asks for it. "rgb": images are (rows, columns, 3); a grey original is three equal channels, whose mean is scored
        as luma where the protocol keeps grey originals.

    Returns
    -------
    SmallImage
        For `evaluate`.

    Raises
    ------
    ArgumentError
        If `function` cannot be called, or there is no such colour. Scoring raises a VdsrError for a result of another
        size or type, or with NaN or infinity in it.

    Examples
    --------
    >>> import tempfile
    >>> from pathlib import Path
    >>> import numpy as np
    >>> from vdsr_eval import evaluate, of_small_image
    >>> from vdsr_data.images.files import write_image
    >>> nearest = of_small_image(lambda image, scale: image.repeat(scale, 0).repeat(scale, 1))
    >>> with tempfile.TemporaryDirectory() as folder:
    ...     write_image(Path(folder, "blocks.png"), np.kron(np.eye(12, dtype=np.uint8) * 90, np.ones((4, 4), np.uint8)))
    ...     scores = evaluate(folder, {"bicubic": "bicubic", "nearest": nearest}, scales=2, protocols="rcan")
    >>> [f"{record.psnr:.2f}" for record in scores]
    ['30.21', '37.41']
    """
    if not callable(function):
        raise ArgumentError(f"function: {function!r} is not allowed; give a function of the small image and the scale")
    return SmallImage(function, choice("colour", colour, get_args(Colour)))


def is_upscaler(model: Opened) -> TypeGuard[Upscaler]:
    """Whether a method enlarges luma that was enlarged by bicubic."""
    return not isinstance(model, SmallImage | ResultFolder)


def method(upscale: Upscaler | SmallImage) -> Method:
    """Make a method of an upscaling function, which runs once for protocols that share the low-resolution image.

    The method raises a VdsrError, and warns, as `run_upscaler`; ArgumentError if `upscale` cannot be called.
    """
    if not isinstance(upscale, SmallImage):
        checked_upscaler(upscale)
    seen: list[tuple[Original, NDArray[np.float64], NDArray[np.float64]]] = []

    def run(original: Original, pair: Pair, protocol: Protocol, scale: float) -> Pixels:
        if upscale is bicubic:
            return pair.baseline
        if seen and seen[0][0] is not original:
            seen.clear()
        image = pair.ilr
        if isinstance(upscale, SmallImage):
            how: dict[str, Any] = {"scale": scale, "protocol": protocol, "lr": pair.lr, "colour": upscale.colour}
            image = small_image(original.pixels, **how)
        known = [sr for _, given, sr in seen if np.array_equal(given, image)]
        sr = known[0] if known else _enlarged(upscale, image, scale)
        if not known:
            seen.append((original, image, sr))
        sr = without_rest(sr, pair.truth.shape, scale=scale)
        if sr.ndim == 2:
            return result(sr, pair.chroma, protocol=protocol)
        grey = original.pixels.ndim == 2 and protocol.grey == "keep"
        return result(sr.mean(axis=2), None, protocol=protocol) if grey else rgb_result(sr, protocol=protocol)

    return run


def _enlarged(upscale: Upscaler | SmallImage, image: NDArray[np.float64], scale: float) -> NDArray[np.float64]:
    return run_upscaler(upscale, image, scale) if not isinstance(upscale, SmallImage) else upscale.run(image, scale)


def load_method(
    weights: str | Path, *, engine: EngineName = "auto", network_input: str | Iterable[str] = ()
) -> Upscaler | SmallImage:
    """Load a network of any kind, which may take the small image; arguments and errors are those of `load_any`."""
    return method_of(load_any(weights, engine=engine, network_input=network_input))


def method_of(network: AnyNetwork) -> Upscaler | SmallImage:
    """A network as what is scored: a function of enlarged luma, or of the small image."""
    if isinstance(network, Network) or network.takes.as_ours:
        return network
    colour: Colour = "luma" if network.takes.colour == "luma" else "rgb"
    return SmallImage(network if network.takes.scale > 1 else _Enlarging(network), colour)


def network_of(model: Opened) -> AnyNetwork | None:
    """The network that a method is, or the one whose self-ensemble it is."""
    inner = model.function if isinstance(model, SmallImage) else getattr(model, "__wrapped__", model)
    inner = inner.network if isinstance(inner, _Enlarging) else inner
    return inner if isinstance(inner, Network | ImageNetwork) else None


def check_input(words: str | Iterable[str], methods: Iterable[Opened]) -> None:
    """Refuse what is said of the input of networks where none wants to hear it; an ArgumentError."""
    if several(words) and not any(isinstance(network_of(model), ImageNetwork) for model in methods):
        raise ArgumentError("network_input: is for networks of ONNX files and for spandrel's; no method is one")


@dataclass(frozen=True)
class _Enlarging:
    """A network of enlarged RGB, as a function of the small image."""

    network: ImageNetwork

    @property
    def name(self) -> str:
        return self.network.name

    def __call__(self, image: NDArray[np.float64], scale: float) -> NDArray[np.floating]:
        return self.network(imresize(image, scale), scale)


def named(
    methods: Mapping[str, Model] | Iterable[Model] | Model,
    baseline: Model | None = None,
    *,
    self_ensemble: bool = False,
    engine: EngineName = "auto",
    network_input: str | Iterable[str] = (),
) -> tuple[dict[str, Opened], str | None]:
    """Methods by the names that tables show, weights loaded, and the name of the baseline, which is among them.

    Parameters
    ----------
    methods, baseline, self_ensemble, engine, network_input
        As for `vdsr_eval.evaluate`.

    Raises
    ------
    ArgumentError
        If one is no method, has no name or one that is taken, or if there is nothing to compare with the baseline.
    VdsrError
        If weights cannot be read.
    """
    opened = partial(_opened, engine=engine, network_input=input_words(network_input))
    if isinstance(methods, Mapping):
        found = {_name(name): opened(model) for name, model in methods.items()}
    else:
        found = _by_name(several(methods), opened)
    if not found:
        raise ArgumentError("methods: give at least one, such as bicubic")
    against = baseline if isinstance(baseline, str) and baseline in found else None
    if baseline is not None and against is None:
        ((against, model),) = _by_name([baseline], opened).items()
        if against not in found:
            found = {against: model, **found} if model is bicubic else {**found, against: model}
        elif not isinstance(baseline, str | Path) and found[against] != model:
            raise ArgumentError(f"baseline: {against} is the name of another method; add it to the methods by its own")
    for name, model in found.items():
        if name == BICUBIC and model is not bicubic:
            raise ArgumentError(f"{BICUBIC} is the name of the baseline; call this method by another")
    check_input(network_input, found.values())
    run: dict[str, Opened] = {}
    for name, model in found.items():
        if self_ensemble and model is not bicubic and is_upscaler(model):
            run[f"{name} x8"] = averaged(model)
            against = f"{name} x8" if name == against else against
        else:
            run[name] = model
    if set(run) == {against}:
        raise ArgumentError(f"`baseline` {against}: there is nothing else to compare with it")
    return run, against


def _by_name(models: Sequence[Model], open_: Callable[[Model], Opened]) -> dict[str, Opened]:
    """Methods by names of their own: of the weights, the folder, the function."""
    opened = [open_(model) for model in models]
    labels = [_label(model) for model in opened]
    placed = {}
    for k, model in enumerate(models):
        place = model.folder if isinstance(model, ResultFolder) else model
        if isinstance(place, str | Path) and opened[k] is not bicubic:
            placed[k] = place
    others = [label for k, label in enumerate(labels) if k not in placed]
    if len(set(others)) < len(others) or "<lambda>" in others:
        raise ArgumentError(f"methods: {listed(others)} do not tell the methods apart; give a dict of them by names")
    apart = distinct([labels[k] for k in placed], list(placed.values()), taken={BICUBIC, *others})
    for k, label in zip(placed, apart, strict=True):
        labels[k] = label
    return dict(zip(labels, opened, strict=True))


def _opened(model: Model, *, engine: EngineName, network_input: Sequence[str]) -> Opened:
    """A method that can be run: weights are loaded, a folder without weights is one of results."""
    if isinstance(model, str | Path):
        if str(model) == BICUBIC:
            return bicubic
        results = str(model) != NAME and Path(model).is_dir() and not holds_weights(model)
        if results:
            return ResultFolder(model)
        return load_method(model, engine=engine, network_input=network_input)
    if isinstance(model, ImageNetwork):
        return method_of(model)
    if callable(model) or isinstance(model, SmallImage | ResultFolder):
        return model
    raise ArgumentError(f"methods: {model!r} is not allowed; give bicubic, weights, a folder of results or a function")


def _name(name: Any) -> str:
    if not isinstance(name, str) or not name:
        raise ArgumentError(f"methods: {name!r} is not allowed; give the name that tables show")
    return name


def _label(model: Opened) -> str:
    return one_line(str(getattr(model, "name", getattr(model, "__name__", type(model).__name__))))
