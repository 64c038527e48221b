"""Training batches as a pure function of seed and step: a resumed run sees what an unbroken one sees."""

from __future__ import annotations

import numpy as np
import torch

from catfast.simulate import batch as simulate
from catfast.simulate.draws import Draws
from recipes.augment import Deck, cut, low_sun, sensor, turned
from recipes.chips import Chip
from recipes.clouds import add_clouds
from recipes.settings import CLEAR, CLOUD, SHADOW, Settings, Stage

__all__ = ["Stream"]

_CODES = torch.tensor([CLEAR, CLOUD, SHADOW, CLEAR, CLEAR], dtype=torch.uint8)
"""Training class of the simulator's clear, cloud, shadow, snow and water."""
_CHUNKS_A_SEED = 1_000_000


class Stream:
    """Batches of one stage, made on one device; a CPU and a GPU draw different numbers."""

    def __init__(
        self, settings: Settings, stage: Stage, chips: list[Chip], device: torch.device | str = "cpu"
    ) -> None:
        self._settings, self._stage, self._device = settings, stage, torch.device(device)
        self._real = round(settings.batch * stage.real_share) if chips else 0
        self._deck = Deck.of(chips, device) if chips else None
        self._chunk: tuple[int, torch.Tensor, torch.Tensor] | None = None

    def batch(self, step: int) -> tuple[torch.Tensor, torch.Tensor]:
        """Reflectance (batch, 4, crop, crop) float32 and training labels (batch, crop, crop) uint8."""
        seed = int(np.random.SeedSequence([self._stage.seed, 1, step]).generate_state(1)[0])
        draws = Draws(seed, torch, self._device)
        parts = []
        if self._real and self._deck:
            parts.append(self._crops(draws, self._deck))
        if self._real < self._settings.batch:
            parts.append(turned(draws, *self._simulated(step, self._settings.batch - self._real)))
        image, label = (torch.cat(part) for part in zip(*parts, strict=True))
        return self._recalibrated(step, image), label

    def _recalibrated(self, step: int, image: torch.Tensor) -> torch.Tensor:
        if not self._stage.any_band_gain:
            return image
        # Drawn apart, so that a stage sees the same crops with this and without.
        seed = int(np.random.SeedSequence([self._stage.seed, 7, step]).generate_state(1)[0])
        gain = Draws(seed, torch, self._device).normal((*image.shape[:2], 1, 1))
        return image * torch.exp(self._stage.any_band_gain * gain)

    def _crops(self, draws: Draws, deck: Deck) -> tuple[torch.Tensor, torch.Tensor]:
        image, label = cut(draws, deck, self._real, self._settings.crop)
        if under := round(self._real * self._settings.overlay):
            seen, codes = add_clouds(draws, image[:under], label[:under])
            image, label = torch.cat([seen, image[under:]]), torch.cat([codes, label[under:]])
        if self._stage.low_sun:
            image = low_sun(draws, image, self._stage.low_sun)
        return sensor(draws, image, self._stage.band_gain), label

    def _simulated(self, step: int, count: int) -> tuple[torch.Tensor, torch.Tensor]:
        """Scenes ``step * count ...`` of an endless list in which each chunk is repeated ``reuse`` times."""
        size, reuse = self._settings.chunk, self._settings.reuse
        place, end, found = step * count, (step + 1) * count, []
        while place < end:
            visit, index = divmod(place, size)
            take = min(end - place, size - index)
            order = np.random.default_rng([self._stage.seed, 2, visit]).permutation(size)
            chosen = torch.from_numpy(order[index : index + take]).to(self._device)
            images, labels = self._scenes(visit // reuse)
            found.append((images[chosen], labels[chosen]))
            place += take
        return torch.cat([image for image, _ in found]), torch.cat([label for _, label in found])

    def _scenes(self, group: int) -> tuple[torch.Tensor, torch.Tensor]:
        if self._chunk is None or self._chunk[0] != group:
            settings, seed = self._settings, self._stage.seed * _CHUNKS_A_SEED + group
            images, labels = simulate(
                settings.chunk,
                settings.crop,
                seed=seed,
                xp=torch,
                device=self._device,
                at_once=settings.at_once,
            )
            self._chunk = (group, images, _CODES.to(self._device)[labels.long()])
        return self._chunk[1], self._chunk[2]
