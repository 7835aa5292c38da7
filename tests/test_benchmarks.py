"""What benchmarks decide by themselves."""

import importlib.util
from pathlib import Path

TRIALS = Path(__file__).resolve().parents[1] / "benchmarks" / "trials.py"


def test_batch_and_rate_for_a_gpu_are_those_of_the_trials(tmp_path: Path) -> None:
    specification = importlib.util.spec_from_file_location("trials", TRIALS)
    assert specification is not None
    assert specification.loader is not None
    trials = importlib.util.module_from_spec(specification)
    specification.loader.exec_module(trials)
    measured = tmp_path / "measured.txt"
    measured.write_text(
        "ours, sgd, batch of 64      99000 patches/s (1 to 2)\nours, muon, batch of 64      8000 patches/s (1 to 2)\n"
        "ours, muon, batch of 128     9100 patches/s (1 to 2)\nours, muon, batch of 256     10000 patches/s (1 to 2)\n"
        "PyTorch, SGD, batch of 32    20000 patches/s (1 to 2)\n"
    )
    assert trials.batch(str(measured)) == "128 711"
    assert trials.batch(str(tmp_path / "missing")) == "128 500"
    assert trials.rates("256") == "0.002 0.004 0.008"
    for name, rows in {"low": "10,3\n20,2\n", "high": "10,2\n20,1\n", "diverged": "10,0.5\n", "at once": ""}.items():
        (tmp_path / name).mkdir()
        (tmp_path / name / "log.csv").write_text(f"step,loss\n{rows}")
    assert trials.best(*map(str, tmp_path.glob("*/"))) == "high"
