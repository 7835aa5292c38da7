"""Every example of a help text, and every command on a page or in the README, does its work: on small images."""

import importlib
import os
import re
import shlex
import shutil
import sys
from collections.abc import Iterator
from pathlib import Path

import numpy as np
import pytest
from click.testing import CliRunner
from scipy.io import savemat
from train_fixtures import undraw

from vdsr_data import degrade, fspecial, imresize, modcrop
from vdsr_data.benchmark.build import generate_test
from vdsr_data.benchmark.sets import find_images
from vdsr_data.images.files import write_image
from vdsr_data.training.generate import generate_train
from vdsr_data.training.recipe import TrainingRecipe

ROOT = Path(__file__).resolve().parents[1]
PACKAGES = ("vdsr_data", "vdsr_eval", "vdsr_train")
FENCE = re.compile(r"^```(?:bash|shell|)\n(.*?)^```$", re.DOTALL | re.MULTILINE)
SETS = ("Set5", "Set14", "B100", "my_photos", "originals")  # of two small images
FOLDERS = ("291", "DIV2K", "photos", "FOLDER")  # of four larger ones
# What stands for a name of the user's.
NAMES = {
    "IN": "photo.png",
    "OUT": "out.png",
    "FILE": "vdsr_train.h5",
    "RESULTS": "results",
    "RUN": "runs/stable",
    "N": "1",
}
# A training of two steps, and what else an example cannot be given the time for.
SHORT = {"--steps": "2", "--depth": "3", "--channels": "16", "--batch-size": "4", "--validation": "none"}
# What each of these writes where nobody names it, and the world holds already.
MADE = {
    "build-train": ("vdsr_train.h5", "train.h5", "part2.h5", *(f"vdsr_train_{k}of4.h5" for k in (1, 2, 3, 4))),
    "build-test": ("Set5.h5", "sample.h5"),
    "merge": ("vdsr_train.h5",),
    "degrade": ("Set5_noisy",),
}
# Take more than half a second: they train, draw, or read the photographs of scikit-image.
SLOW = re.compile(r"vdsr-train(?! convert)|preview|--html|--weights|sample( |$)|build-test")
# Need other processes or a network, and have tests of their own.
ELSEWHERE = ("--dask", "--distribute", "--local-workers", "fetch", "measure", "mine.onnx")


def help_examples() -> Iterator[str]:
    """Examples of the help of every command, without the remark behind them."""
    for package in PACKAGES:
        main = importlib.import_module(f"{package}.cli.main").main
        for command in (main, *main.commands.values()):
            for block in re.findall(r"\x08\n(.*?)(?:\n\n|\Z)", command.help or "", re.DOTALL):
                for line in block.splitlines():
                    if line.strip().startswith("vdsr-"):
                        yield re.split(r"\s{2,}", line.strip())[0]


def page_examples() -> Iterator[str]:
    """Commands in the shell blocks of all pages and of the README."""
    for page in (ROOT / "README.md", *sorted((ROOT / "docs").rglob("*.md"))):
        for block in FENCE.findall(page.read_text(encoding="utf-8")):
            for line in block.replace("\\\n", " ").splitlines():
                command = re.split(r"\s#|\s->", line)[0].strip()
                if command.startswith("vdsr-") and "..." not in command:
                    yield command


def examples() -> list[str]:
    """All of them but what is run elsewhere, one command each."""
    found = {" ".join(command.split()) for text in (*help_examples(), *page_examples()) for command in text.split("; ")}
    ours = (command for command in found if re.match("vdsr-(data|eval|train)( |$)", command))
    return sorted(command for command in ours if not set(shlex.split(command)) & set(ELSEWHERE))


def photo(seed: int, rows: int = 60, columns: int = 78) -> np.ndarray:
    small = np.random.default_rng(seed).integers(0, 256, (rows // 5, columns // 5, 3), np.uint8)
    return imresize(small, size=(rows, columns))


@pytest.fixture(scope="module")
def world(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A folder in which all of them find what they name."""
    from vdsr_eval.networks.shipped import shipped_weights
    from vdsr_eval.networks.weights import read_weights
    from vdsr_train.cli.main import main as train

    here = tmp_path_factory.mktemp("world")
    for folder in SETS:
        (here / folder).mkdir()
        for seed, name in enumerate(("bird", "head")):
            write_image(here / folder / f"{name}.png", photo(seed))
    for folder in FOLDERS:
        (here / folder).mkdir()
        for seed in range(4):
            write_image(here / folder / f"{seed}.png", photo(seed, 90, 130))
    for folder in ("results", "results/RCAN", "other_results", "RDN", "result/Set5/3"):
        (here / folder).mkdir(parents=True, exist_ok=True)
    for seed, name in enumerate(("bird", "head")):
        for folder in ("results", "results/RCAN", "other_results", "RDN", "result/Set5/3"):
            write_image(here / folder / f"{name}_x3.png", modcrop(photo(seed), 3) // (1 + len(folder) % 2))
        write_image(here / "results" / f"{name}_EDSR_x2.png", photo(seed) // 2)
        with (here / "RDN.txt").open("a") as log:
            log.write(f"x3 {seed + 1} {name}_RDN_x3.png: PSNR= 30.123456 SSIM= 0.912345\n")
        lr = degrade(photo(seed), "bd", 3)
        for path in (here / "Set5_LRx3" / f"{name}x3.png", here / f"{name}_x3.png"):
            path.parent.mkdir(exist_ok=True)
            write_image(path, lr)
        (here / "Set5_noisy").mkdir(exist_ok=True)
        write_image(here / "Set5_noisy" / f"{name}.png", degrade(photo(seed), "dn", 3, noise=12, seed=7))
    savemat(here / "kernel.mat", {"kernel": fspecial("gaussian", 5, 1.0)})
    write_image(here / "photo.png", photo(5))
    write_image(here / "chelsea.png", photo(6))
    shutil.copy(here / "photo.png", here / "photo.jpg")
    (here / "pictures/sample/x3").mkdir(parents=True)
    shutil.copy(here / "photo.png", here / "pictures/sample/x3/chelsea_gt.png")
    images = sorted((here / "291").iterdir())
    generate_train(images, here / "vdsr_train.h5", TrainingRecipe())
    generate_train(find_images("sample", "train")[1], here / "train.h5", TrainingRecipe(scales=(3,), rotations=(0,)))
    for k in (1, 2, 3, 4):
        for name in ("part{}.h5", "vdsr_train_{}of4.h5"):
            generate_train(images, here / name.format(k), TrainingRecipe(), shard=(k, 4))
    for name in ("Set5", "sample"):
        generate_test(name, sorted((here / "Set5").iterdir()), here / f"{name}.h5")
    with pytest.MonkeyPatch.context() as patch:
        patch.chdir(here)
        short = [word for option in SHORT.items() for word in option]
        for run in (["runs/stable", "--schedule", "stable"], ["runs/one"]):
            done = CliRunner().invoke(train, ["--checkpoint-every", "1", *short, "--run-dir", *run])
            assert done.exit_code == 0, done.output
    shutil.copytree(here / "runs" / "one", here / "run")
    for path in (here / "muon" / "averaged.h5", here / "stable" / "weights.h5"):
        path.parent.mkdir()
        shutil.copy(shipped_weights(), path)
    (here / "mymodule.py").write_text("from vdsr_data import imresize, luma, rgb2ycbcr as to_luma\n")
    shutil.copy(here / "run" / "weights.h5", here / "mine.h5")
    cells = np.empty((2, 1, 3), object)
    for k, (kernel, bias) in enumerate(read_weights(here / "mine.h5")):
        cells[0, 0, k], cells[1, 0, k] = kernel, bias
    savemat(here / "VDSR_Official.mat", {"model": {"weight": cells[0], "bias": cells[1]}})
    return here


def words_of(example: str, here: Path) -> list[str]:
    """What a shell would hand to the command, with a training made short and outputs that are not there yet."""
    program, *words = shlex.split(example)
    words = [NAMES.get(word, word) for word in words]
    words = [
        found
        for word in words
        for found in (sorted(map(str, Path().glob(word))) if "*" in word and ".h5" in word else [word])
    ]
    if program == "vdsr-train" and "convert" in words:
        return [program, "convert", "mine.h5", "out.h5"]
    if program == "vdsr-train" and {"--resume", "decay"} & set(words) and "--steps" in words:
        words[words.index("--steps") + 1] = "3"
    if program == "vdsr-train" and not {"--resume", "decay", "pack"} & set(words):
        for option, value in SHORT.items():
            if option == "--validation" and "--validate-every" in words:
                value = "Set5"  # noqa: PLW2901 - without a set there is nothing to validate
            if option in words:
                at = words.index(option)
                del words[at : at + 2]
            if "--weights" not in words or option not in ("--depth", "--channels"):
                words += [option, value]
    for option in ("--run-dir", "--save-images"):  # what another line of the page has made
        if option in words:
            shutil.rmtree(here / words[words.index(option) + 1], ignore_errors=True)
    return [program, *words]


def lent(source: str, target: str) -> None:
    """Copy a file; one of data, which may be large and is only ever replaced, is a second name of the same."""
    (os.link if source.endswith(".h5") else shutil.copy)(source, target)


@pytest.mark.jit
@pytest.mark.parametrize(
    "example", [pytest.param(text, marks=[pytest.mark.slow] if SLOW.search(text) else []) for text in examples()]
)
def test_examples_run(example: str, world: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    if "--weights" in example or not example.startswith("vdsr-data"):
        pytest.importorskip("tensorflow")
    here = tmp_path / "world"
    shutil.copytree(world, here, copy_function=lent)
    monkeypatch.chdir(here)
    monkeypatch.syspath_prepend(here)
    monkeypatch.delitem(sys.modules, "mymodule", raising=False)
    monkeypatch.delenv("VDSR_DATA", raising=False)
    undraw(monkeypatch)
    program, *words = words_of(example, here)
    for name in MADE.get(words[0], ()) if words else ():
        shutil.rmtree(here / name) if (here / name).is_dir() else (here / name).unlink()
    done = CliRunner().invoke(importlib.import_module(f"{program.replace('-', '_')}.cli.main").main, words)
    codes = (0, 1) if "conform" in words else (0,)  # 1 where values differ from MATLAB's
    assert done.exit_code in codes, done.output + repr(done.exception)
