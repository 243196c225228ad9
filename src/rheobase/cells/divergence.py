"""Finds divergence: when, in which compartment and in which lane a potential became NaN, infinite or absurd."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import TYPE_CHECKING, NamedTuple

import torch
from torch import Tensor

from rheobase.cells.schemes import APART
from rheobase.errors import Diverged

if TYPE_CHECKING:
    from rheobase.cells.cell import Cell, CellState

# mV. A membrane tears at about 1 V; a passive cell of 100 MOhm, on which a search tries 100 nA, ends at 1e4 mV
MOST = 1e5
EXPECTED = f"potentials from {-MOST:g} to {MOST:g} mV"
PIECES = (1000, 30, 1)  # steps: a run is looked through in pieces, and where one is bad in smaller ones


class Divergence(NamedTuple):
    """After which step the potential of a node is astray, and of which lane, (batch, *cells)."""

    step: int
    node: int
    lane: tuple[int, ...]
    v: float

    def place(self, cell: Cell) -> str:
        """The place of the node: "dend[3](0.5)"."""
        return place_of(cell, self.node)


def place_of(cell: Cell, node: int) -> str:
    """The place of a node: "dend[3](0.5)"."""
    c = cell.compartments
    return f"{c.sections[c.section[node]].name}({c.x[node]:.3g})"


def astray(v: Tensor) -> Tensor:
    """Which potentials are NaN, infinite, or beyond `MOST`."""
    return ~(v.abs() <= MOST)


def divergences(
    cell: Cell, given: Mapping[str, Tensor], state: CellState, pieces: tuple[int, ...] = PIECES, start: int = 0
) -> Iterator[Divergence]:
    """The first divergence of each lane, in the order of time, found by repeating the run in ever smaller pieces."""
    size, *finer = pieces
    seen = astray(state.v).any(0)
    for at in range(0, next(iter(given.values())).shape[0], size):
        part = {name: x[at : at + size] for name, x in given.items()}
        with torch.no_grad():
            _, after = cell(part, state, check_finite=False)
        now = astray(after.v)
        new = now.any(0) & ~seen
        if finer and bool(new.any()):
            for one in divergences(cell, part, state, tuple(finer), start + at):
                # the piece may hold lanes that diverged before it, came back and leave again
                if not bool(seen[one.lane]):
                    seen[one.lane] = True
                    yield one
        elif not finer:
            for lane in map(tuple, new.nonzero().tolist()):
                node = int(now[(slice(None), *lane)].nonzero()[0])
                yield Divergence(start + at, node, lane, float(after.v[(node, *lane)]))
        state, seen = after, seen | now.any(0)
        if bool(seen.all()):
            return


def diverged(cell: Cell, given: Mapping[str, Tensor], state: CellState) -> Diverged:
    """The error for potentials that are astray at the end of a call; not before it."""
    one = next(divergences(cell, given, state))
    sample, *which = one.lane
    where = f"{one.place(cell)} of sample {sample}" + (f", cell {which}" if which else "")
    text = f"v = {one.v} mV at {where} after step {one.step} ({(one.step + 1) * cell.dt:g} ms)"
    remedy = "look at its parameters and the stimulus, and their units"
    if cell.scheme.order > 1:
        remedy = f"take a smaller dt: chains of a step differ by more than {APART:g} mV; or {remedy}"
    return Diverged(repr(cell), text, EXPECTED, remedy)


def check_end(cell: Cell, given: Mapping[str, Tensor], state: CellState, v: Tensor) -> None:
    """Raise `Diverged` for potentials v at the end of a call from `state` that are none."""
    # one pass, without a temporary mask: aminmax gives NaN for both where there is one
    low, high = map(float, v.detach().aminmax())
    if not (low >= -MOST and high <= MOST):
        raise diverged(cell, given, state)


__all__ = ["EXPECTED", "MOST", "Divergence", "astray", "check_end", "diverged", "divergences", "place_of"]
