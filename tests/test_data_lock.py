"""One writer at a time; `faults/test_two.py` tries it with processes that run, stop and die."""

import errno
import os
from pathlib import Path

import pytest

from vdsr_data.errors import VdsrError
from vdsr_data.io import lock
from vdsr_data.io.lock import held


def test_held_and_given_back(tmp_path: Path):
    path = tmp_path / ".lock"
    with held(path, tmp_path / "out"):
        assert path.read_text().split()[0] == str(os.getpid())
        with pytest.raises(VdsrError, match=f"out: process {os.getpid()} is writing there"), held(path, Path("out")):
            pass
    assert not path.exists()
    with held(path, tmp_path / "out"):
        pass


def test_what_a_dead_process_left_is_cleaned_once(tmp_path: Path):
    path, cleaned = tmp_path / ".lock", []
    with held(path, tmp_path, clean=lambda: cleaned.append(1)):
        assert not cleaned
    path.write_text("12345 elsewhere\n")
    with held(path, tmp_path, clean=lambda: cleaned.append(1)):
        assert path.read_text().split()[0] == str(os.getpid())
    assert cleaned == [1]
    assert not path.exists()


def test_an_interrupted_cleaning_is_done_again(tmp_path: Path):
    path = tmp_path / ".lock"
    path.write_text("12345 elsewhere\n")

    def interrupt() -> None:
        raise KeyboardInterrupt

    with pytest.raises(KeyboardInterrupt), held(path, tmp_path, clean=interrupt):
        pass
    cleaned = []
    with held(path, tmp_path, clean=lambda: cleaned.append(1)):
        pass
    assert cleaned == [1]


def test_a_holder_that_has_yet_to_write_its_name_is_waited_for(tmp_path: Path, monkeypatch: pytest.MonkeyPatch):
    path, waits = tmp_path / ".lock", []

    def wait(seconds: float) -> None:
        waits.append(seconds)
        if len(waits) == 3:
            path.write_text("12345 node7\n")

    monkeypatch.setattr(lock.time, "sleep", wait)
    with held(path, tmp_path):
        path.write_text("")
        with pytest.raises(VdsrError, match="process 12345 on node7 is writing there"), held(path, tmp_path):
            pass
    assert len(waits) == 3


@pytest.mark.slow
def test_another_machine_is_named(tmp_path: Path, monkeypatch: pytest.MonkeyPatch):
    path = tmp_path / ".lock"
    with held(path, tmp_path):
        path.write_text("12345 node7\n")
        with pytest.raises(VdsrError, match="process 12345 on node7 is writing there"), held(path, tmp_path):
            pass
        path.write_text("")
        with pytest.raises(VdsrError, match=r"process \(unknown\) is writing there"), held(path, tmp_path):
            pass


def test_a_file_system_without_locks_has_none_and_nothing_is_cleaned(tmp_path: Path, monkeypatch: pytest.MonkeyPatch):
    def refuse(_handle: int) -> None:
        raise OSError(errno.ENOLCK, os.strerror(errno.ENOLCK))

    monkeypatch.setattr(lock, "_lock", refuse)
    path, cleaned = tmp_path / ".lock", []
    path.touch()
    with held(path, tmp_path, clean=lambda: cleaned.append(1)), held(path, tmp_path):
        pass
    assert not cleaned
    assert not path.exists()


def test_a_full_disk_leaves_no_lock_behind(tmp_path: Path, monkeypatch: pytest.MonkeyPatch):
    """The lock holds without a name in it, and what is cleaned away may make room."""
    path, cleaned = tmp_path / ".lock", []
    with monkeypatch.context() as patch:
        patch.setattr(lock.os, "write", lambda *_: (_ for _ in ()).throw(OSError(errno.ENOSPC, "full")))
        for _ in range(2):
            with held(path, tmp_path, clean=lambda: cleaned.append(1)):
                assert path.read_bytes() == b""
            assert not path.exists()
            path.touch()
    assert cleaned == [1]


def test_a_lock_removed_by_its_last_holder_is_made_anew(tmp_path: Path, monkeypatch: pytest.MonkeyPatch):
    """Between opening it and locking it."""
    path, real, removed = tmp_path / ".lock", lock._lock, []

    def slow(handle: int) -> None:
        if not removed:
            removed.append(path.unlink())
        real(handle)

    monkeypatch.setattr(lock, "_lock", slow)
    with held(path, tmp_path):
        assert path.read_text().split()[0] == str(os.getpid())
    assert removed
