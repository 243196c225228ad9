"""The schemes of a cell: their order, their limit, what goes on from call to call, gradients, and steps too coarse."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import numpy as np
import pytest
import torch
from benchmarks.rallpack_cells import crossings
from torch import Tensor

from rheobase import channels as C
from rheobase.cells import BackwardEuler, Cell, CellState, Compartments, Extrapolated, Section
from rheobase.cells.schemes import weights
from rheobase.channels import Channel
from rheobase.core import entry, param, state
from rheobase.core.equations.kinetic import Reaction
from rheobase.errors import Diverged, ParameterError

SCHEMES = (BackwardEuler(), Extrapolated(2), Extrapolated(3))


class Gate(Channel):
    """A current of a kinetic scheme that is much faster than a step at some potentials."""

    ion = "na"
    gbar = param(0.02, "S/cm2", "maximal conductance", nonnegative=True)
    e = param(50.0, "mV", "reversal potential")
    v = entry("mV", "membrane potential")
    A = state(1.0, "1", "closed")
    B = state(0.0, "1", "open")

    def reactions(self, i: Any) -> Sequence[Reaction]:
        opens, closes = 40.0 * torch.exp(i / 12.0), 0.5 * torch.exp(-i / 20.0)
        return [Reaction("A", "B", opens, closes)]

    def conductance(self, s: Any, i: Any) -> Any:
        return self.gbar * s.B


def sphere(dt: float, scheme: Any) -> Cell:
    soma = Section("soma", length=20, diameter=20)
    return Cell(Compartments.of([soma]), {"soma": [C.Pas(g=1e-4, e=-70.0)]}, dt=dt, v_init=-70.0, scheme=scheme)


def small(*more: Any, **options: Any) -> Cell:
    """Two compartments with a kinetic scheme, and more."""
    soma = Section("soma", length=40, diameter=20, nseg=2)
    held = {"soma": [C.Pas(g=1e-4, e=-70.0, learn=("g",)), Gate(learn=("gbar",)), *more]}
    given = {"dt": 0.05, "scheme": Extrapolated(2), "learn": ("c_mem", "Ra"), "v_init": -72.0}
    return Cell(Compartments.of([soma]), held, reversal={"na": 50.0, "k": -90.0}, **{**given, **options})


def spiking(dt: float, scheme: Any) -> Cell:
    """One compartment with the currents that make an interneuron spike."""
    held = [C.Pas(g=6e-5, e=-70.0), C.NaV(gbar=0.17), C.Kv3_1(gbar=1.6)]
    soma = Section("soma", length=12, diameter=12)
    return Cell(
        Compartments.of([soma]),
        {"soma": held},
        dt=dt,
        c_mem=3.5,
        v_init=-70.0,
        scheme=scheme,
        reversal={"na": 53.0, "k": -107.0},
    )


def noise(*size: int) -> Tensor:
    return 0.6 * torch.rand(*size, generator=torch.Generator().manual_seed(3), dtype=torch.float64)


@pytest.mark.parametrize("scheme", SCHEMES, ids=str)
def test_a_charging_sphere_by_the_function_of_the_scheme(scheme: Any) -> None:
    """v - e = i R (1 - S(-dt/tau)^n) for n steps to rounding, and exp(-t/tau) in place of S^n to the scheme's order."""
    resistance, tau = 1.0 / (0.01 * np.pi * 400 * 1e-4), 10.0
    errors = []
    for dt in (2.0, 1.0, 0.5):
        steps = round(20 / dt)
        _, _, rec = sphere(dt, scheme)(torch.full((steps, 1), 0.01, dtype=torch.float64), record=("soma",))
        found = (rec["soma"][:, 0].numpy() + 70.0) / (0.01 * resistance)
        one = sum(w / (1.0 + dt / (k * tau)) ** k for k, w in enumerate(weights(scheme.order), 1))
        np.testing.assert_allclose(found, 1.0 - one ** np.arange(1, steps + 1), rtol=1e-12)
        errors.append(abs(found[-1] - (1.0 - np.exp(-20 / tau))))
    assert np.log2(errors[1] / errors[2]) == pytest.approx(scheme.order, abs=0.15)


@pytest.mark.parametrize("order", [2, 3])
def test_what_is_faster_than_a_step_is_over_after_it(order: int) -> None:
    """Of order 2 stable on the whole half plane, of order 3 on all but 0.5 degrees of it beside the imaginary axis."""
    angle = {2: 90.0, 3: 89.5}[order]
    z = np.logspace(-3, 6, 4000) * np.exp(1j * np.deg2rad(180.0 - angle))
    growth = np.abs(sum(w / (1.0 - z / k) ** k for k, w in enumerate(weights(order), 1)))
    assert growth.max() <= 1.0 + 1e-12
    assert growth[-1] < 1e-5


def test_spikes_at_their_limit() -> None:
    """Backward Euler comes to the limit at order 1, and at 30 times its step an extrapolation is nearer."""
    times: dict[tuple[int, float], Any] = {}
    for scheme, steps in ((BackwardEuler(), (0.01, 0.005, 0.0025)), (Extrapolated(3), (0.08, 0.04))):
        for dt in steps:
            x = torch.full((round(24 / dt), 1), 0.06, dtype=torch.float64)
            _, _, rec = spiking(dt, scheme)(x, record=("soma", "soma.NaV.O"))
            times[scheme.order, dt] = crossings(rec["soma"][:, 0].numpy(), dt, -20.0)
    limit = 2.0 * times[1, 0.0025] - times[1, 0.005]
    assert len(limit) > 1
    off = {key: abs(found - limit).max() for key, found in times.items()}
    assert off[1, 0.01] / off[1, 0.005] == pytest.approx(2.0, rel=0.05)
    assert off[3, 0.08] < off[1, 0.0025]
    assert off[3, 0.04] < off[1, 0.0025] / 2


def test_a_run_in_pieces_is_the_run() -> None:
    """Bit for bit: spikes, recorded potentials and states, and the state at the end, in both precisions."""
    pool = small(C.CaDynamics(), C.Ca_LVA(gbar=2e-3))
    for cell, names, x in (
        (spiking(0.04, Extrapolated(3)), ("soma", "soma.NaV.O"), 0.2 * noise(300, 3)),
        (pool, ("soma(0.9)", "soma.Gate.B", "soma.CaDynamics.ca"), noise(300, 3).float()),
    ):
        spikes, end, rec = cell(x, record=names, every=2)
        last, parts = None, []
        for piece in x.split(100):
            found, last, traces = cell(piece, last, record=names, every=2)
            parts.append((found, traces))
        assert torch.equal(torch.cat([found for found, _ in parts]), spikes)
        assert all(torch.equal(torch.cat([traces[name] for _, traces in parts]), rec[name]) for name in names)
        assert all(torch.equal(a, b) for a, b in zip(last, end, strict=True))  # type: ignore[arg-type]
        assert 3 <= int(spikes.sum()) < 100


def test_gradients() -> None:
    """Of conductances, passive properties, the stimulus and the first state, against differences of fourth order."""
    cell, x = small(), noise(40, 2).requires_grad_()
    first = CellState(*(s.detach().clone().requires_grad_() for s in cell.rest(2)))

    def loss() -> Tensor:
        _, end, rec = cell(x, first, record=("soma", "soma.Gate.B"), every=2)
        return rec["soma"].square().mean() + 50.0 * rec["soma.Gate.B"].sum() + end.v.sum() + end.membrane.sum()

    asked = {name: p for name, p in cell.named_parameters() if p.requires_grad} | {"x": x}
    asked |= {"v": first.v, "low": first.low, "membrane": first.membrane}
    found = torch.autograd.grad(loss(), list(asked.values()))
    for (name, tensor), gradient in zip(asked.items(), found, strict=True):
        flat = tensor.detach().view(-1)
        for k in {0, len(flat) - 1}:
            before, values = float(flat[k]), []
            h = 2e-4 * max(abs(before), 1e-3)
            with torch.no_grad():
                for step in (1, -1, 2, -2):
                    flat[k] = before + step * h
                    values.append(float(loss()))
                flat[k] = before
            numeric = (8 * (values[0] - values[1]) - (values[2] - values[3])) / (12 * h)
            scale = float(gradient.abs().max())
            assert float(gradient.view(-1)[k]) == pytest.approx(numeric, rel=1e-6, abs=1e-6 * scale + 1e-11 / h), name
    assert len(asked) == 8


def test_a_step_that_is_too_coarse_is_told() -> None:
    x = torch.zeros(20, 2, dtype=torch.float64)
    x[7, 1] = 1e5
    with pytest.raises(Diverged, match=r"at soma\(0.5\) of sample 1 after step 7 .*take a smaller dt: chains"):
        sphere(0.5, Extrapolated(2))(x)


@pytest.mark.parametrize("order", [1, 4, 2.0, True, "2"])
def test_orders_that_there_are_not(order: Any) -> None:
    with pytest.raises(ParameterError, match=r"order = .*expected 2 or 3"):
        Extrapolated(order)


@pytest.mark.parametrize("scheme", ["Extrapolated", Extrapolated, None, 2])
def test_schemes_that_are_none(scheme: Any) -> None:
    with pytest.raises(ParameterError, match=r"expected BackwardEuler\(\) or Extrapolated\(\)"):
        sphere(0.1, scheme)
