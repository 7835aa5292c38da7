"""What is written for BasicSR, read by BasicSR's own loader: `export --layout basicsr`, sub-images as files and LMDB.

    pip install basicsr==1.4.2 torch==2.1.2 torchvision==0.16.2 'numpy<2' lmdb

With torchvision 0.17 or newer `import basicsr` needs its `transforms.functional_tensor`, which went away.
"""

import sys
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from needs import needs

from vdsr_data import build_train, degrade, export, list_images, modcrop, read_image

needs("basicsr")

pytestmark = pytest.mark.filterwarnings("ignore::DeprecationWarning")  # of what it imports


@pytest.fixture(scope="module")
def loader() -> Any:
    """PairedImageDataset with the options that all of these have."""
    from torchvision.transforms import functional

    sys.modules.setdefault("torchvision.transforms.functional_tensor", functional)
    from basicsr.data.paired_image_dataset import PairedImageDataset

    def open_pairs(gt: Path, lq: Path, **options: Any) -> Any:
        usual = {"phase": "val", "scale": 3, "io_backend": {"type": "disk"}}
        return PairedImageDataset({"dataroot_gt": str(gt), "dataroot_lq": str(lq), **usual, **options})

    return open_pairs


def pixels(tensor: Any) -> np.ndarray:
    """The 8-bit RGB image of a tensor (3, rows, columns) in [0, 1]."""
    return np.round(tensor.numpy().transpose(1, 2, 0) * 255).astype(np.uint8)


def coloured(image: np.ndarray) -> np.ndarray:
    """BasicSR reads every image as RGB."""
    return image if image.ndim == 3 else np.dstack([image] * 3)


@pytest.mark.parametrize(
    ("layout", "places", "name", "kind", "multiple"),
    [
        ("basicsr", "photographs/GTmod12 photographs/LRbicx3", "{}", "bi-double", 12),
        ("kair", "photographs/HR photographs/LR_bicubic/X3", "{}x3", "bi-double", 3),
        ("edsr", "benchmark/photographs/HR benchmark/photographs/LR_bicubic/X3", "{}x3", "bi", 3),
    ],
)
def test_exported_sets(
    layout: str, places: str, name: str, kind: str, multiple: int, loader: Any, photographs: Path, tmp_path: Path
) -> None:
    export(photographs, tmp_path, layout=layout, scales=(2, 3), boundary="replicate")
    pairs = loader(*(tmp_path / place for place in places.split()), filename_tmpl=name)
    originals = {path.stem: modcrop(read_image(path), multiple) for path in list_images(photographs)}
    assert sorted(Path(pair["gt_path"]).stem for pair in pairs) == sorted(originals)
    for pair in pairs:
        hr = originals[Path(pair["gt_path"]).stem]
        assert Path(pair["lq_path"]).stem == name.format(Path(pair["gt_path"]).stem)
        assert (pixels(pair["gt"]) == coloured(hr)).all()
        assert (pixels(pair["lq"]) == coloured(degrade(hr, kind, 3, boundary="replicate"))).all()


@pytest.mark.parametrize("degradation", [None, "bd", "dn:noise=10,seed=5"])
@pytest.mark.parametrize("kind", ["png", "lmdb"])
def test_sub_images(kind: str, degradation: str | None, loader: Any, photographs: Path, tmp_path: Path) -> None:
    how: dict[str, Any] = {"scales": [3], "patch_size": 36, "stride": 24, "degradation": degradation}
    build_train(photographs, tmp_path / "out", format=kind, **how)
    low = "bicubic" if degradation is None else degradation[:2]
    if kind == "png":
        places = (tmp_path / "out/HR_sub", tmp_path / f"out/LR_{low}/X3_sub")
        pairs = loader(*places, meta_info_file=str(tmp_path / "out/meta_info.txt"))
    else:
        places = (tmp_path / "out/HR_sub.lmdb", tmp_path / f"out/LR_{low}_X3_sub.lmdb")
        pairs = loader(*places, io_backend={"type": "lmdb"})
    found = {Path(pair["gt_path"]).stem: pair for pair in pairs}
    assert len(found) == len(pairs) > 8
    for k, path in enumerate(list_images(photographs)):
        hr = modcrop(read_image(path), 3)
        noise = {"noise": 10, "seed": 5 + k} if low == "dn" else {}
        lr = degrade(hr, "bi" if degradation is None else low, 3, **noise)
        assert (pixels(found[f"{path.stem}_s001"]["gt"]) == coloured(hr)[:36, :36]).all()
        assert (pixels(found[f"{path.stem}_s001"]["lq"]) == coloured(lr)[:12, :12]).all()


def test_patches_to_train_on_lie_on_each_other(loader: Any, photographs: Path, tmp_path: Path) -> None:
    """A random crop of LR is that of HR: bicubic of HR's is near it, whatever the turn."""
    build_train(photographs, tmp_path / "out", format="png", scales=[3], patch_size=36, stride=24)
    options = {"phase": "train", "gt_size": 30, "use_hflip": True, "use_rot": True}
    for pair in loader(tmp_path / "out/HR_sub", tmp_path / "out/LR_bicubic/X3_sub", **options):
        low = degrade(pixels(pair["gt"]), "bi", 3).astype(int)[1:-1, 1:-1]
        assert np.abs(low - pixels(pair["lq"])[1:-1, 1:-1]).max() <= 1
