"""Tables that grow with a training: one row every so many steps, cut back on resume to where the checkpoint stands."""

import csv
from collections.abc import Mapping, Sequence
from pathlib import Path

from vdsr_data.errors import VdsrError
from vdsr_data.io.files import replacing

__all__ = ["COLUMNS", "SCALES", "Log", "last_scores", "read_log", "scores_of"]

SCALES = (2, 3, 4)  # that a network is scored at
COLUMNS = (
    "step", "epoch", "loss", "learning_rate", "clipped", "patches_per_second", "waiting",
    "psnr_x2", "psnr_x3", "psnr_x4", "averaged_x2", "averaged_x3", "averaged_x4",
)  # fmt: skip


class Log:
    """A CSV file of numbers by step, open for appending; each row reaches the file at once.

    Parameters
    ----------
    path : Path
        Created where it does not exist; one with columns that are not among `columns` is replaced.
    columns : sequence of str
        ``step`` is one of them.
    keep : int
        Rows of later steps are removed: a resumed training writes them again.
    """

    def __init__(self, path: Path | str, columns: Sequence[str] = COLUMNS, *, keep: int = 0) -> None:
        path = Path(path)
        rows = [row for row in read_log(path) if row["step"] <= keep] if path.exists() else []
        rows = [row for row in rows if row.keys() <= set(columns)]
        with replacing(path) as temporary, temporary.open("w", newline="", encoding="utf-8") as file:
            writer = csv.DictWriter(file, columns)
            writer.writeheader()
            writer.writerows(rows)
        self._file = path.open("a", newline="", encoding="utf-8")
        self._writer = csv.DictWriter(self._file, columns)

    def write(self, values: Mapping[str, float]) -> None:
        """Append a row; a column without a value stays empty."""
        self._writer.writerow({name: _short(value) for name, value in values.items()})
        self._file.flush()

    def close(self) -> None:
        """Close the file."""
        self._file.close()


def read_log(path: Path | str) -> list[dict[str, float]]:
    """Return the rows, without the empty cells; a last line cut short by a kill is left out.

    Raises
    ------
    VdsrError
        It is not such a table.
    """
    rows = []
    with Path(path).open(newline="", encoding="utf-8", errors="replace") as file:
        reader = csv.DictReader(file)
        try:
            if "step" not in (reader.fieldnames or ()):
                raise VdsrError(f"{path}: is not the log of a training (it has no column step)")
            for row in reader:
                try:
                    rows.append({name: _number(text) for name, text in row.items() if text})
                except (TypeError, ValueError):
                    break
        except csv.Error as error:
            raise VdsrError(f"{path}: is not the log of a training ({error})") from None
    return [row for row in rows if "step" in row]


def scores_of(row: Mapping[str, float]) -> dict[int, float]:
    """Return what a row says of the network, PSNR in dB by scale; empty if nothing."""
    return {scale: row[name] for scale in SCALES if (name := f"psnr_x{scale}") in row}


def last_scores(path: Path | str) -> dict[int, float]:
    """Return the `scores_of` the last row that has any."""
    return next((found for row in reversed(read_log(path)) if (found := scores_of(row))), {})


def _short(value: float) -> str:
    return str(value) if isinstance(value, int) else f"{value:.6g}"


def _number(text: str) -> float:
    return int(text) if text.isdigit() else float(text)
