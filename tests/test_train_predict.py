"""Weights to an upscaling function: tiles equal the whole image, none is larger than it should be; weights by name."""

import os
from itertools import pairwise
from pathlib import Path

import numpy as np
import pytest

from vdsr_train.predict import Upscaler, load_upscaler, newest_weights
from vdsr_train.weights import Weights, write_weights

pytest.importorskip("keras", reason="needs TensorFlow")


def network(depth: int, channels: int = 4) -> Weights:
    """Weights under which every layer passes on about as much as it is given."""
    random = np.random.default_rng(depth)
    shapes = [(3, 3, i, o) for i, o in pairwise([1, *[channels] * (depth - 1), 1])]
    return [
        ((random.standard_normal(s) * np.sqrt(2 / (9 * s[2]))).astype(np.float32), random.normal(size=s[3]) / 10)
        for s in shapes
    ]


@pytest.mark.parametrize(("depth", "tile"), [(2, 5), (6, 16), (20, 24), (20, 3)])
def test_tiles_equal_the_whole(depth: int, tile: int) -> None:
    weights = network(depth)
    whole, tiled = Upscaler(weights, tile=1000), Upscaler(weights, tile=tile)
    for shape in ((1, 1), (tile, tile + 1), (tile - 1, 2 * tile), (53, 47)):
        lr = np.random.default_rng(shape[1]).random(shape)
        np.testing.assert_allclose(tiled(lr, 2), whole(lr, 2), rtol=0, atol=1e-6)


def test_one_pixel_less_overlap_would_be_seen() -> None:
    """The overlap is exact: the last pixel of it changes the result."""
    weights = network(6)
    lr = np.random.default_rng(0).random((40, 40))
    whole, short = Upscaler(weights, tile=1000)(lr, 2), Upscaler(weights, tile=16)
    short.reach -= 1
    assert np.abs(short(lr, 2) - whole).max() > 1e-6


def test_no_tile_is_larger_than_stated(monkeypatch: pytest.MonkeyPatch) -> None:
    upscaler = Upscaler(network(3), tile=16)
    shapes = []
    inner = upscaler._network

    def watched(patch: np.ndarray) -> np.ndarray:
        assert patch.dtype == np.float32
        shapes.append(patch.shape[1:3])
        return inner(patch)

    monkeypatch.setattr(upscaler, "_network", watched)
    assert upscaler(np.zeros((50, 40)), 3).dtype == np.float32
    assert len(shapes) == 4 * 3
    assert np.max(shapes, axis=0).tolist() == [16 + 2 * 3] * 2


def test_no_fast_arithmetic_of_a_gpu_is_used() -> None:
    """TensorFlow lets a GPU round the factors of a convolution to 10 bits: off while a network runs, then as before."""
    tf = pytest.importorskip("tensorflow")
    from vdsr_train.step import compile_network

    switch = tf.config.experimental
    seen = []

    def spy(images, training: bool):
        tf.py_function(lambda: seen.append(switch.tensor_float_32_execution_enabled()), [], [])
        return images

    before = switch.tensor_float_32_execution_enabled()
    for allowed in (True, False):
        switch.enable_tensor_float_32_execution(allowed)
        compile_network(spy)(np.zeros((1, 3, 3, 1), np.float32))
        assert switch.tensor_float_32_execution_enabled() == allowed
    switch.enable_tensor_float_32_execution(before)
    assert seen == [False, False]


def test_networks_go_by_the_name_that_tells_them_apart(tmp_path: Path) -> None:
    (tmp_path / "quick").mkdir()
    write_weights(tmp_path / "quick" / "weights.h5", network(2))
    write_weights(tmp_path / "mine.h5", network(2))
    names = {path: load_upscaler(tmp_path / path).name for path in ("quick/weights.h5", "quick", "mine.h5")}
    assert names == {
        "quick/weights.h5": "VDSR (quick/weights.h5)",
        "quick": "VDSR (quick)",
        "mine.h5": "VDSR (mine.h5)",
    }


def test_the_newest_run_is_the_default(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)
    assert newest_weights() is None
    assert load_upscaler().name == load_upscaler(Path("default")).name == "VDSR (default)"
    for age, name in enumerate(("b", "c", "a")):
        path = tmp_path / "runs" / name / "weights.h5"
        path.parent.mkdir(parents=True)
        write_weights(path, network(2))
        os.utime(path, (10**9 - age, 10**9 - age))
    assert newest_weights() == Path("runs/b/weights.h5")
    assert load_upscaler().name == "VDSR (b/weights.h5)"
