"""Model cards: written on export, and read for ``catfast models``."""

from __future__ import annotations

import re
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

from catfast import __version__
from catfast.models.folder import parameters, sha256
from catfast.models.spec import ModelConfig

if TYPE_CHECKING:
    from catfast.models.onnx import Parity

__all__ = ["CARD_NAME", "Score", "is_written_by_hand", "read_card", "scores", "write_card"]

CARD_NAME = "README.md"
_MARK = "<!-- written by catfast export -->"
_TEMPLATE = Path(__file__).with_name("card.md")
_TRAINING = "train.toml"
_HEADING, _AFTER = "\n## Training data\n\n", "\n\nWhat it covers, "
"""Before and after what a card says of the training."""
_NUMBER = re.compile(r"-?\d+(\.\d+)?")
_EXPORT = """- ONNX: {precision}; same class as torch in {agreement} of the pixels of {checked_on},
  largest difference of a probability {difference}
- SHA-256: `{sha256}`
- Written by catfast {version}
"""


@dataclass(frozen=True, slots=True)
class Score:
    """One line of the table of scores in a card."""

    data: str
    """What it was scored on."""
    who: str
    """Which weights, e.g. ``held out``."""
    figures: dict[str, float]
    """Figure by column, as in the card."""


def write_card(folder: Path, *, run: Path, precision: str, parity: Parity, checked_on: str) -> Path:
    """Write the card of an exported model into ``folder``; what it was trained on comes from ``run``.

    A card that a person wrote for the run is kept, with a section on the export at its end.
    """
    said = {
        "precision": {"stored": "weights as trained"}.get(precision, precision),
        "agreement": f"{parity.argmax_agreement:.4%}",
        "difference": f"{parity.largest_difference:.2g}",
        "checked_on": checked_on,
        "sha256": sha256(folder),
        "version": __version__,
    }
    export = _EXPORT.format(**said)
    if is_written_by_hand(run / CARD_NAME):
        text = f"{read_card(run).rstrip()}\n\n## Export\n\n{export}"
    else:
        text = _TEMPLATE.read_text(encoding="utf-8").format(**_facts(folder, run), mark=_MARK, export=export)
    path = folder / CARD_NAME
    path.write_text(text, encoding="utf-8")
    return path


def _facts(folder: Path, run: Path) -> dict[str, str]:
    config = ModelConfig.load(folder)
    return {
        "name": config.name,
        "architecture": ", ".join(f"{key} {value}" for key, value in config.architecture.items()),
        "parameters": f"{parameters(run):,}",
        "bands": ", ".join(config.bands),
        "classes": ", ".join(config.classes),
        "gsd": f"{config.gsd_m:g}",
        "clip": " to ".join(f"{value:g}" for value in config.clip),
        "mean": ", ".join(f"{value:g}" for value in config.mean),
        "std": ", ".join(f"{value:g}" for value in config.std),
        "training": _training(run),
        "domain": "\n".join(f"- {line}" for line in config.domain.lines()),
    }


def _training(run: Path) -> str:
    path = run / _TRAINING
    if not path.is_file():
        return _told_before(read_card(run)) or "The run does not say."
    text = path.read_text(encoding="utf-8").strip()
    simulated = re.search(r"^simulated\s*=\s*true", text, re.MULTILINE)
    said = "**Simulated images** are among the training data.\n\n" if simulated else ""
    return f"{said}The run's own settings, `{_TRAINING}`:\n\n```toml\n{text}\n```"


def _told_before(card: str) -> str:
    """What the card of an earlier export says of the training; an export has no settings of its own."""
    return card.partition(_HEADING)[2].partition(_AFTER)[0]


def is_written_by_hand(path: Path) -> bool:
    """Whether there is a card that ``catfast export`` did not write."""
    return path.is_file() and _MARK not in path.read_text(encoding="utf-8", errors="replace")


def read_card(folder: Path) -> str:
    """The text of a model's card; empty where it has none."""
    path = folder / CARD_NAME
    return path.read_text(encoding="utf-8", errors="replace") if path.is_file() else ""


def scores(card: str) -> list[Score]:
    """The lines of the first table of a card that has a column IoU; cells that are no number are left out."""
    lines = card.splitlines()
    for place, line in enumerate(lines):
        header = _cells(line)
        if "IoU" in header:
            rows = [_cells(row) for row in lines[place + 2 :][: _length(lines[place + 2 :])]]
            return _named(header, rows)
    return []


def _length(lines: list[str]) -> int:
    return next((number for number, line in enumerate(lines) if not line.startswith("|")), len(lines))


def _named(header: list[str], rows: list[list[str]]) -> list[Score]:
    found: list[Score] = []
    words = header.index("IoU")
    for row in rows:
        label, *who = row[:words] or [""]
        cells = zip(header[words:], row[words:], strict=False)
        numbers = {name: float(cell) for name, cell in cells if _NUMBER.fullmatch(cell)}
        found.append(Score(label or (found[-1].data if found else ""), " ".join(who), numbers))
    return found


def _cells(line: str) -> list[str]:
    return [cell.strip() for cell in line.strip().strip("|").split("|")] if line.startswith("|") else []
