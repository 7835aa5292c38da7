"""Networks on a processor without a framework: Winograd's convolutions, all layers a few rows at a time.

Lavin and Gray (CVPR 2016), F(4 x 4, 3 x 3): the 16 outputs of a tile cost 36 products instead of 144. Of the features
of a layer six rows are kept (see `_engine_kernels`): memory grows with the columns of an image, hardly with its rows.
"""

import threading
from concurrent.futures import ThreadPoolExecutor

import numpy as np
from numpy.typing import NDArray

from vdsr_data.limits import threads as cores
from vdsr_data.limits import whole
from vdsr_eval.networks._engine_kernels import LINES, MARGIN, advance
from vdsr_eval.networks._winograd_products import MULTIPLE, product
from vdsr_eval.networks.weights import Weights

__all__ = ["FACTORS", "NumbaEngine", "factors_of"]

Array = NDArray[np.float32]

# Tiles of a block: the multiples of 12 that are computed in one piece, and the most whose factors stay in the
# second-level cache (on an EPYC of 1 MB: 24 and 36 alike, 12 2 % slower, 48 5 %).
LEAST, MOST = 12, 24

# From the 3 x 3 weights between two channels to the 36 factors of a tile: G w G^T.
_G = np.array([[6, 0, 0], [-4, -4, -4], [-4, 4, -4], [1, 2, 4], [1, -2, 4], [0, 0, 24]]) / 24
FACTORS: Array = np.kron(_G, _G).astype(np.float32)


def factors_of(kernel: Array) -> Array:
    """Return the factors (36, inputs, outputs) of a kernel (3, 3, inputs, outputs), a multiple of 16 of each."""
    factors = np.empty((36, *kernel.shape[2:]), np.float32)
    # Not by NumPy, whose BLAS takes 22 ms for each layer where other processes keep the cores busy; this 1 ms.
    product(FACTORS, np.ascontiguousarray(kernel, np.float32).reshape(9, -1), factors.reshape(36, -1))
    return factors


class NumbaEngine:
    """An engine (see `vdsr_eval.networks.network.Engine`) that compiles its own kernels, once for each machine.

    Parameters
    ----------
    weights : list of (kernel, bias)
        As `vdsr_eval.networks.weights.check_weights` gives them.
    threads : int
        How many compute; 0 is one for each core. The bits of a result do not depend on it.

    Examples
    --------
    >>> import numpy as np
    >>> from vdsr_eval.networks.engine import NumbaEngine
    >>> layers = [(np.zeros((3, 3, 1, 5)), np.ones(5)), (np.full((3, 3, 5, 1), 0.1), np.zeros(1))]
    >>> image = np.zeros((1, 4, 4, 1), np.float32)
    >>> NumbaEngine(layers)(image)[0, ..., 0].round(3)  # how many of 9 pixels of 5 channels lie in the image
    array([[2. , 3. , 3. , 2. ],
           [3. , 4.5, 4.5, 3. ],
           [3. , 4.5, 4.5, 3. ],
           [2. , 3. , 3. , 2. ]], dtype=float32)
    """

    def __init__(self, weights: Weights, threads: int = 0) -> None:
        self._threads = whole("threads", threads, (0, None)) or cores(None)
        self.load(weights)

    def load(self, weights: Weights) -> None:
        """Exchange the weights for others."""
        width = weights[0][1].size
        self._channels = channels = width + -width % MULTIPLE  # those added are zero everywhere
        self._outer = np.zeros((2, 9, channels), np.float32)
        self._biases = np.zeros((len(weights), channels), np.float32)
        inner = np.zeros((len(weights) - 2, 3, 3, channels, channels), np.float32)
        for number, (_, bias) in enumerate(weights):
            self._biases[number, : bias.size] = bias
        for number, (kernel, _) in enumerate((weights[0], weights[-1])):
            self._outer[number, :, :width] = kernel.reshape(9, width)
        for number, (kernel, _) in enumerate(weights[1:-1]):
            inner[number, :, :, :width, :width] = kernel
        self._factors = np.array([factors_of(kernel) for kernel in inner], np.float32).reshape(
            -1, 36, channels, channels
        )

    def __call__(self, images: Array) -> Array:
        """Return what the network makes of `images`, float32 (images, rows, columns, 1)."""
        return np.stack([self._run(image) for image in images[..., 0]])[..., np.newaxis]

    def _run(self, image: Array) -> Array:
        """Of one image: blocks of columns, as soon as their neighbours let them, on all threads."""
        (rows, columns), layers = image.shape, len(self._biases)
        network = self._outer, self._factors, self._biases
        padded = np.pad(image, ((1, 1), (MARGIN, MARGIN)))
        ring = np.zeros((layers - 1, LINES, padded.shape[1], self._channels), np.float32)
        out = np.empty((rows, columns), np.float32)
        tiles, steps = (columns + layers + 3) // 4, (rows + layers + 3) // 4
        size = min(MOST, max(LEAST, tiles // (2 * self._threads) // LEAST * LEAST))
        blocks = -(-tiles // size)
        done, idle, changed = [0] * blocks, [True] * blocks, threading.Condition()

        def ready() -> int | None:
            """The block that is most behind of those whose left neighbour is ahead and whose right one not behind."""
            able = (
                block
                for block, step in enumerate(done)
                if step < steps and idle[block]
                and (block == 0 or done[block - 1] > step)
                and (block == blocks - 1 or done[block + 1] >= step)
            )  # fmt: skip
            return min(able, key=done.__getitem__, default=None)

        def work() -> None:
            # One tile more than needed: else all 36 planes would share the same lines of the cache.
            strips = np.empty((2, 36, size + 1, self._channels), np.float32)
            block = None
            while True:
                with changed:
                    if block is not None:
                        done[block] += 1
                        idle[block] = True
                        changed.notify_all()
                    while (block := ready()) is None:
                        if min(done) >= steps:
                            return
                        changed.wait()
                    idle[block] = False
                first = block * size
                advance(done[block], first, first + size, padded, *network, ring, strips, out)

        workers = min(self._threads, -(-blocks // 2))
        if workers == 1:
            work()
            return out
        with ThreadPoolExecutor(workers, thread_name_prefix="network") as pool:
            running = [pool.submit(work) for _ in range(workers)]
            try:
                for one in running:
                    one.result()
            finally:  # also where the user interrupts
                with changed:
                    done[:] = [steps] * blocks
                    changed.notify_all()
        return out
