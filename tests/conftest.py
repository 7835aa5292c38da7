"""Fixtures that several benchmark files share."""

import atexit
import gc
import os
import shutil
import signal
from collections.abc import Iterator
from pathlib import Path

import numpy as np
import pytest
from hypothesis import settings
from PIL import Image

from vdsr_data.benchmark.build import generate_test
from vdsr_data.images.files import TEST_ORDER, list_images

settings.register_profile("untimed", deadline=None)  # functions compile at their first call, and machines are shared
settings.load_profile("untimed")


@pytest.hookimpl(wrapper=True)
def pytest_collection() -> Iterator[object]:
    """Look for garbage neither among what is imported here, such as TensorFlow, nor at the end of the process."""
    atexit.register(gc.freeze)
    gc.disable()
    try:
        return (yield)
    finally:
        gc.freeze()
        gc.enable()


@pytest.hookimpl(tryfirst=True)
def pytest_collection_modifyitems(config: pytest.Config, items: list[pytest.Item]) -> None:
    """Leave what asks for the reference data to `make conformance`, which has them.

    A worker of pytest-xdist has all tests of a file that share what is dear to make; slow ones come first.
    """
    for item in items:
        if "reference_data" in getattr(item, "fixturenames", ()):
            item.add_marker(pytest.mark.conformance)
    if not hasattr(config, "workerinput"):
        return
    for item in items:
        made = item._fixtureinfo.name2fixturedefs if isinstance(item, pytest.Function) else {}
        scopes = {name: definitions[-1].scope for name, definitions in made.items()}
        if scopes.get("forks") == "session":
            item.add_marker(pytest.mark.xdist_group("forks"))
        elif "module" in scopes.values():
            item.add_marker(pytest.mark.xdist_group(item.nodeid.partition("::")[0]))
    items.sort(key=lambda item: item.get_closest_marker("slow") is None)


@pytest.fixture(scope="session")
def reference_data() -> Path:
    """The folder of reference data: $VDSR_DATA, or shared/data beside the checkout; skips where there is none."""
    here = Path(__file__).resolve().parents[1]
    folder = Path(os.environ.get("VDSR_DATA") or here.parent / "shared" / "data")
    if not (folder / "oracles").is_dir():
        pytest.skip(f"no reference data in {folder} (set VDSR_DATA)")
    return folder


@pytest.fixture(autouse=True, scope="session")
def empty_cache(tmp_path_factory: pytest.TempPathFactory):
    """No set that somebody once fetched changes what a test finds by name."""
    with pytest.MonkeyPatch.context() as patch:
        folder = tmp_path_factory.mktemp("cache")
        patch.setattr("vdsr_data.public.registry.cache_folder", lambda: folder)
        yield


@pytest.fixture(autouse=True, scope="session")
def interruptible():
    """A shell's job in the background ignores Ctrl-C, and so would the commands that are tested."""
    if signal.getsignal(signal.SIGINT) == signal.SIG_IGN:
        signal.signal(signal.SIGINT, signal.default_int_handler)


@pytest.fixture(scope="session")
def negatives(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """What `photographs` are copies of, for those who only read them."""
    folder = tmp_path_factory.mktemp("negatives") / "photographs"
    folder.mkdir()
    random = np.random.default_rng(1)
    for name, shape in (("b.jpg", (61, 97, 3)), ("a.jpg", (83, 50, 3)), ("c.bmp", (45, 90, 3)), ("d.bmp", (60, 47))):
        coarse = random.integers(0, 256, (shape[0] // 8 + 1, shape[1] // 8 + 1, *shape[2:]), dtype=np.uint8)
        Image.fromarray(coarse).resize((shape[1], shape[0]), Image.Resampling.BICUBIC).save(folder / name, quality=95)
    return folder


@pytest.fixture
def photographs(negatives: Path, tmp_path: Path) -> Path:
    """A folder of small images of every kind and order that `train_data.m` meets: colour and grey, jpg and bmp."""
    return Path(shutil.copytree(negatives, tmp_path / "photographs"))


@pytest.fixture
def test_file(photographs: Path, tmp_path: Path) -> Path:
    """A benchmark file of `photographs` at two scales."""
    generate_test("photographs", list_images(photographs, TEST_ORDER), tmp_path / "test.h5", scales=(2, 3))
    return tmp_path / "test.h5"


@pytest.fixture
def torch():
    """PyTorch, which no test environment must have."""
    return pytest.importorskip("torch", reason="PyTorch is not installed: pip install torch")
