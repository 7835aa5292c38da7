"""The house rules a reader may rely on: who imports whom, where heavy dependencies live, how long a module runs."""

import ast
import subprocess
import sys
from pathlib import Path

import pytest

ROOT = Path(__file__).resolve().parents[1]
PACKAGES = ("vdsr_data", "vdsr_eval", "vdsr_train")
MODULES = sorted(path.relative_to(ROOT) for package in PACKAGES for path in (ROOT / package).rglob("*.py"))

# The only homes of each heavy dependency.
HOMES = {
    "numba": {"vdsr_data/matlab/_compile.py", "vdsr_data/matlab/_resize_kernels.py", "vdsr_data/matlab/_color_kernels.py", "vdsr_eval/metrics/_fidelity_kernels.py",
              "vdsr_train/backends/_winograd_kernels.py", "vdsr_train/backends/_winograd_products.py"},
    "llvmlite": {"vdsr_train/backends/_winograd_products.py"},
    "h5py": {*(f"vdsr_data/{name}.py" for name in ("hdf5", "layout", "storage", "testfile", "virtual")),
             "vdsr_data/matlab/mat73.py", "vdsr_train/loop/checkpoint.py", "vdsr_eval/networks/weights.py"},
    "distributed": {"vdsr_data/training/shards.py"},
    "PIL": {"vdsr_data/images/files.py"},
    "lmdb": {"vdsr_data/training/subimages.py"},
    "pooch": {"vdsr_data/public/download.py"},
    "requests": {"vdsr_data/public/download.py"},
    "torch": {"vdsr_data/interop/torch_pairs.py"},
    "tensorflow": {"vdsr_data/interop/loaders.py", *(str(module) for module in MODULES if module.parts[0] == "vdsr_train")},
    "platformdirs": {"vdsr_data/public/registry.py"},
    "matplotlib": {"vdsr_data/inspect/figures.py", "vdsr_eval/reports/figures.py", "vdsr_train/run/figures.py"},
    "click": {*(f"vdsr_data/{name}.py" for name in ("cli_look", "cli_resize", "cli_subimages", "options", "voice")),
              "vdsr_eval/cli/scoring.py", "vdsr_eval/cli/options.py", *(f"{package}/cli.py" for package in PACKAGES)},
}  # fmt: skip


def imports(module: Path) -> set[str]:
    """Every name that a module imports, at the top or inside a function."""
    found = set()
    for node in ast.walk(ast.parse((ROOT / module).read_text(encoding="utf-8"))):
        if isinstance(node, ast.Import):
            found |= {alias.name for alias in node.names}
        elif isinstance(node, ast.ImportFrom) and node.module:
            found.add(node.module)
    return found


@pytest.mark.parametrize("module", MODULES, ids=str)
def test_packages_lean_one_way(module: Path):
    package = module.parts[0]
    later = PACKAGES[PACKAGES.index(package) + 1 :]
    for name in imports(module):
        top = name.split(".")[0]
        if str(module) == "vdsr_eval/cli/main.py" and top == "vdsr_train":
            continue  # the one command that may reach for the network, inside the command
        assert top not in later, f"{module} imports {name}"


@pytest.mark.parametrize("module", MODULES, ids=str)
def test_heavy_dependencies_have_one_home(module: Path):
    for name in imports(module):
        top = name.split(".")[0]
        assert str(module) in HOMES.get(top, {str(module)}), f"{module} imports {name}"
        if top in ("keras", "jax"):
            assert module.parts[0] == "vdsr_train", f"{module} imports {name}"


@pytest.mark.parametrize("module", MODULES, ids=str)
def test_nothing_imports_a_command_line(module: Path):
    assert not {name for name in imports(module) if name.endswith(".cli")}


@pytest.mark.parametrize("module", MODULES, ids=str)
def test_modules_are_short_and_introduce_themselves(module: Path):
    text = (ROOT / module).read_text(encoding="utf-8")
    assert len(text.splitlines()) <= 350
    assert ast.get_docstring(ast.parse(text)), f"{module} does not say what it is for"


@pytest.mark.parametrize("module", sorted(HOMES["numba"]))
def test_kernels_never_raise(module: str):
    tree = ast.parse((ROOT / module).read_text(encoding="utf-8"))
    assert not [node for node in ast.walk(tree) if isinstance(node, ast.Raise | ast.Assert)]


@pytest.mark.parametrize("package", PACKAGES)
def test_help_does_not_wait_for_heavy_imports(package: str):
    code = (
        f"import sys; from {package}.cli import main\n"
        "try: main(['--help'])\n"
        "except SystemExit as end: assert not end.code\n"
        "heavy = {'numba', 'scipy', 'tensorflow', 'keras', 'h5py', 'matplotlib', 'skimage', 'pooch', 'requests'}\n"
        "heavy &= set(sys.modules)\n"
        "assert not heavy, heavy\n"
    )
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, cwd=ROOT, check=False)
    assert done.returncode == 0, done.stderr
    assert "Usage" in done.stdout


@pytest.mark.parametrize("package", PACKAGES)
def test_every_public_name_is_documented(package: str):
    """Everything that a package or module lists in `__all__` and defines itself has a docstring."""
    for module in MODULES:
        if module.parts[0] != package:
            continue
        tree = ast.parse((ROOT / module).read_text(encoding="utf-8"))
        public = {
            element.value
            for node in tree.body
            if isinstance(node, ast.Assign) and getattr(node.targets[0], "id", "") == "__all__"
            for element in getattr(node.value, "elts", [])
        }
        for node in tree.body:
            if isinstance(node, ast.FunctionDef | ast.ClassDef) and node.name in public:
                assert ast.get_docstring(node), f"{module}: {node.name} has no docstring"
