"""Synapses and gap junctions of a cell: what they are equal to, their gradients, and what is refused."""

from __future__ import annotations

import math
import sys
import types
from typing import Any

import pytest
import torch
from torch import Tensor

from rheobase import channels as C
from rheobase.cells import Cell, Compartments, Conductance, Current, GapJunction, Place, Section, Synapse
from rheobase.core import entry, param, relax, state
from rheobase.errors import InputError, ParameterError, ShapeError
from rheobase.nn import AxonalDelay, Sequential
from rheobase.synapses import NMDA, Alpha, DoubleExponential, Exponential, Receptor, spike_trains

RECORD = ("soma", "dend[2](0.9)", "exc.g")
SITES = ("dend[1](0.9)", "dend[2](0.5)", "dend[1](0.9)", "soma(0.5)")  # one twice


def tree() -> Compartments:
    soma = Section("soma", length=20, diameter=20, nseg=1)
    stem = Section("dend[0]", length=100, diameter=2, parent=soma, at=0.5)
    left = Section("dend[1]", length=60, diameter=1, parent=stem)
    right = Section("dend[2]", length=80, diameter=(1.5, 0.5), parent=stem)
    return Compartments.of([soma, stem, left, right], nseg=3)


def passive(inputs: dict[str, Any], **options: Any) -> Cell:
    leak = {kind: [C.Pas(g=1e-4, e=-70.0)] for kind in ("soma", "dend")}
    return Cell(tree(), leak, **{"dt": 0.1, "v_init": -70.0, "inputs": inputs, **options})


def random_spikes(steps: int, *size: int, rate: float = 0.05, seed: int = 0) -> Tensor:
    """Zeros and ones, and here and there a 2."""
    u = torch.rand(steps, *size, generator=torch.Generator().manual_seed(seed), dtype=torch.float64)
    return (u < rate).double() + (u < 0.2 * rate).double()


# --- what they are equal to -------------------------------------------------------------------------


def test_a_synapse_is_the_conductance_that_its_receptor_gives() -> None:
    """An alpha function at a dendrite, and the same as a conductance by its closed form."""
    steps, dt, weight, tau = 300, 0.1, 2e-3, 1.5
    x = spike_trains([2.0, 7.0], t_stop=steps * dt, dt=dt).double()
    _, _, rec = passive({"exc": Synapse("dend[1](0.9)", Alpha(weight=weight, tau=tau, e=5.0))})(x, record=("soma",))
    t = dt * torch.arange(steps, dtype=torch.float64)[:, None] - torch.tensor([2.0, 7.0], dtype=torch.float64)
    g = torch.where(t > 0, weight * t / tau * torch.exp(1 - t / tau), 0.0).sum(1, keepdim=True)
    _, _, expected = passive({"g": Conductance("dend[1]", 0.9, e=5.0)})(g, record=("soma",))
    assert float((expected["soma"] + 70.0).max()) > 1.0
    torch.testing.assert_close(rec["soma"], expected["soma"], rtol=0, atol=1e-11)


def test_many_synapses_are_each_of_them() -> None:
    """Four places with weights and times of their own in one input, one place twice, and the same as four inputs."""
    weight = torch.tensor([1e-3, 2e-3, 5e-4, 3e-3], dtype=torch.float64)
    tau = torch.tensor([1.0, 2.0, 5.0, 0.5], dtype=torch.float64)
    x = random_spikes(200, 2, 4)
    record = ("soma", "dend[1](0.9)", "dend[2](0.9)")
    _, end, rec = passive({"exc": Synapse(SITES, Exponential(4, weight=weight, tau=tau))})(
        exc=x, record=(*record, "exc.g")
    )
    alone = passive({f"s{k}": Synapse(SITES[k], Exponential(weight=weight[k], tau=tau[k])) for k in range(4)})
    _, last, expected = alone({f"s{k}": x[..., k].contiguous() for k in range(4)}, record=(*record, "s2.g"))
    for name in record:
        torch.testing.assert_close(rec[name], expected[name], rtol=0, atol=1e-12)
    assert rec["exc.g"].shape == (200, 4, 2)
    assert torch.equal(rec["exc.g"][:, 2], expected["s2.g"][:, 0])
    assert torch.equal(end.membrane, last.membrane)


def test_lanes_are_cells_of_their_own() -> None:
    """Weights of each cell and place, a time constant of each place, spikes of each sample."""
    weight = torch.tensor([[1e-3, 2e-3, 5e-4, 3e-3], [2e-3, 1e-3, 1e-3, 1e-4]], dtype=torch.float64)
    tau = torch.tensor([1.0, 2.0, 5.0, 0.5], dtype=torch.float64)
    together = passive({"exc": Synapse(SITES, Exponential(2, 4, weight=weight, tau=tau))}, shape=(2,))
    x = random_spikes(100, 3, 2, 4)
    spikes, _, rec = together(x, record=("dend[1](0.9)", "exc.g"))
    assert spikes.shape == (100, 3, 2)
    for k in range(2):
        alone = passive({"exc": Synapse(SITES, Exponential(4, weight=weight[k], tau=tau))})
        _, _, expected = alone(x[:, :, k].contiguous(), record=("dend[1](0.9)", "exc.g"))
        for name in rec:
            torch.testing.assert_close(rec[name][..., k], expected[name], rtol=0, atol=1e-12)


@pytest.mark.parametrize("dtype", [torch.float64, torch.float32])
def test_a_run_in_pieces_is_the_run(dtype: torch.dtype) -> None:
    """Bit for bit, in the states of the synapses and the potentials."""
    cell = mixed()
    x = {name: value.detach().to(dtype) for name, value in mixed_input(120, 3).items()}
    _, end, rec = cell(x, record=RECORD)
    state, parts = None, []
    for k in range(0, 120, 40):
        _, state, traces = cell({name: value[k : k + 40] for name, value in x.items()}, state, record=RECORD)
        parts.append(traces)
    for name in RECORD:
        assert torch.equal(torch.cat([t[name] for t in parts]), rec[name]), name
    for a, b in zip(state, end, strict=True):  # type: ignore[arg-type]
        assert torch.equal(a, b)


def test_float32_keeps_the_potential() -> None:
    cell, x = mixed(), mixed_input(400, 3)
    with torch.no_grad():
        _, _, rec = cell({name: value.float() for name, value in x.items()}, record=RECORD)
        _, _, expected = cell(x, record=RECORD)
    assert float((rec["soma"] - expected["soma"]).abs().max()) < 3e-4
    torch.testing.assert_close(rec["exc.g"].double(), expected["exc.g"], rtol=1e-5, atol=1e-9)


def test_a_layer_with_delays_drives_a_cell() -> None:
    """Spikes through delays of the library are spikes at later times."""
    held = {"exc": Synapse(SITES, Exponential(4, weight=torch.full((4,), 1e-3), tau=torch.ones(4)))}
    delays = AxonalDelay(4, taps=9, width=0.0).double()
    delays.positions.d.data = torch.tensor([0.0, 3.0, 5.0, 8.0], dtype=torch.float64)
    net = Sequential(delays, passive(held))
    times = [[1.0, 2.0], [1.5], [2.0], [0.5]]
    _, (_, end) = net(spike_trains(times, t_stop=6.0, dt=0.1).double())
    later = [[t + 0.1 * d for t in train] for train, d in zip(times, (0, 3, 5, 8), strict=True)]
    _, last = net.layers[1](spike_trains(later, t_stop=6.0, dt=0.1).double())
    torch.testing.assert_close(end.v, last.v, rtol=0, atol=1e-12)


# --- gradients --------------------------------------------------------------------------------------


def mixed(**options: Any) -> Cell:
    """Every kind of input, places, cells and a junction."""
    held = {
        "exc": Synapse(SITES, Exponential(2, 4, weight=1e-3 * torch.tensor([[1.0], [2.0]]),
                                          tau=torch.tensor([1.0, 2.0, 3.0, 4.0]), learn=("weight", "tau", "e"))),
        "nmda": Synapse(SITES[:2], NMDA(weight=3e-3, learn=("weight", "tau_rise", "tau_decay", "mg"))),
        "inh": Synapse("dend[0](0.5)", DoubleExponential(2, weight=torch.tensor([1e-3, 2e-3]), e=-80.0,
                                                         learn=("weight", "tau_decay"))),
        "current": Current("soma"),
    }  # fmt: skip
    gaps = [
        GapJunction("dend[1](0.9)", "dend[2](0.9)", 2e-3),
        GapJunction("soma", Place("dend[2]", 0.5), torch.tensor([1e-3, 2e-3])),
    ]
    return passive(held, shape=(2,), junctions=gaps, learn=("g_gap",), **options)


def mixed_input(steps: int, batch: int) -> dict[str, Tensor]:
    u = torch.rand(steps, batch, 2, generator=torch.Generator().manual_seed(5), dtype=torch.float64)
    return {
        "exc": random_spikes(steps, batch, 2, 4) + 0.01,
        "nmda": random_spikes(steps, batch, 2, 2, seed=1) + 0.01,
        "inh": random_spikes(steps, batch, 2, seed=2) + 0.01,
        "current": 0.05 * u,
    }


def test_gradients_of_everything() -> None:
    """To weights, time constants, potentials, magnesium, junctions, spikes and states, against differences."""
    cell = mixed()
    x = {name: value.requires_grad_() for name, value in mixed_input(100, 3).items()}
    first = type(cell.rest(3))(*((s + 1e-3).detach().requires_grad_() for s in cell.rest(3)))

    def loss() -> Tensor:
        _, end, rec = cell(x, first, record=RECORD, every=4)
        traces = ((rec["soma"] + 60.0) ** 2).sum() + (rec["dend[2](0.9)"] + 50.0).abs().sum()
        return 1e-2 * traces + 1e3 * rec["exc.g"].sum() + 1e3 * end.membrane.sum()

    asked = {name: p for name, p in cell.named_parameters() if p.requires_grad} | x
    asked |= {"v": first.v, "membrane": first.membrane}
    found = torch.autograd.grad(loss(), list(asked.values()))
    pick = torch.Generator().manual_seed(1)
    for (name, tensor), gradient in zip(asked.items(), found, strict=True):
        flat, scale = tensor.detach().view(-1), float(gradient.abs().max())
        assert scale > 0, name
        places = range(len(flat)) if len(flat) <= 2 else torch.randint(0, len(flat), (3,), generator=pick).tolist()
        for k in places:
            before = float(flat[k])
            h = 2e-4 * max(abs(before), 1e-2)
            values = []
            with torch.no_grad():
                for step in (1, -1, 2, -2):
                    flat[k] = before + step * h
                    values.append(float(loss()))
                flat[k] = before
            numeric = (8 * (values[0] - values[1]) - (values[2] - values[3])) / (12 * h)
            assert float(gradient.reshape(-1)[k]) == pytest.approx(numeric, rel=1e-6, abs=1e-7 * scale), name
    assert len(asked) == 16


# --- gap junctions ----------------------------------------------------------------------------------


def two(g: float, dt: float) -> Cell:
    """Two bodies that stand apart, and a junction."""
    a = Section("soma", length=20, diameter=20, nseg=1)
    b = Section("dend[0]", length=20, diameter=20, nseg=1)
    leak = {kind: [C.Pas(g=1e-4, e=-70.0)] for kind in ("soma", "dend")}
    return Cell(
        Compartments.of([a, b], trees=2),
        leak,
        dt=dt,
        v_init=-70.0,
        junctions=[GapJunction("soma", "dend[0]", g)],
    )


def test_the_potential_behind_a_junction() -> None:
    """At rest with a current into the one, u/v = g/(g + g_leak): two resistances in a row."""
    g, leak = 2e-3, 0.01 * math.pi * 400 * 1e-4
    _, _, rec = two(g, 0.5)(torch.full((2000, 1), 0.01, dtype=torch.float64), record=("soma", "dend[0]"))
    v, u = (float(rec[name][-1]) + 70.0 for name in ("soma", "dend[0]"))
    assert u / v == pytest.approx(g / (g + leak), rel=1e-6)


@pytest.mark.parametrize("factor", [0.3, 3.0, 1000.0])
def test_a_junction_is_stable_at_any_step(factor: float) -> None:
    """A difference of potentials shrinks by (c - g dt)/(c + g dt) each step: in turns of sign where g dt > c."""
    dt, c = 0.1, 1e-5 * math.pi * 400  # nF
    g = factor * c / dt
    cell = two(g, dt)
    start = cell.rest(1)
    v = start.v.clone()
    v[0] += 10.0
    x = torch.zeros(20, 1, dtype=torch.float64)
    _, _, rec = cell(x, start._replace(v=v), record=("soma", "dend[0]"), check_finite=False)  # of a g that no cell has
    apart = (rec["soma"] - rec["dend[0]"])[:, 0]
    leak = dt * 1e-2 * math.pi * 400 * 1e-4
    shrink = (c - g * dt) / (c + g * dt + leak)
    torch.testing.assert_close(
        apart, 10.0 * shrink ** torch.arange(1.0, 21.0, dtype=torch.float64), rtol=1e-6, atol=1e-9
    )


# --- what is refused --------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("made", "message"),
    [
        (lambda: Synapse("dend[1](1.5)", Exponential()), r"x = 1.5"),
        (lambda: Synapse("dend[1](0.5", Exponential()), r"the place 'dend\[1\]\(0.5'"),
        (lambda: Synapse([], Exponential()), "no place"),
        (lambda: Synapse(["soma", 3], Exponential()), "the place 3"),
        (lambda: Synapse("soma", Exponential), "the receptor"),
        (lambda: Synapse("soma", C.Pas()), "the receptor"),
        (lambda: Synapse("soma", Exponential(), delay=1.0), r"delay = 1.0.*AxonalDelay"),  # type: ignore[arg-type]
        (lambda: passive({"exc": Synapse("dend[7]", Exponential())}), r"dend\[7\]"),
        (lambda: passive({"dend": Synapse("soma", Exponential())}), "a synapse named 'dend'"),
        (lambda: passive({"a.b": Synapse("soma", Exponential())}), r"a synapse named 'a\.b'"),
        (lambda: passive({"values": Synapse("soma", Exponential())}), "a synapse named 'values'"),
        (lambda: passive({"record": Synapse("soma", Exponential())}), "an input named 'record'"),
        (lambda: passive({"exc": Synapse(SITES, Exponential(3))}), r"Exponential of shape \(3,\) as exc.*\(4,\)"),
        (lambda: passive({"exc": Synapse("soma", Exponential(3))}), r"Exponential of shape \(3,\) as exc"),
        (lambda: passive({"exc": Synapse(SITES, Exponential(2, 4))}, shape=(3,)), r"\(3, 4\), \(\*cells, places\)"),
        (lambda: GapJunction("soma", "soma(0.5)"), "twice"),
        (lambda: GapJunction("soma", 3), "the place 3"),
        (lambda: passive(ONE, junctions=[GapJunction("dend[0](0.4)", "dend[0](0.5)")]), "two compartments"),
        (lambda: passive(ONE, junctions=[GapJunction("soma", "dend[7]")]), r"dend\[7\]"),
        (lambda: passive(ONE, junctions=[GapJunction("soma", "dend[0]", -1.0)]), r"g = -1.0 of a gap junction"),
        (lambda: passive(ONE, junctions=[GapJunction("soma", "dend[0]", torch.ones(2))]), "of a gap junction"),
        (lambda: passive(ONE, junctions=["soma"]), "junction 'soma'"),
        (lambda: passive(ONE, learn=("g_gap",)), "learn 'g_gap'"),
    ],
)
def test_synapses_that_cannot_be(made: Any, message: str) -> None:
    with pytest.raises(ParameterError, match=message):
        made()


ONE = {"current": Current()}
LEAKY = """
from rheobase.channels import Channel
from rheobase.core import entry, param

class Leaky(Channel):
    g = param(1e-4, "S/cm2", "conductance")
    e = param(-70.0, "mV", "reversal potential")
    v = entry("mV", "potential")

    def conductance(self, s, i):
        return {factor} * self.g
"""


def test_a_class_that_is_written_again(monkeypatch: pytest.MonkeyPatch) -> None:
    """As in a notebook: its new equations, and a word on instances of the old class and on classes of a function."""
    notebook: Any = types.ModuleType("notebook_of_a_test")
    monkeypatch.setitem(sys.modules, notebook.__name__, notebook)
    tree = Compartments.of([Section("soma", length=20, diameter=20)])
    ends = []
    for factor in (1.0, 2.0):
        exec(LEAKY.format(factor=factor), vars(notebook))
        cell = Cell(tree, {"soma": [notebook.Leaky()]}, dt=1.0, v_init=-70.0)
        ends.append(float(cell(torch.full((500, 1), 0.01, dtype=torch.float64))[1].v[0, 0]) + 70.0)
    assert ends[0] / ends[1] == pytest.approx(2.0)
    exec(LEAKY.format(factor=3.0), vars(notebook))
    with pytest.raises(ParameterError, match=r"notebook_of_a_test:Leaky, which there is not or is now another class"):
        cell(torch.zeros(5, 1))

    class Inside(Receptor):
        e = param(0.0, "mV", "reversal potential")
        spikes = entry("1", "spikes")
        g = state(0.0, "uS", "conductance")

        def received(self, s: Any, spikes: Any) -> Any:
            return s._replace(g=s.g + spikes)

        def dynamics(self, s: Any, v: Any) -> Any:
            return dict(g=relax(0.0, 1.0))

        def conductance(self, s: Any, v: Any) -> Any:
            return s.g

    with pytest.raises(ParameterError, match=r"<locals>\.Inside, which there is not.*top of a file"):
        passive({"exc": Synapse("soma", Inside())})


def test_calls_that_cannot_be() -> None:
    cell = passive({"exc": Synapse(SITES, Exponential()), "current": Current()})
    x, current = torch.zeros(20, 2, 4), torch.zeros(20, 2)
    with pytest.raises(ShapeError, match=r"exc of shape \(20, 2\).*\(time, batch, 4\)"):
        cell(exc=current, current=current)
    with pytest.raises(ShapeError, match=r"current \(20, 3\), torch.float32; expected \(20, 2\), torch.float32"):
        cell(exc=x, current=torch.zeros(20, 3))
    with pytest.raises(InputError, match=r"exc\[3, 1, 2\] = -1.0.*from 0 on"):
        cell(exc=torch.where(torch.arange(160).view(20, 2, 4) == 30, -1.0, x), current=current)
    with pytest.raises(InputError, match=r"exc\[3, 1, 2\] = nan"):
        cell(exc=torch.where(torch.arange(160).view(20, 2, 4) == 30, torch.nan, x), current=current)
    with pytest.raises(ParameterError, match="no exc"):
        cell(current=current)
    with pytest.raises(ParameterError, match=r"exc\.g"):
        cell(exc=x, current=current, record=("exc.gg.x",))
