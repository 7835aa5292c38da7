"""Where `vdsr-train` begins."""

from vdsr_data.io.interrupt import run

__all__ = ["main"]


def main() -> None:
    """Run the command; imports that take time wait until Ctrl-C is looked after."""
    run("vdsr_train.cli.main")
