"""Scoring under a degradation: the same as handing in the low-resolution images, and named in every label."""

from dataclasses import replace
from pathlib import Path
from typing import Any

import h5py
import numpy as np
import pytest

from vdsr_data import Degradation, build_test, degrade, degrade_folder, imresize, open_set, verify, write_image
from vdsr_data.degradations.recipes import KINDS
from vdsr_eval import PROTOCOLS, evaluate, of_small_image
from vdsr_eval.protocols.pair import prepare, small_image
from vdsr_eval.protocols.protocol import varied


@pytest.mark.parametrize("kind", ["bi", "bi-double", "bd", "dn", "srmd", "blur:sigma=1.5"])
@pytest.mark.parametrize("protocol", PROTOCOLS)
def test_scores_are_those_of_the_images_handed_in(kind: str, protocol: str, photographs: Path, tmp_path: Path) -> None:
    recipe = Degradation.parse(kind)
    rules = PROTOCOLS[protocol]
    options = {"sigma": recipe.sigma} if recipe.sigma else {}
    options |= {"boundary": rules.boundary} if "boundary" in KINDS[recipe.kind].options else {}
    options |= {"modcrop": rules.crop} if isinstance(rules.crop, int) else {}
    degrade_folder(photographs, tmp_path / "lr", kind=recipe.kind, scale=3, **options)
    made = evaluate(photographs, scales=3, protocols=protocol, grey="keep", degradation=kind)
    given = evaluate(photographs, scales=3, protocols=protocol, grey="keep", lr=tmp_path / "lr")
    assert [(r.image, r.psnr, r.ssim) for r in made] == [(r.image, r.psnr, r.ssim) for r in given]
    assert {r.protocol for r in made} == {str(PROTOCOLS[protocol].label) + label for label in labels(protocol, recipe)}


def labels(protocol: str, recipe: Degradation) -> list[str]:
    return [f" (grey keep, {recipe})" if PROTOCOLS[protocol].grey != "keep" else f" ({recipe})"]


def test_the_protocols_boundary_resizes_and_the_rule_is_described() -> None:
    image = np.random.default_rng(0).integers(0, 256, (31, 40, 3), dtype=np.uint8)
    (protocol,) = varied("rcan", boundary="replicate", degradation="dn:noise=5", luma="uint8")
    assert protocol.label == "rcan (luma uint8, replicate, dn with noise 5)"
    assert "dn with noise 5 of the 8-bit RGB image (replicate)" in protocol.describe()
    expected = degrade(image, "dn", 3, noise=5, boundary="replicate")
    assert (small_image(image, scale=3, protocol=protocol, colour="rgb") * 255).round().tolist() == expected.tolist()
    assert prepare(image, scale=3, protocol=protocol).lr is None


def test_a_network_of_the_small_image_gets_it(photographs: Path) -> None:
    seen = []

    def network(small: np.ndarray, scale: int) -> np.ndarray:
        seen.append((small * 255).round().astype(np.uint8))
        return small.repeat(scale, 0).repeat(scale, 1)

    evaluate(photographs, of_small_image(network, colour="rgb"), scales=2, protocols="rcan", degradation="bd")
    for original, small in zip(open_set(photographs), seen, strict=True):
        expected = degrade(original.pixels, "bd", 2)
        assert (small == (expected if expected.ndim == 3 else np.dstack([expected] * 3))).all()


@pytest.mark.parametrize(
    ("degradation", "words"),
    [
        ("xy", "kind: 'xy' is not allowed"),
        ("dn:3", "such as dn:noise=10"),
        ("dn:level=3", "such as dn:noise=10"),
        ("dn:noise=a", "noise"),
        ("bd:noise=3", "noise has no effect on bd"),
        ("jpeg", "does not reduce"),
        (7, "give a kind"),
    ],
)
def test_refused(degradation, words: str, photographs: Path) -> None:
    with pytest.raises(ValueError, match=words):
        evaluate(photographs, scales=2, degradation=degradation)


def test_refused_beside_a_folder_and_in_a_protocol(photographs: Path) -> None:
    with pytest.raises(ValueError, match="give one"):
        evaluate(photographs, scales=2, degradation="bd", lr=photographs)
    with pytest.raises(ValueError, match="give a Degradation"):
        replace(PROTOCOLS["rcan"], degradation="bd")


def test_a_kernel_may_be_a_file(photographs: Path, tmp_path: Path) -> None:
    np.save(tmp_path / "k.npy", np.full((3, 3), 1 / 9))
    scores = evaluate(photographs, scales=2, protocols="paper", degradation=f"blur:kernel={tmp_path / 'k.npy'}")
    assert next(iter(scores)).protocol == "paper (blur with a kernel of 3 x 3)"


def test_one_boundary_for_both(photographs: Path) -> None:
    with pytest.raises(ValueError, match="its boundary is that of the protocol"):
        evaluate(photographs, scales=2, degradation="dn:boundary=replicate")
    assert evaluate(photographs, scales=2, degradation="dn:boundary=replicate", boundary="replicate").records


def scores(benchmark: Path, **options: Any) -> list[tuple[str, str, float, float]]:
    return [(r.image, r.protocol, r.psnr, r.ssim) for r in evaluate(benchmark, **options)]


@pytest.fixture
def folder(photographs: Path) -> Path:
    """Colour and grey, of 8 bits, and of 16."""
    image = (np.add.outer(np.arange(50) ** 2, 31 * np.arange(60)) * 23 % 65521).astype(np.uint16)
    write_image(photographs / "deep.png", np.dstack([image, image[::-1], image[:, ::-1]]))
    return photographs


@pytest.mark.slow
@pytest.mark.parametrize("boundary", ["symmetric", "replicate"])
@pytest.mark.parametrize(
    ("kind", "scales"),
    [("bi", (2, 2.5)), ("bd", (3,)), ("dn:noise=10,seed=3", (2,)), ("srmd", (2,)), ("jpeg", (1,)), (None, (2.5, 3.3))],
)
def test_a_benchmark_file_scores_as_its_folder(kind, scales, boundary, folder: Path, tmp_path: Path) -> None:
    file = build_test(folder, tmp_path / "b.h5", scales=scales, degradation=kind, boundary=boundary).output
    how = {"scales": scales, "protocols": PROTOCOLS, "degradation": kind, "boundary": boundary}
    found = scores(file, **how)
    assert len(found) == 5 * len(scales) * len(PROTOCOLS)
    assert found == scores(folder, **how)


@pytest.mark.parametrize("kind", [None, "bi-double", "bd"])
def test_large_factors(kind: str | None, tmp_path: Path) -> None:
    (tmp_path / "set").mkdir()
    small = np.random.default_rng(0).integers(0, 256, (19, 21, 3), np.uint8)
    write_image(tmp_path / "set" / "a.png", imresize(small, size=(147, 165)))
    scales = (8, 16) if kind == "bd" else (8, 16, 15.5, 1.01)
    file = build_test(tmp_path / "set", tmp_path / "b.h5", scales=scales, degradation=kind).output
    assert verify(file).failures == []
    how = {"scales": scales, "protocols": PROTOCOLS, "degradation": kind, "boundary": "symmetric"}
    assert scores(file, **how) == scores(tmp_path / "set", **how)
    if kind:
        degrade_folder(tmp_path / "set", tmp_path / "lr", kind=kind, scale=16)
        how |= {"scales": 16, "protocols": [one for one in PROTOCOLS if one != "basicsr"]}  # which crops to 12
        given = [score[2:] for score in scores(file, **{**how, "degradation": None}, lr=tmp_path / "lr")]
        assert given == [score[2:] for score in scores(file, **how)]


def test_the_stored_pair_is_for_its_own_degradation(photographs: Path, tmp_path: Path) -> None:
    """What is stored was altered, which shows where it is used: under the same rules, and under no others."""
    how = {"scales": 3, "protocols": ["paper", "vdsr-tf"]}
    file = build_test(photographs, tmp_path / "b.h5", scales=[3], degradation="dn:seed=3").output
    plain = {one: scores(photographs, **how, degradation=one) for one in (None, "bd", "dn", "dn:seed=3")}
    with h5py.File(file, "r+") as opened:
        for image in opened["x3"].values():
            image["lr"][...] = 0.9 * image["lr"][...]
    for one, expected in plain.items():
        assert (scores(file, **how, degradation=one) == expected) == (one != "dn:seed=3")
    other = {**how, "degradation": "dn:seed=3"}
    for change in ({"boundary": "replicate"}, {"protocols": ["rcan", "basicsr"]}, {"rgb": True}, {"scales": 2},
                   {"rules": {"crop": 12}}):  # fmt: skip
        assert scores(file, **{**other, **change}) == scores(photographs, **{**other, **change})
    bicubic = build_test(photographs, tmp_path / "bicubic.h5", scales=[3]).output
    with h5py.File(bicubic, "r+") as opened:
        for image in opened["x3"].values():
            image["lr"][...] = 0.9 * image["lr"][...]
    assert scores(bicubic, **how, degradation="dn:seed=3") == plain["dn:seed=3"]
    assert scores(bicubic, **how) != plain[None]
