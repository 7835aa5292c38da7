from .metrics.fidelity import psnr, ssim

__all__ = ["psnr", "ssim"]
