"""The published tables: complete, typed in without slips that their structure would show, and looked up rightly."""

from dataclasses import replace

import pytest

from vdsr_data.errors import ArgumentError
from vdsr_eval.protocols.protocol import PROTOCOLS
from vdsr_eval.protocols.published import PUBLISHED, agreements, published


def test_every_table_is_complete_and_names_a_protocol_and_a_source() -> None:
    models = {(row.model, row.protocol) for row in PUBLISHED}
    for model, protocol in models:
        keys = {(row.dataset, row.scale) for row in PUBLISHED if (row.model, row.protocol) == (model, protocol)}
        assert len(keys) == 12, model
    assert len(PUBLISHED) == 12 * len(models)
    assert {row.protocol for row in PUBLISHED} == set(PROTOCOLS)
    assert all(len(row.source) > 20 for row in PUBLISHED)


def test_scores_fall_with_the_scale_and_lie_above_bicubic() -> None:
    """Digits swapped in typing would break one of these."""
    for row in PUBLISHED:
        assert 20 < row.psnr < 40
        assert 0.6 < row.ssim < 1
        if row.scale > 2:
            (easier,) = (
                other for other in published(dataset=row.dataset, scale=row.scale - 1, protocol=row.protocol)
                if other.model == row.model
            )  # fmt: skip
            assert easier.psnr > row.psnr, row
            assert easier.ssim > row.ssim, row
        if row.model != "bicubic":
            floor = max(o.psnr for o in published(dataset=row.dataset, scale=row.scale) if o.model == "bicubic")
            assert row.psnr > floor + 0.9, row


def test_lookup_knows_other_names() -> None:
    b100 = published(dataset="B100", scale=3, protocol="paper")
    assert published(dataset="BSD100", scale=3, protocol="paper") == b100
    assert published(dataset="bsds100", scale=3, protocol="paper") == b100
    assert [row.model for row in b100] == ["bicubic", "SRCNN", "VDSR"]
    assert (b100[2].psnr, b100[2].ssim) == (28.82, 0.7976)
    assert published(dataset="Set6", scale=3) == []
    assert published(dataset="Set5", scale=8) == []
    assert published(dataset="B100", scale=3, protocol="PAPER") == b100
    assert published(dataset="B100", scale=3, protocol=PROTOCOLS["paper"]) == b100
    assert published(dataset="B100", scale=3, protocol=replace(PROTOCOLS["paper"], border=0)) == []


@pytest.mark.parametrize(
    ("wrong", "message"),
    [
        ({"protocol": "ntire"}, "protocol: 'ntire' is not allowed; give one of vdsr-tf, paper, rcan"),
        ({"scale": "2"}, "scale: '2' is not allowed"),
        ({"dataset": None}, "dataset: None is not allowed; give the name of a set"),
    ],
)
def test_what_cannot_be_looked_up_is_refused(wrong: dict[str, object], message: str) -> None:
    with pytest.raises(ArgumentError, match=message):
        published(**{"dataset": "Set5", "scale": 2} | wrong)


def test_agreement_is_digit_for_digit_or_a_gap() -> None:
    measured = {("Set5", 2): (33.6614, 0.92988), ("Set5", 3): (30.3922, 0.86821), ("nowhere", 2): (1.0, 0.1)}
    first, second = agreements(measured)
    assert (first.protocol, first.rows, first.exact, first.close) == ("paper", 2, 2, True)
    assert (second.protocol, second.exact, second.close) == ("vdsr-tf", 0, False)
    assert second.psnr_gap == pytest.approx(33.68 - 33.6614)
    assert second.ssim_gap == pytest.approx(0.9304 - 0.92988)
    assert agreements({("nowhere", 2): (1.0, 0.1)}) == []
