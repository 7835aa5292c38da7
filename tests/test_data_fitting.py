"""What `fit_resizer` says of resizers that are made here, with every combination of what it tells apart."""

from collections.abc import Callable

import numpy as np
import pytest
from PIL import Image

from vdsr_data.interop.fitting import fit_resizer

PADS = {"mirrored": "symmetric", "repeated": "edge", "reflected": "reflect", "around": "wrap"}
BORDERS = (*PADS, "cut off", "zero")
Kernel = Callable[[np.ndarray, float], np.ndarray]
Resize = Callable[[np.ndarray, tuple[int, int]], np.ndarray]


def cubic(x: np.ndarray, a: float) -> np.ndarray:
    x = np.abs(x)
    near, far = (a + 2) * x**3 - (a + 3) * x**2 + 1, a * (x**3 - 5 * x**2 + 8 * x - 4)
    return np.select([x < 1, x < 2], [near, far])


def linear(x: np.ndarray, _: float) -> np.ndarray:
    return np.maximum(1 - np.abs(x), 0)


def weights(length: int, out: int, kernel: Kernel, a: float, widened: bool, border: str, shift: float) -> np.ndarray:
    """Row by row, beyond the edge by what `np.pad` does to the numbers of the pixels."""
    scale, reach = out / length, min(length - 1, 12)
    stretch = scale if widened and scale < 1 else 1.0
    pixels = np.pad(np.arange(length), reach, mode=PADS.get(border, "edge"))
    centres = (np.arange(out) + 0.5) / scale - 0.5 + shift
    matrix = np.zeros((out, length))
    for i, centre in enumerate(centres):
        weight = kernel(stretch * (centre - np.arange(-reach, length + reach)), a)
        total = weight.sum()
        if border in ("cut off", "zero"):
            weight[:reach] = weight[reach + length :] = 0
        np.add.at(matrix[i], pixels, weight / (weight.sum() if border == "cut off" else total))
    return matrix


def resizer(
    kernel: Kernel = cubic,
    a: float = -0.5,
    widened: bool = True,
    border: str = "mirrored",
    shift: float = 0.0,
    order: str = "rows first",
    times: int = 2,
    near: Callable[[np.ndarray], np.ndarray] = lambda x: np.floor(x + 0.5),
) -> Resize:
    def resize(image: np.ndarray, size: tuple[int, int]) -> np.ndarray:
        down, across = (weights(image.shape[k], size[k], kernel, a, widened, border, shift) for k in (0, 1))
        x = image.astype(float)
        if image.dtype.kind == "f":
            return down @ x @ across.T

        def kept(x: np.ndarray) -> np.ndarray:
            return near(x.round(10)).clip(0, 255)

        if times == 1:
            return kept(down @ x @ across.T).astype(image.dtype)
        if order == "rows first":
            return kept(kept(down @ x) @ across.T).astype(image.dtype)
        return kept(down @ kept(x @ across.T)).astype(image.dtype)

    return resize


@pytest.fixture(autouse=True)
def remembered(monkeypatch: pytest.MonkeyPatch) -> None:
    """The slow tables once for each size."""
    made: dict[tuple[object, ...], np.ndarray] = {}
    slow = weights

    def once(*arguments: object) -> np.ndarray:
        if arguments not in made:
            made[arguments] = slow(*arguments)
        return made[arguments]

    monkeypatch.setitem(globals(), "weights", once)


@pytest.mark.slow
@pytest.mark.parametrize("border", BORDERS)
@pytest.mark.parametrize(("a", "widened", "shift"), [(-0.5, True, 0.0), (-0.75, False, 0.0), (-0.6, True, 0.5),
                                                     (-1.0, False, -0.25), (-0.3, True, 0.0)])  # fmt: skip
def test_kernel_widening_edge_and_shift_are_found(a: float, widened: bool, shift: float, border: str) -> None:
    found = fit_resizer(resizer(a=a, widened=widened, border=border, shift=shift), np.float64)
    for fit in (found.enlarging, found.shrinking):
        assert fit is not None
        assert (fit.kernel, fit.a, fit.corners) == ("cubic", a, False)
        assert fit.shift == pytest.approx(shift, abs=0.011)
        assert fit.border == border
    assert found.enlarging.widened is None
    assert found.shrinking.widened == widened


@pytest.mark.slow
@pytest.mark.parametrize("rule", ["half up", "half to even", "truncated"])
@pytest.mark.parametrize(("times", "order"), [(2, "rows first"), (2, "columns first"), (1, "")])
@pytest.mark.parametrize(("a", "widened", "border"), [(-0.5, True, "cut off"), (-0.75, False, "repeated")])
def test_rounding_is_found(times: int, order: str, rule: str, a: float, widened: bool, border: str) -> None:
    near = {"half up": lambda x: np.floor(x + 0.5), "half to even": np.rint, "truncated": np.floor}[rule]
    resize = resizer(a=a, widened=widened, border=border, times=times, order=order, near=near)
    for dtype in (np.float64, np.uint8):
        found = fit_resizer(resize, dtype).rounding
        assert found is not None
        assert (found.times, found.order, found.rule) == (times, order, rule)
        assert found.share > 0.97


@pytest.mark.slow
@pytest.mark.parametrize("border", ["mirrored", "repeated", "cut off"])
@pytest.mark.parametrize(("a", "widened"), [(-0.5, True), (-0.75, False), (-0.5, False)])
def test_eight_bits_are_enough(a: float, widened: bool, border: str) -> None:
    found = fit_resizer(resizer(a=a, widened=widened, border=border), np.uint8)
    assert (found.enlarging.kernel, found.enlarging.a, found.enlarging.border) == ("cubic", a, border)
    assert (found.shrinking.kernel, found.shrinking.a, found.shrinking.border) == ("cubic", a, border)
    assert found.shrinking.widened == widened


@pytest.mark.slow
def test_other_kernels_are_named() -> None:
    found = fit_resizer(resizer(kernel=linear), np.float64)
    assert (found.enlarging.kernel, found.enlarging.a, found.shrinking.kernel) == ("linear", None, "linear")

    def bell(x: np.ndarray, _: float) -> np.ndarray:
        return np.exp(-x * x)

    found = fit_resizer(resizer(kernel=bell), np.float64)
    assert found.enlarging.kernel == found.shrinking.kernel == found.enlarging.border == ""
    assert found.shrinking.widened
    assert not fit_resizer(resizer(kernel=bell, widened=False), np.float64).shrinking.kernel
    assert found.rounding is None


@pytest.mark.parametrize(("method", "kernel"), [("LANCZOS", "lanczos3"), ("BILINEAR", "linear"), ("BOX", "box")])
def test_pillows_kernels_are_named(method: str, kernel: str) -> None:
    def resize(image: np.ndarray, size: tuple[int, int]) -> np.ndarray:
        plain = image if image.dtype == np.uint8 else image.astype(np.float32)
        return np.asarray(Image.fromarray(plain).resize(size[::-1], Image.Resampling[method]))

    found = fit_resizer(resize, np.float64)
    assert (found.enlarging.kernel, found.shrinking.kernel, found.shrinking.widened) == (kernel, kernel, True)
    assert found.enlarging.a is None


def test_what_fails_at_one_factor_is_left_out() -> None:
    right = resizer()

    def resize(image: np.ndarray, size: tuple[int, int]) -> np.ndarray:
        if size[0] > image.shape[0]:
            raise MemoryError
        return right(image, size)

    found = fit_resizer(resize, np.float64)
    assert found.enlarging is None
    assert found.shrinking.a == -0.5
