from .config import Config, read_config
from .presets import PRESETS
from .run.commands import TrainedRun, decay, pack, sweep, train
from .run.train import Interrupted

__all__ = [
    "PRESETS",
    "Config",
    "Interrupted",
    "TrainedRun",
    "decay",
    "pack",
    "read_config",
    "sweep",
    "train",
]
