"""Checkpoints: exact, the last two kept, the damaged passed over, never half-written."""

import errno
from pathlib import Path

import h5py
import numpy as np
import pytest

from vdsr_data.errors import VdsrError
from vdsr_train.loop import checkpoint


def state(seed: int = 0) -> dict[str, np.ndarray]:
    random = np.random.default_rng(seed)
    return {
        "conv_01/kernel": random.standard_normal((3, 3, 1, 4)).astype(np.float32),
        "optimizer/iteration": np.array(seed, np.int64),
        "optimizer/learning_rate": np.array(0.1, np.float32),
    }


def silent(text: str) -> None:
    raise AssertionError(text)


def test_round_trip_is_bit_exact(tmp_path) -> None:
    checkpoint.save(tmp_path, 12, state(), data="abc")
    step, loaded, data, pending = checkpoint.load(tmp_path, warn=silent)
    assert (step, data, pending) == (12, "abc", None)
    assert loaded.keys() == state().keys()
    for name, array in state().items():
        assert loaded[name].dtype == array.dtype
        assert loaded[name].tobytes() == array.tobytes()


def test_a_row_without_scores_comes_back(tmp_path) -> None:
    row = {"step": 12, "loss": 0.1 + 0.2}
    checkpoint.save(tmp_path, 12, state(), data="", pending=row)
    assert checkpoint.load(tmp_path, warn=silent).pending == row


def test_the_last_two_are_kept_and_the_newest_is_read(tmp_path) -> None:
    for step in (5, 10, 100, 1000):
        checkpoint.save(tmp_path, step, state(step), data="")
    assert sorted(path.name for path in tmp_path.iterdir()) == ["step-000000100.h5", "step-000001000.h5"]
    assert checkpoint.load(tmp_path, warn=silent)[0] == 1000


@pytest.mark.parametrize("damage", ["cut", "empty", "flip", "garbage"])
def test_a_damaged_newest_falls_back_with_a_warning(tmp_path, damage) -> None:
    checkpoint.save(tmp_path, 1, state(1), data="")
    path = checkpoint.save(tmp_path, 2, state(2), data="")
    content = bytearray(path.read_bytes())
    if damage == "flip":  # one bit inside the kernel's numbers, which HDF5 alone would not notice
        content[content.index(state(2)["conv_01/kernel"].tobytes()) + 7] ^= 1
    path.write_bytes({"cut": content[: len(content) // 2], "empty": b"", "garbage": b"x" * 4096}.get(damage, content))
    warnings: list[str] = []
    assert checkpoint.load(tmp_path, warn=warnings.append)[0] == 1
    assert len(warnings) == 1
    assert "step-000000002.h5" in warnings[0]
    assert "\n" not in warnings[0]


def test_damaged_ones_of_higher_steps_cost_no_whole_one(tmp_path) -> None:
    """They are moved aside and never count again; what is saved later is neither deleted nor passed over for them."""
    for step in (10, 20):
        checkpoint.save(tmp_path, step, state(step), data="")
    whole = (tmp_path / "step-000000010.h5").read_bytes()
    for step in (900, 1000):
        (tmp_path / f"step-{step:09}.h5").write_bytes(whole[:-9])
    warnings: list[str] = []
    assert checkpoint.load(tmp_path, warn=warnings.append).step == 20
    assert [text.split(": ")[0] for text in warnings] == [str(tmp_path / f"step-{step:09}.h5") for step in (1000, 900)]
    assert "it is now step-000001000.h5.damaged" in warnings[0]
    for step in (30, 40, 50):
        checkpoint.save(tmp_path, step, state(step), data="")
        assert checkpoint.load(tmp_path, warn=silent).step == step
    aside = ["step-000000900.h5.damaged", "step-000001000.h5.damaged"]
    assert sorted(path.name for path in tmp_path.iterdir()) == ["step-000000040.h5", "step-000000050.h5", *aside]
    assert [path.name for path in checkpoint.damaged(tmp_path)] == aside


def test_a_save_keeps_what_it_saved_whatever_else_is_there(tmp_path) -> None:
    for step in (1000, 2000, 3000):
        (tmp_path / f"step-{step:09}.h5").write_bytes(b"of another training")
    for step in (1, 2, 3):
        assert checkpoint.save(tmp_path, step, state(step), data="").exists()
    steps = [int(path.stem[5:]) for path in sorted(tmp_path.iterdir())]
    assert steps == [2, 3, 1000, 2000, 3000]


@pytest.mark.parametrize("number", [errno.EACCES, errno.EMFILE, errno.EIO, errno.ESTALE])
@pytest.mark.parametrize("what", ["file", "folder"])
def test_what_the_system_does_not_let_us_read_is_not_damaged(tmp_path, monkeypatch, number, what) -> None:
    for step in (1, 2):
        checkpoint.save(tmp_path, step, state(step), data="")

    def refused(path, *_):
        raise OSError(number, "refused", str(path))

    with monkeypatch.context() as patch:
        patch.setattr(Path, "read_bytes" if what == "file" else "iterdir", refused)
        with pytest.raises(OSError, match="refused") as caught:
            checkpoint.load(tmp_path, warn=silent)
    assert caught.value.filename == str(tmp_path / "step-000000002.h5" if what == "file" else tmp_path)
    assert checkpoint.load(tmp_path, warn=silent).step == 2


def test_a_file_that_declares_more_than_it_holds_is_damaged(tmp_path) -> None:
    checkpoint.save(tmp_path, 1, state(1), data="")
    with h5py.File(tmp_path / "step-000000002.h5", "w") as file:
        file.create_dataset("conv_01/kernel", (2**40,), "f4", chunks=(1024,))
    warnings: list[str] = []
    assert checkpoint.load(tmp_path, warn=warnings.append).step == 1
    assert "declares more values than the file holds" in warnings[0]


def test_nothing_to_load(tmp_path) -> None:
    assert checkpoint.load(tmp_path / "none", warn=silent) is None


def test_what_a_killed_save_leaves_is_neither_read_nor_kept(tmp_path) -> None:
    checkpoint.save(tmp_path, 3, state(), data="")
    (tmp_path / ".step-000000004-abc.partial.h5").write_bytes(b"half")
    assert checkpoint.load(tmp_path, warn=silent)[0] == 3
    assert [path.name for path in tmp_path.iterdir()] == ["step-000000003.h5"]


def test_a_full_disk_leaves_the_last_good_one(tmp_path, monkeypatch) -> None:
    checkpoint.save(tmp_path, 3, state(), data="")

    def full(path) -> None:
        raise OSError(28, "No space left on device")

    monkeypatch.setattr(checkpoint, "_flush", full)
    with pytest.raises(VdsrError, match=r"No space left.*last good checkpoint is .*step-000000003\.h5"):
        checkpoint.save(tmp_path, 4, state(), data="")
    assert [path.name for path in tmp_path.iterdir()] == ["step-000000003.h5"]


def test_nan_is_refused_and_the_last_good_one_named(tmp_path) -> None:
    checkpoint.save(tmp_path, 3, state(), data="")
    bad = state() | {"conv_01/kernel": np.full((3, 3, 1, 4), np.nan, np.float32)}
    with pytest.raises(VdsrError, match=r"conv_01/kernel is not finite after step 4.*step-000000003\.h5"):
        checkpoint.check_finite(tmp_path, 4, bad)


class Variable:
    def __init__(self, path: str, value) -> None:
        self.path, self.value = path, np.asarray(value)
        self.shape = self.value.shape

    def numpy(self):
        return self.value

    def assign(self, value) -> None:
        self.value = value


def test_set_state_wants_exactly_the_variables_it_has() -> None:
    variables = [Variable("a", np.zeros(3)), Variable("b", 0.0)]
    checkpoint.set_state(variables, {"a": np.ones(3), "b": np.array(2.0)})
    assert variables[0].value.sum() == 3
    assert float(variables[1].value) == 2
    for wrong, message in (
        ({"a": np.ones(3)}, "b is missing"),
        ({"a": np.ones(3), "b": np.ones(()), "c": np.ones(2)}, "c is not part"),
        ({"a": np.ones(4), "b": np.ones(())}, r"a is \(4,\)"),
    ):
        with pytest.raises(VdsrError, match=message):
            checkpoint.set_state(variables, wrong)


def test_a_checkpoint_damaged_anywhere_is_passed_over(tmp_path) -> None:
    checkpoint.save(tmp_path, 1, state(1), data="d")
    newest = checkpoint.save(tmp_path, 2, state(2), data="d")
    whole = newest.read_bytes()
    random = np.random.default_rng(0)
    for start in random.integers(0, len(whole) - 8, 60).tolist():
        newest.write_bytes(whole[:start] + random.bytes(8) + whole[start + 8 :])
        loaded = checkpoint.load(tmp_path, warn=lambda _: None)
        assert loaded is not None
        step, arrays, *_ = loaded  # step 2 where the damage met bytes that hold nothing
        assert all((arrays[name] == array).all() for name, array in state(step).items())
