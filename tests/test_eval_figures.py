"""The comparison picture: what is drawn where."""

from pathlib import Path

import numpy as np
import pytest
from test_eval_pictures import photograph, scored

from vdsr_data.errors import ArgumentError
from vdsr_data.images.files import image_size, read_image
from vdsr_eval.protocols.protocol import PROTOCOLS
from vdsr_eval.reports.figures import MARK, save_detail


def red(path: Path) -> np.ndarray:
    """Where the picture has the colour of the mark."""
    wanted = np.array([int(MARK[k : k + 2], 16) for k in (1, 3, 5)])
    return (np.abs(read_image(path).astype(int) - wanted) < 40).all(axis=2)


@pytest.mark.parametrize("methods", [1, 2, 4])
def test_the_detail_is_marked_and_every_method_framed(tmp_path: Path, methods: int) -> None:
    items = [scored(photograph(120, 160) // 8, PROTOCOLS["paper"], f"model {k}") for k in range(methods)]
    save_detail(tmp_path / "d.png", items, (40, 30, 70, 60), dpi=100)
    marked = red(tmp_path / "d.png")
    columns = np.flatnonzero(marked.sum(axis=0) > 40)  # vertical lines
    edges = 1 + int((np.diff(columns) > 3).sum())
    tiles = methods + 1
    per_row = tiles if tiles <= 3 else -(-tiles // 2)
    assert edges in (2 + 2 * per_row, 2 + per_row + 1)  # the mark, and the frames, whose neighbours may touch


def test_grey_images_and_other_shapes(tmp_path: Path) -> None:
    save_detail(tmp_path / "d.png", [scored(photograph()[:, :, 0], PROTOCOLS["vdsr-tf"])], (0, 0, 60, 12))
    rows, columns = image_size(tmp_path / "d.png")
    assert columns > rows


@pytest.mark.parametrize(
    ("wrong", "message"),
    [
        ({"path": "d.bogus"}, "d.bogus: no such kind of picture; give a name that ends in one of"),
        ({"window": (0, 0, 900, 9)}, "the detail 0,0,900,9 must be"),
        ({"window": (0, 0, 9)}, "the detail must be four whole numbers"),
        ({"dpi": 0}, "dpi: 0 is not allowed"),
    ],
)
def test_what_cannot_be_drawn_is_refused(tmp_path: Path, monkeypatch, wrong: dict[str, object], message: str) -> None:
    monkeypatch.chdir(tmp_path)
    methods = [scored(photograph(), PROTOCOLS["paper"])]
    with pytest.raises(ArgumentError, match=message):
        save_detail(**{"path": "d.png", "methods": methods, "window": (0, 0, 9, 9)} | wrong)
    assert list(tmp_path.iterdir()) == []


def test_nothing_is_left_when_drawing_fails(tmp_path: Path, monkeypatch) -> None:
    monkeypatch.setattr("vdsr_eval.reports.figures.Figure.savefig", lambda *_, **__: 1 / 0)
    with pytest.raises(ZeroDivisionError):
        save_detail(tmp_path / "d.png", [scored(photograph(), PROTOCOLS["paper"])], (0, 0, 9, 9))
    assert list(tmp_path.iterdir()) == []
