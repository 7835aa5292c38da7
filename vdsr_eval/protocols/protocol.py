"""What makes numbers comparable: how the low resolution is made, what is scored of it, and by which metrics.

A `Protocol` is made of rules. Those that published tables used have names, in `PROTOCOLS`; they lie hundredths of a dB
apart. `vdsr_eval.protocols.pair` applies one to an image.
"""

import math
from collections.abc import Iterable, Mapping
from contextlib import suppress
from dataclasses import dataclass, fields, replace
from typing import Any, Literal, get_args, get_origin, get_type_hints

from vdsr_data import Degradation
from vdsr_data.errors import ArgumentError
from vdsr_data.limits import choice, several, truth, whole
from vdsr_eval.metrics.fidelity import SsimForm

__all__ = [
    "PROTOCOLS",
    "RULES",
    "Luma",
    "Protocol",
    "Rules",
    "as_protocol",
    "changed",
    "describe_protocols",
    "nearest",
    "varied",
]

Luma = Literal["uint8", "float", "single", "difference", "full", "full-uint8"]
BEYOND = 6  # pixels that the DIV2K challenges leave out of each side beside the scale


@dataclass(frozen=True, kw_only=True)
class Protocol:
    """One way of computing the PSNR and SSIM of a super-resolution table.

    Attributes
    ----------
    name : str
        Of the protocol that this is, or is a variation of.
    source : {"luma", "rgb", "rgb-float", "rgb-once"}
        What imresize shrinks: luma in floating point; the 8-bit colour image, as files of LR hold it; the colour image
        in floating point, not rounded; or rounded once, at the end, as BasicSR's script.
    luma : {"uint8", "float", "single", "difference", "full", "full-uint8"}
        Luma of the 8-bit images that are compared. "uint8" and "float" are rgb2ycbcr rounded to whole values (MATLAB's
        uint8), and not (MATLAB's double); "single" is the latter in single precision, as in RCAN's script;
        "difference" is EDSR's, of the difference, over 256; "full" and "full-uint8" have the full range 0 to 255, as
        JPEG, which costs 1.32 dB.
    result : {"float", "uint8", "rgb"}
        What a method hands in: luma in floating point, luma rounded to 8 bits, or an 8-bit colour image.
    ssim : str
        One of `SSIM_FORMS`.
    reproduces : str
        Published tables that come out of these rules.
    proof : str
        What shows that they do; empty if nothing does yet.
    clip : bool
        Whether a result in floating point is clipped to [0, 1].
    grey : {"keep", "rgb"}
        A grey original is its own luma, or is read as three equal channels.
    border : int or "scale+6", optional
        Pixels of each side that are not scored; None is the scale, rounded up.
    crop : int, "scale", "none" or "resize"
        The ground truth is cropped for the scale (see `crop_for`); first to multiples of a number; not at all; or
        resized to a multiple of the scale.
    boundary : {"symmetric", "replicate"}
        Pixels beyond the edge, see `imresize`.
    resizer : {"matlab", "pillow", "opencv", "torch", "torch-antialias", "skimage"}
        Whose bicubic makes the low resolution and enlarges it; another than MATLAB's goes with the source "rgb".
    rgb : bool
        Score all three channels instead of luma.
    degradation : Degradation, optional
        What makes the low resolution of the 8-bit colour image; None is bicubic, of what `source` says.

    Raises
    ------
    ArgumentError
        If a rule has another value, or two do not go together.

    Examples
    --------
    >>> from dataclasses import replace
    >>> from vdsr_eval import PROTOCOLS
    >>> replace(PROTOCOLS["rcan"], border=8).label
    'rcan (border 8)'
    """

    name: str
    source: Literal["luma", "rgb", "rgb-float", "rgb-once"]
    luma: Luma
    result: Literal["float", "uint8", "rgb"]
    ssim: SsimForm
    reproduces: str
    proof: str = ""
    clip: bool = True
    grey: Literal["keep", "rgb"] = "keep"
    border: int | Literal["scale+6"] | None = None
    crop: int | Literal["scale", "none", "resize"] = "scale"
    boundary: Literal["symmetric", "replicate"] = "symmetric"
    resizer: Literal["matlab", "pillow", "opencv", "torch", "torch-antialias", "skimage"] = "matlab"
    rgb: bool = False
    degradation: Degradation | None = None

    def __post_init__(self) -> None:
        for name in ("name", "reproduces", "proof"):
            if not isinstance(getattr(self, name), str):
                raise ArgumentError(f"{name}: {getattr(self, name)!r} is not allowed; give text")
        for name, allowed in RULES.items():
            choice(name, getattr(self, name), allowed)
        for name in ("rgb", "clip"):
            object.__setattr__(self, name, truth(name, getattr(self, name)))
        if self.border not in (None, "scale+6"):
            whole("border", self.border, (0, None))
        if self.crop not in ("scale", "none", "resize"):
            whole("crop", self.crop, (1, None))
        if not self.clip and self.result != "float":
            raise ArgumentError("clip: results of 8 bits cannot go beyond their range; leave the rule out")
        if self.luma not in ("uint8", "float") and self.result != "rgb":
            raise ArgumentError(f"luma: {self.luma} is reckoned of 8-bit colour images; it goes with the result rgb")
        if self.resizer != "matlab" and (self.source != "rgb" or self.degradation or self.boundary != "symmetric"):
            raise ArgumentError(f"resizer: {self.resizer} goes with the source rgb, and has no boundary or degradation")
        if self.degradation is not None and not isinstance(self.degradation, Degradation):
            raise ArgumentError(f"degradation: {self.degradation!r} is not allowed; give a Degradation")
        if self.degradation is not None and self.degradation.boundary not in (None, self.boundary):
            raise ArgumentError("degradation: its boundary is that of the protocol; give that one")

    @property
    def data_range(self) -> float:
        """The peak of the scored images: 1 for floats, 255 for 8-bit results."""
        return 1.0 if self.result == "float" else 255.0

    def border_at(self, scale: float) -> int:
        """Pixels of each side that are not scored at this scale."""
        if isinstance(self.border, int):
            return self.border
        return math.ceil(scale) + (0 if self.border is None else BEYOND)

    def changes(self, base: "Protocol | None") -> dict[str, Any]:
        """The rules that are others than those of a protocol, by their names."""
        values = {rule.name: getattr(self, rule.name) for rule in fields(self) if rule.name not in WORDS}
        return {name: value for name, value in values.items() if value != getattr(base, name, value)}

    @property
    def label(self) -> str:
        """The name, followed by what was varied: "paper (border 0, RGB)"; other rules have another label."""
        changes = [_change(rule, value) for rule, value in self.changes(PROTOCOLS.get(self.name)).items()]
        return f"{self.name} ({', '.join(changes)})" if changes else self.name

    def describe(self) -> str:
        """One line that says all of it, printed with every table."""
        low = {
            "luma": "imresize of float luma", "rgb": "imresize of the 8-bit RGB image",
            "rgb-float": "imresize of the RGB image in float", "rgb-once": "imresize of the RGB image, rounded once",
        }[self.source]  # fmt: skip
        if self.degradation is not None:
            unrounded = self.degradation.kind == "noise" and self.source == "rgb-float"
            low = f"{self.degradation} of the 8-bit RGB image{', not rounded' * unrounded}"
        how = f" ({self.boundary})" if self.resizer == "matlab" else f" by {self.resizer}"
        kind = {"float": "float luma, not rounded", "uint8": "luma rounded to 8 bits", "rgb": "8-bit RGB result"}
        if self.rgb:
            kind = {"float": "float RGB, not rounded", "uint8": "RGB rounded to 8 bits", "rgb": "8-bit RGB result"}
        scored = kind[self.result] + ("" if self.clip else ", not clipped")
        if self.result == "rgb" and not self.rgb:
            scored += f", its luma {LUMA[self.luma]}"
        crop = {"scale": "", "none": "; nothing cropped", "resize": "; originals resized to multiples of the scale"}
        cropped = crop.get(str(self.crop), f"; cropped to multiples of {self.crop}")
        border = "scale" if self.border is None else str(self.border).replace("+", " + ")
        grey = "; grey originals as RGB" if self.grey == "rgb" else ""
        return f"{self.label}: {low}{how}{cropped}; {scored}; border {border}; SSIM {SSIM[self.ssim]}{grey}"


WORDS = ("name", "reproduces", "proof")  # what is no rule
PLAIN = ("boundary", "degradation", "resizer")  # whose values need no name in a label
LUMA = {
    "uint8": "rounded", "float": "not rounded", "single": "in single precision",
    "difference": "of the difference, over 256", "full": "of full range, not rounded",
    "full-uint8": "of full range, rounded",
}  # fmt: skip
SSIM = {
    "replicate": "over whole image, replicated edge", "valid": "over valid windows",
    "reflect": "over whole image, mirrored edge", "volume": "of the image as a volume, replicated edge",
    "downsample": "over valid windows of the image reduced to about 256 pixels",
    "uniform-8": "over valid windows 8 x 8", "uniform-7": "over valid windows 7 x 7, sample covariance",
}  # fmt: skip
# The rules of a protocol that are one of a few words.
RULES = {name: get_args(hint) for name, hint in get_type_hints(Protocol).items() if get_origin(hint) is Literal}

PROTOCOLS: dict[str, Protocol] = {
    protocol.name: protocol
    for protocol in (
        Protocol(
            name="vdsr-tf", source="luma", luma="uint8", result="float", ssim="replicate",
            reproduces="VDSR-TensorFlow", proof="its bicubic rows on Set5, Set14 and B100, 18 of 18 numbers",
        ),
        Protocol(
            name="paper", source="luma", luma="uint8", result="uint8", ssim="valid",
            reproduces="the VDSR paper, SRCNN", proof="the authors' network on Set5, 6 of 6 numbers",
        ),
        Protocol(
            name="rcan", source="rgb", luma="single", result="rgb", ssim="valid", grey="rgb",
            reproduces="RCAN, EDSR, SwinIR",
            proof="RDN's results on Set5 with MATLAB's own log, 20 of 20 numbers to 6 decimals",
        ),
        Protocol(
            name="rdn", source="rgb", luma="uint8", result="rgb", ssim="valid", boundary="replicate",
            reproduces="SelfExSR's README, bicubic rows of BD and DN tables (RDN, RCAN, SRFBN)",
            proof="RDN's bicubic rows on Set5, Set14 and B100, 12 of 12 numbers; SelfExSR's stored scores of bicubic "
            "on Set5, 30 of 30 numbers to 13 decimals",
        ),
        Protocol(
            name="dncnn", source="rgb", luma="float", result="float", clip=False, ssim="valid",
            reproduces="DnCNN, IRCNN, SRMD, DPSR", proof="two networks of the authors on Set5, 12 of 12 numbers",
        ),
        Protocol(
            name="lapsrn", source="rgb-float", luma="float", result="rgb", ssim="replicate",
            reproduces="LapSRN, MS-LapSRN",
        ),
        Protocol(
            name="basicsr", source="rgb-once", luma="float", result="rgb", ssim="valid", grey="rgb", crop=12,
            reproduces="BasicSR, ESRGAN", proof="its low resolution: 0 of 26,535 values of Set5 x8 differ",
        ),
        Protocol(
            name="ntire", source="rgb", luma="float", result="rgb", ssim="valid", rgb=True, border="scale+6",
            reproduces="DIV2K validation of the NTIRE challenges, EDSR's logs",
        ),
        Protocol(
            name="gopro", source="rgb", luma="float", result="rgb", ssim="volume", rgb=True, border=0,
            reproduces="deblurring of GoPro (MPRNet, Restormer)",
            proof="MATLAB's printed ssim of one RGB image, 4 of 4 digits",
        ),
        Protocol(
            name="denoising", source="rgb-float", luma="float", result="rgb", ssim="valid", rgb=True, border=0,
            reproduces="DnCNN, FFDNet, IRCNN on noise (scale 1, --degradation noise:noise=25)",
            proof="the authors' network of sigma 25 on the 12 images of Set12, 30.44 dB",
        ),
    )
}  # fmt: skip


def _change(rule: str, value: Any) -> str:
    if isinstance(value, bool):
        return {"rgb": ("luma scored", "RGB"), "clip": ("not clipped", "clipped")}[rule][value]
    if rule == "border" and value is None:
        return "border scale"
    return str(value) if rule in PLAIN else f"{'SSIM' if rule == 'ssim' else rule} {value}"


# Rules by their names, as a mapping or as pairs.
Rules = Mapping[str, Any] | Iterable[tuple[str, Any]]


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
    border: int | Literal["scale+6"] | None = None,
    rgb: bool = False,
    grey: Literal["keep", "rgb"] | None = None,
    luma: str | None = None,
    boundary: Literal["symmetric", "replicate"] | None = None,
    degradation: str | Degradation | None = None,
    rules: Rules = (),
) -> tuple[Protocol, ...]:
    """One protocol or several, each once, with these rules changed; what is left at its default stays as it is.

    `rules` has any of them by their names, as a `Protocol` has them; text where that takes numbers or truth will do.

    Raises
    ------
    ArgumentError
        If there is no such protocol or rule, or no protocol at all.

    Examples
    --------
    >>> [protocol.label for protocol in varied(["paper", "rcan"], border=0, rules={"ssim": "volume"})]
    ['paper (SSIM volume, border 0)', 'rcan (SSIM volume, border 0)']
    """
    changes = changed(border=border, rgb=rgb, grey=grey, luma=luma, boundary=boundary, degradation=degradation,
                      rules=rules)  # fmt: skip
    found = tuple(dict.fromkeys(replace(as_protocol(protocol), **changes) for protocol in several(protocols)))
    if not found:
        raise ArgumentError(f"protocols: give at least one of {', '.join(PROTOCOLS)}")
    return found


def describe_protocols() -> str:
    """The text of `vdsr-eval protocols`: each protocol, what it reproduces, on what proof, its rules, and their values.

    Examples
    --------
    >>> from vdsr_eval import describe_protocols
    >>> print(describe_protocols().splitlines()[1].strip())
    reproduces: VDSR-TensorFlow
    """
    lines = []
    for protocol in PROTOCOLS.values():
        rules = {rule.name: getattr(protocol, rule.name) for rule in fields(Protocol) if rule.name not in WORDS}
        shown = ", ".join(f"{rule}={_word(value)}" for rule, value in rules.items() if rule != "degradation")
        lines += [
            protocol.describe(),
            f"  reproduces: {protocol.reproduces}",
            f"  proof: {protocol.proof or 'none yet'}",
        ]
        lines += [f"  rules: {shown}", ""]
    values = {**RULES, "border": ("scale", "scale+6", "a number"), "crop": ("scale", "none", "resize", "a number"),
              "rgb": ("yes", "no"), "clip": ("yes", "no"), "degradation": ("bd", "dn:noise=10", "...")}  # fmt: skip
    return "\n".join([*lines, "values:", *(f"  {rule}: {', '.join(words)}" for rule, words in values.items())])


def _word(value: Any) -> str:
    if isinstance(value, bool):
        return "yes" if value else "no"
    return "scale" if value is None else str(value)


def changed(*, rules: Rules = (), **given: Any) -> dict[str, Any]:
    """The rules that the arguments of `varied` change, by their names; ArgumentError if one is given twice."""
    changes = {name: value for name, value in given.items() if value is not None and value is not False}
    if "degradation" in changes:
        changes["degradation"] = Degradation.parse(changes["degradation"])
    for name, value in rules.items() if isinstance(rules, Mapping) else rules:
        if name in changes:
            raise ArgumentError(f"rules: {name} is given twice")
        changes[name] = _rule(name, value)
    return changes


def _rule(name: str, value: Any) -> Any:
    """The value of a rule, of text where need be."""
    names = [rule.name for rule in fields(Protocol) if rule.name not in WORDS]
    choice("rule", name, names)
    if name == "degradation":
        return Degradation.parse(value)
    if not isinstance(value, str):
        return value
    words: dict[tuple[str, str], bool | None] = {
        (rule, word): word == "yes" for rule in ("rgb", "clip") for word in ("yes", "no")
    }
    words["border", "scale"] = None
    if (name, value) in words:
        return words[name, value]
    return int(value) if name in ("border", "crop") and value.isdecimal() else value


def nearest(protocol: Protocol, idle: Iterable[str] = ()) -> Protocol:
    """The same rules, by the name of the protocol with which most are shared; `idle` ones are that protocol's own."""
    named = []
    for base in PROTOCOLS.values():
        with suppress(ArgumentError):  # of rules that do not go with this name's own
            same: dict[str, Any] = {rule: getattr(base, rule) for rule in (*WORDS, *idle)}
            named.append(replace(protocol, **same))
    return min(named, key=lambda one: len(one.changes(PROTOCOLS[one.name])))
