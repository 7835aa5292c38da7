"""Real upscaling: strips equal the whole, the network sees luma alone, and alpha, depth and profile survive."""

from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
from click.testing import CliRunner, Result
from hypothesis import given, settings
from hypothesis import strategies as st
from PIL import Image

import vdsr_eval
from vdsr_data import im2double, imresize, rgb2ycbcr
from vdsr_data.errors import VdsrError, VdsrWarning
from vdsr_data.images.files import image_size, read_picture, write_image
from vdsr_eval.cli.main import main
from vdsr_eval.networks.upscale import plan, upscale_colors, upscale_file
from vdsr_eval.protocols.pair import prepare, result
from vdsr_eval.protocols.protocol import PROTOCOLS
from vdsr_eval.scoring.methods import bicubic

REACH = 5


def blurred(lr: np.ndarray, scale: int) -> np.ndarray:
    """A stand-in for a network of five layers: it reaches five pixels, with zeros beyond the edge."""
    for _ in range(REACH):
        padded = np.pad(lr, 1)
        lr = (lr + padded[:-2, 1:-1] + padded[2:, 1:-1] + padded[1:-1, :-2] + padded[1:-1, 2:]) / 4.5
    return lr


def colors(rows: int, columns: int, *channels: int, dtype: type = np.uint8) -> np.ndarray:
    return np.random.default_rng(rows).integers(0, np.iinfo(dtype).max + 1, (rows, columns, *channels), dtype)


@settings(max_examples=25)
@given(st.integers(1, 60), st.integers(1, 9), st.integers(2, 5), st.integers(1, 40), st.booleans())
def test_strips_equal_the_whole(rows: int, columns: int, scale: int, strip: int, grey: bool) -> None:
    image = colors(rows, columns, *([] if grey else [3]), dtype=np.uint16)
    options = {"scale": scale, "upscale": blurred, "reach": REACH}
    whole = upscale_colors(image, **options, strip=10**6)
    assert whole.shape == (rows * scale, columns * scale, *image.shape[2:])
    np.testing.assert_array_equal(upscale_colors(image, **options, strip=strip), whole)


def test_progress_adds_up_to_one() -> None:
    shares: list[float] = []
    upscale_colors(colors(101, 4), scale=2, upscale=blurred, reach=REACH, strip=40, advance=shares.append)
    assert len(shares) > 5
    assert sum(shares) == pytest.approx(1)


def test_a_shorter_reach_would_be_seen() -> None:
    """The test above can fail: strips that know too few rows differ."""
    image = colors(60, 9)
    whole, short = (upscale_colors(image, scale=2, upscale=blurred, reach=r, strip=30) for r in (REACH, 0))
    with pytest.raises(AssertionError):
        np.testing.assert_array_equal(short, whole)


@pytest.mark.parametrize("upscale", [bicubic, blurred])
@pytest.mark.parametrize("scale", [2, 3, 4])
def test_it_is_the_picture_that_rcan_scores(upscale, scale: int) -> None:
    """The protocol `rcan` with this image as the low resolution, up to its luma."""
    low = colors(21, 17, 3)
    protocol = replace(PROTOCOLS["rcan"], luma="float")  # which tells more than single precision
    pair = prepare(np.zeros((21 * scale, 17 * scale, 3), np.uint8), scale=scale, protocol=protocol, lr=low)
    expected = result(upscale(pair.ilr, scale), pair.chroma, protocol=protocol).floats()
    found = upscale_colors(low, scale=scale, upscale=upscale, reach=REACH)
    np.testing.assert_allclose(rgb2ycbcr(im2double(found))[:, :, 0] * 255, expected, atol=1e-9)


def test_sixteen_bits_hold_more_than_eight() -> None:
    shallow, deep = (upscale_colors(image, scale=2, upscale=bicubic, reach=0) for image in (
        colors(9, 8, 3), colors(9, 8, 3).astype(np.uint16) * 257))  # fmt: skip
    assert deep.dtype == np.uint16
    assert np.abs(deep / 257 - shallow.astype(float)).max() < 0.501
    assert (deep % 257 != 0).mean() > 0.9


def test_a_network_that_diverged_is_refused() -> None:
    with pytest.raises(VdsrError, match="NaN"):
        upscale_colors(colors(5, 5), scale=2, upscale=lambda lr, scale: lr * np.nan, reach=0)


def upscale(*args: object) -> Result:
    return CliRunner().invoke(main, ["upscale", *map(str, args)])


@pytest.fixture
def here(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A current folder with weights that leave luma as it is."""
    pytest.importorskip("keras", reason="needs TensorFlow")
    from vdsr_eval.networks.weights import write_weights

    monkeypatch.chdir(tmp_path)
    shapes = ((3, 3, 1, 2), (3, 3, 2, 1))
    write_weights(tmp_path / "w.h5", [(np.zeros(s, np.float32), np.zeros(s[3], np.float32)) for s in shapes])
    return tmp_path


@pytest.mark.parametrize("dtype", [np.uint8, np.uint16])
@pytest.mark.parametrize("channels", [1, 2, 3, 4])
def test_the_command_keeps_alpha_depth_and_profile(here: Path, dtype: type, channels: int) -> None:
    pixels = colors(12, 10, channels, dtype=dtype)
    pixels[:, :, -1] |= 1  # colours under what is wholly transparent are not kept
    write_image(here / "photo.png", pixels[:, :, 0] if channels == 1 else pixels, profile=b"profile")
    done = upscale("photo.png", "--scale", 3, "-o", "out.png", "--weights", "w.h5")
    assert (done.exit_code, done.stderr) == (0, "wrote out.png\n")
    source, found = read_picture(here / "photo.png"), read_picture(here / "out.png")
    expected = upscale_colors(source.colors, scale=3, upscale=bicubic, reach=0)
    assert found.colors.dtype == dtype
    # The network computes in float32.
    assert np.abs(found.colors.astype(int) - expected).max() <= 1
    assert found.profile == source.profile
    assert (found.alpha is None) == (channels in (1, 3))
    if found.alpha is not None:
        np.testing.assert_array_equal(found.alpha, imresize(source.alpha, 3))


@pytest.mark.parametrize("suffix", ["png", "tif"])
def test_large_results_are_not_in_memory_where_they_need_not(here: Path, suffix: str, monkeypatch) -> None:
    """A PNG file is written strip by strip; of another kind too large a result is refused, and said where it may be."""
    write_image(here / "a.bmp", colors(60, 50, 3))
    memory = iter([(10**9, 10**9), (1000, 10**9), (1000, 1000)])
    monkeypatch.setattr("vdsr_data.images.memory.available_memory", lambda: next(memory))
    words = ("a.bmp", "--scale", 2, "--weights", "w.h5", "--force", "-o", f"out.{suffix}")
    assert upscale(*words).stderr == f"wrote out.{suffix}\n"
    if suffix == "png":
        assert next(memory) == (10**9, 10**9)  # it did not ask
        return
    said = "out.tif: 0 megapixels: about 0.0 GB of memory; 0.0 GB are available; write a PNG file instead"
    assert upscale(*words).stderr == f"{said}\nwrote out.tif\n"
    refused = upscale(*words)
    assert (refused.exit_code, refused.stderr.count("\n")) == (1, 1)
    assert "a.bmp: out.tif: 0 megapixels: about 0.0 GB of memory; there are 0.0 GB" in refused.stderr


def test_paths_may_be_text(here: Path) -> None:
    write_image("a.png", colors(9, 7))
    upscale_file("a.png", "b.png", scale=2, upscale=bicubic, reach=0)
    np.testing.assert_array_equal(
        read_picture("b.png").colors, upscale_colors(colors(9, 7), scale=2, upscale=bicubic, reach=0)
    )
    assert plan("a.png", "c.png", scale=2, force=False) == [(Path("a.png"), Path("c.png"))]


def test_nothing_dark_surrounds_what_is_seen(here: Path) -> None:
    """A white square whose transparent surroundings are stored as black, as most programs do."""
    pixels = np.zeros((20, 20, 4), np.uint8)
    pixels[6:13, 5:15] = 255
    write_image(here / "logo.png", pixels)
    assert upscale("logo.png", "--scale", 3, "-o", "out.png", "--weights", "w.h5").exit_code == 0
    found = read_picture(here / "out.png")
    assert found.alpha is not None
    assert ((found.alpha > 0) & (found.alpha < 255)).any()
    assert found.colors[found.alpha > 0].min() >= 254


def test_a_folder_becomes_a_folder(here: Path) -> None:
    (here / "album").mkdir()
    for k, name in enumerate(("a.jpg", "b.png", "c.bmp")):
        Image.fromarray(colors(12 + k, 10, 3)).save(here / "album" / name)
    done = upscale("album", "--scale", 2, "--weights", "w.h5", "--self-ensemble", "--boundary", "replicate")
    assert (done.exit_code, done.stderr) == (0, "wrote album_x2\n")
    sizes = [image_size(here / "album_x2" / f"{name}.png") for name in "abc"]
    assert sizes == [(24, 20), (26, 20), (28, 20)]
    again = upscale("album", "--scale", 2, "--weights", "w.h5")
    assert again.exit_code == 1
    assert "c.png: exists already; use --force" in again.stderr


def test_one_bad_image_does_not_stop_a_folder(here: Path) -> None:
    (here / "album").mkdir()
    Image.fromarray(colors(9, 9, 3)).save(here / "album" / "good.png")
    (here / "album" / "bad.png").write_bytes(b"\x89PNG")
    done = upscale("album", "--scale", 2, "--weights", "w.h5", "-o", "out")
    assert done.exit_code == 1
    lines = done.stderr.splitlines()
    assert len(lines) == 2
    assert lines[0].startswith("left out: album/bad.png: cannot be read as an image")
    assert [path.name for path in (here / "out").iterdir()] == ["good.png"]


@pytest.mark.parametrize(
    ("args", "code", "words"),
    [
        (["none.png", "--scale", 2], 1, "none.png: no such image or folder"),
        (["text.png", "--scale", 2, "--weights", "w.h5"], 1, "text.png: cannot be read as an image"),
        (["a.png", "--scale", 2, "-o", "text.png"], 1, "text.png: exists already"),
        (
            ["a.png", "--scale", 2, "-o", "./a.png", "--force"],
            1,
            "a.png: is what is read; name another place",
        ),
        (["sampl", "--scale", 2], 1, "sampl: no such data set; did you mean sample"),
        (["a.png", "--scale", 2, "-o", "b.jpg"], 1, "b.jpg: the pixels must be stored as they are"),
        (["a.png", "--scale", 2, "-o", "no/b.png"], 1, "no: no such folder"),
        (["a.png", "--scale", 2, "-o", "b.bmp", "--weights", "w.h5"], 1, "b.bmp: a BMP file cannot hold transparency"),
        (["a.png", "--scale", 2, "--weights", "none.h5"], 1, "none.h5: no such file"),
        (["empty", "--scale", 2], 1, "empty: no image in it"),
        (["twins", "--scale", 2], 1, "twins/a.jpg and a.png: two images of one name"),
        (["album", "--scale", 2, "--weights", "none.h5"], 1, "none.h5: no such file"),
        (["album", "--scale", 2, "-o", "a.png"], 1, "results of a folder need a folder of their own"),
        (["a.png"], 2, "Missing option '--scale'"),
        (["a.png", "--scale", 1], 2, "'--scale'"),
    ],
)
def test_bad_input_is_one_line(here: Path, args: list, code: int, words: str) -> None:
    Image.fromarray(colors(9, 9, 4)).save(here / "a.png")
    (here / "text.png").write_text("not an image")
    for folder in ("empty", "twins", "album"):
        (here / folder).mkdir()
    Image.fromarray(colors(9, 9)).save(here / "album" / "a.png")
    for name in ("a.png", "a.jpg"):
        Image.fromarray(colors(9, 9, 3)).save(here / "twins" / name)
    before = sorted(here.rglob("*"))
    done = upscale(*args)
    assert done.exit_code == code, done.output
    assert words in done.stderr
    assert done.stderr.count("\n") == 1
    assert sorted(here.rglob("*")) == before


def test_a_set_goes_by_its_name(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("VDSR_DATA", str(tmp_path))
    (tmp_path / "Set5").mkdir()
    write_image(tmp_path / "Set5" / "baby.png", colors(5, 5))
    assert plan("Set5", None, scale=2, force=False) == [(tmp_path / "Set5/baby.png", Path("Set5_x2/baby.png"))]
    with pytest.raises(VdsrError, match="scale: 0 is not allowed"):
        plan("Set5", None, scale=0, force=False)


@pytest.mark.parametrize(
    ("wrong", "message"),
    [
        ({"colors": np.zeros((5, 5))}, "colors: uint8 or uint16 of shape .* got float64"),
        ({"scale": 1.5}, "scale: 1.5 is not allowed"),
        ({"reach": -1}, "reach: -1 is not allowed"),
        ({"strip": 0}, "strip: 0 is not allowed"),
    ],
)
def test_arguments_are_checked(wrong: dict[str, object], message: str) -> None:
    with pytest.raises(VdsrError, match=message):
        upscale_colors(**{"colors": colors(5, 5), "scale": 2, "upscale": bicubic, "reach": 0} | wrong)


def test_a_file_may_go_into_a_folder_that_exists(tmp_path: Path) -> None:
    write_image(tmp_path / "a.png", colors(5, 5))
    (tmp_path / "out").mkdir()
    assert plan(tmp_path / "a.png", tmp_path / "out", scale=4, force=False) == [
        (tmp_path / "a.png", tmp_path / "out" / "a_x4.png")
    ]


def test_the_front_door_writes_what_the_command_writes(here: Path) -> None:
    for name in ("a", "b"):
        write_image(here / f"{name}.png", colors(9, 7, 3))
    assert upscale("a.png", "--scale", 2, "--weights", "w.h5", "--self-ensemble").exit_code == 0
    shares: list[tuple[float, float]] = []
    how = {"scale": 2, "weights": "w.h5", "self_ensemble": True}
    written = vdsr_eval.upscale("a.png", here / "c.png", **how, advance=lambda *share: shares.append(share))
    assert written == [here / "c.png"]
    assert written[0].read_bytes() == (here / "a_x2.png").read_bytes()
    assert shares == [(1.0, 1)]
    network = vdsr_eval.load_network("w.h5")
    image = vdsr_eval.upscale_image(colors(9, 7, 3), 2, network, self_ensemble=True)
    np.testing.assert_array_equal(image, read_picture(written[0]).colors)
    with pytest.raises(VdsrError, match=r"c.png: exists already"):
        vdsr_eval.upscale("a.png", "c.png", **how)


def test_the_front_door_warns_of_what_it_leaves_out(here: Path) -> None:
    (here / "album").mkdir()
    write_image(here / "album" / "a.png", colors(9, 7, 3))
    (here / "album" / "b.png").write_text("not an image")
    with pytest.warns(VdsrWarning, match=r"left out: album/b.png: cannot be read as an image"):
        assert vdsr_eval.upscale("album", scale=2, weights="w.h5") == [Path("album_x2/a.png")]
