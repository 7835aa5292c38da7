"""Outputs are complete or absent."""

import errno
import stat
from pathlib import Path

import pytest

from vdsr_data.errors import VdsrError
from vdsr_data.files import check_output, check_space, replacing


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


def test_long_names(tmp_path: Path):
    target = tmp_path / ("n" * 250 + ".h5")
    with replacing(target) as temporary:
        temporary.write_text("x")
    assert target.exists()


def test_outputs_that_are_refused(tmp_path: Path):
    (tmp_path / "there").touch()
    with pytest.raises(VdsrError, match="--force"):
        check_output(tmp_path / "there", force=False)
    check_output(tmp_path / "there", force=True)
    with pytest.raises(VdsrError, match="is a folder"):
        check_output(tmp_path, force=True)
    with pytest.raises(VdsrError, match="no such folder"):
        check_output(tmp_path / "none" / "out", force=False)
    with pytest.raises(VdsrError, match="write elsewhere"):
        check_space(tmp_path / "out", 10**18)


def test_full_disk_names_the_file(tmp_path: Path):
    target = tmp_path / "out.h5"
    with pytest.raises(OSError, match="No space left") as caught, replacing(target):
        raise OSError(errno.ENOSPC, "Can't synchronously write data\n, filename = ...")
    assert caught.value.filename == str(target)
    assert not list(tmp_path.iterdir())


def test_folder_that_cannot_be_written_names_the_file(tmp_path: Path):
    with pytest.raises(OSError, match=r"none/out.h5"), replacing(tmp_path / "none" / "out.h5"):
        pass
