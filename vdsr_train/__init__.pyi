from .config import Config, read_config
from .presets import PRESETS
from .run.commands import TrainedRun, convert, decay, pack, sweep, train
from .run.train import Interrupted

__all__ = [
    "PRESETS",
    "Config",
    "Interrupted",
    "TrainedRun",
    "convert",
    "decay",
    "pack",
    "read_config",
    "sweep",
    "train",
]
