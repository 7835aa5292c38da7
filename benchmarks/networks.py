"""The shipped network on a photograph's size: our engine beside whatever of its peers is installed, in float32.

Tried for the engine and left out; times of the processor for 512 x 512 on a 2-core AMD EPYC of Zen 4, AVX-512:

- Strips whose 36 planes lie a whole number of times 2 KB apart: all fall into the same few lines of the first-level
  cache, and an image takes 1.6 s; with one tile more between them 1.35 s.
- Blocks of 48 tiles instead of 24, which no longer fit into the second-level cache: up to 5 % slower; 12, 16 and 36
  differ by less than the noise. That the factors of all layers pass through that cache costs 0.1 to 0.2 s.
- The factors by NumPy's matrix product: 0.4 s for 18 layers where other processes keep the cores busy, 0.02 s by ours.

Left out by counting: whole layers one after the other keep 134 MB of features for 512 x 512, and 12 GB for 24
megapixels; six rows of each layer are 15 MB and 175 MB. Bands of rows, one for each thread, would compute 38 rows of
each layer twice, as a tile needs those around it in the layer before; columns that hand over to their neighbours
compute nothing twice. F(6 x 6, 3 x 3) rounds worse, and 1.3e-5 of the 2e-5 that are allowed are taken already.
"""

import os
import tempfile
from collections.abc import Iterator
from importlib.util import find_spec
from pathlib import Path

import numpy as np
from contest import Row, Work

from vdsr_eval.networks.convert import read_any
from vdsr_eval.networks.network import Network

__all__ = ["network_rows"]

SIDE = 512
TARGET = 1.7  # times as fast as the best; 1.3 with AVX2
THREADS = os.cpu_count() or 1


def network_rows() -> Iterator[Row]:
    """One row, with every peer that is installed."""
    weights = read_any("default")
    image = np.random.default_rng(0).random((SIDE, SIDE)).astype(np.float32)
    peers = {}
    if find_spec("tensorflow") and find_spec("keras"):
        peers["TensorFlow"] = tensorflow(weights, image)
    if find_spec("torch"):
        peers["PyTorch, channels last"] = pytorch(weights, image)
    if find_spec("onnx"):
        with tempfile.TemporaryDirectory() as folder:
            path = Path(folder, "vdsr.onnx")
            write_onnx(path, weights)
            if find_spec("onnxruntime"):
                peers["ONNX Runtime"] = onnx_runtime(path, image)
            if find_spec("openvino"):
                peers["OpenVINO"] = openvino(path, image)
    network = Network(weights, engine="numba")
    what = f"VDSR, 20 layers, {SIDE} x {SIDE}, {THREADS} threads"
    yield Row(what, lambda: network(image, 3), {name: (work, TARGET) for name, work in peers.items()})


def tensorflow(weights: list, image: np.ndarray) -> Work:
    """As `--engine tensorflow` has it, tiles and all."""
    network = Network(weights, tile=SIDE, engine="tensorflow")
    return lambda: network(image, 3)


def pytorch(weights: list, image: np.ndarray) -> Work:
    """Eager, in its faster memory order."""
    import torch

    layers: list[torch.nn.Module] = []
    for kernel, bias in weights:
        layer = torch.nn.Conv2d(*kernel.shape[2:], 3, padding=1)
        layer.weight.data = torch.tensor(kernel.transpose(3, 2, 0, 1).copy())
        layer.bias.data = torch.tensor(bias)
        layers += [layer, torch.nn.ReLU()]
    model = torch.nn.Sequential(*layers[:-1]).to(memory_format=torch.channels_last)
    given = torch.from_numpy(image)[None, None].to(memory_format=torch.channels_last)

    def work() -> object:
        before = torch.get_num_threads()
        torch.set_num_threads(THREADS)
        with torch.inference_mode():
            result = (given + model(given)).numpy()
        torch.set_num_threads(before)
        return result

    return work


def write_onnx(path: Path, weights: list) -> None:
    """Write the network as a file of ONNX."""
    import onnx
    from onnx import TensorProto, helper, numpy_helper

    nodes, arrays, last = [], [], "image"
    for number, (kernel, bias) in enumerate(weights, start=1):
        arrays.append(numpy_helper.from_array(np.ascontiguousarray(kernel.transpose(3, 2, 0, 1)), f"kernel{number}"))
        arrays.append(numpy_helper.from_array(bias, f"bias{number}"))
        given = [last, f"kernel{number}", f"bias{number}"]
        nodes.append(helper.make_node("Conv", given, [f"sum{number}"], pads=[1] * 4, kernel_shape=[3, 3]))
        last = f"sum{number}"
        if number < len(weights):
            nodes.append(helper.make_node("Relu", [last], [f"features{number}"]))
            last = f"features{number}"
    nodes.append(helper.make_node("Add", [last, "image"], ["result"]))
    ends = [helper.make_tensor_value_info(name, TensorProto.FLOAT, [1, 1, SIDE, SIDE]) for name in ("image", "result")]
    graph = helper.make_graph(nodes, "vdsr", ends[:1], ends[1:], arrays)
    onnx.save(helper.make_model(graph, opset_imports=[helper.make_opsetid("", 17)], ir_version=8), path)


def onnx_runtime(path: Path, image: np.ndarray) -> Work:
    """On the processor."""
    import onnxruntime

    options = onnxruntime.SessionOptions()
    options.intra_op_num_threads = THREADS
    session = onnxruntime.InferenceSession(path, options, providers=["CPUExecutionProvider"])
    return lambda: session.run(None, {"image": image[np.newaxis, np.newaxis]})


def openvino(path: Path, image: np.ndarray) -> Work:
    """In float32: where a processor has bfloat16, it would take that."""
    import openvino

    how = {"INFERENCE_PRECISION_HINT": "f32", "INFERENCE_NUM_THREADS": THREADS}
    model = openvino.Core().compile_model(path, "CPU", how)
    return lambda: model([image[np.newaxis, np.newaxis]])[0]
