"""What the values of a mask file mean: tables by name, or given as ``VALUE=CLASS,...``.

Sources: L8 Biome: Foga et al. 2017 (doi.org/10.1016/j.rse.2017.03.026); On-Cloud-N: Radiant Earth, Sentinel-2
Cloud Cover Segmentation Dataset (doi.org/10.34911/rdnt.hfq6m7); CloudSEN12: Aybar et al. 2022
(doi.org/10.1038/s41597-022-01878-2).
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import numpy.typing as npt

from catfast.classes import CLASS_CODES, NODATA
from catfast.errors import InputError, UsageError

__all__ = ["CODE_TABLES", "THIN", "TRUTH_NAMES", "CodeTable", "code_table", "fraction_table"]

THIN = 5
"""Code of thin cloud in truth; it counts as cloud, and is told apart where cloud thickness is split."""

TRUTH_NAMES = (*CLASS_CODES, "thin")
"""Name of each code of truth, 0 to 5."""

_WORDS: Mapping[str, int] = {**CLASS_CODES, "thick": 1, "thin": THIN, "ignore": NODATA}

CODE_TABLES: Mapping[str, Mapping[int, str]] = {
    "catfast": {code: name for name, code in CLASS_CODES.items()},
    "l8biome": {0: "ignore", 64: "shadow", 128: "clear", 192: "thin", 255: "cloud"},
    "on-cloud-n": {0: "clear", 1: "cloud"},
    "cloudsen12": {0: "clear", 1: "cloud", 2: "thin", 3: "shadow", 99: "ignore"},
    "ukis": {0: "shadow", 1: "clear", 2: "clear", 3: "clear", 4: "cloud"},
}
"""Mask codes of known data sets; 255 is ignored wherever it means nothing else."""

_UNKNOWN = 254
_PARTLY_SHADOWED = ("l8biome",)


@dataclass(frozen=True, slots=True, kw_only=True)
class CodeTable:
    """Translates the values of mask files into codes of truth."""

    name: str
    """As the user gave it."""
    lut: npt.NDArray[np.uint8]
    """Code of each value, (65536,)."""
    classes: tuple[str, ...]
    """Classes that a mask can tell: of :data:`catfast.classes.CLASS_CODES`, clear and cloud among them."""
    option: str = "--codes"
    """What errors call it."""
    shadow_may_lack: bool
    """Whether a mask with cloud and without any shadow says nothing of shadow (L8 Biome: drawn in some)."""

    def translate(self, values: npt.NDArray[np.generic], path: Path) -> npt.NDArray[np.uint8]:
        """Codes of truth of mask values, of the same shape.

        Raises:
            InputError: a value that the table does not know, or values that are not whole numbers 0-65535.
        """
        if values.dtype.kind not in "ui":
            raise InputError(f"{path}: expected a mask of whole numbers, found {values.dtype}")
        if values.size and (int(values.min()) < 0 or int(values.max()) >= len(self.lut)):
            raise InputError(f"{path}: expected mask values from 0 to 65535, found {values.min()}")
        codes: npt.NDArray[np.uint8] = self.lut[values]
        if (codes == _UNKNOWN).any():
            value = int(values[codes == _UNKNOWN].flat[0])
            raise InputError(
                f"{path}: mask value {value} is in no entry of the codes {self.name!r} ({self.option})"
            )
        return codes


def code_table(text: str, thin: str = "cloud", *, option: str = "--codes") -> CodeTable:
    """The table of a name in :data:`CODE_TABLES`, or of ``VALUE=CLASS,...``.

    Args:
        text: for instance ``l8biome`` or ``0=clear,1=cloud,2=thin,9=ignore``.
        thin: what thin cloud counts as: ``cloud``, ``clear`` or ``ignore``.
        option: what errors call it.

    Raises:
        UsageError: not a table, or one without clear and cloud.
    """
    table = CODE_TABLES.get(text) or _parse(text, option)
    lut = np.full(1 << 16, _UNKNOWN, np.uint8)
    lut[NODATA] = NODATA
    for value, word in table.items():
        lut[value] = _WORDS[word if word != "thin" or thin == "cloud" else thin]
    words = {"cloud" if word in ("thin", "thick") else word for word in table.values()}
    classes = tuple(name for name in CLASS_CODES if name in words)
    if not {"clear", "cloud"} <= words:
        raise UsageError(
            f"{option} {text}: expected values for clear and for cloud, found {', '.join(classes)}"
        )
    lacking = text in _PARTLY_SHADOWED
    return CodeTable(name=text, lut=lut, classes=classes, option=option, shadow_may_lack=lacking)


def fraction_table() -> CodeTable:
    """The table of labels that hold the share of cloud, 0-200: cloud from a half on."""
    lut = np.full(1 << 16, _UNKNOWN, np.uint8)
    lut[:100], lut[100:201], lut[NODATA] = 0, 1, NODATA
    return CodeTable(name="fraction", lut=lut, classes=("clear", "cloud"), shadow_may_lack=False)


def _parse(text: str, option: str) -> dict[int, str]:
    table: dict[int, str] = {}
    for entry in text.split(","):
        value, _, word = entry.partition("=")
        if not value.strip().isdecimal() or word.strip() not in _WORDS or int(value) >= 1 << 16:
            raise UsageError(
                f"{option}: expected {', '.join(CODE_TABLES)} or VALUE=CLASS,... with classes "
                f"{', '.join(_WORDS)}, found {entry!r}"
            )
        table[int(value)] = word.strip()
    return table
