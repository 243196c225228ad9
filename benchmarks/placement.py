"""Hops of random networks on Loihi-like cores: where the mapper puts them, at random, and the least that can be.

    python -m benchmarks.placement [--networks 1000] [--rounds 300] [--quick] [--json FILE]

The networks are those of tests/chip/test_loihi_emulator.py. Random places are 50 draws of the same part of the mesh.
Rows are kept of those that save less than 30 %.
On two and on four tiles the least number of hops is counted out; on more, for networks that save less than 30 %, a
bound is proven (`benchmarks.placement_bounds`) and a search of so many rounds looks for better places: each exchanges
six pairs of places at random and goes down from there, and is kept where it is no worse.
"""

from __future__ import annotations

import time
from typing import Any

import numpy as np
import torch
from numpy.typing import NDArray

from benchmarks.options import finish, parsed, parser, say
from benchmarks.placement_bounds import bound, least_on_four
from rheobase.chip.loihi import Loihi, programmed
from rheobase.chip.loihi.configuration import tiles_apart
from rheobase.chip.loihi.mapping import region
from rheobase.chip.mapping.placement import exchanged
from tests.chip.test_loihi_emulator import random_network

BAR, DRAWS, PAIRS = 0.3, 50, 6


@torch.no_grad()
def network(seed: int) -> dict[str, Any] | None:
    """The flow between its cores and the hops of it; None of one that fits a tile, or whose cores send nothing."""
    net, x, limits = random_network(seed)
    rates = [each.sum((0, 1)).numpy() for each in net.outputs(x)[1::2]]
    found = programmed(net, x.shape[2:], limits, rates)
    n, g = len(found.net.cores), np.random.default_rng(seed)
    places = region(n, limits)
    apart = tiles_apart(limits, places)
    chance = [g.permutation(len(apart))[:n] for _ in range(DRAWS)]
    at_random = float(np.mean([(found.flow * apart[each][:, each]).sum() for each in chance]))
    if n <= limits.tile or not at_random:
        return None
    return {
        "seed": seed,
        "cores": n,
        "flow": found.flow,
        "apart": apart,
        "grid": grid(places, limits),
        "at_random": at_random,
        "mapped": int((found.flow * found.net.distance()).sum()),
    }


def grid(places: NDArray[np.int64], chip: Loihi) -> tuple[int, int]:
    """Columns and rows of tiles."""
    y, x = np.divmod(np.unique(places // chip.tile), chip.row)
    return len(np.unique(x)), len(np.unique(y))


def searched(flow: NDArray[np.int64], apart: NDArray[np.int64], rounds: int) -> int:
    """The fewest hops that a long search finds."""
    n, places, g = len(flow), len(apart), np.random.default_rng(0)
    both = np.zeros((places, places), np.int64)
    both[:n, :n] = flow + flow.T
    np.fill_diagonal(both, 0)

    def cost(place: NDArray[np.int64]) -> int:
        return int((both * apart[place][:, place]).sum()) // 2

    best = exchanged(both, apart, np.arange(places))
    for _ in range(rounds):
        other, some = best.copy(), g.choice(places, min(2 * PAIRS, places), replace=False)
        other[some] = other[np.roll(some, 1)]
        other = exchanged(both, apart, other)
        best = other if cost(other) <= cost(best) else best
    return cost(best)


def measured(found: dict[str, Any], rounds: int, tile: int) -> dict[str, Any]:
    """The row of a network: hops mapped, at random, least (or a bound of it), and what a long search finds."""
    flow, apart, (width, height) = found.pop("flow"), found.pop("apart"), found["grid"]
    exact = width * height <= 4 and (width, height) != (4, 1)
    saved = 1 - found["mapped"] / found["at_random"]
    row = {**found, "saved": saved, "exact": exact, "least": None, "searched": None}
    if (width, height) == (2, 2):
        row["least"] = least_on_four(flow, tile)
    elif exact or saved < BAR:
        row["least"] = bound(flow, width, height, tile)
    if not exact and saved < BAR:
        row["searched"] = searched(flow, apart, rounds)
    return row


def summary(rows: list[dict[str, Any]]) -> dict[str, Any]:
    """The counts that docs/chip_loihi.md quotes."""
    exact, below = [r for r in rows if r["exact"]], [r for r in rows if r["saved"] < BAR]
    hopeless = [r for r in below if r["least"] > (1 - BAR) * r["at_random"]]
    others = [r for r in below if r["searched"] is not None]
    reached = [r for r in others if r["searched"] <= (1 - BAR) * r["at_random"]]
    saved = [r["saved"] for r in rows]
    excess = [r["mapped"] / r["least"] - 1 if r["least"] else float(r["mapped"] > 0) for r in exact]
    return {
        "networks": len(rows),
        "saved": {"mean": float(np.mean(saved)), "median": float(np.median(saved)), "least": min(saved)},
        "reach_the_bar": len(rows) - len(below),
        "counted_out": len(exact),
        "mapped_at_the_least": sum(r["mapped"] <= r["least"] for r in exact),
        "largest_excess": max(excess, default=None),
        "below": len(below),
        "below_counted_out": sum(r["exact"] for r in below),
        "below_proven": len(hopeless),
        "below_searched": len(others),
        "search_saves": {
            "mean": float(np.mean([1 - r["searched"] / r["mapped"] for r in others])) if others else None,
            "most": max((1 - r["searched"] / r["mapped"] for r in others), default=None),
        },
        "search_reaches_the_bar": len(reached),
    }


def main() -> None:
    more = parser(__doc__)
    more.add_argument("--networks", type=int, default=1000)
    more.add_argument("--rounds", type=int, default=300, help="of the long search")
    options = parsed(more)
    many, rounds = (20, 5) if options.quick else (options.networks, options.rounds)
    rows, start, tile = list[dict[str, Any]](), time.process_time(), Loihi().tile
    for seed in range(many):
        if (found := network(seed)) is not None:
            rows.append(measured(found, rounds, tile))
        if seed % 50 == 49:
            say(f"{seed + 1:,} networks, {time.process_time() - start:.0f} s of the processor")
    told = summary(rows)
    say(str(told))
    below = [row for row in rows if row["saved"] < BAR]
    finish("placement", options, {"rounds": rounds, "summary": told, "below": below})


if __name__ == "__main__":
    main()
