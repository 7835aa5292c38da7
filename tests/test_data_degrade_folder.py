"""`vdsr-data degrade` and `vdsr-data identify`: images to images, as the functions on arrays make them."""

import shutil
from pathlib import Path

import command_line
import numpy as np
import pytest
from scipy.io import savemat

from vdsr_data import colon, degrade, degrade_folder, fspecial, imresize, list_images, modcrop, read_image, write_image
from vdsr_data.benchmark import degrading, layouts, resizing
from vdsr_data.degradations.kernels import read_kernel
from vdsr_data.errors import VdsrError
from vdsr_data.limits import RESIZE_METHODS

KERNEL = fspecial("gaussian", 5, 1.2)


def run(*words: object) -> str:
    result = command_line.run(*words)
    assert result.exit_code == 0, result.output
    return result.output


def refused(*words: object) -> str:
    result = command_line.run(*words)
    assert result.exit_code in (1, 2), result.output
    assert result.stderr.count("\n") == 1, result.stderr
    return result.stderr


@pytest.mark.parametrize(
    ("words", "options"),
    [
        (["--kind", "bd", "--scale", 3], {"kind": "bd", "scale": 3}),
        (["--kind", "dn", "--scale", 2, "--noise", 12.5, "--seed", 7],
         {"kind": "dn", "scale": 2, "noise": 12.5, "seed": 7}),
        (["--scale", 2.5, "--boundary", "replicate"], {"kind": "bi", "scale": 2.5, "boundary": "replicate"}),
        (["--kind", "BI-double", "--scale", 4, "--crop", "none"], {"kind": "bi-double", "scale": 4, "crop": "none"}),
        (["--kind", "jpeg", "--quality", 30], {"kind": "jpeg", "quality": 30}),
        (["--kind", "srmd", "--scale", 2, "--kernel", "KERNEL"], {"kind": "srmd", "scale": 2, "kernel": KERNEL}),
    ],
)  # fmt: skip
def test_a_folder_is_degraded_image_by_image(words, options, photographs: Path, tmp_path: Path) -> None:
    np.save(tmp_path / "kernel.npy", KERNEL)
    words = [str(tmp_path / "kernel.npy") if word == "KERNEL" else word for word in words]
    run("degrade", photographs, tmp_path / "lr", *words, "--workers", 2)
    originals = list_images(photographs)
    assert len(list((tmp_path / "lr").iterdir())) == len(originals)
    for path in originals:
        assert (read_image(tmp_path / "lr" / f"{path.stem}.png") == degrade(read_image(path), **options)).all()


def test_several_scales_and_a_crop_before(photographs: Path, tmp_path: Path) -> None:
    said = run("degrade", photographs, tmp_path / "lr", "--scale", "2,3,8", "--modcrop", 12, "--format", "bmp")
    assert said.strip().endswith("lr: 4 images, x2, x3, x8, bi")
    assert sorted(path.name for path in (tmp_path / "lr").iterdir()) == ["x2", "x3", "x8"]
    hr = modcrop(read_image(photographs / "a.jpg"), 12)
    assert (read_image(tmp_path / "lr/x8/a.bmp") == degrade(hr, "bi", 8)).all()


def test_scales_of_a_colon_are_cropped_as_by_meta_sr(photographs: Path, tmp_path: Path) -> None:
    run("degrade", photographs, tmp_path / "lr", "--scale", "1.5:0.5:3")
    assert sorted(path.name for path in (tmp_path / "lr").iterdir()) == ["x1.5", "x2", "x2.5", "x3"]
    hr = read_image(photographs / "b.jpg")
    for scale in colon(1.5, 0.5, 3):
        lr = read_image(tmp_path / "lr" / f"x{scale:g}" / "b.png")
        assert (lr == degrade(hr, "bi", scale, crop="meta-sr")).all()


def test_one_image(photographs: Path, tmp_path: Path) -> None:
    run("degrade", photographs / "a.jpg", tmp_path / "a.tif", "--scale", 2)
    assert (read_image(tmp_path / "a.tif") == degrade(read_image(photographs / "a.jpg"), "bi", 2)).all()
    run("degrade", photographs / "a.jpg", tmp_path / "both", "--scale", "2,4")
    assert (tmp_path / "both/x4/a.png").is_file()


def test_explanation_writes_nothing(photographs: Path, tmp_path: Path) -> None:
    said = run("degrade", photographs, tmp_path / "lr", "--kind", "dn", "--scale", 3, "--explain")
    for words in ("RDN", "LR = imresize(HR, 1/3, 'bicubic');", "randn('seed', 0);", "single(30 * randn(size(LR)))"):
        assert words in said
    assert not (tmp_path / "lr").exists()
    assert "no such data set" in refused("degrade", "Nowhere", tmp_path / "lr", "--scale", 3, "--explain")
    assert "no such file" in refused("degrade", "nowhere.png", tmp_path / "lr.png", "--scale", 3, "--explain")


def test_the_number_of_threads_changes_nothing(photographs: Path, tmp_path: Path) -> None:
    for workers in (1, 3):
        degrade_folder(photographs, tmp_path / str(workers), kind="dn", scale=2, workers=workers)
    for path in (tmp_path / "1").iterdir():
        assert path.read_bytes() == (tmp_path / "3" / path.name).read_bytes()


@pytest.mark.parametrize(
    ("words", "expected"),
    [
        (["--scale", "a"], "give factors such as 3"),
        (["--scale", "1:2"], "give start:step:stop"),
        (["--scale", "2:0:3"], "has no numbers"),
        (["--scale", "2,2"], "different ones"),
        (["--scale", "60"], "nothing is left of it"),
        (["--scale", "0.5"], "scale"),
        ([], "give one for bi"),
        (["--kind", "bd", "--scale", "1.5"], "whole number"),
        (["--kind", "jpeg", "--quality", "0"], "from 1 to 100"),
        (["--kind", "jpeg", "--scale", "2"], "does not reduce"),
        (["--kind", "blur", "--scale", "2"], "needs a kernel or sigma"),
        (["--kind", "blur", "--scale", "2", "--kernel", "none.npy"], "none.npy"),
        (["--kind", "bi", "--scale", "2", "--seed", "3"], "seed has no effect on bi"),
    ],
)
def test_refused_in_one_line_with_nothing_written(words, expected: str, photographs: Path, tmp_path: Path) -> None:
    assert expected in refused("degrade", photographs, tmp_path / "lr", *words)
    assert not (tmp_path / "lr").exists()


def test_16_bits_are_refused_by_their_name(tmp_path: Path) -> None:
    (tmp_path / "hr").mkdir()
    write_image(tmp_path / "hr/deep.png", np.zeros((20, 20), np.uint16))
    assert "deep.png: dn is defined for 8-bit images" in refused(
        "degrade", tmp_path / "hr", tmp_path / "lr", "--kind", "dn", "--scale", 2
    )


def test_depth_is_looked_at_before_anything_is_written(photographs: Path, tmp_path: Path) -> None:
    write_image(photographs / "zz.png", np.zeros((40, 40, 3), np.uint16))
    write_image(photographs / "zy.tif", np.zeros((40, 40), np.uint16))
    for command, words in (("degrade", ["--kind", "noise"]), ("degrade", ["--kind", "jpeg"]),
                           ("degrade", ["--kind", "dn", "--scale", "2,3"])):  # fmt: skip
        assert "is defined for 8-bit images, got uint16" in refused(command, photographs, tmp_path / "lr", *words)
    for command in ("degrade", "imresize"):
        words = [command, photographs, tmp_path / "lr", "--scale", 2, "--format", "bmp"]
        assert "a BMP file cannot hold 16-bit pixels" in refused(*words)
    out = tmp_path / "out"
    words = ["export", photographs, "-o", out, "--layout", "rcan", "--degradation", "dn"]
    assert "is defined for 8-bit images" in refused(*words)
    assert not (tmp_path / "lr").exists()
    assert not out.exists()
    run("degrade", photographs, tmp_path / "lr", "--scale", 2, "--kind", "srmd")
    assert read_image(tmp_path / "lr/zz.png").dtype == np.uint16


@pytest.mark.parametrize(
    "words",
    [
        ("degrade", "@", "out", "--scale", "2,3"),
        ("imresize", "@", "out", "--scale", "1/2"),
        ("export", "@", "-o", "out", "--layout", "rcan", "--scales", "2,3"),
    ],
)
@pytest.mark.parametrize("error", [KeyboardInterrupt, OSError(28, "No space left on device")])
def test_all_images_appear_or_none(words, error, photographs: Path, tmp_path: Path, monkeypatch) -> None:
    monkeypatch.chdir(tmp_path)
    call = [photographs if word == "@" else word for word in words]
    run(*call)
    before = {path: path.read_bytes() for path in (tmp_path / "out").rglob("*.png")}
    shutil.rmtree(tmp_path / "out")
    done = []

    def write(path: Path, image: np.ndarray) -> None:
        done.append(path)
        if len(done) == 3:
            raise error
        write_image(path, image)

    with monkeypatch.context() as patch:
        for module in (degrading, layouts, resizing):
            patch.setattr(module, "write_image", write)
        result = command_line.run(*call, "--workers", 1)
    assert result.exit_code == (130 if error is KeyboardInterrupt else 1)
    assert result.stderr.strip().count("\n") == 0
    assert not list((tmp_path / "out").iterdir())
    run(*call)
    assert before == {path: path.read_bytes() for path in (tmp_path / "out").rglob("*.png")}


def test_places_where_nothing_can_be_written(photographs: Path, tmp_path: Path) -> None:
    said = refused("degrade", photographs / "a.jpg", tmp_path / "out.png", "--scale", "2,3")
    assert "out.png: is the name of an image" in said
    (tmp_path / "d4").mkdir()
    (tmp_path / "d4/x2").touch()
    said = refused("degrade", photographs, tmp_path / "d4", "--scale", "2,3", "--force")
    assert "d4/x2: is a file where a folder is needed" in said
    (tmp_path / "linked").mkdir()
    for name in ("a.png", "b.png"):
        (tmp_path / "linked" / name).symlink_to(tmp_path / "elsewhere.png")
    for command, words in (("imresize", ["--scale", 2]), ("degrade", ["--scale", 2])):
        said = refused(command, photographs, tmp_path / "linked", *words, "--force")
        assert "a.png and " in said
        assert "one file" in said


def test_a_link_stays_one(photographs: Path, tmp_path: Path) -> None:
    (tmp_path / "lr").mkdir()
    (tmp_path / "lr/a.png").symlink_to(tmp_path / "elsewhere.png")
    run("degrade", photographs, tmp_path / "lr", "--scale", 2, "--force")
    assert (tmp_path / "lr/a.png").is_symlink()
    assert (read_image(tmp_path / "elsewhere.png") == degrade(read_image(photographs / "a.jpg"), "bi", 2)).all()


def test_every_method_of_imresize(photographs: Path, tmp_path: Path) -> None:
    image = read_image(photographs / "a.jpg")
    for method in RESIZE_METHODS:
        run("imresize", photographs, tmp_path / method, "--scale", "1/2", "--method", method)
        assert (read_image(tmp_path / method / "a.png") == imresize(image, 1 / 2, method=method)).all()
    run("imresize", photographs, tmp_path / "no", "--scale", "1/2", "--method", "box", "--no-antialias")
    assert (read_image(tmp_path / "no/a.png") == imresize(image, 1 / 2, method="box", antialias=False)).all()
    assert "--method" in refused("imresize", photographs, tmp_path / "x", "--scale", "1/2", "--method", "cubic")


def test_kernels_in_files(tmp_path: Path) -> None:
    for name, variables in (("k", {"k": KERNEL, "other": np.eye(4)}), ("only", {"x": KERNEL, "note": "text"})):
        savemat(tmp_path / f"{name}.mat", variables)
        assert (read_kernel(tmp_path / f"{name}.mat") == KERNEL).all()
    savemat(tmp_path / "and.mat", {"x": KERNEL, "sigma": 1.2})
    assert (read_kernel(tmp_path / "and.mat") == KERNEL).all()
    savemat(tmp_path / "pixel.mat", {"x": np.array([[0.5]])})
    assert read_kernel(tmp_path / "pixel.mat").tolist() == [[0.5]]
    savemat(tmp_path / "two.mat", {"a": KERNEL, "b": KERNEL})
    with pytest.raises(VdsrError, match=r"two.mat: has several arrays \(a, b\)"):
        read_kernel(tmp_path / "two.mat")
    savemat(tmp_path / "none.mat", {"a": "text"})
    with pytest.raises(VdsrError, match="has no array"):
        read_kernel(tmp_path / "none.mat")
    np.save(tmp_path / "objects.npy", np.array([[1, "a"]], dtype=object), allow_pickle=True)
    with pytest.raises(VdsrError, match=r"cannot be read as a \.npy file"):
        read_kernel(tmp_path / "objects.npy")


def test_identify_prints_the_recipe(photographs: Path, tmp_path: Path) -> None:
    run("degrade", photographs, tmp_path / "lr", "--kind", "bd", "--scale", 3)
    said = run("identify", tmp_path / "lr", "--gt", photographs)
    assert said.startswith("4 images, x3: bd: 0 of ")
    assert "HR = imfilter(HR, h, 'replicate');" in said
    assert "is no file" in refused("identify", tmp_path / "lr/a.png", "--gt", photographs)


def test_no_two_images_are_one_file(photographs: Path, tmp_path: Path) -> None:
    assert "one file" in refused("degrade", photographs, tmp_path / "lr", "--scale", "2.0000001,2.0000002")
    (tmp_path / "linked/x2").mkdir(parents=True)
    (tmp_path / "linked/x3").symlink_to("x2")
    assert "one file" in refused("degrade", photographs, tmp_path / "linked", "--scale", "2,3", "--force")
    said = refused("export", photographs, "-o", tmp_path / "out", "--layout", "metasr", "--scales", "1.12,1.124")
    assert "has the folder of another one" in said


def test_explanation_has_every_crop_and_scale_and_is_printed_when_quiet(photographs: Path, tmp_path: Path) -> None:
    words = ["degrade", photographs, tmp_path / "lr", "--scale", "2,3.5", "--modcrop", 12, "--explain", "--quiet"]
    said = run(*words)
    assert said.count("HR = modcrop(HR, 12);") == 2
    for line in ("HR = modcrop(HR, 2);", "1/3.5", "mod(end, 3.5)"):
        assert line in said


def test_a_boundary_without_effect_is_refused(photographs: Path, tmp_path: Path) -> None:
    words = ["export", photographs, "-o", tmp_path / "out", "--layout", "rcan", "--degradation", "bd"]
    assert "no effect on bd" in refused(*words, "--boundary", "replicate")
