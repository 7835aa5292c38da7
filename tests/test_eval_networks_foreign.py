"""Other people's weights: each format is read back value for value whatever its file is called; bad files say why."""

import io
import json
import pickle
import re
import zipfile
from itertools import pairwise
from pathlib import Path

import h5py
import numpy as np
import pytest
from click.testing import CliRunner
from hypothesis import HealthCheck, assume, given, settings
from hypothesis import strategies as st
from mat_files import write_mat73
from safetensors.numpy import save_file
from scipy.io import loadmat, savemat
from torch_files import Writer, module_of_2017, save

from vdsr_data.errors import VdsrError
from vdsr_eval.networks.convert import read_any
from vdsr_eval.networks.weights import Weights, read_weights, write_weights
from vdsr_train.cli.main import main


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


@pytest.mark.slow
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


def write_safetensors(path: Path, arrays: dict[str, np.ndarray]) -> None:
    """The length of a header, the header as JSON, and all values."""
    header, values = {}, b""
    for name, array in arrays.items():
        start, values = len(values), values + array.tobytes()
        header[name] = {"dtype": "F32", "shape": array.shape, "data_offsets": [start, len(values)]}
    text = json.dumps(header).encode()
    path.write_bytes(len(text).to_bytes(8, "little") + text + values)


def write_npz(path: Path, weights: Weights) -> None:
    with path.open("wb") as file:  # a name would get the suffix .npz
        np.savez(file, **state_dict(weights))


def write_torch(path: Path, weights: Weights, **form: bool) -> None:
    writer = Writer(**form)
    content = {"epoch": 50, "state_dict": writer.ordered(state_dict(weights))}
    path.write_bytes(writer.stream(content) if writer.old else writer.archive(content))


FORMATS = {
    "ours": write_weights,
    "MatConvNet": write_mat,
    "npz": write_npz,
    "safetensors": lambda path, weights: write_safetensors(path, state_dict(weights)),
    "PyTorch": write_torch,
    "PyTorch before 1.6": lambda path, weights: write_torch(path, weights, old=True),
}


@pytest.mark.parametrize("name", ["net.pth.tar", "net.ckpt", "net.bin", "net.h5", "net.mat", "net"])
@pytest.mark.parametrize("kind", FORMATS)
def test_the_content_decides_not_the_name(tmp_path: Path, kind: str, name: str) -> None:
    FORMATS[kind](tmp_path / name, network(depth=13))
    same(read_any(str(tmp_path / name)), network(depth=13))


def test_a_whole_module_of_2017(tmp_path: Path) -> None:
    layers = [(kernel.transpose(3, 2, 0, 1), None) for kernel, _ in network(depth=20)]
    (tmp_path / "model_epoch_50.pth").write_bytes(module_of_2017(layers))
    same(
        read_any(tmp_path / "model_epoch_50.pth"), [(kernel, np.zeros_like(bias)) for kernel, bias in network(depth=20)]
    )


def test_pytorch_state_dict(tmp_path: Path, torch) -> None:
    state = {name: torch.from_numpy(array) for name, array in state_dict(network(depth=13)).items()}
    for wrapped in (state, {"epoch": 50, "state_dict": state}):
        torch.save(wrapped, tmp_path / "net.pth")
        same(read_any(tmp_path / "net.pth"), network(depth=13))


@pytest.mark.filterwarnings("ignore:Couldn't retrieve source code")
def test_a_pytorch_network_computes_what_ours_computes(tmp_path: Path, torch, monkeypatch) -> None:
    """With batch normalisation in it, in both formats of torch.save."""
    from vdsr_train.backends.model import build_model, set_weights

    class Added(torch.nn.Module):
        def __init__(self, body):
            super().__init__()
            self.body = body

        def forward(self, image):
            return image + self.body(image)

    Added.__qualname__ = "Added"
    monkeypatch.setitem(globals(), "Added", Added)  # where pickle looks for it
    torch.manual_seed(0)
    layers = [torch.nn.Conv2d(1, 6, 3, padding=1), torch.nn.BatchNorm2d(6), torch.nn.ReLU()]
    layers += [torch.nn.Conv2d(6, 6, 3, padding=1, bias=False), torch.nn.BatchNorm2d(6, eps=0.1), torch.nn.ReLU()]
    net = Added(torch.nn.Sequential(*layers, torch.nn.Conv2d(6, 1, 3, padding=1)))
    image = torch.rand(1, 1, 12, 11)
    for _ in range(3):
        net(image * 5)
    wanted = net.eval()(image)
    for new in (True, False):
        torch.save(net, tmp_path / "net.pth", _use_new_zipfile_serialization=new)
        model = build_model(depth=3, channels=6)
        set_weights(model, read_any(tmp_path / "net.pth"))
        found = np.asarray(model(image.numpy().transpose(0, 2, 3, 1)))
        np.testing.assert_allclose(found[0, ..., 0], wanted.detach().numpy()[0, 0], atol=1e-6)


@pytest.mark.parametrize("kind", ["npz", "safetensors", "PyTorch"])
def test_an_array_without_a_place_is_refused(tmp_path: Path, kind: str, monkeypatch: pytest.MonkeyPatch) -> None:
    norm = {f"bn.{name}": np.ones(5, "f4") for name in ("weight", "bias", "running_mean", "running_var")}
    plain = state_dict(network())
    monkeypatch.setitem(globals(), "state_dict", lambda _: plain | norm)
    FORMATS[kind](tmp_path / "net", network())
    with pytest.raises(VdsrError, match=r"no place in such a network: bn\.weight \(5,\), .*whole module is saved"):
        read_any(tmp_path / "net")


@pytest.mark.parametrize("kind", FORMATS)
def test_subtract(tmp_path: Path, kind: str) -> None:
    *first, (kernel, bias) = network()
    FORMATS[kind](tmp_path / "net", network())
    same(read_any(tmp_path / "net", subtract=True), [*first, (-kernel, -bias)])


def test_a_dncnn_is_subtracted(reference_data: Path) -> None:
    """The authors' network for all scales: its last layer, and what it makes of the butterfly, far above bicubic."""
    from vdsr_data.images.files import read_image
    from vdsr_eval.networks.network import load_network
    from vdsr_eval.protocols.pair import prepare, result, score
    from vdsr_eval.protocols.protocol import PROTOCOLS

    path = reference_data / "proofs" / "dncnn" / "DnCNN3.mat"
    kernel, _ = read_any(path)[-1]
    with h5py.File(path) as file:
        stored = file[file[file[file["net/layers"][-1, 0]]["weights"][0, 0]].ref][()]
    np.testing.assert_array_equal(kernel[..., 0], -stored.T)
    protocol = PROTOCOLS["vdsr-tf"]
    pair = prepare(read_image(reference_data / "Set5" / "butterfly.bmp"), scale=3, protocol=protocol)
    network = result(load_network(path)(pair.ilr, 3), None, protocol=protocol)
    gains = (
        score(network, pair.gt, scale=3, protocol=protocol)[0]
        - score(pair.bicubic, pair.gt, scale=3, protocol=protocol)[0]
    )
    assert gains > 5


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
        (spoiled(lambda w: w.__setitem__(2, (w[2][0][..., :3], w[2][1]))), "conv_03: the kernel .*have one width"),
        (spoiled(lambda w: w.__setitem__(2, (w[2][0], w[2][1][:3]))), "conv_03: the bias is .3,., expected .5,."),
        (spoiled(lambda w: w[1][0].fill(np.nan)), "conv_02: the kernel holds NaN"),
        (spoiled(lambda w: w.__setitem__(3, (np.tile(w[3][0], (1, 1, 1, 3)), w[3][1]))), "conv_04: the kernel is"),
        (network()[:1], "1 layers"),
    ],
)
def test_another_network_is_refused_by_layer(tmp_path: Path, weights: Weights, message: str) -> None:
    write_mat(tmp_path / "net.mat", weights)
    with pytest.raises(VdsrError, match=message):
        read_any(tmp_path / "net.mat")


def archive(**members: bytes) -> bytes:
    file = io.BytesIO()
    with zipfile.ZipFile(file, "w") as opened:
        for name, content in members.items():
            opened.writestr(name, content)
    return file.getvalue()


TORCH = Writer(), Writer(old=True)
WHOLE = TORCH[0].archive({"w": np.ones(3)}), TORCH[1].stream({"w": np.ones(3)})
NO_WEIGHTS = {
    "page.pth": (b"<html>quota exceeded</html>", "is a web page"),
    "pointer.pth": (b"version https://git-lfs.github.com/spec/v1\noid sha256:00\nsize 9\n", "git lfs pull"),
    "empty.npz": (b"", "is empty"),
    "packed.pth": (b"\x1f\x8b\x08" + bytes(50), r"is an archive \(gzip\); unpack it"),
    "cut.pth": (WHOLE[0][:200], "a truncated archive"),
    "cut.pt": (WHOLE[1][:-9], "cannot be read as weights .a storage that ends early"),
    "number.pth": (TORCH[0].archive({"w": np.ones(3)}), "no mapping of named tensors with kernels"),
    "net.keras": (
        archive(**{"config.json": b"{}", "model.weights.h5": b""}),
        "without NumPy's .npy or PyTorch's data.pkl",
    ),
    "list.pkl": (pickle.dumps([1, 2]), "a pickle that PyTorch did not write, which is not read"),
    "text.npz": (b"no archive", "unknown format"),
    "few.npz": (archive(**{"a.npy": b"\x93NUMPY"}), "cannot be read as weights"),
    "bad.safetensors": (b"\xff" * 40, "unknown format"),
    "bad2.safetensors": (b"\x09" + bytes(7) + b'{"w": [1]' + bytes(9), "cannot be read as weights"),
    "foreign.h5": (b"\x89HDF\r\n\x1a\n" + bytes(99), "damaged HDF5|not an HDF5"),
    "short.mat": (b"MATLAB 5.0 MAT-file".ljust(60), r"cannot be read as a \.mat file|neither a struct"),
    "octave.mat": (b"# Created by Octave 7.3.0\n# name: net\n", "save it in Octave with"),
}


@pytest.mark.parametrize("name", NO_WEIGHTS)
def test_files_that_are_no_weights_say_why(tmp_path: Path, name: str) -> None:
    content, message = NO_WEIGHTS[name]
    (tmp_path / name).write_bytes(content)
    with pytest.raises(VdsrError, match=message) as caught:
        read_any(tmp_path / name)
    assert name in str(caught.value)
    assert "code" not in str(caught.value)


def test_what_is_not_there(tmp_path: Path) -> None:
    for name in ("absent.mat", "absent.h5", "absent"):
        with pytest.raises(VdsrError, match=rf"{name}: no such file"):
            read_any(tmp_path / name)
    with pytest.raises(VdsrError, match=r"no weights\.h5 in it, and no TensorFlow 1 checkpoint"):
        read_any(tmp_path)


@pytest.mark.parametrize("name", [".", "", "/", ".."])
def test_a_folder_without_a_name_is_one_without_weights(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, name: str
) -> None:
    monkeypatch.chdir(tmp_path)
    with pytest.raises(VdsrError, match=r"no weights\.h5 in it, and no TensorFlow 1 checkpoint$"):
        read_any(name)


@pytest.mark.parametrize("change", ["cut", "v73"])
def test_damaged_mat_files(tmp_path: Path, change: str) -> None:
    (write_mat if change == "cut" else write_mat73_model)(tmp_path / "net.mat", network())
    same(read_any(tmp_path / "net.mat"), network())
    (tmp_path / "net.mat").write_bytes((tmp_path / "net.mat").read_bytes()[:900])
    with pytest.raises(VdsrError, match=r"net\.mat: (cannot be read as a \.mat file|not an HDF5 file|damaged HDF5)"):
        read_any(tmp_path / "net.mat")


def write_mat73_model(path: Path, weights: Weights) -> None:
    kernels = [kernel[..., 0] if kernel.shape[3] == 1 else kernel for kernel, _ in weights]
    write_mat73(path, {"model": {"weight": cells(kernels), "bias": cells([bias[:, None] for _, bias in weights])}})


@pytest.mark.slow
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
    with pytest.raises(
        VdsrError, match=r"cannot be read as weights \(file is too short to be an sstable"
    ):  # and no line of a log
        read_any(other / "ckpt-1.index")


@pytest.mark.slow
def test_variables_without_a_place_are_named(tmp_path: Path) -> None:
    tf = pytest.importorskip("tensorflow")
    weights = network()
    values = {
        f"vdsr_{kind}_{k}": layer[n] for k, layer in enumerate(weights) for n, kind in enumerate(("weight", "bias"))
    }

    def save(**more: np.ndarray) -> None:
        named = (
            values | {"vdsr_weight_0/Adam": weights[0][0], "beta1_power": np.float32(0.9), "step": np.int64(5)} | more
        )
        tf.raw_ops.SaveV2(
            prefix=str(tmp_path / "net"), tensor_names=list(named), shape_and_slices=[""] * len(named),
            tensors=[tf.constant(value) for value in named.values()],
        )  # fmt: skip

    save()
    same(read_any(tmp_path / "net"), weights)
    save(gamma=np.ones(5, "f4"))
    with pytest.raises(VdsrError, match=r"net: holds variables that have no place in such a network: gamma$"):
        read_any(tmp_path / "net.index")


def test_a_missing_library_is_named(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    (tmp_path / "net.index").write_bytes(b"x")
    monkeypatch.setattr("vdsr_eval.networks.tf1.find_spec", lambda name: None)
    with pytest.raises(VdsrError, match=r"reading this format needs tensorflow: pip install tensorflow"):
        read_any(tmp_path / "net.index")


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

    *first, (kernel, bias) = network()
    assert convert(tmp_path / "net.mat", tmp_path / "minus.h5", "--subtract").exit_code == 0
    same(read_weights(tmp_path / "minus.h5"), [*first, (-kernel, -bias)])

    mixed = {"a.weight": np.ones((8, 1, 3, 3)), "b.weight": np.ones((16, 8, 3, 3)), "c.weight": np.ones((1, 16, 3, 3))}
    np.savez(tmp_path / "widths.npz", **mixed)
    refused = convert(tmp_path / "widths.npz", tmp_path / "widths.h5")
    assert (refused.exit_code, refused.stderr.count("\n")) == (1, 1)
    assert "layer conv_02" in refused.stderr
    assert not (tmp_path / "widths.h5").exists()

    bad = convert(tmp_path / "net.mat", tmp_path / "net.mat")
    assert bad.exit_code == 2
    assert "net.mat is of no kind that is written; give it a name in .h5, " in bad.stderr
    (tmp_path / "cut.mat").write_bytes((tmp_path / "net.mat").read_bytes()[:300])
    cut = convert(tmp_path / "cut.mat", tmp_path / "cut.h5")
    assert (cut.exit_code, cut.stderr.count("\n")) == (1, 1)
    assert not (tmp_path / "cut.h5").exists()


def test_a_run_folder_is_its_weights(tmp_path: Path) -> None:
    write_weights(tmp_path / "weights.h5", network())
    same(read_any(tmp_path), network())


def as_torch(weights: Weights, prefix: str, first: int = 0) -> dict[str, np.ndarray]:
    """A state dict, of names that differ in numbers."""
    return {
        f"{prefix}{k + first}.{part}": array
        for k, (kernel, bias) in enumerate(weights)
        for part, array in (("weight", np.ascontiguousarray(kernel.transpose(3, 2, 0, 1))), ("bias", bias))
    }


def write_arrays(path: Path, arrays: dict[str, np.ndarray], wrapper: list[str]) -> None:
    """As the suffix says; `wrapper` are the keys below which a PyTorch file holds them, beside other things."""
    if path.suffix == ".npz":
        np.savez(path, **arrays)
    elif path.suffix == ".safetensors":
        save_file(arrays, path)
    else:
        content: dict[str, object] = dict(arrays)
        for key in wrapper:
            content = {"epoch": 3, key: content, "optimizer": {"state": [], "lr": 0.1}}
        save(path, content)


state_dicts = {
    "depth": st.integers(2, 12), "width": st.integers(1, 6),
    "suffix": st.sampled_from([".pth", ".npz", ".safetensors"]),
    "prefix": st.sampled_from(["", "module.", "net.body.conv_", "residual_layer."]), "first": st.integers(0, 2),
    "wrapper": st.lists(st.sampled_from(["state_dict", "params_ema", "model", "net", "G", "a b"]), max_size=3),
}  # fmt: skip
shapes = st.lists(st.integers(1, 3), min_size=1, max_size=3) | st.sampled_from([[2, 2, 1, 1], [1, 1, 5, 5]])
drawn = settings(max_examples=40, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])


@drawn
@given(**state_dicts)
def test_a_state_dict_is_found_in_any_wrapper(tmp_path: Path, depth, width, suffix, prefix, first, wrapper) -> None:
    weights, path = network(depth, width), tmp_path / f"net{suffix}"
    write_arrays(path, as_torch(weights, prefix, first), wrapper)
    same(read_any(path), weights)


@drawn
@given(**state_dicts, shape=shapes, name=st.sampled_from(["beta", "up.weight", "conv1x1.weight", "norm.running_var"]))
def test_an_array_without_a_place_is_named(
    tmp_path: Path, depth, width, suffix, prefix, first, wrapper, shape, name
) -> None:
    path = tmp_path / f"net{suffix}"
    write_arrays(path, as_torch(network(depth, width), prefix, first) | {name: np.ones(shape, np.float32)}, wrapper)
    with pytest.raises(VdsrError, match=rf"no place in such a network: {re.escape(name)} \("):
        read_any(path)


@drawn
@given(**state_dicts, data=st.data())
def test_a_layer_of_another_shape_is_named(
    tmp_path: Path, depth, width, suffix, prefix, first, wrapper, data
) -> None:  # fmt: skip
    """Twice the channels of its neighbours, at any axis but those that make it the first or the last."""
    weights, path = network(depth, width), tmp_path / f"net{suffix}"
    number, axis = data.draw(st.integers(0, depth - 1)), data.draw(st.sampled_from(["in", "out"]))
    assume((number, axis) not in ((0, "in"), (depth - 1, "out")))
    kernel, bias = weights[number]
    other = np.concatenate([kernel] * 2, axis=2 if axis == "in" else 3)
    weights[number] = (other, np.concatenate([bias] * 2) if axis == "out" else bias)
    write_arrays(path, as_torch(weights, prefix, first), wrapper)
    with pytest.raises(VdsrError, match=r"layer conv_\d\d: the (kernel|bias) is \("):
        read_any(path)
