"""Let the network of a run come with the toolkit, and tell everywhere how good it is: python docs/ship.py RUN.

Needs Set5, Set14 and B100 below VDSR_DATA. What docs/model-card.md says of the training is to be written by hand.
"""

import hashlib
import re
import shutil
import subprocess
import sys
from pathlib import Path

from vdsr_eval.networks import shipped

ROOT = Path(__file__).resolve().parents[1]
SCORES = ROOT / "docs" / "default-scores.md"
COMMAND = "vdsr-eval --dataset Set5,Set14,B100 --protocol paper,vdsr-tf --compare"
MARKS = "<!-- written by docs/ship.py -->", "<!-- end of docs/ship.py -->"


def place(run: Path) -> None:
    """Put the network, averaged if the run averages, and its record into the package, and its sum into the code."""
    averaged = run / "averaged.h5"
    shutil.copyfile(averaged if averaged.exists() else run / "weights.h5", shipped.FILE)
    for name in ("config.json", "log.csv", "curves.png", "commands.txt"):
        if name != "commands.txt" or (run / name).exists():  # of a branch
            shutil.copyfile(run / name, shipped.FILE.with_name(name))
    code = Path(shipped.__file__)
    found = hashlib.sha256(shipped.FILE.read_bytes()).hexdigest()
    code.write_text(code.read_text(encoding="utf-8").replace(shipped.SHA256, found), encoding="utf-8")


def score() -> None:
    """Write docs/default-scores.md."""
    command = [str(Path(sys.executable).with_name("vdsr-eval")), *COMMAND.split()[1:], "--weights", shipped.NAME]
    subprocess.run([*command, "--force", "--markdown", str(SCORES)], check=True)


def table() -> str:
    """Bicubic, the network and the authors' under `paper`, for people."""
    lines = ["| PSNR / SSIM | bicubic | this network | VDSR (published) |", "| --- | --- | --- | --- |"]
    heading = ["", ""]
    for line in SCORES.read_text(encoding="utf-8").split("vdsr-tf:")[0].splitlines():
        cells = [cell.strip() for cell in line.strip("|").split("|")]
        if len(cells) < 6:
            continue
        heading = [new or old for new, old in zip(cells[:2], heading, strict=True)]
        if cells[2] == "measured":
            row = [" ".join(heading), cells[4], cells[5]]
        elif cells[2] == "VDSR":
            lines.append(f"| {' | '.join([*row, cells[3]])} |")
    return "\n".join(lines)


def main() -> None:
    """Place, score, and write the table into the README and the model card."""
    place(Path(sys.argv[1]))
    score()
    between = re.compile(rf"(?<={MARKS[0]}\n).*?(?=\n{MARKS[1]})", re.DOTALL)
    for page in (ROOT / "README.md", ROOT / "docs" / "model-card.md"):
        text = page.read_text(encoding="utf-8")
        page.write_text(between.sub(lambda _: f"\n{table()}\n", text), encoding="utf-8")


if __name__ == "__main__":
    main()
