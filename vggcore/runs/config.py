"""A run's `config.json`, read into types."""

from datetime import UTC, datetime
from functools import lru_cache
from pathlib import Path
from typing import NamedTuple

from vggcore.machine.files import FileError, cannot_be_read, parse_json
from vggcore.machine.messages import Message
from vggcore.model.architectures import VGGSpec
from vggcore.model.recipe import TrainConfig
from vggcore.runs.names import CONFIG


class Config(NamedTuple):
    """What a run trains, and how."""

    values: dict  # all of config.json
    spec: VGGSpec
    train: TrainConfig


def read_config(folder: Path) -> Config:
    """The config of the run in `folder`. Raises FileError, in one line."""
    file = folder / CONFIG
    try:
        return _parse(file.read_bytes())
    except FileNotFoundError:
        raise FileError(
            Message("{path} is not a run folder: no {config}", path=folder, config=CONFIG)
        ) from None
    except (OSError, ValueError) as error:
        raise cannot_be_read(file, error) from None


@lru_cache(maxsize=1_000)  # a config is written once, and read at every look
def _parse(content: bytes) -> Config:
    values = parse_json(content)
    if not isinstance(values, dict):
        raise ValueError(Message("it is no JSON object"))
    for key in ("name", "spec", "train"):
        if key not in values:
            raise ValueError(Message("it lacks {key}", key=key))
    for key in ("name", "preset", "group", "created"):
        if not isinstance(values.get(key) or "", str):
            raise ValueError(
                Message(
                    "{key} must be a text, not {type}", key=key, type=type(values[key]).__name__
                )
            )
    if values.get("created"):
        _check_time(values["created"])
    return Config(values, VGGSpec.from_dict(values["spec"]), TrainConfig.from_dict(values["train"]))


def _check_time(text: str) -> None:
    try:
        datetime.fromisoformat(text).astimezone(UTC)
    except (ValueError, OverflowError):
        raise ValueError(Message("created {text!r} is not a time", text=text[:40])) from None
