"""The order of patches as a pure function of seed and position: any step can be the first one."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from typing import NamedTuple

import numpy as np

__all__ = ["Chunk", "Plan", "TrainStream", "ValidStream", "plan"]

NOTHING = -1
"""Index of a patch that only fills a batch."""


class Chunk(NamedTuple):
    """Patches of one forward pass on one device."""

    number: int
    """Its place among all forward passes of the run, of all devices."""
    passes: tuple[int, ...]
    """Which pass over the data each patch belongs to."""
    indices: tuple[int, ...]
    """Which patch of the split, or :data:`NOTHING`."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Plan:
    """How long a run is, and how it is divided."""

    steps: int
    """Optimiser steps of the whole run."""
    steps_a_round: int
    """Optimiser steps between two validations; before the last one there may be fewer."""
    chunks_a_step: int
    """Forward passes an optimiser step, of all devices together."""

    @property
    def rounds(self) -> int:
        """Validations, one at the end of each round."""
        return -(-self.steps // self.steps_a_round)

    def steps_in(self, number: int) -> int:
        """Optimiser steps of a round; behind the last one, those of the last one."""
        return min(self.steps_a_round, self.steps - min(number, self.rounds - 1) * self.steps_a_round)


def plan(
    patches: int, batch: int, chunks_a_step: int, epochs: int, max_steps: int | None, every: int | None
) -> Plan:
    """Divide a run into rounds, each of which ends with a validation; the last one may be shorter."""
    a_pass = -(-patches // (batch * chunks_a_step))
    steps = max_steps or epochs * a_pass
    return Plan(steps=steps, steps_a_round=min(every or a_pass, steps), chunks_a_step=chunks_a_step)


class TrainStream:
    """The forward passes of one device: a sampler that goes on from any chunk.

    Patches come in an endless row of passes over the data, each in an order of its own; optimiser step ``k``
    takes the same patches however many devices and accumulated passes share it.
    """

    def __init__(self, patches: int, batch: int, plan: Plan, seed: int, rank: int, devices: int) -> None:
        self._patches, self._batch, self._plan, self._seed = patches, batch, plan, seed
        self._rank, self._devices = rank, devices
        self._whole = plan.steps_a_round * plan.chunks_a_step // devices
        self._round = self._first = 0
        self._orders: dict[int, np.ndarray] = {}

    def start_at(self, step: int) -> None:
        """Begin with optimiser step ``step`` instead of 0."""
        self._round, done = divmod(step, self._plan.steps_a_round)
        self._first = done * self._plan.chunks_a_step // self._devices

    def set_epoch(self, number: int) -> None:
        """Tell which round comes next; the training loop calls it."""
        if number != self._round:
            self._round, self._first = number, 0

    def __len__(self) -> int:
        """Forward passes of this device in the round that comes next, from its beginning."""
        return self._plan.steps_in(self._round) * self._plan.chunks_a_step // self._devices

    def __iter__(self) -> Iterator[Chunk]:
        """The chunks of the round that are still to come."""
        for place in range(self._first, len(self)):
            yield self.chunk((self._round * self._whole + place) * self._devices + self._rank)

    def chunk(self, number: int) -> Chunk:
        """Chunk ``number`` of all devices."""
        places = range(number * self._batch, (number + 1) * self._batch)
        found = [divmod(place, self._patches) for place in places]
        # Those of the last chunk are most often those of the next: a permutation of all patches each.
        self._orders = {turn: self._order(turn) for turn in {turn for turn, _ in found}}
        indices = tuple(int(self._orders[turn][place]) for turn, place in found)
        return Chunk(number, tuple(turn for turn, _ in found), indices)

    def _order(self, turn: int) -> np.ndarray:
        if turn in self._orders:
            return self._orders[turn]
        return np.random.default_rng([self._seed, 1, turn]).permutation(self._patches)


class ValidStream:
    """Every patch once, shared out to the devices; all get as many batches, filled up with nothing."""

    def __init__(self, patches: int, batch: int, rank: int, devices: int) -> None:
        self._batch, self._rank, self._devices = batch, rank, devices
        self._patches = patches
        self._length = -(-patches // (batch * devices))

    def __len__(self) -> int:
        """Forward passes of this device."""
        return self._length

    def __iter__(self) -> Iterator[Chunk]:
        """The chunks of this device."""
        for place in range(self._length):
            first = (place * self._devices + self._rank) * self._batch
            indices = range(first, first + self._batch)
            kept = tuple(i if i < self._patches else NOTHING for i in indices)
            yield Chunk(place, (0,) * self._batch, kept)
