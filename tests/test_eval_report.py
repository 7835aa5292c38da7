"""Tables from records: every cell where it belongs."""

from dataclasses import replace

import pytest

from vdsr_data.errors import ArgumentError
from vdsr_eval.protocols.protocol import PROTOCOLS
from vdsr_eval.reports.tables import Table, compare, differences, explain, groups, per_image, summary
from vdsr_eval.scoring.records import Record

RECORDS = [
    Record("Set5", "bird", 2, "bicubic", "paper", 36.0, 0.97),
    Record("Set5", "bird", 2, "VDSR", "paper", 41.5, 0.98),
    Record("Set5", "head", 2, "bicubic", "paper", 34.004, 0.86006),
    Record("Set5", "head", 2, "VDSR", "paper", 35.5, 0.88),
    Record("Set14", "zebra", 3, "bicubic", "paper", 26.0, 0.8),
]


def test_groups_keep_the_order_of_appearance() -> None:
    assert [(key, len(group)) for key, group in groups(RECORDS).items()] == [
        (("Set5", 2, "bicubic", "paper"), 2),
        (("Set5", 2, "VDSR", "paper"), 2),
        (("Set14", 3, "bicubic", "paper"), 1),
    ]


PAPER = PROTOCOLS["paper"]


def test_summary_has_a_row_for_each_set_and_scale_and_a_column_for_each_model() -> None:
    table = summary(RECORDS, protocol=PAPER)
    assert table.title == PAPER.describe()
    assert table.columns == ("set", "scale", "images", "bicubic", "VDSR")
    assert table.rows == [
        ("Set5", "x2", "2", "35.00 / 0.9150", "38.50 / 0.9300"),
        ("Set14", "x3", "1", "26.00 / 0.8000", ""),
    ]


def test_per_image_has_a_row_for_each_image() -> None:
    table = per_image(RECORDS, protocol=PAPER)
    assert table.columns == ("set", "scale", "image", "bicubic", "VDSR")
    assert table.rows[1] == ("Set5", "x2", "head", "34.0040 / 0.8601", "35.5000 / 0.8800")
    assert len(table.rows) == 3


def test_compare_subtracts_what_is_published_from_what_is_printed() -> None:
    records = [
        Record("Set5", "a", 2, "bicubic", "paper", 33.664, 0.92994),
        Record("Set5", "a", 2, "VDSR", "paper", 37.5249, 0.95874),
    ]
    table = compare(records, protocol=PAPER)
    assert table.columns == ("set", "scale", "row", "published", "bicubic", "VDSR")
    assert table.rows[:4] == [
        ("Set5", "x2", "measured", "", "33.66 / 0.9299", "37.52 / 0.9587"),
        ("Set5", "x2", "bicubic", "33.66 / 0.9299", "+0.00 / +0.0000", ""),
        ("Set5", "x2", "SRCNN", "36.66 / 0.9542", "", "+0.86 / +0.0045"),
        ("Set5", "x2", "VDSR", "37.53 / 0.9587", "", "-0.01 / +0.0000"),
    ]
    assert table.printed()[1][:3] == ("", "", "bicubic")
    assert table.notes[0].startswith("bicubic, SRCNN, VDSR: Kim, ")


def test_compare_warns_where_bicubic_is_not_the_published_one() -> None:
    table = compare([Record("Set5", "a", 2, "bicubic", "paper", 33.68, 0.9304)], protocol=PAPER)
    assert table.notes[0] == "Set5 x2: bicubic is not the published one; other images, or another protocol"


def test_compare_finds_nothing_for_a_variation_or_an_unknown_set() -> None:
    varied = replace(PAPER, border=0)
    for dataset, protocol in (("Set5", varied), ("mine", PAPER)):
        table = compare([Record(dataset, "a", 2, "VDSR", protocol.label, 30.0, 0.9)], protocol=protocol)
        assert len(table.rows) == 1
        assert table.notes == (f"nothing is published here for {protocol.label} and these sets",)


def test_compare_of_rcan_says_that_its_bicubic_row_is_borrowed() -> None:
    table = compare([Record("Set5", "a", 4, "RCAN", "rcan", 32.63, 0.9002)], protocol=PROTOCOLS["rcan"])
    rows = {row[2]: row[4] for row in table.rows}
    assert rows["RCAN"] == "+0.00 / +0.0000"
    assert {"EDSR", "RDN", "RCAN", "HAN", "SwinIR"} <= set(rows)
    assert "bicubic" not in rows
    assert "so there is none to compare with" in table.notes[-1]


def test_explain_names_the_published_table_that_agrees() -> None:
    means = {"vdsr-tf": (33.6767, 0.93044), "paper": (33.6614, 0.92988), "rcan": (33.6734, 0.93029)}
    records = [Record("Set5", "a", 2, "bicubic", name, *mean) for name, mean in means.items()]
    tried = [PROTOCOLS[name] for name in means]
    table = explain(records, tried)
    assert table.rows == [("Set5", "x2", "bicubic", "33.68 / 0.9304", "33.66 / 0.9299", "33.67 / 0.9303")]
    assert list(table.notes[:3]) == [protocol.describe() for protocol in tried]
    tf, paper, rcan, others = table.notes[3:]
    assert (
        "vdsr-tf (used by VDSR-TensorFlow): bicubic equals the published one in every digit of 1 row, `vdsr-tf`" in tf
    )
    assert "equals the published one in every digit of 1 row, `paper`: Kim" in paper
    assert "agrees with no published one; nearest is `vdsr-tf`, largest difference 0.007 dB, 0.0001" in rcan
    assert others.startswith("Set5 x2: the published bicubic row 33.64 / 0.9292 is none of these")
    assert others.endswith("--claim 33.64/0.9292")


def test_differences_leave_the_baseline_out_and_say_what_cannot_be_compared() -> None:
    table = differences(RECORDS, baseline="bicubic", protocol=PAPER)
    (row,) = table.rows
    assert row[:4] == ("Set5", "x2", "VDSR", "+3.498")
    assert row[5:] == ("2 of 2", "better")
    alone = differences([r for r in RECORDS if r.image == "bird"], baseline="bicubic", protocol=PAPER)
    assert alone.rows == []
    assert alone.notes == ("Set5 x2, VDSR: a bootstrap interval needs at least 2 images",)


def test_merged_cells_reappear_where_an_earlier_column_changes() -> None:
    rows = [("a", "x2", "1"), ("a", "x2", "2"), ("a", "x3", "3"), ("b", "x3", "4")]
    table = Table("", "", ("s", "t", "u"), rows, merged=2)
    assert table.printed() == [("a", "x2", "1"), ("", "", "2"), ("", "x3", "3"), ("b", "x3", "4")]


@pytest.mark.parametrize("make", [summary, per_image, compare])
def test_a_table_is_of_records_of_one_protocol_each_once(make) -> None:
    assert make(RECORDS, protocol="Paper") == make(RECORDS, protocol=PAPER)
    with pytest.raises(ArgumentError, match="records of paper in a table of rcan; give those of one"):
        make(RECORDS, protocol="rcan")
    with pytest.raises(ArgumentError, match="records: two of bicubic for bird of Set5 x2 under paper"):
        make([*RECORDS, replace(RECORDS[0], psnr=1.0)], protocol=PAPER)
    with pytest.raises(ArgumentError, match="records: 3 is not allowed"):
        make([3], protocol=PAPER)


def test_a_baseline_that_is_no_model_is_refused() -> None:
    with pytest.raises(ArgumentError, match="baseline: 'Bicubic' is not among the models, bicubic, VDSR"):
        differences(RECORDS, baseline="Bicubic", protocol=PAPER)
