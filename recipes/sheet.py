"""Simulated scenes beside real chips in one picture, to judge by eye what the model learns from.

    python -m recipes.sheet --chips DATA -o sheet.png

The left half is simulated, the right half real; below each image its label (white cloud, violet shadow).
"""

from __future__ import annotations

import argparse
from pathlib import Path

import numpy as np
import numpy.typing as npt
from PIL import Image

from catfast.classes import COLOURS
from catfast.simulate import batch
from recipes.chips import load_chips

SIDE, ACROSS, GAP = 160, 6, 4
RGB = npt.NDArray[np.uint8]


def thumbnail(image: npt.NDArray[np.float32], label: npt.NDArray[np.uint8]) -> RGB:
    """One image (4, h, w) over its label (h, w), as a strip (2 * SIDE, SIDE, 3)."""
    red_green_blue = np.clip(image[[2, 1, 0]], 0, 1).transpose(1, 2, 0) ** 0.6
    table = np.zeros((256, 3), np.uint8)
    for code, colour in COLOURS.items():
        table[code] = colour[:3]
    parts = [(red_green_blue * 255).astype(np.uint8), table[label]]
    return np.concatenate([np.asarray(Image.fromarray(part).resize((SIDE, SIDE))) for part in parts])


def block(strips: list[RGB]) -> RGB:
    """Strips in rows of ACROSS."""
    rows = [np.concatenate(strips[k : k + ACROSS], axis=1) for k in range(0, len(strips), ACROSS)]
    return np.concatenate(rows)


def main() -> None:
    """Draw the sheet."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--chips", type=Path, required=True, help="folder of real chips")
    parser.add_argument("-o", "--output", type=Path, required=True, help="the PNG")
    parser.add_argument("--seed", type=int, default=0, help="which simulated scenes")
    parser.add_argument("--rows", type=int, default=3, help="rows of scenes")
    options = parser.parse_args()
    count = ACROSS * options.rows
    chips = load_chips(options.chips)
    images, labels = batch(count, 256, seed=options.seed)
    simulated = [thumbnail(image, label) for image, label in zip(images, labels, strict=True)]
    chosen = np.random.default_rng(options.seed).permutation(len(chips))[:count]
    real = [thumbnail(chips[k].image, chips[k].label) for k in chosen]
    gap = np.full((block(simulated).shape[0], GAP, 3), 255, np.uint8)
    Image.fromarray(np.concatenate([block(simulated), gap, block(real)], axis=1)).save(options.output)


if __name__ == "__main__":
    main()
