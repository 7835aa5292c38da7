"""Our own engine against a slow twin in float64, against TensorFlow, and against itself on other threads and blocks."""

import hashlib
import os
import subprocess
import sys
import tracemalloc
from pathlib import Path

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from llvmlite import binding
from reference import random_network, slow_network

from vdsr_data import imresize, write_image
from vdsr_data.errors import VdsrError
from vdsr_eval import evaluate
from vdsr_eval.networks import engine as module
from vdsr_eval.networks.convert import read_any
from vdsr_eval.networks.engine import NumbaEngine
from vdsr_eval.networks.network import Network, load_network
from vdsr_eval.networks.weights import Weights, check_weights, negated


def made(depth: int, channels: int) -> Weights:
    return check_weights(random_network(depth, channels), "made")


def run(weights: Weights, image: np.ndarray, threads: int = 1) -> np.ndarray:
    with np.errstate(invalid="ignore"):  # of the kernels as plain Python
        result = NumbaEngine(weights, threads)(image[np.newaxis, ..., np.newaxis])
    assert result.dtype == np.float32
    assert result.shape == (1, *image.shape, 1)
    return result[0, ..., 0]


def noise(rows: int, columns: int, seed: int = 0) -> np.ndarray:
    return np.random.default_rng(seed).random((rows, columns)).astype(np.float32)


@pytest.mark.parametrize("shape", [(1, 1), (1, 9), (6, 1), (4, 4), (5, 7), (13, 22)])
@pytest.mark.parametrize(("depth", "channels"), [(2, 3), (3, 16), (6, 5)])
def test_a_slow_twin(shape, depth, channels) -> None:
    weights, image = made(depth, channels), noise(*shape)
    np.testing.assert_allclose(run(weights, image), slow_network(weights, image), rtol=1e-5, atol=1e-5)


@pytest.mark.jit
@settings(max_examples=60)
@given(
    rows=st.integers(1, 40), columns=st.integers(1, 260), depth=st.integers(2, 8),
    channels=st.sampled_from([1, 7, 16, 20, 32, 48, 64]), threads=st.integers(1, 6),
)  # fmt: skip
def test_any_size(rows, columns, depth, channels, threads) -> None:
    weights, image = made(depth, channels), noise(rows, columns)
    result = run(weights, image, threads)
    np.testing.assert_allclose(result, slow_network(weights, image), rtol=2e-5, atol=2e-5)
    assert result.tobytes() == run(weights, image, 1).tobytes()


@pytest.mark.slow
@pytest.mark.jit
@pytest.mark.parametrize("most", [12, 36, 48])
def test_bits_depend_neither_on_blocks_nor_on_threads(monkeypatch, most) -> None:
    weights, image = read_any("default"), noise(45, 301)
    bits = run(weights, image, 1).tobytes()
    monkeypatch.setattr(module, "MOST", most)
    for threads in (1, 2, 3, 7):
        for _ in range(3):
            assert run(weights, image, threads).tobytes() == bits


WIDTH = """
import hashlib
from test_eval_networks_engine import noise, run
from vdsr_data.matlab._vectors import WIDTH
from vdsr_eval.networks.convert import read_any
print(WIDTH, hashlib.sha256(run(read_any("default"), noise(9, 70))).hexdigest())
"""


@pytest.mark.slow
@pytest.mark.jit
@pytest.mark.parametrize(("without", "width"), [("avx512", 8), ("avx", 4)])
def test_bits_do_not_depend_on_the_width_of_registers(without: str, width: int) -> None:
    """Compiled as for a processor without AVX-512, or without AVX."""
    there = binding.get_host_cpu_features()
    if not there.get("avx"):
        pytest.skip("this processor has no AVX")
    left = ",".join(f"{'+' if found and without not in name else '-'}{name}" for name, found in there.items())
    environment = os.environ | {"PYTHONPATH": os.pathsep.join([str(Path(__file__).parent), *sys.path])}
    environment |= {"NUMBA_CPU_FEATURES": left, "NUMBA_CPU_NAME": "generic"}
    done = subprocess.run([sys.executable, "-c", WIDTH], env=environment, capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stderr
    bits = hashlib.sha256(run(read_any("default"), noise(9, 70))).hexdigest()
    assert done.stdout.split() == [str(width), bits]


@pytest.mark.jit
def test_images_one_after_the_other_leave_nothing_behind() -> None:
    weights = made(5, 16)
    engine = NumbaEngine(weights, 2)
    images = [noise(*shape, seed=k) for k, shape in enumerate([(30, 90), (7, 3), (41, 41)])]
    for image in (*images, *images):
        assert engine(image[np.newaxis, ..., np.newaxis])[0, ..., 0].tobytes() == run(weights, image).tobytes()
    both = engine(np.stack([images[2], images[2].T])[..., np.newaxis])
    assert both[1, ..., 0].tobytes() == run(weights, np.ascontiguousarray(images[2].T)).tobytes()
    engine.load(made(5, 32))  # also of another width
    assert engine(images[0][np.newaxis, ..., np.newaxis]).tobytes() == run(made(5, 32), images[0]).tobytes()


@pytest.mark.parametrize("odd", [np.nan, np.inf, -np.inf])
def test_what_is_not_a_number_is_not_hidden(odd) -> None:
    """It is seen wherever the twin has it, and goes no further than a tile beyond it in each layer."""
    weights, image = made(4, 16), noise(60, 64)
    clean = run(weights, image)
    image[31, 30] = odd
    result = run(weights, image)
    wrong = ~np.isfinite(slow_network(weights, image))
    assert wrong[31, 30]
    assert not np.isfinite(result[wrong]).any()
    assert np.isfinite(result[:16]).all()
    np.testing.assert_allclose(result[:16], clean[:16], rtol=0, atol=1e-6)
    weights[1][0][1, 1, 0, 0] = np.nan
    assert np.isnan(run(weights, noise(9, 9))).all()


def test_the_skip_is_added_or_subtracted() -> None:
    weights, image = made(3, 16), noise(9, 14)
    residual = slow_network(weights, image) - image
    np.testing.assert_allclose(run(weights, image), image + residual, atol=1e-5)
    np.testing.assert_allclose(run(negated(weights), image), image - residual, atol=1e-5)


@pytest.mark.jit
def test_tensorflow_says_the_same() -> None:
    pytest.importorskip("keras")
    pytest.importorskip("tensorflow")
    image = imresize(noise(25, 41).astype(float), 3).clip(0, 1)
    ours, theirs = (load_network("default", engine=engine)(image, 3) for engine in ("numba", "tensorflow"))
    assert np.abs(theirs - image).max() > 0.05
    assert np.abs(ours - theirs).max() < 2e-5


@pytest.mark.jit
def test_memory_grows_with_columns_but_not_with_rows() -> None:
    def peak(rows: int, columns: int) -> int:
        image = np.zeros((1, rows, columns, 1), np.float32)
        tracemalloc.start()
        try:
            engine(image)
            return tracemalloc.get_traced_memory()[1]
        finally:
            tracemalloc.stop()

    engine = NumbaEngine(made(20, 16), 2)
    engine(np.zeros((1, 8, 8, 1), np.float32))
    low, high = peak(40, 128), peak(2040, 128)
    assert high - low < 2000 * (128 + 8) * 4 * 4  # the image, padded, its result and a copy of it


LARGE = """
import resource
import numpy as np
from vdsr_eval import load_network
load_network("default", engine="numba")(np.random.default_rng(0).random((60, 6000)), 2)
print(resource.getrusage(resource.RUSAGE_SELF).ru_maxrss * 1024 / 1e9)
"""


@pytest.mark.slow
@pytest.mark.jit
@pytest.mark.skipif(sys.platform != "linux", reason="counts as Linux does")
def test_the_columns_of_a_photograph_fit() -> None:
    """6000 columns: with 4000 rows, which cost 12 bytes a pixel, 0.3 GB more, it stays below 1.5 GB."""
    # By a small process in between: a process inherits the peak of the one that starts it.
    code = "import subprocess, sys; sys.exit(subprocess.run([sys.executable, '-c', sys.argv[1]]).returncode)"
    done = subprocess.run([sys.executable, "-c", code, LARGE], capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stderr
    assert float(done.stdout) < 0.9


@pytest.mark.slow
def test_a_framework_is_named_in_the_report(tmp_path: Path) -> None:
    pytest.importorskip("keras")
    pytest.importorskip("tensorflow")
    write_image(tmp_path / "noise.png", (noise(20, 24) * 255).astype(np.uint8))
    for engine, said in (("numba", False), ("tensorflow", True)):
        network = Network(made(2, 4), engine=engine, name="mine")
        for ensemble in (False, True):
            scores = evaluate(tmp_path, {"mine": network}, scales=2, self_ensemble=ensemble)
            name = "mine x8" if ensemble else "mine"
            assert (f"{name}: computed by {engine}" in scores.remarks) == said


def test_engines_by_name() -> None:
    weights = made(2, 4)
    assert Network(weights, engine="numba").engine == "numba"
    assert Network(weights, engine=NumbaEngine).engine == "NumbaEngine"
    with pytest.raises(VdsrError, match="engine: 'torch' is not allowed"):
        Network(weights, engine="torch")  # type: ignore[arg-type]
    with pytest.raises(VdsrError, match="threads: -1 is not allowed"):
        NumbaEngine(weights, -1)


def test_auto_looks_for_a_gpu_only_where_one_may_be(monkeypatch) -> None:
    from vdsr_eval.networks import network as networks

    asked = []

    class Framework:
        def __init__(self, weights: Weights, backend: str) -> None:
            self.backend = backend

        @staticmethod
        def finds_gpu(backend: str) -> bool:
            asked.append(backend)
            return backend == "jax"

    monkeypatch.delenv("KERAS_BACKEND", raising=False)
    monkeypatch.setattr(networks, "_framework", lambda: Framework)
    monkeypatch.setattr(networks, "find_spec", lambda name: name)
    monkeypatch.setattr(networks, "_gpu_there", lambda: False)
    assert (Network(made(2, 4)).engine, asked) == ("numba", [])
    monkeypatch.setattr(networks, "_gpu_there", lambda: True)
    assert (Network(made(2, 4)).engine, asked) == ("jax", ["tensorflow", "jax"])
    monkeypatch.setenv("KERAS_BACKEND", "tensorflow")
    assert (Network(made(2, 4)).engine, asked[2:]) == ("numba", ["tensorflow"])
