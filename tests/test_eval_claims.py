"""Claims: the rules that give every digit of a number are found again, whichever made it."""

from dataclasses import replace
from itertools import product
from pathlib import Path

import numpy as np
import pytest
from scipy.io import savemat

from vdsr_data import imresize, read_image, write_image
from vdsr_data.errors import ArgumentError, VdsrError
from vdsr_eval import PROTOCOLS, evaluate, of_small_image, score
from vdsr_eval.protocols.protocol import nearest
from vdsr_eval.reports.tables import claimed as table
from vdsr_eval.scoring.claims import Claim, Explanation, Way, read_claims
from vdsr_eval.scoring.records import Record, mean_score


def photograph(rows: int, columns: int, seed: int) -> np.ndarray:
    """A colour image with edges, uint8, whose shades reach both ends of the range."""
    random = np.random.default_rng(seed)
    y, x = np.mgrid[:rows, :columns]
    planes = [np.sin(x / (5 + c) + seed) * np.cos(y / (3 + c)) + (x > y) * 0.7 - (y > 40) * 0.5 for c in range(3)]
    return (128 + 130 * np.dstack(planes) + random.normal(0, 3, (rows, columns, 3))).clip(0, 255).astype(np.uint8)


@pytest.fixture(scope="module")
def gt(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Three colour originals, whose sides are multiples of few numbers."""
    folder = tmp_path_factory.mktemp("claims") / "Hills"
    folder.mkdir()
    for seed, (rows, columns) in enumerate(((53, 62), (61, 67), (50, 71))):
        write_image(folder / f"hill_{seed}.png", photograph(rows, columns, seed))
    return folder


@pytest.fixture(scope="module")
def results(gt: Path, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """8-bit results at x2 of the originals cropped to even sides."""

    folder = tmp_path_factory.mktemp("results") / "mine"
    folder.mkdir()
    for path in sorted(gt.iterdir()):
        image = read_image(path)
        image = image[: image.shape[0] // 2 * 2, : image.shape[1] // 2 * 2]
        write_image(folder / f"{path.stem}_mine_x2.png", imresize(imresize(image, 1 / 2, method="lanczos3"), 2))
    return folder


def claimed(scores: list, model: str, digits: int = 4) -> str:
    psnr, ssim = mean_score([record for record in scores if record.model == model])
    return f"{psnr:.{digits}f}/{ssim:.{digits + 2}f}"


@pytest.mark.parametrize("name", PROTOCOLS)
def test_every_named_protocol_is_found_by_its_bicubic_row(gt: Path, name: str) -> None:
    claim = claimed(evaluate(gt, scales=2, protocols=name), "bicubic")
    found = evaluate(gt, scales=2, claim=claim).explanation
    assert found is not None
    same = {way.protocol.label for way in found.found}
    # Of colour images `rcan` and `ntire` differ in what is scored alone, and the name stands first.
    assert found.found[0].protocol.label == name, same
    assert not found.close


VARIATIONS = [
    {"border": 0}, {"border": "scale+6"}, {"luma": "uint8"}, {"luma": "difference"}, {"luma": "full"},
    {"luma": "full-uint8"}, {"rgb": True}, {"ssim": "reflect"}, {"ssim": "uniform-7"},
    {"ssim": "uniform-8", "border": 4}, {"rgb": True, "ssim": "volume", "border": 0}, {"crop": "resize"},
]  # fmt: skip


@pytest.mark.parametrize("changes", VARIATIONS, ids=str)
def test_rules_of_scoring_are_found_by_pictures(gt: Path, results: Path, changes: dict) -> None:
    protocol = replace(PROTOCOLS["rcan"], **changes)
    claim = claimed(score(results, gt, 2, protocols=protocol), "mine")
    found = score(results, gt, 2, claim=claim).explanation
    assert found is not None
    idle = {"source", "boundary", "grey", *(["luma"] if protocol.rgb else [])}
    assert any(way.protocol.changes(protocol).keys() <= idle for way in found.found)


@pytest.mark.parametrize(
    "changes",
    [{"source": "rgb-float"}, {"source": "rgb-once", "crop": 12}, {"boundary": "replicate"}, {"crop": "none"},
     {"resizer": "pillow"}, {"resizer": "pillow", "crop": "resize"}, {"source": "luma", "result": "float"}],
    ids=str,
)  # fmt: skip
def test_low_resolutions_are_found_by_bicubic(gt: Path, changes: dict) -> None:
    rules = {"luma": "float", **changes} if "result" in changes else changes
    protocol = replace(PROTOCOLS["rcan"], **rules)
    claim = claimed(evaluate(gt, scales=2, protocols=protocol), "bicubic", digits=6)
    found = evaluate(gt, scales=2, claim=claim).explanation
    assert found is not None
    assert any(way.protocol.changes(protocol).keys() <= {"grey", "clip", "luma"} for way in found.found)


def test_a_network_of_either_input_runs_once_for_each_low_resolution(gt: Path) -> None:
    seen = []

    def network(ilr: np.ndarray, scale: float) -> np.ndarray:
        seen.append(ilr)
        return ilr * 0.98 + 0.004 * scale

    for name in ("paper", "dncnn"):
        claim = claimed(evaluate(gt, network, scales=2, protocols=name), "network")
        seen.clear()
        found = evaluate(gt, network, scales=2, claim=claim)
        assert found.explanation.found[0].protocol.label == name
        assert len(seen) == 3 * {"paper": 1, "dncnn": 2}[name]  # and not again for the table
        assert [table.title.partition(":")[0] for table in found.tables()] == [f"claim {claim} on Hills x2", name]
    small = of_small_image(lambda image, scale: image.repeat(scale, 0).repeat(scale, 1), colour="rgb")
    claim = claimed(evaluate(gt, {"m": small}, scales=2, protocols="rcan"), "m")
    assert evaluate(gt, {"m": small}, scales=2, claim=claim).explanation.found[0].protocol.label == "rcan"


def test_numbers_of_images_tell_more_than_a_mean(gt: Path, results: Path, tmp_path: Path) -> None:
    records = [record for record in score(results, gt, 2, protocols="rcan") if record.model == "mine"]
    log = tmp_path / "log.txt"
    lines = [f"x2 {k} {r.image}_mine_x2.png: PSNR= {r.psnr:.6f} SSIM= {r.ssim:.6f}" for k, r in enumerate(records, 1)]
    log.write_text("Method_1: mine; Set: Hills\n" + "\n".join(lines) + "\n--------Mean--------\nx2: PSNR= 20.000000\n")
    found = score(results, gt, 2, claims=log)
    assert [way.protocol.label for way in found.explanation.found] == ["rcan"]
    assert "the numbers of 3 images of Hills x2: 1 of" in found.table()
    coarse = score(results, gt, 2, claim=f"{mean_score(records)[0]:.0f}")
    assert len(coarse.explanation.found) >= 8
    assert "a claim with more digits" in coarse.table()


def test_results_may_be_floats_and_of_other_sizes(gt: Path, tmp_path: Path) -> None:

    for kind in ("floats", "whole"):
        (tmp_path / kind).mkdir()
    for path in gt.iterdir():
        image = read_image(path)
        write_image(tmp_path / "whole" / path.name, (image // 8 * 8).astype(np.uint8))
        even = image[: image.shape[0] // 2 * 2, : image.shape[1] // 2 * 2] / 255
        savemat(tmp_path / "floats" / f"{path.stem}.mat", {"sr": even * 1.02 - 0.01})
    claim = claimed(score(tmp_path / "floats", gt, 2, protocols="dncnn"), "floats")
    found = score(tmp_path / "floats", gt, 2, claim=claim).explanation
    assert found.found[0].protocol.label == "dncnn"
    whole = score(tmp_path / "whole", gt, 2, protocols="rcan", rules={"crop": "none"})
    found = score(tmp_path / "whole", gt, 2, claim=claimed(whole, "whole")).explanation
    assert [way.protocol.label for way in found.found] == ["rcan (crop none)", "basicsr (crop none)"]  # 1e-7 dB apart


def test_what_no_rule_explains_is_said_with_the_nearest(gt: Path, results: Path) -> None:
    found = score(results, gt, 2, claim="12.34/0.1234")
    assert found.explanation.found == ()
    psnrs = [way.psnr for way in found.explanation.close]
    assert len(psnrs) == 8
    assert "none of" in found.table()
    assert "the images, the low resolution or the results are others" in found.table()


@pytest.mark.parametrize(
    "rules", [{"ssim": "volume"}, {"resizer": "pillow"}, {"luma": "full"}, {"clip": False}, {"source": "luma"}], ids=str
)
def test_each_rule_may_be_given_whatever_protocol_has_it(gt: Path, rules: dict) -> None:
    found = evaluate(gt, scales=2, claim="12.34/0.1234", rules=rules).explanation
    ((rule, value),) = rules.items()
    assert {getattr(way.protocol, rule) for way in found.close} == {value}
    with pytest.raises(ArgumentError, match="luma: full is reckoned of 8-bit colour images"):
        evaluate(gt, scales=2, claim="12.34", rules={"luma": "full", "result": "float"})


def test_a_claim_of_psnr_alone_tries_no_ssim(gt: Path) -> None:
    """Rules that differ in SSIM only are one way, by the name of the protocol that has them."""
    found = evaluate(gt, scales=2, claim="12.34").explanation
    with_ssim = evaluate(gt, scales=2, claim="12.34/0.1234").explanation
    assert found.tried * 6 < with_ssim.tried
    psnrs = [way.psnr for way in found.close]
    assert len({round(psnr, 6) for psnr in psnrs}) == len(psnrs) == 8
    for way in found.close:
        records = evaluate(gt, scales=2, protocols=way.protocol)
        assert mean_score(records) == pytest.approx((way.psnr, way.ssim), abs=1e-9)


def test_why_nothing_can_be_scored_is_said(gt: Path, tmp_path: Path) -> None:
    for path in gt.iterdir():
        write_image(tmp_path / path.name, photograph(40, 40, 1))
    with pytest.raises(VdsrError, match=r"under any rules; .*hill_0\.png: is 40x40, expected 52x62"):
        score(tmp_path, gt, 2, claim="30.00")
    with pytest.raises(VdsrError, match="under any rules; the result holds NaN"):
        evaluate(gt, {"nan": lambda ilr, _: ilr * np.nan}, scales=2, claim="30.00")
    with pytest.raises(VdsrError, match="under any rules; hill_0 is too small"):
        evaluate(gt, scales=2, claim="30.00", border=40)


def test_results_that_are_kept_are_bounded(gt: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Without memory for originals and results they are read and made again, and the answer is the same."""
    calls = []

    def network(ilr: np.ndarray, scale: float) -> np.ndarray:
        calls.append(ilr.shape)
        return ilr * 0.98 + 0.004 * scale

    claim = claimed(evaluate(gt, network, scales=2, protocols="dncnn"), "network")
    calls.clear()
    kept = evaluate(gt, network, scales=2, claim=claim).explanation
    few = len(calls)
    monkeypatch.setattr("vdsr_eval.scoring.search.HELD", 0)
    again = evaluate(gt, network, scales=2, claim=claim).explanation
    assert again == kept
    assert len(calls) - few > few


def test_progress_counts_what_there_is(gt: Path) -> None:
    told: list[tuple[float, float]] = []
    evaluate(gt, scales=2, claim="12.34", advance=lambda *step: told.append(step))
    assert sum(count for count, _ in told) == told[-1][1]
    assert all(sum(count for count, _ in told[: k + 1]) <= total for k, (_, total) in enumerate(told))


def test_a_published_row_of_other_rules_is_said() -> None:
    record = Record("Set5", "baby", 2, "VDSR", "rcan", 37.531, 0.9587)
    for name in ("rcan", "paper"):
        way = Way(PROTOCOLS[name], 37.531, 0.9587, {})
        notes = table(Explanation({"": Claim.parse("37.53/0.9587")}, (way,), (), 1, whole=False), [record]).notes
        assert any("listed here under `paper`" in note for note in notes)
        assert any("which is not what was found" in note for note in notes) == (name == "rcan")
        assert "low resolutions of other protocols were not tried, since a named protocol fits" in notes


def test_given_rules_are_not_varied(gt: Path, results: Path) -> None:
    found = score(results, gt, 2, claim="12.34", border=0, rules={"ssim": "valid"})
    assert {way.protocol.border for way in found.explanation.close} == {0}
    assert {way.protocol.ssim for way in found.explanation.close} == {"valid"}


@pytest.mark.parametrize(
    ("how", "words"),
    [
        ({"claim": "37,56"}, "claim: '37,56' is not allowed; give PSNR/SSIM such as 37.56/0.9591"),
        ({"claim": "0.95"}, "then the images|none of"),
        ({"claim": "37.5/95"}, "claim: '37.5/95' is not allowed"),
        ({"claim": "/0.9"}, "is not allowed"),
        ({"claim": 37.56}, "is not allowed"),
        ({"claim": "37.56", "scales": (2, 3)}, "claim: is of one set at one scale"),
        ({"claim": "37.56", "protocols": "rcan"}, "protocols: with a claim they are found"),
        ({"claim": "37.56", "claims": "x.txt"}, "two ways to say the same"),
        ({"claims": "x.txt"}, "x.txt: cannot be read"),
    ],
)
def test_claims_are_checked(gt: Path, how: dict, words: str) -> None:
    if how == {"claim": "0.95"}:
        assert evaluate(gt, scales=2, **how).explanation.found == ()
        return
    with pytest.raises((ArgumentError, VdsrError), match=words):
        evaluate(gt, **{"scales": 2, **how})


def test_a_log_is_read_by_names(tmp_path: Path) -> None:
    log = tmp_path / "a.csv"
    log.write_text("image,psnr,ssim\nbaby.png,35.73,0.9300\nbaby_2.png,30.1,0.8\nMean,33.0,0.9\n")
    assert read_claims(log, ["baby", "baby_2"], scale=2) == {
        "baby": Claim("35.73", "0.9300"),
        "baby_2": Claim("30.1", "0.8"),
    }
    log.write_text("baby.png 35.73 0.9300")
    with pytest.raises(
        VdsrError, match=r"has no line with PSNR and SSIM of bird at x2; a line is: baby.png 35.73 0.9300"
    ):
        read_claims(log, ["baby", "bird"], scale=2)
    several = [f"x{scale} {k} {name}_x{scale}.png: PSNR= {30 + scale + k}.5dB SSIM= 0.9" for scale in (2, 3)
               for k, name in enumerate(("2", "my baby", "1"), 1)]  # fmt: skip
    log.write_text("Method_1: x\n" + "\n".join(several) + "\n--------Mean--------\nx2: PSNR= 33.500000\n")
    found = read_claims(log, ["1", "2", "my_baby"], scale=3)
    assert {name: claim.psnr for name, claim in found.items()} == {"2": "34.5", "my_baby": "35.5", "1": "36.5"}
    log.write_text("baby 35.73\nbaby 35.74\n")
    with pytest.raises(VdsrError, match=r"several numbers for baby, 35\.73 and 35\.74"):
        read_claims(log, ["baby"], scale=2)


def test_digits_are_those_that_were_printed() -> None:
    for psnr, ssim in product((37.5649, 37.5551), (0.95914, 0.95905001)):
        assert Claim.parse("37.56/0.9591").holds(psnr, ssim)
    assert not Claim.parse("37.56/0.9591").holds(37.5651, 0.9591)
    assert not Claim.parse("37.56/0.9591").holds(37.56, 0.95916)
    assert Claim.parse("38").holds(37.6)


def test_the_nearest_name_has_the_fewest_changes() -> None:
    assert nearest(replace(PROTOCOLS["rcan"], name="x", border=8)).label == "rcan (border 8)"
    assert nearest(replace(PROTOCOLS["rcan"], name="x", luma="uint8")).label == "rcan (luma uint8)"
    assert nearest(replace(PROTOCOLS["rdn"], name="x", grey="rgb"), idle=["grey"]).label == "rdn"
