"""Every hyper-parameter of a training in one frozen dataclass, with the paper's values.

A field's annotation says what is allowed, what it means, and when it has an effect; the options of the command line
and the checks of a saved config.json are both made from it, so that a hyper-parameter has one name and one meaning
everywhere.
"""

import json
import math
import sys
import types
from collections.abc import Collection, Iterator, Mapping
from dataclasses import asdict, dataclass, fields
from pathlib import Path
from typing import Annotated, Any, Literal, Union, get_args, get_origin, get_type_hints

from vdsr_data.errors import ArgumentError, VdsrError
from vdsr_data.io.files import replacing
from vdsr_data.limits import checked_path

__all__ = ["FALLING", "FREE", "Config", "Knob", "Needs", "Range", "config_of", "idle", "knobs", "read_config"]


@dataclass(frozen=True)
class Range:
    """The numbers that a field allows: from `low` (itself excluded where `above`) to `high`."""

    low: float
    above: bool = False
    high: float = math.inf

    def __contains__(self, value: float) -> bool:
        inside = (self.low < value if self.above else self.low <= value) and value <= self.high
        return inside and value <= sys.float_info.max  # whole numbers know no end, and NaN is nowhere inside

    def __str__(self) -> str:
        text = f"above {self.low:g}" if self.above else f"{self.low:g} or more"
        return text if math.isinf(self.high) else f"{text}, at most {self.high:g}"


@dataclass(frozen=True)
class Needs:
    """That a field has an effect only where the field `name` is one of `only`, or none of `but`; else `way_out`.

    Its own value `off` asks for nothing, and does no harm elsewhere.
    """

    name: str
    way_out: str
    only: tuple[Any, ...] = ()
    but: tuple[Any, ...] = ()
    off: Any = None

    def met(self, config: "Config") -> bool:
        """Whether the field has an effect in `config`."""
        value = getattr(config, self.name)
        return value in self.only if self.only else value not in self.but


POSITIVE = Range(0, above=True)
COUNT = Range(1)
NOT_NEGATIVE = Range(0)
IN_IMAGES = Needs("images", "add --images FOLDER", but=(None,))
IN_A_FILE = Needs("images", "crops of images take its place", only=(None,))
TURNED = Needs("images", "crops of images are turned and flipped in any case", only=(None,))
CLIPPED = Needs("clip", "add --clip value or --clip norm", but=("none",))
SCORED = Needs("validation", "name a set, or leave it out", but=("none",), off=0)
IN_STEPS = Needs("schedule", "add --schedule step", only=("step",))
FALLING: tuple[Literal["cosine", "linear"], ...] = ("cosine", "linear")  # schedules that end at a rate of zero
IN_A_FALL = Needs("schedule", "add --schedule cosine or --schedule linear", only=FALLING, off=0)


@dataclass(frozen=True)
class Config:
    """One training run; the defaults are the recipe of the paper (Kim, Lee, Lee, CVPR 2016).

    Raises
    ------
    ArgumentError
        For a value that is not allowed; names it, and what is allowed.

    Examples
    --------
    >>> from vdsr_train import Config
    >>> Config(optimizer="adam", learning_rate=1e-3).depth
    20
    """

    # the network
    depth: Annotated[int, Range(2), "convolutional layers"] = 20
    channels: Annotated[int, COUNT, "channels of the hidden layers"] = 64
    last_layer: Annotated[
        Literal["he", "zero"],
        Needs("weights", "the last layer is theirs", only=(None,)),
        "start of the last layer; zero: the network starts as bicubic",
    ] = "he"
    weights: Annotated[
        str | Path | None,
        "start from trained weights instead: a weights.h5, a run folder, default, or what convert reads",
    ] = None

    # the data
    file: Annotated[str | Path, IN_A_FILE, "the training file"] = "vdsr_train.h5"
    images: Annotated[
        str | Path | None, "folder of images, or sample: crop from these, eight ways, instead of a file"
    ] = None
    patch_size: Annotated[int, Range(2), IN_IMAGES, "with images: rows and columns of a crop"] = 41
    scales: Annotated[tuple[int, ...], Range(2, high=16), IN_IMAGES, "with images: factors of reduction"] = (2, 3, 4)
    downsizes: Annotated[
        tuple[float, ...], Range(0.01, high=1), IN_IMAGES, "with images: reduce each by these first"
    ] = (1.0,)
    symmetries: Annotated[bool, TURNED, "with a file: turn and flip each patch, eight ways"] = False
    batch_size: Annotated[int, COUNT, "patches in a step"] = 64
    seed: Annotated[int, NOT_NEGATIVE, "of the weights, the order of the patches and the symmetries"] = 0

    # what is minimised, and how
    loss: Annotated[
        Literal["sum", "total", "mean", "absolute"],
        "squared error: half of its sum over a patch (paper), or over the whole batch, or its mean over all pixels; "
        "or the mean absolute error",
    ] = "sum"
    optimizer: Annotated[
        Literal["sgd", "adam", "muon"],
        "stochastic gradient descent with momentum; Adam; or Muon, with Adam for first and last layer and biases",
    ] = "sgd"
    momentum: Annotated[float, Range(0, high=0.9999), "of SGD and Muon; the same number is beta_1 of Adam"] = 0.9
    beta_2: Annotated[
        float,
        Range(0, high=0.99999),
        Needs("optimizer", "add --optimizer adam or --optimizer muon", but=("sgd",)),
        "of Adam: memory of the squared gradients",
    ] = 0.999
    weight_decay: Annotated[
        float, NOT_NEGATIVE, "added to the gradient, after clipping values but before clipping norms; not of biases"
    ] = 1e-4
    clip: Annotated[
        Literal["value", "norm", "none"], "clip each gradient value (paper), or each tensor's norm, to theta / rate"
    ] = "value"
    theta: Annotated[float, POSITIVE, CLIPPED, "adjustable clipping: the largest step, in units of a weight"] = 1e-4

    # the learning rate and the length
    learning_rate: Annotated[float, POSITIVE, "learning rate at its highest"] = 0.1
    schedule: Annotated[
        Literal["step", "cosine", "linear", "stable"],
        "divided every few epochs; a cosine or a line down to zero; or level, for as long as one likes",
    ] = "step"
    decay_every: Annotated[int, COUNT, IN_STEPS, "step schedule: epochs between two divisions"] = 20
    decay_factor: Annotated[float, POSITIVE, IN_STEPS, "step schedule: what the rate is divided by"] = 10.0
    decay_from: Annotated[
        int, NOT_NEGATIVE, IN_A_FALL, "cosine and line: steps at the full rate before it falls, the warm-up among them"
    ] = 0
    warmup: Annotated[int, NOT_NEGATIVE, "steps during which the rate rises from zero"] = 0
    epochs: Annotated[
        int, COUNT, Needs("steps", "give --steps alone", only=(None,)), "passes over the training patches"
    ] = 80
    steps: Annotated[int | None, COUNT, "length of the training in steps, instead of epochs"] = None
    ema: Annotated[int, NOT_NEGATIVE, "also average the weights over about so many steps; 0: no"] = 0

    # the machine
    precision: Annotated[Literal["float32", "mixed_bfloat16"], "arithmetic of the hidden layers"] = "float32"
    convolution: Annotated[
        Literal["auto", "direct", "winograd"],
        "the backend's, or on a processor one that multiplies a quarter as often; auto: the faster in a trial",
    ] = "auto"
    threads: Annotated[int, Range(0, high=1024), "processor threads; 0: all"] = 0
    distribute: Annotated[
        Literal["none", "mirrored", "multi-worker"], "one device, all GPUs here, or the workers that TF_CONFIG names"
    ] = "none"

    # what one sees
    validation: Annotated[str | Path, "set scored while training (sample where it is missing), or none"] = "Set5"
    validate_every: Annotated[
        int, NOT_NEGATIVE, SCORED, "steps between validations, beside each epoch's; 0: epochs only"
    ] = 0
    checkpoint_every: Annotated[int, COUNT, "steps between checkpoints"] = 200
    log_every: Annotated[int, COUNT, "steps between the rows of log.csv"] = 50

    def __post_init__(self) -> None:
        for knob in knobs():
            value = knob.plain(getattr(self, knob.name))
            knob.check(value)
            object.__setattr__(self, knob.name, value)

    def write(self, path: Path | str) -> None:
        """Write the configuration as JSON; `path` is replaced by a complete file."""
        with replacing(path) as temporary:
            temporary.write_text(json.dumps(asdict(self), indent=2) + "\n", encoding="utf-8")


# What a resumed run may change: where things are and what one sees, but nothing that moves the weights.
FREE = frozenset(
    {"file", "images", "threads", "distribute", "validation", "validate_every", "checkpoint_every", "log_every"}
)


@dataclass(frozen=True)
class Knob:
    """A field of `Config`, taken apart for the command line and for checks."""

    name: str
    kind: type
    many: bool
    choices: tuple[str, ...]
    range: Range | None
    needs: Needs | None
    optional: bool
    help: str
    default: Any

    def plain(self, value: Any) -> Any:
        """Return `value` as it is compared and saved: a path as text, a list as a tuple, ``None`` as ``none``."""
        if self.many:
            return tuple(value) if isinstance(value, list) else value
        value = str(value) if isinstance(value, Path) and self.kind is str else value
        return "none" if self.name == "validation" and str(value).lower() == "none" else value

    def check(self, value: Any) -> None:
        """Raise an ArgumentError where `value` is not one that the field allows."""
        if self.optional and value is None:
            return
        values = value if self.many else (value,)
        right = (
            isinstance(values, tuple) and values and all(map(self._fits, values)) and len(set(values)) == len(values)
        )
        if not right:
            raise ArgumentError(f"{self.name}: {value!r} is not allowed; it must be {self._allowed()}")

    def acts(self, config: Config) -> bool:
        """Whether the field has an effect in `config`."""
        return self.needs is None or self.needs.met(config)

    def _fits(self, value: Any) -> bool:
        right = isinstance(value, self.kind) and (self.kind is bool or not isinstance(value, bool))
        if not (right or (self.kind is float and type(value) is int)):
            return False
        return (
            value != "" and (not self.choices or value in self.choices) and (self.range is None or value in self.range)
        )

    def _allowed(self) -> str:
        if self.choices:
            return " or ".join(self.choices)
        noun = {int: "a whole number", float: "a number", bool: "true or false", str: "a name"}[self.kind]
        noun = f"a list of different items, each {noun}" if self.many else noun
        return f"{noun}, {self.range}" if self.range else noun


def knobs() -> Iterator[Knob]:
    """Every field of `Config`, in order."""
    hints = get_type_hints(Config, include_extras=True)
    for field in fields(Config):
        kind, *notes = get_args(hints[field.name])
        union = get_origin(kind) in (Union, types.UnionType)
        optional = union and type(None) in get_args(kind)
        if union:
            kind = get_args(kind)[0]
        many = get_origin(kind) is tuple
        if many:
            kind = get_args(kind)[0]
        choices = get_args(kind) if get_origin(kind) is Literal else ()
        allowed = next((note for note in notes if isinstance(note, Range)), None)
        needs = next((note for note in notes if isinstance(note, Needs)), None)
        kind = str if choices else kind
        yield Knob(field.name, kind, many, choices, allowed, needs, optional, notes[-1], field.default)


def idle(config: Config, given: Collection[str], origin: str) -> Iterator[tuple[str, str]]:
    """Each of the fields `given` that has no effect in `config`, with the reason as the rest of a sentence.

    `origin` is where the fields that were not given have their values from: ``preset best``.
    """
    for knob in knobs():
        if knob.name not in given or knob.needs is None or knob.acts(config):
            continue
        if getattr(config, knob.name) != knob.needs.off:
            other, value = knob.needs.name, getattr(config, knob.needs.name)
            whence = "" if value is None or other in given else f" ({origin})"
            why = f"without --{other}" if value is None else f"with --{other} {value}"
            yield knob.name, f"does nothing {why}{whence}; {knob.needs.way_out}"


def read_config(path: Path | str) -> Config:
    """Read a config.json, or that of a run folder, strictly: unknown, badly typed or impossible values are refused.

    Raises
    ------
    VdsrError
        Names the file and the key.

    Examples
    --------
    >>> import tempfile
    >>> from vdsr_train import Config, read_config
    >>> with tempfile.TemporaryDirectory() as run:
    ...     Config(depth=8).write(f"{run}/config.json")
    ...     read_config(run).depth
    8
    """
    path = checked_path("path", path)
    path = path / "config.json" if path.is_dir() else path
    try:
        values = json.loads(path.read_text(encoding="utf-8"))
    except FileNotFoundError:
        raise VdsrError(f"{path}: no such file; a run folder holds the config.json of its training") from None
    except (OSError, ValueError, RecursionError) as error:
        raise VdsrError(f"{path}: cannot be read as JSON ({error})") from None
    if not isinstance(values, Mapping):
        raise VdsrError(f"{path}: is not a configuration (a JSON object was expected)")
    return config_of(values, path)


def config_of(values: Mapping[str, Any], path: Path) -> Config:
    """Return the configuration that the file `path` holds as `values`; errors as of `read_config`."""
    known = {field.name for field in fields(Config)}
    for name in values:
        if name not in known:
            raise VdsrError(f"{path}: unknown key {name!r}; known keys: {', '.join(sorted(known))}")
    try:
        before: dict[str, Any] = {"convolution": "direct"}  # what was trained before there was a choice
        given = before | {k: tuple(v) if isinstance(v, list) else v for k, v in values.items()}
        return Config(**given)
    except VdsrError as error:
        raise VdsrError(f"{path}: {error}") from None
