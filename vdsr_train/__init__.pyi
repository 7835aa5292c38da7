from .config import Config, read_config
from .presets import PRESETS
from .run.commands import TrainedRun, sweep, train
from .run.train import Interrupted

__all__ = [
    "PRESETS",
    "Config",
    "Interrupted",
    "TrainedRun",
    "read_config",
    "sweep",
    "train",
]
