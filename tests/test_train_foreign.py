"""Other people's weights: each format, written by its own library, is read back value for value; bad files say why."""

import io
import pickle
import zipfile
from itertools import pairwise
from pathlib import Path

import h5py
import numpy as np
import pytest
from click.testing import CliRunner
from scipy.io import loadmat, savemat

from vdsr_data.errors import VdsrError
from vdsr_train.cli import main
from vdsr_train.foreign import read_any
from vdsr_train.weights import Weights, read_weights, write_weights


def network(depth: int = 4, channels: int = 5, seed: int = 0) -> Weights:
    random = np.random.default_rng(seed)
    widths = [1, *[channels] * (depth - 1), 1]
    return [
        (random.normal(size=(3, 3, i, o)).astype(np.float32), random.normal(size=o).astype(np.float32))
        for i, o in pairwise(widths)
    ]


def same(found: Weights, expected: Weights) -> None:
    assert len(found) == len(expected)
    for (kernel, bias), (wanted_kernel, wanted_bias) in zip(found, expected, strict=True):
        assert kernel.dtype == bias.dtype == np.float32
        np.testing.assert_array_equal(kernel, wanted_kernel)
        np.testing.assert_array_equal(bias, wanted_bias)


def cells(values: list[np.ndarray]) -> np.ndarray:
    found = np.empty((1, len(values)), object)
    found[0] = [None] * len(values)
    for k, value in enumerate(values):
        found[0, k] = value
    return found


def write_mat(path: Path, weights: Weights) -> None:
    """As MATLAB saves them: trailing axes of length 1 are dropped, vectors are columns."""
    kernels = [kernel[..., 0] if kernel.shape[3] == 1 else kernel for kernel, _ in weights]
    savemat(path, {"model": {"weight": cells(kernels), "bias": cells([bias[:, None] for _, bias in weights])}})


def write_tf1(prefix: Path, weights: Weights, leave_out: str = "", momentum: bool = True) -> None:
    tf = pytest.importorskip("tensorflow")
    with tf.Graph().as_default(), tf.compat.v1.Session() as session:
        for k, (kernel, bias) in enumerate(weights):
            for kind, value in (("weight", kernel), ("bias", bias)):
                if f"{kind}_{k}" != leave_out:
                    tf.compat.v1.get_variable(f"vdsr_{kind}_{k}", initializer=value)
                    if momentum:
                        tf.compat.v1.get_variable(f"vdsr_{kind}_{k}/Momentum", initializer=value * 0)
        session.run(tf.compat.v1.global_variables_initializer())
        tf.compat.v1.train.Saver().save(session, str(prefix), global_step=80)


def state_dict(weights: Weights) -> dict[str, np.ndarray]:
    """PyTorch's axes and twtygqyy's names, in the order of that module: first and last layer behind the others."""
    names = [f"residual_layer.{k}.conv" for k in range(len(weights) - 2)]
    layers = dict(zip(["input", *names, "output"], weights, strict=True))
    return {
        f"{name}.{kind}": np.ascontiguousarray(layers[name][k].transpose(3, 2, 0, 1) if k == 0 else layers[name][k])
        for name in (*names, "input", "output")
        for k, kind in enumerate(("weight", "bias"))
    }


def test_matconvnet(tmp_path: Path) -> None:
    write_mat(tmp_path / "net.mat", network())
    same(read_any(tmp_path / "net.mat"), network())


def test_the_authors_network(reference_data: Path) -> None:
    """Every value of VDSR_Official.mat, against loadmat."""
    path = reference_data / "weights" / "VDSR_Official.mat"
    model = loadmat(path)["model"][0, 0]
    weights = read_any(path)
    assert len(weights) == 20
    assert sum(kernel.size + bias.size for kernel, bias in weights) == 665_921
    for k, (kernel, bias) in enumerate(weights):
        np.testing.assert_array_equal(np.squeeze(kernel), np.squeeze(model["weight"][0, k]))
        np.testing.assert_array_equal(bias, model["bias"][0, k].ravel())


@pytest.mark.parametrize("spelling", ["folder", "index", "prefix"])
def test_tensorflow_1_checkpoint(tmp_path: Path, spelling: str) -> None:
    weights = network(depth=12)  # vdsr_weight_10 must not come before vdsr_weight_2
    write_tf1(tmp_path / "vdsr", weights)
    path = {"folder": tmp_path, "index": tmp_path / "vdsr-80.index", "prefix": tmp_path / "vdsr-80"}[spelling]
    same(read_any(path), weights)


def test_npz_with_our_names_and_with_numbered_ones(tmp_path: Path) -> None:
    weights = network(depth=12)
    ours = {
        f"conv_{k:02}/{kind}": layer[n]
        for k, layer in enumerate(weights, 1)
        for n, kind in enumerate(("kernel", "bias"))
    }
    numbered = {f"{kind}_{k}": layer[n] for k, layer in enumerate(weights) for n, kind in enumerate(("weight", "bias"))}
    for arrays in (ours, numbered):
        np.savez(tmp_path / "net.npz", **arrays)
        same(read_any(tmp_path / "net.npz"), weights)


def test_safetensors_with_pytorchs_axes(tmp_path: Path) -> None:
    save_file = pytest.importorskip("safetensors.numpy").save_file
    save_file(state_dict(network(depth=13)), tmp_path / "net.safetensors")
    same(read_any(tmp_path / "net.safetensors"), network(depth=13))


@pytest.mark.parametrize("wrap", [lambda state: state, lambda state: {"epoch": 50, "state_dict": state}])
def test_pytorch_state_dict(tmp_path: Path, wrap) -> None:
    torch = pytest.importorskip("torch")
    state = {name: torch.from_numpy(array) for name, array in state_dict(network(depth=13)).items()}
    torch.save(wrap(state), tmp_path / "net.pth")
    same(read_any(tmp_path / "net.pth"), network(depth=13))


def test_missing_biases_are_zero(tmp_path: Path) -> None:
    arrays = {name: array for name, array in state_dict(network()).items() if name.endswith("weight")}
    np.savez(tmp_path / "net.npz", **arrays)
    same(read_any(tmp_path / "net.npz"), [(kernel, np.zeros_like(bias)) for kernel, bias in network()])


def test_a_pth_that_holds_code_is_not_run(tmp_path: Path) -> None:
    torch = pytest.importorskip("torch")

    class Evil:
        def __reduce__(self):
            return (Path.touch, (tmp_path / "ran",))

    torch.save({"model": Evil()}, tmp_path / "evil.pth")
    with pytest.raises(VdsrError, match=r"evil\.pth: holds code, which is not run"):
        read_any(tmp_path / "evil.pth")
    (tmp_path / "plain.pth").write_bytes(pickle.dumps(Evil()))
    with pytest.raises(VdsrError, match=r"plain\.pth"):
        read_any(tmp_path / "plain.pth")
    assert not (tmp_path / "ran").exists()


def test_an_npz_that_holds_objects_is_not_unpickled(tmp_path: Path) -> None:
    class Evil:
        def __reduce__(self):
            return (Path.touch, (tmp_path / "ran",))

    buffer = io.BytesIO()
    np.save(buffer, np.array([Evil()], object), allow_pickle=True)
    with zipfile.ZipFile(tmp_path / "evil.npz", "w") as archive:
        archive.writestr("conv_01/kernel.npy", buffer.getvalue())
    with pytest.raises(VdsrError, match=r"evil\.npz: cannot be read as weights .*allow_pickle=False"):
        read_any(tmp_path / "evil.npz")
    assert not (tmp_path / "ran").exists()


def spoiled(change) -> Weights:
    weights = network()
    change(weights)
    return weights


@pytest.mark.parametrize(
    ("weights", "message"),
    [
        (
            spoiled(lambda w: w.pop(1) and w.insert(1, (w[0][0], w[0][1]))),
            "conv_02: the kernel is .3, 3, 1, 5., expected",
        ),
        (spoiled(lambda w: w.__setitem__(2, (w[2][0][..., :3], w[2][1]))), "conv_03: the bias is .5,., expected .3,."),
        (spoiled(lambda w: w[1][0].fill(np.nan)), "conv_02: the kernel holds NaN"),
        (spoiled(lambda w: w.__setitem__(3, (np.tile(w[3][0], (1, 1, 1, 3)), w[3][1]))), "conv_04: the kernel is"),
        (network()[:1], "1 layers"),
    ],
)
def test_another_network_is_refused_by_layer(tmp_path: Path, weights: Weights, message: str) -> None:
    write_mat(tmp_path / "net.mat", weights)
    with pytest.raises(VdsrError, match=message):
        read_any(tmp_path / "net.mat")


def test_files_that_are_no_weights_say_why(tmp_path: Path) -> None:
    def refused(name: str, message: str) -> None:
        with pytest.raises(VdsrError, match=message) as caught:
            read_any(tmp_path / name)
        assert name in str(caught.value)
        assert "\n" not in str(caught.value)

    refused("absent.mat", "no such file")
    refused("absent.h5", "no such file")
    refused("net.onnx", "unknown format of weights; known are .h5")
    write_mat(tmp_path / "whole.mat", network())
    (tmp_path / "cut.mat").write_bytes((tmp_path / "whole.mat").read_bytes()[:900])
    refused("cut.mat", r"cannot be read as a \.mat file")
    (tmp_path / "cut2.mat").write_bytes((tmp_path / "whole.mat").read_bytes()[:60])
    refused("cut2.mat", r"cannot be read as a \.mat file|no struct `model`")
    with h5py.File(tmp_path / "v73.mat", "w", userblock_size=512) as file:
        file["model"] = 1
    with open(tmp_path / "v73.mat", "r+b") as file:
        file.write(b"MATLAB 7.3 MAT-file, Platform: GLNXA64, Created on: Tue Aug 23 11:41:18 2016 HDF5 schema 1.00 .")
    refused("v73.mat", r"version 7\.3; load it in MATLAB and save")
    savemat(tmp_path / "other.mat", {"net": 1})
    refused("other.mat", "no struct `model`")
    savemat(tmp_path / "number.mat", {"model": 3})
    refused("number.mat", "no struct `model`")
    savemat(tmp_path / "odd.mat", {"model": {"weight": cells([np.ones(3)] * 3), "bias": cells([np.ones(1)] * 2)}})
    refused("odd.mat", "3 kernels, but 2 biases")
    (tmp_path / "text.npz").write_text("no archive")
    refused("text.npz", "not an .npz archive")
    np.savez(tmp_path / "few.npz", a=np.ones(3))
    refused("few.npz", "0 kernels of 3x3")
    (tmp_path / "folder").mkdir()
    refused("folder", "no weights.h5 in it")


def test_damaged_safetensors_and_pth(tmp_path: Path) -> None:
    pytest.importorskip("safetensors")
    (tmp_path / "bad.safetensors").write_bytes(b"\xff" * 40)
    with pytest.raises(VdsrError, match=r"bad\.safetensors: cannot be read as weights"):
        read_any(tmp_path / "bad.safetensors")
    pytest.importorskip("torch")
    (tmp_path / "bad.pth").write_bytes(b"PK\x03\x04 and nothing more")
    with pytest.raises(VdsrError, match=r"bad\.pth"):
        read_any(tmp_path / "bad.pth")


def test_checkpoints_that_are_not_vdsr_tensorflows(tmp_path: Path) -> None:
    write_tf1(tmp_path / "vdsr", network(), leave_out="bias_2")
    with pytest.raises(VdsrError, match="the variable vdsr_bias_2 is missing"):
        read_any(tmp_path)
    tf = pytest.importorskip("tensorflow")
    other = tmp_path / "other"
    other.mkdir()
    tf.train.Checkpoint(x=tf.Variable(1.0)).save(str(other / "ckpt"))
    with pytest.raises(VdsrError, match="no variable vdsr_weight_0"):
        read_any(other)
    (other / "ckpt-1.index").write_bytes(b"cut")
    with pytest.raises(VdsrError, match="cannot be read as weights"):
        read_any(other / "ckpt-1.index")


def test_a_missing_library_is_named(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    import sys

    (tmp_path / "net.safetensors").write_bytes(b"x")
    monkeypatch.setitem(sys.modules, "safetensors.numpy", None)
    with pytest.raises(VdsrError, match=r"reading this format needs safetensors.*: pip install safetensors"):
        read_any(tmp_path / "net.safetensors")


def test_convert(tmp_path: Path) -> None:
    write_mat(tmp_path / "net.mat", network())
    run = CliRunner().invoke

    def convert(*args: object):
        return run(main, ["convert", *(str(arg) for arg in args)])

    done = convert(tmp_path / "net.mat", tmp_path / "net.h5")
    assert done.exit_code == 0, done.output
    assert done.stdout == f"wrote {tmp_path / 'net.h5'}: 4 layers, 556 weights\n"
    same(read_weights(tmp_path / "net.h5"), network())

    again = convert(tmp_path / "net.mat", tmp_path / "net.h5")
    assert (again.exit_code, again.stderr.count("\n")) == (1, 1)
    assert "exists already; use --force" in again.stderr
    assert convert(tmp_path / "net.mat", tmp_path / "net.h5", "--force").exit_code == 0

    bad = convert(tmp_path / "net.mat", tmp_path / "net.mat")
    assert bad.exit_code == 2
    assert "ends in .h5" in bad.stderr
    (tmp_path / "cut.mat").write_bytes((tmp_path / "net.mat").read_bytes()[:300])
    cut = convert(tmp_path / "cut.mat", tmp_path / "cut.h5")
    assert (cut.exit_code, cut.stderr.count("\n")) == (1, 1)
    assert not (tmp_path / "cut.h5").exists()


def test_a_run_folder_is_its_weights(tmp_path: Path) -> None:
    write_weights(tmp_path / "weights.h5", network())
    same(read_any(tmp_path), network())
