"""`vdsr-data export`: the folders, names and images of other projects, and the way back through our own evaluator."""

from pathlib import Path

import command_line
import numpy as np
import pytest
from command_line import fails

from vdsr_data import ArgumentError, colon, degrade, export, list_images, modcrop, read_image, write_image
from vdsr_data.benchmark.layouts import LAYOUTS
from vdsr_eval import evaluate


@pytest.fixture
def dots(photographs: Path) -> Path:
    return photographs.rename(photographs.parent / "Dots")


EXPECTED = {
    "basicsr": {"Dots/GTmod12/a.png", "Dots/LRbicx2/a.png", "Dots/LRbicx3/a.png"},
    "rcan": {"HR/Dots/x2/a_HR_x2.png", "HR/Dots/x3/a_HR_x3.png", "LR/LRBI/Dots/x2/a_LRBI_x2.png",
             "LR/LRBI/Dots/x3/a_LRBI_x3.png"},
    "edsr": {"benchmark/Dots/HR/a.png", "benchmark/Dots/LR_bicubic/X2/ax2.png", "benchmark/Dots/LR_bicubic/X3/ax3.png"},
    "kair": {"Dots/HR/a.png", "Dots/LR_bicubic/X2/ax2.png", "Dots/LR_bicubic/X3/ax3.png"},
    "metasr": {"Dots/HR/a.png", "Dots/LR_bicubic/X2.00/a.png", "Dots/LR_bicubic/X3.00/a.png"},
}  # fmt: skip


@pytest.mark.parametrize("layout", LAYOUTS)
def test_folders_and_names(layout: str, dots: Path, tmp_path: Path) -> None:
    made = export(dots, tmp_path / "out", layout=layout, scales=(2, 3))
    found = {str(path.relative_to(tmp_path / "out")) for path in (tmp_path / "out").rglob("*.png")}
    assert {name for name in found if name.rpartition("/")[2].startswith("a")} == EXPECTED[layout]
    assert made.originals + made.images == len(found)


def test_images_are_those_of_the_projects_scripts(dots: Path, tmp_path: Path) -> None:
    hr = read_image(dots / "a.jpg")
    for layout in LAYOUTS:
        export(dots, tmp_path / layout, layout=layout, scales=3, boundary="replicate")
    twelve = modcrop(hr, 12)
    assert (read_image(tmp_path / "basicsr/Dots/GTmod12/a.png") == twelve).all()
    lr = degrade(twelve, "bi-double", 3, boundary="replicate")
    assert (read_image(tmp_path / "basicsr/Dots/LRbicx3/a.png") == lr).all()
    assert (read_image(tmp_path / "rcan/HR/Dots/x3/a_HR_x3.png") == modcrop(hr, 3)).all()
    lr = degrade(hr, "bi", 3, boundary="replicate")
    assert (read_image(tmp_path / "rcan/LR/LRBI/Dots/x3/a_LRBI_x3.png") == lr).all()
    assert (read_image(tmp_path / "edsr/benchmark/Dots/HR/a.png") == hr).all()
    assert (read_image(tmp_path / "edsr/benchmark/Dots/LR_bicubic/X3/ax3.png") == lr).all()


def test_fractional_scales_of_meta_sr(dots: Path, tmp_path: Path) -> None:
    export(dots, tmp_path / "out", layout="metasr", scales="1.1:0.1:1.3")
    hr = read_image(dots / "b.jpg")
    for scale in colon(1.1, 0.1, 1.3):
        lr = read_image(tmp_path / "out" / "Dots" / "LR_bicubic" / f"X{scale:.2f}" / "b.png")
        assert (lr == degrade(hr, "bi", scale, crop="meta-sr")).all()


@pytest.mark.parametrize(
    ("layout", "gt", "lr"),
    [
        ("basicsr", "Dots/GTmod12", "Dots/LRbicx3"),
        ("rcan", "HR/Dots/x3", "LR/LRBI/Dots/x3"),
        ("edsr", "benchmark/Dots/HR", "benchmark/Dots/LR_bicubic/X3"),
        ("kair", "Dots/HR", "Dots/LR_bicubic/X3"),
    ],
)
def test_our_evaluator_reads_them(layout: str, gt: str, lr: str, dots: Path, tmp_path: Path) -> None:
    export(dots, tmp_path / "out", layout=layout, scales=3)
    ours = evaluate(tmp_path / "out" / gt, scales=3, protocols="rcan", lr=tmp_path / "out" / lr)
    kind = LAYOUTS[layout].kind
    again = evaluate(tmp_path / "out" / gt, scales=3, protocols="rcan", degradation=kind)
    assert [record.psnr for record in ours] == [record.psnr for record in again]


def test_the_command(dots: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)
    said = command_line.run("export", dots, "--layout", "rcan", "--scales", 3, "--degradation", "bd").output
    assert said == "rcan: 4 originals, 4 low-resolution images, layout rcan\n"
    lr = read_image(tmp_path / "rcan/LR/LRBD/Dots/x3/a_LRBD_x3.png")
    assert (lr == degrade(read_image(dots / "a.jpg"), "bd", 3)).all()
    command_line.run("export", dots, "--layout", "rcan", "--scales", "2,4")  # another scale beside it
    fails(
        command_line.run("export", dots, "--layout", "rcan", "--scales", 3, "--degradation", "bd"),
        1,
        "exists",
        "--force",
    )
    assert command_line.run("export", dots, "--layout", "rcan", "--scales", 2, "--force").exit_code == 0


@pytest.mark.parametrize(
    ("options", "words"),
    [
        ({"layout": "srgan"}, "layout: 'srgan' is not allowed"),
        ({"layout": "edsr", "scales": 2.5}, "fractions are for metasr"),
        ({"layout": "edsr", "degradation": "bd"}, "rcan has others"),
        ({"layout": "rcan", "degradation": "jpeg"}, "does not reduce"),
        ({"layout": "rcan", "scales": 0}, "scale"),
        ({"layout": "edsr", "scales": 1}, "would be the originals"),
        ({"layout": "rcan", "boundary": "mirror"}, "boundary"),
    ],
)
def test_refused(options, words: str, dots: Path, tmp_path: Path) -> None:
    with pytest.raises(ArgumentError, match=words):
        export(dots, tmp_path / "out", **options)
    assert not (tmp_path / "out").exists()


def test_a_linked_set_has_the_name_that_was_given(dots: Path, tmp_path: Path) -> None:
    (tmp_path / "Set5").symlink_to(dots)
    export(tmp_path / "Set5", tmp_path / "out", layout="kair", scales=2)
    assert [path.name for path in (tmp_path / "out").iterdir()] == ["Set5"]


def test_images_too_small_and_into_their_own_folder(dots: Path, tmp_path: Path) -> None:
    fails(command_line.run("export", dots, "-o", tmp_path / "out", "--layout", "basicsr", "--scales", 60), 1, "nothing")
    (tmp_path / "a").mkdir()
    write_image(tmp_path / "a/x.png", np.zeros((5, 50), np.uint8))
    fails(
        command_line.run("export", tmp_path / "a", "-o", tmp_path / "out", "--layout", "basicsr"), 1, "x.png", "nothing"
    )
    assert not (tmp_path / "out").exists()
    assert len(list_images(dots)) == 4
