"""Training batches as a pure function of seed and step: a resumed run sees what an unbroken one sees."""

from __future__ import annotations

import numpy as np
import torch

from catfast.simulate import batch as simulate
from recipes.augment import dihedral, low_sun, sensor, zoomed_crop
from recipes.chips import Chip
from recipes.clouds import add_clouds
from recipes.settings import CLEAR, CLOUD, SHADOW, Settings, Stage

__all__ = ["Stream"]

_CODES = torch.tensor([CLEAR, CLOUD, SHADOW, CLEAR, CLEAR], dtype=torch.uint8)
"""Training class of the simulator's clear, cloud, shadow, snow and water."""
_CHUNKS_A_SEED = 1_000_000


class Stream:
    """Batches of one stage."""

    def __init__(self, settings: Settings, stage: Stage, chips: list[Chip]) -> None:
        self._settings, self._stage = settings, stage
        self._real = round(settings.batch * stage.real_share) if chips else 0
        self._images = [torch.from_numpy(chip.image) for chip in chips]
        self._labels = [torch.from_numpy(chip.label) for chip in chips]
        pixels = np.asarray([chip.label.size for chip in chips], float)
        self._odds = np.sqrt(pixels) / np.sqrt(pixels).sum() if chips else pixels
        self._chunk: tuple[int, torch.Tensor, torch.Tensor] | None = None

    def batch(self, step: int) -> tuple[torch.Tensor, torch.Tensor]:
        """Reflectance (batch, 4, crop, crop) float32 and training labels (batch, crop, crop) uint8."""
        rng = np.random.default_rng([self._stage.seed, 1, step])
        pairs = [self._crop(rng) for _ in range(self._real)]
        pairs += self._simulated(step, self._settings.batch - self._real, rng)
        return torch.stack([image for image, _ in pairs]), torch.stack([label for _, label in pairs])

    def _crop(self, rng: np.random.Generator) -> tuple[torch.Tensor, torch.Tensor]:
        which = int(rng.choice(len(self._images), p=self._odds))
        image, label = zoomed_crop(self._images[which], self._labels[which], self._settings.crop, rng)
        image, label = dihedral(image, label, rng)
        if rng.random() < self._settings.overlay:
            image, label = add_clouds(image, label, rng)
        if self._stage.low_sun and rng.random() < self._stage.low_sun:
            image = low_sun(image, rng)
        return sensor(image, rng), label

    def _simulated(
        self, step: int, count: int, rng: np.random.Generator
    ) -> list[tuple[torch.Tensor, torch.Tensor]]:
        """Scenes ``step * count ...`` of an endless list in which each chunk is repeated ``reuse`` times."""
        size, reuse = self._settings.chunk, self._settings.reuse
        found = []
        for position in range(step * count, (step + 1) * count):
            group, place = divmod(position, size * reuse)
            visit, index = divmod(place, size)
            order = np.random.default_rng([self._stage.seed, 2, group, visit]).permutation(size)
            images, labels = self._scenes(group)
            which = int(order[index])
            found.append(dihedral(images[which], labels[which], rng))
        return found

    def _scenes(self, group: int) -> tuple[torch.Tensor, torch.Tensor]:
        if self._chunk is None or self._chunk[0] != group:
            seed = self._stage.seed * _CHUNKS_A_SEED + group
            images, labels = simulate(self._settings.chunk, self._settings.crop, seed=seed, xp=torch)
            self._chunk = (group, images, _CODES[labels.long()])
        return self._chunk[1], self._chunk[2]
