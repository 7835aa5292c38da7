"""Starting Keras: the backend that KERAS_BACKEND names, quiet, with a hint where it is not installed."""

import gc
import importlib
import os
import sys
from collections.abc import Iterator
from contextlib import contextmanager, nullcontext
from typing import Any

from vdsr_data.errors import VdsrError
from vdsr_train.backends.distribute import open_strategy
from vdsr_train.backends.interface import Backend, CompileSpan, Steps

__all__ = ["BACKENDS", "compiled", "running", "span_compiler", "start", "steps"]

BACKENDS = ("tensorflow", "jax")
ON_PROCESSORS = False  # spans there too: for tests, as a convolution in a loop takes XLA up to 45 times as long
PRIMITIVES = "64"  # compiled convolutions that oneDNN keeps; 1024 by default, 0.1 MB each


def start(*, threads: int = 0, distribute: str = "none") -> Any:
    """Import Keras and its backend; return the scope in which a model for `distribute` is built.

    With `threads` above 0 TensorFlow uses so many.

    Raises
    ------
    VdsrError
        Keras or the backend is missing (with what to install), or the backend cannot do what is asked.
    """
    os.environ.setdefault("TF_CPP_MIN_LOG_LEVEL", "3")
    os.environ.setdefault("KERAS_BACKEND", "tensorflow")
    os.environ.setdefault("ONEDNN_PRIMITIVE_CACHE_CAPACITY", PRIMITIVES)
    name = os.environ["KERAS_BACKEND"]
    if name not in BACKENDS:
        raise VdsrError(f"KERAS_BACKEND={name}: not supported; set it to {' or '.join(BACKENDS)}, or unset it")
    try:
        with _quiet() as stderr:
            with _kept():
                backend = importlib.import_module(name)
                importlib.import_module("keras")
            if name == "tensorflow":
                if threads:
                    _set_threads(backend, threads)
                scope = open_strategy(distribute, stderr).scope()
                backend.get_logger().setLevel("ERROR")  # several trainings in one process trace several steps
                backend.zeros(1)  # the native library greets on stderr at its first operation
            elif distribute != "none":
                raise VdsrError(f"distribute {distribute}: only with TensorFlow; unset KERAS_BACKEND")
            else:
                _check_devices(backend)
                scope = nullcontext()
    except ImportError as error:
        extra = "train" if name == "tensorflow" else "jax"
        raise VdsrError(
            f'{error.name or name} is needed to train, and for the engine {name}: pip install "vdsr-toolkit[{extra}]"'
        ) from error
    return scope


def compiled() -> Backend:
    """Return the module for the backend that runs."""
    if running() == "tensorflow":
        from vdsr_train.backends import step

        return step
    from vdsr_train.backends import step_jax

    return step_jax


def running() -> str:
    """Which backend runs: one of `BACKENDS`."""
    return os.environ["KERAS_BACKEND"]


def steps(convolution: str) -> Steps:
    """Return the module that compiles the steps of a training with such a `convolution`."""
    if convolution == "winograd":
        from vdsr_train.backends import winograd

        return winograd
    return compiled()


def span_compiler() -> CompileSpan | None:
    """Return what compiles many steps into one call on images that a GPU holds; None without JAX, or without a GPU."""
    from vdsr_train.backends.predict import KerasEngine

    if running() != "jax" or not (ON_PROCESSORS or KerasEngine.finds_gpu("jax")):
        return None
    from vdsr_train.backends import step_jax

    return step_jax.compile_span


def _check_devices(jax: Any) -> None:
    """Have JAX look for its devices, of which JAX_PLATFORMS may name some that are not there."""
    try:
        jax.devices()
    except (RuntimeError, AssertionError) as error:  # the latter of a JAX that knows no such kind
        asked, why = os.environ.get("JAX_PLATFORMS"), str(error).partition("\n")[0]
        raise VdsrError(
            f"JAX_PLATFORMS={asked}: JAX finds no such device{why and f' ({why})'}; for a GPU that nvidia-smi "
            "lists, install jax[cuda13] or jax[cuda12]; for the processor unset it"
        ) from None


def _set_threads(tensorflow: object, threads: int) -> None:
    """Bound TensorFlow's threads, which it allows only before its first operation."""
    threading = tensorflow.config.threading  # type: ignore[attr-defined]
    if threading.get_intra_op_parallelism_threads() != threads:
        try:
            threading.set_intra_op_parallelism_threads(threads)
        except RuntimeError:
            raise VdsrError(f"threads: {threads} cannot be set, TensorFlow runs in this process already") from None


@contextmanager
def _kept() -> Iterator[None]:
    """Import without looking for garbage: of half a million new objects all stay, and looking takes a second."""
    collects = gc.isenabled()
    gc.disable()
    try:
        yield
    finally:
        if collects:
            gc.enable()


@contextmanager
def _quiet() -> Iterator[int]:
    """Hold back what native code writes to file descriptor 2, and give a copy of it that still leads out."""
    sys.stderr.flush()
    saved, null = os.dup(2), os.open(os.devnull, os.O_WRONLY)
    try:
        os.dup2(null, 2)
        yield saved
    finally:
        os.dup2(saved, 2)
        os.close(saved)
        os.close(null)
