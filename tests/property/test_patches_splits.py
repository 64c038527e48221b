"""Any pairs: what must stay together does, splits are drawn alike, and none is empty without need."""

from __future__ import annotations

import itertools
from datetime import UTC, datetime, timedelta

import networkx as nx
import numpy as np
import pytest
import shapely
from hypothesis import given, settings
from hypothesis import strategies as st

from catfast.patches.splits import NEAR_M, STRIP_GAP_S, Node, assign, components

SHARES = (0.7, 0.15, 0.15)
T0 = datetime(2023, 6, 1, tzinfo=UTC)


@st.composite
def pairs(draw):
    """Pairs of few scenes, strips, satellites and places, so that they share some."""
    nodes = []
    for number in range(draw(st.integers(1, 14))):
        seconds = draw(st.integers(0, 40)) * 30
        moment = T0 + timedelta(seconds=seconds)
        satellite = draw(st.sampled_from(["2401", "2402", "24af"]))
        x, y = draw(st.integers(0, 30)) * 2_500.0, draw(st.integers(0, 3)) * 400_000.0
        nodes.append(
            Node(
                pair_id=f"pair_{number}",
                ps_id=f"{moment:%Y%m%d_%H%M%S}_{number:02d}_{satellite}",
                l8_id=f"LC08_L1TP_{draw(st.integers(1, 9)):03d}010_20230601_20230611_02_T1",
                acquired=moment,
                strip=draw(st.sampled_from([None, None, None, "1", "2"])),
                footprint=shapely.box(x, y, x + 1_200, y + 1_200),
                patches=draw(st.integers(1, 30)),
            )
        )
    return nodes


def together(a: Node, b: Node) -> bool:
    """The rule, for two pairs, in words of its own."""
    same_satellite = a.ps_id[-4:] == b.ps_id[-4:]
    return (
        a.l8_id == b.l8_id
        or (a.strip is not None and a.strip == b.strip)
        or (same_satellite and abs((a.acquired - b.acquired).total_seconds()) <= STRIP_GAP_S)
        or a.footprint.distance(b.footprint) <= NEAR_M
    )


def by_networkx(nodes):
    graph = nx.Graph()
    graph.add_nodes_from(range(len(nodes)))
    graph.add_edges_from(
        (i, j) for i, j in itertools.combinations(range(len(nodes)), 2) if together(nodes[i], nodes[j])
    )
    return {frozenset(group) for group in nx.connected_components(graph)}


@settings(max_examples=150, deadline=None)
@given(pairs())
def test_components_are_those_of_a_graph(nodes):
    assert {frozenset(group) for group in components(nodes)} == by_networkx(nodes)


@settings(max_examples=80, deadline=None)
@given(pairs(), st.integers(0, 99), st.randoms(use_true_random=False))
def test_splits(nodes, seed, shuffle):
    splits = assign(nodes, SHARES, seed)
    for a, b in itertools.combinations(nodes, 2):
        if together(a, b):
            assert splits[a.pair_id] == splits[b.pair_id]
    if len(by_networkx(nodes)) >= 3:
        assert set(splits.values()) == {"train", "val", "test"}
    assert assign(nodes, SHARES, seed) == splits
    mixed = list(nodes)
    shuffle.shuffle(mixed)
    assert assign(mixed, SHARES, seed) == splits


def far_apart(count: int, patches=lambda number: 10) -> list[Node]:
    return [
        Node(
            pair_id=f"pair_{number:03d}",
            ps_id=f"scene_{number}",
            l8_id=f"landsat_{number}",
            acquired=T0,
            strip=None,
            footprint=shapely.box(number * 1e5, 0, number * 1e5 + 1e3, 1e3),
            patches=patches(number),
        )
        for number in range(count)
    ]


@pytest.mark.parametrize("shares", [(0.7, 0.15, 0.15), (0.5, 0.25, 0.25), (0.8, 0.2, 0.0), (1.0, 0.0, 0.0)])
def test_splits_have_the_shares_asked_for(shares):
    weights = np.random.default_rng(4).integers(1, 60, 100).tolist()
    nodes = far_apart(100, weights.__getitem__)
    splits = assign(nodes, shares, 1)
    for name, share in zip(("train", "val", "test"), shares, strict=True):
        held = sum(node.patches for node in nodes if splits[node.pair_id] == name)
        assert held / sum(weights) == pytest.approx(share, abs=0.01)


def test_the_seed_matters():
    nodes = far_apart(30)
    assert len({tuple(assign(nodes, SHARES, seed).values()) for seed in range(5)}) == 5


def test_a_chain_of_neighbours_is_one_ground():
    """A to B to C, each near the next only."""
    boxes = [shapely.box(number * 2_900, 0, number * 2_900 + 1_000, 1_000) for number in range(5)]
    nodes = [
        Node(
            pair_id=str(number),
            ps_id=f"s{number}",
            l8_id=f"l{number}",
            acquired=None,
            strip=None,
            footprint=box,
            patches=1,
        )
        for number, box in enumerate(boxes)
    ]
    assert len(components(nodes)) == 1
    assert len(components([nodes[0], nodes[2], nodes[4]])) == 3
