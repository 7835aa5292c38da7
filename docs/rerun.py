"""Run the commands of a page in an empty folder and write what they print below them: python docs/rerun.py [PAGE]...

A command is a block of the language `shell`; the block of `text` that follows it is its output. The pictures that the
tutorial shows are copied from the folder that its commands leave.
"""

import os
import re
import shutil
import subprocess
import sys
import tempfile
from pathlib import Path
from typing import NamedTuple

DOCS = Path(__file__).resolve().parent
WIDTH = 100
BLOCK = re.compile(r"^```shell\n(?P<command>.*?)^```\n(?:\n```text\n(?P<output>.*?)^```\n)?", re.DOTALL | re.MULTILINE)
PICTURES = {
    "vdsr_train_preview.png": "tutorial/preview.png",
    "pictures/sample/x3/chelsea_detail.png": "tutorial/detail.png",
}


class Block(NamedTuple):
    """A command, of one line or more, and what the page says that it prints."""

    command: str
    output: str


def blocks(page: str) -> list[Block]:
    """The commands of a page, in order; those that install are left to whoever reads it."""
    found = [Block(match["command"], match["output"] or "") for match in BLOCK.finditer(page)]
    return [block for block in found if not block.command.startswith("pip ")]


def run(command: str, folder: Path) -> str:
    """What a command prints, stderr with stdout, as a user in that folder would see it in a pipe."""
    environment = {**os.environ, "COLUMNS": str(WIDTH)}
    environment["PATH"] = f"{Path(sys.executable).parent}{os.pathsep}{environment['PATH']}"
    environment.pop("VDSR_DATA", None)
    done = subprocess.run(command, shell=True, cwd=folder, env=environment, check=False, encoding="utf-8",
                          stdout=subprocess.PIPE, stderr=subprocess.STDOUT)  # fmt: skip
    if done.returncode:
        raise RuntimeError(f"{command}ended with {done.returncode}:\n{done.stdout}")
    return "".join(f"{line.rstrip()}\n" for line in done.stdout.splitlines())


def renew(page: str, folder: Path) -> str:
    """The page with the outputs of today."""

    def replaced(match: re.Match[str]) -> str:
        if match["command"].startswith("pip "):
            return match[0]
        print(match["command"], end="", flush=True)
        output = run(match["command"], folder).strip("\n")
        shown = f"\n```text\n{output}\n```\n" if output else ""
        return f"```shell\n{match['command']}```\n{shown}"

    return BLOCK.sub(replaced, page)


def main() -> None:
    """Renew the tutorial, or the pages that are named."""
    for page in map(Path, sys.argv[1:] or [str(DOCS / "tutorial.md")]):
        with tempfile.TemporaryDirectory() as folder:
            page.write_text(renew(page.read_text(encoding="utf-8"), Path(folder)), encoding="utf-8")
            if page.name == "tutorial.md":
                for made, shown in PICTURES.items():
                    (DOCS / shown).parent.mkdir(exist_ok=True)
                    shutil.copyfile(Path(folder, made), DOCS / shown)


if __name__ == "__main__":
    main()
