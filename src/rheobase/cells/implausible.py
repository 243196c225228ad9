"""Warnings for potentials that are finite but that no cell has, with time, place and sample."""

from __future__ import annotations

import warnings
from collections.abc import Collection, Mapping
from types import MappingProxyType
from typing import TYPE_CHECKING, Any, NamedTuple

import numpy as np
import torch
from torch import Tensor

from rheobase.cells.divergence import place_of
from rheobase.errors import ImplausibleWarning, ParameterError

if TYPE_CHECKING:
    from rheobase.cells.cell import Cell, CellState

# mV. Channels draw the potential to their reversal potentials, -110 to +150 mV, and a pipette holds it within these; at
# 500 mV pores open in a membrane, at 1 V it breaks down (doi 10.1002/advs.202100978, figure 2). The passive cable of
# Rallpack 1, whose ends are of no cell, reaches 102 mV.
FARTHEST = 200.0
EXPECTED = f"potentials from {-FARTHEST:g} to {FARTHEST:g} mV"
VOLTS = 0.5  # mV: a potential that is nearer to 0, and not 0, is one in V
COLDEST, HOTTEST = -10.0, 60.0  # degC; 0 degC is 273 K
LOOK = f"no cell leaves {-FARTHEST:g} to {FARTHEST:g} mV. Look at the units, at clamps and at the size of the cell"
ROOM = 2**24  # potentials that are held at once where a run is looked through
CALLER = 7  # frames from the call of a cell to `warn_implausible`: `Stateful` and torch.nn.Module stand between


def check_given(name: str, v: Any, *, near_0: bool = False) -> None:
    """Raise `ParameterError` for potentials given as mV that a cell cannot have, or that are all in V.

    near_0: whether they may be nearer to 0 than any that is in V, as those of cations are.
    """
    x = torch.as_tensor(v, dtype=torch.float64).detach().flatten()
    worst = float(x[x.abs().argmax()])
    if abs(worst) > FARTHEST or (0.0 < abs(worst) < VOLTS and not near_0):
        expected = EXPECTED if near_0 else f"{EXPECTED}, 0 or {VOLTS:g} mV from it at least"
        # of float32, 7 digits
        given = f"{name} = {float(f'{worst:.7g}')!r}"
        raise ParameterError("Cell", given, expected, "it is in mV: -65.0, and not -0.065")


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


def extremes(
    cell: Cell,
    given: Mapping[str, Tensor],
    state: CellState,
    farthest: Tensor,
    known: Mapping[tuple[int, ...], Extreme] = MappingProxyType({}),
    start: int = 0,
) -> dict[tuple[int, ...], Extreme]:
    """The extreme potential of each lane that went beyond `FARTHEST` in a call with these inputs from `state`.

    `farthest` (batch, *cells) is the largest distance from 0 that the call found. To find when and where that was,
    those samples are run again. Lanes in `known` are reported again only if they are farther by more than 1 % and 1 mV.
    Steps are counted from `start` on.
    """
    lanes = [tuple(lane) for lane in (farthest > FARTHEST).nonzero().tolist()]
    lanes = [lane for lane in lanes if lane not in known or float(farthest[lane]) > 1.01 * abs(known[lane].v) + 1.0]
    found: dict[tuple[int, ...], Extreme] = {}
    if not lanes:
        return found
    samples = sorted({lane[0] for lane in lanes})
    state = type(state)(state.v[:, samples], state.low[:, samples], state.above[samples], state.membrane[:, samples])
    places = [_place(cell, k) for k in range(len(cell.compartments.parent))]
    piece = max(1, ROOM // state.v.numel())
    # the end of a cable has nearly the potential of the last compartment, which is the place to name
    weight = torch.as_tensor(np.where(cell.compartments.is_end, 0.999, 1.0)).to(state.v)
    weight = weight.view(-1, *(1 for _ in lanes[0]))
    with torch.no_grad():
        for at in range(0, next(iter(given.values())).shape[0], piece):
            part = {name: x[at : at + piece, samples] for name, x in given.items()}
            ran = cell.run(part, state, record=places)
            x = torch.stack([ran.traces[name] for name in places], 1)  # (steps, nodes, samples, *cells)
            where = (weight * x.abs()).flatten(0, 1).argmax(0)
            for lane in lanes:
                seen = (samples.index(lane[0]), *lane[1:])
                step, node = divmod(int(where[seen]), len(places))
                v = float(x[(step, node, *seen)])
                if abs(v) > max(FARTHEST, abs(found[lane].v) if lane in found else 0.0):
                    found[lane] = Extreme(v, node, start + at + step, lane)
            state = ran.state
    return found


def _place(cell: Cell, node: int) -> str:
    """The name of the place of a node, with which a call records it."""
    c = cell.compartments
    return f"{c.sections[c.section[node]].name}({c.x[node]:.9g})"


def warn_implausible(cell: Cell, given: Mapping[str, Tensor], found: Collection[Extreme], caller: int = CALLER) -> None:
    """Warn of the largest potential in `found`, if any; `given` are the inputs of the call."""
    if not found:
        return
    worst = max(found, key=lambda one: abs(one.v))
    sample, *which = worst.lane
    where = f"{place_of(cell, worst.node)} of sample {sample}" + (f", cell {which}" if which else "")
    where += f" after step {worst.step} ({(worst.step + 1) * cell.dt:g} ms)"
    more = f", and beyond that bound in {len(found) - 1} more" if len(found) > 1 else ""
    text = f"{cell!r}: v = {worst.v:.4g} mV at {where}{more}; {LOOK}: {_inputs(cell, given)}"
    warnings.warn(text, ImplausibleWarning, stacklevel=caller)


def _inputs(cell: Cell, given: Mapping[str, Tensor]) -> str:
    """How large each input becomes, in its unit, and how large the membrane is."""
    reached: list[str] = []
    for name, x in given.items():
        low, high = map(float, x.detach().aminmax())
        unit = cell.ports[name].unit
        reached.append(f"{name} reaches {high if high > -low else low:.4g}{'' if unit == '1' else f' {unit}'}")
    return f"{', '.join(reached)}; the membrane has {float(cell.compartments.area.sum()):.4g} um2"
