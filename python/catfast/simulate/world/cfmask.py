"""Landsat's QA_PIXEL as CFMask would make it: right for the most part, dilated, and wrong in its usual ways.

Bits as in the Landsat 8-9 Collection 2 product guide (USGS LSDS-1619). Over snow CFMask
finds 0.86 of the cloud, and 0.70 of what it calls cloud there is cloud (Stillinger et al., Water Resour. Res.
55, 2019).
"""

from __future__ import annotations

import numpy as np
import numpy.typing as npt

from catfast.simulate.draws import Draws
from catfast.simulate.fields import Texture, power_law
from catfast.simulate.scene import CLOUD as CLOUD_CODE
from catfast.simulate.scene import SHADOW_LIGHT
from catfast.simulate.world.twin import LandsatScene

__all__ = ["dilate", "qa_pixel"]

FILL, DILATED, CIRRUS, CLOUD, SHADOW, SNOW, CLEAR, WATER = (1 << k for k in range(8))
CLOUD_CONFIDENCE, SHADOW_CONFIDENCE, SNOW_CONFIDENCE, CIRRUS_CONFIDENCE = 8, 10, 12, 14
LOW, MEDIUM, HIGH = 1, 2, 3

DILATION_PX = 3
"""CFMask grows clouds by 3 pixels."""

CIRRUS_THICKNESS = 0.15
"""Optical thickness of ice cloud from which the 1.38 um band shows it."""

Flags = npt.NDArray[np.bool_]


def qa_pixel(scene: LandsatScene, seed: int) -> npt.NDArray[np.uint16]:
    """Return the QA_PIXEL band (h, w) of `scene`, its errors drawn from `seed`."""
    bright, faint = _errors(seed, scene.valid.shape)
    tau, snow = scene.sky.thickness[0], scene.ground.snow[0] > 0.5
    # Thin cloud is missed more often over snow; in some places the brightest snow is taken for cloud.
    needed = np.where(snow, 1.1, 0.45) * np.exp(0.4 * faint)
    level = scene.reflectance[0] * (1.0 + 0.15 * bright)
    seen = scene.truth == CLOUD_CODE
    mistaken = snow & ~seen & (bright > 1.25) & (level > 0.55)
    cloud = (tau > needed) | mistaken
    doubtful = ~cloud & (seen | (snow & (bright > 1.05) & (level > 0.55)))
    grown = dilate(cloud, DILATION_PX) & ~cloud
    shadow = (scene.sky.sunlight[0] < SHADOW_LIGHT) & ~cloud & (faint < 1.6)
    cirrus = scene.high > CIRRUS_THICKNESS
    snowy = snow & ~cloud & ~shadow
    water = (scene.ground.water[0] > 0.5) & ~cloud
    qa = np.zeros(tau.shape, dtype=np.uint16)
    for flag, bit in (
        (grown, DILATED),
        (cirrus, CIRRUS),
        (cloud, CLOUD),
        (shadow, SHADOW),
        (snowy, SNOW),
        (~cloud & ~grown, CLEAR),
        (water, WATER),
    ):
        qa |= flag.astype(np.uint16) * np.uint16(bit)
    confidence = np.where(cloud, HIGH, np.where(doubtful, MEDIUM, LOW)).astype(np.uint16)
    qa |= confidence << np.uint16(CLOUD_CONFIDENCE)
    for flag, at in ((shadow, SHADOW_CONFIDENCE), (snowy, SNOW_CONFIDENCE), (cirrus, CIRRUS_CONFIDENCE)):
        qa |= np.where(flag, HIGH, LOW).astype(np.uint16) << np.uint16(at)
    return np.where(scene.valid, qa, np.uint16(FILL))


def dilate(mask: Flags, radius: int) -> Flags:
    """Return `mask` (h, w) grown by `radius` pixels in a square window."""
    for axis in (0, 1):
        grown = mask.copy()
        for step in range(1, radius + 1):
            ahead = [slice(None)] * 2
            behind = [slice(None)] * 2
            ahead[axis], behind[axis] = slice(step, None), slice(None, -step)
            grown[tuple(ahead)] |= mask[tuple(behind)]
            grown[tuple(behind)] |= mask[tuple(ahead)]
        mask = grown
    return mask


def _errors(seed: int, shape: tuple[int, ...]) -> tuple[npt.NDArray[np.float32], npt.NDArray[np.float32]]:
    """Return two smooth random fields (h, w) of unit variance that errors follow."""
    draws = Draws(seed)
    patch = Texture(exponent=3.0, corner=draws.array([[[4.0]], [[8.0]]]))
    bright, faint = power_law(draws, 2, (shape[0], shape[1]), patch)
    return bright, faint
