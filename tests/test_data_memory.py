"""What is known of memory, and what is said of work that may not fit."""

import warnings
from functools import partial
from pathlib import Path
from types import SimpleNamespace

import numpy as np
import psutil
import pytest

from vdsr_data.errors import VdsrError
from vdsr_data.images import memory
from vdsr_data.images.files import write_image
from vdsr_data.images.memory import MemoryWarning, available_memory, check_images, check_memory, of_test, of_training

GB = 10**9


@pytest.fixture
def system(tmp_path: Path, monkeypatch: pytest.MonkeyPatch):
    """A machine of 8 GB (decimal), 2 of them free, one of each being swap, without control groups."""
    for name in ("OWN_GROUPS", "GROUPS"):
        monkeypatch.setattr(memory, name, tmp_path / name)
    monkeypatch.setattr(psutil, "virtual_memory", lambda: SimpleNamespace(available=GB, total=7 * GB))
    monkeypatch.setattr(psutil, "swap_memory", lambda: SimpleNamespace(free=GB, total=GB))
    return tmp_path


def group(folder: Path, limit: str, used: int, names: tuple[str, str]) -> None:
    folder.mkdir(parents=True)
    (folder / names[0]).write_text(limit + "\n")
    (folder / names[1]).write_text(f"{used}\n")
    (folder / "memory.stat").write_text("anon 5\nactive_file 100000000\ninactive_file 200000000\nshmem 7\n")


def test_the_machine(system: Path):
    assert available_memory() == (2 * GB, 8 * GB)


@pytest.mark.parametrize("place", ["job", "job/step", ""])
def test_a_group_of_version_2(system: Path, place: str):
    """The limit may be of the group or of one above it; caches of files do not count as used."""
    (system / "OWN_GROUPS").write_text("0::/job/step\n")
    group(system / "GROUPS" / place, str(GB), 800_000_000, ("memory.max", "memory.current"))
    assert available_memory() == (500_000_000, GB)


def test_a_group_of_version_1(system: Path):
    (system / "OWN_GROUPS").write_text("9:name=systemd:/x\n4:cpu,memory:/job\n0::/\n")
    names = ("memory.limit_in_bytes", "memory.usage_in_bytes")
    group(system / "GROUPS" / "memory" / "job", str(GB), 2 * GB, names)
    assert available_memory() == (0, GB)


def test_a_group_without_a_limit(system: Path):
    (system / "OWN_GROUPS").write_text("0::/job\n")
    group(system / "GROUPS" / "job", "max", 5, ("memory.max", "memory.current"))
    assert available_memory() == (2 * GB, 8 * GB)


def test_a_system_that_does_not_tell(system: Path, monkeypatch: pytest.MonkeyPatch):
    def refuse() -> None:
        raise PermissionError("/proc/meminfo")

    monkeypatch.setattr(psutil, "virtual_memory", refuse)
    assert available_memory() is None
    check_memory("a.png", 10**15)


def test_this_machine():
    free, whole = available_memory()
    assert 0 < free <= whole


def test_what_fits_is_not_spoken_of(system: Path):
    check_memory("a.png", 2 * GB)


def test_what_may_not_fit_is_said(system: Path):
    with pytest.warns(
        MemoryWarning, match=r"^a[.]png: about 3[.]0 GB of memory; 2[.]0 GB are available; use a smaller"
    ):
        check_memory("a.png", 3 * GB)


def test_what_cannot_fit_is_refused(system: Path):
    with pytest.raises(VdsrError, match=r"^a[.]png: about 9[.]0 GB of memory; there are 8[.]0 GB; fewer$"):
        check_memory("a.png", 9 * GB, advice="fewer")
    with pytest.warns(MemoryWarning):
        check_memory("a.png", 9 * GB, least=7 * GB)


def test_images(system: Path):
    for name, size in {"small": 10, "large": 1000, "other": 900}.items():
        write_image(system / f"{name}.png", np.zeros((size, 1000), dtype=np.uint8))
    images = [system / f"{name}.png" for name in ("small", "large", "other")] + [system / "missing.png"]

    def needed(rows: int, columns: int) -> float:
        return 1500.0 * rows * columns

    with warnings.catch_warnings():
        warnings.simplefilter("error")
        check_images(images, needed, workers=1)
        check_images(images[:1], needed, workers=9)
        check_images([system / "missing.png"], needed, workers=1)
    expected = (
        r"^large[.]png: 1 megapixels, 3 workers: about 2[.]9 GB of memory; 2[.]0 GB are available; use --workers 1$"
    )
    with pytest.warns(MemoryWarning, match=expected):
        check_images(images, needed, workers=3)
    with pytest.warns(MemoryWarning, match=r"about 2[.]9 GB.*; use a smaller image"):
        check_images(images, needed, workers=1, ahead=1)
    with pytest.raises(VdsrError, match=r"large[.]png: 1 megapixels: about 9[.]0 GB of memory; there are 8[.]0 GB"):
        check_images(images[:2], lambda rows, columns: 9000.0 * rows * columns, workers=1)


def test_estimates_are_those_that_were_measured():
    assert partial(of_training, overlap=1)(9000, 12000) == pytest.approx(5.8e9, rel=0.05)
    assert of_test(9000, 12000, scales=3, mat=False) == pytest.approx(7.4e9, rel=0.05)
