"""ONNX networks: what each kind wants is found, and it scores as its pictures do when they are written out."""

import json
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from click.testing import CliRunner

from vdsr_data import im2double, imresize, read_image, rgb2ycbcr, write_image, ycbcr2rgb
from vdsr_data.errors import ArgumentError, VdsrError
from vdsr_eval import convert, evaluate, load_network, score, upscale_image
from vdsr_eval.cli.main import main
from vdsr_eval.networks import probed
from vdsr_eval.networks.convert import read_any
from vdsr_eval.networks.load import load_any
from vdsr_eval.networks.network import Network
from vdsr_eval.networks.onnxfile import load_onnx
from vdsr_eval.networks.probed import ImageNetwork
from vdsr_eval.networks.upscale import upscale_colors
from vdsr_eval.scoring.methods import load_method

onnx = pytest.importorskip("onnx")
pytest.importorskip("onnxruntime")


def save(
    path: Path, *, channels: int = 1, scale: int = 1, peak: int = 1, shape: tuple = ("n", None, "h", "w"),
    layers: int = 3, type_: int = 1, **broken: Any,
) -> Path:  # fmt: skip
    """Write a network with biases and ReLU: near the identity, or nearest-neighbour enlargement."""
    h, tensor = onnx.helper, onnx.numpy_helper.from_array
    float_ = {1: np.float32, 10: np.float16}[type_]
    random, nodes, constants, last = np.random.default_rng(0), [], [], "x"
    if peak == 255:
        constants.append(tensor(float_(255), "peak"))
        nodes.append(h.make_node("Div", ["x", "peak"], ["unit"]))
        last = "unit"
    for k in range(layers):
        out = channels * scale**2 if k == layers - 1 else channels
        kernel = random.normal(0, 0.01, (out, channels, 3, 3))
        kernel[np.arange(out), np.arange(out) // (out // channels), 1, 1] += 1
        constants += [tensor(kernel.astype(float_), f"w{k}"), tensor(np.full(out, 0.01 * (-1) ** k, float_), f"b{k}")]
        nodes.append(h.make_node("Conv", [last, f"w{k}", f"b{k}"], [f"c{k}"], pads=[1, 1, 1, 1]))
        nodes.append(h.make_node("Relu", [f"c{k}"], [f"r{k}"]))
        last = f"r{k}"
    if scale > 1:
        nodes.append(h.make_node("DepthToSpace", [last], ["large"], blocksize=scale, mode="CRD"))
        last = "large"
    if peak == 255:
        nodes.append(h.make_node("Mul", [last, "peak"], ["scaled"]))
        last = "scaled"
    if broken.get("nan"):
        constants.append(tensor(float_(np.nan), "nan"))
        nodes.append(h.make_node("Mul", [last, "nan"], ["none"]))
        last = "none"
    if broken.get("crop"):
        constants += [
            tensor(np.array([1, 1]), "from"),
            tensor(np.array([-1, -1]), "to"),
            tensor(np.array([2, 3]), "axes"),
        ]
        nodes.append(h.make_node("Slice", [last, "from", "to", "axes"], ["cut"]))
        last = "cut"
    if broken.get("residual"):
        nodes.append(h.make_node("Sub", [last, "x"], ["rest"]))
        last = "rest"
    nodes.append(h.make_node(broken.get("operator", "Identity"), [last], ["y"], domain=broken.get("domain", "")))
    shape = tuple(channels if side is None else side for side in shape)
    graph = h.make_graph(nodes, "g", [h.make_tensor_value_info("x", type_, shape)],
                         [h.make_tensor_value_info("y", type_, None)], constants)  # fmt: skip
    domains = [h.make_opsetid("", 17), *([h.make_opsetid(broken["domain"], 1)] if "domain" in broken else [])]
    onnx.save(h.make_model(graph, opset_imports=domains, ir_version=8), path)
    return path


@pytest.fixture
def gt(tmp_path: Path) -> Path:
    """Colour originals larger than a tile in one direction."""
    (tmp_path / "gt").mkdir()
    y, x = np.mgrid[:58, :290]
    for seed in (1, 2):
        planes = [128 + 70 * np.sin(x / (4 + seed + c)) * np.cos(y / 6) + 30 * np.sign(x - 3 * y) for c in range(3)]
        write_image(tmp_path / "gt" / f"p{seed}.png", np.dstack(planes).clip(0, 255).astype(np.uint8))
    return tmp_path / "gt"


KINDS = [
    ({"channels": 1}, "luma", 1, 1),
    ({"channels": 1, "scale": 2}, "luma", 2, 1),
    ({"channels": 3, "scale": 2}, "rgb", 2, 1),
    ({"channels": 3, "scale": 2, "peak": 255}, "rgb", 2, 255),
    ({"channels": 3, "scale": 3, "shape": (1, None, "h", "w")}, "rgb", 3, 1),
    ({"channels": 1, "scale": 4, "peak": 255}, "luma", 4, 255),
    ({"channels": 3}, "rgb", 1, 1),
    ({"channels": 3, "scale": 2, "type_": 10}, "rgb", 2, 1),
]


@pytest.mark.parametrize(("how", "colour", "scale", "peak"), KINDS, ids=str)
def test_what_a_network_wants_is_found(tmp_path: Path, how: dict, colour: str, scale: int, peak: int) -> None:
    takes = load_onnx(save(tmp_path / "net.onnx", **how)).takes
    assert (takes.colour, takes.scale, takes.peak) == (colour, scale, peak)
    assert takes.reach == 8  # three layers reach 3; 4 is tried first, and twice of it kept


@pytest.mark.parametrize(("how", "colour", "scale", "peak"), KINDS, ids=str)
def test_it_scores_as_its_pictures(
    gt: Path, tmp_path: Path, how: dict, colour: str, scale: int, peak: int
) -> None:  # fmt: skip
    """Under `rcan`, where a result is an 8-bit picture."""
    factor = scale if scale > 1 else 2
    path = save(tmp_path / "net.onnx", **how)
    scores = evaluate(gt, path, scales=factor, protocols="rcan", rgb=True, save_images=tmp_path / "p")
    (tmp_path / "results").mkdir()
    for original in sorted(gt.iterdir()):
        folder = tmp_path / "p" / "gt" / f"x{factor}"
        write_image(tmp_path / "results" / original.name, read_image(folder / f"{original.stem}_sr.png"))
    theirs = score(tmp_path / "results", gt, factor, protocols="rcan", rgb=True)
    ours = {r.image: (r.psnr, r.ssim) for r in scores if r.model != "bicubic"}
    assert ours == {r.image: (r.psnr, r.ssim) for r in theirs if r.model != "bicubic"}
    assert {r.model for r in scores} == {"net.onnx"}


@pytest.mark.parametrize(("how", "colour", "scale", "peak"), KINDS, ids=str)
@pytest.mark.parametrize("grey", [False, True])
def test_photographs_are_enlarged(
    tmp_path: Path, how: dict, colour: str, scale: int, peak: int, grey: bool
) -> None:  # fmt: skip
    """Beside the whole image at once, by hand; strips and tiles change no more than a rounding."""
    factor = scale if scale > 1 else 2
    network = load_onnx(save(tmp_path / "net.onnx", **how))
    image = np.random.default_rng(3).integers(0, 256, (300, 31) if grey else (300, 31, 3), np.uint8)
    part = im2double(image)
    if colour == "rgb":
        part = np.dstack([part] * 3) if grey else part
        sr = network(part if scale > 1 else imresize(part, factor), factor)
        wanted = sr.astype(float).mean(axis=2) if grey else sr.astype(float)
    else:
        planes = part[..., np.newaxis] if grey else rgb2ycbcr(part)
        large = imresize(planes, factor)
        large[..., 0] = network((planes if scale > 1 else large)[..., 0], factor)
        wanted = large[..., 0] if grey else ycbcr2rgb(large)
    found = upscale_image(image, factor, network)
    assert (found.shape, found.dtype) == ((300 * factor, 31 * factor, *image.shape[2:]), np.uint8)
    assert np.abs(found - wanted.clip(0, 1) * 255).max() < 0.5 + 1e-2
    for strip in (40, 111):
        again = upscale_colors(image, scale=factor, upscale=network, reach=network.reach, strip=strip)
        assert np.abs(again.astype(int) - found).max() <= 1
        assert (again != found).mean() < 1e-3


def test_the_command_enlarges_and_says_what_the_network_takes(tmp_path: Path) -> None:
    write_image(tmp_path / "a.png", np.random.default_rng(0).integers(0, 256, (20, 30, 3), np.uint8))
    path = save(tmp_path / "net.onnx", channels=3, scale=2)
    words = ["upscale", str(tmp_path / "a.png"), "--weights", str(path), "-o", str(tmp_path / "b.png"), "--scale"]
    done = CliRunner().invoke(main, [*words, "2", "--network-input", "bgr,whole"])
    assert done.exit_code == 0, done.output
    said = "net.onnx: takes bgr of a small image, x2, 0 to 1, the whole of it at once; computed by onnxruntime\n"
    assert done.stderr.count(said) == 1
    given = load_onnx(path, network_input=["bgr", "whole"])
    swapped = load_onnx(path)(im2double(read_image(tmp_path / "a.png"))[:, :, ::-1], 2)[:, :, ::-1]
    np.testing.assert_allclose(given(im2double(read_image(tmp_path / "a.png")), 2), swapped, atol=1e-6)
    wrong = CliRunner().invoke(main, [*words, "3", "--force"])
    assert (wrong.exit_code, wrong.stderr.count("\n")) == (1, 1)
    assert "net.onnx: enlarges by 2, not by 3" in wrong.stderr


def test_what_is_said_of_the_input_is_checked(gt: Path, tmp_path: Path) -> None:
    luma = save(tmp_path / "net.onnx", scale=2)
    for words, message in (
        ("grb", "network_input: 'grb' is not allowed"),
        (["1", "255"], "network_input: 1 and 255 exclude each other"),
        ("bgr", r"network_input: .*net\.onnx takes one channel"),
    ):
        with pytest.raises(ArgumentError, match=message):
            evaluate(gt, luma, scales=2, network_input=words)
    with pytest.raises(ArgumentError, match="network_input: is for networks of ONNX files"):
        evaluate(gt, "default", scales=2, network_input="255", engine="numba")
    with pytest.raises(ArgumentError, match=r"network_input: VDSR .* takes enlarged luma"):
        upscale_image(np.zeros((9, 9), np.uint8), 2, "default", network_input="255", engine="numba")
    idle = CliRunner().invoke(main, ["--dataset", str(gt), "--weights", "default", "--network-input", "255"])
    assert (idle.exit_code, "--network-input" in idle.stderr) == (2, True)


@pytest.mark.parametrize(
    ("how", "guess"), [({"channels": 3}, "255 or bgr"), ({"channels": 1, "peak": 255}, "1")], ids=["rgb", "luma"]
)
def test_what_is_below_bicubic_is_said_with_a_guess(gt: Path, tmp_path: Path, how: dict, guess: str) -> None:
    """Nearest neighbours, nearly."""
    scores = evaluate(gt, ["bicubic", save(tmp_path / "net.onnx", scale=2, **how)], scales=2, protocols="rcan")
    said = [remark for remark in scores.remarks if remark.startswith("net.onnx: below bicubic on every image of gt x2")]
    assert [remark.rpartition("; ")[2] for remark in said] == [f"try --network-input {guess}"]
    assert sum(remark.startswith("net.onnx: takes ") for remark in scores.remarks) == 1


def test_a_range_that_is_said_wrongly_is_refused(tmp_path: Path) -> None:
    path = save(tmp_path / "net.onnx", channels=3, scale=2, peak=255)
    with pytest.raises(VdsrError, match=r"not that picture .* say so if .* \(--network-input 255 or bgr\)"):
        load_onnx(path, network_input="1")
    assert load_onnx(path, network_input=[255, "rgb"]).takes == load_onnx(path).takes


def test_what_a_file_is_is_told_by_its_content(tmp_path: Path) -> None:
    save(tmp_path / "net.onnx", channels=3, scale=2).rename(tmp_path / "net.bin")
    assert isinstance(load_any(tmp_path / "net.bin"), ImageNetwork)
    convert("default", tmp_path / "ours.onnx")
    (tmp_path / "ours.onnx").rename(tmp_path / "ours.dat")
    network = load_any(tmp_path / "ours.dat")
    assert isinstance(network, Network)
    assert network.parameters == 664704


def test_our_network_by_onnxruntime(gt: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    image = imresize(np.random.default_rng(0).random((200, 14)), size=(600, 40))
    ours, theirs = (load_network("default", engine=engine) for engine in ("numba", "onnx"))
    assert (theirs.engine, theirs.tile) == ("onnx", 512)
    assert np.abs(ours(image, 2) - theirs(image, 2)).max() < 1e-5
    negative = [(kernel, -bias) for kernel, bias in read_any("default")]
    ours.load(negative), theirs.load(negative)
    assert np.abs(ours(image, 2) - theirs(image, 2)).max() < 1e-5
    words = [
        "--dataset",
        str(gt),
        "--scale",
        "2",
        "--weights",
        "default",
        "--json",
        str(tmp_path / "s.json"),
        "--engine",
    ]
    for engine in ("onnx", "numba"):
        done = CliRunner().invoke(main, [*words, engine, "--force"])
        assert done.exit_code == 0, done.output
        rows = json.loads((tmp_path / "s.json").read_text())
        assert [row.get("engine") for row in rows] == [None, engine]
        assert ("VDSR (default): computed by onnx" in done.stderr) == (engine == "onnx")
    monkeypatch.setitem(__import__("sys").modules, "onnxruntime", None)
    with pytest.raises(VdsrError, match=r"^engine onnx: onnxruntime is not .* install 'vdsr-toolkit\[onnx\]'"):
        load_network("default", engine="onnx")


@pytest.mark.parametrize("scale", [1, 3])
def test_tiles_give_what_the_whole_gives(tmp_path: Path, monkeypatch: pytest.MonkeyPatch, scale: int) -> None:
    network = load_onnx(save(tmp_path / "net.onnx", channels=3, scale=scale, layers=4))
    image = np.random.default_rng(0).random((70, 51, 3))
    whole = network(image, 3)
    assert whole.shape == (70 * scale, 51 * scale, 3)
    for tile in (16, 33):
        monkeypatch.setattr(probed, "TILE", tile)
        np.testing.assert_allclose(network(image, 3), whole, atol=1e-6)


def test_a_network_for_another_scale_says_so(gt: Path, tmp_path: Path) -> None:
    with pytest.raises(VdsrError, match=r"net.onnx: enlarges by 3, not by 2"):
        evaluate(gt, save(tmp_path / "net.onnx", scale=3), scales=2)


@pytest.mark.parametrize(
    ("how", "words"),
    [
        ({"shape": (4, None, "h", "w")}, "takes 4 images at a time"),
        ({"shape": ("n", None, 64, 64)}, "takes images of 64 x 64 pixels only"),
        ({"channels": 3, "shape": ("n", "h", "w", 3)}, "with channels first, as they seem|onnxruntime cannot run it"),
        ({"channels": 2}, r"takes 2 channels; export it for 1 \(luma\) or 3 \(RGB\)"),
        ({"shape": ("n", "c", "h", "w")}, "takes any number of channels; export it for 1"),
        ({"crop": True}, "a whole multiple of rows and columns"),
        ({"nan": True}, "gives NaN or infinity of a plain picture"),
        ({"residual": True}, "gives what is to be added to it"),
        ({"operator": "Odd", "domain": "com.example"}, "onnxruntime cannot run it"),
    ],
)
def test_what_is_no_such_network_is_refused(tmp_path: Path, how: dict, words: str) -> None:
    with pytest.raises(VdsrError, match=words) as caught:
        load_onnx(save(tmp_path / "net.onnx", **how))
    assert str(caught.value).startswith(str(tmp_path / "net.onnx"))
    assert "\n" not in str(caught.value)


def test_damaged_files_and_a_missing_library(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    path = save(tmp_path / "net.onnx")
    (tmp_path / "half.onnx").write_bytes(path.read_bytes()[:100])
    (tmp_path / "none.onnx").write_bytes(b"")
    for name in ("half", "none"):
        with pytest.raises(VdsrError, match=rf"{name}.onnx: onnxruntime cannot run it"):
            load_onnx(tmp_path / f"{name}.onnx")
    with pytest.raises(VdsrError, match="no such file"):
        load_method(tmp_path / "missing.onnx")
    monkeypatch.setitem(__import__("sys").modules, "onnxruntime", None)
    with pytest.raises(VdsrError, match=r"pip install 'vdsr-toolkit\[onnx\]'"):
        load_onnx(path)
