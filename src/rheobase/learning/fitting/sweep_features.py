"""What one compares of a sweep without any package: spikes, first time, intervals, the potential between them."""

from __future__ import annotations

import math
from dataclasses import dataclass

from torch import Tensor

from rheobase.learning.fitting.loss import subthreshold
from rheobase.learning.fitting.recording import Recording


@dataclass(frozen=True)
class SweepFeatures:
    """The features of one sweep; NaN where it has no such value.

    first       ms from the beginning of the sweep to the first spike
    interval    mean interval in ms
    adaptation  last interval over the first one
    v           mean potential between spikes, in mV
    """

    spikes: int
    first: float
    interval: float
    adaptation: float
    v: float


def of_sweeps(recording: Recording, spikes: Tensor, v: Tensor | None) -> list[SweepFeatures]:
    """The features of spikes and v (sweep, time); v is averaged where neither data nor model have a spike nearby."""
    open_ = subthreshold((recording.spikes() + spikes).clamp(max=1.0).T, recording.dt).T > 0
    found: list[SweepFeatures] = []
    for k, row in enumerate(spikes):
        times = row.nonzero()[:, 0].double() * recording.dt
        gaps = times.diff()
        first = float(times[0]) + recording.start if len(times) else math.nan
        interval = float(gaps.mean()) if len(gaps) else math.nan
        adaptation = float(gaps[-1] / gaps[0]) if len(gaps) > 1 else math.nan
        mean = float(v[k][open_[k]].mean()) if v is not None and bool(open_[k].any()) else math.nan
        found.append(SweepFeatures(len(times), first, interval, adaptation, mean))
    return found
