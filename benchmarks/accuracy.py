"""How far a simulation is from the truth: spike times per cell, voltages below threshold, and a second opinion."""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np

from benchmarks.simulators import Array, Experiment

JUDGED = 3  # cells that scipy integrates too


@dataclass(frozen=True)
class SpikeTimes:
    """Against the reference. `equal_counts`: share of cells with as many spikes; over the spikes of these cells,
    `rms` and `largest` differences in ms; `interval`: median over them of how much longer the mean interval is."""

    spikes: int
    equal_counts: float
    rms: float
    largest: float
    interval: float


def compare(found: Sequence[Array], exact: Sequence[Array]) -> SpikeTimes:
    """Spike times per cell, against those of the reference."""
    if len(found) != len(exact):
        raise ValueError(f"{len(found)} cells against {len(exact)} of the reference")
    equal = [(mine, other) for mine, other in zip(found, exact, strict=True) if len(mine) == len(other)]
    differences = np.concatenate([mine - other for mine, other in equal])
    longer = [(m[-1] - m[0]) / (o[-1] - o[0]) - 1.0 for m, o in equal if len(o) > 2]
    return SpikeTimes(
        sum(map(len, found)),
        len(equal) / len(exact),
        float(np.sqrt(np.mean(differences**2))) if len(differences) else math.nan,
        float(np.abs(differences).max()) if len(differences) else math.nan,
        float(np.median(longer)) if longer else math.nan,
    )


def voltage_error(found: Array, exact: Array, stride: int) -> float:
    """Root mean square of the difference (mV), at the steps of `found`; the reference has `stride` steps to one."""
    return float(np.sqrt(np.mean((found - exact[stride - 1 :: stride]) ** 2)))


def slopes(_: float, x: Array, current: float) -> list[float]:
    """The equations of Hodgkin & Huxley (1952) at 6.3 degrees, written once more, for scipy."""
    v, m, h, n = x
    alpha_m = 1.0 / _relative((-40.0 - v) / 10.0)
    beta_m = 4.0 * math.exp((-65.0 - v) / 18.0)
    alpha_h = 0.07 * math.exp((-65.0 - v) / 20.0)
    beta_h = 1.0 / (1.0 + math.exp((-35.0 - v) / 10.0))
    alpha_n = 0.1 / _relative((-55.0 - v) / 10.0)
    beta_n = 0.125 * math.exp((-65.0 - v) / 80.0)
    ionic = 120.0 * m**3 * h * (v - 50.0) + 36.0 * n**4 * (v + 77.0) + 0.3 * (v + 54.387)
    return [
        current - ionic,
        alpha_m * (1.0 - m) - beta_m * m,
        alpha_h * (1.0 - h) - beta_h * h,
        alpha_n * (1.0 - n) - beta_n * n,
    ]


def _relative(x: float) -> float:
    """(exp(x) - 1)/x."""
    return math.expm1(x) / x if x else 1.0


def own_error(e: Experiment, exact: Sequence[Array]) -> float:
    """The largest difference (ms) of the reference's spike times from DOP853's, over cells from low to high current.

    Half a step of the reference is the least that can be asked: it says only in which step a cell crossed.
    """
    from scipy.integrate import solve_ivp

    def crossing(t: float, x: Array, current: float) -> float:
        return float(x[0])

    event: Any = crossing
    event.direction = 1.0
    firing = [k for k, times in enumerate(exact) if len(times) > 2]
    begin = [e.rest[name] for name in ("v", "m", "h", "n")]
    worst = 0.0
    for k in np.linspace(0, len(firing) - 1, JUDGED).astype(int):
        cell = firing[k]
        solved = solve_ivp(
            slopes,
            (0.0, e.t_stop),
            begin,
            "DOP853",
            args=(float(e.currents[cell]),),
            rtol=1e-10,
            atol=1e-12,
            events=event,
        )
        times = solved.t_events[0]
        if len(times) != len(exact[cell]):
            raise RuntimeError(f"cell {cell}: {len(exact[cell])} spikes in the reference, {len(times)} by DOP853")
        worst = max(worst, float(np.abs(times - exact[cell]).max()))
    return worst
