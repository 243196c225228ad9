"""Single-cell numbers, measured by running the cell at x + b_h = drive in double precision, many drives at once."""

from __future__ import annotations

import torch
from torch import Tensor

from rheobase.neurons import SRC
from rheobase.reproduce.src.bisect import refine
from rheobase.reproduce.src.cell import cells, resting, traces
from rheobase.reproduce.src.features import SPIKE

BIAS = -6.0
LANES, ROUNDS = 64, 4
NUDGE, SMALL = 0.01, 1e-6


def at(drive: Tensor, steps: int, *, nudge: float = NUDGE) -> Tensor:
    """h (time, lanes) of cells that start so far beside the fixed point of their drive."""
    cell, x = _cells(drive)
    start = resting(cell, x)
    return traces(cell, x, steps, start._replace(h=start.h + nudge)).h


def fixed_points(drive: Tensor) -> Tensor:
    """h* of each drive. Shapes: (lanes,)."""
    cell, x = _cells(drive)
    return resting(cell, x).h[0]


def _cells(drive: Tensor) -> tuple[SRC, Tensor]:
    """Cells and their x, which reaches from -3 to 3: the bias is chosen so that it suffices for drives of -9 to -1."""
    bias = torch.where(drive < -5.0, -6.0, -4.0)
    return cells(len(drive), {"b_h": bias}, dtype=torch.float64), drive - bias


def onset(level: float, steps: int, low: float = -4.8, high: float = -4.3) -> float:
    """The drive from which on h crosses `level` again and again: once in the last half of a run is enough."""

    def crosses(drive: Tensor) -> Tensor:
        return (at(drive, steps)[steps // 2 :] > level).any(0)

    return refine(crosses, low, high, lanes=LANES, rounds=ROUNDS)


def loss_of_stability(low: float = -5.2, high: float = -4.7) -> float:
    """The drive from which on a small deviation from the fixed point grows."""
    return refine(lambda drive: _recursion(drive)[1] > 1.0, low, high, lanes=LANES, rounds=ROUNDS)


def small_period(drive: Tensor) -> Tensor:
    """The period, in steps, of a small deviation; NaN where it does not turn. Shapes: (lanes,)."""
    trace, det = _recursion(drive)
    return 2.0 * torch.pi / torch.acos(trace / (2.0 * det.sqrt()))


def _recursion(drive: Tensor, steps: int = 60) -> tuple[Tensor, Tensor]:
    """T and D of the recursion d[t+1] = T d[t] - D d[t-1] that fits a small deviation from the fixed point best.

    It is measured: what the Jacobian says about it is only compared.
    """
    off = at(drive, steps, nudge=SMALL) - fixed_points(drive)
    before, now, after = off[:-2], off[1:-1], off[2:]
    a, b, c = (now * now).sum(0), (now * before).sum(0), (before * before).sum(0)
    p, q = (now * after).sum(0), (before * after).sum(0)
    scale = a * c - b * b
    return (p * c - q * b) / scale, (p * b - q * a) / scale


def large_period(drive: Tensor, steps: int) -> Tensor:
    """The period, in steps, of the sustained oscillation: upward crossings of its middle; NaN where it is none."""
    h = at(drive, steps)[steps // 2 :]
    low, high = h.amin(0), h.amax(0)
    above = h > 0.5 * (low + high)
    return _mean_interval(above) + torch.where(high - low > 1e-3, 0.0, torch.nan)


def rates(drive: Tensor, steps: int, level: float = SPIKE) -> Tensor:
    """Upward crossings of `level` per step, in the last half of a run: those of 0.5 are spikes. Shapes: (lanes,)."""
    period = _mean_interval(at(drive, steps)[steps // 2 :] > level)
    return torch.nan_to_num(1.0 / period)


def spikes_in(x: Tensor, steps: int) -> Tensor:
    """Spikes of the paper's cell in the first `steps` steps of a constant x, from rest. Shapes: (lanes,)."""
    cell = cells(len(x), {}, dtype=torch.float64)
    above = traces(cell, x, steps).h > SPIKE
    return (above[1:] & ~above[:-1]).sum(0)


def extremes(drive: Tensor, steps: int) -> tuple[Tensor, Tensor]:
    """The least and the largest h in the last half of a run. Shapes: (lanes,)."""
    h = at(drive, steps)[steps // 2 :]
    return h.amin(0), h.amax(0)


def _mean_interval(above: Tensor) -> Tensor:
    """From the first onset of a condition to the last, over their number less one; NaN for fewer than two."""
    onsets = above[1:] & ~above[:-1]
    count = onsets.sum(0)
    step = torch.arange(len(onsets))[:, None]
    first = torch.where(onsets, step, len(onsets)).amin(0)
    last = torch.where(onsets, step, -1).amax(0)
    return torch.where(count > 1, (last - first) / (count - 1).clamp(min=1), torch.nan)
