"""Where cores stand on the mesh, so that spikes have a short way."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from rheobase.chip.truenorth.board import TrueNorth

STARTS, ENOUGH = 8, 2000  # searches of a placement, and places that all of them may have together


def region(n: int, board: TrueNorth) -> tuple[int, int]:
    """Width and height of the part of a board that holds n cores, nearly a square.

    >>> region(7, TrueNorth()), region(7, TrueNorth(cores=(64, 1)))
    ((3, 3), (7, 1))
    """
    height = min(board.height, max(1, round(n**0.5)))
    width = -(-n // height)
    if width > board.width:
        width = board.width
        height = -(-n // width)
    return width, height


def placed(flow: NDArray[np.int64], width: int, height: int, *, seed: int = 0) -> NDArray[np.int64]:
    """A place (x + y * width) for each core, at which spikes times hops are few.

    Of all pairs of places, the one whose exchange saves most is exchanged, until none saves anything: from the order of
    the cores, and from random places (of a seed); the best is taken. A quadratic assignment, which is hard: the result
    is no proven minimum.

    Shapes: flow (cores, cores), spikes from one to another.

    >>> chain = np.diag([5, 5, 5], 1)
    >>> hop_count(chain, placed(chain, 2, 2), 2)
    15
    """
    y, x = np.divmod(np.arange(width * height), width)
    return placed_among(flow, np.abs(x[:, None] - x) + np.abs(y[:, None] - y), seed=seed)


def placed_among(flow: NDArray[np.int64], distance: NDArray[np.int64], *, seed: int = 0) -> NDArray[np.int64]:
    """As `placed`, of places with these distances, (places, places), at least as many as there are cores.

    >>> placed_among(np.diag([5, 5], 1), np.array([[0, 0, 1], [0, 0, 1], [1, 1, 0]])).tolist()
    [0, 1, 2]
    """
    n, places, g = len(flow), len(distance), np.random.default_rng(seed)
    both = np.zeros((places, places), np.int64)
    both[:n, :n] = flow + flow.T
    np.fill_diagonal(both, 0)
    starts = [np.arange(places)]
    starts += [g.permutation(places) for _ in range(max(0, min(STARTS, ENOUGH // places) - 1))]
    found = [exchanged(both, distance, start)[:n] for start in starts]
    return min(found, key=lambda place: int((flow * distance[place][:, place]).sum()))


def exchanged(flow: NDArray[np.int64], distance: NDArray[np.int64], place: NDArray[np.int64]) -> NDArray[np.int64]:
    """The best exchange of two places, again and again. Whole numbers, so that it ends."""
    place = place.copy()
    between = distance[place][:, place]
    cost = flow @ between  # of the spikes of core i, were it where core j is
    while True:
        own = np.diag(cost)
        change = cost + cost.T - own - own[:, None] + 2 * flow * between
        i, j = np.unravel_index(int(change.argmin()), change.shape)
        if change[i, j] >= 0:
            return place
        cost += np.outer(flow[:, i] - flow[:, j], between[j] - between[i])
        for table in (cost, between):
            table[:, [i, j]] = table[:, [j, i]]
        between[[i, j]] = between[[j, i]]
        place[[i, j]] = place[[j, i]]


def hop_count(flow: NDArray[np.int64], place: NDArray[np.int64], width: int) -> int:
    """Hops of all spikes."""
    y, x = np.divmod(place, width)
    return int((flow * (np.abs(x[:, None] - x) + np.abs(y[:, None] - y))).sum())
