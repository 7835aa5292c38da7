"""Published numbers whose rules are looked for: a claim, the claims of a log, and what explains them."""

import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

from vdsr_data.errors import ArgumentError, VdsrError, listed
from vdsr_eval.protocols.protocol import Protocol
from vdsr_eval.scoring.names import image_of

__all__ = ["Claim", "Claims", "Explanation", "Way", "read_claims"]

NUMBER = re.compile(r"\d+\.\d+|\d+")


@dataclass(frozen=True)
class Claim:
    """A PSNR in dB and perhaps an SSIM, with the digits that were printed.

    Examples
    --------
    >>> from vdsr_eval.scoring.claims import Claim
    >>> Claim.parse("37.56/0.9591").holds(37.5613, 0.95908)
    True
    """

    psnr: str
    ssim: str | None = None

    @classmethod
    def parse(cls, text: "str | Claim") -> "Claim":
        """Make one of "37.56" or "37.56/0.9591"; ArgumentError for anything else."""
        if isinstance(text, Claim):
            return text
        parts = [part.strip() for part in text.split("/")] if isinstance(text, str) else []
        sound = len(parts) in (1, 2) and all(re.fullmatch(NUMBER, part) for part in parts)
        if not sound or not 0 < float(parts[0]) < 200 or float(parts[-1] if len(parts) > 1 else 0) > 1:
            raise ArgumentError(
                f"claim: {text!r} is not allowed; give PSNR/SSIM such as 37.56/0.9591, or the PSNR alone"
            )
        return cls(*parts)

    def holds(self, psnr: float, ssim: float | None = None) -> bool:
        """Whether these give every digit; the SSIM only if it is given too."""
        same = _printed(psnr, self.psnr) == self.psnr
        return same and (ssim is None or self.ssim is None or _printed(ssim, self.ssim) == self.ssim)

    def __str__(self) -> str:
        return self.psnr if self.ssim is None else f"{self.psnr}/{self.ssim}"


# The claim of the mean, under "", or those of images, by their names.
Claims = Mapping[str, Claim]


@dataclass(frozen=True)
class Way:
    """Rules, and what they give: the mean, and each image's scores by its name."""

    protocol: Protocol
    psnr: float
    ssim: float
    images: Mapping[str, tuple[float, float]]


@dataclass(frozen=True)
class Explanation:
    """Which rules give a claim, the simplest first; or, if none does, the nearest.

    Attributes
    ----------
    claims : mapping
        Of the mean, under "", or of images.
    found : tuple of Way
        Those that give every digit.
    close : tuple of Way
        If there are none, the nearest.
    tried : int
        How many ways were tried.
    whole : bool
        Whether the low resolutions of all named protocols were tried.
    steps : int
        How often `advance` was told of a step.
    """

    claims: Claims
    found: tuple[Way, ...]
    close: tuple[Way, ...]
    tried: int
    whole: bool = True
    steps: int = 0


def read_claims(path: Path | str, names: Sequence[str], *, scale: float) -> dict[str, Claim]:
    """Read the claims of images from a log or a CSV file: lines that have the name of an image, a PSNR and an SSIM.

    Numbers are those behind the name that have a point; the first is taken as the PSNR, the second as the SSIM. Lines
    that name another scale are passed over.

    Raises
    ------
    VdsrError
        If it cannot be read, has no line for one of the images, or two with different numbers.
    """
    try:
        lines = Path(path).read_text(encoding="utf-8", errors="replace").splitlines()
    except OSError as error:
        raise VdsrError(f"{path}: cannot be read ({error.strerror or error})") from None
    found: dict[str, Claim] = {}
    for line in lines:
        name, behind = image_of(line, names, scale=scale)
        numbers = re.findall(r"(?<![\w.])\d+\.\d+(?=db\b|(?![\w.]))", behind)
        if name and numbers and 0 < float(numbers[0]) < 200:
            claim = Claim(*numbers[:2])
            if found.setdefault(name, claim) != claim:
                raise VdsrError(
                    f"{path}: has several numbers for {name}, {found[name]} and {claim}; leave one method in it"
                )
    missing = [name for name in names if name not in found]
    if missing:
        raise VdsrError(
            f"{path}: has no line with PSNR and SSIM of {listed(missing)} at x{scale:g}; a line is: baby.png 35.73"
            " 0.9300, its numbers with points"
        )
    return found


def _printed(value: float, like: str) -> str:
    return f"{value:.{len(like.partition('.')[2])}f}"
