"""Let the network of a run come with the toolkit, and tell everywhere how good it is: python docs/ship.py RUN...

Several runs are the parts of one training, each begun with the weights of the one before. Needs Set5, Set14 and B100
below VDSR_DATA. What docs/model-card.md says of the training is to be written by hand.
"""

import hashlib
import re
import shutil
import subprocess
import sys
from pathlib import Path

from vdsr_eval.networks import shipped
from vdsr_train.config import read_config
from vdsr_train.run.figures import draw_curves
from vdsr_train.run.validate import PROTOCOL

ROOT = Path(__file__).resolve().parents[1]
SCORES = ROOT / "docs" / "default-scores.md"
COMMAND = "vdsr-eval --dataset Set5,Set14,B100 --protocol paper,vdsr-tf --compare"
MARKS = "<!-- written by docs/ship.py -->", "<!-- end of docs/ship.py -->"


def place(parts: list[Path]) -> None:
    """Put the network, averaged if the last run averages, and the record of each into the package; its sum too."""
    folder, averaged = shipped.FILE.parent, parts[-1] / "averaged.h5"
    for left in folder.iterdir():
        left.unlink()
    shutil.copyfile(averaged if averaged.exists() else parts[-1] / "weights.h5", shipped.FILE)
    for number, run in enumerate(parts, 1):
        name = folder / f"{number}-{run.name}"
        for file in ("config.json", "log.csv", "commands.txt"):
            if file != "commands.txt" or (run / file).exists():  # of a branch
                shutil.copyfile(run / file, f"{name}-{file}")
        dataset = str(read_config(run).validation)
        draw_curves(f"{name}-curves.png", {run.name: run / "log.csv"}, dataset=dataset, protocol=PROTOCOL)
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
    place([Path(run) for run in sys.argv[1:]])
    score()
    between = re.compile(rf"(?<={MARKS[0]}\n).*?(?=\n{MARKS[1]})", re.DOTALL)
    for page in (ROOT / "README.md", ROOT / "docs" / "model-card.md"):
        text = page.read_text(encoding="utf-8")
        page.write_text(between.sub(lambda _: f"\n{table()}\n", text), encoding="utf-8")


if __name__ == "__main__":
    main()
