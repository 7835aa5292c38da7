"""Networks out of the house: what is written comes back to the bit, and gives the same in PyTorch and ONNX Runtime."""

import itertools
import json
import re
from pathlib import Path

import numpy as np
import pytest
from click.testing import CliRunner
from hypothesis import given, settings
from hypothesis import strategies as st

from vdsr_data import imresize
from vdsr_data.errors import ArgumentError, VdsrError
from vdsr_eval import Network, convert, load_network
from vdsr_eval.cli.main import main
from vdsr_eval.networks.convert import read_any
from vdsr_eval.networks.export import WRITERS
from vdsr_eval.networks.weights import Weights, write_weights

PAGE = Path(__file__).resolve().parents[1] / "docs" / "how-to" / "pytorch.md"
BEYOND_OURS = [suffix for suffix in WRITERS if suffix != ".h5"]


def made(depth: int, width: int, seed: int = 0) -> Weights:
    random = np.random.default_rng(seed)
    channels = [1, *[width] * (depth - 1), 1]
    shapes = [((3, 3, *pair), pair[1]) for pair in itertools.pairwise(channels)]
    return [
        (random.normal(0, 0.3 / width**0.5, kernel).astype("f4"), random.normal(0, 0.05, bias).astype("f4"))
        for kernel, bias in shapes
    ]


def same(one: Weights, other: Weights) -> bool:
    return [a.tobytes() + b.tobytes() for a, b in one] == [a.tobytes() + b.tobytes() for a, b in other]


@pytest.mark.parametrize("suffix", WRITERS)
def test_all_that_is_written_comes_back(suffix: str, tmp_path: Path) -> None:
    """The shipped network, by the command; and what it was made from does not change by a second way round."""
    if suffix == ".onnx":
        pytest.importorskip("onnx")
    done = CliRunner().invoke(main, ["convert", "default", str(tmp_path / f"a{suffix}")])
    assert done.output == f"wrote {tmp_path / f'a{suffix}'}: 20 layers, 665921 weights\n"
    convert(tmp_path / f"a{suffix}", tmp_path / f"b{suffix}")
    for name in "ab":
        assert same(read_any(tmp_path / f"{name}{suffix}"), read_any("default"))


@settings(deadline=None, max_examples=25)
@given(depth=st.integers(2, 12), width=st.integers(1, 5), suffix=st.sampled_from(BEYOND_OURS), seed=st.integers(0, 99))
def test_networks_of_any_shape_come_back(
    tmp_path_factory: pytest.TempPathFactory, depth: int, width: int, suffix: str, seed: int
) -> None:
    """Three channels, whose kernels might be TensorFlow's as well as PyTorch's; ten layers, whose names sort badly."""
    if suffix == ".onnx":
        pytest.importorskip("onnx")
    folder = tmp_path_factory.mktemp("net")
    weights = made(depth, width, seed)
    write_weights(folder / "net.h5", weights)
    convert(folder / "net.h5", folder / f"net{suffix}")
    assert same(read_any(folder / f"net{suffix}"), weights)


def test_onnx_runtime_gives_our_output(tmp_path: Path) -> None:
    onnx, runtime = pytest.importorskip("onnx"), pytest.importorskip("onnxruntime")
    path = tmp_path / "vdsr.onnx"
    convert("default", path)
    onnx.checker.check_model(path, full_check=True)
    model = onnx.load(path)
    assert [(one.domain, one.version) for one in model.opset_import] == [("", 17)]
    assert "enlarged to its final size by bicubic" in {one.key: one.value for one in model.metadata_props}["about"]
    session, network = runtime.InferenceSession(path), load_network("default", engine="numba")
    for shape in ((1, 40, 33), (3, 17, 64)):
        rough = np.random.default_rng(0).random((shape[0], 9, 9))
        images = np.array([imresize(one, size=shape[1:]) for one in rough], np.float32)
        (found,) = session.run(None, {"ilr": images[:, np.newaxis]})
        assert np.abs(found[:, 0] - [network(image, 3) for image in images]).max() < 1e-5


def test_a_graph_of_others_is_no_weights(tmp_path: Path) -> None:
    """Also one that differs from ours in a single number of one node."""
    onnx = pytest.importorskip("onnx")
    convert("default", tmp_path / "vdsr.onnx")
    model = onnx.load(tmp_path / "vdsr.onnx")
    model.graph.node[0].attribute[0].ints[:] = [1, 1, 2, 0]
    onnx.save(model, tmp_path / "other.onnx")
    (tmp_path / "empty.onnx").write_bytes(b"\x08\x07\x12\x07pytorch")
    for name in ("other", "empty"):
        with pytest.raises(
            VdsrError, match=rf"{name}\.onnx: an ONNX graph of others, which can be run but not converted"
        ):
            read_any(tmp_path / f"{name}.onnx")


def test_pytorch_reads_its_file(tmp_path: Path, torch) -> None:
    write_weights(tmp_path / "net.h5", made(4, 6))
    convert(tmp_path / "net.h5", tmp_path / "net.pth")
    found = torch.load(tmp_path / "net.pth", weights_only=True)
    assert "give what is to be added to it" in found["about"]
    layers = [layer for a, b in ((1, 6), (6, 6), (6, 6), (6, 1)) for layer in (torch.nn.Conv2d(a, b, 3, padding=1),
                                                                              torch.nn.ReLU())]  # fmt: skip
    net = torch.nn.Sequential(*layers[:-1])
    net.load_state_dict(found["state_dict"])
    image = np.random.default_rng(0).random((21, 30)).astype(np.float32)
    with torch.no_grad():
        sr = image + net(torch.from_numpy(image)[None, None])[0, 0].numpy()
    np.testing.assert_allclose(Network(made(4, 6), engine="numba")(image, 2), sr, atol=1e-5)


def test_safetensors_reads_its_file(tmp_path: Path) -> None:
    library = pytest.importorskip("safetensors")
    convert("default", tmp_path / "net.safetensors")
    with library.safe_open(tmp_path / "net.safetensors", "np") as file:
        assert "in [0, 1]" in file.metadata()["about"]
        kernel = file.get_tensor("0.weight")
    np.testing.assert_array_equal(kernel, read_any("default")[0][0].transpose(3, 2, 0, 1))
    head = (tmp_path / "net.safetensors").read_bytes()
    length = int.from_bytes(head[:8], "little")
    assert length % 8 == 0
    assert json.loads(head[8 : 8 + length])["38.bias"]["shape"] == [1]


def test_ours_in_pytorch_as_the_page_has_it(
    tmp_path: Path, torch, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    """Its commands, its ten lines, and what it says that they print."""
    monkeypatch.chdir(tmp_path)
    page = PAGE.read_text(encoding="utf-8")
    (command, *_), (code,), (printed,) = (re.findall(rf"```{kind}\n(.*?)```", page, re.S) for kind in
                                         ("bash", "python", "text"))  # fmt: skip
    for line in command.strip().splitlines():
        assert CliRunner().invoke(main, line.split()[1:]).exit_code == 0
    assert len([line for line in code.splitlines() if line.strip()]) <= 10
    scope: dict = {}
    exec(code, scope)
    ilr = np.random.default_rng(1).random((24, 31)).astype(np.float32)
    ours = load_network("default", engine="numba")(ilr, 3)
    np.testing.assert_allclose(scope["network"](torch.from_numpy(ilr)[None, None])[0, 0].detach(), ours, atol=1e-5)
    assert capsys.readouterr().out == printed


def test_what_is_refused(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    with pytest.raises(
        ArgumentError, match=r"^target: .*net\.tflite is of no kind that is written; give .*\.h5, \.onnx"
    ):
        convert("default", tmp_path / "net.tflite")
    refused = CliRunner().invoke(main, ["convert", "default", str(tmp_path / "net.tflite")])
    assert (refused.exit_code, refused.stderr.count("\n"), "is of no kind" in refused.stderr) == (2, 1, True)
    (tmp_path / "net.npz").write_bytes(b"mine")
    with pytest.raises(VdsrError, match=r"net\.npz: exists already"):
        convert("default", tmp_path / "net.npz")
    assert (tmp_path / "net.npz").read_bytes() == b"mine"
    monkeypatch.setitem(__import__("sys").modules, "onnx", None)
    with pytest.raises(VdsrError, match=r"written by onnx: pip install 'vdsr-toolkit\[onnx\]'$"):
        convert("default", tmp_path / "net.onnx")
    assert not (tmp_path / "net.onnx").exists()
