"""Stage 5: train a network on patch stores; the run folder is a model folder.

Importing this package imports neither torch nor Lightning; the names below are resolved when used.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from catfast._lazy import names_from

if TYPE_CHECKING:
    from catfast.train.config import TrainConfig, TrainResult
    from catfast.train.devices import launch
    from catfast.train.run import train, train_model
    from catfast.train.toml import load_config

__all__ = ["TrainConfig", "TrainResult", "launch", "load_config", "train", "train_model"]

_HOMES = {
    "TrainConfig": "config",
    "TrainResult": "config",
    "launch": "devices",
    "load_config": "toml",
    "train": "run",
    "train_model": "run",
}

__getattr__ = names_from(__name__, _HOMES)
