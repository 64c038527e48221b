"""Landsat's bands 2 to 5: where they are."""

from __future__ import annotations

from pathlib import Path

from catfast.errors import InputError
from catfast.landsat import product_id

__all__ = ["band_files"]

NUMBERS = (2, 3, 4, 5)
"""Blue, green, red and near infrared of Landsat 8 and 9."""


def band_files(qa: Path, folder: Path | None) -> list[Path]:
    """Files of bands 2 to 5 of the product that a QA_PIXEL file belongs to.

    Args:
        qa: the QA_PIXEL file, whose name starts with the product id.
        folder: where they are, or a folder of the product's name in it; None for beside the QA file.

    Raises:
        InputError: the name has no product id, or a band is not there.
    """
    product = product_id(qa.name)
    if product is None:
        raise InputError(f"{qa}: --align finds Landsat's bands by product id, but the name has none")
    homes = [qa.parent] if folder is None else [folder, folder / product.text]
    names = [[f"{product.text}_{kind}B{number}.TIF" for kind in ("", "SR_")] for number in NUMBERS]
    tried = [[home / n for home in homes for name in pair for n in (name, name.lower())] for pair in names]
    found = [next((path for path in paths if path.is_file()), None) for paths in tried]
    files = [file for file in found if file is not None]
    if len(files) < len(NUMBERS):
        missing = next(pair[0] for pair, file in zip(names, found, strict=True) if file is None)
        raise InputError(
            f"{qa}: --align needs Landsat's bands 2-5, found no {missing} in {homes[0]} (--landsat-bands)"
        )
    return files
