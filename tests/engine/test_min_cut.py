"""The smallest cut, against all sets of edges of small networks by brute force."""

from __future__ import annotations

import itertools
import random

import pytest

from rheobase.engine.graph.min_cut import SINK, SOURCE, _Network

INNER = range(4)


def least(edges: dict[tuple[int, int], float]) -> float:
    """The smallest capacity from a set with the source to its complement with the sink."""
    sets = itertools.chain.from_iterable(itertools.combinations(INNER, n) for n in range(len(INNER) + 1))
    return min(through(edges, {SOURCE, *some}) for some in sets)


def through(edges: dict[tuple[int, int], float], before: set[int]) -> float:
    return sum(capacity for (a, b), capacity in edges.items() if a in before and b not in before)


@pytest.mark.parametrize("seed", range(20))
def test_cut_is_the_smallest_and_nearest_to_the_sink(seed: int) -> None:
    rng = random.Random(seed)
    nodes = [SOURCE, *INNER, SINK]
    edges = {
        (a, b): float(rng.randint(1, 4))
        for a, b in itertools.permutations(nodes, 2)
        if rng.random() < 0.6 and a != SINK and b != SOURCE and (a, b) != (SOURCE, SINK)
    }
    network = _Network()
    for (a, b), capacity in edges.items():
        network.join(a, b, capacity)
    behind = network.cut()
    assert SINK in behind
    assert SOURCE not in behind
    before = set(nodes) - behind
    assert through(edges, before) == least(edges)
    # no other smallest cut has fewer nodes behind it
    others = itertools.chain.from_iterable(itertools.combinations(INNER, n) for n in range(len(INNER) + 1))
    smallest = [set(some) | {SOURCE} for some in others if through(edges, {SOURCE, *some}) == least(edges)]
    assert len(before) == max(map(len, smallest))


def test_capacities_of_two_edges_between_two_nodes_add_up() -> None:
    network = _Network()
    network.join(SOURCE, 0, 2.0)
    network.join(SOURCE, 0, 2.0)
    network.join(0, SINK, 3.0)
    assert network.cut() == {SINK}
