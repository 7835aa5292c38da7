"""Configurations: strict reading, and one name for each hyper-parameter."""

import json
from pathlib import Path

import pytest

from vdsr_data.errors import VdsrError
from vdsr_train.config import FREE, Config, knobs, read_config


def test_defaults_are_the_papers_recipe() -> None:
    config = Config()
    assert (config.depth, config.channels, config.batch_size, config.epochs) == (20, 64, 64, 80)
    assert (config.optimizer, config.momentum, config.weight_decay, config.learning_rate) == ("sgd", 0.9, 1e-4, 0.1)
    assert (config.schedule, config.decay_every, config.decay_factor) == ("step", 20, 10)
    assert (config.loss, config.clip) == ("sum", "value")


def test_json_round_trip(tmp_path) -> None:
    config = Config(steps=7, theta=9e-4, optimizer="adam", symmetries=True, learning_rate=1)
    config.write(tmp_path / "config.json")
    assert read_config(tmp_path / "config.json") == config


@pytest.mark.parametrize(
    ("key", "value"),
    [
        ("theta", 0),
        ("theta", float("nan")),
        ("learning_rate", -0.1),
        ("learning_rate", "0.1"),
        ("batch_size", 0),
        ("batch_size", 16.0),
        ("batch_size", True),
        ("steps", 0),
        ("depth", 1),
        ("loss", "l1"),
        ("symmetries", 1),
        ("threads", -1),
        ("threads", 1025),
        ("seed", 10**400),
        ("theta", float("inf")),
        ("momentum", 1.0),
        ("seed", None),
        ("file", 3),
    ],
)
def test_an_impossible_value_is_refused_by_name(tmp_path, key, value) -> None:
    with pytest.raises(VdsrError, match=key):
        Config(**{key: value})
    (tmp_path / "config.json").write_text(json.dumps({key: value}))
    with pytest.raises(VdsrError, match=rf"config.json: {key}"):
        read_config(tmp_path / "config.json")


@pytest.mark.parametrize("text", ["", "[1]", '{"rate": 0.1}', '{"depth": 20', "\x00"])
def test_a_damaged_file_is_one_line(tmp_path, text) -> None:
    (tmp_path / "config.json").write_text(text)
    with pytest.raises(VdsrError, match=r"config\.json: ") as caught:
        read_config(tmp_path / "config.json")
    assert "\n" not in str(caught.value)


def test_missing_file(tmp_path) -> None:
    with pytest.raises(VdsrError, match="no such file"):
        read_config(tmp_path / "config.json")


def test_every_field_explains_itself() -> None:
    names = [knob.name for knob in knobs()]
    assert len(names) == len(set(names))
    assert set(names) >= FREE
    assert all(len(knob.help) > 7 for knob in knobs())


def test_paths_and_lists_are_taken_from_python() -> None:
    config = Config(images=Path("a"), file=Path("b.h5"), weights=Path("w"), validation=Path("v"), scales=[2, 3])
    assert config == Config(images="a", file="b.h5", weights="w", validation="v", scales=(2, 3))
    assert Config(validation="None").validation == "none"


@pytest.mark.parametrize("name", ["file", "images", "weights", "validation"])
def test_an_empty_name_is_refused(name) -> None:
    with pytest.raises(VdsrError, match=f"{name}: '' is not allowed; it must be a name"):
        Config(**{name: ""})


def test_a_run_folder_stands_for_its_configuration(tmp_path) -> None:
    Config(seed=3).write(tmp_path / "config.json")
    assert read_config(tmp_path) == Config(seed=3)
