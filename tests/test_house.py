"""The house rules a reader may rely on: which way rooms lean, where heavy dependencies live.

CONTRIBUTING.md has the picture.
"""

import ast
import subprocess
import sys
from fnmatch import fnmatch
from pathlib import Path

import pytest

ROOT = Path(__file__).resolve().parents[1]
DOOR = ("__main__", "start", "__init__")

# Each package leans on those below it, each room on those to the right of it.
ROOMS = {
    "vdsr_train": (*DOOR, "cli", "run", "loop", "backends", "presets", "config"),
    "vdsr_eval": (*DOOR, "cli", "reports", "scoring", "networks", "protocols", "metrics"),
    "vdsr_data": (*DOOR, "cli", "inspect", "interop", "training", "benchmark", "public", "degradations", "images",
                  "matlab", "io", "limits", "errors"),
}  # fmt: skip
PACKAGES = tuple(ROOMS)

# What takes long to import, or is not everybody's, is imported by these modules only.
HOMES = {
    "click": ("*.cli.*",),
    "numba": ("*._*",),
    "llvmlite": ("*._*",),
    "matplotlib": ("*.figures",),
    "PIL": ("vdsr_data.images.*",),
    "lmdb": ("vdsr_data.training.*",),
    "distributed": ("vdsr_data.training.*",),
    "pooch": ("vdsr_data.public.*",),
    "requests": ("vdsr_data.public.*",),
    "platformdirs": ("vdsr_data.public.*",),
    "torch": (
        "vdsr_data.interop.*",
        "vdsr_data.matlab.torch_resize",
        "vdsr_eval.metrics.learned",
        "vdsr_eval.networks.spandrelfile",
    ),
    "spandrel": ("vdsr_eval.networks.spandrelfile",),
    "onnx": ("vdsr_eval.networks.graph",),
    "onnxruntime": ("vdsr_eval.networks.onnxfile",),
    "pyiqa": ("vdsr_eval.metrics.learned",),
    "tensorflow": ("vdsr_data.interop.*", "vdsr_eval.networks.tf1", "vdsr_train.*"),
    "keras": ("vdsr_train.*",),
    "jax": ("vdsr_data.matlab.jax_resize", "vdsr_train.*"),
}


def name_of(path: Path) -> str:
    """``vdsr_data.io.files``; a package's own file keeps its ``__init__``."""
    return ".".join(path.relative_to(ROOT).with_suffix("").parts)


MODULES = {name_of(path): ast.parse(path.read_text(encoding="utf-8"))
           for package in PACKAGES for path in sorted((ROOT / package).rglob("*.py"))}  # fmt: skip


def imports(module: str) -> set[str]:
    """Every module that `module` imports, at the top or inside a function."""
    found = set()
    for node in ast.walk(MODULES[module]):
        if isinstance(node, ast.Import):
            found |= {alias.name for alias in node.names}
        elif isinstance(node, ast.ImportFrom) and node.module and not node.level:
            found |= {f"{node.module}.{alias.name}" for alias in node.names}
    return found


def place(name: str) -> tuple[int, int]:
    """Package and room of a module, or of a name that it holds, as numbers that grow downwards."""
    package, _, rest = name.partition(".")
    rooms = ROOMS[package]
    room = rest.partition(".")[0]
    return PACKAGES.index(package), rooms.index(room if room in rooms else "__init__")


@pytest.mark.parametrize("module", MODULES)
def test_rooms_lean_one_way(module: str):
    assert module.split(".")[1] in ROOMS[module.split(".", maxsplit=1)[0]], "a new room: where is it in the picture?"
    for name in imports(module):
        if name.split(".")[0] in PACKAGES and not name.endswith(".__version__"):
            package, room = place(name)
            here = place(module)
            assert package >= here[0], f"{module} imports {name}, a package that leans on its own"
            assert package > here[0] or room >= here[1], f"{module} imports {name}, a room that leans on its own"


@pytest.mark.parametrize("module", MODULES)
def test_heavy_dependencies_have_a_home(module: str):
    for name in imports(module):
        homes = HOMES.get(name.split(".")[0], ("*",))
        assert any(fnmatch(module, home) for home in homes), f"{module} imports {name}"


@pytest.mark.parametrize("module", MODULES)
def test_everything_public_says_what_it_is_for(module: str):
    tree = MODULES[module]
    assert ast.get_docstring(tree)
    public = {
        element.value
        for node in tree.body
        if isinstance(node, ast.Assign) and getattr(node.targets[0], "id", "") == "__all__"
        for element in getattr(node.value, "elts", [])
    }
    for node in tree.body:
        if isinstance(node, ast.FunctionDef | ast.ClassDef) and node.name in public:
            assert ast.get_docstring(node), f"{node.name} has no docstring"


@pytest.mark.parametrize("module", [name for name in MODULES if fnmatch(name, HOMES["numba"][0]) and "__" not in name])
def test_kernels_never_raise(module: str):
    assert not [node for node in ast.walk(MODULES[module]) if isinstance(node, ast.Raise | ast.Assert)]


@pytest.mark.parametrize("package", PACKAGES)
def test_help_does_not_wait_for_heavy_imports(package: str):
    code = (
        f"import sys; from {package}.cli.main import main\n"
        "try: main(['--help'])\n"
        "except SystemExit as end: assert not end.code\n"
        "heavy = {'numba', 'scipy', 'tensorflow', 'keras', 'h5py', 'matplotlib', 'skimage', 'pooch', 'requests'}\n"
        "heavy &= set(sys.modules)\n"
        "assert not heavy, heavy\n"
    )
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, cwd=ROOT, check=False)
    assert done.returncode == 0, done.stderr
    assert "Usage" in done.stdout
