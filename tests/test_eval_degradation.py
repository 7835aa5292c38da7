"""Scoring under a degradation: the same as handing in the low-resolution images, and named in every label."""

from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest

from vdsr_data import Degradation, degrade, degrade_folder, open_set
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
