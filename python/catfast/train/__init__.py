"""Stage 5: train a network on patch stores; the run folder is a model folder.

Importing this package imports neither torch nor Lightning; the names below are resolved when used.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from catfast._lazy import names_from

if TYPE_CHECKING:
    from catfast.train.config import TrainConfig, TrainResult
    from catfast.train.devices import World, launch, said_by_another
    from catfast.train.run import train, train_model
    from catfast.train.toml import load_config

__all__ = [
    "TrainConfig",
    "TrainResult",
    "World",
    "launch",
    "load_config",
    "said_by_another",
    "train",
    "train_model",
]

_HOMES = {
    "TrainConfig": "config",
    "TrainResult": "config",
    "World": "devices",
    "launch": "devices",
    "load_config": "toml",
    "said_by_another": "devices",
    "train": "run",
    "train_model": "run",
}

__getattr__ = names_from(__name__, _HOMES)
