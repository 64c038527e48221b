"""What ``catfast models`` shows of a model folder, read without torch."""

from __future__ import annotations

import os
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any

from catfast.models.card import Score, read_card, scores
from catfast.models.folder import WEIGHTS_NAME, resolve, sha256
from catfast.models.spec import ModelConfig
from catfast.models.tensors import layout

__all__ = ["ModelCard", "model_card"]


@dataclass(frozen=True, slots=True, kw_only=True)
class ModelCard:
    """One model, as people choose by."""

    name: str
    """As ``--model`` takes it."""
    folder: Path
    """Where it lies."""
    bytes: int
    """Of all its files."""
    architecture: str
    """Kind of network."""
    classes: tuple[str, ...]
    """What it tells."""
    gsd_m: float
    """Ground sampling distance that it works at, metres."""
    sha256: str
    """Of its weights."""
    scores: tuple[Score, ...]
    """From its card."""
    card: str
    """The card, Markdown."""

    def as_dict(self, *, card: bool = True) -> dict[str, Any]:
        """The object that ``--json`` prints, with or without the card."""
        content = asdict(self) | {"folder": str(self.folder), "classes": list(self.classes)}
        if not card:
            del content["card"]
        return content


def model_card(name_or_dir: str | os.PathLike[str]) -> ModelCard:
    """Look into a bundled model, or a model folder.

    Raises:
        InputError: it is neither, or its weights are damaged.
    """
    folder = resolve(name_or_dir)
    config = ModelConfig.load(folder)
    if (folder / WEIGHTS_NAME).is_file():
        layout(folder / WEIGHTS_NAME)
    card = read_card(folder)
    return ModelCard(
        name=folder.name,
        folder=folder,
        bytes=sum(path.stat().st_size for path in folder.iterdir() if path.is_file()),
        architecture=config.architecture["type"],
        classes=config.classes,
        gsd_m=config.gsd_m,
        sha256=sha256(folder),
        scores=tuple(scores(card)),
        card=card,
    )
