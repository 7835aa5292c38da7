"""Published numbers that disagree about one thing, with the cause where it can be shown, as data.

docs/how-to/tables-that-disagree.md is written from it.
"""

from dataclasses import dataclass

from vdsr_eval.protocols.published_tables import DNCNN, KIM, LAPSRN, LIM, MSRN, PARK, RDN, SELF, TSCN

__all__ = ["DISAGREEMENTS", "Disagreement", "Printed", "Shown"]


@dataclass(frozen=True)
class Printed:
    """A number as it was printed, PSNR/SSIM or one of them, and where."""

    value: str
    source: str


@dataclass(frozen=True)
class Shown:
    """A command that shows the cause, on the public sets, and what it prints."""

    command: str
    prints: str


@dataclass(frozen=True)
class Disagreement:
    """What is disagreed about: a model on a set, at a scale; the numbers; why, and how to see it.

    `explained` is False where the cause is not known, or could not be shown.
    """

    model: str
    dataset: str
    scale: int
    printed: tuple[Printed, ...]
    cause: str
    shown: tuple[Shown, ...] = ()
    explained: bool = True


def _bicubic(options: str, prints: str) -> Shown:
    return Shown(f"vdsr-eval --model bicubic {options}", prints)


def _issue(repository: str, number: int) -> str:
    return f"https://github.com/{repository}/issues/{number}"


BD = "--dataset Set14 --scale 3 --protocol rdn --degradation bd"
SUPER_IMAGE = "github.com/eugenesiow/super-image, README at 0166653"
RDSRN = "github.com/HEEJOWOO/RDSRN-2022.01.ICCE, README at 7aeaed3"
LOSEAL = "github.com/LoSealL/VideoSuperResolution, Docs/Benchmark (reproduce).md at 3299122"
SRTRANSGAN = "github.com/nbaghel777/SRTransGAN, README, table of x2 and x4"

DISAGREEMENTS = (
    Disagreement(
        "bicubic", "Set5", 2,
        (Printed("33.64/0.9292", SELF), Printed("33.66/0.9299", KIM), Printed("33.68/0.9304", PARK)),
        "Four protocols. Shrinking 8-bit RGB by an older imresize and rounding the luma that is scored gives 33.64;"
        " shrinking luma and rounding the result 33.66; the same without rounding 33.68; shrinking 8-bit RGB without"
        " rounding luma 33.67,"
        " which papers of that protocol do not print.",
        (
            _bicubic("--dataset Set5 --scale 2 --protocol rdn", "33.64 / 0.9292"),
            _bicubic("--dataset Set5 --scale 2 --protocol paper", "33.66 / 0.9299"),
            _bicubic("--dataset Set5 --scale 2 --protocol rcan", "33.67 / 0.9303"),
            _bicubic("--dataset Set5 --scale 2 --protocol vdsr-tf", "33.68 / 0.9304"),
        ),
    ),
    Disagreement(
        "bicubic", "Set5", 4, (Printed("28.42/0.8104", KIM), Printed("28.42/0.8104", LOSEAL)),
        "Bicubic rows travel. That page says that all its numbers are of networks trained anew, yet its bicubic digits"
        " are Kim's; tables of colour networks print the same row, whose protocol is not theirs. Compute the bicubic"
        " row again before a gain over bicubic is read off such a table.",
        (
            _bicubic("--dataset Set5 --scale 4 --protocol paper", "28.42 / 0.8104"),
            _bicubic("--dataset Set5 --scale 4 --protocol rcan", "28.43 / 0.8111"),
        ),
    ),
    Disagreement(
        "bicubic", "Set14", 3, (Printed("27.55/0.7742", KIM), Printed("27.53/0.7737", SELF)),
        "SelfExSR's is `rdn`: an older imresize, rounded luma, the grey original kept. Kim's is not reached: `paper`"
        " gives 0.01 dB and 0.0006 less on these files, while it gives Kim's digits on Set5, and on B100 but for"
        " 0.0001.",
        (
            _bicubic("--dataset Set14 --scale 3 --protocol rdn", "27.53 / 0.7737"),
            _bicubic("--dataset Set14 --scale 3 --protocol paper", "27.54 / 0.7736"),
        ),
        explained=False,
    ),
    Disagreement(
        "bicubic, blurred and reduced (BD)", "Set14", 3, (Printed("26.38/0.7271", f"{RDN}3"),),
        "Set14 has one grey original, bridge. This row keeps it grey. Read as three equal channels its luma is 16 +"
        " 219/255 of its value, and it scores 1.32 dB more: a tenth of a decibel in the mean of fourteen images.",
        (
            _bicubic(BD, "26.38 / 0.7271"),
            _bicubic(f"{BD} --grey rgb", "26.48 / 0.7288"),
        ),
    ),
    Disagreement(
        "LapSRN", "Set14", 4, (Printed("28.19/0.772", LAPSRN), Printed("28.09/0.7700", SRTRANSGAN)),
        "0.10 dB on Set14, and none on Set5, as for DRRN (28.31 beside 28.21): what the grey original read as RGB is"
        " worth, see above. Neither was computed again here.",
        explained=False,
    ),
    Disagreement(
        "DRRN", "Set14", 4, (Printed("28.21/0.7721", TSCN), Printed("28.31/0.774", LAPSRN)),
        "As for LapSRN: equal on Set5 (31.68), 0.10 dB apart on Set14.", explained=False,
    ),
    Disagreement(
        "VDSR", "Set5", 2, (Printed("37.53/0.9587", KIM), Printed("37.56/0.9591", DNCNN)),
        "One network under two protocols. The authors' weights give 37.53 under `paper`, and 37.56 under `dncnn`, which"
        " shrinks 8-bit RGB and scores luma that is neither rounded nor clipped.",
        (
            Shown("vdsr-eval --model vdsr --dataset Set5 --scale 2 --protocol paper --weights VDSR_Official.mat",
                  "37.53 / 0.9587"),
            Shown("vdsr-eval --model vdsr --dataset Set5 --scale 2 --protocol dncnn --weights VDSR_Official.mat",
                  "37.56 / 0.9591"),
        ),
    ),
    Disagreement(
        "VDSR", "Set5", 4, (Printed("31.35/0.8838", KIM),),
        "The weights that the authors published give 0.01 dB less than their table at this scale, and its digits at the"
        " two others.",
        (
            Shown("vdsr-eval --model vdsr --dataset Set5 --scale 4 --protocol paper --weights VDSR_Official.mat",
                  "31.34 / 0.8838"),
        ),
        explained=False,
    ),
    Disagreement(
        "VDSR", "Set14", 2, (Printed("33.03/0.9124", KIM), Printed("33.05/0.9214", PARK)),
        "The SSIM is Kim's with two digits swapped; no other SSIM of that row is more than 0.0004 from Kim's.",
    ),
    Disagreement(
        "bicubic", "Set5", 2,
        (
            Printed("33.66/0.9299", KIM),
            Printed("33.66/0.9929", "github.com/huangzehao/Super-Resolution.Benckmark, README at 02957a7"),
            Printed("33.66/0.9929", "github.com/Jongchan/tensorflow-vdsr, README at b0f250f"),
        ),
        "Two digits swapped, and then copied: no method reaches 0.99 on this set at x2.",
        (_bicubic("--dataset Set5 --scale 2 --protocol paper", "33.66 / 0.9299"),),
    ),
    Disagreement(
        "MSRN+", "B100", 2,
        (Printed("32.28/0.9080", MSRN), Printed("32.28/0.9008", "github.com/MIVRC/MSRN-PyTorch, an earlier README")),
        "Two digits swapped: the PSNR is the same, and MSRN itself has 0.9002.",
    ),
    Disagreement(
        "DRRN", "Set14", 2, (Printed("33.23/0.9136", TSCN), Printed("32.23/0.9136", RDSRN)),
        "A digit mistyped in copying; the SSIM is the same. That page also has VDSR on Set5 x2 at 37.63 with the SSIM"
        " of 37.53, and on Urban100 x4 the numbers of x3 for VDSR, DRCN, DRRN and MemNet.",
    ),
    Disagreement(
        "MSRN", "Set5", 8,
        (Printed("26.95/0.7728", MSRN), Printed("26.59/0.7254", "the same README, the row `old (paper)`")),
        "The authors scored again with the script of RCAN's kind. The old SSIM is of another protocol: 0.05 lower here,"
        " and on Manga109 x2 0.0097 higher (0.9868) than the retrained network's, at a similar PSNR.",
        explained=False,
    ),
    Disagreement(
        "EDSR", "B100", 2, (Printed("32.32/0.9013", LIM), Printed("33.89/0.9266", SUPER_IMAGE)),
        "1.57 dB more on B100, 0.08 dB on Set5, by networks of one design: other images, or another way of scoring."
        " That page also has EDSR on Set5 x3 at 35.31, where Lim's table has 34.65, and at x4 32.50 beside 32.46.",
        explained=False,
    ),
    Disagreement(
        "bicubic", "Urban100", 2, (Printed("26.88/0.8403", KIM), Printed("26.66/0.8408", SELF)),
        "0.22 dB less at a higher SSIM, where the other sets are 0.01 to 0.02 dB apart and x4 is equal: not a matter of"
        " protocol. Images of that set as they were distributed were found to be wrong ("
        + _issue("jbhuang0604/SelfExSR", 8) + ").",
        explained=False,
    ),
    Disagreement(
        "SPSR", "Urban100", 4,
        (
            Printed("0.95", f"the paper of SPSR, as asked about in {_issue('Maclory/SPSR', 15)}"),
            Printed("0.73", "ESRGAN, in the same question"),
        ),
        "Wang's `ssim.m` shrinks the images to about 256 pixels before it compares them, `ssim_index.m` does not; the"
        " author says that the former was used. Everybody else's tables have the latter.",
    ),
    Disagreement(
        "EDSR", "Set5", 4,
        (
            Printed("32.0222", f"{_issue('krasserm/super-resolution', 19)}, luma by MATLAB's rgb2ycbcr"),
            Printed("30.7129", "the same, luma by OpenCV"),
            Printed("30.1388", "the same, RGB"),
        ),
        "OpenCV's luma spans 0 to 255, MATLAB's 16 to 235: 20 log10(255 / 219) = 1.32 dB between the same images. RGB"
        " is lower again. Bicubic at x2 loses 1.88 dB by it.",
        (
            _bicubic("--dataset Set5 --scale 2 --protocol rcan", "33.67 / 0.9303"),
            _bicubic("--dataset Set5 --scale 2 --protocol rcan --rgb", "31.79 / 0.9086"),
        ),
    ),
    Disagreement(
        "ESRGAN", "Set14 (baboon)", 4,
        (
            Printed("20.35", f"the paper, as asked about in {_issue('xinntao/ESRGAN', 46)}"),
            Printed("18.57", "the same images, scored by who asked"),
        ),
        "Luma in the paper, RGB by who asked, who then found the paper's number.",
    ),
    Disagreement(
        "SR-LUT", "Set14", 4,
        (
            Printed("27.01", f"the paper, as asked about in {_issue('yhjo09/SR-LUT', 5)}"),
            Printed("26.41", "the published table, on images shrunk by Pillow"),
        ),
        "The network was trained for MATLAB's bicubic; Pillow's uses other weights. `vdsr-data degrade` makes"
        " MATLAB's.",
    ),
)  # fmt: skip
