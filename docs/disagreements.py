"""Write the list into docs/how-to/tables-that-disagree.md: python docs/disagreements.py."""

import re
from pathlib import Path

from vdsr_eval.protocols.disagreements import DISAGREEMENTS

PAGE = Path(__file__).resolve().parent / "how-to" / "tables-that-disagree.md"
BEGIN, END = "<!-- tables: written by docs/disagreements.py -->\n", "<!-- end of tables -->\n"


def tables() -> str:
    """Each disagreement: the numbers with their sources, the cause, and the commands that show it."""
    parts = []
    for found in DISAGREEMENTS:
        lines = [f"### {found.model}, {found.dataset} x{found.scale}", "", "| printed | where |", "| --- | --- |"]
        lines += [f"| {number.value.replace('/', ' / ')} | {number.source} |" for number in found.printed]
        lines += ["", f"{'' if found.explained else '**Open.** '}{found.cause}", ""]
        if found.shown:
            width = max(len(shown.command) for shown in found.shown)
            lines += ["```bash", *(f"{shown.command:<{width}}  # {shown.prints}" for shown in found.shown), "```", ""]
        parts.append("\n".join(lines))
    return re.sub(r"https://[\w./-]+\d", r"<\g<0>>", "\n".join(parts))


def main() -> None:
    """Write the page."""
    before, _, rest = PAGE.read_text(encoding="utf-8").partition(BEGIN)
    PAGE.write_text(f"{before}{BEGIN}\n{tables()}\n{END}{rest.partition(END)[2]}", encoding="utf-8")


if __name__ == "__main__":
    main()
