"""What networks cost, beside the numbers of a published table."""

from pathlib import Path

import numpy as np
import pytest
from click.testing import CliRunner
from reference import random_network

from vdsr_data import write_image
from vdsr_eval import Network, evaluate, self_ensemble
from vdsr_eval.cli.main import main
from vdsr_eval.networks.weights import write_weights
from vdsr_eval.reports.cost import Cost, cost_table


@pytest.fixture
def rings(tmp_path: Path) -> Path:
    (tmp_path / "rings").mkdir()
    for side in (24, 30):
        image = (np.hypot(*np.mgrid[:side, :side]) * 31 % 256).astype(np.uint8)
        write_image(tmp_path / "rings" / f"{side}.png", image)
    return tmp_path / "rings"


def test_the_papers_network_has_the_cost_of_carns_table() -> None:
    """Ahn, Kang, Sohn (ECCV 2018), table 1: VDSR 665K parameters, 612.6G multiply-adds."""
    network = Network(random_network(20, 64), engine=lambda weights: lambda images: images)
    assert Cost(network).cells()[:2] == ("665K", "612.6G")
    assert Cost(self_ensemble(network)).cells()[:2] == ("665K", "4900.7G")


def test_a_row_for_each_method_that_enlarges_luma(rings: Path) -> None:
    network = Network(random_network(3, 4), engine="numba")
    methods = {"bicubic": "bicubic", "ours": network, "theirs": lambda ilr, scale: ilr}
    scores = evaluate(rings, methods, scales=[2, 3], cost=True)
    assert scores.records == evaluate(rings, methods, scales=[2, 3]).records
    table = scores.tables()[-1]
    assert table.heading == "cost"
    assert [row[:3] for row in table.rows] == [("ours", "0K", "0.2G"), ("theirs", "", "")]
    assert {row[4] for row in table.rows} == {f"{(24**2 + 30**2) / 2 / 1e6:.3f}"}
    assert [cost.images for cost in scores.costs.values()] == [4, 4]
    assert len(table.notes) == 1
    assert table.notes[0].startswith("ours: computed by numba, ")


def test_nothing_was_computed() -> None:
    assert cost_table([("theirs", Cost(lambda ilr, scale: ilr))]).rows == [("theirs", "", "", "0.000", "0.000")]


def test_the_command_prints_it(rings: Path, tmp_path: Path) -> None:
    write_weights(tmp_path / "mine.h5", random_network(3, 4))
    words = ["--dataset", rings, "--scale", "2", "--weights", tmp_path / "mine.h5", "--cost"]
    result = CliRunner().invoke(main, list(map(str, words)))
    assert result.exit_code == 0, result.output
    assert "VDSR (mine.h5): computed by numba" in result.stdout
