"""What a run takes and gives: the state of a board, its spikes, and counts of what happened."""

from __future__ import annotations

from dataclasses import dataclass
from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

from rheobase.checks import is_whole
from rheobase.chip.events import Counts, Events
from rheobase.chip.truenorth.board import NEURONS, TrueNorth
from rheobase.chip.truenorth.configuration import POTENTIAL, ROW
from rheobase.errors import StateError

SLOTS = 16  # ticks ahead, this one included, for which a core keeps what arrives


@dataclass(frozen=True, eq=False, repr=False)
class State:
    """A board between two ticks.

    `board`: whose state it is. `tick`: the next one to run. `seed`: of all random numbers, from 0 to 2^63 - 1. `v`:
    potentials, int32 (cores, 256). `due`: axons that are going to be active, bits (16, cores, 32) as in a crossbar;
    those of tick t stand in row t mod 16.
    """

    board: TrueNorth
    tick: int
    seed: int
    v: NDArray[np.int32]
    due: NDArray[np.uint8]

    def __repr__(self) -> str:
        return f"<State before tick {self.tick}, seed {self.seed}, {self.v.shape[0]} cores>"


class Run(NamedTuple):
    """The result of a run: spikes, the state after it, and counts for each tick."""

    spikes: Events
    state: State
    counts: Counts


def start(board: TrueNorth, v: NDArray[np.int32], seed: int) -> State:
    """The state before tick 0: nothing is on its way."""
    return State(board, 0, seed, np.array(v), np.zeros((SLOTS, board.n_cores, ROW), np.uint8))


def check_state(owner: str, state: State, board: TrueNorth) -> None:
    """Raise `StateError` for a state that is none of this board."""
    shape, due = (board.n_cores, NEURONS), (SLOTS, board.n_cores, ROW)
    remedy = "give the state that a run of this configuration returned, or None"
    if not isinstance(state, State):
        raise StateError(owner, f"state of type {type(state).__name__}", "a State", remedy)
    if state.board != board:
        raise StateError(owner, f"a state of {state.board!r}", f"one of {board!r}", remedy)
    if not is_whole(state.tick, 0, (1 << 62) - 1) or not is_whole(state.seed, 0, (1 << 63) - 1):
        given = f"tick {state.tick!r} and seed {state.seed!r}"
        raise StateError(owner, given, "whole numbers from 0 on, below 2^62 and 2^63", remedy)
    for name, found, expected, dtype in (("v", state.v, shape, np.int32), ("due", state.due, due, np.uint8)):
        if not isinstance(found, np.ndarray) or found.shape != expected or found.dtype != dtype:
            given = f"{name} of {getattr(found, 'dtype', type(found).__name__)} {getattr(found, 'shape', '')}"
            raise StateError(owner, given, f"{np.dtype(dtype).name} {expected}", remedy)
    low, high = int(state.v.min()), int(state.v.max())
    if low < POTENTIAL[0] or high > POTENTIAL[1]:
        raise StateError(owner, f"v from {low} to {high}", f"20 bits, {POTENTIAL[0]} to {POTENTIAL[1]}", remedy)
