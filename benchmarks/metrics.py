"""SSIM in every form beside other libraries: speed, and which form each computes, to how many digits.

`make bench-metrics` writes the table of docs/metrics.md; without `--write` it is only printed. Whatever is installed is
measured. `--old FOLDER` adds another torchmetrics, from `pip install --no-deps --target FOLDER torchmetrics==1.4.1`.
"""

import os

for name in ("OMP_NUM_THREADS", "OPENBLAS_NUM_THREADS", "MKL_NUM_THREADS"):
    os.environ[name] = "1"
os.environ.setdefault("TF_CPP_MIN_LOG_LEVEL", "3")

import argparse
import importlib
import math
import platform
import sys
from collections.abc import Callable, Iterator
from contextlib import suppress
from importlib.metadata import version
from pathlib import Path
from typing import Any

import numpy as np
from contest import Row, processor
from skimage.data import astronaut

from vdsr_data import imresize, luma
from vdsr_eval import SSIM_FORMS, ssim

PAGE = Path(__file__).resolve().parents[1] / "docs" / "metrics.md"
MARKS = "<!-- written by make bench-metrics -->", "<!-- end -->"
HEAD = ("form", "ours, ms", "peer", "peer, ms", "peer / ours", "digits alike")
PACKAGES = ("torch", "numpy", "numba")
SAME = 15  # digits that two doubles have in common at most

Peer = tuple[str, Callable[[], float], Callable[[], float]]  # its name, what is timed, what is compared


def pictures() -> tuple[np.ndarray, np.ndarray]:
    """A photograph, 8-bit RGB of 1024 x 1024, reduced to a third and enlarged again; and itself."""
    original = imresize(astronaut(), 2)
    return imresize(imresize(original, 1 / 3), size=(1024, 1024)), original


def twice(label: str, work: Callable[[], float]) -> Peer:
    """What has one precision."""
    return label, work, work


def scikit_image(a: np.ndarray, b: np.ndarray) -> Iterator[Peer]:
    """Its default, Wang's window, and that window as it is if one only asks for `gaussian_weights`."""
    from skimage.metrics import structural_similarity

    label, gaussian = f"scikit-image {version('scikit-image')}", {"gaussian_weights": True, "sigma": 1.5}
    for options in ({}, gaussian, {**gaussian, "use_sample_covariance": False}):
        words = ", ".join(f"{name}={value}" for name, value in options.items()) or "default"
        yield twice(f"{label}, {words}", lambda o=options: float(structural_similarity(a, b, data_range=255, **o)))


def basicsr(a: np.ndarray, b: np.ndarray) -> Iterator[Peer]:
    """What SwinIR and many others call, too."""
    from basicsr.metrics.psnr_ssim import calculate_ssim

    yield twice(f"BasicSR {version('basicsr')}", lambda: float(calculate_ssim(a[..., None], b[..., None], 0)))


def tensorflow(a: np.ndarray, b: np.ndarray) -> Iterator[Peer]:
    """It computes in float32, whatever it is given."""
    import tensorflow as tf

    tf.config.threading.set_intra_op_parallelism_threads(1)
    x, y = (tf.constant(plane[..., None]) for plane in (a, b))
    yield twice(f"TensorFlow {tf.__version__}", lambda: float(tf.image.ssim(x, y, 255)))


def torchmetrics(a: np.ndarray, b: np.ndarray) -> Iterator[Peer]:
    """Whichever version is found first; its function stays, when another version is imported after it."""
    module = importlib.import_module("torchmetrics.functional.image")
    label, measure = sys.modules["torchmetrics"].__version__, module.structural_similarity_index_measure
    yield of_tensors(f"torchmetrics {label}", lambda x, y: measure(x, y, data_range=255.0), a, b)


def kornia(a: np.ndarray, b: np.ndarray) -> Iterator[Peer]:
    """Both of its borders."""
    from kornia.metrics import ssim as measure

    for padding in ("same", "valid"):
        label = f"kornia {version('kornia')}, {padding}"
        yield of_tensors(label, lambda x, y, p=padding: measure(x, y, 11, 255.0, padding=p).mean(), a, b)


def piq(a: np.ndarray, b: np.ndarray) -> Iterator[Peer]:
    """Its default, which averages blocks of large images, and without that."""
    import piq as library

    for options in ({}, {"downsample": False}):
        label = f"piq {version('piq')}, {'downsample=False' if options else 'default'}"
        yield of_tensors(label, lambda x, y, o=options: library.ssim(x, y, data_range=255.0, **o), a, b)


def pyiqa(a: np.ndarray, b: np.ndarray) -> Iterator[Peer]:
    """Its default, and with its option that averages blocks; it makes its tensors float64 itself."""
    from pyiqa.archs.ssim_arch import ssim as measure

    for options in ({}, {"downsample": True}):
        label = f"pyiqa {version('pyiqa')}, {'downsample=True' if options else 'default'}"
        work = of_tensors(label, lambda x, y, o=options: measure(x, y, data_range=255.0, **o), a, b)
        yield label, work[2], work[2]


def sewar(a: np.ndarray, b: np.ndarray) -> Iterator[Peer]:
    """Its default, a box of 11 x 11, and with the Gaussian window."""
    from sewar.full_ref import ssim as measure
    from sewar.utils import Filter

    for words, options in (("default", {}), ("GAUSSIAN", {"fltr": Filter.GAUSSIAN, "sigma": 1.5, "ws": 11})):
        label = f"sewar {version('sewar')}, {words}"
        yield twice(label, lambda o=options: float(measure(b, a, fltr_specs=o or None)[0]))


def of_tensors(label: str, measure: Callable[[Any, Any], Any], a: np.ndarray, b: np.ndarray) -> Peer:
    """What computes on tensors: timed in float32, which is what it is given in practice, compared in float64."""
    import torch

    torch.set_num_threads(1)
    single, double = (
        [torch.from_numpy(plane)[None, None].to(dtype) for plane in (a, b)] for dtype in (torch.float32, torch.float64)
    )
    return label, lambda: float(measure(*single)), lambda: float(measure(*double))


def found_peers(a: np.ndarray, b: np.ndarray, old: str | None) -> Iterator[Peer]:
    """Every way of computing SSIM that is installed."""
    for library in (scikit_image, basicsr, tensorflow, torchmetrics, kornia, piq, pyiqa, sewar):
        try:
            yield from library(a, b)
        except (ImportError, RuntimeError) as error:
            print(f"{library.__name__}: {error}", file=sys.stderr)
    if old is not None:
        for module in [name for name in sys.modules if name.partition(".")[0] == "torchmetrics"]:
            del sys.modules[module]
        sys.path.insert(0, old)
        yield from torchmetrics(a, b)


def digits(value: float, other: float) -> int:
    """How many decimals two values have in common, the last within one step."""
    return SAME if value == other else min(math.floor(-math.log10(abs(value - other))), SAME)


def measured(old: str | None) -> Iterator[tuple[str, ...]]:
    """A line for each form and peer; each peer stands under the form that it is nearest to."""
    colors = pictures()
    a, b = (luma(image) for image in colors)
    values = {form: ssim(a, b, data_range=255, **options) for form, options in SSIM_FORMS.items() if form != "volume"}
    peers = list(found_peers(a, b, old))
    alike = {}
    for name, _, work in peers:
        found = work()
        alike[name] = max((digits(value, found), form) for form, value in values.items())
    for form, options in SSIM_FORMS.items():
        image, other = colors if form == "volume" else (a, b)
        near = {name: (work, None) for name, work, _ in peers if alike[name][1] == form}
        row = Row(form, lambda i=image, o=other, k=options: ssim(i, o, data_range=255, **k), near, rounds=5)
        row.measure()
        for cells in row.cells():
            yield (*cells[:5], str(alike[cells[2]][0]))
        if not near:
            yield (form, f"{row.median('ours'):.2f}", "none found", "", "", "")


def main() -> None:
    """Measure, print, and write the page if asked."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--old", metavar="FOLDER")
    parser.add_argument("--write", action="store_true")
    arguments = parser.parse_args()
    with suppress(ImportError):
        import cv2

        cv2.setNumThreads(1)
    versions = ", ".join(f"{name} {version(name)}" for name in PACKAGES)
    machine = f"{processor()[0]}, {os.cpu_count()} cores, Python {platform.python_version()}, {versions}"
    lines = [f"On {machine}:", "", *(f"| {' | '.join(cells)} |" for cells in (HEAD, ["---"] * len(HEAD)))]
    lines += [f"| {' | '.join(cells)} |" for cells in measured(arguments.old)]
    print("\n".join(lines))
    if arguments.write:
        before, _, rest = PAGE.read_text(encoding="utf-8").partition(MARKS[0])
        after = rest.partition(MARKS[1])[2]
        PAGE.write_text(before + "\n".join([MARKS[0], *lines, MARKS[1]]) + after, encoding="utf-8")


if __name__ == "__main__":
    main()
