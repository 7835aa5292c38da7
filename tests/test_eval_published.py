"""The published tables: typed in without slips that their structure would show, sourced, and looked up rightly."""

from dataclasses import replace

import pytest

from vdsr_data.errors import ArgumentError
from vdsr_eval.protocols.protocol import PROTOCOLS, varied
from vdsr_eval.protocols.published import PUBLISHED, Published, agreements, published

ALLOWED = {"vdsr-tf", "paper", "rcan", "rdn", "dncnn", "lapsrn", "basicsr"}
SETS = {"Set5", "Set14", "B100", "Urban100", "Manga109"}
# Below bicubic, or below what an easier scale has, as printed: by whom, on what.
BELOW = {("FSRCNN", "bd"), ("Glasner", ""), ("FSRCNN", "dn")}


def key(row: Published) -> tuple[str, str, str, str, int]:
    return row.model, row.protocol, row.degradation, row.dataset, row.scale


def test_every_row_names_a_protocol_a_set_and_a_source_and_stands_once() -> None:
    assert len({key(row) for row in PUBLISHED}) == len(PUBLISHED)
    for row in PUBLISHED:
        assert row.protocol in ALLOWED, row
        assert row.dataset in SETS, row
        assert row.degradation in {"", "bd", "dn"}, row
        assert row.scale == 3 if row.degradation else row.scale in {2, 3, 4, 8}, row
        assert len(row.source) > 20, row
        assert "github.com/" in row.source or " 20" in row.source, row
    assert {"vdsr-tf", "paper", "rcan", "dncnn", "lapsrn"} <= {row.protocol for row in PUBLISHED}


def test_the_first_tables_are_complete() -> None:
    for model, protocol in (("bicubic", "vdsr-tf"), ("VDSR", "paper"), ("VDSR", "dncnn"), ("HAN", "rcan")):
        found = {(row.dataset, row.scale) for row in PUBLISHED if (row.model, row.protocol) == (model, protocol)}
        assert {(name, scale) for name in SETS - {"Manga109"} for scale in (2, 3, 4)} <= found, model


def test_scores_fall_with_the_scale_and_lie_above_bicubic() -> None:
    """Digits swapped in typing would break one of these."""
    rows = {key(row): row for row in PUBLISHED}
    for row in PUBLISHED:
        assert 20 < row.psnr < 40
        assert 0.4 < row.ssim < 1
        for easier in range(2, row.scale):
            other = rows.get((row.model, row.protocol, row.degradation, row.dataset, easier))
            assert other is None or (other.psnr > row.psnr and other.ssim > row.ssim), (other, row)
        if row.model != "bicubic" and (row.model, row.degradation) not in BELOW:
            beside = published(dataset=row.dataset, scale=row.scale, degradation=row.degradation or None)
            floors = [other.psnr for other in beside if other.model == "bicubic"]
            assert not floors or row.psnr > max(floors) + 0.2, row


def test_psnr_and_ssim_of_one_model_agree_across_sources() -> None:
    """A network's number under another protocol is near; a slip is not."""
    for row in PUBLISHED:
        for other in published(dataset=row.dataset, scale=row.scale, degradation=row.degradation or None):
            if other.model == row.model and row.model != "SRCNN" and (row.dataset, row.scale) != ("Urban100", 2):
                assert abs(other.psnr - row.psnr) < 0.11, (row, other)
                assert abs(other.ssim - row.ssim) < 0.005, (row, other)


@pytest.mark.parametrize(
    ("model", "protocol", "where", "psnr", "ssim"),
    [
        ("VDSR", "dncnn", ("Set5", 2), 37.56, 0.9591),
        ("DnCNN-3", "dncnn", ("Set5", 4), 31.40, 0.8845),
        ("RCAN", "rcan", ("Set5", 8), 27.31, 0.7878),
        ("RCAN", "rcan", ("Manga109", 2), 39.44, 0.9786),
        ("SAN", "rcan", ("Set5", 2), 38.31, 0.9620),
        ("LapSRN", "lapsrn", ("Set14", 8), 24.44, 0.623),
        ("DRCN", "paper", ("B100", 3), 28.80, 0.7963),
        ("bicubic", "rdn", ("Set5", 2), 33.64, 0.9292),
    ],
)
def test_known_rows(model: str, protocol: str, where: tuple[str, int], psnr: float, ssim: float) -> None:
    dataset, scale = where
    (row,) = (row for row in published(dataset=dataset, scale=scale) if (row.model, row.protocol) == (model, protocol))
    assert (row.psnr, row.ssim) == (psnr, ssim)


@pytest.mark.parametrize(
    ("dataset", "degradation", "bicubic", "rdn"),
    [
        ("Set5", "bd", (28.78, 0.8308), (34.58, 0.9280)),
        ("Set5", "dn", (24.01, 0.5369), (28.47, 0.8151)),
        ("Set14", "bd", (26.38, 0.7271), (30.53, 0.8447)),
        ("Set14", "dn", (22.87, 0.4724), (26.60, 0.7101)),
        ("B100", "bd", (26.33, 0.6918), (29.23, 0.8079)),
        ("B100", "dn", (22.92, 0.4449), (25.93, 0.6573)),
    ],
)
def test_degraded_rows_stand_apart(
    dataset: str, degradation: str, bicubic: tuple[float, float], rdn: tuple[float, float]
) -> None:
    rows = {row.model: (row.psnr, row.ssim) for row in published(dataset=dataset, scale=3, degradation=degradation)}
    assert (rows["bicubic"], rows["RDN"]) == (bicubic, rdn)
    assert not {row.degradation for row in published(dataset=dataset, scale=3)} - {""}
    rules = {"luma": "uint8", "grey": "keep", "boundary": "replicate"}
    for options in ({}, rules, {"boundary": "replicate"}):
        (protocol,) = varied("rcan", degradation=degradation, **options)  # type: ignore[arg-type]
        found = published(dataset=dataset, scale=3, protocol=protocol)
        assert {row.model: (row.psnr, row.ssim) for row in found} == rows
    for options in ({"border": 0}, {"rgb": True}):
        (protocol,) = varied("rcan", degradation=degradation, **options)  # type: ignore[arg-type]
        assert published(dataset=dataset, scale=3, protocol=protocol) == []
    assert published(dataset=dataset, scale=3, protocol="paper", degradation=degradation) == []
    assert published(dataset=dataset, scale=3, protocol="rcan", degradation="dn:noise=10") == []
    assert published(dataset=dataset, scale=3, protocol=varied("rcan", boundary="replicate")[0]) == []


def test_a_note_may_be_of_one_cell() -> None:
    notes = {(row.dataset, row.scale): row.note for row in PUBLISHED if row.model == "VDSR (authors' network)"}
    swapped = {where for where, note in notes.items() if "digits swapped" in note}
    assert swapped == {("Set14", 2)}
    assert notes["Set14", 2].startswith("as listed there; ")


def test_lookup_knows_other_names() -> None:
    b100 = published(dataset="B100", scale=3, protocol="paper")
    assert published(dataset="BSD100", scale=3, protocol="paper") == b100
    assert published(dataset="bsds100", scale=3, protocol="paper") == b100
    assert [row.model for row in b100][:4] == ["bicubic", "SRCNN", "VDSR", "A+"]
    assert (b100[2].psnr, b100[2].ssim) == (28.82, 0.7976)
    assert published(dataset="Set6", scale=3) == []
    assert published(dataset="Set5", scale=16) == []
    assert published(dataset="B100", scale=3, protocol="PAPER") == b100
    assert published(dataset="B100", scale=3, protocol=PROTOCOLS["paper"]) == b100
    assert published(dataset="B100", scale=3, protocol=replace(PROTOCOLS["paper"], border=0)) == []
    assert published(dataset="B100", scale=3, protocol="rdn")[0].psnr == 27.20


@pytest.mark.parametrize(
    ("wrong", "message"),
    [
        ({"protocol": "nobody's"}, 'protocol: "nobody\'s" is not allowed; give one of vdsr-tf, paper, rcan'),
        ({"scale": "2"}, "scale: '2' is not allowed"),
        ({"dataset": None}, "dataset: None is not allowed; give the name of a set"),
        ({"degradation": "fog"}, "kind: 'fog' is not allowed"),
        ({"degradation": "dn", "protocol": varied("rcan", degradation="bd")[0]}, "dn is not that of the protocol, bd"),
    ],
)
def test_what_cannot_be_looked_up_is_refused(wrong: dict[str, object], message: str) -> None:
    with pytest.raises(ArgumentError, match=message):
        published(**{"dataset": "Set5", "scale": 2} | wrong)  # type: ignore[arg-type]


def test_agreement_is_digit_for_digit_or_a_gap() -> None:
    measured = {("Set5", 2): (33.6614, 0.92988), ("Set5", 3): (30.3922, 0.86821), ("nowhere", 2): (1.0, 0.1)}
    first, second, third = agreements(measured)
    assert (first.protocol, first.rows, first.exact, first.close) == ("paper", 2, 2, True)
    assert (second.protocol, second.exact, second.close) == ("vdsr-tf", 0, False)
    assert second.psnr_gap == pytest.approx(33.68 - 33.6614)
    assert second.ssim_gap == pytest.approx(0.9304 - 0.92988)
    assert (third.protocol, third.exact) == ("rdn", 0)
    assert agreements({("nowhere", 2): (1.0, 0.1)}) == []


def test_agreement_of_degraded_rows_is_with_degraded_tables() -> None:
    (protocol,) = varied("rcan", degradation="bd")
    (only,) = agreements({("Set5", 3): (28.7811, 0.83081)}, degradation=protocol.degradation)
    assert (only.protocol, only.exact) == ("rcan", 1)
