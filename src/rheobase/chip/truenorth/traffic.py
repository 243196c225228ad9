"""Where spikes go over the mesh: what each core sends and receives, and what each link between two routers carries."""

from __future__ import annotations

from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

from rheobase.chip.truenorth.board import TrueNorth
from rheobase.chip.truenorth.configuration import Configuration
from rheobase.chip.truenorth.results import Events
from rheobase.errors import ParameterError


class Traffic(NamedTuple):
    """Spikes of a run, counted on their way; rows are y, columns x.

    `sent`, `received`: of each core, (height, width). `along_x`: over the link from (x, y) to (x + 1, y), in either
    direction, (height, width - 1); `along_y`: from (x, y) to (x, y + 1), (height - 1, width). Their sum is that of all
    hops.
    """

    sent: NDArray[np.int64]
    received: NDArray[np.int64]
    along_x: NDArray[np.int64]
    along_y: NDArray[np.int64]

    @property
    def through(self) -> NDArray[np.int64]:
        """Spikes over the links of each router, (height, width); each counts at both of its ends."""
        total = np.zeros_like(self.sent)
        total[:, :-1] += self.along_x
        total[:, 1:] += self.along_x
        total[:-1] += self.along_y
        total[1:] += self.along_y
        return total


def traffic(net: Configuration, spikes: Events) -> Traffic:
    """The traffic of these spikes, along x first and then along y. Spikes to nowhere or to the host take no link.

    A run must have been recorded in full (`record="all"`), or only the spikes to the host are there.

    Raises: `ParameterError` for spikes of another board.

    >>> net = Configuration(TrueNorth(cores=(3, 2)), leak=1, target=5)
    >>> found = traffic(net, Events(*np.array([[4], [0], [9]])))
    >>> found.along_x.tolist(), found.along_y.tolist()
    ([[1, 1], [0, 0]], [[0, 0, 1]])
    """
    board: TrueNorth = net.board
    check_spikes("traffic", net, spikes)
    target = net.target[spikes.core, spikes.neuron].astype(np.int64)
    there = target >= 0
    # every pair of cores once, with how many spikes it has
    pairs, many = np.unique(spikes.core[there] * board.n_cores + target[there], return_counts=True)
    source, goal = np.divmod(pairs, board.n_cores)
    (x0, y0), (x1, y1) = board.xy(source), board.xy(goal)
    sent, received = (
        np.bincount(core, many, board.n_cores).astype(np.int64).reshape(board.height, board.width)
        for core in (source, goal)
    )
    along_x = _passed(y0, x0, x1, many, (board.height, board.width))[:, :-1]
    along_y = _passed(x1, y0, y1, many, (board.width, board.height))[:, :-1].T
    return Traffic(sent, received, along_x, along_y)


def check_spikes(owner: str, net: Configuration, spikes: Events) -> None:
    """Raise `ParameterError` for what are no spikes of this board."""
    if not isinstance(spikes, Events):
        remedy = "give run.spikes"
        raise ParameterError(owner, f"spikes of type {type(spikes).__name__}", "the Events of a run", remedy)
    if len(spikes.core) and not 0 <= int(spikes.core.min()) <= int(spikes.core.max()) < net.board.n_cores:
        given, expected = f"spikes of core {int(spikes.core.max())}", f"cores 0 to {net.board.n_cores - 1}"
        raise ParameterError(owner, given, expected, "give the configuration that was run")


def _passed(
    line: NDArray[np.int64],
    begin: NDArray[np.int64],
    end: NDArray[np.int64],
    many: NDArray[np.int64],
    shape: tuple[int, int],
) -> NDArray[np.int64]:
    """How many go over each link of some lines: from `begin` on there are more of them, and fewer from `end` on."""
    change = np.zeros(shape, np.int64)
    np.add.at(change, (line, np.minimum(begin, end)), many)
    np.add.at(change, (line, np.maximum(begin, end)), -many)
    return np.cumsum(change, axis=1)
