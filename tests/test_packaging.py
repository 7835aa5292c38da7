"""The archives that users install: complete, well described, and working where nothing else of ours is."""

import os
import re
import shutil
import subprocess
import sys
import tarfile
import textwrap
import tomllib
import venv
import zipfile
from importlib.metadata import distribution
from pathlib import Path

import pytest
from packaging.requirements import Requirement

import vdsr_data
from vdsr_eval.networks.shipped import FILE as SHIPPED

ROOT = Path(__file__).resolve().parents[1]
PROJECT = tomllib.loads((ROOT / "pyproject.toml").read_text(encoding="utf-8"))["project"]
PROGRAM = """
import numpy as np
from numpy.typing import NDArray

from vdsr_data import imresize, luma, modcrop, rgb2ycbcr
from vdsr_data.images.files import read_image
from vdsr_eval import psnr, ssim


def score(path: str, scale: int) -> tuple[float, float]:
    gt = luma(modcrop(read_image(path), scale))
    lr: NDArray[np.uint8] = imresize(gt, 1 / scale)
    sr = imresize(lr, size=gt.shape)
    return psnr(sr, gt, data_range=255), ssim(sr, gt, data_range=255, border="valid")


rows, columns = rgb2ycbcr(np.zeros((3, 4, 3))).shape[:2]
"""
# Of what the packages use, only what their signatures show: mypy would take most of its time to read PyTorch and JAX.
MYPY = """
[mypy]
follow_imports = skip
[mypy-vdsr_data.*,vdsr_eval.*,vdsr_train.*,numpy.*]
follow_imports = normal
"""


def run(*words: object, folder: Path, **variables: str) -> str:
    environment = {key: value for key, value in os.environ.items() if key not in ("PYTHONPATH", "VDSR_DATA")}
    environment |= variables
    done = subprocess.run(
        list(map(str, words)), cwd=folder, env=environment, capture_output=True, text=True, check=False
    )
    assert done.returncode == 0, done.stdout + done.stderr
    return done.stdout


@pytest.fixture(scope="module")
def archives(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A source archive, and the wheel that is built from it."""
    folder, source = tmp_path_factory.mktemp("dist"), tmp_path_factory.mktemp("source") / "copy"
    others = shutil.ignore_patterns(".*", "build", "dist", "demo", "site", "*.egg-info", "__pycache__", "vdsr_*-*")
    shutil.copytree(ROOT, source, ignore=others)  # a build makes folders in its source, and others may run beside it
    run(sys.executable, "-m", "build", "--no-isolation", "--outdir", folder, source, folder=folder)
    return folder


def environment(archives: Path, folder: Path) -> tuple[Path, Path]:
    """A new environment with the wheel and nothing else: its commands, and where its packages lie."""
    venv.create(folder, with_pip=False)
    commands = folder / ("Scripts" if sys.platform == "win32" else "bin")
    wheel = next(archives.glob("*.whl"))
    run(
        sys.executable,
        "-m",
        "pip",
        "--python",
        commands / "python",
        "install",
        "--no-deps",
        "--no-index",
        wheel,
        folder=folder,
    )
    site = run(
        commands / "python", "-c", "import sysconfig; print(sysconfig.get_path('purelib'))", folder=folder
    ).strip()
    return commands, Path(site)


@pytest.fixture(scope="module")
def installed(archives: Path, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The commands of a new environment with the wheel, and with the packages of this one: no network is needed."""
    commands, site = environment(archives, tmp_path_factory.mktemp("environment"))
    ours = {Path(module.__file__).parents[1] for module in (pytest, __import__("numpy"), __import__("click"))}
    (site / "dependencies.pth").write_text("\n".join(map(str, ours)), encoding="utf-8")
    return commands


@pytest.fixture(scope="module")
def without_extras(archives: Path, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The commands of a new environment with the wheel and what it depends on, and nothing more."""
    commands, site = environment(archives, tmp_path_factory.mktemp("bare"))
    wanted, found = [Requirement(line) for line in PROJECT["dependencies"]], set()
    while wanted:
        requirement = wanted.pop()
        if requirement.name in found or (requirement.marker and not requirement.marker.evaluate({"extra": ""})):
            continue
        found.add(requirement.name)
        package = distribution(requirement.name)
        wanted += map(Requirement, package.requires or [])
        for top in {file.parts[0] for file in package.files or []} - {"..", "__pycache__"}:
            if not (site / top).exists():
                (site / top).symlink_to(Path(str(package.locate_file(top))))
    return commands


@pytest.mark.slow
def test_source_has_all_that_git_has(archives: Path):
    with tarfile.open(next(archives.glob("*.tar.gz"))) as file:
        packed = {name.partition("/")[2] for name in file.getnames()}
    tracked = subprocess.run(["git", "ls-files"], cwd=ROOT, capture_output=True, text=True, check=False)
    if tracked.returncode:
        pytest.skip("not a clone")
    hidden = re.compile(r"\.(ci|github|gitignore|pre-commit-config)")
    left_out = {
        name for name in tracked.stdout.splitlines() if not hidden.match(name) and (ROOT / name).exists()
    } - packed
    assert not left_out


@pytest.mark.slow
def test_wheel_has_all_that_users_need(archives: Path):
    with zipfile.ZipFile(next(archives.glob("*.whl"))) as file:
        names = {name for name in file.namelist() if ".dist-info" not in name}
    assert {name.split("/")[0] for name in names} == {"vdsr_data", "vdsr_eval", "vdsr_train"}
    for package in ("vdsr_data", "vdsr_eval", "vdsr_train"):
        here = {str(path.relative_to(ROOT).as_posix()) for path in (ROOT / package).rglob("*") if path.is_file()}
        assert {name for name in here if "__pycache__" not in name} == {n for n in names if n.startswith(package)}


@pytest.mark.slow
def test_descriptions_are_well_formed(archives: Path):
    run(sys.executable, "-m", "twine", "check", "--strict", *archives.iterdir(), folder=archives)


@pytest.mark.slow
def test_what_is_compiled_is_kept_where_it_is_installed(installed: Path, tmp_path: Path):
    program = (
        "import numpy, vdsr_eval; print(vdsr_eval.__file__, vdsr_eval.psnr(*numpy.eye(2), data_range=1), sep=chr(10))"
    )
    where, score = run(installed / "python", "-c", program, folder=tmp_path).splitlines()
    assert Path(where).is_relative_to(installed.parent)
    assert float(score) == 0
    assert list(Path(where).parent.rglob("*.nbc"))


@pytest.mark.slow
def test_conformance_vectors_are_installed(installed: Path, tmp_path: Path):
    program = "import vdsr_data; print(vdsr_data.conform('vdsr_data:im2double'))"
    said = run(installed / "python", "-c", program, folder=tmp_path, NUMBA_DISABLE_JIT="1")
    assert said.endswith("3 of 3 cases of im2double agree, in every value\n")


@pytest.mark.slow
def test_four_commands_from_an_empty_folder(installed: Path, photographs: Path, tmp_path: Path):
    """On images so small that nothing needs to be compiled."""

    def command(name: str, *words: object) -> str:
        return run(installed / name, *words, folder=tmp_path, NUMBA_DISABLE_JIT="1")

    command("vdsr-data", "build-train", photographs, "--scales", "3", "--rotations", "0", "--stride", "7")
    command("vdsr-data", "build-test", photographs, "--scales", "3")
    set_file = "photographs.h5"
    command(
        "vdsr-train", "--depth", "3", "--channels", "4", "--steps", "2", "--validation", set_file, "--run-dir", "run"
    )
    table = command("vdsr-eval", "--scale", "3", "--dataset", set_file, "--weights", "run", "--weights", "default")
    assert "VDSR (run)" in table
    assert "VDSR (default)" in table


@pytest.mark.slow
@pytest.mark.jit
@pytest.mark.skipif(sys.platform == "win32", reason="links need rights there")
def test_networks_run_without_tensorflow(without_extras: Path, photographs: Path, tmp_path: Path):
    frameworks = "import importlib.util as u; print(*filter(u.find_spec, ('tensorflow', 'keras', 'jax', 'torch')))"
    assert run(without_extras / "python", "-c", frameworks, folder=tmp_path) == "\n"
    table = run(without_extras / "vdsr-eval", "--scale", "3", "--dataset", "sample", folder=tmp_path)
    assert table.splitlines()[-2].split() == ["sample", "x3", "4", "29.41", "/", "0.8407", "31.13", "/", "0.8774"]
    run(without_extras / "vdsr-train", "convert", SHIPPED, "mine.h5", folder=tmp_path)
    assert (tmp_path / "mine.h5").is_file()
    words = ["build-train", photographs, "--scales", "3", "--rotations", "0", "--stride", "7"]
    run(without_extras / "vdsr-data", *words, folder=tmp_path)
    training = [without_extras / "vdsr-train", "--validation", "none"]
    done = subprocess.run(training, cwd=tmp_path, capture_output=True, text=True, check=False)
    assert done.returncode == 1
    assert 'needed to train, and for the engine tensorflow: pip install "vdsr-toolkit[train]"' in done.stderr
    assert done.stderr.count("\n") == 1


@pytest.mark.parametrize("package", ["vdsr_data", "vdsr_eval", "vdsr_train"])
def test_runs_as_a_module_too(package: str, tmp_path: Path):
    out = run(sys.executable, "-m", package, "--version", folder=tmp_path)
    assert out == f"{package.replace('_', '-')}, version {vdsr_data.__version__}\n"


@pytest.mark.slow
@pytest.mark.parametrize("checker", [["mypy", "--strict"], ["pyright"]], ids=lambda words: words[0])
def test_user_programs_are_type_checked(checker: list[str], installed: Path, tmp_path: Path):
    (tmp_path / "program.py").write_text(textwrap.dedent(PROGRAM), encoding="utf-8")
    python = installed / "python"
    if checker == ["pyright"]:
        pytest.importorskip("pyright")
        (tmp_path / "pyrightconfig.json").write_text('{"typeCheckingMode": "strict"}', encoding="utf-8")
        run(sys.executable, "-m", *checker, "--pythonpath", python, "program.py", folder=tmp_path)
    else:
        (tmp_path / "mypy.ini").write_text(MYPY, encoding="utf-8")
        run(sys.executable, "-m", *checker, "--python-executable", python, "program.py", folder=tmp_path)


def test_one_version_everywhere():
    assert f"\nversion: {vdsr_data.__version__}\n" in (ROOT / "CITATION.cff").read_text(encoding="utf-8")
    assert f"\n## {vdsr_data.__version__}" in (ROOT / "CHANGELOG.md").read_text(encoding="utf-8")


def test_lock_holds_every_dependency_within_its_range():
    lines = (ROOT / "requirements.lock").read_text(encoding="utf-8").splitlines()
    pinned: dict[str, list[Requirement]] = {}
    for requirement in (Requirement(line) for line in lines if line and not line.startswith("#")):
        pinned.setdefault(requirement.name.lower(), []).append(requirement)
    extras = PROJECT["optional-dependencies"]
    for wanted in map(Requirement, [*PROJECT["dependencies"], *extras["train"], *extras["dev"]]):
        assert wanted.name.lower() in pinned, f"run make lock: {wanted.name} is missing"
        for found in pinned[wanted.name.lower()]:
            version = str(found.specifier).removeprefix("==")
            assert wanted.specifier.contains(version), f"run make lock: {found} is not {wanted}"
