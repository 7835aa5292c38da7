"""The weights that come with the toolkit: whole, the network of the paper, and the same under every backend."""

import os
import shutil
import subprocess
import sys
from pathlib import Path

import numpy as np
import pytest

from vdsr_data.errors import VdsrError
from vdsr_eval.networks import shipped
from vdsr_eval.networks.weights import read_weights
from vdsr_train.config import read_config
from vdsr_train.run.log import read_log


def test_they_are_the_network_of_the_paper() -> None:
    weights = read_weights(shipped.shipped_weights())
    assert len(weights) == 20
    assert sum(kernel.size + bias.size for kernel, bias in weights) == 665_921


def test_every_part_of_their_training_is_recorded() -> None:
    folder = shipped.FILE.parent
    parts = [path.name.removesuffix("-config.json") for path in sorted(folder.glob("*-config.json"))]
    assert parts == ["1-muon", "2-stable", "3-decay"]
    for part in parts:
        config = read_config(folder / f"{part}-config.json")
        assert (config.depth, config.channels) == (20, 64)
        rows = read_log(folder / f"{part}-log.csv")
        assert rows[-1]["step"] > 1000
        assert any("psnr_x2" in row for row in rows)
        assert (folder / f"{part}-curves.png").exists()


@pytest.mark.parametrize("damage", [lambda path: path.unlink(), lambda path: path.write_bytes(path.read_bytes()[:-1])])
def test_damaged_ones_are_refused(tmp_path, monkeypatch, damage) -> None:
    copy = tmp_path / "vdsr.h5"
    shutil.copy(shipped.FILE, copy)
    monkeypatch.setattr(shipped, "FILE", copy)
    assert shipped.shipped_weights() == copy
    damage(copy)
    with pytest.raises(VdsrError, match=r"vdsr\.h5: .*install vdsr-toolkit again"):
        shipped.shipped_weights()


UPSCALE = """
import sys, numpy as np
from vdsr_eval.networks.network import load_network
np.save(sys.argv[1], load_network("default", engine="jax")(np.load("lr.npy"), 3))
"""


@pytest.mark.slow
def test_all_engines_agree_to_1e_5_and_do_something(tmp_path: Path) -> None:
    pytest.importorskip("tensorflow")
    pytest.importorskip("jax", reason="JAX is not installed")
    from vdsr_data import im2double, imresize, luma
    from vdsr_data.benchmark.sets import open_set
    from vdsr_eval import load_network, psnr

    gt = im2double(luma(next(iter(open_set("sample"))).pixels))[:120, :120]
    lr = imresize(imresize(gt, 1 / 3), 3)
    np.save(tmp_path / "lr.npy", lr)
    environment = os.environ | {"PYTHONPATH": os.pathsep.join(sys.path)}
    subprocess.run([sys.executable, "-c", UPSCALE, "jax.npy"], env=environment, cwd=tmp_path, check=True)
    images = [load_network("default", engine=engine)(lr, 3) for engine in ("numba", "tensorflow")]
    images.append(np.load(tmp_path / "jax.npy"))
    for image in images[1:]:
        np.testing.assert_allclose(image, images[0], rtol=0, atol=1e-5)
    inner = np.s_[3:-3, 3:-3]
    assert psnr(images[0][inner].astype(float), gt[inner], data_range=1) > psnr(lr[inner], gt[inner], data_range=1) + 1
