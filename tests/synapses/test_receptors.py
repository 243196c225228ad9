"""Every receptor: its closed form, its kernel against the reference, its units and gradients, and what is refused."""

from __future__ import annotations

import math
from pathlib import Path
from typing import Any

import pytest
import torch
from torch import Tensor

from rheobase import neurons, synapses
from rheobase.cells import Cell, Compartments, Section, Synapse
from rheobase.channels import Pas
from rheobase.core import entry, param, relax, state
from rheobase.core.interpreters.unit_check import check_units
from rheobase.errors import DeclarationError, ParameterError
from rheobase.synapses import NMDA, Alpha, DoubleExponential, Exponential, Receptor, spike_trains

NAMES = [name for name in synapses.__all__ if name not in ("Receptor", "spike_trains")]
DT, STEPS = 0.1, 200
every_receptor = pytest.mark.parametrize("name", NAMES)


def inputs(name: str, spikes: Tensor, v: float = -30.0) -> dict[str, Tensor]:
    known = {"spikes": spikes, "v": torch.full_like(spikes, v).detach()}
    return {key: known[key] for key in getattr(synapses, name).entries}


def test_every_file_is_a_receptor() -> None:
    files = {path.stem for path in Path(synapses.__file__).parent.glob("*.py")}
    assert files - {"__init__", "receptor", "peak", "trains"} == {synapses.FILES[name] for name in NAMES}


# --- closed forms -----------------------------------------------------------------------------------


def double(t: Tensor, rise: float, decay: float) -> Tensor:
    """A difference of exponentials whose largest value is 1, found by looking for it."""
    fine = torch.linspace(0, 10 * max(rise, decay), 2_000_001, dtype=torch.float64)
    peak = (torch.exp(-fine / decay) - torch.exp(-fine / rise)).max()
    return (torch.exp(-t / decay) - torch.exp(-t / rise)) / peak


def block(v: float) -> float:
    return 1.0 / (1.0 + 1.0 / 3.57 * math.exp(-0.062 * v))


FORMS: dict[str, Any] = {
    "Exponential": lambda t: torch.exp(-t / 2.0),
    "DoubleExponential": lambda t: double(t, 0.5, 2.0),
    "Alpha": lambda t: t * torch.exp(1.0 - t),
    "NMDA": lambda t: double(t, 0.29, 43.0) * block(-30.0),
}


@every_receptor
def test_the_conductance_of_spikes(name: str) -> None:
    """The sum of the closed forms at the beginnings of steps, spikes that come together and weights included."""
    times = [0.0, 1.0, 1.0, 7.3]
    x = spike_trains(times, t_stop=STEPS * DT, dt=DT).double()[..., None]
    g, _ = getattr(synapses, name)(1, dt=DT, weight=3e-3).double()(**inputs(name, x))
    t = DT * torch.arange(STEPS, dtype=torch.float64)[:, None] - torch.tensor(times, dtype=torch.float64)
    # a step before the spike is none, whatever rounding makes of the difference
    expected = 3e-3 * torch.where(t > -1e-9, FORMS[name](t.clamp(min=0)), 0.0).sum(1)
    torch.testing.assert_close(g[:, 0, 0], expected, rtol=1e-9, atol=1e-14)


def test_the_block_is_that_of_the_paper() -> None:
    """Jahr & Stevens (1990) at 1 mM of magnesium: a tenth is open at -36 mV, half at -20.5 mV."""
    nmda = NMDA(1, dt=DT).double()
    open_ = [
        float(nmda.conductance(NMDA.State(A=0.0, B=1.0), torch.tensor(v, dtype=torch.float64)))
        for v in (-70, -20.53, 40)
    ]
    assert open_ == pytest.approx([0.0444, 0.5, 0.977], abs=1e-3)


def test_exchanged_times_are_the_same_curve() -> None:
    x = spike_trains([1.0, 2.0], t_stop=STEPS * DT, dt=DT).double()[..., None]
    curves = [DoubleExponential(1, dt=DT, tau_rise=a, tau_decay=b).double()(x)[0] for a, b in ((0.5, 3.0), (3.0, 0.5))]
    torch.testing.assert_close(*curves, rtol=1e-12, atol=1e-18)


def test_named_sets() -> None:
    assert repr(Exponential.named("GABA_A")) == "Exponential(tau=5, e=-70)"
    assert {kind.__name__: tuple(kind.sets()) for kind in (Exponential, DoubleExponential)} == {
        "Exponential": ("AMPA", "GABA_A"),
        "DoubleExponential": ("AMPA", "GABA_A"),
    }
    for kind in (Exponential, DoubleExponential):
        for name in kind.sets():
            kind.named(name, 3, dt=DT)


# --- of every receptor ------------------------------------------------------------------------------


@every_receptor
def test_units(name: str) -> None:
    check_units(getattr(synapses, name)(1, dt=DT))


@every_receptor
def test_the_kernel_is_the_reference(name: str) -> None:
    u = torch.rand(60, 2, 3, generator=torch.Generator().manual_seed(1))
    for dtype, tolerance in ((torch.float64, 1e-12), (torch.float32, 2e-5)):
        m = getattr(synapses, name)(3, dt=DT).to(dtype)
        x = inputs(name, (u < 0.1).to(dtype))
        found, end = m(**x, backend="llvm")
        expected, last = m(**x, backend="reference")
        torch.testing.assert_close(found, expected, rtol=tolerance, atol=tolerance * 1e-3)
        for a, b in zip(end, last, strict=True):
            torch.testing.assert_close(a, b, rtol=tolerance, atol=tolerance * 1e-3)
        pieces, middle = m(**{key: part[:25] for key, part in x.items()}, backend="llvm")
        rest, again = m(**{key: part[25:] for key, part in x.items()}, state=middle, backend="llvm")
        assert torch.equal(torch.cat([pieces, rest]), found)
        assert all(torch.equal(a, b) for a, b in zip(again, end, strict=True))


@every_receptor
def test_gradients(name: str) -> None:
    x = torch.rand(4, 1, 2, generator=torch.Generator().manual_seed(5), dtype=torch.float64).requires_grad_()
    kind = getattr(synapses, name)
    learn = tuple(key for key in kind.params if key != "e")
    m = kind(2, dt=0.5, learn=learn, weight=1.0).double()

    def call(spikes: Tensor, *_: Tensor) -> Tensor:
        return m(**inputs(name, spikes))[0]

    assert torch.autograd.gradcheck(call, (x, *m.parameters()), eps=1e-6, atol=1e-8, rtol=1e-6)


# --- a point neuron ---------------------------------------------------------------------------------


def test_the_same_receptor_drives_a_point_neuron() -> None:
    """CondLIF behind two receptors, and a cell of one compartment with the same two: the same for small steps."""
    area = math.pi * 400
    c_mem, g_leak = 1e-2 * area, 1e-4 * area * 1e1  # pF of 1 uF/cm2, nS of 1e-4 S/cm2
    kinds = {"g_exc": Exponential.named("AMPA", weight=8e-4), "g_inh": DoubleExponential.named("GABA_A", weight=5e-4)}
    times = {"g_exc": [2.0, 5.0, 5.0, 9.0], "g_inh": [6.0, 12.0]}
    errors = []
    for dt in (0.1, 0.05):
        x = {name: spike_trains(t, t_stop=20.0, dt=dt).double() for name, t in times.items()}
        g = {}
        for name, receptor in kinds.items():
            receptor.dt = dt
            g[name] = 1e3 * receptor.double()(x[name])[0][..., None]  # uS to nS
        point = neurons.CondLIF(1, dt=dt, c_mem=c_mem, g_leak=g_leak, v_leak=-65.0, v_threshold=50.0).double()
        _, _, rec = point(**g, state=point.State(v=torch.full((1, 1), -65.0, dtype=torch.float64)), record=("v",))
        soma = Section("soma", length=20, diameter=20, nseg=1)
        cell = Cell(
            Compartments.of([soma]),
            {"soma": [Pas(g=1e-4, e=-65.0)]},
            dt=dt,
            v_init=-65.0,
            inputs={name: Synapse("soma", receptor) for name, receptor in kinds.items()},
        )
        _, _, traces = cell(x, record=("soma",))
        assert float(traces["soma"].max()) > -60.0
        errors.append(float((traces["soma"][:, 0] - rec.v[:, 0, 0]).abs().max()))
    assert errors[0] < 0.1
    assert errors[0] / errors[1] == pytest.approx(2.0, rel=0.1)


# --- what is refused --------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("times", "message"),
    [
        ([3.0, 2.0], "the train: 3 ms before 2 ms.*sort"),
        ([[1.0], [5.0, 4.5]], "train 1: 5 ms before 4.5 ms"),
        ([-0.01, 2.0], "the train: -0.01 ms.*from 0 on"),
        ([1.0, 10.0], "10 ms of 10 ms.*before the end"),
        ([1.0, 9.96], "9.96 ms of 10 ms"),
        ([1.0, math.nan], "finite times"),
        ([[1.0], ["late"]], "times in ms"),
        (["1.0", None], "times in ms"),
        (5.0, "times in ms"),
    ],
)
def test_times_that_cannot_be(times: Any, message: str) -> None:
    with pytest.raises(ParameterError, match=message):
        spike_trains(times, t_stop=10.0, dt=0.1)


def test_spike_times() -> None:
    """To the nearest beginning of a step; of one train and of many, as lists and as arrays."""
    x = spike_trains([[0.04, 0.06, 0.1, 0.14], torch.tensor([9.9]), []], t_stop=10.0, dt=0.1)
    assert x.shape == (100, 1, 3)
    assert x[:3, 0, 0].tolist() == [1.0, 3.0, 0.0]
    assert x.sum((0, 1)).tolist() == [4.0, 1.0, 0.0]
    assert spike_trains([], t_stop=1.0, dt=0.1).shape == (10, 1)
    with pytest.raises(ParameterError, match="dt = 0"):
        spike_trains([1.0], t_stop=10.0, dt=0)


def test_values_that_cannot_be() -> None:
    with pytest.raises(ParameterError, match=r"tau_decay = tau_rise.*Alpha"):
        DoubleExponential(tau_rise=2.0, tau_decay=2.0)
    nmda = NMDA(2, learn=("tau_rise",))
    with pytest.raises(ParameterError, match=r"tau_rise = tau_decay"):
        nmda.tau_rise = torch.tensor([1.0, 43.0])
    assert nmda.tau_rise.detach().tolist() == pytest.approx([0.29] * 2) or nmda.tau_rise.dim() == 0
    with pytest.raises(ParameterError, match="weight >= 0"):
        Exponential(weight=-1e-3)
    with pytest.raises(ParameterError, match="dt = 0"):
        Alpha(dt=0)


BODY = {
    "tau": param(2.0, "ms", "time constant", positive=True),
    "e": param(0.0, "mV", "reversal potential"),
    "spikes": entry("1", "spikes"),
    "g": state(0.0, "uS", "conductance"),
    "conductance": lambda self, s, v: s.g,
    "received": lambda self, s, spikes: s._replace(g=s.g + spikes),
    "dynamics": lambda self, s, v: dict(g=relax(0.0, self.tau)),
}


@pytest.mark.parametrize(
    ("change", "message"),
    [
        ({"conductance": None}, "no conductance"),
        ({"received": None}, "no received"),
        ({"dynamics": None}, "neither dynamics nor advanced"),
        ({"advanced": lambda self, s, v: s}, "dynamics and advanced"),
        ({"e": None}, "no e"),
        ({"spikes": entry("mV", "x"), "q": entry("1", "y")}, "the inputs spikes, q"),
        ({"spikes": None}, "the inputs current"),
        ({"g": state(0.0, "nS", "conductance")}, "g in nS; expected uS"),
        ({"tau": param(2.0, "s", "time constant", positive=True)}, "tau in s; expected ms"),
    ],
)
def test_declarations_that_are_wrong(change: dict[str, Any], message: str) -> None:
    body = {key: value for key, value in {**BODY, **change}.items() if value is not None}
    with pytest.raises(DeclarationError, match=message):
        type("Wrong", (Receptor,), body)


def test_a_receptor_of_ones_own() -> None:
    own: Any = type("Own", (Receptor,), dict(BODY))
    g, _ = own(1, dt=1.0)(torch.ones(1, 1, 1))
    assert float(g) == 1.0
