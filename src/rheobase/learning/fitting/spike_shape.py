"""The shape of a sweep's spikes: trough, height and width, as eFEL's min_AHP_values, peak_voltage and AP_width."""

from __future__ import annotations

import torch
from torch import Tensor

AFTER = 30.0  # ms behind a spike, at most: the potential then belongs to the approach to the next one


def spike_shape(v: Tensor, spikes: Tensor, *, level: float, dt: float) -> Tensor:
    """Mean trough (mV), height (mV) and width (ms) of the spikes of each sweep; NaN where there is none to measure.

    A spike lasts from its crossing of `level` to the next one, `AFTER` ms at most: the lowest and the highest potential
    within, and the time at or above the level. One that the end of the sweep cuts short is left out.

    Shapes: v and spikes (sweep, time); gives (3, sweep).

    >>> v = torch.full((1, 400), -60.0)
    >>> v[:, 10:20], v[:, 20:60] = 30.0, -75.0
    >>> spikes = torch.zeros(1, 400)
    >>> spikes[0, 10] = 1.0
    >>> spike_shape(v, spikes, level=-10.0, dt=0.1)[:, 0]
    tensor([-75.,  30.,   1.])
    """
    sweeps, steps = v.shape
    sweep, time = spikes.nonzero().unbind(1)
    end = torch.full_like(time, steps + 1)
    end[:-1] = torch.where(sweep[1:] == sweep[:-1], time[1:], end[:-1])
    long = max(1, round(AFTER / dt))
    whole = torch.minimum(end, time + long) <= steps
    time, end, sweep = (x[whole] for x in (time, end, sweep))
    at = time[:, None] + torch.arange(long)
    inside = at < end[:, None]
    seen = v[sweep[:, None], at.clamp(max=steps - 1)]
    trough = seen.masked_fill(~inside, torch.inf).amin(1)
    height = seen.masked_fill(~inside, -torch.inf).amax(1)
    width = ((seen >= level) & inside).sum(1).to(v) * dt
    total = v.new_zeros(3, sweeps).index_add_(1, sweep, torch.stack([trough, height, width]))
    return total / v.new_zeros(sweeps).index_add_(0, sweep, torch.ones_like(width))


__all__ = ["spike_shape"]
