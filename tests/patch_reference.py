"""What a patch store must hold, worked out slowly with rasterio, numpy and pyproj; and stores compared."""

from __future__ import annotations

import re
from pathlib import Path

import numpy as np
import pyproj
import rasterio


def tree(folder: Path) -> dict[str, bytes]:
    """All files of a folder, hidden ones too."""
    return {str(p.relative_to(folder)): p.read_bytes() for p in sorted(folder.rglob("*")) if p.is_file()}


def slow_image(image: Path) -> np.ndarray:
    """Reflectance x 10000, uint16 (4, h, w), 0 where nothing was seen, at least 1 elsewhere."""
    with rasterio.open(image) as dataset:
        bands = (2, 4, 6, 8) if dataset.count == 8 else (1, 2, 3, 4)
        dn = dataset.read(bands).astype(np.float64)
    gains = np.full(4, 1e-4)
    if "_SR" not in image.name:
        xml = next(image.parent.glob(f"{image.name.split('_3B_')[0]}_3B_*metadata.xml")).read_text()
        found = re.findall(r"bandNumber>(\d+)<.*?reflectanceCoefficient>([\d.eE+-]+)<", xml, re.DOTALL)
        gains = np.array([float(dict(found)[str(band)]) for band in bands])
    seen = (dn != 0).any(axis=0)
    return (np.clip(np.rint(dn * gains[:, None, None] * 1e4), 1, 65535) * seen).astype(np.uint16)


def slow_labels(image: Path, qa: Path) -> np.ndarray:
    """The default rule of FIELD for every pixel, each carried by pyproj on its own."""
    with rasterio.open(image) as dataset:
        seen = (dataset.read() != 0).any(axis=0)
        rows, columns = np.mgrid[: dataset.height, : dataset.width] + 0.5
        x, y = dataset.transform @ (columns, rows)
        from_crs = dataset.crs.to_wkt()
    with rasterio.open(qa) as dataset:
        bits = dataset.read(1)
        to_crs, inverse = dataset.crs.to_wkt(), ~dataset.transform
    x, y = pyproj.Transformer.from_crs(from_crs, to_crs, always_xy=True).transform(x, y)
    column, row = (np.floor(side).astype(int) for side in inverse @ (x, y))
    inside = (row >= 0) & (row < bits.shape[0]) & (column >= 0) & (column < bits.shape[1])
    found = np.where(inside, bits[np.where(inside, row, 0), np.where(inside, column, 0)], 1)
    return np.where(seen, slow_codes(found), 255).astype(np.uint8)


def slow_codes(qa: np.ndarray) -> np.ndarray:
    """FIELD's order of bits, scheme full."""
    bit = [(qa >> k) & 1 == 1 for k in range(16)]
    medium = (qa >> 8) & 3 == 2
    choices = [bit[0], bit[3], bit[1] | medium, bit[4], bit[5], bit[7]]
    return np.select(choices, [255, 1, 255, 2, 3, 4], 0)


def slow_shares(image: np.ndarray, labels: np.ndarray) -> dict[str, float]:
    """The fractions of the index for one patch whose labels have the full scheme's codes."""
    seen, labelled = image.all(axis=0).sum(), max((labels != 255).sum(), 1)
    shares = {
        name: (labels == code).sum() / labelled
        for code, name in ((1, "cloud"), (2, "shadow"), (3, "snow"), (4, "water"))
    }
    ignored = 1 - (labels != 255).sum() / max(seen, 1)
    return shares | {"valid": seen / labels.size, "ignore": ignored}
