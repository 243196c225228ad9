"""What a declaration says, and what it cannot say."""

from __future__ import annotations

import inspect
from typing import Any

import pytest
import torch

from rheobase import MapNeuron, OdeNeuron, neurons, option, param, relax, state
from rheobase.core import ParamSpec, StateSpec
from rheobase.errors import DeclarationError, ParameterError


def declare(base: type[Any], **members: Any) -> type[Any]:
    return type("Mine", (base,), members)


def dynamics(self: Any, s: Any, i: Any) -> dict[str, Any]:
    return dict(v=relax(i, 10.0))


def threshold(self: Any, s: Any) -> Any:
    return s.v - 1.0


def reset(self: Any, s: Any) -> Any:
    return s._replace(v=s.v - 1.0)


def output(self: Any, s: Any) -> Any:
    return s.v


def step(self: Any, s: Any, i: Any) -> tuple[Any, ...]:
    return i, s


V = dict(v=state(0.0, "1", "membrane potential"))
ODE = dict(V, dynamics=dynamics)


@pytest.mark.parametrize(
    ("base", "members", "message"),
    [
        (OdeNeuron, dict(dynamics=dynamics, output=output), "no state"),
        (OdeNeuron, dict(V, output=output), "no dynamics"),
        (OdeNeuron, ODE, "neither threshold nor output"),
        (OdeNeuron, dict(ODE, threshold=threshold), "exactly one of the two"),
        (OdeNeuron, dict(ODE, threshold=threshold, reset=reset, crossing=True), "exactly one of the two"),
        (MapNeuron, V, "no step"),
        (MapNeuron, dict(step=step), "no state"),
        (MapNeuron, dict(V, step=step, dt=param(1.0, "ms", "step")), "'dt'"),
        (MapNeuron, dict(V, step=step, forward=param(1.0, "1", "a word of torch")), "'forward'"),
        (MapNeuron, dict(V, step=step, learn=state(0.0, "1", "a word of ours")), "'learn'"),
        (MapNeuron, dict(step=step, v=state("v_rest", "mV", "potential"), v_reset=param(0.0, "mV", "x")), "v_reset"),
        (OdeNeuron, dict(ODE, threshold=threshold, reset=reset, above=param(0.0, "1", "taken")), "'above'"),
    ],
    ids=lambda x: x if isinstance(x, str) else "",
)
def test_bad_declarations(base: type[Any], members: dict[str, Any], message: str) -> None:
    with pytest.raises(DeclarationError, match=message):
        declare(base, **members)


def test_what_can_be_said() -> None:
    declare(OdeNeuron, **ODE, output=output)
    declare(OdeNeuron, **ODE, threshold=threshold, reset=reset)
    declare(OdeNeuron, **ODE, threshold=threshold, crossing=True)
    declare(MapNeuron, **V, step=step)


def test_a_concrete_neuron_is_final() -> None:
    with pytest.raises(DeclarationError, match="final"):
        type("Mine", (neurons.LIF,), {})


@pytest.mark.parametrize(
    "bad",
    [
        dict(default="20", unit="ms", meaning="x"),
        dict(default=True, unit="ms", meaning="x"),
        dict(default=float("nan"), unit="ms", meaning="x"),
        dict(default=float("inf"), unit="ms", meaning="x"),
        dict(default=1.0, unit="ms", meaning=""),
        dict(default=1.0, unit="ms", meaning="x", positive=True, range=(0.0, 2.0)),
        dict(default=1.0, unit="ms", meaning="x", range=(0.0, 2.0), clamp=(0.0, 2.0)),
        dict(default=-1.0, unit="ms", meaning="x", positive=True),
        dict(default=0.0, unit="ms", meaning="x", positive=True),
        dict(default=3.0, unit="ms", meaning="x", range=(0.0, 2.0)),
        dict(default=1.0, unit="ms", meaning="x", range=(2.0, 0.0)),
        dict(default=1.0, unit="ms", meaning="x", clamp=(2.0, 0.0)),
        dict(default=1.5, unit="1", meaning="x", whole=True),
        dict(default=1.0, unit="1", meaning="x", whole=True, draw=True, range=(0.0, 2.0)),
    ],
    ids=str,
)
def test_bad_params(bad: dict[str, Any]) -> None:
    with pytest.raises(DeclarationError):
        param(**bad)


def test_a_neuron_reads_its_declaration() -> None:
    spec = neurons.LIF.params["tau_mem"]
    assert isinstance(spec, ParamSpec)
    assert (spec.name, spec.default, spec.unit, spec.positive) == ("tau_mem", 20.0, "ms", True)
    assert neurons.LIF.tau_mem is spec
    assert isinstance(neurons.LIF.states["v"], StateSpec)
    assert list(neurons.CubaLIF.states) == ["i_syn", "v"]
    assert neurons.CubaLIF.State._fields == ("i_syn", "v")


def test_the_signature_shows_the_parameters() -> None:
    parameters = inspect.signature(neurons.LIF).parameters
    assert parameters["tau_mem"].default == 20.0
    assert all(p.kind == p.KEYWORD_ONLY for name, p in parameters.items() if name != "shape")
    assert {"dt", "integrator", "learn", "surrogate", "detach_reset"} <= parameters.keys()


def test_options() -> None:
    cls = declare(
        MapNeuron, **V, step=step, mode=option("soft", "how", choices=("soft", "hard")), fast=option(True, "x")
    )
    neuron = cls(2, mode="hard")
    assert neuron.mode == "hard"
    assert neuron.fast is True
    assert "mode='hard'" in repr(neuron)
    for bad in (dict(mode="firm"), dict(fast=1), dict(fast="yes"), dict(mode=["soft"])):
        with pytest.raises(ParameterError, match="one of"):
            cls(2, **bad)
    with pytest.raises(ParameterError, match="fixed at construction"):
        neuron.mode = "soft"


def test_a_state_may_start_at_a_parameter() -> None:
    neuron = neurons.LIF(3, dt=1.0, v_leak=torch.tensor([0.1, 0.2, 0.3]))
    assert torch.equal(neuron.rest(2).v, torch.tensor([[0.1, 0.2, 0.3]] * 2))


def test_resting_states_share_no_memory() -> None:
    first = neurons.SRC(3).rest(2)
    assert len({s.data_ptr() for s in first}) == 3
    assert all(s.is_contiguous() for s in first)


def test_rest_of_src_is_a_fixed_point() -> None:
    neuron = neurons.SRC(3, b_h=torch.tensor([-6.0, -5.0, -4.5])).double()
    rest = neuron.rest(1)
    _, end = neuron(torch.zeros(50, 1, 3, dtype=torch.float64))
    for a, b in zip(rest, end, strict=True):
        assert torch.allclose(a, b, rtol=0, atol=1e-12)


def test_crossing_starts_on_the_right_side() -> None:
    """A neuron that rests above its threshold has not just crossed it."""
    cls = declare(OdeNeuron, dynamics=dynamics, threshold=threshold, crossing=True, v=state(2.0, "1", "potential"))
    spikes, end = cls(1, dt=1.0)(torch.full((5, 1, 1), 2.0))
    assert float(spikes.sum()) == 0
    assert float(end.above) == 1
    down_and_up = torch.cat([torch.zeros(20, 1, 1), torch.full((20, 1, 1), 2.0), torch.zeros(20, 1, 1)])
    spikes, end = cls(1, dt=1.0)(down_and_up)
    assert float(spikes.sum()) == 1
    assert float(end.above) == 0
