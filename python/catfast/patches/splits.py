"""Which pairs may be parted: no ground, PlanetScope strip or Landsat scene is in two splits."""

from __future__ import annotations

import hashlib
import itertools
import re
from collections import defaultdict
from collections.abc import Hashable, Iterable, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np

from catfast.patches.records import SPLITS
from catfast.patches.scenes import landsat_scene
from catfast.textfiles import parse_json, read_small

if TYPE_CHECKING:
    import shapely

NEAR_M = 2_000.0
"""Footprints nearer than this are one ground: about a patch of 512 px at 3 m and its neighbour's margin."""

STRIP_GAP_S = 60.0
"""Frames of one satellite no further apart in time are of one strip, whatever their files say."""

DRAWS = 64
"""Orders tried; the one whose splits come nearest to the shares wanted is taken."""

_SATELLITE = re.compile(r"\d{8}_\d{6}(?:_\d{2})?_(\w{4})", re.ASCII)


@dataclass(frozen=True, slots=True, kw_only=True)
class Node:
    """A pair, as far as splits care."""

    pair_id: str
    """Unique."""
    ps_id: str
    """Planet's item id."""
    l8_id: str
    """Landsat's product id."""
    acquired: datetime | None
    """When PlanetScope saw it."""
    strip: str | None
    """Planet's strip id, None where no file says it."""
    footprint: shapely.Geometry
    """Ground of its patches, metres in EPSG:6931."""
    patches: int
    """How many there are."""


def strip_id(image: Path, ps_id: str) -> str | None:
    """Planet's id of the strip in the item's JSON beside the image; None where there is none."""
    for name in (f"{ps_id}_metadata.json", f"{ps_id}.json"):
        try:
            item = parse_json(read_small(image.parent / name))
            return str(item["properties"]["strip_id"])
        except (OSError, ValueError, KeyError, TypeError):
            continue
    return None


def components(nodes: Sequence[Node]) -> list[list[int]]:
    """Groups of places in `nodes` that must stay together, by union-find over all that they share.

    Two pairs belong together where they share a PlanetScope scene, a strip or a Landsat scene, or their
    footprints are nearer than NEAR_M, directly or through others.
    """
    parents = list(range(len(nodes)))
    for a, b in (*_same_keys(nodes), *_same_strips(nodes), *_near(nodes)):
        parents[_root(parents, a)] = _root(parents, b)
    groups = defaultdict(list)
    for index in range(len(nodes)):
        groups[_root(parents, index)].append(index)
    return list(groups.values())


def assign(nodes: Sequence[Node], shares: Sequence[float], seed: int) -> dict[str, str]:
    """The split of each pair, by its id; the same for any order of `nodes`.

    Components are dealt out in seeded orders, each to the split that lacks most of its share of patches;
    of DRAWS orders the one nearest to the shares is taken. With at least as many components as splits
    wanted, none is empty.
    """
    nodes = sorted(nodes, key=lambda node: node.pair_id)
    groups = components(nodes)
    weights = [sum(nodes[index].patches for index in group) for group in groups]
    names = [nodes[min(group)].pair_id for group in groups]
    wanted = [share * sum(weights) for share in shares]
    deals = (_deal(_order(names, seed, draw), weights, wanted) for draw in range(DRAWS))
    best = min(deals, key=lambda deal: _distance(deal, weights, wanted))
    return {
        nodes[index].pair_id: SPLITS[split]
        for group, split in zip(groups, best, strict=True)
        for index in group
    }


def draw(key: str, seed: int, purpose: str) -> bytes:
    """Bytes that order things at random, the same everywhere and for any order of the things."""
    return hashlib.sha256(f"{purpose}:{seed}:{key}".encode()).digest()


def _order(names: Sequence[str], seed: int, number: int) -> list[int]:
    keys = [draw(name, seed, f"split {number}") for name in names]
    return sorted(range(len(names)), key=keys.__getitem__)


def _deal(order: Sequence[int], weights: Sequence[int], wanted: Sequence[float]) -> list[int]:
    """The split of each component: where most is lacking, once what is left suffices for the empty ones."""
    splits, held = [0] * len(order), [0.0] * len(wanted)
    for place, index in enumerate(order):
        empty = [split for split, want in enumerate(wanted) if want and not held[split]]
        choices = empty if len(order) - place <= len(empty) else [s for s, want in enumerate(wanted) if want]
        splits[index] = max(choices, key=lambda split: wanted[split] - held[split])
        held[splits[index]] += weights[index]
    return splits


def _distance(deal: Sequence[int], weights: Sequence[int], wanted: Sequence[float]) -> float:
    held = np.bincount(deal, weights, minlength=len(wanted))
    return float(np.abs(held - wanted).sum())


def _root(parents: list[int], index: int) -> int:
    while parents[index] != index:
        parents[index] = index = parents[parents[index]]
    return index


def _same_keys(nodes: Sequence[Node]) -> Iterable[tuple[int, int]]:
    first: dict[Hashable, int] = {}
    for index, node in enumerate(nodes):
        keys: list[Hashable] = [("ps", node.ps_id), ("l8", landsat_scene(node.l8_id))]
        if node.strip is not None:
            keys.append(("strip", node.strip))
        for key in keys:
            yield first.setdefault(key, index), index


def _same_strips(nodes: Sequence[Node]) -> Iterable[tuple[int, int]]:
    passes: Mapping[str, list[tuple[float, int]]] = defaultdict(list)
    for index, node in enumerate(nodes):
        match = _SATELLITE.fullmatch(node.ps_id)
        if match and node.acquired is not None:
            passes[match[1]].append((node.acquired.timestamp(), index))
    for frames in passes.values():
        frames.sort()
        for (before, a), (after, b) in itertools.pairwise(frames):
            if after - before <= STRIP_GAP_S:
                yield a, b


def _near(nodes: Sequence[Node]) -> Iterable[tuple[int, int]]:
    import shapely

    shapes: Any = np.array([node.footprint for node in nodes], object)
    tree = shapely.STRtree(shapes)
    for a, b in tree.query(shapes, predicate="dwithin", distance=NEAR_M).T:
        if a < b:
            yield int(a), int(b)


def few_components(nodes: Sequence[Node], shares: Sequence[float]) -> str | None:
    """A sentence where there are fewer independent grounds than splits wanted, else None."""
    count, wanted = len(components(nodes)), sum(share > 0 for share in shares)
    if count >= wanted:
        return None
    return f"{count} independent grounds cannot fill {wanted} splits: some are empty"
