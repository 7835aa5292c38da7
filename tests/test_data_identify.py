"""Which recipe made low-resolution images: those of MATLAB and of other libraries are found again."""

import re
from pathlib import Path

import numpy as np
import pytest

from vdsr_data import VdsrError, degrade, identify, imresize, modcrop, write_image
from vdsr_data.inspect import recognition
from vdsr_data.interop.resizers import resizers

NAMES = ("baby", "bird.2", "img_001")


def smooth(k: int, shape: tuple[int, ...] = (121, 98, 3)) -> np.ndarray:
    """Something like a photograph: a rough picture, enlarged, and some noise."""
    random = np.random.default_rng(k)
    rough = random.integers(0, 256, (shape[0] // 8, shape[1] // 8, *shape[2:]), dtype=np.uint8)
    return (imresize(rough, size=shape[:2]) * 0.9 + random.integers(0, 25, shape)).astype(np.uint8)


@pytest.fixture(scope="module")
def gt(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("gt")
    for k, name in enumerate(NAMES):
        write_image(folder / f"{name}.png", smooth(k))
    return folder


def found(gt: Path, folder: Path, make, ending: str = "x3", **options):
    for k, name in enumerate(NAMES):
        write_image(folder / f"{name}{ending}.png", make(smooth(k)))
    return identify(folder, gt, **options)


MATLAB = {
    "bi with boundary symmetric": lambda image: degrade(image, "bi", 3),
    "bi with boundary replicate": lambda image: degrade(image, "bi", 3, boundary="replicate"),
    "bi-double with boundary symmetric": lambda image: degrade(image, "bi-double", 3),
    "bd": lambda image: degrade(image, "bd", 3),
    "dn with boundary replicate": lambda image: degrade(image, "dn", 3, boundary="replicate"),
    "bd with sigma 1.3": lambda image: degrade(image, "bd", 3, sigma=1.3),
    "srmd with sigma 2.4, noise 0": lambda image: degrade(image, "srmd", 3, sigma=2.4, noise=0),
    "imresize, box": lambda image: imresize(modcrop(image, 3), 1 / 3, method="box"),
    "imresize in floating point, symmetric, truncated": lambda image: (
        (imresize(modcrop(image, 3) / 255, 1 / 3) * 255).clip(0, 255).astype(np.uint8)
    ),
    "image[0::3, 0::3]": lambda image: modcrop(image, 3)[::3, ::3],
}


@pytest.mark.parametrize("name", MATLAB)
def test_recipes_of_matlab(name: str, gt: Path, tmp_path: Path) -> None:
    answer = found(gt, tmp_path, MATLAB[name])
    assert answer.exact
    assert (answer.scale, answer.images) == (3, 3)
    assert answer.recipes[0].name == name
    assert str(answer).startswith(f"3 images, x3: {name}: 0 of ")


NOISY = {
    "dn with boundary symmetric, noise 10": ("dn", 3, {"noise": 10}),
    "dn with boundary replicate, noise 50, seed 1": ("dn", 3, {"noise": 50, "seed": 1, "boundary": "replicate"}),
    "dn with boundary symmetric, noise 12.5, seed 0": ("dn", 2, {"noise": 12.5, "seed": 0}),
    "srmd with boundary symmetric, sigma 2.6": ("srmd", 3, {}),
    "srmd with boundary symmetric, sigma 1.4, noise 5, seed 1": ("srmd", 2, {"sigma": 1.4, "noise": 5, "seed": 1}),
    "srmd with boundary replicate, sigma 2, noise 25": (
        "srmd", 3, {"sigma": 2, "noise": 25, "boundary": "replicate"},
    ),
    "blur with sigma 1.6": ("blur", 3, {"sigma": 1.6}),
    "noise with noise 17.5, seed 1": ("noise", 1, {"noise": 17.5, "seed": 1}),
    "noise": ("noise", 1, {}),
}  # fmt: skip


@pytest.mark.slow
@pytest.mark.parametrize("name", NOISY)
def test_noise_of_any_level_and_usual_seeds_and_fitted_widths(name: str, gt: Path, tmp_path: Path) -> None:
    kind, scale, options = NOISY[name]
    answer = found(gt, tmp_path, lambda image: degrade(image, kind, scale, **options), ending=f"x{scale}")
    assert answer.exact
    assert answer.recipes[0].name == name


@pytest.mark.parametrize("level", [8, 25])
def test_unknown_noise_is_estimated(level: int, gt: Path, tmp_path: Path) -> None:
    random = np.random.default_rng(0)

    def make(image: np.ndarray) -> np.ndarray:
        reduced = degrade(image, "bi", 2)
        return (reduced + random.normal(0, level, reduced.shape)).round().clip(0, 255).astype(np.uint8)

    answer = found(gt, tmp_path, make, ending="x2")
    assert not answer.exact
    words = re.search(r"looks like (.*) plus noise of standard deviation ([\d.]+)", str(answer))
    assert float(words[2]) == pytest.approx(level, rel=0.03)
    assert "bi" in words[1]


def test_what_is_no_noise_is_not_called_so(gt: Path, tmp_path: Path) -> None:
    answer = found(gt, tmp_path, lambda image: degrade(degrade(image, "bi", 2), "jpeg", quality=10), ending="x2")
    assert "noise of standard" not in str(answer)


def test_each_pair_is_read_a_few_times(gt: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    reads = []
    read = recognition._read
    monkeypatch.setattr(recognition, "_read", lambda *paths: reads.append(paths) or read(*paths))
    found(gt, tmp_path, lambda image: degrade(degrade(image, "bi", 2), "jpeg", quality=10), ending="x2")
    assert len(reads) == 2 * len(NAMES)  # to choose one to try on, and to compare


@pytest.mark.parametrize("name", resizers())
def test_recipes_of_other_libraries(name: str, gt: Path, tmp_path: Path) -> None:
    resize = resizers()[name]

    def make(image: np.ndarray) -> np.ndarray:
        image = np.ascontiguousarray(modcrop(image, 4))
        return resize(image, (image.shape[0] // 4, image.shape[1] // 4))

    answer = found(gt, tmp_path, make, ending="_x4")
    assert answer.exact
    assert name in {recipe.name for recipe in answer.recipes if not recipe.differing}


@pytest.mark.parametrize(
    ("crop", "words"),
    [(lambda image: image, "not cropped"), (lambda image: modcrop(image, 12), "cropped to multiples of 12")],
)
def test_the_way_of_cropping_is_said(crop, words: str, gt: Path, tmp_path: Path) -> None:
    answer = found(gt, tmp_path, lambda image: imresize(crop(image), 1 / 2), ending="_LRBI_x2")
    assert answer.exact
    assert answer.recipes[0].name == f"bi with boundary symmetric, {words}"


def test_a_fractional_scale_of_meta_sr(gt: Path, tmp_path: Path) -> None:
    answer = found(gt, tmp_path, lambda image: degrade(image, "bi", 1.1 + 5 * 0.1, boundary="replicate"), ending="")
    assert answer.exact
    assert answer.scale == pytest.approx(1.6)
    assert answer.recipes[0].name == "bi with boundary replicate"


@pytest.mark.parametrize("kind", ["jpeg", "noise"])
def test_images_of_one_size(kind: str, gt: Path, tmp_path: Path) -> None:
    options = {"quality": 37} if kind == "jpeg" else {"noise": 25}
    answer = found(gt, tmp_path, lambda image: degrade(image, kind, **options), ending="")
    assert answer.exact
    assert str(next(iter(options.values()))) in answer.recipes[0].name


def test_one_image_and_what_no_recipe_explains(gt: Path, tmp_path: Path) -> None:
    lr = degrade(smooth(0), "bi", 3)
    lr[0] += 1
    write_image(tmp_path / "lr.png", lr)
    answer = identify(tmp_path / "lr.png", gt / "baby.png")
    assert not answer.exact
    text = str(answer)
    assert "1 image, x3: no known recipe gives every value; the nearest:\n  bi with boundary symmetric: 96 of" in text
    assert "only at the rim" in text
    lr = degrade(smooth(0), "bi", 3)
    lr[20:, 20:] += 1
    write_image(tmp_path / "lr.png", lr)
    assert "by 1 only, all up" in str(identify(tmp_path / "lr.png", gt / "baby.png"))


def test_a_grey_image_of_a_colour_original(gt: Path, tmp_path: Path) -> None:
    from vdsr_data import luma

    answer = found(gt, tmp_path, lambda image: degrade(luma(image), "bi", 2), ending="")
    assert answer.exact
    assert answer.scale == 2


@pytest.mark.slow
def test_large_images_are_first_compared_in_a_corner(tmp_path: Path) -> None:
    hr = smooth(5, (900, 840, 3))
    write_image(tmp_path / "hr.png", hr)
    for kind in ("bd", "dn"):
        write_image(tmp_path / "lr.png", degrade(hr, kind, 3))
        assert identify(tmp_path / "lr.png", tmp_path / "hr.png").recipes[0].name.startswith(kind)


@pytest.mark.parametrize(
    ("change", "words"),
    [
        (lambda lr, gt: (lr / "babyx3.png").unlink(), "no image of baby.png"),
        (lambda lr, gt: write_image(lr / "baby_x2.png", smooth(0)), "several images"),
        (lambda lr, gt: write_image(lr / "other.png", smooth(0)), "no original of other.png"),
        (lambda lr, gt: write_image(lr / "babyx3.png", np.zeros((40, 32), np.uint16)), "has 16 bits"),
        (
            lambda lr, gt: write_image(lr / "babyx3.png", np.zeros((7, 32), np.uint8)),
            "no scale that is usual",
        ),
    ],
)
def test_refused(change, words: str, gt: Path, tmp_path: Path) -> None:
    for k, name in enumerate(NAMES):
        write_image(tmp_path / f"{name}x3.png", degrade(smooth(k), "bi", 3))
    change(tmp_path, gt)
    with pytest.raises(VdsrError, match=words):
        identify(tmp_path, gt)


def test_a_scale_that_does_not_fit(gt: Path, tmp_path: Path) -> None:
    write_image(tmp_path / "lr.png", degrade(smooth(0), "bi", 3))
    with pytest.raises(VdsrError, match="not the scale 2 fits"):
        identify(tmp_path / "lr.png", gt / "baby.png", scale=2)
    with pytest.raises(VdsrError, match="scale must be"):
        identify(tmp_path / "lr.png", gt / "baby.png", scale=0)
    with pytest.raises(VdsrError, match="is no file"):
        identify(tmp_path / "lr.png", gt)


def test_a_flat_image_or_corner_does_not_hide_the_recipe(tmp_path: Path) -> None:
    """On what is black all recipes agree."""
    for folder in ("hr", "lr"):
        (tmp_path / folder).mkdir()
    dark = np.zeros((660, 660, 3), np.uint8)
    dark[560:, 560:] = smooth(3, (100, 100, 3))
    for name, image in {"black": np.zeros((48, 48, 3), np.uint8), "butterfly": smooth(4), "dark": dark}.items():
        write_image(tmp_path / "hr" / f"{name}.png", modcrop(image, 2))
        write_image(tmp_path / "lr" / f"{name}x2.png", imresize(modcrop(image, 2), 1 / 2, method="lanczos3"))
    assert identify(tmp_path / "lr", tmp_path / "hr").recipes[0].name == "imresize, lanczos3"
    alone = identify(tmp_path / "lr/darkx2.png", tmp_path / "hr/dark.png")
    assert alone.recipes[0].name == "imresize, lanczos3"


@pytest.mark.parametrize("scale", [1.2, 1.25, 1.9, 2.2])
def test_scales_that_sizes_leave_open_are_tried(scale: float, tmp_path: Path) -> None:
    write_image(tmp_path / "hr.png", smooth(1))
    write_image(tmp_path / "lr.png", degrade(smooth(1), "bi", scale))
    answer = identify(tmp_path / "lr.png", tmp_path / "hr.png")
    assert answer.exact
    assert answer.scale == pytest.approx(scale)


def test_lines_of_matlab_are_whole(gt: Path, tmp_path: Path) -> None:
    from vdsr_data import luma

    lines = found(gt, tmp_path, lambda image: degrade(luma(image), "bi", 3)).recipes[0].matlab
    assert lines[:2] == ("HR = rgb2ycbcr(HR); HR = HR(:, :, 1);", "HR = modcrop(HR, 3);")


def test_long_names_take_no_time_and_exact_ones_come_first(tmp_path: Path) -> None:
    for folder in ("hr", "lr"):
        (tmp_path / folder).mkdir()
    for name in ("a", "a_b"):
        write_image(tmp_path / "hr" / f"{name}.png", smooth(0))
        write_image(tmp_path / "lr" / f"{name}.png", degrade(smooth(0), "bi", 3))
    assert identify(tmp_path / "lr", tmp_path / "hr").exact
    write_image(tmp_path / "lr" / ("a" + "_x" * 60 + ".png"), degrade(smooth(0), "bi", 3))
    with pytest.raises(VdsrError, match="no original of"):
        identify(tmp_path / "lr", tmp_path / "hr")
