"""Networks that spandrel runs. Where it is not installed a stand-in that knows one architecture takes its place."""

import itertools
import sys
from collections.abc import Mapping
from importlib.util import find_spec
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import numpy as np
import pytest
from click.testing import CliRunner

from vdsr_data import imresize, read_image, write_image
from vdsr_data.errors import ArgumentError, VdsrError
from vdsr_eval import convert, evaluate, score, upscale, upscale_image
from vdsr_eval.cli.main import main
from vdsr_eval.networks.load import load_any
from vdsr_eval.networks.network import Network
from vdsr_eval.networks.probed import ImageNetwork
from vdsr_eval.networks.upscale import upscale_colors

torch = pytest.importorskip("torch", reason="PyTorch is not installed: pip install torch")
needs_spandrel = pytest.mark.skipif(find_spec("spandrel") is None, reason="spandrel is not installed")


class Compact(torch.nn.Module):
    """SRVGGNetCompact of Real-ESRGAN: convolutions, PReLU, pixel shuffle, on top of the nearest pixels."""

    def __init__(self, scale: int, features: int = 4, layers: int = 1) -> None:
        super().__init__()
        self.scale = scale
        widths = [3, *[features] * (layers + 1)]
        body: list[Any] = []
        for a, b in itertools.pairwise(widths):
            body += [torch.nn.Conv2d(a, b, 3, 1, 1), torch.nn.PReLU(b)]
        self.body = torch.nn.ModuleList([*body, torch.nn.Conv2d(features, 3 * scale**2, 3, 1, 1)])

    def forward(self, image):
        out = image
        for layer in self.body:
            out = layer(out)
        base = torch.nn.functional.interpolate(image, scale_factor=self.scale, mode="nearest")
        return torch.nn.functional.pixel_shuffle(out, self.scale) + base


@pytest.fixture(autouse=True)
def spandrel(monkeypatch: pytest.MonkeyPatch) -> None:
    """Spandrel itself, or what of it is called here."""
    if find_spec("spandrel") is not None:
        return
    architecture = SimpleNamespace(name="RealESRGAN Compact")

    class Descriptor:
        input_channels = output_channels = 3

        def __init__(self, state: Mapping[str, Any]) -> None:
            if "body.1.weight" not in state:
                raise Unsupported
            self.architecture = architecture
            self.model = Compact(int((len(state["body.4.bias"]) // 3) ** 0.5))
            self.model.load_state_dict(state)

        def float(self):
            return self

        def eval(self):
            return self

        def __call__(self, image):
            return self.model(image).clamp_(0, 1)

    class Unsupported(Exception):
        pass

    fake: Any = SimpleNamespace(
        __version__="0", UnsupportedModelError=Unsupported, ImageModelDescriptor=Descriptor,
        ModelLoader=lambda device: SimpleNamespace(load_from_state_dict=Descriptor),
        canonicalize_state_dict=lambda found: found.get("params_ema", found),
    )  # fmt: skip
    monkeypatch.setitem(sys.modules, "spandrel", fake)


def compact(scale: int) -> Compact:
    """A network near nearest-neighbour enlargement, which differs for each channel."""
    torch.manual_seed(scale)
    net = Compact(scale).eval()
    for parameter in net.parameters():
        parameter.data *= 0.2
    net.body[-1].bias.data += torch.linspace(-0.03, 0.03, 3 * scale**2)
    return net


def small(seed: int = 0, rows: int = 20, columns: int = 27) -> np.ndarray:
    rough = np.random.default_rng(seed).integers(0, 256, (rows // 4, columns // 4, 3), np.uint8)
    return imresize(rough, size=(rows, columns))


def by_hand(net: Any, image: np.ndarray) -> np.ndarray:
    with torch.no_grad():
        found = net(torch.from_numpy(image.transpose(2, 0, 1)[None].astype(np.float32) / 255))[0]
    return np.floor(found.numpy().transpose(1, 2, 0).astype(float).clip(0, 1) * 255 + 0.5).astype(np.uint8)


@pytest.mark.parametrize("name", ["4x_any.pth", "4x_any.bin"])
@pytest.mark.parametrize("wrapped", [True, False])
def test_a_published_file_is_run_whatever_its_name(tmp_path: Path, name: str, wrapped: bool) -> None:
    state = compact(4).state_dict()
    torch.save({"params_ema": state} if wrapped else state, tmp_path / name)
    network = load_any(tmp_path / name)
    assert isinstance(network, ImageNetwork)
    assert (network.name, network.engine) == (name, "spandrel (RealESRGAN Compact)")
    assert str(network.takes) == "rgb of a small image, x4, 0 to 1, in tiles with a margin of 8 pixels"
    found = upscale_image(small(), 4, network)
    assert np.abs(found.astype(int) - by_hand(compact(4), small())).max() <= 1  # a tile's sums round in another order


def test_safetensors_are_run_too(tmp_path: Path) -> None:
    library = pytest.importorskip("safetensors.torch")
    library.save_file(compact(2).state_dict(), tmp_path / "net")
    assert load_any(tmp_path / "net").engine == "spandrel (RealESRGAN Compact)"


def test_networks_of_our_kind_stay_ours(tmp_path: Path) -> None:
    for suffix in (".pth", ".safetensors"):
        convert("default", tmp_path / f"net{suffix}")
        assert isinstance(load_any(tmp_path / f"net{suffix}", engine="numba"), Network)


def test_it_scores_as_its_pictures(tmp_path: Path) -> None:
    (tmp_path / "gt").mkdir()
    (tmp_path / "results").mkdir()
    torch.save(compact(2).state_dict(), tmp_path / "net.pth")
    for seed in (1, 2):
        gt = small(seed, 60, 72)
        write_image(tmp_path / "gt" / f"p{seed}.png", gt)
        lr = imresize(gt, 1 / 2)
        write_image(tmp_path / "results" / f"p{seed}.png", upscale_image(lr, 2, tmp_path / "net.pth"))
    how: dict = {"protocols": "rcan", "rgb": True}
    ours = evaluate(tmp_path / "gt", tmp_path / "net.pth", scales=2, **how)
    theirs = score(tmp_path / "results", tmp_path / "gt", 2, **how)
    assert [(r.psnr, r.ssim) for r in ours] == [(r.psnr, r.ssim) for r in theirs if r.model != "bicubic"]
    assert "net.pth: computed by spandrel (RealESRGAN Compact)" in ours.remarks
    assert ours.engines == {"net.pth": "spandrel (RealESRGAN Compact)"}


def test_files_are_enlarged_and_what_it_takes_is_said(tmp_path: Path) -> None:
    torch.save(compact(3).state_dict(), tmp_path / "net.pth")
    write_image(tmp_path / "a.png", small())
    words = ["upscale", str(tmp_path / "a.png"), "--scale", "3", "--weights", str(tmp_path / "net.pth"), "-o"]
    done = CliRunner().invoke(main, [*words, str(tmp_path / "b.png")])
    assert done.exit_code == 0, done.output
    assert "net.pth: takes rgb of a small image, x3, 0 to 1, in tiles" in done.stderr
    assert done.stderr.count("takes") == 1
    np.testing.assert_array_equal(read_image(tmp_path / "b.png"), upscale_image(small(), 3, tmp_path / "net.pth"))
    with pytest.raises(VdsrError, match=r"net\.pth: enlarges by 3, not by 2"):
        upscale(tmp_path / "a.png", tmp_path / "c.png", scale=2, weights=tmp_path / "net.pth")
    with pytest.raises(ArgumentError, match=r"^self_ensemble: wants a network of enlarged luma; net\.pth takes rgb"):
        upscale_image(small(), 3, tmp_path / "net.pth", self_ensemble=True)


class Trap:
    """Of which unpickling would leave a trace."""

    def __init__(self, path: Path) -> None:
        self.path = path

    def __reduce__(self) -> tuple:
        return open, (str(self.path), "w")


def test_nothing_is_unpickled(tmp_path: Path) -> None:
    state = compact(2).state_dict()
    torch.save({"params_ema": state, "trap": Trap(tmp_path / "sprung")}, tmp_path / "net.pth")
    load_any(tmp_path / "net.pth")
    assert not (tmp_path / "sprung").exists()


def test_what_it_cannot_run_is_said_in_a_line(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    torch.save({"a.weight": torch.zeros(3, 3)}, tmp_path / "odd.pth")
    net = compact(2)
    for parameter in net.parameters():
        parameter.data += torch.nan
    torch.save(net.state_dict(), tmp_path / "nan.pth")
    torch.save(compact(2).state_dict(), tmp_path / "cut.pth")
    (tmp_path / "cut.pth").write_bytes((tmp_path / "cut.pth").read_bytes()[:-300])
    for name, words in {
        "odd": "is of no architecture that spandrel .* knows", "nan": "gives NaN or infinity of a plain picture",
        "cut": "a truncated archive",
    }.items():  # fmt: skip
        with pytest.raises(VdsrError, match=rf"^{tmp_path}/{name}\.pth: .*{words}") as caught:
            load_any(tmp_path / f"{name}.pth")
        assert "\n" not in str(caught.value)
    monkeypatch.setitem(sys.modules, "spandrel", None)
    torch.save(compact(2).state_dict(), tmp_path / "net.pth")
    with pytest.raises(VdsrError, match=r"not installed: pip install 'vdsr-toolkit\[spandrel\]'$"):
        load_any(tmp_path / "net.pth")


@needs_spandrel
@pytest.mark.filterwarnings("ignore:torch.meshgrid")
@pytest.mark.parametrize(("channels", "takes"), [(3, "rgb"), (1, "luma")])
def test_a_transformer_gives_the_same_in_strips(tmp_path: Path, channels: int, takes: str) -> None:
    """Attention in windows depends on where a tile begins: at a multiple of their size."""
    from spandrel.architectures.SwinIR import SwinIR

    torch.manual_seed(0)
    net = SwinIR(upscale=1, in_chans=channels, embed_dim=12, depths=[2], num_heads=[2], window_size=8, img_size=16,
                 upsampler="", resi_connection="1conv").eval()  # fmt: skip
    for name, parameter in net.named_parameters():
        parameter.data *= 10 if "attn" in name else 0.2 if name == "conv_last.weight" else 1
    torch.save({"params": net.state_dict()}, tmp_path / "swin.pth")
    network = load_any(tmp_path / "swin.pth")
    assert (network.engine, network.takes.colour, network.takes.scale) == ("spandrel (SwinIR)", takes, 1)
    image = small(0, 150, 40)
    whole = upscale_image(image, 2, network)
    for strip in (40, 90):
        again = upscale_colors(image, scale=2, upscale=network, reach=network.reach, strip=strip)
        assert np.abs(again.astype(int) - whole).max() <= 1


@needs_spandrel
def test_an_esrgan_is_known(tmp_path: Path) -> None:
    from spandrel.architectures.ESRGAN.__arch.RRDB import RRDBNet

    torch.manual_seed(0)
    net = RRDBNet(in_nc=3, out_nc=3, num_filters=8, num_blocks=1, scale=2)
    torch.save(net.state_dict(), tmp_path / "esrgan.pth")
    with pytest.raises(VdsrError, match="what it makes of a picture is not that picture"):
        load_any(tmp_path / "esrgan.pth")  # it was not trained
