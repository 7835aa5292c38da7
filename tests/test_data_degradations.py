"""The degradations of papers: each against its own lines of MATLAB, retold with the slow twins."""

import numpy as np
import pytest
from reference import slow_imfilter, slow_imresize, slow_round, slow_v4_randn

from vdsr_data import ArgumentError, Degradation, degrade, fspecial, imresize, modcrop, randn
from vdsr_data.degradations.recipes import KINDS, crop_for
from vdsr_data.matlab.arrays import RangeWarning

REDUCING = [kind for kind in KINDS if KINDS[kind].reduces]
BLUR = fspecial("gaussian", 15, 2.0)


def original(shape: tuple[int, ...] = (20, 26, 3), dtype=np.uint8) -> np.ndarray:
    image = np.random.default_rng(1).integers(0, 256, shape, dtype=np.uint8)
    if dtype == np.uint16:
        return image.astype(dtype) * 257
    return image if dtype == np.uint8 else image.astype(dtype) / 255


def uint8(values: np.ndarray) -> np.ndarray:
    return np.reshape([slow_round(value, 255) for value in np.ravel(values).tolist()], values.shape).astype(np.uint8)


def noise(shape: tuple[int, ...]) -> np.ndarray:
    return np.reshape(slow_v4_randn(int(np.prod(shape))), shape, order="F")


def reduced(image: np.ndarray, scale: int, **options) -> np.ndarray:
    return slow_imresize(image, (1 / scale, 1 / scale), (image.shape[0] // scale, image.shape[1] // scale), **options)


@pytest.mark.slow
@pytest.mark.parametrize("shape", [(20, 26, 3), (21, 23)])
@pytest.mark.parametrize("boundary", ["symmetric", "replicate"])
def test_each_is_its_lines_of_matlab(shape: tuple[int, ...], boundary: str) -> None:
    image = original(shape)
    hr = image[: shape[0] // 3 * 3, : shape[1] // 3 * 3]
    bicubic = reduced(hr, 3, boundary=boundary)
    assert (degrade(image, "bi", 3, boundary=boundary) == bicubic).all()
    once = uint8(reduced(hr / 255, 3, boundary=boundary) * 255)
    assert (degrade(image, "bi-double", 3, boundary=boundary) == once).all()
    blurred = slow_imfilter(hr, fspecial("gaussian", 7, 1.6), "replicate")
    assert (degrade(image, "bd", 3) == blurred[1::3, 1::3]).all()
    noisy = bicubic.astype(np.float32) + (30 * noise(bicubic.shape)).astype(np.float32)
    assert (degrade(image, "dn", 3, boundary=boundary) == uint8(noisy)).all()
    turned = uint8(slow_imfilter(bicubic / 255, BLUR, "circular", convolve=True) * 255)
    assert (degrade(image, "blur", 3, boundary=boundary, sigma=2) == turned).all()
    before = reduced(slow_imfilter(hr / 255, BLUR, "replicate"), 3, boundary=boundary)
    srmd = uint8((before + 15 / 255 * noise(before.shape)) * 255)
    assert (degrade(image, "srmd", 3, boundary=boundary, kernel=BLUR) == srmd).all()


def test_noise_alone_is_its_lines_of_matlab() -> None:
    image = original((9, 11, 3))
    noisy = (image / 255 + 25 / 255 * noise(image.shape)).astype(np.float32) * np.float32(255)
    assert (degrade(image, "noise", noise=25) == uint8(noisy)).all()
    seeded = (image / 255 + 10 / 255 * randn(image.shape, 7)).astype(np.float32) * np.float32(255)
    assert (degrade(image, "noise", seed=7) == uint8(seeded)).all()


def test_jpeg_by_quality() -> None:
    smooth = np.add.outer(np.arange(64), np.arange(48)).astype(np.uint8)
    image = np.dstack([smooth, smooth[::-1], smooth.T.reshape(64, 48)])
    errors = [np.abs(degrade(image, "jpeg", quality=q).astype(int) - image).mean() for q in (1, 10, 50, 100)]
    assert errors == sorted(errors, reverse=True)
    assert (degrade(smooth, "jpeg") == degrade(smooth, "jpeg", quality=10)).all()


@pytest.mark.parametrize("kind", ["bi", "bi-double", "bd", "blur", "srmd"])
@pytest.mark.parametrize("dtype", [np.uint8, np.uint16, np.float32, np.float64])
@pytest.mark.parametrize("scale", [2, 8])
def test_every_dtype_and_scale(kind: str, dtype, scale: int) -> None:
    image = original((33, 41, 3), dtype)
    before = image.copy()
    options = {"sigma": 1.5} if kind == "blur" else {"noise": 0} if kind == "srmd" else {}
    lr = degrade(image, kind, scale, **options)
    assert lr.dtype == dtype
    assert lr.shape == (33 // scale, 41 // scale, 3)
    assert (image == before).all()
    peak = {np.uint8: 255, np.uint16: 65535}.get(dtype, 1)
    eight = degrade(original((33, 41, 3)), kind, scale, **options) / 255
    assert np.abs(lr / peak - eight).max() < 0.02


def test_a_degradation_can_be_kept_and_used_again() -> None:
    recipe = Degradation("dn", noise=10, boundary="replicate")
    image = original()
    assert (degrade(image, recipe, 2) == degrade(image, "dn", 2, noise=10, boundary="replicate")).all()
    assert str(recipe) == "dn with boundary replicate, noise 10"
    assert recipe != Degradation("dn")
    assert Degradation("blur", kernel=BLUR) == Degradation("blur", kernel=BLUR.copy()) != Degradation("blur", sigma=2)
    assert str(Degradation("blur", kernel=BLUR)) == "blur with a kernel of 15 x 15"


def test_names_have_any_case_and_options_are_given_once(tmp_path, monkeypatch: pytest.MonkeyPatch) -> None:
    assert Degradation("BD") == Degradation.parse("bD") == Degradation("bd")
    assert (degrade(original(), "BI", 2) == degrade(original(), "bi", 2)).all()
    monkeypatch.chdir(tmp_path)
    np.save("a,b.npy", BLUR)
    np.save("one.npy", np.ones((1, 1)))
    assert Degradation.parse("srmd:kernel=a,b.npy,noise=5") == Degradation("srmd", kernel=BLUR, noise=5)
    assert Degradation.parse("blur:kernel=one.npy") == Degradation("blur", kernel=[[1.0]])
    for text, words in (("dn:noise=3,noise=4", "noise is given twice"), ("bd:", "give kind:option=value"),
                        ("dn:level=3", "give kind:option=value"), ("dn:noise=3,4", "noise: '3,4'")):  # fmt: skip
        with pytest.raises(ArgumentError, match=words):
            Degradation.parse(text)


def test_tensors_byte_orders_and_ranges(torch) -> None:
    image = original()
    for kind in ("bi", "jpeg"):
        found = degrade(torch.from_numpy(image), kind)
        assert isinstance(found, torch.Tensor)
        assert (found.numpy() == degrade(image, kind)).all()
    with pytest.raises(TypeError, match="detach"):
        degrade(torch.zeros(9, 9, requires_grad=True), "bi", 2)
    deep = original(dtype=np.uint16)
    swapped = degrade(deep.astype(">u2"), "bd", 2)
    assert swapped.dtype.isnative
    assert (swapped == degrade(deep, "bd", 2)).all()
    for kind in ("bi", "bi-double", "srmd"):
        with pytest.warns(RangeWarning, match="degrade: floats up to 255") as said:
            degrade(image.astype(np.float64), kind, 2)
        assert len(said) == 1
    with pytest.raises(ArgumentError, match="channels come first"):
        degrade(np.zeros((3, 20, 30)), "bi", 2)


@pytest.mark.parametrize(("scale", "size"), [(1.1, (55, 44)), (1.5, (51, 40)), (2.5, (55, 40)), (3.7, (51, 40))])
def test_fractions_are_cropped_as_meta_sr_does(scale: float, size: tuple[int, int]) -> None:
    image = original((55, 44))
    assert (degrade(image, "bi", scale) == imresize(image[: size[0], : size[1]], 1 / scale)).all()
    assert (degrade(image, "bi", scale, crop="none") == imresize(image, 1 / scale)).all()
    assert crop_for(image, 3, "meta-sr").shape == (51, 40)
    assert crop_for(image, 3).shape == modcrop(image, 3).shape


@pytest.mark.parametrize("kind", KINDS)
def test_explanations_are_lines_of_matlab_with_the_given_options(kind: str) -> None:
    options = {"sigma": 1.25} if kind == "blur" else {}
    scale = 3 if KINDS[kind].reduces else 1
    lines = Degradation(kind, **options).explain(scale)
    assert all(line.split("%")[0].rstrip().endswith(";") for line in lines)
    assert ("HR = modcrop(HR, 3);" in lines) == KINDS[kind].reduces
    for name, value in {"sigma": 1.75, "noise": 17, "seed": 123, "quality": 37}.items():
        if name in KINDS[kind].options:
            assert str(value) in " ".join(Degradation(kind, **{**options, name: value}).explain(scale))


@pytest.mark.parametrize(
    ("arguments", "options", "words"),
    [
        (("bicubic", 2), {}, "kind"),
        (("bi", 2), {"sigma": 1}, "sigma has no effect on bi; its options: boundary"),
        (("bd", 2), {"boundary": "symmetric"}, "boundary has no effect on bd"),
        (("bd", 1.5), {}, "scale must be a whole number"),
        (("bi", 0.5), {}, "scale"),
        (("bi", 100), {}, "scale"),
        (("bi", 30), {}, "nothing is left"),
        (("jpeg", 2), {}, "does not reduce"),
        (("jpeg",), {"quality": 0}, "quality: 0 is not allowed; give a whole number, from 1 to 100"),
        (("blur", 2), {}, "needs a kernel or sigma"),
        (("blur", 2), {"kernel": np.ones((3, 3)), "sigma": 1}, "not both"),
        (("blur", 2), {"kernel": np.full((3, 3), np.inf)}, "kernel must be finite"),
        (("blur", 2), {"kernel": np.zeros((0, 3))}, "kernel must be finite"),
        (("bd", 2), {"sigma": 0}, "sigma"),
        (("dn", 2), {"seed": -1}, "seed"),
        (("dn", 2), {"noise": -1}, "noise"),
        (("bi", 2), {"boundary": "mirror"}, "boundary"),
        (("bi", 2), {"crop": "all"}, "crop"),
        (("bi", 2.5), {"crop": "modcrop"}, "scale must be a whole number"),
        ((Degradation("dn"), 2), {"noise": 3}, "give the options to Degradation"),
    ],
)
def test_refused(arguments, options, words: str) -> None:
    with pytest.raises(ArgumentError, match=words):
        degrade(original(), *arguments, **options)


@pytest.mark.parametrize("kind", ["dn", "noise", "jpeg"])
def test_kinds_of_8_bits_refuse_others(kind: str) -> None:
    with pytest.raises(ArgumentError, match="8-bit images, got float64"):
        degrade(original(dtype=np.float64), kind, 2 if kind == "dn" else 1)
