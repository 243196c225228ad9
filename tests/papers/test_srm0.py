"""Facts of the spike response model: its kernels, and intervals in closed form."""

from __future__ import annotations

import math

import pytest
import torch

from rheobase import neurons

DT = 0.01
TAU_S, TAU_M = 2.0, 10.0


def epsilon(t: torch.Tensor) -> torch.Tensor:
    """The response to a pulse of area 1."""
    return (torch.exp(-t / TAU_M) - torch.exp(-t / TAU_S)) / (TAU_M - TAU_S)


def test_response_to_a_pulse_is_epsilon() -> None:
    cell = neurons.SRM0(1, dt=DT, v_threshold=1e6).double()
    pulse = torch.zeros(4000, 1, 1, dtype=torch.float64)
    pulse[0] = 1.0 / DT
    _, _, rec = cell(pulse, record=("h",))
    t = torch.arange(1, 4001, dtype=torch.float64) * DT
    peak = float(epsilon(t).max())
    assert float((rec.h.flatten() - epsilon(t)).abs().max()) < 0.01 * peak


def test_response_converges_with_order_1() -> None:
    """Under a constant input h is the integral of epsilon, in closed form."""
    t = 8.0
    exact = 1.0 - (TAU_M * math.exp(-t / TAU_M) - TAU_S * math.exp(-t / TAU_S)) / (TAU_M - TAU_S)
    errors = []
    for dt in (0.1, 0.05, 0.025):
        cell = neurons.SRM0(1, dt=dt, v_threshold=1e6).double()
        _, end = cell(torch.ones(round(t / dt), 1, 1, dtype=torch.float64))
        errors.append(abs(float(end.h) - exact))
    assert errors[0] / errors[1] == pytest.approx(2.0, rel=0.05)
    assert errors[1] / errors[2] == pytest.approx(2.0, rel=0.05)


@pytest.mark.parametrize("memory", ["last", "all"])
@pytest.mark.parametrize("drive", [1.2, 1.5, 3.0])
def test_interval_in_closed_form(memory: str, drive: float) -> None:
    """At h = i a spike comes where eta has risen to v_threshold - i; with "all", eta starts from what was left."""
    eta_0, tau = 4.0, 20.0
    cell = neurons.SRM0(1, dt=DT, eta_0=eta_0, memory=memory).double()
    over = drive - 1.0
    left = over / eta_0 if memory == "last" else over / (eta_0 + over)
    out, _ = cell(torch.full((60_000, 1, 1), drive, dtype=torch.float64))
    times = out.flatten().nonzero().flatten() * DT
    assert float(torch.diff(times)[-1]) == pytest.approx(-tau * math.log(left), abs=2 * DT)


def test_memory_of_all_spikes_fires_less() -> None:
    x = torch.full((4000, 1, 1), 2.0)
    last, everything = (float(neurons.SRM0(1, dt=0.1, memory=m)(x)[0].sum()) for m in ("last", "all"))
    assert 0 < everything < last
