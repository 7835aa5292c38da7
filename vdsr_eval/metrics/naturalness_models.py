"""The models of NIQE and BRISQUE, as their authors published them: where they lie, and what is in their files."""

import math
from collections.abc import Callable, Sequence
from functools import lru_cache
from pathlib import Path
from typing import Any, NamedTuple

import numpy as np
from numpy.typing import NDArray

from vdsr_data.errors import VdsrError
from vdsr_data.io.files import check_input
from vdsr_data.limits import checked_path
from vdsr_data.matlab.elementary import exp
from vdsr_data.matlab.matfile import read_mat
from vdsr_data.public.registry import data_folders

__all__ = ["FEATURES", "Machine", "brisque_model", "niqe_model"]

Doubles = NDArray[np.float64]

FEATURES = 36


def niqe_model(model: Path | str | None) -> tuple[Doubles, Doubles]:
    """Mean (36,) and covariance (36, 36) of natural images' features, of the given file or the fetched one."""
    found: tuple[Doubles, Doubles] = _read(_files("niqe", model, ["modelparameters.mat"]), _niqe_model)
    return found


def brisque_model(model: Path | str | None) -> "Machine":
    """The support vector regression of BRISQUE, of the given folder or the fetched one."""
    found: Machine = _read(_files("brisque", model, ["allmodel", "allrange"]), _brisque_model)
    return found


class Machine(NamedTuple):
    """A support vector regression of libsvm with a Gaussian kernel, and the ranges that svm-scale maps to [-1, 1]."""

    vectors: Doubles
    weights: Doubles
    gamma: float
    rho: float
    low: Doubles
    high: Doubles

    def predict(self, features: Doubles) -> float:
        """What svm-predict prints of features that went through the files of fprintf and svm-scale."""
        if np.isnan(features).any():
            return math.nan
        printed = np.array([float(f"{x:f}") for x in features])
        scaled = -1 + 2 * (printed - self.low) / (self.high - self.low)
        scaled = np.array([float(f"{x:g}") for x in scaled])
        kernels = exp(-self.gamma * ((self.vectors - scaled) ** 2).sum(axis=1))
        return float(f"{self.weights @ kernels - self.rho:g}")


def _files(name: str, model: Path | str | None, files: Sequence[str]) -> list[Path]:
    """The files of a model, which exist: the file or the folder that is given, else what was fetched."""
    if model is not None:
        path = checked_path("model", model)
        paths = [path] if len(files) == 1 and not path.is_dir() else [path / file for file in files]
    else:
        folders = list(data_folders())
        folder = next((base / name for base in folders if (base / name / files[0]).is_file()), folders[0] / name)
        if not folder.is_dir():
            raise VdsrError(f"{folder}: no model of {name} there; vdsr-data fetch {name} brings it")
        paths = [folder / file for file in files]
    for path in paths:
        check_input(path)
    return paths


def _read(paths: Sequence[Path], reader: Callable[..., Any]) -> Any:
    """What `reader` makes of files, kept until they change."""
    return _kept(reader, *((path, path.stat().st_mtime_ns, path.stat().st_size) for path in paths))


@lru_cache(4)
def _kept(reader: Callable[..., Any], *files: tuple[Path, int, int]) -> Any:
    return reader(*(path for path, _, _ in files))


def _niqe_model(path: Path) -> tuple[Doubles, Doubles]:
    """Mean (36,) and covariance (36, 36) of natural images' features."""
    variables = read_mat(path)
    mean, covariance = (np.asarray(variables.get(f"{name}_prisparam", ())) for name in ("mu", "cov"))
    fits = mean.size == FEATURES and covariance.shape == (FEATURES, FEATURES)
    if not fits or not all(one.dtype.kind == "f" and np.isfinite(one).all() for one in (mean, covariance)):
        raise VdsrError(
            f"{path}: is no model of niqe, which has mu_prisparam (1, {FEATURES}) and cov_prisparam; vdsr-data fetch"
            " niqe brings the authors'"
        )
    return mean.ravel().astype(np.float64), covariance.astype(np.float64)


def _brisque_model(model: Path, ranges: Path) -> Machine:
    """Read the text files of libsvm."""
    try:
        path = model
        head, _, body = model.read_text(encoding="ascii").partition("\nSV\n")
        options = dict(line.split(" ", 1) for line in head.splitlines())
        if (options["svm_type"], options["kernel_type"]) != ("epsilon_svr", "rbf"):
            raise ValueError
        lines = [line.split() for line in body.splitlines()]
        vectors = np.zeros((int(options["total_sv"]), FEATURES))
        for vector, line in zip(vectors, lines, strict=True):
            for pair in line[1:]:
                at, value = pair.split(":")
                vector[range(FEATURES)[int(at) - 1]] = float(value)
        weights = np.array([float(line[0]) for line in lines])
        path = ranges
        first, span, *rows = ranges.read_text(encoding="ascii").splitlines()
        limits = np.array([row.split() for row in rows], dtype=np.float64)
        if (first, span.split()) != ("x", ["-1", "1"]) or limits[:, 0].tolist() != list(range(1, FEATURES + 1)):
            raise ValueError
        machine = Machine(vectors, weights, float(options["gamma"]), float(options["rho"]), limits[:, 1], limits[:, 2])
        if not (machine.low < machine.high).all() or not np.isfinite(machine.predict(machine.low)):
            raise ValueError
    except (ValueError, KeyError, IndexError):
        what = f"is no {path.name} of brisque, as libsvm writes it for {FEATURES} features"
        raise VdsrError(f"{path}: {what}; vdsr-data fetch brisque brings the authors'") from None
    return machine
