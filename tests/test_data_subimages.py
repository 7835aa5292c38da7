"""Sub-images for BasicSR, read back as its loaders read them, and told slowly: whole photographs, resized, cut."""

import io
import os
import shutil
import subprocess
import sys
from pathlib import Path

import command_line
import numpy as np
import pytest
from command_line import fails
from PIL import Image
from reference import slow_imresize

from vdsr_data.errors import VdsrError
from vdsr_data.images.files import list_images, read_image
from vdsr_data.training.subimages import SubimageRecipe, count_subimages, generate_subimages

SMALL = SubimageRecipe(scales=(2, 3), patch_size=36, stride=24)
OPTIONS = ("--scales", "2,3", "--patch-size", 36, "--stride", 24)


@pytest.fixture
def run(tmp_path: Path, monkeypatch: pytest.MonkeyPatch):
    monkeypatch.chdir(tmp_path)
    return command_line.run


@pytest.fixture
def lmdb():
    return pytest.importorskip("lmdb")


def contents(folder: Path) -> dict[str, bytes]:
    return {
        path.relative_to(folder).as_posix(): path.read_bytes() for path in sorted(folder.rglob("*")) if path.is_file()
    }


def starts(length: int, size: int, stride: int) -> list[int]:
    """As BasicSR's extract_subimages: every stride, and once more at the end where something remains."""
    found = list(range(0, length - size + 1, stride))
    return found if found[-1] == length - size else [*found, length - size]


def slow_subimages(path: Path, scale: int, size: int = 36, stride: int = 24) -> list[np.ndarray]:
    """The whole image resized, then cut: sizes and places of HR divided by the scale."""
    image = read_image(path)
    image = image[: len(image) // 6 * 6, : image.shape[1] // 6 * 6]
    shape = tuple(n // scale for n in image.shape[:2])
    small = image if scale == 1 else slow_imresize(image, (1 / scale, 1 / scale), shape)
    rows, columns = (starts(n, min(size, n), stride) for n in image.shape[:2])
    high, wide = (min(size, n) // scale for n in image.shape[:2])
    return [small[y // scale : y // scale + high, x // scale : x // scale + wide] for y in rows for x in columns]


def decoded(data: bytes) -> np.ndarray:
    image = Image.open(io.BytesIO(data))
    assert image.format == "PNG"
    return np.asarray(image)


@pytest.mark.slow
def test_png_files_are_the_resized_photographs_cut(photographs: Path, run):
    """Read as BasicSR's `disk` backend with a meta_info_file: names of GT and, in another folder, of LQ."""
    result = run("build-train", photographs, "--format", "png", *OPTIONS)
    assert result.exit_code == 0, result.output
    lines = Path("vdsr_train_png/meta_info.txt").read_text().splitlines()
    expected = {}
    for path in list_images(photographs):
        for scale in (1, 2, 3):
            for k, piece in enumerate(slow_subimages(path, scale), start=1):
                expected[scale, f"{path.stem}_s{k:03d}.png"] = piece
    names = [line.split(" ")[0] for line in lines]
    assert f"vdsr_train_png: {len(names)} sub-images from 4 images, in HR and in LR x2, x3" in result.stdout
    assert len(names) == len(set(names)) == len(expected) // 3
    for line, name in zip(lines, names, strict=True):
        for scale, folder in ((1, "HR_sub"), (2, "LR_bicubic/X2_sub"), (3, "LR_bicubic/X3_sub")):
            pixels = decoded(Path("vdsr_train_png", folder, name).read_bytes())
            assert pixels.dtype == np.uint8
            assert (pixels == expected[scale, name]).all()
            if scale == 1:
                channels = 1 if pixels.ndim == 2 else 3
                assert line == f"{name} ({pixels.shape[0]},{pixels.shape[1]},{channels})"
    assert len(contents(Path("vdsr_train_png"))) == 3 * len(names) + 1


class Backend:
    """What BasicSR's LMDB backend does: open for reading without a lock, look a key up, decode the PNG file."""

    def __init__(self, lmdb, folder: Path, *, lock: bool = False) -> None:
        self.keys = [line.split(".")[0] for line in (folder / "meta_info.txt").read_text().splitlines()]
        self.lines = (folder / "meta_info.txt").read_text().splitlines()
        self.database = lmdb.open(str(folder), readonly=True, lock=lock, readahead=False)

    def get(self, key: str) -> bytes:
        with self.database.begin(write=False) as transaction:
            return transaction.get(key.encode("ascii"))


@pytest.mark.parametrize("compression", [1, 6])
def test_lmdb_is_what_basicsr_reads(lmdb, photographs: Path, run, compression: int):
    level = () if compression == 1 else ("--compression", compression)
    assert run("build-train", photographs, "--format", "lmdb", *OPTIONS, *level, "-o", "data").exit_code == 0
    assert run("build-train", photographs, "--format", "png", *OPTIONS, *level, "-o", "files").exit_code == 0
    assert sorted(path.name for path in Path("data").iterdir()) == [
        "HR_sub.lmdb", "LR_bicubic_X2_sub.lmdb", "LR_bicubic_X3_sub.lmdb"
    ]  # fmt: skip
    gt = Backend(lmdb, Path("data/HR_sub.lmdb"))
    for scale in (2, 3):
        folder = Path(f"data/LR_bicubic_X{scale}_sub.lmdb")
        assert sorted(path.name for path in folder.iterdir()) == ["data.mdb", "lock.mdb", "meta_info.txt"]
        lq = Backend(lmdb, folder)
        assert set(lq.keys) == set(gt.keys)
        assert lq.database.stat()["entries"] == len(lq.keys)
        for key, line in zip(lq.keys, lq.lines, strict=True):
            low, high = decoded(lq.get(key)), decoded(gt.get(key))
            assert (low.shape[0] * scale, low.shape[1] * scale) == high.shape[:2]
            assert line == f"{key}.png ({low.shape[0]},{low.shape[1]},{1 if low.ndim == 2 else 3}) {compression}"
            assert lq.get(key) == Path(f"files/LR_bicubic/X{scale}_sub/{key}.png").read_bytes()
            assert gt.get(key) == Path(f"files/HR_sub/{key}.png").read_bytes()
        lq.database.close()
        locked = Backend(lmdb, folder, lock=True)  # the empty lock.mdb serves those who want a lock
        assert locked.get(locked.keys[0])
        locked.database.close()
    gt.database.close()


def test_opencv_reads_the_values(lmdb, photographs: Path, tmp_path: Path):
    cv2 = pytest.importorskip("cv2", reason="OpenCV is not installed: pip install opencv-python-headless")
    generate_subimages(list_images(photographs), tmp_path / "out", SMALL, "lmdb")
    backend = Backend(lmdb, tmp_path / "out" / "HR_sub.lmdb")
    for key in backend.keys:
        image = cv2.imdecode(np.frombuffer(backend.get(key), np.uint8), cv2.IMREAD_COLOR)
        pixels = decoded(backend.get(key))
        assert (image[:, :, ::-1] == (pixels if pixels.ndim == 3 else pixels[:, :, None])).all()
    backend.database.close()


@pytest.mark.slow
@pytest.mark.parametrize("kind", ["png", "lmdb"])
def test_bytes_depend_on_neither_workers_nor_process(lmdb, photographs: Path, tmp_path: Path, kind: str):
    images = list_images(photographs)
    generate_subimages(images, tmp_path / "one", SMALL, kind, workers=1)
    words = ["--scales", "2,3", "--patch-size", "36", "--stride", "24", "--workers", "3", "-o", "other", "-q"]
    command = [sys.executable, "-m", "vdsr_data", "build-train", str(photographs), "--format", kind, *words]
    subprocess.run(command, cwd=tmp_path, check=True)
    assert contents(tmp_path / "one") == contents(tmp_path / "other")


def test_defaults_are_those_of_basicsr_for_div2k():
    recipe = SubimageRecipe()
    places = recipe.places((1404, 2040))
    expected = [(y, x) for y in starts(1404, 480, 240) for x in starts(2040, 480, 240)]
    assert [(rows.start, columns.start) for rows, columns in places] == expected
    assert {(rows.stop - rows.start, columns.stop - columns.start) for rows, columns in places} == {(480, 480)}
    assert len(expected) == 40
    assert recipe.places((321, 481)) == [(slice(0, 312), slice(0, 480))]  # a photograph of the 291 is taken whole


def test_names_that_basicsr_would_cut_short(lmdb, run):
    Path("images").mkdir()
    for k, name in enumerate(["a.b c.png", "pão.png"]):
        Image.fromarray(np.full((40, 40), k, dtype=np.uint8)).save(Path("images", name))
    assert run("build-train", "images", "--format", "lmdb", *OPTIONS).exit_code == 0
    backend = Backend(lmdb, Path("vdsr_train_lmdb/HR_sub.lmdb"))
    assert backend.keys == ["a_b_c_s001", "p_o_s001"]
    assert decoded(backend.get("a_b_c_s001")).max() == 0
    assert decoded(backend.get("p_o_s001")).min() == 1
    backend.database.close()
    Image.fromarray(np.zeros((40, 40), dtype=np.uint8)).save("images/a_b c.png")
    fails(run("build-train", "images", "--format", "png", *OPTIONS), 1, "a_b_c", "two images of one name")


@pytest.mark.parametrize("kind", ["png", "lmdb"])
def test_failure_leaves_nothing_new(lmdb, photographs: Path, run, kind: str):
    arguments = ("build-train", photographs, "--format", kind, *OPTIONS, "-o", "out")
    assert run(*arguments).exit_code == 0
    before = contents(Path("out"))
    fails(run(*arguments), 1, "out: is not empty", "--force")
    whole = (photographs / "d.bmp").read_bytes()
    (photographs / "d.bmp").write_bytes(whole[:2000])  # the last one, when the others are made
    fails(run(*arguments, "--force"), 1, "d.bmp", "cannot be read")
    assert contents(Path("out")) == before
    (photographs / "d.bmp").unlink()
    assert run(*arguments, "--force").exit_code == 0
    after = contents(Path("out"))
    assert not any("d_s001" in name for name in after)
    meta = "meta_info.txt" if kind == "png" else "HR_sub.lmdb/meta_info.txt"
    assert before[meta].startswith(after[meta])
    assert [path for path in Path("out").iterdir() if path.name.startswith(".")] == []


def test_what_is_refused(photographs: Path, run, monkeypatch: pytest.MonkeyPatch):
    make = ("build-train", photographs, "--format", "png")
    fails(run(*make, "--patch-size", 100), 1, "patch size, 100, must be a multiple of 12", "use 108")
    fails(run(*make, "--stride", 41), 1, "stride, 41, must be a multiple of 12", "use 48")
    elsewhere = {"--rotations": "90", "--flips": "none", "--downsizes": "0.5", "--seed": "1", "--axes": "nhwc",
                 "--keys": "data,label", "--shard": "1/2", "--dask": "tcp://127.0.0.1:1"}  # fmt: skip
    for option, value in elsewhere.items():
        fails(run(*make, option, value), 2, option, "BasicSR turns, flips and shuffles while it loads")
    fails(run(*make, "-o", "none/out"), 1, "none: no such folder")
    fails(run(*make, "--scales", "1,2"), 1, "LR of scale 1 would be HR itself")
    fails(run(*make, "--scales", "64"), 1, "must be a multiple of 64")
    fails(run(*make, "--scales", "60"), 1, "too few for scales 60")
    Image.fromarray(np.zeros((40, 40), dtype=np.uint16)).save(photographs / "deep.png")
    fails(run(*make), 1, "deep.png: has 16 bits", "8-bit")
    (photographs / "deep.png").unlink()
    monkeypatch.setitem(sys.modules, "lmdb", None)
    fails(run("build-train", photographs, "--format", "lmdb"), 1, "pip install 'vdsr-toolkit[lmdb]'")
    for folder in Path().glob("vdsr_train_*"):
        assert not list(folder.iterdir())


def test_dry_run_writes_nothing_and_counts_right(photographs: Path, run):
    result = run("build-train", photographs, "--format", "png", *OPTIONS, "--dry-run")
    count = count_subimages(list_images(photographs), SMALL)
    assert result.exit_code == 0, result.output
    assert f"vdsr_train_png: would hold {count} sub-images from 4 images, each in 3 sizes" in result.stdout
    assert not list(Path().glob("vdsr_train_*"))


@pytest.mark.slow
@pytest.mark.parametrize("scale", [2, 3, 4])
def test_lr_images_at_the_older_boundary_are_the_slow_twins(photographs: Path, tmp_path: Path, scale: int):
    """In pieces so large that each image is one."""
    recipe = SubimageRecipe((scale,), patch_size=1020, stride=1020, boundary="replicate")
    images = list_images(photographs)
    assert generate_subimages(images, tmp_path / "out", recipe, "png") == len(images) == 4
    for source in images:
        image = read_image(source)
        rows, columns = (length // scale for length in image.shape[:2])
        cropped = image[: rows * scale, : columns * scale]
        expected = slow_imresize(cropped, (1 / scale, 1 / scale), (rows, columns), boundary="replicate")
        found = read_image(tmp_path / "out" / "LR_bicubic" / f"X{scale}_sub" / f"{source.stem}_s001.png")
        assert (found == expected).all()


@pytest.mark.parametrize("scale", [2, 3, 4])
def test_lr_images_are_those_that_matlab_wrote(reference_data: Path, tmp_path: Path, scale: int):
    """Set5 in pieces so large that each image is one: the files of a low-resolution set that MATLAB made."""
    images = list_images(reference_data / "Set5")
    recipe = SubimageRecipe((scale,), patch_size=1020, stride=1020, boundary="replicate")
    assert generate_subimages(images, tmp_path / "out", recipe, "png") == len(images) == 5
    matlab = list_images(reference_data / "oracles" / "uint8_replicate" / f"x{scale}")
    ours = list_images(tmp_path / "out" / "LR_bicubic" / f"X{scale}_sub")
    assert [path.name for path in ours] == [f"{path.stem}_s001.png" for path in images]
    for path, expected in zip(ours, matlab, strict=True):
        assert (read_image(path) == read_image(expected)).all()


def test_image_of_another_size_than_its_head_says(photographs: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch):
    monkeypatch.setattr("vdsr_data.training.subimages.image_size", lambda path: (48, 48))
    with pytest.raises(VdsrError, match="its size is not the one that the head of the file declares"):
        generate_subimages(list_images(photographs), tmp_path / "out", SMALL, "png")


def kept(path: Path) -> tuple[int, ...]:
    """What tells that a file is still the same; that it was looked at does not count."""
    found = path.lstat()
    return found.st_mode, found.st_ino, found.st_size, found.st_mtime_ns


def test_what_is_no_plain_folder_is_not_replaced(photographs: Path, tmp_path: Path):
    recipe, far, output = SubimageRecipe((2,), patch_size=24, stride=24), tmp_path / "far", tmp_path / "out"
    far.mkdir()
    output.mkdir()
    for name, make in (
        ("HR_sub", lambda path: path.symlink_to(far)),
        ("LR_bicubic", lambda path: path.symlink_to(far)),
        ("HR_sub", Path.touch),
        ("LR_bicubic", Path.touch),
        ("meta_info.txt", os.mkfifo),
        ("meta_info.txt", Path.mkdir),
    ):
        make(output / name)
        before = kept(output / name)
        with pytest.raises(VdsrError, match=f"{name}: is no plain (file|folder); remove it, or name another"):
            generate_subimages(list_images(photographs), output, recipe, "png")
        assert kept(output / name) == before
        assert [path.name for path in output.iterdir()] == [name]
        (output / name).rmdir() if name == "meta_info.txt" and make is Path.mkdir else (output / name).unlink()
    assert not list(far.iterdir())


def test_what_is_not_its_own_stays(photographs: Path, run):
    """Neither the images that are read, nor others beside the sub-images."""
    for name in ("Y/HR_sub", "X/LR_bicubic/X2"):
        shutil.copytree(photographs, name)
    before = contents(Path("Y")), contents(Path("X/LR_bicubic/X2"))
    make = ("build-train", "Y/HR_sub", "--format", "png", *OPTIONS, "--force")
    fails(run(*make, "-o", "Y"), 1, "Y/HR_sub/", "would be removed; name another output folder")
    assert contents(Path("Y")) == before[0]
    for _ in range(2):
        assert run(*make, "-o", "X").exit_code == 0
    assert contents(Path("X/LR_bicubic/X2")) == before[1]
    assert sorted(path.name for path in Path("X/LR_bicubic").iterdir()) == ["X2", "X2_sub", "X3_sub"]
    assert sorted(path.name for path in Path("X").iterdir()) == ["HR_sub", "LR_bicubic", "meta_info.txt"]
