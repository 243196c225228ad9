"""Facts of the GIF papers: the kernels as sums over all past spikes, written out without any recursion."""

from __future__ import annotations

import math
from typing import Any

import numpy as np
import pytest
import torch

from rheobase import Escape, neurons

DT = 0.1


def kernel_sum(amplitudes: list[float], taus: list[float], ages: np.ndarray) -> float:
    """Every spike's kernel, at its age in ms."""
    return sum(a * float(np.exp(-ages / tau).sum()) for a, tau in zip(amplitudes, taus, strict=True))


def by_sums(p: dict[str, float], current: np.ndarray) -> tuple[list[int], np.ndarray]:
    """Steps of the spikes, and the threshold at the end of every step."""
    held = round(p["tau_refrac"] / DT)
    keep = math.exp(-DT * p["g_leak"] / p["c_mem"])
    eta = ([p["eta_add_1"], p["eta_add_2"]], [p["tau_eta_1"], p["tau_eta_2"]])
    gamma = ([p["gamma_add_1"], p["gamma_add_2"]], [p["tau_gamma_1"], p["tau_gamma_2"]])
    v, spikes, thresholds = p["v_leak"], [], []
    for t, i in enumerate(current):
        ends = np.array([k + 1 for k in spikes], dtype=float)  # a spike stands at the end of its step
        if not spikes or t - spikes[-1] > held:
            v_inf = p["v_leak"] + (i - kernel_sum(*eta, (t - ends) * DT)) / p["g_leak"]
            v = v_inf + (v - v_inf) * keep
        thresholds.append(p["v_threshold"] + kernel_sum(*gamma, (t + 1 - ends) * DT))
        if v >= thresholds[-1] and (not spikes or t - spikes[-1] >= held):
            spikes.append(t)
            v = p["v_reset"]
    return spikes, np.array(thresholds)


def noisy_current(mean: float, steps: int) -> np.ndarray:
    rng = np.random.default_rng(5)
    return mean + 0.5 * mean * np.repeat(rng.normal(size=steps // 50), 50)


def test_states_are_the_sums_over_all_spikes() -> None:
    cell: Any = neurons.GIF(1, dt=DT).double()
    current = noisy_current(250.0, 10_000)
    expected, thresholds = by_sums({k: float(x) for k, x in cell.values().items()}, current)
    assert len(expected) > 20
    x = torch.from_numpy(current).view(-1, 1, 1)
    out, _, rec = cell(x, record=("gamma_1.pre", "gamma_2.pre"))
    assert out.flatten().nonzero().flatten().tolist() == expected
    theta = float(cell.v_threshold) + (rec.gamma_1_pre + rec.gamma_2_pre).flatten().numpy()
    assert np.allclose(theta, thresholds, rtol=0, atol=1e-9)


def test_v_stands_still_while_refractory_and_the_kernels_do_not() -> None:
    cell = neurons.GIF(1, dt=DT).double()
    out, _, rec = cell(torch.full((400, 1, 1), 300.0, dtype=torch.float64), record=("v", "eta_1", "gamma_1"))
    first = int(out.flatten().nonzero()[0])
    held = round(4.0 / DT)
    v, eta, gamma = (x.flatten()[first : first + held + 1] for x in rec)
    assert bool((v == cell.v_reset).all())
    assert float(rec.v.flatten()[first + held + 1]) != float(cell.v_reset)
    assert float(eta[-1] / eta[0]) == pytest.approx(math.exp(-4.0 / float(cell.tau_eta_1)))
    assert float(gamma[-1] / gamma[0]) == pytest.approx(math.exp(-4.0 / float(cell.tau_gamma_1)))


def test_without_kernels_it_is_a_leaky_integrator_with_a_closed_interval() -> None:
    none = dict(eta_add_1=0.0, eta_add_2=0.0, gamma_add_1=0.0, gamma_add_2=0.0)
    cell = neurons.GIF(1, dt=DT, v_reset=-60.0, **none).double()
    i, p = 150.0, {k: float(x) for k, x in cell.values().items()}
    v_inf = p["v_leak"] + i / p["g_leak"]
    charging = p["c_mem"] / p["g_leak"] * math.log((v_inf - p["v_reset"]) / (v_inf - p["v_threshold"]))
    out, _ = cell(torch.full((20_000, 1, 1), i, dtype=torch.float64))
    times = out.flatten().nonzero().flatten()
    assert set(torch.diff(times).tolist()) == {round(p["tau_refrac"] / DT) + math.ceil(charging / DT)}


def test_spike_frequency_adapts() -> None:
    """Both the current and the threshold slow the cell down: each alone, and more together."""
    x = torch.full((20_000, 1, 1), 300.0)
    still = dict(gamma_add_1=0.0, gamma_add_2=0.0), dict(eta_add_1=0.0, eta_add_2=0.0)
    base = dict(v_reset=-60.0)
    free, current, threshold, both = (
        float(neurons.GIF(1, dt=DT, **base, **values)(x)[0].sum())
        for values in ({**still[0], **still[1]}, still[0], still[1], {})
    )
    assert both < min(current, threshold) <= max(current, threshold) < free


def test_escape_noise_spares_the_refractory_time() -> None:
    """The stochastic model of the paper: intervals vary, and none is shorter than the refractory time."""
    cell = Escape(neurons.GIF(8, dt=DT), delta_u=1.4, rho_0=1.0, seed=1)
    out, _ = cell(torch.full((10_000, 1, 8), 300.0))
    gaps = torch.cat([torch.diff(lane.nonzero().flatten()) for lane in out[:, 0].T])
    assert len(gaps) > 100
    assert int(gaps.min()) >= round(4.0 / DT)
    assert float(gaps.float().std()) > 10.0
