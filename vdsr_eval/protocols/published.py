"""Published PSNR / SSIM tables of the standard benchmarks, as data: each row with its protocol and its source.

A row may be compared only within its protocol, and only where the bicubic row agrees: `published` looks rows up,
`agreements` says which published bicubic table the measured one reproduces.
"""

import math
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, replace

from vdsr_data import Degradation
from vdsr_data.errors import ArgumentError
from vdsr_data.limits import checked_factor
from vdsr_eval.protocols.protocol import PROTOCOLS, Protocol, as_protocol
from vdsr_eval.protocols.published_tables import TABLES

__all__ = ["PUBLISHED", "Agreement", "Published", "agreements", "published", "set_name"]


@dataclass(frozen=True)
class Published:
    """One published mean over a set. `note` says what a reader of the number must know.

    `protocol` is a name, or the label of a variation; `degradation` is a kind such as "bd", and empty for bicubic.
    """

    model: str
    protocol: str
    dataset: str
    scale: int
    psnr: float
    ssim: float
    source: str
    note: str = ""
    degradation: str = ""


def _rows() -> Iterator[Published]:
    for table in TABLES:
        for line in table.cells.split("\n")[1:]:
            dataset, scale, *cells = line.split()
            for column, cell in zip(table.columns, cells, strict=True):
                if cell != "-":
                    psnr, ssim = (float(number) for number in cell.rstrip("*").split("/"))
                    note = "; ".join(part for part in (column.note, table.mark * cell.endswith("*")) if part)
                    yield Published(column.model, table.protocol, dataset, int(scale.removeprefix("x")), psnr, ssim,
                                    column.source, note, table.degradation)  # fmt: skip


PUBLISHED: tuple[Published, ...] = tuple(_rows())

# Other names under which the same images go.
ALIASES = {"bsd100": "b100", "bsds100": "b100", "cbsd100": "b100"}


def set_name(dataset: str) -> str:
    """The one name, in lower case, of the names under which a set goes; without what tables add in brackets."""
    name = dataset.partition(" (")[0].lower()
    return ALIASES.get(name, name)


def published(
    *,
    dataset: str,
    scale: float,
    protocol: Protocol | str | None = None,
    degradation: str | Degradation | None = None,
) -> list[Published]:
    """The rows of one set, scale and degradation, in the order of the tables; every protocol's unless one is named.

    `dataset` is compared without regard to case, and BSD100, BSDS100 are B100. What tables add in brackets to tell two
    sets of one name apart does not count. Bicubic rows and those of another degradation are never mixed: what is not
    given is that of the protocol, and bicubic without one. A protocol that was varied has the rows of tables that were
    computed so: as a rule none; those of BD and DN also where its rule for luma, grey originals or the boundary was
    varied, as their bicubic rows need it.

    Raises
    ------
    ArgumentError
        If there is no such protocol or degradation, or an argument is of another type. A set without published rows is
        no error.

    Examples
    --------
    >>> from vdsr_eval import published
    >>> [(row.model, row.psnr, row.ssim) for row in published(dataset="Set5", scale=2, protocol="paper")][:3]
    [('bicubic', 33.66, 0.9299), ('SRCNN', 36.66, 0.9542), ('VDSR', 37.53, 0.9587)]
    >>> [row.psnr for row in published(dataset="Set5", scale=3, degradation="dn") if row.model == "RDN"]
    [28.47]
    """
    if not isinstance(dataset, str):
        raise ArgumentError(f"dataset: {dataset!r} is not allowed; give the name of a set, such as Set5")
    checked_factor("scale", scale, (1, math.inf))
    rules = None if protocol is None else as_protocol(protocol)
    made = None if degradation is None else Degradation.parse(degradation)
    if rules is not None and rules.degradation is not None:
        if made not in (None, rules.degradation):
            raise ArgumentError(f"degradation: {made} is not that of the protocol, {rules.degradation}; give one")
        made = rules.degradation
    kind = "" if made is None else str(replace(made, boundary=None))
    label = None if rules is None else _label(rules, kind)
    wanted = set_name(dataset)
    return [
        row
        for row in PUBLISHED
        if row.dataset.lower() == wanted
        and (row.scale, row.degradation) == (scale, kind)
        and label in (None, row.protocol)
    ]


def _label(rules: Protocol, kind: str) -> str:
    """The protocol under which the rows are listed that a protocol may be compared with."""
    rules = replace(rules, degradation=None)
    usual = PROTOCOLS.get(rules.name, rules)
    if kind and replace(rules, luma=usual.luma, grey=usual.grey, boundary=usual.boundary) == usual:
        return rules.name
    return rules.label


@dataclass(frozen=True)
class Agreement:
    """How a measured bicubic row compares with one published bicubic table, over the sets and scales of both."""

    protocol: str
    source: str
    rows: int
    exact: int
    psnr_gap: float
    ssim_gap: float

    @property
    def close(self) -> bool:
        """Near enough to compare with: some row exact, and every row within 0.01 dB and 0.001.

        The gap alone tells too little: `rcan` comes as near to the table of `vdsr-tf` on Set5, no row of it exact.
        """
        return self.exact > 0 and self.psnr_gap <= 0.01 and self.ssim_gap <= 0.001


def agreements(
    bicubic: Mapping[tuple[str, float], tuple[float, float]], *, degradation: Degradation | None = None
) -> list[Agreement]:
    """Compare measured bicubic means, (PSNR, SSIM) by (set, scale), with each published bicubic table; best first.

    A row is exact where every printed digit is equal. Tables that share no set and scale are left out.
    """
    rows: dict[str, list[tuple[Published, float, float]]] = {}
    for (dataset, scale), measured in bicubic.items():
        for row in published(dataset=dataset, scale=scale, degradation=degradation):
            if row.model == "bicubic":
                rows.setdefault(row.protocol, []).append((row, *measured))
    found = []
    for protocol, pairs in rows.items():
        exact = sum(
            (f"{psnr:.2f}", f"{ssim:.4f}") == (f"{row.psnr:.2f}", f"{row.ssim:.4f}") for row, psnr, ssim in pairs
        )
        psnr_gap = max(abs(psnr - row.psnr) for row, psnr, _ in pairs)
        ssim_gap = max(abs(ssim - row.ssim) for row, _, ssim in pairs)
        found.append(Agreement(protocol, pairs[0][0].source, len(pairs), exact, psnr_gap, ssim_gap))
    return sorted(found, key=lambda agreement: (-agreement.exact, agreement.psnr_gap))
