"""Disks that are full, read-only, or gone: one line, nothing half-written, and all is well the next time."""

import errno
import os
import shutil
import subprocess
import sys
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from pathlib import Path

import numpy as np
import pytest
from forks import Command, Forks, Outcome, fetching, hidden, tree
from PIL import Image

pytestmark = [pytest.mark.slow, pytest.mark.skipif(sys.platform == "win32", reason="needs fork")]

NOBODY = 65534
# Each writes below the folder `out` of the folder in which it runs; "@" is a folder of images.
COMMANDS = {
    "build-train": ("vdsr-data", "build-train", "@", "--patch-size", "9", "--stride", "9", "-o", "out/t.h5", "--force"),
    "compressed": ("vdsr-data", "build-train", "@", "--patch-size", "9", "--compression", "1", "-o", "out/c.h5",
                   "--force"),
    "sub-images": ("vdsr-data", "build-train", "@", "--format", "lmdb", "--scales", "2", "--patch-size", "24",
                   "--stride", "24", "-o", "out/lmdb", "--force"),
    "build-test": ("vdsr-data", "build-test", "@", "-o", "out/b.h5", "--force"),
    "build-test-mat": ("vdsr-data", "build-test", "@", "--format", "mat", "-o", "out/mat", "--force"),
    "imresize": ("vdsr-data", "imresize", "@", "out/lr", "--scale", "1/2", "--force"),
    "eval": ("vdsr-eval", "--model", "bicubic", "--dataset", "@", "--scale", "2", "--html", "out/p.html", "--csv",
             "out/s.csv", "--save-images", "out/pictures", "--save-mat", "out/mats", "--force"),
}  # fmt: skip


@dataclass
class Place:
    """A command, the folder in which it runs, and what it writes there when nothing happens."""

    forks: Forks
    command: Command
    folder: Path
    new: dict[str, bytes] = field(default_factory=dict)
    operations: int = 0

    def undisturbed(self) -> "Place":
        self.reset()
        self.forks.warm(self.command)
        self.reset()
        done = self.forks(self.command)
        assert done.code == 0, done.err
        self.new, self.operations = tree(self.folder), done.operations
        assert self.new
        assert not hidden(self.new)
        self.reset()
        return self

    def reset(self) -> None:
        shutil.rmtree(self.folder / "out", ignore_errors=True)
        (self.folder / "out").mkdir(parents=True)

    def check(self, outcome: Outcome, *words: str, fails: bool = True) -> None:
        """It failed with one line, or not at all if that is allowed, and left nothing half-written."""
        found = tree(self.folder)
        said = (outcome, sorted(found))
        assert not outcome.hung
        if not outcome.code:
            assert not fails, said
            assert "Traceback" not in outcome.err, said
            assert {name: found[name] for name in found.keys() - hidden(found)} == self.new
            return
        assert outcome.code == 1, said
        reasons = [line for line in outcome.lines if not line.startswith("wrote ")]  # what could be written is kept
        assert len(reasons) == 1, said
        assert reasons[0].startswith(f"{self.command.words[0]}: "), said
        assert ".partial" not in outcome.err, said
        for word in words:
            assert word in outcome.err, said
        for name, data in found.items():
            assert Path(name).name.startswith(".") or data == self.new[name], (name, said)

    def recovers(self) -> None:
        again = self.forks(self.command)
        assert again.code == 0, again.err
        assert tree(self.folder) == self.new


@pytest.fixture(scope="module", params=COMMANDS)
def known(request, forks: Forks, negatives: Path, tmp_path_factory: pytest.TempPathFactory) -> Place:
    """Each command in turn, in a folder of its own."""
    work = tmp_path_factory.mktemp(request.param) / "work"
    photographs = shutil.copytree(negatives, work.with_name("photographs"))
    words = tuple(str(photographs) if word == "@" else word for word in COMMANDS[request.param])
    return Place(forks, Command(words, below=str(work)), work).undisturbed()


@pytest.fixture
def place(known: Place) -> Place:
    """The same, with nothing written yet."""
    known.reset()
    return known


@pytest.fixture
def disk(tmp_path: Path) -> Iterator[Callable[..., Path]]:
    """Mounts a small disk of its own: ``disk("size=1m")``."""
    point = tmp_path / "disk"
    point.mkdir()
    mounted = []

    def mount(options: str) -> Path:
        words = ["mount", "-t", "tmpfs", "-o", f"{options}{',remount' if mounted else ''}", "tmpfs", str(point)]
        done = subprocess.run(words, capture_output=True, check=False) if shutil.which("mount") else None
        if done is None or done.returncode:
            pytest.skip("this user cannot mount a disk")
        mounted.append(point)
        return point

    yield mount
    if mounted:
        subprocess.run(["umount", str(point)], check=True)


ERRORS = (errno.ENOSPC, errno.EIO, errno.EACCES, errno.EROFS, errno.EDQUOT, errno.EPERM, errno.ESTALE)


def test_a_fetch_may_meet_any_of_them(forks, tmp_path, chance, amount, tried) -> None:
    command, out = fetching(tmp_path, chance), tmp_path / "out"
    whole = forks(command)
    assert whole.code == 0, whole.err
    wanted = tree(out)
    for _ in range(amount(4, 120)):
        error, at = chance.choice(ERRORS), chance.randint(1, whole.operations)
        shutil.rmtree(out)
        out.mkdir()
        tried("disk")
        outcome = forks(command.but(at=at, error=error))
        assert not outcome.hung
        assert outcome.code in (0, 1), (at, error, outcome)
        assert len(outcome.lines) == outcome.code, (at, error, outcome)
        for name, data in tree(out).items():
            assert Path(name).name.startswith(".") or data == wanted[f"Set5/{Path(name).name}"], (at, error, outcome)
        again = forks(command)
        assert again.code == 0, again.err
        assert tree(out) == wanted, (at, error)


def test_any_operation_may_fail(place: Place, chance, amount, tried) -> None:
    """One of the operations on files in the folder of the output fails; where it did not matter, nobody notices."""
    for _ in range(amount(3, 120)):
        error, at = chance.choice(ERRORS), chance.randint(1, place.operations)
        place.reset()
        tried("disk")
        try:
            place.check(place.forks(place.command.but(at=at, error=error)), fails=False)
        except AssertionError as failure:
            raise AssertionError(f"{errno.errorcode[error]} at {at}: {failure}") from failure
        place.recovers()


@pytest.mark.parametrize("error", [errno.EEXIST, errno.EPERM, errno.EBUSY], ids=errno.errorcode.get)
def test_a_drive_that_does_not_rename_over_files(place: Place, error: int, tried) -> None:
    """As some network drives: what was there stays, and the line names the output."""
    if place.command.words[1] == "build-train":
        place.recovers()
    before = tree(place.folder)
    tried("disk")
    place.check(place.forks(place.command.but(only="os.rename", at=1, error=error)), "out/", os.strerror(error))
    assert before.items() <= tree(place.folder).items()
    place.recovers()


def test_full_disk(place: Place, disk, chance, amount, tried) -> None:
    """Disks of all sizes that are too small, by a little or a lot."""
    needed = sum(-(-len(data) // 4096) * 4096 for data in place.new.values())
    point = disk("size=64m")
    small = Place(place.forks, place.command.but(below=str(point)), point, place.new)
    for _ in range(amount(2, 40)):
        small.reset()
        disk(f"size={chance.randint(12, max(13, needed // 1024))}k")
        tried("disk")
        outcome = small.forks(small.command)
        small.check(outcome, fails=False)
        assert not hidden(tree(point))  # neither temporary files nor locks
        disk("size=64m")
        small.recovers()


def test_quota(place: Place, chance, amount, tried) -> None:
    """A limit to the size of a file, which systems report like a quota: in the middle of a write."""
    largest = max(map(len, place.new.values()))
    for _ in range(amount(1, 40)):
        place.reset()
        tried("disk")
        place.check(place.forks(place.command.but(limit=chance.randint(1, largest - 1))), "out/")
        assert not [name for name in tree(place.folder) if ".partial" in name]
        place.recovers()


def on_disk(place: Place, disk: Callable[..., Path]) -> Place:
    """The same, but for the output, which is on a disk of its own."""
    point = disk("size=64m")
    target = Place(place.forks, place.command.but(below=str(point)), point, place.new)
    target.reset()
    return target


def test_read_only_disk(place: Place, disk, tried) -> None:
    target = on_disk(place, disk)
    disk("ro")
    tried("disk")
    target.check(target.forks(target.command), "out", "Read-only file system")
    disk("rw,size=64m")
    target.recovers()


def test_permission_denied(place: Place, tried) -> None:
    """By another user, or by this one if that may not do everything."""
    (place.folder / "out").chmod(0o555)
    for folder in (*place.folder.parents, place.folder):
        if folder.stat().st_uid == os.getuid() and not os.getuid():
            folder.chmod(folder.stat().st_mode | 0o055)
    tried("disk")
    place.check(place.forks(place.command.but(user=0 if os.getuid() else NOBODY)), "out", "Permission denied")
    (place.folder / "out").chmod(0o755)
    place.recovers()


def test_another_disk_than_that_of_the_input(place: Place, disk, tried) -> None:
    """Temporary files lie beside the output, so that no rename has to cross over."""
    target = on_disk(place, disk)
    tried("disk")
    target.recovers()


def test_folder_removed_underway(place: Place, chance, amount, tried) -> None:
    for _ in range(amount(2, 60)):
        place.reset()
        tried("disk")
        command = place.command.but(at=chance.randint(1, place.operations), remove=str(place.folder / "out"))
        outcome = place.forks(command)
        assert not outcome.hung
        assert outcome.code in (0, 1), outcome
        assert len(outcome.lines) == 1 or not outcome.code, outcome
        for name, data in tree(place.folder).items():
            assert Path(name).name.startswith(".") or data == place.new[name], (name, outcome)
        place.reset()
        place.recovers()


@pytest.mark.parametrize("size", ["same", "other"])
@pytest.mark.parametrize("name", ["build-train", "build-test"])
def test_source_replaced_while_it_is_read(forks, photographs, tmp_path, name, size, amount, chance, tried) -> None:
    """The file is of one image or the other, and says which by its SHA-256; else there is a line, and no file."""
    import hashlib

    import h5py

    words = tuple(str(photographs) if word == "@" else word for word in COMMANDS[name])
    command = Command(words, below=str(tmp_path / "work"), watched=str(photographs))
    place = Place(forks, command, tmp_path / "work")
    victim, other = photographs / "a.jpg", tmp_path / "other.jpg"
    original = victim.read_bytes()
    shape = (83, 50, 3) if size == "same" else (95, 60, 3)
    Image.fromarray(np.random.default_rng(7).integers(0, 256, shape, dtype=np.uint8)).save(other)
    wanted = {}
    for body in (other.read_bytes(), original):
        victim.write_bytes(body)
        wanted[hashlib.sha256(body).hexdigest()] = place.undisturbed().new
    for at in range(1, place.operations + 1) if amount(0, 1) else chance.sample(range(1, place.operations + 1), 4):
        victim.write_bytes(original)
        shutil.copy(other, tmp_path / "swap.jpg")
        place.reset()
        tried("disk")
        outcome = forks(command.but(at=at, replace=(str(tmp_path / "swap.jpg"), str(victim))))
        found = tree(place.folder)
        if outcome.code:
            assert outcome.code == 1, outcome
            assert len(outcome.lines) == 1, outcome
            assert "a.jpg" in outcome.err
            assert not found
            continue
        with h5py.File(next((tmp_path / "work" / "out").iterdir())) as file:
            digests = set(np.asarray(file.attrs["sha256"]).ravel().tolist()) if "sha256" in file.attrs else set()
            text = str(sorted(map(str, digests)))
        assert [digest for digest, new in wanted.items() if new == found and digest in text], (at, outcome)
