"""Parts of a training file: joined they are the whole, byte for byte; and what is refused when one is not as it was."""

import json
import os
import shutil
import subprocess
import sys
import time
from collections.abc import Callable
from concurrent.futures import Executor, ProcessPoolExecutor, ThreadPoolExecutor
from multiprocessing import get_context
from pathlib import Path

import h5py
import numpy as np
import pytest
from command_line import fails, run
from hypothesis import given, settings
from hypothesis import strategies as st
from patience import next_second
from PIL import Image

from vdsr_data.errors import VdsrError
from vdsr_data.images.files import list_images
from vdsr_data.io.hdf5 import annotate
from vdsr_data.matlab.random import randperm, randperm_inverse
from vdsr_data.training.file import open_training
from vdsr_data.training.generate import generate_train
from vdsr_data.training.recipe import TrainingRecipe
from vdsr_data.training.shards import dask_executor, generate_spread, merge

RECIPE = TrainingRecipe(patch_size=16, stride=8)


@pytest.fixture
def images(photographs: Path) -> list[Path]:
    """Seven images, one of them too small to give a patch."""
    random = np.random.default_rng(2)
    for k, shape in enumerate(((50, 70), (40, 40, 3))):
        Image.fromarray(random.integers(0, 256, shape, dtype=np.uint8)).save(photographs / f"e{k}.png")
    Image.fromarray(np.zeros((9, 90), dtype=np.uint8)).save(photographs / "tiny.png")
    return list_images(photographs)


def build_parts(images: list[Path], folder: Path, n: int, recipe: TrainingRecipe = RECIPE) -> list[Path]:
    """Every part, made in reverse."""
    paths = [folder / f"part{k}.h5" for k in range(1, n + 1)]
    for k in range(n, 0, -1):
        generate_train(images, paths[k - 1], recipe, shard=(k, n), workers=1 + k % 2)
    return paths


@given(st.integers(0, 3000), st.integers(0, 2**32 - 1))
@settings(max_examples=50)
def test_inverse_order_is_matlabs(n: int, seed: int):
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr("vdsr_data.matlab.random.BLOCK", 128)  # several blocks and intervals
        inverse = randperm_inverse(n, seed)
    assert (inverse[randperm(n, seed)] == np.arange(n)).all()


def test_inverse_order_of_many(monkeypatch: pytest.MonkeyPatch):
    inverse = randperm_inverse(700_001)
    assert inverse.dtype == np.uint32
    assert (inverse[randperm(700_001)] == np.arange(700_001)).all()


@pytest.mark.parametrize("n", [1, 2, 3, 7])
@pytest.mark.parametrize("axes", ["matlab", "nhwc"])
def test_parts_joined_are_the_whole(images: list[Path], tmp_path: Path, n: int, axes: str):
    recipe = TrainingRecipe(patch_size=16, stride=8, axes=axes, keys=("data", "label"), seed=5)
    summary = generate_train(images, tmp_path / "whole.h5", recipe)
    parts = build_parts(images, tmp_path, n, recipe)
    done: list[float] = []
    merged = merge(parts[::-1], tmp_path / "joined.h5", advance=lambda count, _: done.append(count))
    assert merged.pairs == summary.pairs
    assert sum(done) == pytest.approx(merged.pairs * 2 * 4 * 16**2 / 1e6)
    assert (tmp_path / "joined.h5").read_bytes() == (tmp_path / "whole.h5").read_bytes()


@pytest.mark.slow
def test_joined_compressed_is_the_whole_compressed(images: list[Path], tmp_path: Path):
    generate_train(images, tmp_path / "whole.h5", RECIPE, compression=4)
    merge(build_parts(images, tmp_path, 2), tmp_path / "joined.h5", compression=4)
    assert (tmp_path / "joined.h5").read_bytes() == (tmp_path / "whole.h5").read_bytes()


def test_blocks_do_not_show(images: list[Path], tmp_path: Path, monkeypatch: pytest.MonkeyPatch):
    generate_train(images, tmp_path / "whole.h5", RECIPE)
    parts = build_parts(images, tmp_path, 3)
    monkeypatch.setattr("vdsr_data.training.shards.BLOCK", 50)
    monkeypatch.setattr("vdsr_data.training.file.BLOCK", 30)
    merge(parts, tmp_path / "joined.h5")
    assert (tmp_path / "joined.h5").read_bytes() == (tmp_path / "whole.h5").read_bytes()


def test_a_part_is_a_training_file_of_its_images(images: list[Path], tmp_path: Path):
    """Its patches are those of the whole at its positions, in the order of the whole."""
    whole = generate_train(images, tmp_path / "whole.h5", RECIPE)
    seen, left_over = [], 0
    for k in (1, 2, 3):
        summary = generate_train(images, tmp_path / "part.h5", RECIPE, shard=(k, 3))
        left_over += summary.dropped
        with h5py.File(tmp_path / "part.h5") as part, h5py.File(tmp_path / "whole.h5") as file:
            position = part["position"][...]
            assert len(position) == summary.pairs == len(part["lr"])
            assert (np.diff(position.astype(int)) > 0).all()
            assert all((part[key][...] == file[key][...][position.astype(int)]).all() for key in ("lr", "gt"))
            seen += position.tolist()
        with open_training(tmp_path / "part.h5") as part:
            assert part.attributes["shard"] == f"{k}/3"
            assert part.attributes["total_pairs"] == whole.pairs
            assert part.attributes["images"] == [path.name for path in images]
            assert len(part.attributes["sha256"]) == len(images[k - 1 :: 3])
            with open_training(tmp_path / "whole.h5") as file:
                for own, all_of_it in zip(part.gather([4, 0]), file.gather(seen[-len(part) :])[:2], strict=True):
                    assert (own == all_of_it[[4, 0]]).all()
    assert sorted(seen) == list(range(whole.pairs))
    assert left_over == whole.dropped


@pytest.mark.slow
def test_a_part_is_the_same_bytes_every_time(images: list[Path], tmp_path: Path):
    generate_train(images, tmp_path / "a.h5", RECIPE, shard=(2, 3), workers=3)
    next_second()
    generate_train(images, tmp_path / "b.h5", RECIPE, shard=(2, 3))
    assert (tmp_path / "a.h5").read_bytes() == (tmp_path / "b.h5").read_bytes()


def test_a_part_without_a_patch(images: list[Path], tmp_path: Path):
    parts = build_parts(images, tmp_path, 7)
    with pytest.raises(VdsrError, match=r"part7.h5: holds no patches"), open_training(parts[6]):
        pass
    merge(parts, tmp_path / "virtual.h5", virtual=True)
    with open_training(tmp_path / "virtual.h5") as file:
        assert sorted(file.sources) == [f"part{k}.h5" for k in range(1, 7)]


def test_impossible_parts(images: list[Path], tmp_path: Path):
    with pytest.raises(VdsrError, match="7 images give at most 7 parts, not 8"):
        generate_train(images, tmp_path / "part.h5", RECIPE, shard=(1, 8))
    with pytest.raises(ValueError, match="with K from 1 to N"):
        generate_train(images, tmp_path / "part.h5", RECIPE, shard=(3, 2))
    with pytest.raises(VdsrError, match="choose other keys"):
        generate_train(images, tmp_path / "part.h5", TrainingRecipe(keys=("position", "gt")), shard=(1, 2))
    with pytest.raises(VdsrError, match="goes with neither `dask` nor `compression`"):
        generate_train(images, tmp_path / "part.h5", RECIPE, shard=(1, 2), compression=1)
    assert not list(tmp_path.glob("*.h5"))


@pytest.mark.parametrize("axes", ["matlab", "nhwc"])
def test_virtual_file_is_the_whole(images: list[Path], tmp_path: Path, axes: str, monkeypatch: pytest.MonkeyPatch):
    """For us, and for a plain reader of HDF5, from another folder."""
    monkeypatch.setattr("vdsr_data.training.virtual.ROWS", 40)  # several mappings for each part
    recipe = TrainingRecipe(patch_size=16, stride=8, axes=axes)
    generate_train(images, tmp_path / "whole.h5", recipe)
    merge(build_parts(images, tmp_path, 3, recipe), tmp_path / "virtual.h5", virtual=True)
    monkeypatch.chdir("/")
    with h5py.File(tmp_path / "whole.h5") as whole, h5py.File(tmp_path / "virtual.h5") as virtual:
        for key in ("lr", "gt"):
            assert virtual[key].is_virtual
            assert virtual[key].shape == whole[key].shape
            assert (virtual[key][...] == whole[key][...]).all()
            assert {source.file_name for source in virtual[key].virtual_sources()} == {
                "part1.h5",
                "part2.h5",
                "part3.h5",
            }
    with open_training(tmp_path / "whole.h5") as whole, open_training(tmp_path / "virtual.h5") as virtual:
        assert len(virtual) == len(whole)
        assert (virtual.patch_size, virtual.axes, virtual.keys) == (whole.patch_size, whole.axes, whole.keys)
        assert virtual.attributes == whole.attributes
        for indices in (np.arange(len(whole))[::-1], [5, 5, 0], []):
            for ours, theirs in zip(virtual.gather(indices), whole.gather(indices), strict=True):
                assert ours.dtype == np.float32
                assert ours.tobytes() == theirs.tobytes()
    assert (tmp_path / "virtual.h5").stat().st_size < (tmp_path / "whole.h5").stat().st_size / 4


def test_virtual_file_moves_with_its_parts(images: list[Path], tmp_path: Path):
    parts = build_parts(images, tmp_path, 2)
    merge(parts, tmp_path / "virtual.h5", virtual=True)
    with open_training(tmp_path / "virtual.h5") as file:
        want = file.gather([3, 100])
    (tmp_path / "moved").mkdir()
    for path in (*parts, tmp_path / "virtual.h5"):
        path.rename(tmp_path / "moved" / path.name)
    with open_training(tmp_path / "moved" / "virtual.h5") as file:
        assert all((a == b).all() for a, b in zip(file.gather([3, 100]), want, strict=True))


def test_training_reads_a_virtual_file(images: list[Path], tmp_path: Path):
    from vdsr_train.loop.batches import FileBatches

    generate_train(images, tmp_path / "whole.h5", RECIPE)
    merge(build_parts(images, tmp_path, 3), tmp_path / "virtual.h5", virtual=True)
    with open_training(tmp_path / "whole.h5") as whole, open_training(tmp_path / "virtual.h5") as virtual:
        ours, theirs = (FileBatches(file, file.path, batch_size=32, seed=3) for file in (virtual, whole))
        assert ours.identity() == theirs.identity()
        for step in (0, 1, ours.steps_per_epoch + 2):
            assert all((a == b).all() for a, b in zip(ours(step), theirs(step), strict=True))


def point_to(path: Path, name: str, key: str = "lr") -> None:
    """A virtual training file whose lr and gt are those of one other file."""
    with h5py.File(path, "w", libver="latest") as file:
        for data in ("lr", "gt"):
            layout = h5py.VirtualLayout((64, 1, 16, 16), "<f4")
            layout[:] = h5py.VirtualSource(name, key if data == "lr" else "gt", shape=(64, 1, 16, 16))[:]
            file.create_virtual_dataset(data, layout)


def test_nothing_from_outside_the_folder_is_trusted(images: list[Path], tmp_path: Path):
    (tmp_path / "in").mkdir()
    parts = build_parts(images, tmp_path, 1)
    virtual = tmp_path / "in" / "virtual.h5"
    (tmp_path / "in" / "link.h5").symlink_to(parts[0])
    for name in (str(parts[0]), "../part1.h5", "./link.h5", "link.h5", ".", "%%.h5", "sub/part1.h5"):
        point_to(virtual, name)
        with pytest.raises(VdsrError, match=r"h5: refers to .*; allowed are plain files"), open_training(virtual):
            pass
    point_to(virtual, "none.h5")
    with pytest.raises(VdsrError, match=r"none.h5: no such file; virtual.h5 refers to it"), open_training(virtual):
        pass
    shutil.copy(parts[0], tmp_path / "in" / "part1.h5")
    point_to(virtual, "part1.h5", key="gt")
    with pytest.raises(VdsrError, match="data sets of other names"), open_training(virtual):
        pass
    point_to(virtual, "part1.h5")
    with pytest.raises(VdsrError, match=r"part1.h5: its data set 'position' is damaged"), open_training(virtual):
        pass
    with h5py.File(tmp_path / "in" / "part1.h5", "r+") as file:
        del file["position"]
    with pytest.raises(VdsrError, match=r"part1.h5: its data set 'position' is damaged"), open_training(virtual):
        pass


def test_virtual_file_whose_parts_changed(images: list[Path], tmp_path: Path):
    parts = build_parts(images, tmp_path, 2)
    merge(parts, tmp_path / "virtual.h5", virtual=True)
    shutil.copy(parts[0], parts[1])
    virtual = tmp_path / "virtual.h5"
    with pytest.raises(VdsrError, match=r"virtual.h5: its parts do not give each of"), open_training(virtual):
        pass
    generate_train(images, parts[1], TrainingRecipe(patch_size=12), shard=(2, 2))
    with pytest.raises(VdsrError, match=r"part2.h5: not a part of virtual.h5"), open_training(virtual):
        pass


def test_virtual_file_lies_beside_its_parts(images: list[Path], tmp_path: Path):
    parts = build_parts(images, tmp_path, 2)
    (tmp_path / "other").mkdir()
    with pytest.raises(VdsrError, match=r"part1.h5: a virtual file refers to plain files in its own"):
        merge(parts, tmp_path / "other" / "virtual.h5", virtual=True)
    for name in ("link.h5", "100%.h5"):
        (tmp_path / name).symlink_to(parts[0]) if name == "link.h5" else shutil.copy(parts[0], tmp_path / name)
        with pytest.raises(VdsrError, match=f"{name}: a virtual file refers to plain files"):
            merge([tmp_path / name, parts[1]], tmp_path / "virtual.h5", virtual=True)
    with pytest.raises(ValueError, match="`compression` could make smaller"):
        merge(parts, tmp_path / "virtual.h5", virtual=True, compression=1)
    with pytest.raises(VdsrError, match="is one of the parts"):
        merge(parts, parts[0], virtual=True, force=True)


def refused(parts: list[Path], words: str) -> None:
    """Both ways of joining refuse these parts with one line, and leave nothing."""
    before = sorted(parts[0].parent.iterdir())
    for virtual in (False, True):
        with pytest.raises(VdsrError, match=words) as caught:
            merge(parts, parts[0].parent / "joined.h5", virtual=virtual)
        assert "\n" not in str(caught.value)
    assert sorted(parts[0].parent.iterdir()) == before


def test_parts_that_do_not_belong_together(images: list[Path], tmp_path: Path):
    parts = build_parts(images, tmp_path, 3)
    refused(parts[:1], r"part1.h5: of its 3 parts 2 are missing: 2/3, 3/3")
    shutil.copy(parts[1], tmp_path / "copy.h5")
    refused([*parts, tmp_path / "copy.h5"], r"copy.h5: is part 2/3, as .*part2.h5 is")
    other = tmp_path / "other.h5"
    generate_train(images, other, RECIPE, shard=(3, 4))
    refused([*parts[:2], other], "other.h5: number of parts not as in .*part1.h5")
    generate_train(images, other, TrainingRecipe(patch_size=16, stride=8, seed=1), shard=(3, 3))
    refused([*parts[:2], other], "other.h5: recipe not as in .*part1.h5")
    generate_train(images[:-1], other, RECIPE, shard=(3, 3))
    refused([*parts[:2], other], "other.h5: images not as in .*part1.h5")
    generate_train(images, other, RECIPE)
    refused([*parts[:2], other], "other.h5: not a part")
    refused([*parts[:2], tmp_path / "none.h5"], "none.h5: no such file")
    refused([*parts[:2], images[0]], "not an HDF5 file")
    Image.open(images[2]).crop((0, 0, 40, 40)).save(images[2])  # the same name, another size
    generate_train(images, other, RECIPE, shard=(3, 3))
    refused([*parts[:2], other], "number of pairs not as in|do not give each of its|position")


def test_damaged_parts(images: list[Path], tmp_path: Path):
    parts = build_parts(images, tmp_path, 2)
    whole = parts[1].read_bytes()
    parts[1].write_bytes(whole[: len(whole) // 2])
    refused(parts, r"part2.h5: damaged")
    parts[1].write_bytes(whole)
    with h5py.File(parts[1], "r+") as file:
        file["position"][5] = file["position"][6]
    refused(parts, r"part2.h5: its data set 'position' is damaged")
    for name in ("shard", "sha256", "images", "total_pairs"):
        parts[1].write_bytes(whole)
        with h5py.File(parts[1], "r+") as file:
            del file.attrs[name]
        refused(parts, r"part2.h5: (damaged|not a part|images not|number of pairs not)")
    parts[1].write_bytes(whole)
    with h5py.File(parts[1], "r+") as file:
        del file["crc32"]
    refused(parts, r"part2.h5: damaged")
    parts[1].write_bytes(whole)
    annotate(parts[1], {"shard": "5/2"})
    refused(parts, r"part2.h5: damaged")


def test_a_flipped_bit_is_found(images: list[Path], tmp_path: Path):
    parts = build_parts(images, tmp_path, 2)
    with h5py.File(parts[1], "r+") as file:
        file["gt"][7, 0, 3, 3] += np.float32(1e-6)
    with pytest.raises(VdsrError, match=r"part2.h5: damaged at patch 7 of /gt"):
        merge(parts, tmp_path / "joined.h5")
    assert not list(tmp_path.glob("*joined*"))


def test_damage_anywhere_in_the_metadata_is_one_line(images: list[Path], tmp_path: Path):
    """Whatever byte of the first 4 KiB is turned, the whole is made as it should be, or refused by a VdsrError."""
    generate_train(images, tmp_path / "whole.h5", RECIPE)
    parts = build_parts(images, tmp_path, 2)
    whole, content = (tmp_path / "whole.h5").read_bytes(), parts[1].read_bytes()
    for place in np.random.default_rng(0).integers(0, 4096, 60).tolist():
        parts[1].write_bytes(content[:place] + bytes([content[place] ^ 0xFF]) + content[place + 1 :])
        try:
            merge(parts, tmp_path / "joined.h5")
        except VdsrError:
            continue
        assert (tmp_path / "joined.h5").read_bytes() == whole


@pytest.mark.slow
def test_damage_anywhere_in_a_virtual_file_is_one_line(images: list[Path], tmp_path: Path):
    merge(build_parts(images, tmp_path, 2), tmp_path / "virtual.h5", virtual=True)
    content = (tmp_path / "virtual.h5").read_bytes()
    with open_training(tmp_path / "virtual.h5") as file:
        want = file.gather([5, 70])
    for place in np.random.default_rng(0).integers(0, min(len(content), 8192), 60).tolist():
        damaged = tmp_path / f"{place}.h5"
        damaged.write_bytes(content[:place] + bytes([content[place] ^ 0xFF]) + content[place + 1 :])
        try:
            with open_training(damaged) as file:
                assert all((a == b).all() for a, b in zip(file.gather([5, 70]), want, strict=True))
        except VdsrError:
            continue


def processes(number: int) -> ProcessPoolExecutor:
    """Not forked from a process that has JAX and its threads."""
    return ProcessPoolExecutor(number, mp_context=get_context("spawn"))


@pytest.mark.parametrize("kind", [ThreadPoolExecutor, pytest.param(processes, marks=pytest.mark.slow)])
def test_any_executor_makes_the_same_file(images: list[Path], tmp_path: Path, kind: Callable[[int], Executor]):
    summary = generate_train(images, tmp_path / "whole.h5", RECIPE)
    (tmp_path / "out").mkdir()
    done: list[int] = []
    with kind(2) as executor:
        spread = generate_spread(
            images, tmp_path / "out" / "spread.h5", RECIPE, executor, parts=99, advance=done.append
        )
    assert spread == summary
    assert sum(done) == len(images)
    assert (tmp_path / "out" / "spread.h5").read_bytes() == (tmp_path / "whole.h5").read_bytes()
    assert len(list((tmp_path / "out").iterdir())) == 1


def test_a_failing_part_leaves_nothing(images: list[Path], tmp_path: Path):
    (tmp_path / "out").mkdir()
    images[1].write_bytes(images[1].read_bytes()[:1500])
    with ThreadPoolExecutor(2) as executor, pytest.raises(VdsrError, match=f"{images[1].name}"):
        generate_spread(images, tmp_path / "out" / "spread.h5", RECIPE, executor, parts=3)
    assert not list((tmp_path / "out").iterdir())


@pytest.mark.slow
def test_commands(images: list[Path], tmp_path: Path, monkeypatch: pytest.MonkeyPatch):
    monkeypatch.chdir(tmp_path)
    options = ("photographs", "--patch-size", 16, "--stride", 8)
    assert run("build-train", *options, "-o", "whole.h5").exit_code == 0
    result = run("build-train", *options, "--shard", "1/2")
    assert result.exit_code == 0
    assert "vdsr_train_1of2.h5: " in result.stdout
    assert "from 4 images" in result.stdout
    fails(run("merge", "vdsr_train_1of2.h5"), 1, "1 are missing: 2/2")
    assert run("build-train", *options, "--shard", "2/2").exit_code == 0
    parts = ("vdsr_train_1of2.h5", "vdsr_train_2of2.h5")
    result = run("merge", *parts)
    assert result.exit_code == 0
    assert "vdsr_train.h5: " in result.stdout
    assert Path("vdsr_train.h5").read_bytes() == Path("whole.h5").read_bytes()
    fails(run("merge", *parts), 1, "vdsr_train.h5: exists already", "--force")
    assert run("merge", *parts, "--virtual", "--force").exit_code == 0
    assert run("merge", *parts, "--compression", 1, "-o", "small.h5").exit_code == 0
    shown = run("info", "vdsr_train.h5").stdout
    assert "vdsr_train.h5: virtual training file of " in shown
    assert "2 files beside it hold the patches: vdsr_train_1of2.h5, vdsr_train_2of2.h5" in shown
    shown = run("info", parts[1]).stdout
    assert "part of a training file of" in shown
    assert "shard: 2/2" in shown
    Path(parts[1]).unlink()
    fails(run("info", "vdsr_train.h5"), 1, parts[1], "no such file")


@pytest.mark.parametrize("shard", ["0/2", "3/2", "2", "1/", "/2", "a/b", "1/2/3", "-1/2", ""])
def test_bad_shards(images: list[Path], shard: str):
    fails(run("build-train", images[0].parent, "--shard", shard), 2, "--shard")


def test_contradictions(images: list[Path], tmp_path: Path, monkeypatch: pytest.MonkeyPatch):
    monkeypatch.chdir(tmp_path)
    fails(run("build-train", "photographs", "--shard", "1/2", "--compression", 1), 2, "--shard", "--compression")
    fails(run("build-train", "photographs", "--shard", "1/2", "--dask", "tcp://127.0.0.1:1"), 2, "--shard", "--dask")
    fails(run("build-train", "photographs", "--shard", "1/9"), 1, "7 images give at most 7 parts")
    fails(run("merge", "a.h5", "--virtual", "--compression", 1), 2, "--virtual", "--compression")
    fails(run("merge", "a.h5"), 1, "a.h5: no such file")
    fails(run("merge"), 2, "PART")
    monkeypatch.setitem(sys.modules, "distributed", None)
    fails(run("build-train", "photographs", "--dask", "tcp://127.0.0.1:1"), 1, "pip install 'vdsr-toolkit[dask]'")
    assert [path.name for path in tmp_path.iterdir()] == ["photographs"]


@pytest.fixture
def cluster(tmp_path: Path):
    """A scheduler and two workers of one thread each: its address, and the workers' processes."""
    pytest.importorskip("distributed", reason="dask is not installed (pip install 'vdsr-toolkit[dask]')")
    found = tmp_path / "scheduler.json"
    environment = os.environ | {"PYTHONPATH": str(Path(__file__).resolve().parents[1])}
    processes: list[subprocess.Popen] = []

    def start(module: str, *words: str) -> None:
        command = [sys.executable, "-m", f"distributed.cli.{module}", *words, "--host", "127.0.0.1", "--no-dashboard"]
        with (tmp_path / f"{len(processes)}.log").open("w") as log:
            processes.append(subprocess.Popen(command, env=environment, stdout=log, stderr=log, cwd=tmp_path))

    try:
        start("dask_scheduler", "--port", "0", "--scheduler-file", str(found))
        until = time.monotonic() + 120
        while not found.is_file() or not found.read_text().endswith("}"):
            assert time.monotonic() < until, (tmp_path / "0.log").read_text()
            time.sleep(0.05)
        address = json.loads(found.read_text())["address"]
        for _ in range(2):
            start("dask_worker", address, "--nthreads", "1", "--no-nanny", "--local-directory", str(tmp_path / "dask"))
        yield address, processes[1:]
    finally:
        for process in processes:
            process.kill()
            process.wait()


@pytest.mark.slow
@pytest.mark.filterwarnings("default")  # dask's own
def test_a_cluster_that_loses_a_worker_makes_the_same_file(images: list[Path], tmp_path: Path, cluster):
    from distributed import Client

    address, workers = cluster
    generate_train(images, tmp_path / "whole.h5", RECIPE)
    (tmp_path / "out").mkdir()
    with Client(address, set_as_default=False) as client:
        client.wait_for_workers(2, timeout=120)
    done: list[int] = []

    def kill_one(count: int) -> None:
        if not done:
            workers[0].kill()
        done.append(count)

    with dask_executor(address) as (executor, threads):
        assert threads == 2
        generate_spread(images, tmp_path / "out" / "spread.h5", RECIPE, executor, parts=7, advance=kill_one)
    assert workers[0].wait() < 0
    assert len(done) == 7
    assert (tmp_path / "out" / "spread.h5").read_bytes() == (tmp_path / "whole.h5").read_bytes()
    options = ("--patch-size", 16, "--stride", 8, "-o", tmp_path / "out" / "again.h5")
    assert run("build-train", images[0].parent, *options, "--dask", address).exit_code == 0
    assert (tmp_path / "out" / "again.h5").read_bytes() == (tmp_path / "whole.h5").read_bytes()
    images[3].write_bytes(images[3].read_bytes()[:300])
    fails(run("build-train", images[0].parent, *options, "--force", "--dask", address), 1, images[3].name)
    assert sorted(path.name for path in (tmp_path / "out").iterdir()) == ["again.h5", "spread.h5"]
