from .config import Config, read_config
from .presets import PRESETS
from .run.commands import TrainedRun, convert, sweep, train
from .run.train import Interrupted

__all__ = [
    "PRESETS",
    "Config",
    "Interrupted",
    "TrainedRun",
    "convert",
    "read_config",
    "sweep",
    "train",
]
