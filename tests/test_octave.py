"""What the page on GNU Octave says, tried in the Octave that is installed; skipped where there is none."""

import importlib.util
from pathlib import Path
from typing import Any

import h5py
import numpy as np
import pytest

from vdsr_data import build_test, build_train, fspecial, imresize, merge, rand, randn, randperm, read_image, write_image
from vdsr_data.images.files import TEST_ORDER, list_images
from vdsr_data.matlab.matfile import read_mat
from vdsr_eval import evaluate

ROOT = Path(__file__).resolve().parents[1]
pytestmark = pytest.mark.slow  # Octave takes a second to start

specification = importlib.util.spec_from_file_location("octave", ROOT / "benchmarks" / "octave.py")
assert specification is not None
assert specification.loader is not None
bench = importlib.util.module_from_spec(specification)
specification.loader.exec_module(bench)


@pytest.fixture(autouse=True, scope="module")
def installed() -> str:
    """The versions of Octave and its image package."""
    try:
        return bench.versions()
    except (OSError, RuntimeError) as error:
        pytest.skip(f"needs GNU Octave and its image package ({error}): apt-get install octave octave-image")


@pytest.fixture
def of_the_page(installed: str) -> None:
    """Skips what another version may do otherwise."""
    if installed not in bench.PAGE.read_text(encoding="utf-8"):
        pytest.skip(f"the page was not measured with {installed}")


def octave(program: str, **given: Any) -> dict[str, Any]:
    return bench.octave(program, **given)


def scores(images: Path, scale: int) -> np.ndarray:
    """Ours of bicubic under `paper`, PSNR and SSIM of each image in the order of names."""
    found = sorted(evaluate(images, scales=scale, protocols="paper"), key=lambda record: record.image)
    return np.array([(record.psnr, record.ssim) for record in found])


@pytest.fixture
def originals(photographs: Path, tmp_path: Path) -> Path:
    """`photographs` as PNG files, and two that Octave reads in another class than MATLAB."""
    folder = tmp_path / "originals"
    folder.mkdir()
    for path in list_images(photographs, TEST_ORDER):
        write_image(folder / f"{path.stem}.png", read_image(path))
    edges = np.kron(np.random.default_rng(1).integers(0, 2, (15, 16)), np.ones((3, 3))).astype(np.uint8) * 255
    write_image(folder / "e.png", edges)
    write_image(folder / "f.png", np.dstack([edges] * 3))
    return folder


@pytest.mark.parametrize("scale", [2, 3])
def test_scores_are_ours(scale: int, originals: Path, tmp_path: Path) -> None:
    """Of our .mat files, where not a digit is left to Octave's image package, and of the images themselves."""
    ours = scores(originals, scale)
    assert len(ours) == 6
    assert np.ptp(ours[:, 0]) > 1
    build_test(originals, tmp_path / "mat", scales=[scale], format="mat")
    evaluate(originals, scales=scale, protocols="paper", save_mat=tmp_path / "result")
    found = octave(
        f"a = score('{tmp_path}/mat', {scale}); b = bicubic('{originals}', {scale}); "
        f"c = score('{tmp_path}/mat', {scale}, '{tmp_path}/result/originals/x{scale}/*_bicubic.mat');"
    )
    np.testing.assert_allclose(found["a"], ours, rtol=1e-12)
    np.testing.assert_allclose(found["c"], ours, rtol=1e-12)
    np.testing.assert_allclose(found["b"], ours, atol=1e-4)


@pytest.mark.parametrize("scale", [2, 3, 4])
def test_scores_of_set5_are_ours(scale: int, reference_data: Path, tmp_path: Path) -> None:
    images = reference_data / "Set5"
    ours = scores(images, scale)
    build_test(images, tmp_path / "mat", scales=[scale], format="mat")
    found = octave(f"a = score('{tmp_path}/mat', {scale}); b = bicubic('{images}', {scale});")
    assert found["a"].shape == (5, 2)
    np.testing.assert_allclose(found["a"], ours, rtol=1e-12)
    np.testing.assert_allclose(found["b"], ours, atol=5e-5)


def test_training_files_load(photographs: Path, tmp_path: Path) -> None:
    """(row, column, 1, patch) of doubles; the same from compressed and virtual files; NHWC with columns first."""
    options: dict[str, Any] = {"scales": (2, 3), "patch_size": 21, "stride": 11}
    build_train(photographs, tmp_path / "plain.h5", **options)
    build_train(photographs, tmp_path / "nhwc.h5", axes="nhwc", **options)
    for k in (1, 2):
        build_train(photographs, tmp_path / f"part{k}.h5", shard=f"{k}/2", **options)
    parts = [tmp_path / "part1.h5", tmp_path / "part2.h5"]
    merge(parts, tmp_path / "small.h5", compression=4)
    merge(parts, tmp_path / "virtual.h5", virtual=True)
    found = octave(
        f"p = load('{tmp_path}/plain.h5'); n = load('{tmp_path}/nhwc.h5'); c = class(p.lr); "
        f"only = fieldnames(load('{tmp_path}/plain.h5', 'gt')); s = load('{tmp_path}/small.h5'); "
        f"v = load('{tmp_path}/virtual.h5'); same = [isequal(p, s), isequal(p, v)]; "
        f"part = size(load('{tmp_path}/part1.h5').lr); "
        "a = p.lr; b = permute(n.lr, [3 2 1 4]); k = p.lr(2, 5, 1, 7); clear p n s v;"
    )
    with h5py.File(tmp_path / "plain.h5") as file, h5py.File(tmp_path / "nhwc.h5") as other:
        lr, upright = file["lr"][...], other["lr"][...]
    np.testing.assert_array_equal(found["a"], lr.T)
    np.testing.assert_array_equal(found["b"], upright[..., 0].transpose(1, 2, 0)[:, :, None])
    assert found["k"] == lr[6, 0, 4, 1] == upright[6, 1, 4, 0]
    assert found["same"].all()
    assert found["part"][0, :3].tolist() == [21, 21, 1]
    assert found["c"] == "double"
    assert [str(name[0]) for name in found["only"].ravel()] == ["gt"]


def test_benchmark_files_load(photographs: Path, tmp_path: Path) -> None:
    """The HDF5 file with its axes swapped, the .mat files upright; names become Octave's."""
    (photographs / "d.bmp").rename(photographs / "3096.bmp")
    build_test(photographs, tmp_path / "t.h5", scales=(2, 2.5))
    build_test(photographs, tmp_path / "mat", scales=(2, 2.5), format="mat")
    found = octave(
        f"t = load('{tmp_path}/t.h5'); m = load('{tmp_path}/mat/b_2.5_lr.mat'); a = t.x2_5.b.lr'; b = m.lr; "
        f"cb = load('{tmp_path}/mat/b_2.5_cb.mat').cb; c = t.x2.b.cb'; o = permute(t.original.b, [3 2 1]); "
        "d = t.original._3096'; names = fieldnames(t); clear t m;"
    )
    with h5py.File(tmp_path / "t.h5") as file:
        for name, place in (("a", "x2.5/b/lr"), ("b", "x2.5/b/lr"), ("cb", "x2.5/b/cb"), ("c", "x2/b/cb")):
            np.testing.assert_array_equal(found[name], file[place], strict=True)
        np.testing.assert_array_equal(found["o"], file["original/b"], strict=True)
        np.testing.assert_array_equal(found["d"], file["original/3096"], strict=True)
    assert [str(name[0]) for name in found["names"].ravel()] == ["original", "x2", "x2_5"]


@pytest.mark.parametrize("form", ["-v7", "-hdf5", "-v6"])
def test_what_octave_saves_is_read(form: str, tmp_path: Path) -> None:
    sr, colours = rand((5, 7), 1), np.arange(24, dtype=np.uint8).reshape(2, 4, 3)
    octave(f"save('{form}', '{tmp_path}/r.mat', 'sr', 'colours');", sr=sr, colours=colours)
    found = read_mat(tmp_path / "r.mat")
    np.testing.assert_array_equal(found["sr"], sr, strict=True)
    np.testing.assert_array_equal(found["colours"], colours, strict=True)


@pytest.mark.usefixtures("of_the_page")
def test_resizing_is_as_the_page_says() -> None:
    """Whole factors, floats: to 1e-13. Others, and 8 bits: not, unless by our script."""
    picture = (imresize(rand((20, 25), 3), 12).clip(0, 1) * 255).round().astype(np.uint8)
    found = bench.resizing([picture])
    for call, (floats, bits, our_floats, our_bits) in found.items():
        whole = call.removeprefix("1/").isdecimal()
        if whole:
            assert floats.largest < 1e-13, call
            assert 0.05 < bits.unequal / bits.count < 0.25, call
            assert bits.largest == 1, call
            assert our_bits.unequal == 0, call
        if call in bench.FACTORS:
            assert our_floats.largest < 1e-13, call
            assert our_bits.unequal < 0.03 * our_bits.count, call  # ties
        if call in ("0.6", "0.7", "0.9", "[100 133]"):
            assert floats.largest > 1e-3, call
            assert bits.largest > 1, call
    box, bare = (found[f"1/3, {option}"] for option in ("'box'", "'Antialiasing', false"))
    assert box[0].largest > 0.01
    assert bare[0].largest == bare[1].largest == 0
    three = octave("a = imresize_as_matlab(a, 1/3);", a=np.dstack([picture, 255 - picture, picture // 2]))["a"]
    np.testing.assert_array_equal(three, imresize(np.dstack([picture, 255 - picture, picture // 2]), 1 / 3))


@pytest.mark.usefixtures("of_the_page")
def test_a_flat_image_is_striped() -> None:
    stripes = octave("a = imresize(uint8(200 * ones(840, 840)), 0.6); b = imresize_as_matlab(200 * ones(840), 0.6);")
    assert stripes["a"].min() < 198
    assert stripes["a"].max() > 203
    np.testing.assert_allclose(stripes["b"], 200, atol=1e-10)


@pytest.mark.usefixtures("of_the_page")
def test_other_functions_are_as_the_page_says() -> None:
    colours = np.random.default_rng(2).integers(0, 256, (90, 110, 3), dtype=np.uint8)
    found = bench.functions([colours])
    for name, gap in found.items():
        if "8 bits" in name:
            assert gap.unequal < 1e-3 * gap.count, name
            assert gap.largest <= 1, name
        else:
            assert gap.largest < (2e-6 if "chroma" in name or name == "ycbcr2rgb, floats" else 1e-14), name


@pytest.mark.usefixtures("of_the_page")
def test_random_numbers_and_motion_are_others() -> None:
    found = octave(
        "rand('twister', 5489); u = rand(1, 9); randn('seed', 0); n = randn(1, 9); rand('twister', 5489); "
        "p = randperm(9); m = fspecial('motion', 9, 30);"
    )
    assert np.abs(found["u"] - rand((1, 9), 5489)).max() > 0.1
    assert np.abs(found["n"] - randn((1, 9), 0, generator="v4")).max() > 0.1
    assert (found["p"] != randperm(9, seed=5489) + 1).any()
    assert found["m"].shape != fspecial("motion", 9, 30).shape


@pytest.mark.usefixtures("of_the_page")
def test_what_is_missing() -> None:
    names = "'ssim', 'niqe', 'brisque', 'h5read', 'h5create'"
    found = octave(
        f"found = cellfun(@exist, {{{names}}}); s = exist('psnr'); x = 1; tries = 0; "
        "try save('-v7.3', tempname(), 'x'); catch tries += 1; end; "
        "for n = 2:3 try imresize(ones(9), 1/3, sprintf('lanczos%d', n)); catch tries += 1; end; end;"
    )
    assert not found["found"].any()
    assert found["s"] == 2
    assert found["tries"] == 3


@pytest.mark.usefixtures("of_the_page")
def test_images_are_read_by_what_they_show(originals: Path, photographs: Path) -> None:
    """JPEG files to the same values; a BMP of equal channels as one plane; black and white as logical."""
    grey = np.arange(96, dtype=np.uint8).reshape(8, 12)
    write_image(originals / "grey.bmp", np.dstack([grey] * 3))
    write_image(originals / "grey.png", np.dstack([grey] * 3))
    names = {"b": originals / "grey.bmp", "p": originals / "grey.png", "e": originals / "e.png"}
    names["j"] = photographs / "a.jpg"
    read = " ".join(f"{key} = imread('{path}');" for key, path in names.items())
    found = octave(f"{read} c = class(e); e = uint8(e);")
    np.testing.assert_array_equal(found["b"], grey)
    assert read_image(names["b"]).shape == (8, 12, 3)
    np.testing.assert_array_equal(found["p"], read_image(names["p"]))
    np.testing.assert_array_equal(found["j"], read_image(names["j"]))
    assert found["c"] == "logical"
    np.testing.assert_array_equal(255 * found["e"], read_image(names["e"]))
