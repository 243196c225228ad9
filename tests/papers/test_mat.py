"""Facts of the MAT paper: the threshold as a sum over spikes, and the four firing patterns of its figure 5B."""

from __future__ import annotations

import math

import numpy as np
import pytest
import torch

from rheobase import neurons

SETS = ("regular_spiking", "intrinsic_bursting", "fast_spiking", "chattering")
DT = 0.1


def intervals(name: str) -> torch.Tensor:
    """Between the spikes that a set makes under the protocol of its source, in ms."""
    shown = neurons.MAT.sets()[name].shown
    assert shown is not None
    cell = neurons.MAT.named(name, 1, dt=shown.dt)
    out, _ = cell(shown.current(), cell.start(shown))
    times = out.flatten().nonzero().flatten() * shown.dt
    assert bool((times >= 100.0).all())
    assert bool((times <= 605.0).all())
    return torch.diff(times)


def test_the_sets_are_those_of_the_paper() -> None:
    assert tuple(neurons.MAT.sets()) == SETS


def test_regular_spiking_adapts() -> None:
    gaps = intervals("regular_spiking")
    assert 10 <= len(gaps) <= 20
    assert bool((torch.diff(gaps) > -0.15).all())  # to the rounding of a step
    assert gaps[-1] > 2.5 * gaps[0]


def test_intrinsic_bursting_starts_with_a_burst() -> None:
    gaps = intervals("intrinsic_bursting")
    assert gaps[0] < 6.0
    assert gaps[-1] > 20.0
    assert gaps[0] < 0.5 * intervals("regular_spiking")[0]


def test_fast_spiking_is_fast_and_hardly_adapts() -> None:
    gaps = intervals("fast_spiking")
    assert len(gaps) > 80
    assert float(gaps.max()) < 7.0
    assert gaps[-1] < 1.3 * gaps[len(gaps) // 4]


def test_chattering_repeats_bursts() -> None:
    """Within a burst the refractory time sets the pace; between bursts there is silence."""
    gaps = intervals("chattering")
    silent = gaps > 20.0
    assert bool((gaps[~silent] < 3.0).all())
    assert int(silent.sum()) >= 5
    later = gaps[silent][1:]
    assert float(later.max() - later.min()) < 2.0  # the bursts come in rhythm
    positions = silent.nonzero().flatten()
    assert bool((torch.diff(positions) >= 2).all())  # more than one spike in each


@pytest.mark.parametrize("name", SETS)
def test_threshold_is_the_sum_over_all_spikes(name: str) -> None:
    """theta(t) = omega + sum_k [alpha_1 exp(-(t - t_k)/tau_1) + alpha_2 exp(-(t - t_k)/tau_2)], v is never reset."""
    cell = neurons.MAT.named(name, 1, dt=DT).double()
    i, steps = 700.0, 3000
    x = torch.full((steps, 1, 1), i, dtype=torch.float64)
    out, _, rec = cell(x, record=("v.pre", "theta_1.pre", "theta_2.pre"))
    p = {k: float(value) for k, value in cell.values().items()}
    spikes = out.flatten().nonzero().flatten().numpy()
    ends = np.arange(1, steps + 1)
    ages = (ends[:, None] - (spikes + 1)[None, :]) * DT
    past = ages > 0
    for k in (1, 2):
        kernel = np.where(past, np.exp(-np.where(past, ages, 0.0) / p[f"tau_{k}"]), 0.0)
        found = getattr(rec, f"theta_{k}_pre").flatten().numpy()
        assert np.allclose(found, p[f"alpha_{k}"] * kernel.sum(1), rtol=0, atol=1e-9)
    v = p["v_leak"] + p["r"] * i * (1.0 - np.exp(-ends * DT / p["tau_mem"]))
    assert np.allclose(rec.v_pre.flatten().numpy(), v, rtol=0, atol=1e-9)
    theta = p["omega"] + (rec.theta_1_pre + rec.theta_2_pre).flatten().numpy()
    free = ~np.any((ages > 0) & (ages < p["tau_refrac"] - 1e-6), axis=1)
    assert np.array_equal(np.flatnonzero((v >= theta) & free), spikes)


def test_above_threshold_the_refractory_time_sets_the_pace() -> None:
    cell = neurons.MAT(1, dt=DT, alpha_1=0.0, alpha_2=0.0)
    out, _ = cell(torch.full((1000, 1, 1), 1000.0))
    assert set(torch.diff(out.flatten().nonzero().flatten()).tolist()) == {round(2.0 / DT)}


def test_first_spike_is_that_of_a_leaky_integrator() -> None:
    i = 600.0
    crossing = 5.0 * math.log(30.0 / (30.0 - 20.0))  # r i = 30 mV, omega 20 mV above rest
    out, _ = neurons.MAT(1, dt=DT).double()(torch.full((200, 1, 1), i, dtype=torch.float64))
    assert int(out.flatten().nonzero()[0]) == math.ceil(crossing / DT) - 1
