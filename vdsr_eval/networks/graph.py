"""Networks of ours as ONNX graphs, both ways; a graph of others is run by `vdsr_eval.networks.onnxfile` instead."""

import re
from importlib.util import find_spec
from pathlib import Path
from typing import Any

from vdsr_data.errors import VdsrError
from vdsr_eval.networks.named import arrays_of, layers_of
from vdsr_eval.networks.weights import Weights

__all__ = ["WHAT", "is_onnx", "is_ours", "model_of", "read_graph"]

OPSET, IR, PRODUCER = 17, 8, "vdsr-toolkit"
WHAT = (
    "takes luma (MATLAB's rgb2ycbcr) in [0, 1], enlarged to its final size by bicubic interpolation (MATLAB's "
    "imresize), float32 (images, 1, rows, columns), nothing subtracted"
)
ABOUT = f"{WHAT}; gives the sharp luma, to be clipped to [0, 1]"
# The version of the format as a number, and one of the fields that may follow it.
HEAD = re.compile(rb"\x08[\x01-\x1f][\x12\x1a\x22\x28\x32\x3a\x42]")


def is_onnx(head: bytes) -> bool:
    """Whether a file begins as ONNX files do."""
    return HEAD.match(head) is not None


def is_ours(path: Path) -> bool:
    """Whether an ONNX file says that this toolkit wrote it, and can be read here."""
    with path.open("rb") as file:
        return PRODUCER.encode() in file.read(64) and find_spec("onnx") is not None


def model_of(weights: Weights) -> Any:
    """A network as an ``onnx.ModelProto`` that takes images of any size and adds the input by itself.

    Parameters
    ----------
    weights : list of (kernel, bias)
        As `vdsr_eval.networks.weights.check_weights` gives them.

    Raises
    ------
    ImportError
        The library is not installed.
    """
    import onnx

    make, shape = onnx.helper, ["images", 1, "rows", "columns"]
    nodes, last = [], "ilr"
    for number in range(len(weights)):
        conv = [last, f"{2 * number}.weight", f"{2 * number}.bias"]
        nodes.append(make.make_node("Conv", conv, [last := f"conv_{number + 1:02}"], pads=[1, 1, 1, 1]))
        if number < len(weights) - 1:
            nodes.append(make.make_node("Relu", [last], [last := f"relu_{number + 1:02}"]))
    nodes.append(make.make_node("Add", ["ilr", last], ["sr"]))
    ends = [[make.make_tensor_value_info(name, onnx.TensorProto.FLOAT, shape)] for name in ("ilr", "sr")]
    constants = [onnx.numpy_helper.from_array(array, name) for name, array in arrays_of(weights).items()]
    graph = make.make_graph(nodes, "VDSR", *ends, constants, doc_string=ABOUT)
    versions = {"opset_imports": [make.make_opsetid("", OPSET)], "ir_version": IR}
    model = make.make_model(graph, producer_name=PRODUCER, **versions)
    make.set_model_props(model, {"about": ABOUT})
    return model


def read_graph(path: Path) -> Weights:
    """Read a network that `model_of` made, to the bit.

    Raises
    ------
    VdsrError
        The graph is another one.
    ImportError
        The library is not installed.
    """
    import onnx

    model = onnx.load(path, load_external_data=False)
    if model.producer_name == PRODUCER:
        stored = [one for one in model.graph.initializer if one.data_location != onnx.TensorProto.EXTERNAL]
        weights = layers_of({one.name: onnx.numpy_helper.to_array(one) for one in stored}, str(path))
        if model.graph == model_of(weights).graph:
            return weights
    raise VdsrError(f"{path}: an ONNX graph of others, which can be run but not converted")
