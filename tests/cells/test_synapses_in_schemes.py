"""Synapses and gap junctions under the schemes of a cell: order, pieces, gradients, and junctions that are refused."""

from __future__ import annotations

import itertools
import math
from typing import Any

import numpy as np
import pytest
import torch
from scipy.integrate import solve_ivp
from torch import Tensor

from rheobase import channels as C
from rheobase.cells import BackwardEuler, Cell, Compartments, Current, Extrapolated, GapJunction, Section, Synapse
from rheobase.cells.schemes import weights
from rheobase.errors import ParameterError
from rheobase.synapses import NMDA, DoubleExponential, Exponential, spike_trains

SCHEMES = (BackwardEuler(), Extrapolated(2), Extrapolated(3))
AREA = math.pi * 400.0  # um2 of each of the two bodies
CAPACITY = 1e-5 * AREA  # nF
EXC, SLOW = (0.0, 2.0, 5.0), (1.0,)  # ms, beginnings of steps of every dt


def two(dt: float, scheme: Any, g: float = 2e-3, **options: Any) -> Cell:
    """Two bodies that stand apart, and a junction."""
    a = Section("soma", length=20, diameter=20, nseg=1)
    b = Section("dend", length=20, diameter=20, nseg=1)
    leak = {kind: [C.Pas(g=1e-4, e=-70.0)] for kind in ("soma", "dend")}
    given = {"junctions": [GapJunction("soma", "dend", g)], **options}
    return Cell(Compartments.of([a, b], trees=2), leak, dt=dt, v_init=-70.0, scheme=scheme, **given)


def with_synapses(dt: float, scheme: Any, learn: bool = False) -> Cell:
    exc = Exponential(weight=2e-3, tau=2.0, learn=("weight", "tau") if learn else ())
    slow = NMDA(weight=1e-2, tau_rise=1.0, tau_decay=20.0, learn=("weight", "tau_decay") if learn else ())
    held = {"exc": Synapse("soma", exc), "slow": Synapse("dend", slow)}
    return two(dt, scheme, inputs=held, learn=("g_gap",) if learn else ())


def by_scipy(stop: float) -> tuple[float, float]:
    """The potentials at the end by Dormand & Prince's method of order 8, anew after each spike."""
    leak = 0.01 * AREA * 1e-4
    peak = math.log(20.0) / (1.0 - 1.0 / 20.0)  # of exp(-t/20) - exp(-t)
    jump = 1e-2 / (math.exp(-peak / 20.0) - math.exp(-peak))

    def slope(t: float, y: Any) -> list[float]:
        v, u, g, a, b = y
        nmda = (b - a) / (1.0 + math.exp(-0.062 * u) / 3.57)
        across = 2e-3 * (v - u)
        return [
            (-leak * (v + 70.0) - g * v - across) / CAPACITY,
            (-leak * (u + 70.0) - nmda * u + across) / CAPACITY,
            -g / 2.0,
            -a / 1.0,
            -b / 20.0,
        ]

    y, times = np.array([-70.0, -70.0, 0.0, 0.0, 0.0]), sorted({*EXC, *SLOW, stop})
    for start, end in itertools.pairwise(times):
        y = y + np.array([0.0, 0.0, 2e-3 * (start in EXC), jump * (start in SLOW), jump * (start in SLOW)])
        y = solve_ivp(slope, (start, end), y, method="DOP853", rtol=1e-12, atol=1e-12).y[:, -1]
    return float(y[0]), float(y[1])


@pytest.mark.parametrize("scheme", SCHEMES, ids=str)
def test_potentials_converge_at_the_order_of_the_scheme(scheme: Any) -> None:
    """Of a fast and a voltage-dependent synapse and a junction, to those of another integrator, of both bodies."""
    stop, exact, errors = 8.0, by_scipy(8.0), []
    for dt in (0.25, 0.125, 0.0625):
        exc, slow = (spike_trains(list(times), t_stop=stop, dt=dt).double() for times in (EXC, SLOW))
        _, _, rec = with_synapses(dt, scheme)(exc=exc, slow=slow, record=("soma", "dend"))
        errors.append([abs(float(rec[name][-1, 0]) - v) for name, v in zip(("soma", "dend"), exact, strict=True)])
    assert exact[0] > -60.0
    assert abs(exact[0] - exact[1]) > 0.3
    assert max(errors[-1]) < {1: 0.2, 2: 1e-3, 3: 3e-6}[scheme.order]
    assert np.log2(max(errors[1]) / max(errors[2])) == pytest.approx(scheme.order, abs=0.05)
    # of the soma the term of that order nearly cancels here
    assert np.log2(errors[1][0] / errors[2][0]) > scheme.order - 0.05


@pytest.mark.parametrize(
    ("scheme", "dtype"), [(BackwardEuler(), torch.float64), (Extrapolated(3), torch.float32)], ids=str
)
def test_a_run_in_pieces_is_the_run(scheme: Any, dtype: torch.dtype) -> None:
    """Bit for bit, of a cell that spikes by its synapses, with calcium and a junction."""
    soma = Section("soma", length=20, diameter=20, nseg=1)
    dend = Section("dend", length=100, diameter=2, parent=soma, nseg=3)
    held = [C.Pas(g=1e-4, e=-70.0), C.NaTa_t(gbar=0.5), C.Kv3_1(gbar=0.3), C.CaDynamics(), C.Ca_LVA(gbar=1e-3)]
    exc = Synapse(["dend(0.9)", "soma"], DoubleExponential(weight=2e-3, tau_rise=0.3, tau_decay=3.0))
    cell = Cell(
        Compartments.of([soma, dend]),
        {"soma": held, "dend": [C.Pas(g=1e-4, e=-70.0)]},
        dt=0.05,
        v_init=-70.0,
        reversal={"na": 50.0, "k": -90.0},
        inputs={"exc": exc},
        scheme=scheme,
        junctions=[GapJunction("soma", "dend(0.9)", 5e-4)],
    )
    x = (torch.rand(600, 2, 2, generator=torch.Generator().manual_seed(4)) < 0.02).to(dtype)
    record = ("soma", "dend(0.9)", "exc.B", "soma.CaDynamics.ca")
    spikes, end, rec = cell(x, record=record, every=2)
    last, parts = None, []
    for piece in x.split(200):
        found, last, traces = cell(piece, last, record=record, every=2)
        parts.append((found, traces))
    assert int(spikes.sum()) > 3
    assert torch.equal(torch.cat([found for found, _ in parts]), spikes)
    assert all(torch.equal(torch.cat([traces[name] for _, traces in parts]), rec[name]) for name in record)
    assert all(torch.equal(a, b) for a, b in zip(last, end, strict=True))  # type: ignore[arg-type]


def test_gradients() -> None:
    """Of weights, time constants, the junction, spikes and first states, against differences of fourth order."""
    cell = with_synapses(0.25, Extrapolated(2), learn=True)
    x = torch.rand(2, 60, 1, generator=torch.Generator().manual_seed(2), dtype=torch.float64) * 0.3
    x.requires_grad_()
    first = type(cell.rest(1))(*((s + 1e-3).detach().requires_grad_() for s in cell.rest(1)))

    def loss() -> Tensor:
        _, end, rec = cell({"exc": x[0], "slow": x[1]}, first, record=("soma", "slow.B"), every=2)
        return (rec["soma"] + 60.0).square().mean() + 1e3 * rec["slow.B"].sum() + 1e3 * end.membrane.sum() + end.v.sum()

    asked = {name: p for name, p in cell.named_parameters() if p.requires_grad}
    asked |= {"x": x, "v": first.v, "membrane": first.membrane}
    found = torch.autograd.grad(loss(), list(asked.values()))
    for (name, tensor), gradient in zip(asked.items(), found, strict=True):
        flat, scale = tensor.detach().view(-1), float(gradient.abs().max())
        assert scale > 0, name
        for k in {0, len(flat) - 1}:
            before, values = float(flat[k]), []
            h = 2e-4 * max(abs(before), 1e-2)
            with torch.no_grad():
                for step in (1, -1, 2, -2):
                    flat[k] = before + step * h
                    values.append(float(loss()))
                flat[k] = before
            numeric = (8 * (values[0] - values[1]) - (values[2] - values[3])) / (12 * h)
            assert float(gradient.reshape(-1)[k]) == pytest.approx(numeric, rel=1e-6, abs=1e-7 * scale), name
    assert len(asked) == 8


@pytest.mark.parametrize("order", [2, 3])
@pytest.mark.parametrize("factor", [0.3, 4.5])
def test_a_difference_shrinks_by_the_function_of_the_scheme(order: int, factor: float) -> None:
    """By the sum of weight_k ((c - g h)/(c + g h))^k, h = dt/k, in each step, the leak beside it."""
    dt, leak = 0.1, 0.01 * AREA * 1e-4
    g = factor * CAPACITY / dt
    cell = two(dt, Extrapolated(order), g)
    start = cell.rest(1)
    v = start.v.clone()
    v[0] += 10.0
    x = torch.zeros(20, 1, dtype=torch.float64)
    _, _, rec = cell(x, start._replace(v=v), record=("soma", "dend"), check_finite=False)  # of a g that no cell has
    shrink = sum(
        w * ((k * CAPACITY - g * dt) / (k * CAPACITY + g * dt + leak * dt)) ** k
        for k, w in enumerate(weights(order), 1)
    )
    assert abs(shrink) < 1.0
    expected = 10.0 * shrink ** torch.arange(1.0, 21.0, dtype=torch.float64)
    torch.testing.assert_close((rec["soma"] - rec["dend"])[:, 0], expected, rtol=1e-6, atol=1e-9)


@pytest.mark.parametrize(("order", "factor"), [(2, 4.9), (3, 4.7), (3, 1e6)])
def test_a_junction_that_a_scheme_would_amplify_is_refused(order: int, factor: float) -> None:
    g = torch.tensor([1e-3, factor * CAPACITY / 0.1], dtype=torch.float64)
    cell = two(0.1, Extrapolated(order), junctions=[GapJunction("soma", "dend", g)], shape=(2,))
    with pytest.raises(ParameterError, match=r"the junction of 'soma' and 'dend', g = .* uS: a step of 0.1 ms mul.*by"):
        cell(torch.zeros(5, 1, 2))
    cell = two(0.1, BackwardEuler(), junctions=[GapJunction("soma", "dend", g)], shape=(2,))
    cell(torch.zeros(5, 1, 2), check_finite=False)


def test_junctions_at_one_place_count_together() -> None:
    g = 2.5 * CAPACITY / 0.1
    twice = [GapJunction("soma", "dend", g), GapJunction("dend", "soma", g)]
    two(0.1, Extrapolated(), g)(torch.zeros(5, 1), check_finite=False)
    with pytest.raises(ParameterError, match="shrinks"):
        two(0.1, Extrapolated(), junctions=twice, inputs={"current": Current()})(torch.zeros(5, 1))
