"""Claims: the rules that give every digit of a number are found again, whichever made it."""

from dataclasses import replace
from itertools import product
from pathlib import Path

import numpy as np
import pytest

from vdsr_data import imresize, write_image
from vdsr_data.errors import ArgumentError, VdsrError
from vdsr_eval import PROTOCOLS, evaluate, of_small_image, score
from vdsr_eval.protocols.protocol import nearest
from vdsr_eval.scoring.claims import Claim, read_claims
from vdsr_eval.scoring.records import mean_score


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
    from vdsr_data import read_image

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
    assert len(coarse.explanation.found) >= 20
    assert "a claim with more digits" in coarse.table()


def test_what_no_rule_explains_is_said_with_the_nearest(gt: Path, results: Path) -> None:
    found = score(results, gt, 2, claim="12.34/0.1234")
    assert found.explanation.found == ()
    psnrs = [way.psnr for way in found.explanation.close]
    assert len(psnrs) == 8
    assert "none of" in found.table()
    assert "the images, the low resolution or the results are others" in found.table()


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
    assert read_claims(log, ["baby", "baby_2"]) == {"baby": Claim("35.73", "0.9300"), "baby_2": Claim("30.1", "0.8")}
    log.write_text("baby.png 35.73 0.9300")
    with pytest.raises(VdsrError, match=r"has no line with PSNR and SSIM of bird; a line is: baby.png 35.73 0.9300"):
        read_claims(log, ["baby", "bird"])
    log.write_text("baby 35.73\nbaby 35.74\n")
    with pytest.raises(VdsrError, match=r"several numbers for baby, 35\.73 and 35\.74"):
        read_claims(log, ["baby"])


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
