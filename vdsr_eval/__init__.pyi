from .metrics.fidelity import SSIM_FORMS, psnr, ssim
from .metrics.naturalness import Naturalness, brisque, niqe
from .metrics.similarity import gmsd, ms_ssim
from .networks.ensemble import self_ensemble
from .networks.export import convert
from .networks.network import Network, load_network
from .networks.upscale import upscale, upscale_image
from .protocols.protocol import PROTOCOLS, Protocol, describe_protocols
from .protocols.published import published
from .reports.evaluation import evaluate, score
from .reports.measurement import Measured, measure
from .reports.scores import Scores
from .scoring.methods import of_small_image
from .scoring.records import Record
from .scoring.results import ResultFolder
from .scoring.significance import paired_difference

__all__ = [
    "PROTOCOLS",
    "SSIM_FORMS",
    "Measured",
    "Naturalness",
    "Network",
    "Protocol",
    "Record",
    "ResultFolder",
    "Scores",
    "brisque",
    "convert",
    "describe_protocols",
    "evaluate",
    "gmsd",
    "load_network",
    "measure",
    "ms_ssim",
    "niqe",
    "of_small_image",
    "paired_difference",
    "psnr",
    "published",
    "score",
    "self_ensemble",
    "ssim",
    "upscale",
    "upscale_image",
]
