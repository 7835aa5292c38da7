"""The network against a convolution written out in NumPy."""

import numpy as np
import pytest
from needs import needs

from vdsr_data.errors import ArgumentError, VdsrError
from vdsr_eval.networks.weights import write_weights
from vdsr_train.config import Config

needs("tensorflow")


def numpy_network(weights, lr):
    """3x3 cross-correlations with zero padding, ReLU after all but the last, the input added: float64."""
    features = lr.astype(np.float64)[..., None]
    for number, (kernel, bias) in enumerate(weights, start=1):
        padded = np.pad(features, ((1, 1), (1, 1), (0, 0)))
        rows, columns = lr.shape
        features = bias + sum(
            padded[i : i + rows, j : j + columns] @ kernel[i, j].astype(np.float64) for i in range(3) for j in range(3)
        )
        if number < len(weights):
            features = np.maximum(features, 0)
    return lr + features[..., 0]


def weights_of(**options):
    from vdsr_train.backends.model import initial_weights

    random = np.random.default_rng(1)
    return [
        (kernel, random.normal(0, 0.1, bias.shape).astype(np.float32))
        for kernel, bias in initial_weights(Config(**options))
    ]


@pytest.mark.parametrize("change", [{"depth": 1}, {"channels": 0}, {"depth": 2.0}, {"precision": "float16"}])
def test_no_other_network_is_built(change) -> None:
    from vdsr_train.backends.model import build_model

    with pytest.raises(ArgumentError, match=f"^{next(iter(change))}: "):
        build_model(**({"depth": 3, "channels": 4} | change))


def test_the_network_is_the_papers() -> None:
    from vdsr_train.backends.model import build_model, initial_weights

    model = build_model(depth=20, channels=64)
    assert model.count_params() == 665_921
    weights = initial_weights(Config())
    assert [kernel.shape for kernel, _ in weights] == [(3, 3, 1, 64)] + [(3, 3, 64, 64)] * 18 + [(3, 3, 64, 1)]
    assert all((bias == 0).all() for _, bias in weights)
    for kernel, _ in weights[1:-1]:  # He: variance 2 / (9 * 64)
        assert kernel.std() == pytest.approx(np.sqrt(2 / (9 * 64)), rel=0.02)


def test_the_seed_decides_the_start() -> None:
    from vdsr_train.backends.model import initial_weights

    one, again, other = (initial_weights(Config(seed=seed)) for seed in (1, 1, 2))
    np.testing.assert_array_equal(one[3][0], again[3][0])
    assert not np.array_equal(one[3][0], other[3][0])


@pytest.mark.parametrize("shape", [(9, 7), (1, 1), (2, 13)])
def test_the_network_equals_numpy(shape) -> None:
    from vdsr_eval.networks.network import Network

    weights = weights_of(depth=4, channels=5)
    lr = np.random.default_rng(0).random(shape)
    sr = Network(weights)(lr, 2)
    assert sr.shape == shape
    assert sr.dtype == np.float32
    np.testing.assert_allclose(sr, numpy_network(weights, lr), atol=2e-6)


def test_a_last_layer_of_zeros_starts_as_bicubic() -> None:
    from vdsr_eval.networks.network import Network
    from vdsr_train.backends.model import initial_weights

    lr = np.random.default_rng(0).random((20, 30)).astype(np.float32)
    np.testing.assert_array_equal(Network(initial_weights(Config(last_layer="zero", channels=8)))(lr, 3), lr)


def test_a_training_can_start_from_trained_weights(tmp_path) -> None:
    from vdsr_train.backends.model import initial_weights

    weights = weights_of(depth=4, channels=5)
    write_weights(tmp_path / "mine.h5", weights)
    found = initial_weights(Config(depth=4, channels=5, last_layer="zero", weights=str(tmp_path / "mine.h5")))
    for (kernel, bias), (other_kernel, other_bias) in zip(weights, found, strict=True):
        np.testing.assert_array_equal(kernel, other_kernel)
        np.testing.assert_array_equal(bias, other_bias)
    assert len(initial_weights(Config(weights="default"))) == 20


@pytest.mark.parametrize(("depth", "channels"), [(4, 6), (5, 5)])
def test_trained_weights_of_another_network_are_refused(tmp_path, depth, channels) -> None:
    from vdsr_train.backends.model import initial_weights

    write_weights(tmp_path / "mine.h5", weights_of(depth=4, channels=5))
    with pytest.raises(VdsrError, match=r"mine\.h5: has 4 layers of 5 channels, .*; give --depth 4 --channels 5"):
        initial_weights(Config(depth=depth, channels=channels, weights=str(tmp_path / "mine.h5")))


@pytest.mark.parametrize("shape", [(60, 47), (33, 32), (16, 90)])
def test_tiles_equal_the_whole(shape) -> None:
    from vdsr_eval.networks.network import Network

    weights = weights_of(depth=6, channels=5)
    lr = np.random.default_rng(0).random(shape)
    tiled, whole = (Network(weights, tile=tile, engine="tensorflow") for tile in (16, None))
    np.testing.assert_allclose(tiled(lr, 2), whole(lr, 2), atol=1e-6)
