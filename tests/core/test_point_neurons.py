"""Point neurons composed of channels: the same as written by hand, and every way to compose one wrongly."""

from __future__ import annotations

from typing import Any

import pytest
import torch
from torch import Tensor

from rheobase import Noisy, OdeNeuron, PointNeuron, channels, explain, insert, integrators, neurons, param, relax, state
from rheobase.channels import Channel
from rheobase.core import entry
from rheobase.core.equations.rates import membrane
from rheobase.errors import DeclarationError

C_MEM = param(100.0, "pF", "membrane capacitance", positive=True)
SHIFT: Any = 0.0


class Kdr(Channel):
    """A delayed rectifier, which reads a number of its module."""

    ion = "k"
    gbar = param(1e-3, "S/cm2", "maximal conductance", nonnegative=True)
    e = param(-90.0, "mV", "potassium reversal potential")
    v = entry("mV", "membrane potential")
    n = state(0.0, "1", "activation")

    def dynamics(self, s: Any, i: Any) -> dict[str, Any]:
        return dict(n=relax(torch.sigmoid((i + 40.0 + SHIFT) / 8.0), 1.0 + 4.0 * torch.sigmoid(-(i + 30.0) / 20.0)))

    def conductance(self, s: Any, i: Any) -> Any:
        return self.gbar * s.n**4


class Composed(PointNeuron):
    """As a user would write it, in nS and pF."""

    c_mem = param(100.0, "pF", "membrane capacitance", positive=True)
    g_Na = param(5000.0, "nS", "maximal sodium conductance", positive=True)
    g_K = param(900.0, "nS", "maximal potassium conductance", positive=True)
    g_leak = param(10.0, "nS", "leak conductance", positive=True)
    e_leak = param(-70.0, "mV", "leak reversal potential")
    v_threshold = param(-20.0, "mV", "level whose upward crossing is a spike")
    v = state(-70.0, "mV", "membrane potential")
    input_unit = "pA"
    sodium = insert(channels.NaTs, gbar="g_Na", e=53.0)
    potassium = insert(Kdr, gbar="g_K", e="e_leak", n="w")
    leak = insert(channels.Pas, g="g_leak", e="e_leak")


class ByHand(OdeNeuron):
    """The same equations without channels."""

    c_mem = param(100.0, "pF", "membrane capacitance", positive=True)
    g_Na = param(5000.0, "nS", "maximal sodium conductance", positive=True)
    g_K = param(900.0, "nS", "maximal potassium conductance", positive=True)
    g_leak = param(10.0, "nS", "leak conductance", positive=True)
    e_leak = param(-70.0, "mV", "leak reversal potential")
    v_threshold = param(-20.0, "mV", "level whose upward crossing is a spike")
    v = state(-70.0, "mV", "membrane potential")
    m = state(0.0, "1", "activation")
    h = state(1.0, "1", "inactivation")
    w = state(0.0, "1", "activation")
    input_unit = "pA"
    crossing = True
    integrator = integrators.ExpMidpoint()

    def dynamics(self, s: Any, i: Any) -> dict[str, Any]:
        def rate(scale: float, x: Any) -> Any:
            return scale * x / torch.expm1(x)

        phi = 2.3 ** ((34.0 - 23.0) / 10.0)
        m, h = (s.v + 40.0) / 6.0, (s.v + 66.0) / 6.0
        m_up, m_down = rate(0.182 * 6.0, -m), rate(0.124 * 6.0, m)
        h_up, h_down = rate(0.015 * 6.0, h), rate(0.015 * 6.0, -h)
        flows = (
            (self.g_Na * s.m**3 * s.h, 53.0),
            (self.g_K * s.w**4, self.e_leak),
            (self.g_leak, self.e_leak),
        )
        return dict(
            v=membrane(self.c_mem, i, *flows),
            m=relax(m_up / (m_up + m_down), rate=phi * (m_up + m_down)),
            h=relax(h_up / (h_up + h_down), rate=phi * (h_up + h_down)),
            w=relax(torch.sigmoid((s.v + 40.0) / 8.0), 1.0 + 4.0 * torch.sigmoid(-(s.v + 30.0) / 20.0)),
        )

    def threshold(self, s: Any) -> Any:
        return s.v - self.v_threshold


def driven(steps: int = 2000) -> Tensor:
    return torch.linspace(300.0, 900.0, 4, dtype=torch.float64).expand(steps, 1, 4).contiguous()


def test_it_is_what_one_writes_by_hand() -> None:
    composed, by_hand = Composed(4, dt=0.025).double(), ByHand(4, dt=0.025).double()
    assert list(composed.params) == [*by_hand.params, "e", "celsius"]
    rest, x = composed.rest(1), driven(400)
    fired, _, rec = by_hand(x, by_hand.State(*rest), record=("v",), backend="reference")
    assert fired.sum() >= 3
    for backend in ("llvm", "reference"):
        spikes, _, found = composed(x, rest, record=("v",), backend=backend)
        torch.testing.assert_close(found.v, rec.v, rtol=0, atol=1e-8)
        assert torch.equal(spikes, fired)


def test_it_rests_where_nothing_moves() -> None:
    neuron = Composed(2, dt=0.025).double()
    rest = neuron.rest(1)
    _, end = neuron(torch.zeros(50, 1, 2, dtype=torch.float64), backend="reference")
    for before, after in zip(rest, end, strict=True):
        torch.testing.assert_close(before, after, rtol=0, atol=1e-9)


def test_a_channel_that_reads_another_number_now_is_read_again(monkeypatch: pytest.MonkeyPatch) -> None:
    neuron = Composed(4, dt=0.025).double()
    for shift in (0.0, 5.0):
        monkeypatch.setitem(globals(), "SHIFT", shift)
        given, expected = (neuron(driven(100), backend=b, record=("v",))[2].v for b in ("llvm", "reference"))
        torch.testing.assert_close(given, expected, rtol=0, atol=1e-9)
    (part,) = explain(neuron, driven(1), measure=False).parts
    assert part.backend == "llvm"


def test_a_value_is_the_channels_too() -> None:
    """A parameter that the channel brings is the neuron's: settable, learnable, in the gradient."""
    neuron = Composed(4, dt=0.025, e=60.0, learn=("e", "g_K")).double()
    neuron(driven(20), record=("v",), backend="reference")[2].v.sum().backward()
    assert all(float(p.grad.abs()) > 0 for p in neuron.parameters())
    assert neuron.e == 60.0
    assert "e=60," in repr(neuron)


def test_under_a_wrapper() -> None:
    x = driven(20)
    noisy = Noisy(Composed(4, dt=0.025), sigma=0.0).double()
    found, expected = (n(x, record=("v",), backend="reference")[2].v for n in (noisy, noisy.neuron))
    torch.testing.assert_close(found, expected, rtol=0, atol=1e-12)


def test_calcium_that_is_a_number_of_the_neuron() -> None:
    """A channel that reads calcium has it from a parameter, here held at the middle of its activation."""
    body = {**BODY, "ca": param(4.3e-4, "mM", "calcium concentration"), "sk": insert(channels.SK, gbar="g", e=-90.0)}
    kind: Any = type("Gated", (PointNeuron,), {k: v for k, v in body.items() if k != "leak"})
    assert float(kind(1, dt=0.1).double().rest(1).z) == pytest.approx(0.5, rel=1e-9)


def test_a_state_of_ones_own_beside_the_channels() -> None:
    class Filling(PointNeuron):
        c_mem, g = C_MEM, param(10.0, "nS", "conductance", positive=True)
        v_threshold = param(-20.0, "mV", "level")
        v = state(-90.0, "mV", "membrane potential")
        ca = state(1e-4, "mM", "calcium concentration")
        input_unit = "pA"
        sk = insert(channels.SK, gbar="g", e=-90.0)

        def dynamics(self, s: Any, i: Any) -> dict[str, Any]:
            return {**PointNeuron.dynamics(self, s, i), "ca": relax(4.3e-4, 1.0)}

        def resting(self) -> dict[str, Tensor]:
            return {}

    _, end = Filling(1, dt=0.1).double()(torch.zeros(300, 1, 1, dtype=torch.float64), backend="reference")
    assert float(end.z) == pytest.approx(0.5, rel=1e-3)


def body(**change: Any) -> dict[str, Any]:
    return {k: v for k, v in {**BODY, **change}.items() if v is not None}


BODY: dict[str, Any] = {
    "c_mem": C_MEM,
    "g": param(10.0, "nS", "leak conductance", positive=True),
    "v_threshold": param(-20.0, "mV", "level"),
    "v": state(-70.0, "mV", "membrane potential"),
    "input_unit": "pA",
    "leak": insert(channels.Pas, e=-70.0),
}


@pytest.mark.parametrize(
    ("change", "message"),
    [
        ({"leak": None}, "no channel"),
        ({"c_mem": None}, "no parameter c_mem"),
        ({"v_threshold": None}, "no parameter v_threshold"),
        ({"v": None, "x": state(0.0, "mV", "x")}, "Pas, which reads v"),
        ({"v": state(0.0, "1", "potential")}, "the potential v in 1"),
        ({"input_unit": "uA/cm2"}, "the input in uA/cm2"),
        ({"c_mem": param(1.0, "uF/cm2", "capacitance")}, "the input in pA"),
        ({"g": param(10.0, "mS/cm2", "conductance")}, "g in mS/cm2"),
        ({"g": None}, "g in S/cm2; expected nS"),
        ({"leak": insert(channels.Pas, g="g_leak")}, r"Wrong.leak: got g=\"g_leak\".*Known: c_mem, g, v_threshold"),
        ({"leak": insert(channels.Pas, e="v")}, 'e="v"; expected a parameter that the neuron declares'),
        ({"more": insert(channels.Pas, g="g")}, "Wrong.more: got the parameter e a second time.*name it"),
        ({"more": insert(channels.Pas, g=3.0, e="g")}, "Wrong.more: got the parameter g a second time"),
        ({"more": insert(channels.Kv3_1, gbar="g", e="g")}, "g in nS; expected mV"),
        ({"sk": insert(channels.SK, gbar="g", e="v_threshold")}, "SK, which reads ca"),
        (
            {
                "a": insert(channels.NaTs, gbar="g", e="v_threshold"),
                "b": insert(channels.Kv3_1, gbar="g", e="v_threshold"),
            },
            "Wrong.b: got the state m a second time.*Kv3_1, m=",
        ),
        ({"kv": insert(channels.Kv3_1, gbar="g", e="v_threshold", m="v")}, "Wrong.kv: got the state v a second time"),
        (
            {"m": state(0.0, "mV", "m"), "kv": insert(channels.Kv3_1, gbar="g", e="v_threshold")},
            "m in mV; expected 1",
        ),
        (
            {"celsius": param(300.0, "K", "temperature"), "na": insert(channels.NaTs, gbar="g", e="v_threshold")},
            "celsius in K; expected degC",
        ),
        ({"dynamics": lambda self, s, i: {}}, "dynamics of its own"),
    ],
)
def test_what_is_composed_wrongly(change: dict[str, Any], message: str) -> None:
    with pytest.raises(DeclarationError, match=message):
        type("Wrong", (PointNeuron,), body(**change))


@pytest.mark.parametrize(
    ("kind", "given", "message"),
    [
        (channels.CaDynamics, {}, "CaDynamics, which has no conductance"),
        (Channel, {}, "Channel, which has no conductance"),
        (channels.Pas(g=1e-3), {}, r"Pas\(\); expected the class of a channel"),
        ("kdr.mod", {}, "NMODL is not translated: docs/from_nmodl.md"),
        ("hh", {}, "channels.Na_HH"),
        (neurons.LIF, {}, "LIF, which has no conductance"),
        (channels.NaV, {}, "a kinetic scheme.*Cell"),
        (channels.Pas, {"gbar": "g"}, "the name 'gbar'"),
        (channels.Pas, {"g": [1.0]}, r"g = \[1.0\]"),
        (channels.Pas, {"g": "g leak"}, "g = 'g leak'"),
        (channels.Pas, {"v": 3.0}, "v = 3.0; expected a name"),
    ],
    ids=str,
)
def test_what_is_inserted_wrongly(kind: Any, given: dict[str, Any], message: str) -> None:
    with pytest.raises(DeclarationError, match=message):
        insert(kind, **given)


def test_a_set_that_there_is_not() -> None:
    with pytest.raises(DeclarationError, match="did you mean 'connor_stevens'"):
        insert(channels.Na_HH, "conor_stevens")


def test_a_channel_in_a_neuron_of_another_kind() -> None:
    with pytest.raises(DeclarationError, match=r"leak = insert.*PointNeuron"):
        type("Wrong", (OdeNeuron,), body(dynamics=lambda self, s, i: {}, threshold=lambda self, s: s.v, crossing=True))


def test_a_current_that_is_not_ohmic() -> None:
    class Rectifying(Channel):
        g = param(1e-3, "S/cm2", "conductance")
        e = param(0.0, "mV", "reversal potential")
        v = entry("mV", "potential")

        def conductance(self, s: Any, i: Any) -> Any:
            return self.g

        def current(self, s: Any, i: Any) -> Any:
            return self.g * torch.exp(i / 20.0)

    with pytest.raises(DeclarationError, match=r"not g \(v - e\)"):
        insert(Rectifying)


@pytest.mark.parametrize("fixed", [1e-3, lambda self, i: self.g * torch.sigmoid(i) + 1e-4], ids=["all", "a part"])
def test_a_conductance_without_a_parameter_is_refused(fixed: Any) -> None:
    """In a cell a number in an equation is in S/cm2; in a neuron of nS or mS/cm2 it would be in that, unsaid."""

    class Constant(Channel):
        g = param(1e-3, "S/cm2", "conductance")
        e = param(0.0, "mV", "reversal potential")
        v = entry("mV", "potential")

        def conductance(self, s: Any, i: Any) -> Any:
            return fixed(self, i) if callable(fixed) else fixed

    with pytest.raises(DeclarationError, match="the conductance of Constant; expected one that is proportional"):
        type("Wrong", (PointNeuron,), body(leak=insert(Constant, g="g")))
