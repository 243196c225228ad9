"""Every channel: its kinetics against voltage clamps in NEURON, its kernel against the reference, its gradients."""

from __future__ import annotations

import os
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch
from torch import Tensor

from rheobase import channels
from rheobase.channels import Channel, NaV, Pool
from rheobase.channels.ions import VALENCE, nernst
from rheobase.core import entry, param, relax, state
from rheobase.core.bound import Bound
from rheobase.core.declaration.words import Relax
from rheobase.errors import DeclarationError, ParameterError

FILE = Path(os.environ.get("RHEOBASE_DATA", "data")) / "pvalb_689331391" / "clamp_oracle.npz"
stored = pytest.mark.skipif(not FILE.is_file(), reason="no pvalb_689331391/ in RHEOBASE_DATA")
NAMES = [name for name in channels.__all__ if name not in ("Channel", "Pool")]
# the currents of point neurons, which are held to other simulators in tests/against and to papers in tests/papers
COMPOSED = ("Na_HH", "K_HH", "Na_TM", "K_TM", "Na_WB", "K_WB", "K_A", "K_M", "Ca_T")
CLAMPED = [name for name in NAMES if name not in ("Pas", "NaV", "SK", "CaDynamics", *COMPOSED)]
# where NEURON's files leave a singular point by a small step, or two branches of a time constant meet: relative error
GUARDED = {"K_Pst": 8e-6, "K_P": 8e-6, "NaTa_t": 2e-5, "NaTs2_t": 2e-5, "Nap_Et2": 8e-6}


@pytest.fixture(scope="module")
def oracle() -> Any:
    return np.load(FILE)


def bound(name: str, **values: float) -> Any:
    m = getattr(channels, name)(dt=0.02, **values).double()
    return Bound(m, m.values(), 0.02)


def inputs(name: str, v: Tensor, ca: float = 4e-4) -> dict[str, Tensor]:
    """What the channel reads, as arguments of a call."""
    known = {"v": v, "ca": torch.full_like(v, ca), "i_ca": -1e-3 * torch.sigmoid(v / 10)}
    return {key: known[key] for key in getattr(channels, name).entries}


def test_every_file_is_a_channel() -> None:
    files = {path.stem for path in Path(channels.__file__).parent.glob("*.py")}
    helpers = {"__init__", "channel", "ions", "colbert_pan", "squid_axon", "kinetics", "flows"}
    assert files - helpers == {channels.FILES[name] for name in NAMES}


@stored
@pytest.mark.parametrize("name", CLAMPED)
def test_steady_states_and_time_constants(name: str, oracle: Any) -> None:
    v = torch.as_tensor(oracle["v_mV"])
    gates: dict[str, Relax] = bound(name).dynamics(None, v)
    for gate, found in gates.items():
        tau = found.tau if found.tau is not None else 1.0 / found.rate
        for value, key in ((found.to, "inf"), (tau, "tau_ms")):
            expected = torch.as_tensor(oracle[f"{name}_{gate}_{key}"])
            error = (torch.as_tensor(value, dtype=torch.float64) / expected - 1).abs()
            assert float(error.max()) < GUARDED.get(name, 1e-6), (gate, key)
            # beside those points
            assert float(error.sort().values[-3]) < 2e-11, (gate, key)


@stored
def test_gate_of_calcium(oracle: Any) -> None:
    sk = bound("SK")
    ca = torch.as_tensor(oracle["SK_cai_mM"])
    gate = sk.dynamics(None, channels.SK.Input(torch.zeros(()), ca))["z"]  # type: ignore[misc]
    torch.testing.assert_close(gate.to, torch.as_tensor(oracle["SK_z_inf"]), rtol=1e-12, atol=0)
    assert gate.tau == pytest.approx(float(oracle["SK_z_tau_ms"]), rel=1e-12)


@stored
def test_sodium_scheme(oracle: Any) -> None:
    nav, v = bound("NaV"), torch.as_tensor(oracle["v_mV"])
    assert tuple(oracle["NaV_state_names"]) == NaV.State._fields
    torch.testing.assert_close(
        torch.stack(list(nav.settled(v)), -1), torch.as_tensor(oracle["NaV_states_equilibrium"]), rtol=1e-6, atol=0
    )
    start = torch.stack(list(nav.neuron_start(v)), -1)
    torch.testing.assert_close(start, torch.as_tensor(oracle["NaV_states_neuron_initial"]), rtol=0, atol=2e-13)


@stored
def test_sodium_in_voltage_clamp(oracle: Any) -> None:
    """The open probability over 10 ms from NEURON's start, in both types."""
    holds, steps = oracle["NaV_clamp_hold_mV"], oracle["NaV_clamp_step_mV"]
    first = bound("NaV").neuron_start(torch.as_tensor(holds, dtype=torch.float64)[:, None].expand(-1, len(steps)))
    expected = torch.as_tensor(oracle["NaV_clamp_O"])[..., 1:].permute(2, 0, 1)
    v = torch.as_tensor(steps, dtype=torch.float64).expand(500, len(holds), -1)
    for dtype, tolerance in ((torch.float64, 1e-12), (torch.float32, 2e-6)):
        clamp = NaV(len(steps), dt=0.02).to(dtype)
        state = NaV.State(*(x.to(dtype).contiguous() for x in first))
        _, end, rec = clamp(v.to(dtype), state, record=("O",))
        torch.testing.assert_close(rec.O.double(), expected, rtol=0, atol=tolerance)
        total = torch.stack(list(end)).double().sum(0)
        torch.testing.assert_close(total, torch.ones_like(total), rtol=0, atol=1e-6)


@stored
def test_calcium_pool_beside_its_channels(oracle: Any) -> None:
    """Ca_HVA, Ca_LVA, SK and CaDynamics of one compartment, held at -70 mV and then clamped to three potentials."""
    gbar_hva, gbar_lva, decay, gamma = map(float, oracle["Capool_params"])
    pool = bound("CaDynamics", decay=decay, gamma=gamma)
    hva, lva, sk = bound("Ca_HVA", gbar=gbar_hva), bound("Ca_LVA", gbar=gbar_lva), bound("SK")
    v = torch.as_tensor(oracle["Capool_step_mV"], dtype=torch.float64)
    rest = torch.full_like(v, -70.0)
    ca = pool.settled(torch.zeros_like(v))
    states = [hva.settled(rest), lva.settled(rest), sk.settled(channels.SK.Input(rest, ca[0]))]  # type: ignore[misc]

    def flow() -> Tensor:
        e = nernst(ca[0], 2.0, 34.0, VALENCE["ca"])
        return hva.conductance(states[0], v) * (v - e) + lva.conductance(states[1], v) * (v - e)

    found = []
    for step in range(1000):
        ca = pool.advanced(ca, flow())
        reads = channels.SK.Input(v, ca[0])  # type: ignore[misc]
        states = [hva.advanced(states[0], v), lva.advanced(states[1], v), sk.advanced(states[2], reads)]
        if step % 5 == 4:
            found.append(torch.stack([ca[0], *states[0], *states[1], *states[2]], -1))
    names = list(oracle["Capool_columns"])
    columns = [names.index(name) for name in ("cai_mM", "Ca_HVA_m", "Ca_HVA_h", "Ca_LVA_m", "Ca_LVA_h", "SK_z")]
    expected = torch.as_tensor(oracle["Capool"])[:, 1:201, columns].transpose(0, 1)
    torch.testing.assert_close(torch.stack(found), expected, rtol=1e-8, atol=1e-14)


@pytest.mark.parametrize("dtype", [torch.float64, torch.float32])
@pytest.mark.parametrize("name", NAMES)
def test_the_kernel_is_the_reference(name: str, dtype: torch.dtype) -> None:
    g = torch.Generator().manual_seed(3)
    v = (-80.0 + 100.0 * torch.rand(40, 2, 3, generator=g)).to(dtype)
    m = getattr(channels, name)(3, dt=0.025).to(dtype)
    found, end = m(**inputs(name, v), backend="llvm")
    expected, last = m(**inputs(name, v), backend="reference")
    tolerance = 1e-10 if dtype == torch.float64 else 2e-4
    torch.testing.assert_close(found, expected, rtol=tolerance, atol=tolerance * float(expected.abs().max()))
    for a, b in zip(end, last, strict=True):
        torch.testing.assert_close(a, b, rtol=tolerance, atol=tolerance)


# of the currents of point neurons one is enough: tests/contract has the gradients of the neurons that they make
@pytest.mark.parametrize("name", [name for name in NAMES if name not in COMPOSED or name == "K_A"])
def test_gradients(name: str) -> None:
    g = torch.Generator().manual_seed(5)
    v = (-70.0 + 60.0 * torch.rand(3, 1, 2, generator=g, dtype=torch.float64)).requires_grad_()
    kind = getattr(channels, name)
    learn = tuple(key for key in kind.params if key != "celsius")
    m = kind(2, dt=0.025, learn=learn, **({"gbar": 0.1} if "gbar" in kind.params else {})).double()
    values = tuple(m.parameters())
    # held fixed: where a state settles carries no gradient, where it is a parameter it does
    first = m.State(*(x.detach() for x in m.rest(1)))

    def call(x: Tensor, *_: Tensor) -> Tensor:
        return m(**inputs(name, x), state=first)[0]

    assert torch.autograd.gradcheck(call, (v, *values), eps=1e-6, atol=1e-7, rtol=1e-5)


@pytest.mark.parametrize("name", NAMES)
def test_it_stays_where_it_settled(name: str) -> None:
    for v in (-95.0, -68.0, -40.0, -27.0, 0.0, 43.0):
        m = getattr(channels, name)(1, dt=0.025).double()
        given = inputs(name, torch.full((200, 1, 1), v, dtype=torch.float64))
        one = [x[0, 0, 0] for x in given.values()]
        settled = Bound(m, m.values(), 0.025).settled(one[0] if m.Input is None else m.Input(*one))
        first = m.State(*(torch.as_tensor(x, dtype=torch.float64).reshape(1, 1) for x in settled))
        _, end = m(**given, state=first)
        for a, b in zip(end, first, strict=True):
            torch.testing.assert_close(a, b, rtol=1e-9, atol=1e-14)


def test_temperature() -> None:
    """A q10 of 2.3 for the channels that follow it; the others do not have the parameter."""
    v = torch.tensor(-40.0, dtype=torch.float64)
    for name in NAMES:
        if "celsius" not in getattr(channels, name).params or name == "NaV":
            continue
        cold, warm = (bound(name, celsius=c).dynamics(None, v) for c in (24.0, 34.0))
        for gate in cold:
            times = [d.tau if d.tau is not None else 1.0 / d.rate for d in (cold[gate], warm[gate])]
            assert float(times[0] / times[1]) == pytest.approx(2.3, rel=1e-12)


def test_a_channel_of_ones_own() -> None:
    class Leaky(Channel):
        ion = "k"
        gbar = param(1e-3, "S/cm2", "maximal conductance")
        e = param(-90.0, "mV", "potassium reversal potential")
        v = entry("mV", "membrane potential")
        n = state(0.0, "1", "activation")

        def dynamics(self, s: Any, i: Any) -> dict[str, Any]:
            return dict(n=relax(torch.sigmoid(i / 10.0), 5.0))

        def conductance(self, s: Any, i: Any) -> Any:
            return self.gbar * s.n

    current, end = Leaky(dt=0.1)(torch.zeros(1000, 1))
    assert float(end.n[0]) == pytest.approx(0.5, rel=1e-5)
    assert float(current[-1]) == pytest.approx(1e-3 * 0.5 * 90.0, rel=1e-5)


BODY = {
    "gbar": param(1e-3, "S/cm2", "maximal conductance"),
    "e": param(-90.0, "mV", "reversal potential"),
    "v": entry("mV", "membrane potential"),
    "conductance": lambda self, s, i: self.gbar,
}


@pytest.mark.parametrize(
    ("change", "message"),
    [
        ({"conductance": None}, "no conductance"),
        ({"e": None}, "no e"),
        ({"v": entry("mV", "x"), "q": entry("1", "y")}, "the inputs v, q"),
        ({"ion": "cl"}, "ion = 'cl'"),
        ({"gbar": param(1.0, "mS/cm2", "maximal conductance")}, "gbar in mS/cm2; expected S/cm2"),
        ({"e": param(-0.09, "V", "reversal potential")}, "e in V; expected mV"),
        ({"v": entry("V", "membrane potential")}, "v in V; expected mV"),
        ({"tau": param(0.01, "s", "time constant")}, "tau in s; expected ms"),
        ({"celsius": param(300.0, "K", "temperature")}, "celsius in K; expected degC"),
    ],
)
def test_declarations_that_are_wrong(change: dict[str, Any], message: str) -> None:
    body = {key: value for key, value in {**BODY, **change}.items() if value is not None}
    with pytest.raises(DeclarationError, match=message):
        type("Wrong", (Channel,), body)


def test_a_state_without_a_target_cannot_settle() -> None:
    body = {**BODY, "n": state(0.0, "1", "activation"), "dynamics": lambda self, s, i: dict(n=-s.n)}
    kind: Any = type("Drifting", (Channel,), body)
    with pytest.raises(DeclarationError, match=r"the derivative of n.*settled"):
        kind(dt=0.1).rest(1)


def test_time_steps() -> None:
    with pytest.raises(ParameterError, match="dt = 0"):
        NaV(dt=0)
    assert issubclass(channels.CaDynamics, Pool)
