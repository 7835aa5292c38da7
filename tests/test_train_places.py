"""What is refused before a training begins, with nothing written."""

import os
from dataclasses import replace
from pathlib import Path

import pytest
from train_fixtures import test_images

from vdsr_data.errors import VdsrError
from vdsr_train.backends.distribute import check_shares
from vdsr_train.config import Config
from vdsr_train.run.places import check_data, check_run, check_sweep, check_workers

CONFIG = Config(validation="none")


def tree(folder: Path) -> list[str]:
    return sorted(str(path) for path in folder.rglob("*"))


def test_a_folder_with_other_things_is_refused(tmp_path) -> None:
    images = test_images(tmp_path / "imgs")
    before = tree(tmp_path)
    with pytest.raises(VdsrError, match=r"imgs: holds other things \(wave0\.png, wave1\.png\); name a new or an empty"):
        check_run(images, CONFIG)
    with pytest.raises(VdsrError, match=r"imgs: holds other things"):
        check_sweep(images, {"seed=1": CONFIG})
    assert tree(tmp_path) == before


def test_new_empty_and_hidden_are_taken(tmp_path) -> None:
    check_run(tmp_path / "new" / "run", CONFIG)
    (tmp_path / ".lock").touch()
    check_run(tmp_path, CONFIG)


def test_a_sweep_goes_on_in_its_folder(tmp_path) -> None:
    for name in ("seed=1", "seed=2", "of_before"):
        (tmp_path / name).mkdir()
    (tmp_path / "of_before" / "config.json").touch()
    (tmp_path / "sweep.csv").touch()
    check_sweep(tmp_path, {"seed=1": CONFIG, "seed=2": CONFIG})
    with pytest.raises(VdsrError, match=r"other things \(seed=2\)"):
        check_sweep(tmp_path, {"seed=1": CONFIG})


@pytest.mark.parametrize("field", ["images", "validation"])
@pytest.mark.parametrize("place", ["run", "../imgs/deep/run"])
def test_no_run_lies_among_the_images_that_are_read(tmp_path, monkeypatch, field, place) -> None:
    images = test_images(tmp_path / "imgs")
    monkeypatch.chdir(images)
    with pytest.raises(VdsrError, match=r"lies in .*imgs, which is read; name another --run-dir"):
        check_run(Path(place), replace(CONFIG, **{field: images}))
    check_run(Path("../beside"), replace(CONFIG, **{field: images}))


def test_a_name_that_is_no_text_is_refused() -> None:
    with pytest.raises(VdsrError, match="its name is not text"):
        check_run(Path(os.fsdecode(b"r\xe9"), "run"), CONFIG)


def test_what_a_folder_is_instead_of_a_training_file(tmp_path) -> None:
    with pytest.raises(VdsrError, match="is a folder; to train on the images in it: --images"):
        check_data(Config(file=tmp_path))
    (tmp_path / "config.json").touch()
    with pytest.raises(VdsrError, match="is a run folder; --resume"):
        check_data(Config(file=tmp_path))


def test_workers_have_a_core_each_and_equal_shares(monkeypatch) -> None:
    monkeypatch.setattr("os.cpu_count", lambda: 4)
    check_workers(4)
    with pytest.raises(VdsrError, match="--local-workers 100: this machine has 4 cores; give at most 4"):
        check_workers(100)
    check_shares(64, 4)
    with pytest.raises(VdsrError, match="batch_size 64 cannot be shared equally by 3 devices; give --batch-size 63"):
        check_shares(64, 3)
