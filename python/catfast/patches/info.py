"""What a whole store has in common: ``store.json``."""

from __future__ import annotations

import dataclasses
import json
import math
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from catfast import __version__
from catfast.classes import BANDS
from catfast.errors import InputError, UsageError
from catfast.textfiles import parse_json, read_small

FORMATS = ("geotiff", "safetensors")
INFO_NAME = "store.json"
VERSION = 1
"""Of the store's layout; a reader refuses any other."""

MAX_SIZE = 8192
"""Largest patch side, pixels: an image then has half a gigabyte."""


KINDS: Mapping[str, tuple[type, ...]] = {
    **dict.fromkeys(("format", "scheme", "method", "command"), (str,)),
    **dict.fromkeys(("size", "stride"), (int,)),
    **dict.fromkeys(("gsd_m", "scale"), (int, float)),
    **dict.fromkeys(("soft", "simulated"), (bool,)),
    "bands": (list,),
    "options": (dict,),
}
"""What JSON's values of a description become in Python."""


@dataclass(frozen=True, slots=True, kw_only=True)
class StoreInfo:
    """What all patches of a store have in common."""

    format: str = "geotiff"
    """``geotiff`` or ``safetensors``."""
    bands: tuple[str, ...] = BANDS
    """Names of the image bands."""
    size: int
    """Pixels a side."""
    stride: int
    """Pixels from one patch of a scene to the next."""
    gsd_m: float
    """Ground sampling distance, metres."""
    scale: float = 1e-4
    """Reflectance of one count."""
    scheme: str
    """``full`` or ``binary``: the codes of the labels."""
    method: str
    """How labels were carried: ``nearest``, ``majority``, ``bilinear`` or ``fraction``."""
    soft: bool = False
    """Labels are cloud fractions 0-200, 255 ignore, instead of codes."""
    simulated: bool
    """Whether any scene is simulated."""
    options: Mapping[str, Any]
    """All options that made the store, resolved; JSON values."""
    command: str
    """The command that made it."""

    def __post_init__(self) -> None:
        if self.format not in FORMATS:
            raise UsageError(f"--format must be one of {', '.join(FORMATS)}, not {self.format}")
        if not 1 <= self.size <= MAX_SIZE:
            raise UsageError(f"--size must be from 1 to {MAX_SIZE} pixels, not {self.size}")
        if self.scheme not in ("full", "binary"):
            raise UsageError(f"--scheme must be one of full, binary, not {self.scheme}")
        if len(self.bands) != len(BANDS):
            raise UsageError(f"a store has the {len(BANDS)} bands {', '.join(BANDS)}, not {len(self.bands)}")

    def to_json(self) -> str:
        """The text of ``store.json``; the same for equal stores."""
        document = {"catfast": __version__, "version": VERSION} | dataclasses.asdict(self)
        return json.dumps(document, indent=2) + "\n"


def read_info(root: Path) -> StoreInfo:
    """The ``store.json`` of a store.

    Raises:
        InputError: there is none, or it is not one that this version reads.
    """
    path = root / INFO_NAME
    try:
        document = parse_json(read_small(path))
    except FileNotFoundError:
        raise InputError(f"{root} is not a patch store: it has no {INFO_NAME}") from None
    except (OSError, ValueError) as error:
        raise InputError(f"{path}: cannot be read: {error}") from error
    if not isinstance(document, dict) or document.get("version") != VERSION:
        found = document.get("version") if isinstance(document, dict) else type(document).__name__
        raise InputError(f"{path}: expected a patch store of version {VERSION}, found {found}")
    names = [field.name for field in dataclasses.fields(StoreInfo)]
    try:
        values = {name: document[name] for name in names}
        _check_kinds(values)
        return StoreInfo(**(values | {"bands": tuple(values["bands"])}))
    except (KeyError, TypeError, UsageError) as error:
        raise InputError(f"{path}: not the description of a patch store: {error}") from error


def _check_kinds(values: Mapping[str, Any]) -> None:
    for name, value in values.items():
        kinds = KINDS[name]
        if type(value) not in kinds:
            raise TypeError(f"expected {name} of JSON's {kinds[-1].__name__}, found {value!r}")
    for name in ("gsd_m", "scale"):
        if not 0 < values[name] < math.inf:
            raise TypeError(f"expected {name} above 0, found {values[name]}")
    if not all(isinstance(band, str) for band in values["bands"]):
        raise TypeError(f"expected names of bands, found {values['bands']}")
