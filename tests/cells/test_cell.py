"""Cells: closed forms of the cable, gradients, and states that go on."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest
import torch
from torch import Tensor

from rheobase import channels as C
from rheobase.cells import Cell, CellState, Compartments, Conductance, Current, Place, Section, VoltageClamp
from rheobase.nn import Sequential
from tests.cells.branched_cell import active, branched, noise

# --- closed forms -----------------------------------------------------------------------------------


def test_a_sphere_charges_exponentially() -> None:
    """v - e = i R (1 - exp(-t/tau)), to first order in dt."""
    soma = Section("soma", length=20, diameter=20)
    errors = []
    for dt in (0.1, 0.05):
        cell = Cell(Compartments.of([soma]), {"soma": [C.Pas(g=1e-4, e=-70.0)]}, dt=dt, v_init=-70.0)
        steps = round(30 / dt)
        _, _, rec = cell(torch.full((steps, 1), 0.01, dtype=torch.float64), record=("soma",))
        area, tau = np.pi * 20 * 20, 10.0
        t = dt * torch.arange(1, steps + 1, dtype=torch.float64)
        exact = -70.0 + 0.01 / (0.01 * area * 1e-4) * (1 - torch.exp(-t / tau))
        errors.append(float((rec["soma"][:, 0] - exact).abs().max()))
    assert errors[0] < 0.03
    assert errors[0] / errors[1] == pytest.approx(2.0, rel=0.02)


def test_input_resistance_of_a_long_cable() -> None:
    """A semi-infinite cable: R = sqrt(Rm Ra) 2 / (pi d^1.5); seen half a compartment from its end."""
    rm, ra, d = 1 / 1e-4, 100.0, 2.0
    exact = 2 * np.sqrt(rm * ra) / (np.pi * (d * 1e-4) ** 1.5) * 1e-6  # MOhm
    errors = []
    for nseg in (201, 603):
        cable = Section("dend", length=5000, diameter=d)
        cell = Cell(
            Compartments.of([cable], nseg=nseg),
            {"dend": [C.Pas(g=1e-4, e=-70.0)]},
            dt=1.0,
            v_init=-70.0,
            Ra=ra,
            inputs={"current": Current("dend", 0.0)},
            watch=Place("dend", 0.5),
        )
        _, _, rec = cell(torch.full((400, 1), 0.01, dtype=torch.float64), record=("dend(0)",))
        # at the first centre, half a compartment from the end
        x = 5000 / nseg / 2
        length = np.sqrt(rm / ra * d * 1e-4 / 4) * 1e4
        expected = exact * np.exp(-x / length)
        errors.append(abs(float(rec["dend(0)"][-1, 0] + 70.0) / 0.01 / expected - 1))
    assert max(errors) < 5e-6


@pytest.mark.parametrize(
    ("options", "far"),
    [({"Ra": 1e15}, 0.0), ({"Ra": 1e300}, 0.0), ({"dt": 1e9}, 1.0), ({"c_mem": 1e-300}, 1.0)],
    ids=str,
)
def test_extreme_numbers_end_in_the_closed_form(options: dict[str, float], far: float) -> None:
    """Of two compartments: apart where nothing flows between them, else both at i R of the whole from one step on."""
    soma = Section("soma", length=20, diameter=20, nseg=2)
    given = {"dt": 1e9, "v_init": -70.0, "inputs": {"current": Current("soma", 0.25)}, **options}
    cell = Cell(Compartments.of([soma]), {"soma": [C.Pas(g=1e-4, e=-70.0)]}, **given)
    x = torch.full((20, 1), 0.01, dtype=torch.float64)
    _, _, rec = cell(x, record=("soma(0.25)", "soma(0.75)"), check_finite=False)  # of numbers that no cell has
    rise = 0.01 / (0.01 * np.pi * 400 * 1e-4) * (2.0 - far)
    assert float(rec["soma(0.25)"][-1] + 70.0) == pytest.approx(rise, rel=1e-2)
    assert float(rec["soma(0.75)"][-1] + 70.0) == pytest.approx(far * rise, rel=1e-2, abs=1e-6)


def test_a_clamp_holds_the_potential() -> None:
    cell = active(inputs={"command": VoltageClamp("soma", 0.5, r=1e-4)})
    command = torch.full((400, 1), -40.0, dtype=torch.float64)
    _, _, rec = cell(command, record=("soma",))
    assert float((rec["soma"][1:] + 40.0).abs().max()) < 0.01


def test_a_conductance_pulls_to_its_battery() -> None:
    cell = active(inputs={"g": Conductance("dend[1]", 0.7, e=10.0)})
    g = torch.full((400, 1), 100.0, dtype=torch.float64)  # as a clamp, which no synapse is
    _, _, rec = cell(g, record=("dend[1](0.7)",), check_finite=False)
    assert float((rec["dend[1](0.7)"][1:] - 10.0).abs().max()) < 0.05


# --- lanes, chunks, types ---------------------------------------------------------------------------


def test_lanes_are_cells_of_their_own() -> None:
    """Each cell of a batch, with parameters of its own, is bit for bit the one that runs alone."""
    gbar = torch.tensor([0.05, 0.1, 0.2], dtype=torch.float64)
    together = active((3,), c_mem={"soma": torch.tensor([1.0, 1.1, 1.2]), "dend": 2.0})
    together.channels["soma"]["NaV"].gbar = gbar  # type: ignore[index]
    x = noise(400, 2, 3)
    spikes, end, rec = together(x, record=("soma", "dend[2](0.9)"))
    for k in range(3):
        alone = active((1,), c_mem={"soma": torch.tensor([1.0, 1.1, 1.2])[k : k + 1], "dend": 2.0})
        alone.channels["soma"]["NaV"].gbar = gbar[k : k + 1]  # type: ignore[index]
        found, last, traces = alone(x[..., k : k + 1].contiguous(), record=("soma", "dend[2](0.9)"))
        assert torch.equal(found, spikes[..., k : k + 1])
        for name, trace in traces.items():
            torch.testing.assert_close(trace, rec[name][..., k : k + 1], rtol=0, atol=1e-11)
        torch.testing.assert_close(last.membrane, end.membrane[..., k : k + 1], rtol=0, atol=1e-12)
    assert 0 < int(spikes.sum()) < spikes.numel()


@pytest.mark.parametrize("dtype", [torch.float64, torch.float32])
def test_a_run_in_pieces_is_the_run(dtype: torch.dtype) -> None:
    cell, x = active(), noise(600, 3, dtype=dtype)
    spikes, end, rec = cell(x, record=("soma", "soma.CaDynamics.ca"), every=2)
    state, parts = None, []
    for piece in x.split(200):
        found, state, traces = cell(piece, state, record=("soma", "soma.CaDynamics.ca"), every=2)
        parts.append((found, traces))
    assert torch.equal(torch.cat([p for p, _ in parts]), spikes)
    assert all(torch.equal(torch.cat([t[name] for _, t in parts]), rec[name]) for name in rec)
    assert all(torch.equal(a, b) for a, b in zip(state, end, strict=True))  # type: ignore[arg-type]


def test_a_cell_stands_in_a_network() -> None:
    """A layer of three cells between two linear ones: its state goes on, and gradients reach the weights before it."""
    gain = torch.nn.Linear(2, 3).double()
    torch.nn.init.constant_(gain.weight, 0.5)
    torch.nn.init.zeros_(gain.bias)
    net = Sequential(gain, active((3,)), torch.nn.Linear(3, 1).double())
    x = noise(400, 2, 2)
    out, (end,) = net(x)
    first, states = net(x[:200])
    second, (last,) = net(x[200:], states)
    torch.testing.assert_close(torch.cat([first, second]), out)
    torch.testing.assert_close(last.v, end.v, rtol=1e-6, atol=1e-6)
    out.sum().backward()
    assert gain.weight.grad is not None
    assert bool((gain.weight.grad != 0).any())


def test_every_keeps_every_so_many_steps() -> None:
    cell, x = active(), noise(60, 1)
    _, _, all_of_it = cell(x, record=("soma", "dend.Ih.m"))
    _, _, some = cell(x, record=("soma", "dend.Ih.m"), every=5)
    for name in some:
        assert torch.equal(some[name], all_of_it[name][4::5])
    assert some["dend.Ih.m"].shape == (12, 9, 1)


def test_float32_keeps_spike_times() -> None:
    cell = active()
    current = torch.full((8000, 2), 0.3, dtype=torch.float64)
    current[:, 1] = 0.5
    times = []
    for dtype in (torch.float64, torch.float32):
        spikes, _, _ = cell(current.to(dtype), record=("soma",))
        times.append(spikes.nonzero())
    assert torch.equal(times[0], times[1])
    assert len(times[0]) > 10


# --- gradients --------------------------------------------------------------------------------------


def test_gradients_of_everything() -> None:
    """Through a branched cell with every kind of mechanism and input, against differences of fourth order."""
    shape = (2,)
    both = torch.tensor([1.0, 1.3], dtype=torch.float64)
    held = {
        "soma": [
            C.Pas(2, g=3e-5 * both, e=-70.0, learn=("g", "e")),
            C.NaV(2, gbar=0.1 * both, learn=("gbar",)),
            C.Kv3_1(2, gbar=0.3 * both, learn=("gbar",)),
            C.CaDynamics(2, gamma=0.05 * both, learn=("gamma", "decay")),
            C.SK(2, gbar=0.01 * both, learn=("gbar",)),
            C.Ca_HVA(2, gbar=1e-3 * both, learn=("gbar",)),
            C.Ca_LVA(gbar=2e-3, learn=("gbar",)),
            C.Nap(2, gbar=1e-4 * both, learn=("gbar",)),
        ],
        "dend": [
            C.Pas(g=3e-5, e=-70.0, learn=("g",)),
            C.Ih(gbar=1e-4, learn=("gbar",)),
            C.NaV(gbar=0.01, learn=("gbar",)),
            C.Im_v2(gbar=1e-4, learn=("gbar",)),
            C.Kd(gbar=1e-3, learn=("gbar",)),
        ],
    }
    inputs = {
        "current": Current(),
        "synapse": Conductance("dend[1]", 0.7),
        "clamp": VoltageClamp("dend[2]", 1.0, r=5.0),
    }
    cell = Cell(
        branched(),
        held,
        dt=0.025,
        shape=shape,
        c_mem={"soma": torch.tensor([1.0, 1.2]), "dend": 2.0},
        Ra=120.0,
        learn=("c_mem", "Ra"),
        reversal={"na": 53.0, "k": -107.0},
        inputs=inputs,
        v_init=-72.0,
        scale={"dend.Ih.gbar": lambda d: np.exp(d / 50)},
    )
    x = {
        name: (noise(80, 3, 2, scale=scale, seed=k) + low).requires_grad_()
        for k, (name, scale, low) in enumerate((("current", 0.6, 0.0), ("synapse", 2e-3, 0.0), ("clamp", 20.0, -70.0)))
    }
    first = CellState(*(s.detach().clone().requires_grad_() for s in cell.rest(3)))
    weights = noise(20, 3, 2, scale=1.0, seed=9)

    def loss() -> Tensor:
        _, end, rec = cell(x, first, record=("soma", "dend[2](0.9)", "dend.NaV.O"), every=4)
        traces = (weights * (rec["soma"] + 0.3 * rec["dend[2](0.9)"])).sum() + 5.0 * rec["dend.NaV.O"].sum()
        return traces + 0.1 * end.v.sum() + end.membrane.sum()

    asked = {name: p for name, p in cell.named_parameters() if p.requires_grad} | x
    asked |= {"v": first.v, "low": first.low, "membrane": first.membrane}
    found = torch.autograd.grad(loss(), list(asked.values()))
    pick = torch.Generator().manual_seed(1)
    for (name, tensor), gradient in zip(asked.items(), found, strict=True):
        flat, scale = tensor.detach().view(-1), float(gradient.abs().max())
        places = range(len(flat)) if len(flat) <= 2 else torch.randint(0, len(flat), (2,), generator=pick).tolist()
        for k in places:
            before = float(flat[k])
            h = 2e-4 * max(abs(before), 1e-3)
            values = []
            with torch.no_grad():
                for step in (1, -1, 2, -2):
                    flat[k] = before + step * h
                    values.append(float(loss()))
                flat[k] = before
            numeric = (8 * (values[0] - values[1]) - (values[2] - values[3])) / (12 * h)
            # what rounding of a loss of 1e4 leaves of a difference
            assert float(gradient.view(-1)[k]) == pytest.approx(numeric, rel=1e-6, abs=1e-6 * scale + 1e-12 / h), name
    assert len(asked) == 25


def test_a_call_makes_no_mechanism_again(monkeypatch: pytest.MonkeyPatch) -> None:
    """What a kernel knows of a cell follows once from its plan; a short call was mostly that."""
    cell, x = active(), torch.zeros(4, 1, dtype=torch.float64)
    _, state, _ = cell(x, record=("soma",))
    made = list[str]()
    begin = C.Channel.__init__

    def counted(self: C.Channel, *shape: Any, **options: Any) -> None:
        made.append(type(self).__name__)
        begin(self, *shape, **options)

    monkeypatch.setattr(C.Channel, "__init__", counted)
    cell(x, state, record=("soma",))
    assert made == []
    C.Pas()
    assert made == ["Pas"]
