"""Bands, and the codes, names and colours of classes: one place for labels, masks, models and pictures."""

from __future__ import annotations

from collections.abc import Mapping

__all__ = ["BANDS", "CATEGORY_TAGS", "CLASS_CODES", "COLOURS", "LABELS", "NODATA"]

BANDS = ("blue", "green", "red", "nir")
"""The four bands that every model works on, in order."""

CLASS_CODES: Mapping[str, int] = {"clear": 0, "cloud": 1, "shadow": 2, "snow": 3, "water": 4}
"""Code of each class in labels and masks."""

NODATA = 255
"""Code of pixels that were not seen, or are not to be learnt from."""

LABELS: Mapping[int, str] = {
    0: "clear",
    1: "cloud",
    2: "cloud shadow",
    3: "snow/ice",
    4: "water",
    NODATA: "nodata",
}
"""What each code means to a person."""

CATEGORY_TAGS: Mapping[str, str] = {
    "CATEGORY_NAMES": "; ".join(f"{code} {label}" for code, label in LABELS.items()),
    **{f"CATEGORY_{code}": label for code, label in LABELS.items()},
}
"""Band tags that tell the codes of a label or a mask."""

COLOURS: Mapping[int, tuple[int, int, int, int]] = {
    0: (94, 148, 110, 255),
    1: (255, 255, 255, 255),
    2: (92, 70, 150, 255),
    3: (150, 214, 245, 255),
    4: (38, 96, 178, 255),
    NODATA: (0, 0, 0, 0),
}
"""Colour of each code, RGBA; lightness differs enough for print and for colour-blind eyes."""
