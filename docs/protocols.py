"""Write the tables of all protocols and rules into docs/why/protocols.md: python docs/protocols.py."""

from pathlib import Path

from vdsr_eval import PROTOCOLS, describe_protocols

PAGE = Path(__file__).resolve().parent / "why" / "protocols.md"
BEGIN, END = "<!-- tables: written by docs/protocols.py -->\n", "<!-- end of tables -->\n"


def tables() -> str:
    """What each protocol does and reproduces, and on what proof; and the values of each rule."""
    lines = ["| `--protocol` | tables it reproduces | on what proof |", "| --- | --- | --- |"]
    lines += [f"| `{one.name}` | {one.reproduces} | {one.proof or 'none yet'} |" for one in PROTOCOLS.values()]
    lines += ["", "```text", *(one.describe() for one in PROTOCOLS.values()), "```", ""]
    lines += ["| rule | values |", "| --- | --- |"]
    rules = (line.strip().split(": ") for line in describe_protocols().partition("values:\n")[2].splitlines())
    lines += [f"| `{rule}` | {values} |" for rule, values in rules]
    return "\n".join(lines)


def main() -> None:
    """Write the page."""
    before, _, rest = PAGE.read_text(encoding="utf-8").partition(BEGIN)
    PAGE.write_text(f"{before}{BEGIN}\n{tables()}\n\n{END}{rest.partition(END)[2]}", encoding="utf-8")


if __name__ == "__main__":
    main()
