"""Facts of the GLIF papers: closed forms, and the rules of the authors' simulator written out step by step."""

from __future__ import annotations

import math
from typing import Any

import numpy as np
import pytest
import torch

from rheobase import neurons

LEVELS = [neurons.GLIF1, neurons.GLIF2, neurons.GLIF3, neurons.GLIF4, neurons.GLIF5]
DT = 0.05


def parameters(cell: Any) -> dict[str, float]:
    """The parameters of a cell, with those that its level lacks at the value that means "none"."""
    none = dict(
        v_reset=0.0,
        f_v=0.0,
        v_add=0.0,
        theta_add=0.0,
        b_s=1.0,
        a_v=0.0,
        b_v=1.0,
        tau_asc_1=1.0,
        tau_asc_2=1.0,
        asc_add_1=0.0,
        asc_add_2=0.0,
        f_asc_1=0.0,
        f_asc_2=0.0,
    )
    return none | {name: float(value) for name, value in cell.values().items()}


def authors_rules(p: dict[str, float], current: np.ndarray, cut_steps: int) -> tuple[list[int], np.ndarray]:
    """The simulation as the Allen SDK defines it, v and theta_v solved exactly over a step: steps of the spikes, and
    the potential (NaN within a cut)."""
    g, c, rest = p["g_leak"], p["c_mem"], p["v_leak"]
    k = np.array([1 / p["tau_asc_1"], 1 / p["tau_asc_2"]])
    v, asc, spike_part, voltage_part = rest, np.zeros(2), 0.0, 0.0
    spikes, trace, t = [], np.full(len(current), np.nan), 0
    while t < len(current):
        total = current[t] + asc.sum()
        v_inf = rest + total / g
        phi = p["a_v"] / (p["b_v"] - g / c)
        fixed = p["a_v"] / p["b_v"] * (v_inf - rest)
        drift = phi * (v - v_inf)
        voltage_part = drift * math.exp(-g / c * DT) + (voltage_part - drift - fixed) * math.exp(-p["b_v"] * DT) + fixed
        v = v_inf + (v - v_inf) * math.exp(-g / c * DT)
        asc = asc * np.exp(-k * DT)
        spike_part *= math.exp(-p["b_s"] * DT)
        if v < p["v_threshold"] + spike_part + voltage_part:
            trace[t] = v
            t += 1
            continue
        spikes.append(t)
        v = p["v_reset"] if p["f_v"] == 0.0 else rest + p["f_v"] * (v - rest) + p["v_add"]
        left = np.array([p["f_asc_1"], p["f_asc_2"]]) * np.exp(-k * DT * cut_steps)
        asc = asc * left + np.array([p["asc_add_1"], p["asc_add_2"]])
        spike_part = spike_part * math.exp(-p["b_s"] * DT * cut_steps) + p["theta_add"]
        t += cut_steps
    return spikes, trace


def noisy_current(rheobase: float, steps: int = 40_000) -> np.ndarray:
    """A step with slow noise on it, around twice the rheobase."""
    rng = np.random.default_rng(3)
    slow = np.repeat(rng.normal(size=steps // 100), 100)
    return rheobase * (2.0 + 0.6 * slow) * (np.arange(steps) > 1000)


@pytest.mark.parametrize("cls", LEVELS, ids=lambda c: c.__name__)
def test_spikes_are_those_of_the_authors_rules(cls: Any) -> None:
    cell = cls(1, dt=DT).double()
    p = parameters(cell)
    current = noisy_current(p["g_leak"] * (p["v_threshold"] - p["v_leak"]))
    expected, trace = authors_rules(p, current, cut_steps=round(p["tau_refrac"] / DT))
    x = torch.from_numpy(current).view(-1, 1, 1)
    out, _, rec = cell(x, record=("v.pre",))
    found = out.flatten().nonzero().flatten().tolist()
    assert len(expected) > 40
    if cls is neurons.GLIF5:  # theta_v sees the potential of the step before: first order in dt
        assert len(found) == len(expected)
        assert max(abs(a - b) for a, b in zip(found, expected, strict=True)) <= 1
        return
    assert found == expected
    free = ~np.isnan(trace)
    assert np.allclose(rec.v_pre.flatten().numpy()[free], trace[free], rtol=0, atol=1e-9)


def test_theta_v_converges_to_the_exact_solution() -> None:
    """Under a constant current below threshold theta_v has a closed form."""
    p = parameters(neurons.GLIF5(1, dt=DT).double())
    i, t = 0.8 * p["g_leak"] * p["v_threshold"], 20.0
    rate, b, v_inf = p["g_leak"] / p["c_mem"], p["b_v"], i / p["g_leak"]
    fall = (math.exp(-rate * t) - math.exp(-b * t)) / (b - rate)
    exact = p["a_v"] * v_inf * ((1 - math.exp(-b * t)) / b - fall)
    errors = []
    for dt in (0.1, 0.05, 0.025):
        _, end = neurons.GLIF5(1, dt=dt).double()(torch.full((round(t / dt), 1, 1), i, dtype=torch.float64))
        errors.append(abs(float(end.theta_v) - exact))
    assert errors[0] < 0.01 * exact
    assert errors[0] / errors[1] == pytest.approx(2.0, rel=0.05)
    assert errors[1] / errors[2] == pytest.approx(2.0, rel=0.05)


@pytest.mark.parametrize("factor", [1.1, 2.0, 10.0])
def test_interval_of_glif1_is_the_cut_and_the_charging_time(factor: float) -> None:
    cell = neurons.GLIF1(1, dt=DT).double()
    p = parameters(cell)
    rheobase = p["g_leak"] * p["v_threshold"]
    charging = p["c_mem"] / p["g_leak"] * math.log(factor / (factor - 1))
    steps = round(p["tau_refrac"] / DT) - 1 + math.ceil(charging / DT)  # the step of the spike is part of the cut
    out, _ = cell(torch.full((20_000, 1, 1), factor * rheobase, dtype=torch.float64))
    times = out.flatten().nonzero().flatten()
    assert len(times) > 20
    assert set(torch.diff(times).tolist()) == {steps}
    assert int(times[0]) == math.ceil(charging / DT) - 1


@pytest.mark.parametrize("cls", LEVELS, ids=lambda c: c.__name__)
def test_everything_stands_still_in_the_cut(cls: Any) -> None:
    cell = cls(1, dt=DT).double()
    names = [name for name in cell.State._fields if name != "refrac"]
    out, _, rec = cell(torch.full((3000, 1, 1), 500.0, dtype=torch.float64), record=names)
    first = int(out.flatten().nonzero()[0])
    cut = round(float(cell.tau_refrac) / DT)
    for name in names:
        trace = getattr(rec, name).flatten()
        assert len(set(trace[first : first + cut].tolist())) == 1, name
        assert trace[first + cut] != trace[first], name
    assert float(out[first + 1 : first + cut].sum()) == 0.0


def test_reset_rules() -> None:
    """One spike from a chosen state: every jump is the paper's."""
    cell = neurons.GLIF5(1, dt=DT).double()
    p = parameters(cell)
    start = cell.rest(1)
    one = torch.ones_like(start.v)
    start = start._replace(v=60.0 * one, asc_1=5.0 * one, asc_2=-7.0 * one, theta_s=2.0 * one, theta_v=3.0 * one)
    out, end, rec = cell(torch.zeros(1, 1, 1, dtype=torch.float64), start, record=[f"{k}.pre" for k in start._fields])
    assert float(out) == 1.0
    pre = {k: float(getattr(rec, f"{k}_pre")) for k in start._fields}
    cut = p["tau_refrac"]
    assert float(end.v) == pytest.approx(p["f_v"] * pre["v"] + p["v_add"])
    for j in (1, 2):
        left = pre[f"asc_{j}"] * math.exp(-cut / p[f"tau_asc_{j}"])
        assert float(getattr(end, f"asc_{j}")) == pytest.approx(left + p[f"asc_add_{j}"])
    assert float(end.theta_s) == pytest.approx(pre["theta_s"] * math.exp(-p["b_s"] * cut) + p["theta_add"])
    assert float(end.theta_v) == pytest.approx(pre["theta_v"])


def test_a_level_without_its_mechanism_is_the_level_below() -> None:
    x = torch.from_numpy(noisy_current(256.0, 8000)).view(-1, 1, 1)

    def run(cls: Any, **values: float) -> torch.Tensor:
        return cls(1, dt=DT, **membrane, **values).double()(x)[0]

    membrane = dict(g_leak=9.43, v_threshold=27.0)  # the defaults of each level are a fit of their own
    plain = dict(f_v=0.0, v_add=0.0, theta_add=0.0)
    silent = dict(asc_add_1=0.0, asc_add_2=0.0)
    assert torch.equal(run(neurons.GLIF5, a_v=0.0), run(neurons.GLIF4))
    assert torch.equal(run(neurons.GLIF4, **silent), run(neurons.GLIF2))
    assert torch.equal(run(neurons.GLIF4, **plain), run(neurons.GLIF3))
    assert torch.equal(run(neurons.GLIF3, **silent), run(neurons.GLIF1))
    assert not torch.equal(run(neurons.GLIF3), run(neurons.GLIF1))
