"""What runs a network for `vdsr_eval`: the model on Keras, in float32."""

from typing import Any

from vdsr_eval.networks.weights import Weights
from vdsr_train.backends import backend

__all__ = ["KerasEngine"]


class KerasEngine:
    """An engine (see `vdsr_eval.networks.network.Engine`) on the backend that KERAS_BACKEND names.

    Raises
    ------
    VdsrError
        Keras or its backend is missing (with what to install).
    """

    def __init__(self, weights: Weights) -> None:
        backend.start()
        from vdsr_train.backends.model import build_model

        self.model = build_model(depth=len(weights), channels=weights[0][0].shape[-1])
        self._network = backend.compiled().compile_network(self.model)
        self.load(weights)

    def load(self, weights: Weights) -> None:
        """Exchange the weights for others of the same shapes."""
        from vdsr_train.backends.model import set_weights

        set_weights(self.model, weights)

    def __call__(self, images: Any) -> Any:
        """Return what the network makes of `images`, float32 (images, rows, columns, 1)."""
        return self._network(images)
