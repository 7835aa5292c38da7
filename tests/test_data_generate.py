"""A folder becomes data files: against the MATLAB scripts retold slowly, value for value."""

from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import h5py
import numpy as np
import pytest
from patience import next_second
from PIL import Image
from reference import slow_imresize, slow_luma, slow_train_data, slow_ycbcr
from scipy.io import loadmat

from vdsr_data import imresize
from vdsr_data.benchmark.build import generate_test, generate_test_mat
from vdsr_data.benchmark.file import open_benchmark_file
from vdsr_data.benchmark.resizing import resize_images
from vdsr_data.errors import ArgumentError, VdsrError
from vdsr_data.images.files import list_images, read_image
from vdsr_data.training import generate, planes, writer
from vdsr_data.training.file import open_training
from vdsr_data.training.generate import generate_train
from vdsr_data.training.recipe import TrainingRecipe
from vdsr_data.training.shards import generate_spread, merge
from vdsr_data.training.subimages import SubimageRecipe, generate_subimages


def as_h5py_shows(path: Path, keys: tuple[str, str] = ("lr", "gt")) -> tuple[np.ndarray, np.ndarray]:
    with h5py.File(path) as file:
        return file[keys[0]][...], file[keys[1]][...]


@pytest.mark.slow
@pytest.mark.parametrize(
    ("sizes", "patch", "stride", "workers"),
    [({"patch_size": 17, "stride": 13}, 17, 13, 1), ({"patch_size": 17, "stride": 13}, 17, 13, 3), ({}, 41, 41, 2)],
)
def test_training_file_is_train_data_m(
    photographs: Path, tmp_path: Path, sizes: dict[str, int], patch: int, stride: int, workers: int
):
    images = list_images(photographs)
    assert [path.name for path in images] == ["a.jpg", "b.jpg", "c.bmp", "d.bmp"]
    summary = generate_train(images, tmp_path / "train.h5", TrainingRecipe(**sizes), workers=workers)
    lr, gt = slow_train_data([np.asarray(Image.open(path)) for path in images], patch=patch, stride=stride)
    got_lr, got_gt = as_h5py_shows(tmp_path / "train.h5")
    assert got_lr.shape == lr.shape == (summary.pairs, 1, patch, patch)
    assert 0 < summary.dropped < 64
    assert got_gt.tobytes() == gt.tobytes()
    assert got_lr.tobytes() == lr.tobytes()


def test_subset_of_the_291_is_train_data_m(reference_data: Path, tmp_path: Path):
    images = list_images(reference_data / "291")
    chosen = [*images[:2], *images[-2:]]
    generate_train(chosen, tmp_path / "train.h5", TrainingRecipe(), workers=2)
    lr, gt = slow_train_data([np.asarray(Image.open(path)) for path in chosen])
    got_lr, got_gt = as_h5py_shows(tmp_path / "train.h5")
    assert got_gt.tobytes() == gt.tobytes()
    assert got_lr.tobytes() == lr.tobytes()


def test_291_images_give_the_published_number_of_pairs(reference_data: Path):
    from vdsr_data.images.files import image_size

    recipe = TrainingRecipe()
    assert sum(recipe.count(*image_size(path)) for path in list_images(reference_data / "291")) == 216_768


def test_file_does_not_depend_on_workers_or_compression(photographs: Path, tmp_path: Path):
    images, recipe = list_images(photographs), TrainingRecipe(patch_size=16, stride=16)
    generate_train(images, tmp_path / "one.h5", recipe, workers=1)
    generate_train(images, tmp_path / "three.h5", recipe, workers=3)
    generate_train(images, tmp_path / "small.h5", recipe, compression=9)
    assert (tmp_path / "one.h5").read_bytes() == (tmp_path / "three.h5").read_bytes()
    for a, b in zip(as_h5py_shows(tmp_path / "one.h5"), as_h5py_shows(tmp_path / "small.h5"), strict=True):
        assert (a == b).all()
    assert (tmp_path / "small.h5").stat().st_size < (tmp_path / "one.h5").stat().st_size


@pytest.mark.parametrize(
    "how",
    [
        {},
        {"rotations": (0, 90, 180, 270), "flips": ("none", "left-right", "up-down"), "axes": "nhwc", "stride": 7},
        {"downsizes": (0.7, 1.0), "scales": (3, 2), "degradation": "dn:noise=10"},
    ],
)
def test_file_does_not_depend_on_memory(photographs: Path, tmp_path: Path, how: dict, monkeypatch: pytest.MonkeyPatch):
    images, recipe = list_images(photographs), TrainingRecipe(**{"patch_size": 16, "stride": 16, **how})
    generate_train(images, tmp_path / "usual.h5", recipe)
    usual = (tmp_path / "usual.h5").read_bytes()
    parts = [tmp_path / f"{k}.h5" for k in (1, 2)]
    for k, part in enumerate(parts, 1):
        generate_train(images, part, recipe, shard=(k, 2))
    part = parts[0].read_bytes()
    monkeypatch.setattr(planes, "MOST", 0)
    generate_train(images, tmp_path / "large.h5", recipe, workers=2)
    assert (tmp_path / "large.h5").read_bytes() == usual
    generate_train(images, parts[0], recipe, shard=(1, 2))
    assert parts[0].read_bytes() == part
    merge(parts, tmp_path / "merged.h5")
    assert (tmp_path / "merged.h5").read_bytes() == usual
    for name, value in (("BATCH", 9_000), ("WINDOW", 30_000), ("TOGETHER", 0.1)):
        monkeypatch.setattr(writer, name, value)
    generate_train(images, tmp_path / "little.h5", recipe, workers=3)
    assert (tmp_path / "little.h5").read_bytes() == usual
    monkeypatch.setattr(writer, "TOGETHER", 10**9)
    generate_train(images, tmp_path / "direct.h5", recipe, workers=3)
    assert (tmp_path / "direct.h5").read_bytes() == usual


@pytest.mark.parametrize("most", [0, planes.MOST])
@pytest.mark.parametrize("factor", [0.5, 2])
def test_image_of_another_size_than_its_head(
    photographs: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, most: int, factor: float
):
    last = list_images(photographs)[-1]
    monkeypatch.setattr(planes, "MOST", most)
    other = lambda path: imresize(read_image(path), factor if path == last else 1)  # noqa: E731
    monkeypatch.setattr(generate, "read_image", other)
    with pytest.raises(VdsrError, match=f"{last.name}: its size is not the one that the head of the file declares"):
        generate_train(list_images(photographs), tmp_path / "a.h5", TrainingRecipe(patch_size=16, stride=16))
    assert not list(tmp_path.glob("*.h5"))


@pytest.mark.slow
def test_options(photographs: Path, tmp_path: Path):
    recipe = TrainingRecipe(
        scales=(3,), patch_size=12, stride=6, rotations=(270,), flips=("up-down",), downsizes=(1.0, 0.5), seed=7,
        boundary="replicate", axes="nhwc", keys=("data", "label"),
    )  # fmt: skip
    images = list_images(photographs)
    generate_train(images, tmp_path / "train.h5", recipe)
    patches = []
    for path in images:
        image = read_image(path)
        for downsize in (1.0, 0.5):
            size = tuple(int(np.ceil(n * downsize)) for n in image.shape[:2])
            small = slow_imresize(image, (downsize, downsize), size, boundary="replicate")
            gt = np.rot90(slow_luma(small) / 255, 3)[::-1]
            gt = gt[: gt.shape[0] // 3 * 3, : gt.shape[1] // 3 * 3]
            patches += [
                gt[i : i + 12, j : j + 12] for i in range(0, gt.shape[0] - 11, 6) for j in range(0, gt.shape[1] - 11, 6)
            ]
    order = np.argsort(np.random.RandomState(7).random_sample(len(patches)), kind="stable")
    want = np.array([patches[k] for k in order[: len(order) // 64 * 64]], dtype=np.float32)[..., np.newaxis]
    assert (as_h5py_shows(tmp_path / "train.h5", ("data", "label"))[1] == want).all()


def test_provenance(photographs: Path, tmp_path: Path):
    generate_train(list_images(photographs), tmp_path / "train.h5", TrainingRecipe(patch_size=16, stride=16))
    with open_training(tmp_path / "train.h5") as file:
        assert file.attributes["images"] == ["a.jpg", "b.jpg", "c.bmp", "d.bmp"]
        assert all(len(digest) == 64 for digest in file.attributes["sha256"])
        assert file.attributes["recipe"]["patch_size"] == 16


def test_names_are_as_good_as_paths(photographs: Path, tmp_path: Path):
    """Every public function takes both."""
    images, recipe = list_images(photographs), TrainingRecipe(patch_size=16, stride=16)
    names = [str(path) for path in images]
    for output, chosen in ((tmp_path / "a", images), (str(tmp_path / "b"), names)):
        Path(output).mkdir()
        generate_train(chosen, f"{output}/t.h5" if chosen is names else output / "t.h5", recipe)
        generate_test("set", chosen, f"{output}/b.h5" if chosen is names else output / "b.h5", scales=[2])
        generate_test_mat(chosen, f"{output}/mat" if chosen is names else output / "mat", scales=[2])
        targets = [Path(output, f"{k}.png") for k in range(len(chosen))]
        resize_images(chosen, list(map(str, targets)) if chosen is names else targets, scale=0.5)
    found = [{path.relative_to(folder): path.read_bytes() for path in folder.rglob("*.*") if path.suffix != ".mat"}
             for folder in (tmp_path / "a", tmp_path / "b")]  # fmt: skip
    assert found[0] == found[1]
    assert len(list((tmp_path / "b" / "mat").iterdir())) == 14


def test_arguments_that_are_not_allowed(photographs: Path, tmp_path: Path):
    images, recipe = list_images(photographs), TrainingRecipe(patch_size=16, stride=16)
    output, target = tmp_path / "out.h5", [tmp_path / "x.png"]
    calls = [
        (lambda **k: generate_train(images, output, recipe, **k), {"shard": (0, 2)}, {"shard": (3, 2)},
         {"shard": (1.0, 2)}, {"shard": (1, 2, 3)}, {"compression": 10}, {"compression": -1}, {"workers": 0}),
        (lambda **k: generate_test("set", images, output, **k), {"scales": (2, 2)}, {"scales": (0,)}, {"scales": 2},
         {"scales": (65.5,)}, {"boundary": "wrap"}, {"workers": 0}),
        (lambda **k: generate_test_mat(images, output, **k), {"scales": ()}, {"boundary": None}),
        (lambda **k: resize_images(images[:1], target, **({"scale": 2} | k)), {"modcrop": 0}, {"workers": 0},
         {"boundary": "wrap"}, {"scale": -1}, {"scale": None}, {"size": (3, 4)}),
    ]  # fmt: skip
    for call, *wrong in calls:
        for arguments in wrong:
            with pytest.raises(ValueError, match="|".join([*arguments, "scale"])) as caught:
                call(**arguments)
            assert "scale" in arguments or "size" in arguments or isinstance(caught.value, ArgumentError)
    no_images = (
        lambda: generate_train([], output, recipe),
        lambda: generate_test("set", [], output),
        lambda: generate_train(str(photographs), output, recipe),
        lambda: resize_images([], [], scale=2),
    )
    for call in no_images:
        with pytest.raises(ArgumentError, match="images: "):
            call()
    with pytest.raises(ArgumentError, match="one for each of the 4 sources"):
        resize_images(images, target, scale=2)
    assert [path.name for path in tmp_path.iterdir()] == ["photographs"]


def test_small_images_are_reported(photographs: Path, tmp_path: Path):
    Image.fromarray(np.zeros((20, 90), dtype=np.uint8)).save(photographs / "tiny.png")
    summary = generate_train(list_images(photographs), tmp_path / "train.h5", TrainingRecipe(patch_size=30, stride=4))
    assert [path.name for path in summary.too_small] == ["tiny.png"]


def test_patch_larger_than_every_image(photographs: Path, tmp_path: Path):
    with pytest.raises(VdsrError, match="4 images give 0 patches of 99 x 99, at least 64 are needed"):
        generate_train(list_images(photographs), tmp_path / "train.h5", TrainingRecipe(patch_size=99))
    assert not list(tmp_path.glob("*.h5"))


def test_bad_image_leaves_nothing(photographs: Path, tmp_path: Path):
    whole = (photographs / "b.jpg").read_bytes()
    (photographs / "b.jpg").write_bytes(whole[: len(whole) // 2])
    with pytest.raises(VdsrError, match=r"b.jpg: cannot be read"):
        generate_train(list_images(photographs), tmp_path / "train.h5", TrainingRecipe(patch_size=16, stride=4))
    assert [path.name for path in tmp_path.iterdir()] == ["photographs"]


def test_disk_too_small(photographs: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch):
    monkeypatch.setattr("shutil.disk_usage", lambda path: type("usage", (), {"free": 1000}))
    with pytest.raises(VdsrError, match=r"train.h5: needs 16.0 MB, 1.0 kB are free"):
        generate_train(list_images(photographs), tmp_path / "train.h5", TrainingRecipe(patch_size=16, stride=4))


@pytest.mark.slow
def test_test_file_is_test_data_m(photographs: Path, tmp_path: Path):
    images = list_images(photographs)
    seen = []
    generate_test("photographs", images, tmp_path / "test.h5", scales=(2, 3), report=lambda *row: seen.append(row))
    generate_test_mat(images, tmp_path / "mat", scales=(2, 3))
    assert len(seen) == 8
    with open_benchmark_file(tmp_path / "test.h5") as file:
        stored = {(path.stem, scale): file.pair(path.stem, scale) for path in images for scale in (2, 3, 4)}
        originals = {path.stem: file.original(path.stem) for path in images}
    for path in images:
        image = read_image(path)
        assert (originals[path.stem] == image).all()
        for scale in (2, 3):
            size = tuple(n // scale * scale for n in image.shape[:2])
            gt = slow_luma(image[: size[0], : size[1]]) / 255
            low = slow_imresize(gt, (1 / scale, 1 / scale), (size[0] // scale, size[1] // scale))
            lr = slow_imresize(low, (scale, scale), size)
            pair = stored[path.stem, scale]
            assert pair is not None
            assert (pair.gt == gt).all()
            assert (pair.lr == lr).all()
            assert (path.stem, scale, pytest.approx(10 * np.log10(1 / np.mean((lr - gt) ** 2)), abs=1e-9)) in seen
            for key, want in (("gt", gt), ("lr", lr)):
                assert (loadmat(tmp_path / "mat" / f"{path.stem}_{scale}_{key}.mat")[key] == want).all()
            chroma = tmp_path / "mat" / f"{path.stem}_{scale}_cb.mat"
            assert chroma.exists() == (image.ndim == 3)
            if image.ndim == 3:
                cb = loadmat(chroma)["cb"]
                assert cb.dtype == np.uint8
                assert cb[3, 4] == slow_ycbcr(tuple(image[3, 4].astype(float)), 1, True)
    assert stored[images[0].stem, 4] is None


@pytest.mark.slow
def test_test_file_is_the_same_bytes_every_time(photographs: Path, tmp_path: Path):
    for name in ("a.h5", "b.h5"):
        generate_test("photographs", list_images(photographs), tmp_path / name, scales=(2,))
        next_second()
    assert (tmp_path / "a.h5").read_bytes() == (tmp_path / "b.h5").read_bytes()


def test_python_is_told_what_the_commands_say(photographs: Path, tmp_path: Path):
    """Before the work, of which nothing is left."""
    images = list_images(photographs)
    gone = [*images, photographs / "gone.png"]
    recipe = TrainingRecipe(patch_size=16, stride=16)

    def train(images: list[Path], target: Path) -> None:
        generate_train(images, target, recipe)

    def spread(images: list[Path], target: Path) -> None:
        with ThreadPoolExecutor() as executor:
            generate_spread(images, target, recipe, executor, parts=2)

    def test(images: list[Path], target: Path) -> None:
        generate_test("set", images, target)

    def resize(images: list[Path], target: Path) -> None:
        resize_images(images, [target.with_name(f"{path.stem}.png") for path in images], scale=2)

    def sub_images(images: list[Path], target: Path) -> None:
        generate_subimages(images, target, SubimageRecipe((2,), patch_size=24, stride=24), "png")

    for make in (train, spread, test, generate_test_mat, resize, sub_images):
        with pytest.raises(VdsrError, match="none: no such folder; create it first, or name another place"):
            make(images, tmp_path / "none" / "out.h5")
        with pytest.raises(VdsrError, match=r"gone.png: no such file"):
            make(gone, tmp_path / "out.h5")
    for make in (train, spread, test, lambda _, target: merge(["part.h5"], target)):
        with pytest.raises(VdsrError, match=r"z.png: is the name of an image; what is written here is called .h5"):
            make(images, tmp_path / "z.png")
    assert list(tmp_path.iterdir()) == [photographs]


def test_image_too_small_for_the_scale(tmp_path: Path):
    Image.fromarray(np.zeros((1, 3), dtype=np.uint8)).save(tmp_path / "dot.png")
    Image.fromarray(np.zeros((24, 24), dtype=np.uint8)).save(tmp_path / "a.png")
    said = []
    with pytest.raises(VdsrError, match=r"dot.png: 1 x 3 pixels are too few for scale 2; remove it"):
        generate_test("dots", list_images(tmp_path), tmp_path / "test.h5", report=lambda *line: said.append(line))
    assert not said
    assert not (tmp_path / "test.h5").exists()


@pytest.mark.slow
@pytest.mark.parametrize("scale", [2, 3, 4])
def test_low_resolution_set_is_the_slow_twins(photographs: Path, tmp_path: Path, scale: int):
    sources = list_images(photographs)
    targets = [tmp_path / f"{k}.png" for k in range(len(sources))]
    resize_images(sources, targets, scale=1 / scale, modcrop=scale, boundary="replicate", workers=2)
    for source, target in zip(sources, targets, strict=True):
        image = np.asarray(Image.open(source))
        rows, columns = (length // scale for length in image.shape[:2])
        cropped = image[: rows * scale, : columns * scale]
        expected = slow_imresize(cropped, (1 / scale, 1 / scale), (rows, columns), boundary="replicate")
        assert (read_image(target) == expected).all()


@pytest.mark.parametrize("scale", [2, 3, 4])
def test_low_resolution_set_is_matlabs(reference_data: Path, tmp_path: Path, scale: int):
    sources = list_images(reference_data / "Set5")
    targets = [tmp_path / f"{k}.png" for k in range(5)]
    resize_images(sources, targets, scale=1 / scale, modcrop=scale, boundary="replicate", workers=2)
    for got, want in zip(targets, list_images(reference_data / f"oracles/uint8_replicate/x{scale}"), strict=True):
        assert (read_image(got) == read_image(want)).all()
