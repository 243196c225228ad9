"""How cells fire under steps of current: the f-I curve, and the smallest current that makes each of them fire.

Currents are lanes beside the cells: one run for all of them.
"""

from __future__ import annotations

import math
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import NamedTuple

import torch
from torch import Tensor

from rheobase.cells.cell import Cell, CellState
from rheobase.cells.declared import tell_unusual
from rheobase.cells.divergence import check_end
from rheobase.cells.implausible import Extreme, extremes, warn_implausible
from rheobase.cells.ports import Current
from rheobase.checks import is_number
from rheobase.deprecated import renamed
from rheobase.errors import ParameterError
from rheobase.progress import Progress

SETTLE, DURATION = 200.0, 1000.0  # ms without a current, and with it
BRACKET = 16  # currents that are tried at once for each cell
LEAST, ROUNDS = 1e-4, 3  # nA; how often the bracket is cut again, by BRACKET each time
PIECE = 2000  # steps of one call
AT_ONCE = 2048  # lanes of one run, whose currents and spikes of a piece are 33 MB


@dataclass(frozen=True, eq=False)
class FICurve:
    """How cells fire under steps of current.

    currents  nA, (currents,)
    count     spikes while the step lasts, (currents, *cells)
    rate      Hz, by the mean interval; 0 for fewer than two spikes, (currents, *cells)
    first     ms from the onset of the step to the first spike; NaN without one, (currents, *cells)
    """

    currents: Tensor
    count: Tensor
    rate: Tensor
    first: Tensor


@renamed(on_progress="progress")
def fi_curve(
    cell: Cell,
    currents: Sequence[float] | Tensor,
    *,
    settle: float = SETTLE,
    duration: float = DURATION,
    dtype: torch.dtype = torch.float32,
    progress: Progress = lambda done, total: None,
) -> FICurve:
    """The f-I curve of each cell: its spikes under steps of these currents (nA) of `duration` ms.

    The cells settle for `settle` ms without a current, once for all currents. Spikes are those of the cell: upward
    crossings of its threshold at the place that it watches.

    Shapes: currents (currents,); of the results (currents, *cells).

    Raises: `ParameterError` for currents that are no finite numbers, times that are no times, and a cell with another
    input than one current; `Diverged` as the cell. Warns, once, as the cell.

    >>> from rheobase import channels
    >>> from rheobase.cells import Compartments, Section
    >>> held = [channels.Pas(g=1e-4, e=-70.0), channels.NaTa_t(gbar=0.2), channels.Kv3_1(gbar=0.1)]
    >>> soma = Compartments.of([Section("soma", length=20, diameter=20)])
    >>> cell = Cell(soma, {"soma": held}, dt=0.05, reversal={"na": 50.0, "k": -90.0})
    >>> found = fi_curve(cell, [0.0, 0.1, 0.2], duration=200.0)
    >>> bool(found.count[0] == 0 and found.rate[2] > found.rate[1] > 0)
    True
    """
    given = torch.as_tensor(currents, dtype=torch.float64)
    if given.dim() != 1 or not len(given) or not bool(torch.isfinite(given).all()):
        shown = f"currents {given.tolist() if given.numel() < 9 else tuple(given.shape)}"
        raise ParameterError("fi_curve", shown, "finite numbers in nA, (currents,)", "[0.0, 0.1, 0.2], say")
    steps = _steps("fi_curve", cell, settle, duration)
    tell_unusual(cell, caller=4)
    state = _settled(cell, steps[0], dtype)
    parts = given.split(max(1, AT_ONCE // math.prod(cell.shape)))
    found: list[_Trains] = []
    total = len(parts) * steps[1]
    for k, part in enumerate(parts):
        lanes = part.view(-1, *(1 for _ in cell.shape)).expand(-1, *cell.shape)
        found.append(_under(cell, lanes, state, steps[1], lambda at, k=k: progress(k * steps[1] + at, total), True))
    at_once = len(parts[0])
    far = [_later(one, k * at_once) for k, trains in enumerate(found) for one in trains.extremes]
    warn_implausible(cell, {next(iter(cell.ports)): given}, far, caller=4)
    count, first, last = (torch.cat(each) for each in zip(*(one[:3] for one in found), strict=True))
    per = 1000.0 / cell.dt
    rate = torch.where(count > 1, per * (count - 1).double() / (last - first).clamp(min=1), 0.0)
    return FICurve(given, count, rate, torch.where(count > 0, (first + 1).double() * cell.dt, math.nan))


@renamed(on_progress="progress")
def rheobase_current(
    cell: Cell,
    *,
    settle: float = SETTLE,
    duration: float = DURATION,
    most: float = 10.0,
    dtype: torch.dtype = torch.float32,
    progress: Progress = lambda done, total: None,
) -> Tensor:
    """The rheobase of each cell, nA: the smallest step of current at which it fires within `duration` ms.

    All cells, and 16 currents for each, are lanes of one run: first from 0.1 pA to `most` nA, evenly in their
    logarithms, then three times between the last that was silent and the first that fired, so that what is given fires
    and is at most 0.03 % above one that does not. 0 for a cell that fires without a current once it has settled, or has
    come to stand above its threshold; NaN where none fires.

    Shapes: (*cells). Raises: as `fi_curve`.

    >>> from rheobase import channels
    >>> from rheobase.cells import Compartments, Section
    >>> soma = Section("soma", length=20, diameter=20)
    >>> squid = [channels.Na_HH(), channels.K_HH(), channels.Pas(g=3e-4, e=-54.3)]
    >>> cell = Cell(Compartments.of([soma]), {"soma": squid}, dt=0.05, v_init=-65.0)
    >>> 0.02 < float(rheobase_current(cell, most=0.2, settle=20.0, duration=40.0)) < 0.1  # nA
    True
    """
    if not is_number(most, above=LEAST):
        expected = f"a current above {LEAST:g} nA"
        raise ParameterError("rheobase_current", f"most = {most!r}", expected, "most=10.0, say")
    before, steps = _steps("rheobase_current", cell, settle, duration)
    tell_unusual(cell, caller=4)
    state = _settled(cell, before, dtype)
    alone = state.above[0] > 0
    grid = torch.logspace(math.log10(LEAST), math.log10(most), BRACKET - 1, dtype=torch.float64)
    column = (-1, *(1 for _ in cell.shape))
    tried = torch.cat([torch.zeros(1, dtype=torch.float64), grid]).view(column).expand(-1, *cell.shape)
    share = torch.linspace(0.0, 1.0, BRACKET + 1, dtype=torch.float64)[1:].view(column)
    fires = alone
    low = high = torch.zeros(cell.shape, dtype=torch.float64)
    total = (1 + ROUNDS) * steps
    for k in range(1 + ROUNDS):
        fired = _under(cell, tried, state, steps, lambda at, k=k: progress(k * steps + at, total)).spikes > 0
        if k == 0:
            fires, alone = fired.any(0), alone | fired[0]
        # the upper end fired before, and is taken again where rounding has it silent now
        at = torch.where(fired.any(0), fired.long().argmax(0), BRACKET - 1)[None]
        silent = tried.gather(0, (at - 1).clamp(min=0))[0]
        low, high = torch.where(at[0] > 0, silent, low), tried.gather(0, at)[0]
        tried = low + share * (high - low)
    return torch.where(alone, 0.0, torch.where(fires, high, math.nan))


class _Trains(NamedTuple):
    """Of each lane the number of its spikes, and the steps of the first and the last; -1 without one.

    `extremes`: the potentials that no cell has, where one looked for them.
    """

    spikes: Tensor
    first: Tensor
    last: Tensor
    extremes: list[Extreme]


def _later(one: Extreme, samples: int) -> Extreme:
    """The same, counted among all currents."""
    return one._replace(lane=(one.lane[0] + samples, *one.lane[1:]))


def _steps(owner: str, cell: Cell, settle: float, duration: float) -> tuple[int, int]:
    ports = list(cell.ports.values())
    if len(ports) != 1 or not isinstance(ports[0], Current):
        given = f"the inputs {', '.join(f'{name} ({type(port).__name__})' for name, port in cell.ports.items())}"
        raise ParameterError(owner, given, "a cell with one input, a Current", 'inputs={"current": Current("soma")}')
    for name, value, least in (("settle", settle, 0.0), ("duration", duration, cell.dt)):
        if not is_number(value, least=least):
            expected = f"ms, from {least:g} on"
            raise ParameterError(owner, f"{name} = {value!r}", expected, f"{name}={SETTLE:g}, say")
    return round(settle / cell.dt), round(duration / cell.dt)


def _settled(cell: Cell, steps: int, dtype: torch.dtype) -> CellState:
    """The state (of a batch of one) after so many steps without a current.

    What fires meanwhile is no answer to a current: a start away from rest may do it.
    """
    none = torch.zeros(1, *cell.shape, dtype=dtype)
    return _run(cell, none, cell.rest(1, dtype=dtype), steps, lambda at: None)[1]


def _under(
    cell: Cell, currents: Tensor, state: CellState, steps: int, on_step: Callable[[int], None], look: bool = False
) -> _Trains:
    """The spikes under constant currents (currents, *cells), from the state of a batch of one.

    `look`: for potentials that no cell has.
    """
    n = len(currents)
    v, low, membrane = (x.expand(-1, n, *cell.shape).contiguous() for x in (state.v, state.low, state.membrane))
    above = state.above.expand(n, *cell.shape).contiguous()
    return _run(cell, currents.to(state.v.dtype), CellState(v, low, above, membrane), steps, on_step, look)[0]


def _run(
    cell: Cell, currents: Tensor, state: CellState, steps: int, on_step: Callable[[int], None], look: bool = False
) -> tuple[_Trains, CellState]:
    count = torch.zeros(currents.shape, dtype=torch.int64)
    first, last, far = torch.full_like(count, -1), torch.full_like(count, -1), dict[tuple[int, ...], Extreme]()
    port = next(iter(cell.ports))
    with torch.no_grad():
        for begin in range(0, steps, PIECE):
            n = min(PIECE, steps - begin)
            given = {port: currents.expand(n, *currents.shape).contiguous()}
            before, (spikes, state, _, farthest) = state, cell.run(given, state)
            check_end(cell, given, before, state.v)
            if look:
                far |= extremes(cell, given, before, farthest, far, begin)
            fired = spikes > 0
            some = fired.any(0)
            count += fired.sum(0)
            first = torch.where((first < 0) & some, begin + fired.long().argmax(0), first)
            last = torch.where(some, begin + n - 1 - fired.flip(0).long().argmax(0), last)
            on_step(begin + n)
    return _Trains(count, first, last, list(far.values())), state


__all__ = ["FICurve", "fi_curve", "rheobase_current"]
