"""Scores of super-resolved images that say how they were computed: metrics, protocols, published tables, reports."""

from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from vdsr_eval.metrics.fidelity import psnr, ssim

__all__ = ["psnr", "ssim"]


def __getattr__(name: str) -> Any:
    """Import on first use: ``vdsr-eval --help`` must not wait for numba."""
    if name in __all__:
        from vdsr_eval.metrics import fidelity as metrics

        return getattr(metrics, name)
    raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
