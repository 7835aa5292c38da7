"""Tables from records: every cell where it belongs."""

from vdsr_eval.evaluate import Record
from vdsr_eval.report import groups, per_image, summary

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


def test_summary_has_a_row_for_each_set_and_scale_and_a_column_for_each_model() -> None:
    table = summary(RECORDS, title="paper: ...")
    assert table.title == "paper: ..."
    assert table.columns == ("set", "scale", "images", "bicubic", "VDSR")
    assert table.rows == [
        ("Set5", "x2", "2", "35.00 / 0.9150", "38.50 / 0.9300"),
        ("Set14", "x3", "1", "26.00 / 0.8000", ""),
    ]


def test_per_image_has_a_row_for_each_image() -> None:
    table = per_image(RECORDS, title="t")
    assert table.columns == ("set", "scale", "image", "bicubic", "VDSR")
    assert table.rows[1] == ("Set5", "x2", "head", "34.0040 / 0.8601", "35.5000 / 0.8800")
    assert len(table.rows) == 3
