"""Outputs are complete or absent."""

import errno
import os
import stat
import sys
from pathlib import Path

import pytest

from vdsr_data.errors import VdsrError
from vdsr_data.io.files import (
    HDF5,
    check_apart,
    check_folder,
    check_input,
    check_output,
    claimed,
    is_empty,
    refusal,
    replacing,
    scratch_folder,
    together,
    unchanged,
    written,
)
from vdsr_data.io.interrupt import half_done


def test_complete_file_replaces(tmp_path: Path):
    target = tmp_path / "out.txt"
    target.write_text("old")
    with replacing(target) as temporary:
        temporary.write_text("new")
        assert target.read_text() == "old"
    assert target.read_text() == "new"
    assert list(tmp_path.iterdir()) == [target]
    (tmp_path / "plain").touch()
    assert stat.S_IMODE(target.stat().st_mode) == stat.S_IMODE((tmp_path / "plain").stat().st_mode)


@pytest.mark.parametrize("error", [ValueError, KeyboardInterrupt])
def test_failure_leaves_what_was_there(tmp_path: Path, error: type[BaseException]):
    target = tmp_path / "out.txt"
    target.write_text("old")
    with pytest.raises(error), replacing(target) as temporary:
        temporary.write_text("half")
        raise error
    assert target.read_text() == "old"
    assert list(tmp_path.iterdir()) == [target]


@pytest.mark.parametrize("name", ["n" * 250 + ".h5", "\u00fc" * 125 + ".h5", "\u6f22" * 84 + ".h5", "n." + "s" * 250])
def test_long_names(tmp_path: Path, name: str):
    """Up to 255 bytes, whatever the letters."""
    target = tmp_path / name
    with replacing(target) as temporary:
        temporary.write_text("x")
        assert len(list(tmp_path.iterdir())) == 2
    assert [path.name for path in tmp_path.iterdir()] == [name]


def test_a_folder_with_what_a_killed_process_left(tmp_path: Path):
    for name in (".lock", ".a.png.lock", ".a.png-0123abcd.partial.png", ".b-0123abcd.partial"):
        (tmp_path / name).touch()
    assert is_empty(tmp_path)
    (tmp_path / "below").mkdir()
    (tmp_path / "below" / ".c.h5-0123abcd.partial").mkdir()
    (tmp_path / "below" / ".c.h5-0123abcd.partial" / "1.h5").touch()
    kept = [".mine", ".a.lock.txt", "x.partial.png", ".lock.h5"]
    for name in kept:
        (tmp_path / name).touch()
    assert not is_empty(tmp_path)
    with claimed(tmp_path):
        pass
    assert sorted(path.name for path in tmp_path.iterdir()) == sorted([*kept, "below"])
    assert is_empty(tmp_path / "below")


def test_claimed_makes_the_folder(tmp_path: Path):
    with claimed(tmp_path / "a" / "b"):
        assert (tmp_path / "a" / "b" / ".lock").exists()
    assert not list((tmp_path / "a" / "b").iterdir())
    (tmp_path / "file").touch()
    with pytest.raises(OSError, match="file"), claimed(tmp_path / "file"):
        pass


def test_files_appear_together_or_not_at_all(tmp_path: Path, monkeypatch: pytest.MonkeyPatch):
    folder = tmp_path / "out"
    files = [folder / "a.txt", folder / "below" / "b.txt"]
    with pytest.raises(RuntimeError), together(folder, files) as place:
        place(files[0]).write_text("new")
        raise RuntimeError
    assert not list(folder.iterdir())
    with together(folder, files) as place:
        for path in files:
            place(path).write_text(path.name)
        assert not any(path.exists() for path in files)
    assert [path.read_text() for path in files] == ["a.txt", "b.txt"]

    def to_another_disk(path: Path, target: Path, replace=Path.replace) -> Path:
        if path.parent.name.startswith("."):
            raise OSError(errno.EXDEV, "Invalid cross-device link")
        return replace(path, target)

    monkeypatch.setattr(Path, "replace", to_another_disk)
    with together(folder, files[1:]) as place:
        place(files[1]).write_text("newer")
    assert files[1].read_text() == "newer"
    assert sorted(path.name for path in folder.iterdir()) == ["a.txt", "below"]
    with pytest.raises(VdsrError, match="is a file where a folder is needed"), together(folder, [folder / "a.txt/b"]):
        pass


def test_scratch_folder(tmp_path: Path):
    with pytest.raises(VdsrError), scratch_folder(tmp_path / "out.h5") as folder:
        (folder / "1.h5").touch()
        assert str(folder) in half_done
        raise VdsrError
    assert not list(tmp_path.iterdir())
    assert not half_done


def test_a_temporary_file_that_cannot_be_removed_is_the_next_writers(tmp_path: Path, monkeypatch: pytest.MonkeyPatch):
    target = tmp_path / "out.txt"
    with monkeypatch.context() as patch, pytest.raises(VdsrError), replacing(target) as temporary:
        patch.setattr(Path, "unlink", lambda path, **_: (_ for _ in ()).throw(OSError(errno.EIO, "no", str(path))))
        temporary.write_text("half")
        raise VdsrError
    assert temporary.exists()
    half_done.clear()  # as when the process has ended
    with replacing(target) as other:
        assert not temporary.exists()
        other.write_text("whole")
    assert list(tmp_path.iterdir()) == [target]


def test_unchanged(tmp_path: Path):
    source = tmp_path / "in"
    source.write_text("one")
    with unchanged(source):
        source.read_text()
    with pytest.raises(VdsrError, match="in: was replaced or changed"), unchanged(source):
        source.write_text("other")
    with pytest.raises(VdsrError, match="in: was replaced or changed"), unchanged(source):
        (tmp_path / "new").write_text("other")
        (tmp_path / "new").replace(source)
    with pytest.raises(KeyError), unchanged(source):
        source.write_text("two")
        raise KeyError  # which says more


def test_outputs_that_are_refused(tmp_path: Path):
    (tmp_path / "there").touch()
    with pytest.raises(VdsrError, match="--force"):
        check_output(tmp_path / "there", force=False)
    check_output(tmp_path / "there", force=True)
    with pytest.raises(VdsrError, match="is a folder"):
        check_output(tmp_path, force=True)
    with pytest.raises(VdsrError, match="no such folder"):
        check_output(tmp_path / "none" / "out", force=False)
    for check in (check_output, check_folder):
        with pytest.raises(VdsrError, match="there: is a file, no folder"):
            check(tmp_path / "there" / "out", force=True)


def test_nothing_is_written_over_what_is_read(tmp_path: Path):
    (tmp_path / "set").mkdir()
    (tmp_path / "link").symlink_to(tmp_path / "set")
    for inputs, output in (
        ("set", "set/new.png"),
        ("link", "set/a/b.png"),
        ("set", "link/new.png"),
        ("a.png", "a.png"),
    ):
        with pytest.raises(VdsrError, match=r"(is what|[^,]*, which) is read; name another place"):
            check_apart([tmp_path / output], [tmp_path / "other", tmp_path / inputs])
    check_apart([tmp_path / "set.png"], [tmp_path / "set", tmp_path / "a.png"])


@pytest.mark.skipif(not hasattr(os, "mkfifo"), reason="needs named pipes")
def test_what_is_no_file_is_neither_replaced_nor_read(tmp_path: Path):
    pipe, link = tmp_path / "pipe", tmp_path / "link"
    os.mkfifo(pipe)
    link.symlink_to(pipe)
    for path in (pipe, link):
        with pytest.raises(VdsrError, match=f"{path.name}: not a plain file, and never replaced"):
            check_output(path, force=True)
        with pytest.raises(VdsrError, match=f"{path.name}: not a plain file, and never"), replacing(path):
            pass
        with pytest.raises(VdsrError, match=f"{path.name}: not a plain file$"):
            check_input(path)
    with pytest.raises(VdsrError, match="pipe: not a plain file, and never"), written(pipe):
        pass
    assert pipe.is_fifo()
    assert sorted(tmp_path.iterdir()) == [link, pipe]
    with written(link) as temporary:  # a download replaces the link, and leaves alone what it leads to
        temporary.write_text("new")
    assert (link.is_symlink(), link.read_text(), pipe.is_fifo()) == (False, "new", True)
    for path, words in ((tmp_path / "none", "no such file"), (tmp_path, "is a folder; give a file")):
        with pytest.raises(VdsrError, match=words):
            check_input(path)
        with pytest.raises(VdsrError, match=words), unchanged(path):
            pass


@pytest.mark.parametrize("name", ["a.png", "a.JPG", "a.mat", "a.npz", "a.zip", "a.csv"])
def test_a_file_is_not_called_by_the_name_of_another_kind(tmp_path: Path, name: str):
    with pytest.raises(
        VdsrError, match=rf"{name}: is the name of an? .*; what is .* called [.]h5 or [.]hdf5 or [.]hdf"
    ):
        check_output(tmp_path / name, force=True, suffixes=HDF5)
    check_output(tmp_path / name, force=True)


@pytest.mark.parametrize("name", ["a", "a.h5", "a.HDF5", "a.hdf", "a_0.5", "png", ".h5"])
def test_all_other_names_are_free(tmp_path: Path, name: str):
    check_output(tmp_path / name, force=False, suffixes=HDF5)


def test_the_log_of_this_process_is_not_replaced(tmp_path: Path, monkeypatch: pytest.MonkeyPatch):
    monkeypatch.setattr("vdsr_data.io.files.in_use", {os.path.realpath(tmp_path / "log.txt")})
    with pytest.raises(VdsrError, match=r"log.txt: is the log file of this very run"), replacing(tmp_path / "log.txt"):
        pass


@pytest.mark.skipif(sys.platform == "win32", reason="Windows lets few make links")
def test_links_stay_and_what_they_lead_to_is_replaced(tmp_path: Path):
    (tmp_path / "far").mkdir()
    target, link = tmp_path / "far" / "real.txt", tmp_path / "link.txt"
    target.write_text("old")
    link.symlink_to(Path("far", "real.txt"))
    check_output(link, force=True)
    with replacing(link) as temporary:
        assert sorted(path.name for path in tmp_path.iterdir()) == ["far", "link.txt"]  # all else lies beside the file
        temporary.write_text("new")
    assert link.is_symlink()
    assert target.read_text() == "new"
    assert list(target.parent.iterdir()) == [target]
    target.unlink()
    check_output(link, force=False)  # it leads to nothing yet
    with replacing(link) as temporary:
        temporary.write_text("made")
    assert target.read_text() == "made"
    target.unlink()
    target.parent.rmdir()
    with pytest.raises(VdsrError, match=r"far: no such folder"):
        check_output(link, force=False)


@pytest.mark.parametrize(
    ("error", "number"),
    [
        (OSError(errno.EMFILE, "x"), errno.EMFILE),
        (OSError("Unable to open file (name = 'a', errno = 24, error message = 'Too many')"), errno.EMFILE),
        (RuntimeError("Can't close (errno = 5, error message = ...)"), errno.EIO),
        (OSError("file signature not found"), None),
        (OSError("read failed (errno = 22, error message = 'Invalid argument')"), None),
        (ValueError("damaged"), None),
    ],
)
def test_refusals_of_the_system_are_told_from_damage(error: Exception, number: int | None):
    found = refusal(error, "a.h5")
    assert found is None if number is None else (found.errno, found.filename) == (number, "a.h5")


def test_full_disk_names_the_file(tmp_path: Path):
    target = tmp_path / "out.h5"
    with pytest.raises(OSError, match="No space left") as caught, replacing(target):
        raise OSError(errno.ENOSPC, "Can't synchronously write data\n, filename = ...")
    assert caught.value.filename == str(target)
    assert not list(tmp_path.iterdir())


def test_errors_of_hdf5_are_the_systems(tmp_path: Path):
    """It raises RuntimeError where it closes a file, and numbers only in its text."""
    for error in (RuntimeError, OSError):
        with pytest.raises(OSError, match="File too large") as caught, replacing(tmp_path / "out.h5"):
            raise error("Can't decrement id ref count (unable to extend file properly, errno = 27, error message = ...")
        assert caught.value.filename == str(tmp_path / "out.h5")
    with pytest.raises(RuntimeError, match="a bug"), replacing(tmp_path / "out.h5"):
        raise RuntimeError("a bug")


def test_a_missing_folder_is_named(tmp_path: Path):
    with pytest.raises(VdsrError, match=r"none: no such folder"), replacing(tmp_path / "none" / "out.h5"):
        pass
