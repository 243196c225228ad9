"""What the distance of a neuron from its threshold is to be: the phase of the interval between two spikes."""

from __future__ import annotations

import torch
from torch import Tensor

LATEST = 0.5  # of an interval: how far above its threshold a neuron is asked to be that should have fired


def phase(spikes: Tensor, current: Tensor) -> tuple[Tensor, Tensor]:
    """What the distance to threshold is to be, and where that is known.

        u[t] = -(t_next - t - 1/2) / (t_next - t_last)

    in steps, where t_last is the last spike, or the onset of the current before the first one. Thus u is above 0 where
    there is a spike and only there, and an error of it is one of the interval. Before the onset it is -1. Behind the
    last spike, and where there is none, nothing is known but that u is below 0.

    Shapes: spikes (time, batch) in {0, 1}, current (time, batch); both results (time, batch).

    >>> spikes, current = torch.zeros(5, 1), torch.ones(5, 1)
    >>> current[0], spikes[3] = 0.0, 1.0
    >>> u, known = phase(spikes, current)
    >>> u.flatten().tolist(), known.flatten().tolist()
    ([-1.0, -0.75, -0.25, 0.25, -1.0], [True, True, True, True, False])
    """
    steps, onset = _steps(spikes), _onset(current)
    following = torch.where(spikes > 0, steps, torch.inf).flip(0).cummin(0).values.flip(0)
    begin = torch.maximum(_last(spikes), onset)
    known = torch.isfinite(following) & (steps >= onset)
    to_come = torch.where(known, following, begin + 1.0)
    u = -(to_come - steps - 0.5) / (to_come - begin).clamp(min=1.0)
    return torch.where(known, u, -1.0), known | (steps < onset)


def own_phase(own: Tensor, spikes: Tensor, current: Tensor) -> tuple[Tensor, Tensor]:
    """The same on the path of a neuron that fires the spikes `own`: its k-th interval is to be as long as the data's.

        u[t] = -(t_last + T_k - t - 1/2) / T_k

    where t_last is its own last spike, T_k the k-th interval of the data and k the number of its own spikes so far; at
    most 1/2. So an early or late spike moves those behind it, and does not make their intervals wrong. Where the data
    have no k-th interval, and where the current is over and the spike is late, nothing is known.

    >>> spikes, own, current = torch.zeros(7, 1), torch.zeros(7, 1), torch.ones(7, 1)
    >>> spikes[[2, 4]], own[[1, 4]] = 1.0, 1.0
    >>> u, known = own_phase(own, spikes, current)
    >>> u.flatten().tolist(), known.flatten().tolist()
    ([-0.75, -0.25, -0.25, 0.25, 0.5, -1.0, -1.0], [True, True, True, True, True, False, False])
    """
    steps, onset, on = _steps(spikes), _onset(current), current != 0
    most = int(spikes.sum(0).max())
    times = torch.where(spikes > 0, steps, torch.inf).sort(0).values[:most]
    times = torch.cat([times, torch.full_like(onset, torch.inf)[None]])
    intervals = times - torch.cat([onset[None], times[:-1]]).nan_to_num(posinf=0.0)
    fired = (own.cumsum(0) - own).long().clamp(max=most)
    wait = intervals.gather(0, fired)
    begin = torch.maximum(_last(own), onset)
    known = torch.isfinite(wait) & (steps >= onset)
    length = torch.where(known, wait, 1.0).clamp(min=1.0)
    u = ((steps + 0.5 - begin) / length - 1.0).clamp(max=LATEST)
    known = known & (on | (u <= 0))
    return torch.where(known, u, -1.0), known | (steps < onset)


def _steps(spikes: Tensor) -> Tensor:
    return torch.arange(len(spikes), device=spikes.device, dtype=torch.float32)[:, None]


def _onset(current: Tensor) -> Tensor:
    on = current != 0
    return torch.where(on.any(0), on.to(torch.uint8).argmax(0), len(current)).float()


def _last(spikes: Tensor) -> Tensor:
    """The step of the last spike before each step, -1 before the first one."""
    last = torch.where(spikes > 0, _steps(spikes), -1.0).cummax(0).values.roll(1, 0)
    last[0] = -1.0
    return last


__all__ = ["own_phase", "phase"]
