"""Published PSNR / SSIM tables of the standard benchmarks, as data: each row with its protocol and its source.

A row may be compared only within its protocol, and only where the bicubic row agrees: `published` looks rows up,
`agreements` says which published bicubic table the measured one reproduces.
"""

from collections.abc import Iterator, Mapping
from dataclasses import dataclass

from vdsr_data.errors import ArgumentError
from vdsr_data.limits import whole
from vdsr_eval.protocols.protocol import Protocol, as_protocol

__all__ = ["PUBLISHED", "Agreement", "Published", "agreements", "published", "set_name"]

SCALES = (2, 3, 4)
SETS = ("Set5", "Set14", "B100", "Urban100")


@dataclass(frozen=True)
class Published:
    """One published mean over a set. `note` says what a reader of the number must know."""

    model: str
    protocol: str
    dataset: str
    scale: int
    psnr: float
    ssim: float
    source: str
    note: str = ""


KIM = "Kim, Lee, Lee, Accurate Image Super-Resolution Using Very Deep Convolutional Networks, CVPR 2016, Table 3"
PARK = "github.com/jangsoopark/VDSR-TensorFlow, README, tables of average PSNR/SSIM"
LIM = "Lim et al., Enhanced Deep Residual Networks for Single Image Super-Resolution, CVPRW 2017, Table 3"
RDN_PAPER = "Zhang et al., Residual Dense Network for Image Super-Resolution, CVPR 2018, Table 2"
RCAN_PAPER = (
    "Zhang et al., Image Super-Resolution Using Very Deep Residual Channel Attention Networks, ECCV 2018, Table 2"
)
LIANG = "Liang et al., SwinIR: Image Restoration Using Swin Transformer, ICCVW 2021, Table 2"

# model | protocol | source | note, then one line per set (Set5, Set14, B100, Urban100): x2, x3, x4 as PSNR/SSIM.
TABLES = (
    ("bicubic", "vdsr-tf", PARK, "", """
        33.68/0.9304 30.40/0.8682 28.43/0.8104
        30.24/0.8693 27.54/0.7746 26.00/0.7029
        29.56/0.8442 27.21/0.7401 25.96/0.6697
        26.88/0.8410 24.46/0.7358 23.14/0.6588"""),
    ("VDSR (authors' network)", "vdsr-tf", PARK, "as listed there; the paper's own row is under `paper`", """
        37.53/0.9586 33.66/0.9213 31.35/0.8838
        33.05/0.9214 29.78/0.8318 28.02/0.7678
        31.90/0.8960 28.83/0.7976 27.29/0.7252
        30.77/0.9141 27.14/0.8279 25.18/0.7525"""),
    ("VDSR-TensorFlow (theta 0.001)", "vdsr-tf", PARK, "", """
        37.07/0.9576 33.20/0.9171 30.90/0.8756
        32.67/0.9108 29.58/0.8295 27.81/0.7627
        31.65/0.8943 28.66/0.7952 27.14/0.7217
        30.20/0.9087 26.69/0.8178 24.85/0.7406"""),
    ("VDSR-TensorFlow (theta 0.0009)", "vdsr-tf", PARK, "", """
        37.14/0.9574 33.29/0.9171 30.95/0.8755
        32.74/0.9105 29.62/0.8291 27.84/0.7628
        31.69/0.8936 28.68/0.7947 27.15/0.7214
        30.29/0.9085 26.78/0.8186 24.90/0.7418"""),
    ("VDSR-TensorFlow (theta 0.0008)", "vdsr-tf", PARK, "", """
        37.08/0.9574 33.19/0.9166 30.88/0.8743
        32.66/0.9105 29.54/0.8288 27.75/0.7617
        31.65/0.8940 28.66/0.7945 27.14/0.7209
        30.13/0.9076 26.68/0.8171 24.84/0.7402"""),
    ("bicubic", "paper", KIM, "", """
        33.66/0.9299 30.39/0.8682 28.42/0.8104
        30.24/0.8688 27.55/0.7742 26.00/0.7027
        29.56/0.8431 27.21/0.7385 25.96/0.6675
        26.88/0.8403 24.46/0.7349 23.14/0.6577"""),
    ("SRCNN", "paper", KIM, "", """
        36.66/0.9542 32.75/0.9090 30.48/0.8628
        32.42/0.9063 29.28/0.8209 27.49/0.7503
        31.36/0.8879 28.41/0.7863 26.90/0.7101
        29.50/0.8946 26.24/0.7989 24.52/0.7221"""),
    ("VDSR", "paper", KIM, "", """
        37.53/0.9587 33.66/0.9213 31.35/0.8838
        33.03/0.9124 29.77/0.8314 28.01/0.7674
        31.90/0.8960 28.82/0.7976 27.29/0.7251
        30.76/0.9140 27.14/0.8279 25.18/0.7524"""),
    ("EDSR", "rcan", LIM, "trained on DIV2K", """
        38.11/0.9601 34.65/0.9282 32.46/0.8968
        33.92/0.9195 30.52/0.8462 28.80/0.7876
        32.32/0.9013 29.25/0.8093 27.71/0.7420
        32.93/0.9351 28.80/0.8653 26.64/0.8033"""),
    ("RDN", "rcan", RDN_PAPER, "trained on DIV2K", """
        38.24/0.9614 34.71/0.9296 32.47/0.8990
        34.01/0.9212 30.57/0.8468 28.81/0.7871
        32.34/0.9017 29.26/0.8093 27.72/0.7419
        32.89/0.9353 28.80/0.8653 26.61/0.8028"""),
    ("RCAN", "rcan", RCAN_PAPER, "trained on DIV2K", """
        38.27/0.9614 34.74/0.9299 32.63/0.9002
        34.12/0.9216 30.65/0.8482 28.87/0.7889
        32.41/0.9027 29.32/0.8111 27.77/0.7436
        33.34/0.9384 29.09/0.8702 26.82/0.8087"""),
    ("HAN", "rcan", LIANG, "trained on DIV2K", """
        38.27/0.9614 34.75/0.9299 32.64/0.9002
        34.16/0.9217 30.67/0.8483 28.90/0.7890
        32.41/0.9027 29.32/0.8110 27.80/0.7442
        33.35/0.9385 29.10/0.8705 26.85/0.8094"""),
    ("SwinIR", "rcan", LIANG, "trained on DIV2K and Flickr2K", """
        38.42/0.9623 34.97/0.9318 32.92/0.9044
        34.46/0.9250 30.93/0.8534 29.09/0.7950
        32.53/0.9041 29.46/0.8145 27.92/0.7489
        33.81/0.9427 29.75/0.8826 27.45/0.8254"""),
)  # fmt: skip


def _rows() -> Iterator[Published]:
    for model, protocol, source, note, table in TABLES:
        for dataset, line in zip(SETS, table.split("\n")[1:], strict=True):
            for scale, cell in zip(SCALES, line.split(), strict=True):
                psnr, ssim = cell.split("/")
                yield Published(model, protocol, dataset, scale, float(psnr), float(ssim), source, note)


PUBLISHED: tuple[Published, ...] = tuple(_rows())

# Other names under which the same images go.
ALIASES = {"bsd100": "b100", "bsds100": "b100", "cbsd100": "b100"}


def set_name(dataset: str) -> str:
    """The one name, in lower case, of the names under which a set goes; without what tables add in brackets."""
    name = dataset.partition(" (")[0].lower()
    return ALIASES.get(name, name)


def published(*, dataset: str, scale: int, protocol: Protocol | str | None = None) -> list[Published]:
    """The rows of one set and scale, in the order of their publication; every protocol's unless one is named.

    `dataset` is compared without regard to case, and BSD100, BSDS100 are B100. What tables add in brackets to tell two
    sets of one name apart does not count. A protocol that was varied has no published rows.

    Raises
    ------
    ArgumentError
        If there is no such protocol, or an argument is of another type. A set without published rows is no error.

    Examples
    --------
    >>> from vdsr_eval import published
    >>> [(row.model, row.psnr, row.ssim) for row in published(dataset="Set5", scale=2, protocol="paper")]
    [('bicubic', 33.66, 0.9299), ('SRCNN', 36.66, 0.9542), ('VDSR', 37.53, 0.9587)]
    """
    if not isinstance(dataset, str):
        raise ArgumentError(f"dataset: {dataset!r} is not allowed; give the name of a set, such as Set5")
    whole("scale", scale, (1, None))
    label = None if protocol is None else as_protocol(protocol).label
    wanted = set_name(dataset)
    return [
        row
        for row in PUBLISHED
        if row.dataset.lower() == wanted and row.scale == scale and label in (None, row.protocol)
    ]


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


def agreements(bicubic: Mapping[tuple[str, int], tuple[float, float]]) -> list[Agreement]:
    """Compare measured bicubic means, (PSNR, SSIM) by (set, scale), with each published bicubic table; best first.

    A row is exact where every printed digit is equal. Tables that share no set and scale are left out.
    """
    found = []
    for protocol in dict.fromkeys(row.protocol for row in PUBLISHED if row.model == "bicubic"):
        gaps, exact, source = [], 0, ""
        for (dataset, scale), (psnr, ssim) in bicubic.items():
            for row in published(dataset=dataset, scale=scale, protocol=protocol):
                if row.model == "bicubic":
                    gaps.append((abs(psnr - row.psnr), abs(ssim - row.ssim)))
                    exact += (f"{psnr:.2f}", f"{ssim:.4f}") == (f"{row.psnr:.2f}", f"{row.ssim:.4f}")
                    source = row.source
        if gaps:
            worst_psnr, worst_ssim = (max(column) for column in zip(*gaps, strict=True))
            found.append(Agreement(protocol, source, len(gaps), exact, worst_psnr, worst_ssim))
    return sorted(found, key=lambda agreement: (-agreement.exact, agreement.psnr_gap))
