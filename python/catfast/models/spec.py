"""What a model folder says about itself: ``config.json``, read without torch."""

from __future__ import annotations

import json
import math
import os
from collections.abc import Mapping
from dataclasses import asdict, dataclass, field, fields
from pathlib import Path
from typing import Any

from catfast.classes import BANDS, CLASS_CODES
from catfast.errors import InputError
from catfast.models.domain import Domain
from catfast.textfiles import parse_json, read_small

__all__ = ["CONFIG_NAME", "ONNX_NAME", "ModelConfig"]

CONFIG_NAME = "config.json"
ONNX_NAME = "model.onnx"
_FORMAT = 1
_LARGEST = 1e9
_MOST_PIXELS = 1 << 26
_TUPLES = ("bands", "classes", "mean", "std", "clip")


@dataclass(frozen=True, slots=True, kw_only=True)
class ModelConfig:
    """Everything needed to feed a model and to read its answer.

    A network sees ``(clip(reflectance) - mean) / std`` for each band.
    """

    name: str
    """Name shown to people and written into masks."""
    architecture: Mapping[str, Any] = field(default_factory=lambda: {"type": "unet"})
    """``{"type": one of catfast.models.BUILDERS, ...options of that builder}``."""
    bands: tuple[str, ...] = BANDS
    """Input bands in order."""
    gsd_m: float = 10.0
    """Ground sampling distance that the network works at, metres."""
    classes: tuple[str, ...] = ("clear", "cloud", "shadow")
    """Class of each output channel; names from :data:`catfast.classes.CLASS_CODES`."""
    mean: tuple[float, ...] = (0.3, 0.3, 0.3, 0.3)
    """Subtracted from each band, reflectance (1.0 is 100 %)."""
    std: tuple[float, ...] = (0.3, 0.3, 0.3, 0.3)
    """Divides each band after the mean is taken off."""
    clip: tuple[float, float] = (0.0, 1.6)
    """Reflectance is limited to this range first."""
    tile: int = 576
    """Side of the square that the network is run on, network pixels; a multiple of ``multiple_of``."""
    halo: int = 16
    """Overlap of neighbouring tiles on each side, network pixels; under half a tile."""
    multiple_of: int = 32
    """Height and width of any input must be multiples of this."""
    domain: Domain = field(default_factory=Domain)
    """What was seen in training, as far as it is known."""

    def __post_init__(self) -> None:
        for problem in self._problems():
            raise InputError(f"model configuration: {problem}")

    def _problems(self) -> list[str]:
        found: list[str] = []
        if not self.name or not isinstance(self.name, str):
            found.append("name must be a non-empty text")
        if not isinstance(self.architecture, Mapping) or not isinstance(self.architecture.get("type"), str):
            found.append("architecture must be an object with a type")
        if not self.bands or not set(self.bands) <= set(BANDS) or len(set(self.bands)) != len(self.bands):
            found.append(f"bands must be distinct names from {', '.join(BANDS)}, not {list(self.bands)}")
        if (
            "cloud" not in self.classes
            or len(self.classes) < 2
            or len(set(self.classes)) != len(self.classes)
        ):
            found.append(
                f"classes must be distinct, two or more, with cloud among them, not {list(self.classes)}"
            )
        elif unknown := [name for name in self.classes if name not in CLASS_CODES]:
            found.append(f"unknown class {unknown[0]!r}; known are {', '.join(CLASS_CODES)}")
        found += self._number_problems()
        return found

    def _number_problems(self) -> list[str]:
        found: list[str] = []
        numbers = (self.gsd_m, *self.mean, *self.std, *self.clip)
        if not all(isinstance(n, (int, float)) and abs(n) < _LARGEST for n in numbers):
            return ["gsd_m, mean, std and clip must be finite numbers"]
        if len(self.mean) != len(self.bands) or len(self.std) != len(self.bands):
            found.append(f"mean and std need one number for each of the {len(self.bands)} bands")
        if self.gsd_m <= 0 or min(self.std, default=1.0) <= 0:
            found.append("gsd_m and std must be above zero")
        if len(self.clip) != 2 or self.clip[0] >= self.clip[1]:
            found.append("clip must be a low and a higher number")
        sizes = (self.tile, self.halo, self.multiple_of)
        if not all(isinstance(n, int) and not isinstance(n, bool) for n in sizes):
            return [*found, "tile, halo and multiple_of must be whole numbers"]
        if self.multiple_of < 1 or self.tile < 1 or self.tile % self.multiple_of:
            found.append(f"tile must be a multiple of {self.multiple_of}, not {self.tile}")
        if self.tile**2 > _MOST_PIXELS:
            found.append(f"tile must be {math.isqrt(_MOST_PIXELS)} at most, not {self.tile}")
        if not 0 <= 2 * self.halo < self.tile:
            found.append(f"halo must be under half of the tile ({self.tile}), not {self.halo}")
        return found

    @property
    def codes(self) -> tuple[int, ...]:
        """Mask code of each output channel."""
        return tuple(CLASS_CODES[name] for name in self.classes)

    @classmethod
    def load(cls, folder: str | os.PathLike[str]) -> ModelConfig:
        """Read ``config.json`` of a model folder.

        Raises:
            InputError: no such file, not JSON, or values that make no sense.
        """
        path = Path(folder) / CONFIG_NAME
        try:
            content = parse_json(read_small(path))
        except FileNotFoundError:
            raise InputError(f"{folder} is not a model folder: it has no {CONFIG_NAME}") from None
        except (OSError, ValueError) as error:
            raise InputError(f"{path} cannot be read as JSON: {error}") from None
        return cls._from_json(content, path)

    @classmethod
    def _from_json(cls, content: object, path: Path) -> ModelConfig:
        if not isinstance(content, dict) or content.pop("format", None) != _FORMAT:
            raise InputError(f"{path} is not a model configuration of format {_FORMAT}")
        known = {f.name for f in fields(cls)}
        if extra := sorted(set(content) - known):
            raise InputError(f"{path} has an unknown entry {extra[0]!r}")
        try:
            values: dict[str, Any] = {
                key: tuple(value) if key in _TUPLES else value for key, value in content.items()
            }
            if "domain" in values:
                values["domain"] = Domain.of(values["domain"])
            return cls(**values)
        except InputError as error:
            raise InputError(f"{path}: {error}") from None
        except (TypeError, ValueError) as error:
            raise InputError(f"{path} does not describe a model: {error}") from None

    def save(self, folder: str | os.PathLike[str]) -> Path:
        """Write ``config.json`` into ``folder`` (made if needed), in one step, and return its path.

        Raises:
            OutputError: the disk did not take it; what was there stays.
        """
        from catfast.raster import atomic_path

        path = Path(folder) / CONFIG_NAME
        path.parent.mkdir(parents=True, exist_ok=True)
        content = {"format": _FORMAT, **asdict(self), "architecture": dict(self.architecture)}
        content["domain"] = self.domain.as_dict()
        if not content["domain"]:
            del content["domain"]
        with atomic_path(path) as temporary:
            temporary.write_text(json.dumps(content, indent=2) + "\n", encoding="utf-8")
        return path
