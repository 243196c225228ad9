"""How often a neuron fires under a constant current: all currents are lanes of one run."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import numpy as np
import torch
from matplotlib.axes import Axes

from rheobase.core.declaration.describe import display, driver, labelled
from rheobase.core.declaration.population import Declared
from rheobase.current_clamp import LONG, make, spikes_under, time_step
from rheobase.firing_onset import FiringOnset, late_rate
from rheobase.plot.style import Style, dress, few_ticks, legend_under

CURRENTS = 61
GRID_RATE = 0.25


@dataclass(frozen=True)
class FICurve:
    """Rates for each current, in Hz or per step, all (currents,).

    `steady` over the second half of a run, `first` of the first interval, `onset` 1 over the time to the first spike; 0
    where there are too few spikes, NaN where the time step would limit the rate.
    """

    currents: np.ndarray
    steady: np.ndarray
    first: np.ndarray
    onset: np.ndarray
    unit: str


def fi_curve(kind: type[Declared], most: float, **values: Any) -> FICurve:
    """The rates of a neuron under currents from 0 to `most`, at rest at first, for 1000 ms (or steps)."""
    neuron = make(kind, 1, time_step(kind), **values)
    currents = torch.linspace(0.0, most, CURRENTS, dtype=torch.float64)
    spikes = spikes_under(neuron, currents, LONG)
    per = 1.0 if neuron.dt is None else 1000.0 / neuron.dt
    rates = np.array([_rates(lane) for lane in spikes.T]) * per
    # in continuous time, a spike in every fourth step or more is the grid's rate and not the neuron's
    valid = rates[:, 0] < GRID_RATE * per if neuron.dt is not None else np.ones(CURRENTS, dtype=bool)
    rates[~valid] = np.nan
    return FICurve(currents.numpy(), *rates.T, unit="1/step" if neuron.dt is None else "Hz")


def _rates(spikes: torch.Tensor) -> tuple[float, float, float]:
    """Steady rate, rate of the first interval and of the time to the first spike, per step."""
    at = np.flatnonzero(spikes.numpy())
    return late_rate(spikes, None), 1 / (at[1] - at[0]) if len(at) > 1 else 0.0, 1 / (at[0] + 1) if len(at) else 0.0


def draw_fi(
    ax: Axes, kind: type[Declared], curve: FICurve, rheobase: float | None, onset: FiringOnset | None, style: Style
) -> None:
    """The rates over the current, with the rheobase; of a neuron that fires but once, how soon it does.

    Where firing begins to last is marked as well, if a neuron fires below it and stops.
    """
    dress(
        ax,
        style,
        title="f-I curve" if kind.Input is None else "firing rate",
        x=labelled(driver(kind), kind.input_unit),
        y=f"rate ({curve.unit})",
        grid="y",
    )
    drawn = {"1 / time to the only spike": (curve.onset, style.colours[0], "-")}
    if np.nansum(curve.first):
        first = (curve.first, style.colours[1], "--")
        drawn = {"steady": (curve.steady, style.colours[0], "-"), "first interval": first}
    for label, (rates, colour, line) in drawn.items():
        ax.plot(curve.currents, rates, line, color=colour, lw=1.5, label=label)
    if rheobase:
        unit = f"{rheobase:g} {display(kind.input_unit)}".rstrip()
        ax.plot([rheobase], [0.0], "^", color=style.ink, ms=5, clip_on=False, zorder=5, label=f"rheobase {unit}")
    if onset is not None and onset.stops:
        unit = f"{onset.current:g} {display(kind.input_unit)}".rstrip()
        ax.plot(
            [onset.current],
            [0.0],
            "^",
            mfc=style.background,
            mec=style.ink,
            ms=5,
            clip_on=False,
            zorder=5,
            label=f"lasts from {unit} on",
        )
    ax.set_xlim(0, float(curve.currents[-1]))
    ax.set_ylim(bottom=0)
    few_ticks(ax, x=4, y=5)
    legend_under(ax, style)
