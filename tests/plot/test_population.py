"""The picture of a population, of runs that nobody had to simulate."""

from __future__ import annotations

from types import SimpleNamespace

import numpy as np
import pytest

from rheobase.plot import DARK, LIGHT, png, population
from rheobase.plot.population import _envelope


class Traces(np.ndarray):
    attrs = {"units": "mV"}  # noqa: RUF012  (as zarr has them)


def made(models=7, stimuli=5, peaks=None, **changes):
    time = np.arange(1.0, 401.0)
    rng = np.random.default_rng(0)
    values = (-70.0 + 5 * rng.random((models, stimuli, len(time)))).view(Traces)
    values[:, :, 100::40] = 20.0
    peaks = np.linspace(-0.1, 0.5, stimuli) if peaks is None else peaks
    current = np.zeros((stimuli, len(time)))
    current[:, 50:350] = np.asarray(peaks)[:, None]
    rates = np.clip(np.outer(rng.uniform(80, 120, models), peaks), 0, None)
    held = {
        "models": [f"models/seed{k}.json" for k in range(models)],
        "record": ("soma",),
        "time": time,
        "t_stop": 400.0,
        "stimuli": [f"step:{peak:.3g}:50:350" for peak in peaks],
        "current": current,
        "rates": rates,
        "complete": True,
        "traces": lambda name=None: values,
    } | changes
    return SimpleNamespace(**held)


def panels(figure):
    return [ax for part in figure.subfigs for ax in part.axes]


@pytest.mark.parametrize(("models", "stimuli", "traces"), [(7, 5, 9), (2, 2, 4), (1, 2, 2)])
def test_some_runs_and_the_curves_of_all_models(models, stimuli, traces):
    *above, below = panels(population(made(models, stimuli)))
    assert len(above) == traces
    assert len(below.lines) == models + 1
    assert "nA" in below.get_xlabel()
    assert above[0].get_title() == "step:-0.1:50:350"


def test_stimuli_of_one_height_make_a_map():
    figure = population(made(stimuli=3, peaks=[0.2, 0.2, 0.3]), style=DARK)
    *_, below, bar = panels(figure)
    assert len(below.images) == 1
    assert bar.get_ylabel() == "rate (Hz)"


def test_what_is_not_done_stays_empty_and_is_said():
    found = made(complete=False)
    found.rates[3] = np.nan
    found.traces()[0, 0] = np.nan
    figure = population(found, style=LIGHT)
    assert figure.subfigs[0].get_suptitle() == "7 models, 5 stimuli, unfinished"
    assert png(figure).startswith(b"\x89PNG")


def test_no_spike_is_lost_between_points():
    values = np.zeros(10_000)
    values[1234] = 1.0
    time, shown = _envelope(np.arange(10_000.0), values, 5)
    assert len(shown) == 4000
    assert time[shown.argmax()] == 1234
    assert (np.diff(time) >= 0).all()
