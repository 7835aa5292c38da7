"""What runs a network for `vdsr_eval` by a framework: the model on Keras, in float32."""

import importlib
import os
import sys
from collections.abc import Callable
from functools import partial
from typing import Any

from vdsr_data.errors import VdsrError
from vdsr_eval.networks.engine import NumbaEngine
from vdsr_eval.networks.network import Engine
from vdsr_eval.networks.weights import Weights
from vdsr_train.backends.backend import compiled, running, start

__all__ = ["KerasEngine", "engine"]


def engine(threads: int) -> Callable[[Weights], Engine]:
    """What runs the network of a training between its steps: the backend on a GPU, else our own, with its threads."""
    return KerasEngine if KerasEngine.finds_gpu(running()) else partial(NumbaEngine, threads=threads)


class KerasEngine:
    """An engine (see `vdsr_eval.networks.network.Engine`) on `backend`, or on the one that KERAS_BACKEND names.

    Raises
    ------
    VdsrError
        Keras or its backend is missing (with what to install), or Keras runs on another already.
    """

    def __init__(self, weights: Weights, backend: str | None = None) -> None:
        if backend is not None:
            if "keras" in sys.modules and (other := os.environ.get("KERAS_BACKEND")) not in (None, backend):
                raise VdsrError(f"engine {backend}: Keras runs on {other} in this process; begin a new one")
            os.environ["KERAS_BACKEND"] = backend
        start()
        from vdsr_train.backends.model import build_model

        self.model = build_model(depth=len(weights), channels=weights[0][0].shape[-1])
        self._network = compiled().compile_network(self.model)
        self.load(weights)

    @staticmethod
    def finds_gpu(backend: str) -> bool:
        """Whether a framework finds one."""
        framework = importlib.import_module(backend)
        if backend == "tensorflow":
            return bool(framework.config.list_physical_devices("GPU"))
        return any(device.platform == "gpu" for device in framework.devices())

    def load(self, weights: Weights) -> None:
        """Exchange the weights for others of the same shapes."""
        from vdsr_train.backends.model import set_weights

        set_weights(self.model, weights)

    def __call__(self, images: Any) -> Any:
        """Return what the network makes of `images`, float32 (images, rows, columns, 1)."""
        return self._network(images)
