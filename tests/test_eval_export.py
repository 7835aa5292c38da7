"""Files for other programs: read back by the readers they are for."""

import csv
import io
import json
import math
import os
from dataclasses import replace
from pathlib import Path

import pytest

from vdsr_data.errors import ArgumentError
from vdsr_eval.protocols.protocol import PROTOCOLS
from vdsr_eval.reports.export import csv_text, json_rows, json_text, latex_text, markdown_text, write_text
from vdsr_eval.reports.scores import Scores
from vdsr_eval.reports.tables import Table, per_image
from vdsr_eval.scoring.records import Record

RECORDS = [
    Record("Set5", "bird", 2, "bicubic", "paper", 36.25, 0.97),
    Record("Set5", "head", 2, "bicubic", "paper", 34.75, 0.86),
]


def test_json_has_means_and_images() -> None:
    assert json_rows(RECORDS) == [
        {
            "dataset": "Set5", "scale": 2, "model": "bicubic", "protocol": "paper", "psnr": 35.5,
            "ssim": pytest.approx(0.915),
            "images": [{"image": "bird", "psnr": 36.25, "ssim": 0.97}, {"image": "head", "psnr": 34.75, "ssim": 0.86}],
        }
    ]  # fmt: skip


def test_json_of_equal_images_is_valid_json() -> None:
    text = json_text([Record("s", "same", 2, "m", "paper", math.inf, 1.0)])
    (row,) = json.loads(text, parse_constant=pytest.fail)
    assert row["psnr"] is None
    assert row["images"][0]["psnr"] is None
    assert row["ssim"] == 1.0


def test_csv_has_the_columns_of_the_original() -> None:
    assert csv_text(RECORDS) == "file name,psnr,ssim\nbird,36.250000,0.970000\nhead,34.750000,0.860000\n"


def test_csv_of_several_groups_says_which_and_survives_commas() -> None:
    other = Record("my, set", 'a "quoted" one', 3, "VDSR (runs/1, best)", "rcan", 30.0, 0.9)
    rows = list(csv.reader(io.StringIO(csv_text([*RECORDS, other]))))
    assert rows[0] == ["file name", "psnr", "ssim", "dataset", "scale", "model", "protocol"]
    assert rows[3] == ['a "quoted" one', "30.000000", "0.900000", "my, set", "3", "VDSR (runs/1, best)", "rcan"]


TABLE = Table(
    "Means",
    "paper: luma_1 & more",
    ("set", "a|b", "100%"),
    [("Set5", "x", "33.66 / 0.9299"), ("B100", "", "1")],
    notes=("Kim: Table 3",),
)


def test_markdown_is_a_table() -> None:
    assert markdown_text(TABLE) == (
        "paper: luma_1 & more\n\n"
        "| set  | a\\|b |           100% |\n"
        "| ---- | ---: | -------------: |\n"
        "| Set5 |    x | 33.66 / 0.9299 |\n"
        "| B100 |      |              1 |\n"
        "\n- Kim: Table 3\n"
    )


def test_latex_escapes_and_aligns() -> None:
    text = latex_text(TABLE)
    assert r"\caption{paper: luma\_1 \& more}" in text
    assert r"\begin{tabular}{lrr}" in text
    assert r"set & a|b & 100\% \\" in text
    assert r"Set5 & x & 33.66 / 0.9299 \\" in text
    assert r"\par\footnotesize Kim: Table 3" in text
    assert text.count("{table}") == 2
    assert text.count("{tabular}") == 2


def test_latex_sets_signs_and_names() -> None:
    table = Table("a", "of `rcan`", ("x-y",), [("-0.99 / +0.0064",), ("[-1.5, +2.0]",)])
    text = latex_text(table)
    assert r"\caption{of \texttt{rcan}}" in text
    assert r"$-$0.99 / $+$0.0064 \\" in text
    assert r"[$-$1.5, $+$2.0] \\" in text
    assert r"x-y \\" in text


def test_a_failed_write_leaves_the_old_file(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    path = tmp_path / "table.md"
    write_text(path, markdown_text(TABLE))
    old = path.read_text()
    monkeypatch.setattr(os, "replace", lambda *paths: (_ for _ in ()).throw(OSError(28, "No space left on device")))
    with pytest.raises(OSError, match="No space"):
        write_text(path, "other")
    assert path.read_text() == old
    assert list(tmp_path.iterdir()) == [path]


def test_what_is_no_table_and_no_record_is_refused() -> None:
    for text in (markdown_text, latex_text):
        with pytest.raises(ArgumentError, match=r"table: .* is not allowed; give one of"):
            text(RECORDS)
    for text in (csv_text, json_text):
        with pytest.raises(ArgumentError, match="records: 'Set5' is not allowed; give those that evaluate returns"):
            text(["Set5"])


def test_names_of_several_lines_are_read_back_and_stay_in_one_cell(tmp_path: Path) -> None:
    """Names from Python: those of files are refused before."""
    name = "my\tnet\r\n\x1b[31m|"
    odd = [replace(r, image=r.image + "\r\n", model=name + "\udc80") for r in RECORDS]
    paths = [tmp_path / suffix for suffix in ("json", "csv", "md", "tex")]
    scores = Scores(records=(*odd, *RECORDS), protocols=(PROTOCOLS["paper"],))
    scores.to_json(paths[0])
    scores.to_csv(paths[1])
    table = per_image(odd, protocol="paper")
    write_text(paths[2], markdown_text(table))
    write_text(paths[3], latex_text(table))
    assert json.loads(paths[0].read_bytes())[0]["model"] == odd[0].model
    with paths[1].open(newline="") as file:
        rows = list(csv.reader(file, strict=True))
    assert (len(rows), rows[1][0], rows[1][5]) == (5, odd[0].image, name + "\\udc80")
    for path, lines in zip(paths[2:], (6, 13), strict=True):
        text = path.read_text()
        assert text.isascii()
        assert [line for line in text.splitlines() if not line.isprintable()] == []
        assert len(text.splitlines()) == lines
