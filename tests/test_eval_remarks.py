"""What is said of scores that an expert would not believe."""

import math

import pytest

from vdsr_eval.reports.remarks import remarks
from vdsr_eval.scoring.records import Record


def records(model: str, psnrs: dict[str, float], *, dataset: str = "fruit", scale: int = 2, protocol: str = "paper"):
    return [Record(dataset, image, scale, model, protocol, psnr, 0.9) for image, psnr in psnrs.items()]


BICUBIC = records("bicubic", {"a": 30.0, "b": 31.0})


def test_good_scores_need_no_word() -> None:
    assert remarks([*BICUBIC, *records("EDSR", {"a": 32.0, "b": 30.5})]) == []
    assert remarks(BICUBIC) == []


def test_a_copy_of_the_original() -> None:
    assert remarks([*BICUBIC, *records("EDSR", {"a": math.inf, "b": 33.0})]) == [
        "EDSR: equals the original, 1 image: fruit/a x2; is it a copy of the original, or its name?"
    ]
    assert remarks(records("bicubic", {"a": math.inf, "b": 31.0})) == []  # of a flat image


def test_twins_are_named_once() -> None:
    twins = [*BICUBIC, *records("EDSR", {"a": 30.0, "b": 33.0}), *records("RCAN", {"a": 32.0, "b": 33.0})]
    assert remarks(twins) == [
        "EDSR: equals bicubic, 1 image: fruit/a x2",
        "RCAN: equals EDSR, 1 image: fruit/b x2",
    ]
    other = [*BICUBIC, *records("EDSR", {"a": 30.0, "b": 33.0}, dataset="berries")]
    assert remarks(other) == []


def test_below_bicubic_on_every_image() -> None:
    (line,) = remarks([*BICUBIC, *records("EDSR", {"a": 29.0, "b": 12.0})])
    assert line.startswith("EDSR: below bicubic on every image of fruit x2; ")
    assert line.endswith("a network whose output is to be subtracted")
    both = [*BICUBIC, *records("bicubic", {"a": 28.0}, scale=3), *records("EDSR", {"a": 1.0}, scale=3)]
    assert any("of fruit x3;" in line for line in remarks(both))


def test_means_over_different_images() -> None:
    (line,) = remarks([*BICUBIC, *records("bicubic", {"a": 25.0}, scale=4)])
    assert line == "fruit: the means are over different images, 2 at x2, 1 at x4"


@pytest.mark.parametrize(("psnr", "protocol", "far"), [
    (33.66, "paper", False), (33.9, "rcan", False), (34.0, "paper", True), (32.0, "vdsr-tf", True),
    (20.0, "paper (border 0)", False),
])  # fmt: skip
def test_a_bicubic_row_that_nobody_published(psnr: float, protocol: str, far: bool) -> None:
    scores = dict.fromkeys(("baby", "bird", "butterfly", "head", "woman"), psnr)
    found = remarks(records("bicubic", scores, dataset="Set5 (old/Set5.h5)", protocol=protocol))
    assert [line.partition(",")[0] for line in found] == far * ["Set5 (old/Set5.h5): bicubic is no published one"]
    assert not remarks(records("bicubic", {"baby": psnr}, protocol=protocol))


@pytest.mark.parametrize(
    ("names", "said"),
    [
        ("baby bird butterfly head woman", None),
        ("baby_HR bird_HR butterfly_HR head_HR woman_HR", None),
        ("baby bird butterfly head", "4 images, of which published means have 5; missing: woman"),
        ("baby bird butterfly head woman comic", "6 images, of which published means have 5; others: comic"),
        ("img_001 img_002 img_003 img_004", "4 images, of which published means have 5; others: img_001"),
    ],
)
def test_images_that_a_public_set_has_and_others(names: str, said: str | None) -> None:
    found = remarks(records("bicubic", dict.fromkeys(names.split(), 33.66), dataset="set5", protocol="paper"))
    assert (found[0].startswith(f"set5: {said}") and len(found) == 1) if said else not found
