"""The documentation: it builds without a warning and loads nothing from elsewhere, and what it tells to type works."""

import importlib.util
import re
import shlex
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path
from types import ModuleType

import numpy as np
import pytest
from click.testing import CliRunner
from skimage import data

import vdsr_data
import vdsr_eval
from vdsr_data import imresize, modcrop
from vdsr_data.images.files import list_images, read_image, write_image

ROOT = Path(__file__).resolve().parents[1]
DOCS = ROOT / "docs"
PAGES = sorted(path for path in DOCS.rglob("*.md") if path.name != "deviations.md")
# What a test has no time for: as many steps, layers and images as in the tutorial.
CHEAP = {
    "--depth 8 --steps 1600": "--depth 3 --channels 4 --steps 2",
    "--validation sample.h5": "--validation none",
    "--weights run,default": "--weights run",
    "build-train sample": "build-train sample --scales 3 --rotations 0",
}
PASSING = re.compile(r"in \d+\.\d+ s\b|[0-9a-f]{64}")
NUMBER = re.compile(r"[-+]?\d+\.\d+")
posix = pytest.mark.skipif(sys.platform == "win32", reason="the pages are written for a POSIX shell")


def load(path: Path) -> ModuleType:
    spec = importlib.util.spec_from_file_location(path.stem, path)
    assert spec is not None
    assert spec.loader is not None
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    return module


rerun = load(DOCS / "rerun.py")


def agrees(printed: str, promised: str) -> None:
    """The same words; the same numbers, but for times, sums of what a JPEG decoder gives, a network's last digits."""
    printed, promised = (PASSING.sub("...", text).strip() for text in (printed, promised))
    assert NUMBER.sub("#", printed) == NUMBER.sub("#", promised)
    ours, theirs = (np.array(NUMBER.findall(text), dtype=float) for text in (printed, promised))
    np.testing.assert_allclose(ours, theirs, atol=0.011)


@pytest.fixture
def typed(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Callable[[str], str]:
    """As `rerun.run` in an empty folder, for one command of ours, without a new interpreter."""
    monkeypatch.chdir(tmp_path)
    monkeypatch.setenv("COLUMNS", str(rerun.WIDTH))
    monkeypatch.delenv("VDSR_DATA", raising=False)

    def run(command: str) -> str:
        program, *words = shlex.split(command.replace("\\\n", ""))
        main = importlib.import_module(f"{program.replace('-', '_')}.cli.main").main
        done = CliRunner().invoke(main, words)
        assert done.exit_code == 0, command + done.output
        return "".join(f"{line.rstrip()}\n" for line in done.output.splitlines())

    return run


@posix
@pytest.mark.slow
def test_the_tutorial_runs_and_prints_what_it_says(typed: Callable[[str], str], tmp_path: Path) -> None:
    changed = ""
    page = (DOCS / "tutorial.md").read_text(encoding="utf-8")
    assert f"'vdsr_toolkit-{vdsr_data.__version__}-py3-none-any.whl[train]'" in page
    found = rerun.blocks(page)
    assert len(found) >= 8
    for command, output in found:
        cheap = command
        for dear, cheaper in CHEAP.items():
            cheap = cheap.replace(dear, cheaper)
        printed = typed(cheap)
        changed += cheap if cheap != command else ""
        if cheap == command and not set(command.split()) & {"run", "vdsr_train.h5"}:
            agrees(printed, output)
    for old, new in CHEAP.items():
        assert new in changed, f"the tutorial no longer says {old}"
    for name in (*rerun.PICTURES, "report.html", "run/weights.h5", "chelsea_large.png"):
        assert (tmp_path / name).is_file(), name


@posix
@pytest.mark.slow
@pytest.mark.parametrize("page", ["why/protocols.md", "how-to/other-libraries.md"])
def test_other_outputs_are_todays(page: str, typed: Callable[[str], str]) -> None:
    for command, output in rerun.blocks((DOCS / page).read_text(encoding="utf-8")):
        agrees(typed(command), output)


@posix
@pytest.mark.parametrize("scale", [2, 3, 4])
def test_lr_images_are_those_that_matlab_wrote(
    scale: int, reference_data: Path, typed: Callable[[str], str], tmp_path: Path
) -> None:
    """What the page says of its two commands: 0 values differ, or some hundred, near the rim."""
    (tmp_path / "Set5").symlink_to(reference_data / "Set5")
    page = (DOCS / "how-to" / "lr-images.md").read_text(encoding="utf-8").replace("x3", f"x{scale}")
    page = page.replace("1/3", f"1/{scale}").replace("modcrop 3", f"modcrop {scale}")
    (today, printed), (old, told) = rerun.blocks(page)[:2]
    assert (typed(today), typed(old)) == (printed, told)
    folders = (
        tmp_path / f"old_x{scale}",
        tmp_path / f"low_x{scale}",
        reference_data / f"oracles/uint8_replicate/x{scale}",
    )
    for paths in zip(*map(list_images, folders), strict=True):
        old, today, matlab = map(read_image, paths)
        assert (old == matlab).all()
        differ = today != matlab
        assert 200 <= differ.sum() <= 600
        assert not differ[2:-2, 2:-2].any()


@posix
def test_the_protocols_that_a_page_finds_are_todays(
    reference_data: Path, typed: Callable[[str], str], tmp_path: Path
) -> None:
    pytest.importorskip("torch", reason="every resizer is tried: pip install '.[bench]'")
    pytest.importorskip("cv2", reason="every resizer is tried: pip install '.[bench]'")
    shown = load(DOCS / "which_protocol.py")
    shown.link(reference_data, tmp_path)
    found = rerun.blocks(shown.PAGE.read_text(encoding="utf-8"))
    assert len(found) >= 7
    for command, output in found:
        agrees(typed(command), output)


def test_the_picture_of_protocols_is_todays() -> None:
    shown = load(DOCS / "which_protocol.py")
    assert (DOCS / "which-protocol.svg").read_text(encoding="utf-8") == shown.picture()


@posix
@pytest.mark.slow
def test_the_whole_way_goes_by_a_mirror_too(
    reference_data: Path, typed: Callable[[str], str], monkeypatch: pytest.MonkeyPatch
) -> None:
    """Of what takes a minute or more, only Set5 and bicubic."""
    page = (DOCS / "whole-way.md").read_text(encoding="utf-8")
    monkeypatch.setenv("VDSR_DATA", "data")
    typed(f"vdsr-data fetch Set5 --mirror {shlex.quote(str(reference_data))}")
    assert typed("vdsr-data build-test Set5") in page
    monkeypatch.delenv("VDSR_DATA")
    compared = typed("vdsr-eval --dataset Set5.h5 --protocol paper --compare --model bicubic")
    assert set(re.findall(r"^.*measured +\S+ / \S+", compared, re.MULTILINE)) <= set(
        re.findall(r"^.*measured +\S+ / \S+", page, re.MULTILINE)
    )
    assert compared.count("+0.00 / +0.0000") == 3


@posix
def test_a_page_is_renewed_below_its_commands(tmp_path: Path) -> None:
    page = "# Page\n\n```shell\npip install it\n```\n\n```shell\necho a; echo b\n```\n\nText.\n\n```shell\ntrue\n```\n"
    new = page.replace("echo b\n```\n", "echo b\n```\n\n```text\na\nb\n```\n")
    assert rerun.renew(page, tmp_path) == new
    assert rerun.renew(new, tmp_path) == new
    assert rerun.blocks(new) == [("echo a; echo b\n", "a\nb\n"), ("true\n", "")]


def code_blocks(*languages: str) -> list[tuple[str, str]]:
    """The name of the page and the text of each block in these languages."""
    fence = re.compile(r"^```(\w*)\n(.*?)^```$", re.DOTALL | re.MULTILINE)
    found = [(page, *block) for page in PAGES for block in fence.findall(page.read_text(encoding="utf-8"))]
    return [(str(page.relative_to(DOCS)), code) for page, language, code in found if language in languages]


@pytest.mark.slow
@pytest.mark.parametrize(("page", "code"), code_blocks("python"))
def test_python_on_pages_runs(page: str, code: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    compile(code, page, "exec")
    if any(word in code for word in ("_dataset(", "import PRESETS", "torch.load(")):
        return  # test_data_loaders.py, test_train_commands.py, test_eval_networks_export.py run such ones
    for library in re.findall(r"^import (torch|jax)\b", code, re.MULTILINE):
        pytest.importorskip(library)
    image = data.chelsea()[100:160, 100:180]
    monkeypatch.chdir(tmp_path)
    for name in ("butterfly.png", "photo.png"):
        write_image(name, image)
    write_image("butterfly_x3.png", imresize(modcrop(image, 3), 1 / 3))
    exec(code, {"__name__": page})


def commands() -> list[str]:
    """Every call of a command of ours on a page."""
    lines = [line for _, code in code_blocks("", "bash", "shell") for line in code.replace("\\\n", " ").splitlines()]
    return sorted({line.partition("#")[0].strip() for line in lines if line.startswith("vdsr-")})


@pytest.mark.parametrize("command", commands())
def test_options_on_pages_exist(command: str) -> None:
    """The command understands every option; `...` on a page stands for more of them."""
    program, *words = shlex.split(command.replace("...", ""))
    main = importlib.import_module(f"{program.replace('-', '_')}.cli.main").main
    sub = words[:1] if words and words[0] in main.commands else []
    helped = CliRunner().invoke(main, [*sub, "--help"]).output
    for word in words:
        if word.startswith("-"):
            assert re.search(rf"(?<![\w-]){re.escape(word)}(?![\w-])", helped), f"{program} has no {word}"


@pytest.fixture(scope="module")
def deviations() -> ModuleType:
    return load(ROOT / "benchmarks" / "deviations.py")


@pytest.mark.slow
@pytest.mark.parametrize("name", ["vdsr-toolkit", "Pillow, BICUBIC"])
def test_deviations_are_todays(deviations: ModuleType, name: str) -> None:
    """All but the version; what is said of Set5 where it is."""
    library = next(one for one in deviations.LIBRARIES if one.label == name)
    row = deviations.measure(library)
    page = (DOCS / "deviations.md").read_text(encoding="utf-8")
    printed, found = cells(page, name), cells("\n".join(deviations.table([row])), name)
    assert found[1:-1] == printed[1:-1]
    if row["psnr"] is not None:
        zero = 0 if name == "vdsr-toolkit" else float(cells(page, "vdsr-toolkit")[-1])
        assert row["psnr"] - zero == pytest.approx(float(printed[-1]), abs=0.006)
    if library.mend:
        mended = deviations.mended_table([row], {name: ""})[-1].split("|")
        assert mended[3:5] == page.partition("start:mended")[2].partition(f"| {name} |")[2].split("|")[1:3]


def cells(page: str, name: str) -> list[str]:
    line = next(line for line in page.splitlines() if line.startswith(f"| {name} ("))
    return [cell.strip() for cell in line.split("|")[1:-1]]


def test_metrics_beside_others_are_todays(deviations: ModuleType) -> None:
    a, b = deviations.metric_pair()
    ratio = vdsr_eval.psnr(a, b, data_range=255)
    similarity = vdsr_eval.ssim(a, b, data_range=255, **vdsr_eval.SSIM_FORMS["valid"])
    row = f"| vdsr-toolkit | {ratio:.5f} | {similarity:.5f} |"
    assert row in (DOCS / "deviations.md").read_text(encoding="utf-8")


@pytest.mark.slow
def test_deviations_run_with_what_is_installed() -> None:
    """Each library in a process of its own; what is not there is named, with the reason."""
    script = [sys.executable, ROOT / "benchmarks" / "deviations.py", "--only"]
    wanted = {"SciPy, zoom, grid_mode": "'kernel': 'spline'"}
    if importlib.util.find_spec("OpenImageIO") is None:
        wanted["OpenImageIO"] = "No module named 'OpenImageIO'"
    for name, said in wanted.items():
        done = subprocess.run([*script, name], capture_output=True, text=True, check=True)
        assert said in done.stdout


@pytest.mark.parametrize(("before", "after"), [((60, 48), (20, 16)), ((20, 16), (60, 48)), ((50, 40), (20, 16))])
def test_what_brings_others_to_matlabs_values(
    deviations: ModuleType, before: tuple[int, int], after: tuple[int, int]
) -> None:
    """Other edges, other orders and one rounding, made of our own: each mended, and different without."""
    image = np.random.default_rng(0).integers(0, 256, before, dtype=np.uint8)
    ours = imresize(image, size=after)

    def edge_repeated(image: np.ndarray, size: tuple[int, int]) -> np.ndarray:
        return imresize(image, size=size, boundary="replicate")

    def once(image: np.ndarray, size: tuple[int, int]) -> np.ndarray:
        return deviations.as_class(255 * imresize(image / 255, size=size) if image.dtype == np.uint8 else
                                   imresize(image, size=size), image)  # fmt: skip

    def columns_first(image: np.ndarray, size: tuple[int, int]) -> np.ndarray:
        return imresize(np.ascontiguousarray(image.T), size=size[::-1]).T

    mends = {edge_repeated: deviations.mirrored, once: deviations.twice, columns_first: deviations.turned}
    for other, mend in mends.items():
        assert (other(image, after) != ours).any()
        np.testing.assert_array_equal(mend(other)(image, after), ours)


def test_kinds_of_degradations_are_todays() -> None:
    page = (DOCS / "how-to" / "degradations.md").read_text(encoding="utf-8")
    assert load(DOCS / "degradations.py").kinds() in page


def test_protocols_are_todays() -> None:
    page = (DOCS / "why" / "protocols.md").read_text(encoding="utf-8")
    assert load(DOCS / "protocols.py").tables() in page


def test_pages_tell_no_secrets() -> None:
    for page in PAGES:
        text = page.read_text(encoding="utf-8")
        assert not re.search(r"/(work|home|root|tmp|usr)/|localhost|127\.0\.0\.1|pypi", text), page


@pytest.fixture(scope="module")
def site(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The built documentation."""
    for needed in ("material", "mkdocstrings", "nbconvert"):
        if importlib.util.find_spec(needed) is None:
            pytest.skip(f"needs {needed}: pip install '.[docs]'")
    folder = tmp_path_factory.mktemp("site")
    command = [sys.executable, "-m", "mkdocs", "build", "--strict", "--quiet", "--site-dir", str(folder)]
    done = subprocess.run(command, cwd=ROOT, capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stdout + done.stderr
    return folder


@pytest.mark.slow
def test_builds_without_a_warning(site: Path) -> None:
    for page in ("index", "tutorial", "why/matlab", "reference/vdsr_data", "notebooks/five-minutes", "quick-run/index"):
        assert (site / f"{page}.html").is_file(), page


@pytest.mark.slow
def test_pages_load_nothing_from_elsewhere(site: Path) -> None:
    for page in site.rglob("*.html"):
        text = page.read_text(encoding="utf-8")
        loaded = re.findall(r"<(?:script|img|iframe|source)\b[^>]*\bsrc=\"([^\"]*)\"", text)
        loaded += re.findall(r"<link\b(?![^>]*rel=\"(?:canonical|next|prev)\")[^>]*\bhref=\"([^\"]*)\"", text)
        assert loaded
        assert not [address for address in loaded if re.match(r"(https?:)?//", address)], page


@pytest.mark.slow
def test_reference_has_every_public_name(site: Path) -> None:

    for package in (vdsr_data, vdsr_eval):
        text = (site / "reference" / f"{package.__name__}.html").read_text(encoding="utf-8")
        for name in package.__all__:
            assert re.search(rf'id="{package.__name__}[\w.]*\.{name}"', text), f"{name} is missing"


@pytest.mark.slow
@pytest.mark.parametrize("package", ["vdsr_data", "vdsr_eval", "vdsr_train"])
def test_reference_has_every_option(package: str, site: Path) -> None:
    main = importlib.import_module(f"{package}.cli.main").main
    text = (site / "reference" / f"{package.replace('_', '-')}.html").read_text(encoding="utf-8")
    for command in main.commands.values():
        for parameter in command.params:
            for name in parameter.opts if parameter.param_type_name == "option" else ():
                assert name in text, f"{command.name} {name}"


@pytest.mark.slow
def test_the_notebook_runs_and_prints_what_it_stores(tmp_path: Path) -> None:
    nbclient = pytest.importorskip("nbclient", reason="needs nbclient: pip install '.[dev]'")
    nbformat = pytest.importorskip("nbformat")
    pytest.importorskip("ipykernel", reason="needs ipykernel: pip install '.[dev]'")
    stored = nbformat.read(DOCS / "notebooks" / "five-minutes.ipynb", as_version=4)
    book = nbformat.from_dict(stored)
    options = {"timeout": 300, "coalesce_streams": True, "resources": {"metadata": {"path": str(tmp_path)}}}
    nbclient.NotebookClient(book, **options).execute()
    for now, before in zip(book.cells, stored.cells, strict=True):
        # On a slow machine a bar shows how far the work is, on the standard error.
        found = [output for output in now.get("outputs", []) if output.get("name") != "stderr"]
        kept = before.get("outputs", [])
        assert [output["output_type"] for output in found] == [output["output_type"] for output in kept]
        for ours, theirs in zip(found, kept, strict=True):
            if ours["output_type"] == "stream":
                agrees(ours["text"], theirs["text"])
            elif "text/markdown" in ours["data"]:
                agrees(ours["data"]["text/markdown"], theirs["data"]["text/markdown"])


def test_tables_that_disagree_are_todays() -> None:
    page = (DOCS / "how-to" / "tables-that-disagree.md").read_text(encoding="utf-8")
    assert load(DOCS / "disagreements.py").tables() in page
