"""Weights to an upscaling function: tiles equal the whole image, none is larger than it should be; weights by name."""

import os
import subprocess
import sys
from pathlib import Path

import numpy as np
import pytest
from needs import needs
from reference import random_network as network

from vdsr_data.errors import VdsrError
from vdsr_eval.networks.network import Network, load_network, newest_weights
from vdsr_eval.networks.weights import write_weights

needs("keras")


@pytest.mark.parametrize(
    ("depth", "tile"),
    [(2, 5), (6, 16), pytest.param(20, 24, marks=pytest.mark.slow), pytest.param(20, 3, marks=pytest.mark.slow)],
)
def test_tiles_equal_the_whole(depth: int, tile: int) -> None:
    weights = network(depth)
    whole, tiled = (Network(weights, tile=size, engine="tensorflow") for size in (1000, tile))
    for shape in ((1, 1), (tile, tile + 1), (tile - 1, 2 * tile), (53, 47)):
        lr = np.random.default_rng(shape[1]).random(shape)
        np.testing.assert_allclose(tiled(lr, 2), whole(lr, 2), rtol=0, atol=1e-6)


def test_arguments_that_are_not_allowed() -> None:
    weights = network(3)
    for wrong, words in (
        (lambda: Network(weights, tile=0), "tile: 0 is not allowed"),
        (lambda: Network(weights[1:]), "the kernel is"),
        (lambda: Network(weights[:1]), "1 layers"),
        (lambda: Network(weights)(np.zeros((3, 4, 3)), 2), r"ilr is float64 of shape \(3, 4, 3\); luma is needed"),
    ):
        with pytest.raises(VdsrError, match=words):
            wrong()


def test_one_pixel_less_overlap_would_be_seen() -> None:
    """The overlap is exact: the last pixel of it changes the result."""
    weights = network(6)
    lr = np.random.default_rng(0).random((40, 40))
    whole, short = Network(weights, tile=1000)(lr, 2), Network(weights, tile=16, engine="tensorflow")
    short.reach -= 1
    assert np.abs(short(lr, 2) - whole).max() > 1e-6


def test_no_tile_is_larger_than_stated(monkeypatch: pytest.MonkeyPatch) -> None:
    upscaler = Network(network(3), tile=16)
    shapes = []
    inner = upscaler._engine

    def watched(patch: np.ndarray) -> np.ndarray:
        assert patch.dtype == np.float32
        shapes.append(patch.shape[1:3])
        return inner(patch)

    monkeypatch.setattr(upscaler, "_engine", watched)
    assert upscaler(np.zeros((50, 40)), 3).dtype == np.float32
    assert len(shapes) == 4 * 3
    assert np.max(shapes, axis=0).tolist() == [16 + 2 * 3] * 2


GROWTH = """
import sys
import numpy as np
from reference import random_network as network
from vdsr_eval.networks.network import Network

def resident() -> float:
    with open("/proc/self/statm") as file:
        return int(file.read().split()[1]) * 4096 / 1e6

upscaler, before = Network(network(4, 8), engine=sys.argv[1]), 0.0
for number in range(300):
    upscaler(np.zeros((30 + number % 20, 30 + number // 20)), 2)
    if number == 60:
        before = resident()
print(resident() - before)
"""


@pytest.mark.slow
@pytest.mark.skipif(not Path("/proc/self/statm").exists(), reason="needs Linux")
@pytest.mark.parametrize("engine", ["numba", os.environ.get("KERAS_BACKEND", "tensorflow")])
def test_memory_does_not_grow_with_the_number_of_sizes(engine: str) -> None:
    """240 sizes more: 80 MB with what TensorFlow keeps for each of them in each of its threads."""
    environment = os.environ | {"PYTHONPATH": os.pathsep.join(sys.path)}
    words = [sys.executable, "-c", GROWTH, engine]
    done = subprocess.run(words, env=environment, capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stderr
    assert float(done.stdout.split()[-1]) < (60 if engine == "jax" else 20)


@pytest.mark.parametrize(("depth", "channels"), [(2, 4), (5, 3), (20, 16)])
def test_the_network_in_a_session_is_the_model_bit_by_bit(depth: int, channels: int) -> None:
    pytest.importorskip("tensorflow")
    from vdsr_train.backends.model import build_model, set_weights
    from vdsr_train.backends.step import _on_gpu, _on_processor

    model = build_model(depth=depth, channels=channels)
    set_weights(model, network(depth, channels))
    inside, outside = _on_processor(model), _on_gpu(model)
    for shape in ((1, 1), (1, 30), (41, 41), (37, 60), (7, 3)):
        image = np.random.default_rng(shape[1]).random((1, *shape, 1)).astype(np.float32)
        result = inside(image)
        assert result.dtype == np.float32
        assert result.tobytes() == outside(image).tobytes()
    set_weights(model, [(kernel * 2, bias) for kernel, bias in network(depth, channels)])
    assert inside(image).tobytes() == outside(image).tobytes() != result.tobytes()  # weights are read anew


def test_no_fast_arithmetic_of_a_gpu_is_used() -> None:
    """TensorFlow lets a GPU round the factors of a convolution to 10 bits: off while a network runs, then as before."""
    tf = pytest.importorskip("tensorflow")
    from vdsr_train.backends.step import _on_gpu

    switch = tf.config.experimental
    seen = []

    def spy(images, training: bool):
        tf.py_function(lambda: seen.append(switch.tensor_float_32_execution_enabled()), [], [])
        return images

    before = switch.tensor_float_32_execution_enabled()
    for allowed in (True, False):
        switch.enable_tensor_float_32_execution(allowed)
        _on_gpu(spy)(np.zeros((1, 3, 3, 1), np.float32))
        assert switch.tensor_float_32_execution_enabled() == allowed
    switch.enable_tensor_float_32_execution(before)
    assert seen == [False, False]


def test_networks_go_by_the_name_that_tells_them_apart(tmp_path: Path) -> None:
    (tmp_path / "quick").mkdir()
    write_weights(tmp_path / "quick" / "weights.h5", network(2))
    write_weights(tmp_path / "mine.h5", network(2))
    names = {path: load_network(tmp_path / path).name for path in ("quick/weights.h5", "quick", "mine.h5")}
    assert names == {
        "quick/weights.h5": "VDSR (quick/weights.h5)",
        "quick": "VDSR (quick)",
        "mine.h5": "VDSR (mine.h5)",
    }


def test_the_newest_run_is_the_default(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)
    assert newest_weights() is None
    assert load_network().name == load_network(Path("default")).name == "VDSR (default)"
    for age, name in enumerate(("b", "c", "a")):
        path = tmp_path / "runs" / name / "weights.h5"
        path.parent.mkdir(parents=True)
        write_weights(path, network(2))
        os.utime(path, (10**9 - age, 10**9 - age))
    assert newest_weights() == newest_weights(Path("runs")) == Path("runs/b/weights.h5")
    assert load_network("runs/c/weights.h5").name == "VDSR (c/weights.h5)"
    assert load_network().name == "VDSR (b/weights.h5)"
