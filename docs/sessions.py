"""Run commands in an empty folder and draw what a terminal shows as docs/session-*.svg: python docs/sessions.py.

The pictures refer to no fonts elsewhere, so that a page with them loads nothing from other servers.
"""

import io
import os
import re
import subprocess
import sys
import tempfile
from pathlib import Path

from rich.console import Console
from rich.text import Text

FOLDER = Path(__file__).resolve().parent
WIDTH = 106
SESSIONS = {
    "data": ("vdsr-data build-train sample --dry-run", "vdsr-data build-train sample",
             "vdsr-data build-test sample --scales 3", "vdsr-data biuld-test sample"),
    "eval": ("vdsr-eval --scale 3 --per-image --baseline bicubic",),
    "train": ("vdsr-train --preset quick --depth 6 --channels 16 --steps 200 --log-every 50 --validation sample.h5",),
}  # fmt: skip


def run(command: str, folder: Path) -> str:
    """What a command prints, with its colours."""
    environment = {**os.environ, "FORCE_COLOR": "1", "COLUMNS": str(WIDTH)}
    environment["PATH"] = f"{Path(sys.executable).parent}{os.pathsep}{environment['PATH']}"
    environment.pop("VDSR_DATA", None)
    if command.startswith("vdsr-train"):
        del environment["FORCE_COLOR"]  # a bar that moves is nothing for a picture
    pipes = {"stdout": subprocess.PIPE, "stderr": subprocess.STDOUT, "text": True}
    return subprocess.run(command.split(), cwd=folder, env=environment, check=False, **pipes).stdout.rstrip()


def draw(name: str, commands: tuple[str, ...], folder: Path) -> None:
    """One picture of some commands, one after the other."""
    screen = Console(record=True, width=WIDTH, file=io.StringIO(), force_terminal=True, color_system="truecolor")
    for number, command in enumerate(commands):
        print(f"$ {command}", flush=True)
        screen.print(Text.assemble("\n" if number else "", ("$ ", "bold green"), (command, "bold")), soft_wrap=True)
        screen.print(Text.from_ansi(run(command, folder)))
    picture = screen.export_svg(title=commands[0].split()[0], unique_id=f"session-{name}")
    picture = re.sub(r"@font-face \{.*?\}\s*", "", picture, flags=re.DOTALL).replace("Fira Code", "ui-monospace")
    (FOLDER / f"session-{name}.svg").write_text(picture, encoding="utf-8")


def main() -> None:
    """Draw all sessions, one after the other in one folder."""
    with tempfile.TemporaryDirectory() as folder:
        for name, commands in SESSIONS.items():
            draw(name, commands, Path(folder))


if __name__ == "__main__":
    main()
