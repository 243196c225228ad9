"""Potentials that are numbers and that no cell has: told by a warning, with time, place and sample."""

from __future__ import annotations

import warnings
from collections.abc import Mapping, Sequence
from typing import TYPE_CHECKING, NamedTuple

import torch
from torch import Tensor

from rheobase.cells.divergence import place_of
from rheobase.errors import ImplausibleWarning, ParameterError

if TYPE_CHECKING:
    from rheobase.cells.cell import Cell

# mV. Channels draw the potential to their reversal potentials, -110 to +150 mV, and a pipette holds it within these; at
# 500 mV pores open in a membrane, at 1 V it breaks down (doi 10.1002/advs.202100978, figure 2). The passive cable of
# Rallpack 1, whose ends are of no cell, reaches 102 mV.
FARTHEST = 200.0
EXPECTED = f"potentials from {-FARTHEST:g} to {FARTHEST:g} mV"
VOLTS = 0.5  # mV: a potential that is nearer to 0, and not 0, is one in V
COLDEST, HOTTEST = -10.0, 60.0  # degC; 0 degC is 273 K
LOOK = f"no cell leaves {-FARTHEST:g} to {FARTHEST:g} mV. Look at the units, at clamps and at the size of the cell"
CALLER = 7  # frames from the call of a cell to `tell`: `Stateful` and torch.nn.Module stand between


def check_given(name: str, v: float) -> None:
    """Raise `ParameterError` for a potential given as mV that a cell cannot have, or that is one in V."""
    if abs(v) > FARTHEST or 0.0 < abs(v) < VOLTS:
        expected = f"{EXPECTED}, 0 or {VOLTS:g} mV from it at least"
        raise ParameterError("Cell", f"{name} = {v!r}", expected, "it is in mV: -65.0, and not -0.065")


def check_celsius(celsius: float) -> None:
    """Raise `ParameterError` for a temperature at which no cell lives, as one in K."""
    if not COLDEST <= celsius <= HOTTEST:
        expected = f"degC, {COLDEST:g} to {HOTTEST:g}"
        raise ParameterError("Cell", f"celsius = {celsius!r}", expected, "34 degC is 307.15 K: celsius=34.0")


class Extreme(NamedTuple):
    """The potential of a lane that is farthest from 0: mV, node, after which step, and the lane (sample, *cells)."""

    v: float
    node: int
    step: int
    lane: tuple[int, ...]


class Seen(NamedTuple):
    """Potentials (records, len(nodes), ..., lanes) after every `every` steps."""

    v: Tensor
    nodes: Sequence[int]
    every: int

    @classmethod
    def end(cls, v: Tensor, steps: int) -> Seen:
        """Those of all nodes, (nodes, ...), after so many steps."""
        return cls(v[None], range(len(v)), steps)


def extremes(cell: Cell, *seen: Seen) -> list[Extreme]:
    """One for each lane in which a potential was beyond `FARTHEST`; the worst first."""
    found: dict[tuple[int, ...], Extreme] = {}
    with torch.no_grad():
        for x, nodes, every in seen:
            if not x.numel():
                continue
            # one pass without a mask, and no more where all is well
            low, high = map(float, x.aminmax())
            if not max(-low, high) > FARTHEST:
                continue
            lanes = x.reshape(*x.shape[:2], -1, *cell.shape)
            far, where = lanes.abs().flatten(0, 1).max(0)
            for lane in map(tuple, (far > FARTHEST).nonzero().tolist()):
                record, site = divmod(int(where[lane]), len(nodes))
                one = Extreme(float(lanes[(record, site, *lane)]), nodes[site], (record + 1) * every - 1, lane)
                if lane not in found or abs(one.v) > abs(found[lane].v):
                    found[lane] = one
    return sorted(found.values(), key=lambda one: -abs(one.v))


def tell(cell: Cell, given: Mapping[str, Tensor], found: Sequence[Extreme], caller: int = CALLER) -> None:
    """Warn of the worst, where there is one; `given` are the inputs of the call."""
    if not found:
        return
    worst, (sample, *which) = found[0], found[0].lane
    where = f"{place_of(cell, worst.node)} of sample {sample}" + (f", cell {which}" if which else "")
    where += f" after step {worst.step} ({(worst.step + 1) * cell.dt:g} ms)"
    more = f", and beyond that bound in {len(found) - 1} more" if len(found) > 1 else ""
    text = f"{cell!r}: v = {worst.v:.4g} mV at {where}{more}; {LOOK}: {_inputs(cell, given)}"
    warnings.warn(text, ImplausibleWarning, stacklevel=caller)


def _inputs(cell: Cell, given: Mapping[str, Tensor]) -> str:
    """How large each input becomes, in its unit, and how large the membrane is."""
    said: list[str] = []
    for name, x in given.items():
        low, high = map(float, x.detach().aminmax())
        unit = cell.ports[name].unit
        said.append(f"{name} reaches {high if high > -low else low:.4g}{'' if unit == '1' else f' {unit}'}")
    return f"{', '.join(said)}; the membrane has {float(cell.compartments.area.sum()):.4g} um2"
