"""The recipe made small enough for tests; imported only where torch is installed."""

from __future__ import annotations

from recipes.settings import Settings

SMALL = Settings(
    architecture={
        "type": "unet",
        "encoder": "tu-mobilenetv3_small_050",
        "decoder_channels": [16, 16, 8, 8, 8],
    },
    crop=64,
    batch=4,
    chunk=8,
    at_once=8,
)
