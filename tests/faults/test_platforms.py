"""The same bytes everywhere: threads, hash seeds, languages, paths, homes, versions of Python and of libraries."""

import json
import os
import shutil
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path

import numpy as np
import pytest
from command_line import fails, run
from PIL import Image

ROOT = Path(__file__).resolve().parents[2]
RESULTS = Path(__file__).with_name("results.py")
NOWHERE = "/dev/null/home"  # below a file: not even root can write there
Tried = Callable[..., None]

needs_posix = pytest.mark.skipif(sys.platform == "win32", reason="needs POSIX paths")


@pytest.fixture(scope="module")
def images(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("images")
    random = np.random.default_rng(1)
    for name, shape in (("b.png", (40, 37, 3)), ("a.png", (33, 50, 3)), ("c.bmp", (45, 30))):
        Image.fromarray(random.integers(0, 256, shape, dtype=np.uint8)).save(folder / name)
    return folder


def results(
    images: Path,
    output: Path,
    *,
    workers: int = 1,
    python: str = sys.executable,
    packages: Path = ROOT,
    **variables: str,
) -> dict[str, str]:
    """What `results.py` finds in a process with these environment variables."""
    output.mkdir(parents=True)
    environment = {**os.environ, "PYTHONPATH": str(packages), **variables}
    done = subprocess.run(
        [python, str(RESULTS), str(images), str(output), str(workers)],
        capture_output=True, text=True, env=environment, check=False, timeout=900,
    )  # fmt: skip
    assert done.returncode == 0, done.stderr
    assert done.stderr == ""
    found: dict[str, str] = json.loads(done.stdout)
    assert len(found) > 20
    return found


@pytest.fixture(scope="module")
def usual(images: Path, tmp_path_factory: pytest.TempPathFactory) -> dict[str, str]:
    """With compiled kernels, one thread, and whatever environment the tests have."""
    return results(images, tmp_path_factory.mktemp("usual") / "out")


VARIANTS: dict[str, tuple[int, dict[str, str]]] = {
    "plain python, LC_ALL=C, hash seed": (3, {"NUMBA_DISABLE_JIT": "1", "LC_ALL": "C", "PYTHONHASHSEED": "1",
                                              "PYTHONUTF8": "0"}),
    "threads, C.UTF-8, other hash seed": (4, {"LC_ALL": "C.UTF-8", "PYTHONHASHSEED": "4242", "TZ": "Asia/Kolkata"}),
}  # fmt: skip


@pytest.mark.slow
@pytest.mark.parametrize("name", VARIANTS)
def test_same_bytes(images: Path, usual: dict[str, str], tmp_path: Path, name: str, tried: Tried):
    workers, variables = VARIANTS[name]
    tried("platforms")
    assert results(images, tmp_path / "out", workers=workers, **variables) == usual


@pytest.mark.slow
def test_same_bytes_below_odd_paths(images: Path, usual: dict[str, str], tmp_path: Path, tried: Tried):
    odd = tmp_path / "Bücher und Übungen, 'quoted' 100%" / "日本"
    shutil.copytree(images, odd / "in put")
    tried("platforms")
    assert results(odd / "in put", odd / "out put", NUMBA_DISABLE_JIT="1", LC_ALL="C", PYTHONUTF8="0") == usual


@pytest.mark.slow
@needs_posix
def test_home_that_cannot_be_written(images: Path, usual: dict[str, str], tmp_path: Path, tried: Tried):
    tried("platforms")
    assert results(images, tmp_path / "out", HOME=NOWHERE, XDG_CACHE_HOME=NOWHERE, NUMBA_DISABLE_JIT="1") == usual


@pytest.mark.slow
@needs_posix
def test_kernels_compile_where_no_cache_can_be_written(tmp_path: Path, tried: Tried):
    package = tmp_path / "packages" / "vdsr_data"
    shutil.copytree(ROOT / "vdsr_data", package, ignore=shutil.ignore_patterns("__pycache__"))
    (package / "__pycache__").touch()
    code = (
        "import numpy, vdsr_data.matlab.color as c; print(c.__file__, c.rgb2ycbcr(numpy.uint8([[[9, 9, 9]]])).tolist())"
    )
    environment = {**os.environ, "PYTHONPATH": str(package.parent), "HOME": NOWHERE, "XDG_CACHE_HOME": NOWHERE}
    environment.pop("NUMBA_CACHE_DIR", None)
    tried("platforms")
    done = subprocess.run(
        [sys.executable, "-P", "-c", code], cwd=tmp_path, env=environment, capture_output=True, text=True, check=False
    )
    assert done.returncode == 0, done.stderr
    assert done.stdout.split(" ", 1) == [str(package / "matlab" / "color.py"), "[[[24, 128, 128]]]\n"]
    assert (package / "__pycache__").is_file()


@needs_posix
def test_fetch_without_a_place_names_the_way_out(monkeypatch: pytest.MonkeyPatch, tried: Tried):
    monkeypatch.delenv("VDSR_DATA", raising=False)
    monkeypatch.setattr("vdsr_data.public.registry.cache_folder", lambda: Path(NOWHERE, "cache"))
    tried("platforms")
    fails(run("fetch", "Set5"), 1, "cannot be written", "VDSR_DATA")


@needs_posix
@pytest.mark.parametrize("command", ["build-train", "build-test", "imresize"])
def test_names_of_300_characters(images: Path, tmp_path: Path, command: str, tried: Tried):
    name = tmp_path / ("n" * 300)
    words = (
        ["--scale", "2"] if command == "imresize" else ["--patch-size", "11", "-o"][0 if "train" in command else 2 :]
    )
    tried("paths")
    target = [*words, f"{name}.h5"] if command != "imresize" else [f"{name}.png", *words]
    source = images / "a.png" if command == "imresize" else images
    fails(run(command, source, *target), 1, "File name too long")
    tried("paths")
    fails(run(command, name, *target), 1)
    assert list(tmp_path.iterdir()) == []


@needs_posix
def test_longest_name_there_is(images: Path, tmp_path: Path, tried: Tried):
    tried("paths")
    target = tmp_path / ("n" * 252 + ".h5")
    assert run("build-train", images, "--patch-size", "11", "--stride", "11", "-o", target).exit_code == 0
    assert [path.name for path in tmp_path.iterdir()] == [target.name]


@needs_posix
def test_loops_of_links(images: Path, tmp_path: Path, tried: Tried):
    loop = tmp_path / "loop"
    loop.symlink_to(loop)
    for command in (["info", loop], ["verify", loop], ["build-train", loop], ["imresize", loop, tmp_path / "x.png",
                    "--scale", "2"], ["merge", loop, "-o", tmp_path / "m.h5"]):  # fmt: skip
        tried("paths")
        fails(run(*command), 1, "loop")
    assert [path.name for path in tmp_path.iterdir()] == ["loop"]
    shutil.copytree(images, tmp_path / "set")
    (tmp_path / "set" / "again").symlink_to(tmp_path / "set")  # a folder that holds itself is no image
    assert (
        run("build-train", tmp_path / "set", "--patch-size", "11", "--stride", "11", "-o", tmp_path / "t.h5").exit_code
        == 0
    )


PYTHONS = [f"3.{minor}" for minor in (11, 12, 13)]


@pytest.mark.torture
@pytest.mark.parametrize("resolution", ["lowest-direct", "highest"])
@pytest.mark.parametrize("version", PYTHONS)
def test_other_pythons_and_libraries(
    images: Path, usual: dict[str, str], tmp_path: Path, version: str, resolution: str, tried: Tried
):
    """The oldest libraries that pyproject.toml allows, and the newest there are."""
    uv, python = shutil.which("uv") or shutil.which("uv", path=str(Path(sys.executable).parent)), _interpreter(version)
    if uv is None or python is None:
        pytest.skip(f"needs uv and Python {version}")
    environment = tmp_path / "environment"
    lock = tmp_path / "versions.txt"
    steps = (
        [uv, "pip", "compile", ROOT / "pyproject.toml", "--python-version", version, "--resolution", resolution,
         "--only-binary", ":all:", "--quiet", "--output-file", lock],
        [uv, "venv", "--quiet", "--python", python, environment],
        [uv, "pip", "install", "--quiet", "--only-binary", ":all:", "--python", environment, "-r", lock],
    )  # fmt: skip
    for step in steps:
        done = subprocess.run([str(word) for word in step], capture_output=True, text=True, check=False)
        if done.returncode:
            pytest.skip(f"cannot be had here: {done.stderr.strip().splitlines()[-1]}")
    tried("platforms")
    inside = environment / ("Scripts/python.exe" if sys.platform == "win32" else "bin/python")
    found = results(images, tmp_path / "out", python=str(inside), NUMBA_CACHE_DIR=str(tmp_path / "kernels"))
    # Another zlib packs in another way, Pillow 10 sets unused bytes of a .bmp's palette: there the content counts.
    free = {name for name in usual if name == "compressed.h5" or (name.startswith("lr/") and name.endswith(".bmp"))}
    assert {name: value for name, value in found.items() if name not in free} == {
        name: value for name, value in usual.items() if name not in free
    }
    assert found.keys() == usual.keys()


def _interpreter(version: str) -> str | None:
    """A Python of this version, on the path or where pyenv keeps it."""
    found = sorted(Path.home().glob(f".pyenv/versions/{version}.*/bin/python"))
    return str(found[-1]) if found else shutil.which(f"python{version}")
