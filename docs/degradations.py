"""Write the kinds into docs/how-to/degradations.md, and draw docs/degradations.png: python docs/degradations.py."""

from pathlib import Path

import numpy as np
from PIL import Image, ImageDraw
from skimage.data import astronaut

from vdsr_data import Degradation, degrade, fspecial
from vdsr_data.degradations.recipes import KINDS

DOCS = Path(__file__).resolve().parent
PAGE = DOCS / "how-to" / "degradations.md"
BEGIN, END = "<!-- kinds: written by docs/degradations.py -->\n", "<!-- end of kinds -->\n"
SHOWN = {
    "bi": Degradation("bi"),
    "bi-double": Degradation("bi-double"),
    "bd": Degradation("bd"),
    "dn": Degradation("dn"),
    "blur": Degradation("blur", kernel=fspecial("motion", 9, 30)),
    "srmd": Degradation("srmd"),
    "noise": Degradation("noise", noise=25),
    "jpeg": Degradation("jpeg"),
}
SIZE, MARGIN = 240, 22  # pixels of each tile, and for what is written above it


def kinds() -> str:
    """What each kind is, who used it, its lines of MATLAB, and how far it is proved."""
    parts = []
    for name, kind in KINDS.items():
        recipe = Degradation(name, sigma=1.6) if name == "blur" else Degradation(name)
        lines = "\n".join(recipe.explain(3 if kind.reduces else 1))
        title = f"{kind.title[0].upper()}{kind.title[1:]}. Used by {kind.papers}."
        proof = f"Differing from MATLAB's files: {kind.proved}."
        parts.append(f"### {name}\n\n{title} {proof}\n\n```matlab\n{lines}\n```\n")
    return "\n".join(parts)


def picture() -> Image.Image:
    """A detail of a photograph, and what each kind makes of it, enlarged pixel by pixel to one size."""
    whole = astronaut()
    tiles = [("original", whole[60:180, 150:270])]
    for name, recipe in SHOWN.items():
        scale = 3 if KINDS[name].reduces else 1
        lr = degrade(whole, recipe, scale)
        tiles.append((name, lr[60 // scale : 180 // scale, 150 // scale : 270 // scale]))
    columns = 3
    rows = -(-len(tiles) // columns)
    sheet = Image.new("RGB", (columns * (SIZE + 8) - 8, rows * (SIZE + MARGIN)), "white")
    draw = ImageDraw.Draw(sheet)
    for k, (name, tile) in enumerate(tiles):
        x, y = k % columns * (SIZE + 8), k // columns * (SIZE + MARGIN)
        draw.text((x + 2, y + 5), name, fill="black")
        sheet.paste(
            Image.fromarray(np.ascontiguousarray(tile)).resize((SIZE, SIZE), Image.Resampling.NEAREST), (x, y + MARGIN)
        )
    return sheet


def main() -> None:
    """Write both."""
    text = PAGE.read_text(encoding="utf-8")
    before, _, rest = text.partition(BEGIN)
    PAGE.write_text(f"{before}{BEGIN}\n{kinds()}\n{END}{rest.partition(END)[2]}", encoding="utf-8")
    picture().save(DOCS / "degradations.png", optimize=True)


if __name__ == "__main__":
    main()
