"""Planet's usable data mask (UDM2): eight bands of flags, to and from catfast's codes."""

from __future__ import annotations

import numpy as np
import numpy.typing as npt

from catfast.classes import CLASS_CODES, NODATA

UDM2_BANDS = (
    "clear",
    "snow",
    "shadow",
    "light haze",
    "heavy haze",
    "cloud",
    "confidence",
    "udm1",
)
"""Bands in order, each 0 or 1, but for confidence (0-100) and udm1 (bit 0: blackfill).
Source: Planet, "Usable Data Masks", UDM2 asset."""

BLACKFILL = 1
"""Bit 0 of udm1."""


def as_udm2(mask: npt.NDArray[np.uint8], confidence: npt.NDArray[np.uint8]) -> npt.NDArray[np.uint8]:
    """Codes (n, width) and the per cent of the class they tell, as UDM2 bands (8, n, width).

    Water is clear in UDM2. catfast knows no haze: bands 4 and 5 are 0, as in UDM2.1 band 5 is.
    """
    bands = np.zeros((len(UDM2_BANDS), *mask.shape), np.uint8)
    bands[0] = (mask == CLASS_CODES["clear"]) | (mask == CLASS_CODES["water"])
    for band, name in ((1, "snow"), (2, "shadow"), (5, "cloud")):
        bands[band] = mask == CLASS_CODES[name]
    seen = mask != NODATA
    bands[6] = np.where(seen, confidence, 0)
    bands[7] = np.where(seen, 0, BLACKFILL)
    return bands


def udm2_codes(bands: npt.NDArray[np.uint8]) -> npt.NDArray[np.uint8]:
    """Codes (n, width) of UDM2 bands (8, n, width): heavy haze is cloud, light haze is clear."""
    clear, snow, shadow, light, heavy, cloud, _, udm1 = bands
    codes = np.full(clear.shape, NODATA, np.uint8)
    named = (
        (clear, "clear"),
        (light, "clear"),
        (snow, "snow"),
        (shadow, "shadow"),
        (heavy, "cloud"),
        (cloud, "cloud"),
    )
    for flags, name in named:
        codes[flags != 0] = CLASS_CODES[name]
    codes[(udm1 & BLACKFILL) != 0] = NODATA
    return codes
