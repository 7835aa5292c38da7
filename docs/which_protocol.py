"""Draw docs/which-protocol.svg and renew docs/how-to/which-protocol.md: python docs/which_protocol.py DATA.

DATA is the folder of the reference data, which has the images, weights and results that the page scores.
"""

import importlib.util
import sys
import tempfile
from html import escape
from pathlib import Path

DOCS = Path(__file__).resolve().parent
PAGE = DOCS / "how-to" / "which-protocol.md"
# What the page's commands find in the folder where they are typed, and where the reference data have it.
FILES = {
    "Set5": "Set5",
    "VDSR_Official.mat": "weights/VDSR_Official.mat",
    "RDN": "proofs/results/RDN_BD_x3",
    "RDN.txt": "proofs/results/RDN_BD_x3.txt",
}
WIDTH, HEIGHT = 960, 530
INK, LINE = "#1f2328", "#8c959f"
# Left edge, top, width, height, colour, title, text, and what is typed.
BOXES = (
    (290, 20, 380, 50, "#fff8c5", "A PSNR/SSIM that will not come out", "", ""),
    (20, 115, 290, 115, "#ddf4ff", "You have its pictures", "",
     "vdsr-eval score PICTURES --gt SET\n  --scale 2 --claim 37.56/0.9591"),
    (335, 115, 290, 115, "#ddf4ff", "You have its weights", "",
     "vdsr-eval --weights FILE\n  --dataset SET --scale 2\n  --claim 37.56/0.9591"),
    (650, 115, 290, 115, "#ddf4ff", "You have its bicubic row alone", "",
     "vdsr-eval --model bicubic\n  --dataset SET --scale 2\n  --claim 33.66/0.9299"),
    (20, 285, 290, 102, "#dafbe1", "1 way gives every digit",
     "These are its rules. Score yours\nunder them: --protocol, --rule.", ""),
    (335, 285, 290, 102, "#dafbe1", "Several ways do",
     "The simplest stands first. More digits,\nor the numbers of each image in a\nlog (--claims), tell them apart.",
     ""),
    (650, 285, 290, 102, "#ffebe9", "None does", "Look at the gap to the nearest.", ""),
    (335, 425, 290, 85, "#ffebe9", "up to about 0.02 dB",
     "Digits were cut, not rounded; or the\nweights are not quite the table's.", ""),
    (650, 425, 290, 85, "#ffebe9", "more than that",
     "Other originals, another low resolution,\npictures saved as JPEG; or a slip.", ""),
)  # fmt: skip
ARROWS = (
    ((480, 70), (165, 115)), ((480, 70), (480, 115)), ((480, 70), (795, 115)),
    ((165, 258), (165, 285)), ((480, 258), (480, 285)), ((795, 258), (795, 285)),
    ((795, 387), (480, 425)), ((795, 387), (795, 425)),
)  # fmt: skip


def picture() -> str:
    """The way from a number to its rules, as SVG with a background of its own."""
    parts = [
        f'<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 {WIDTH} {HEIGHT}" font-family="sans-serif" '
        f'font-size="15" fill="{INK}">',
        f'<marker id="tip" orient="auto" refX="7" refY="4" markerWidth="8" markerHeight="8"><path d="M0 0 8 4 0 8z" '
        f'fill="{LINE}"/></marker>',
        f'<rect width="{WIDTH}" height="{HEIGHT}" rx="10" fill="white"/>',
        f'<path d="M165 230V258H795V230M480 230V258" fill="none" stroke="{LINE}" stroke-width="1.5"/>',
    ]
    for (x, y), (to_x, to_y) in ARROWS:
        parts.append(f'<path d="M{x} {y}L{to_x} {to_y}" stroke="{LINE}" stroke-width="1.5" marker-end="url(#tip)"/>')
    for x, y, width, height, colour, title, text, typed in BOXES:
        parts.append(f'<rect x="{x}" y="{y}" width="{width}" height="{height}" rx="7" fill="{colour}"/>')
        middle = x + width // 2
        parts.append(f'<text x="{middle}" y="{y + 29}" text-anchor="middle" font-weight="bold">{escape(title)}</text>')
        for k, line in enumerate(text.splitlines()):
            parts.append(f'<text x="{middle}" y="{y + 51 + 18 * k}" text-anchor="middle">{escape(line)}</text>')
        for k, line in enumerate(typed.splitlines()):
            parts.append(
                f'<text x="{x + 14}" y="{y + 54 + 20 * k}" font-family="monospace" font-size="13.5" '
                f'xml:space="preserve">{escape(line)}</text>'
            )
    return "\n".join([*parts, "</svg>\n"])


def link(data: Path, folder: Path) -> None:
    """Put what the page's commands name into a folder."""
    for name, place in FILES.items():
        (folder / name).symlink_to(data / place)


def main() -> None:
    """Write both."""
    (DOCS / "which-protocol.svg").write_text(picture(), encoding="utf-8")
    spec = importlib.util.spec_from_file_location("rerun", DOCS / "rerun.py")
    rerun = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(rerun)
    with tempfile.TemporaryDirectory() as folder:
        link(Path(sys.argv[1]).resolve(), Path(folder))
        PAGE.write_text(rerun.renew(PAGE.read_text(encoding="utf-8"), Path(folder)), encoding="utf-8")


if __name__ == "__main__":
    main()
