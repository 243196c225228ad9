"""A backend that is asked for runs or says why not; "auto" chooses, and `explain` says what it chose."""

from __future__ import annotations

import math
from typing import Any

import pytest
import torch

from rheobase import MapNeuron, Noisy, OdeNeuron, Refractory, errors, explain, neurons, param, relax, state, surrogates
from rheobase.engine import toolchain
from tests.contract.models import Model, every_model


class Untraceable(MapNeuron):
    """Uses an operation that kernels do not have."""

    v = state(0.0, "1", "a value")
    graded = True

    def step(self, s: Any, i: Any) -> tuple[Any, ...]:
        v = torch.special.i0e(0.5 * s.v + i)
        return v, s._replace(v=v)


def of(body: Any) -> MapNeuron:
    """A neuron whose output is body(v + i)."""

    class Odd(MapNeuron):
        v = state(0.0, "1", "a value")
        graded = True

        def step(self, s: Any, i: Any) -> tuple[Any, ...]:
            return body(s.v + i), s

    return Odd(3)


CURRENT = torch.linspace(-1.0, 1.0, 12).view(2, 2, 3)


def test_auto_falls_to_the_reference() -> None:
    neuron = Untraceable(3)
    out, _ = neuron(CURRENT)
    assert torch.equal(out, neuron(CURRENT, backend="reference")[0])
    (part,) = explain(neuron, CURRENT, measure=False).parts
    assert part.backend == "reference"
    assert "special_i0e" in part.reason


def test_a_named_backend_says_why_not() -> None:
    with pytest.raises(errors.BackendUnavailable) as caught:
        Untraceable(3)(CURRENT, backend="llvm")
    assert "special_i0e" in str(caught.value)
    assert "auto" in caught.value.remedy


@pytest.mark.parametrize(
    ("body", "word"),
    [
        (lambda x: torch.erf(x), "erf"),
        (lambda x: x.erf(), "erf"),
        (lambda x: x if x.sum() > 0 else -x, "sum"),
        (lambda x: x if (x > 0).all() else -x, "all"),
        (lambda x: torch.stack([x, x]).mean(0), "stack"),
        (lambda x: x.unsqueeze(0)[0], "unsqueeze"),
        (lambda x: x[..., :] + 0.0, "an index"),
        (lambda x: x + torch.tensor([1.0, 2.0, 3.0]), "shape (3,)"),
        (lambda x: x + torch.randn(3), "torch.randn inside a step"),
        (lambda x: x @ torch.eye(3), "torch.eye inside a step"),
        (lambda x: torch.where(torch.tensor(True), x, -x), "comparison"),
        (lambda x: x**64.5, "64.5"),
        (lambda x: x**0, "power of 0"),
        (lambda x: x**x, "exponent"),
        (lambda x: (x > 0) & 1, "masks"),
        (lambda x: x.to(torch.float64) * 1.0, "dtype"),
        (lambda x: x.double() * 1.0, "dtype"),
        (lambda x: torch.div(x, 2.0, rounding_mode="floor"), "rounding_mode"),
        (lambda x: x % 2.0, "torch.remainder"),
    ],
)
def test_what_has_no_rule(body: Any, word: str) -> None:
    """It is named, and the reference runs it."""
    neuron = of(body)
    (part,) = explain(neuron, CURRENT, measure=False).parts
    assert part.backend == "reference"
    assert word in part.reason
    out, _ = neuron(CURRENT)
    assert out.shape == CURRENT.shape


def test_an_error_of_the_equations_comes_through() -> None:
    class Typo(MapNeuron):
        v = state(0.0, "1", "a value")

        def step(self, s: Any, i: Any) -> tuple[Any, ...]:
            return s.u, s

    with pytest.raises(AttributeError, match="'u'"):
        Typo(3)(CURRENT)
    with pytest.raises(TypeError, match="real number"):
        of(lambda x: math.exp({}))(CURRENT)  # type: ignore[arg-type]
    with pytest.raises(RuntimeError, match="At least one of"):
        of(lambda x: torch.clamp(x))(CURRENT)


def test_branches_on_numbers_are_fine() -> None:
    """What is fixed at construction may be asked."""

    class Chosen(OdeNeuron):
        tau = param(10.0, "ms", "time constant", positive=True)
        v = state(0.0, "1", "potential")

        def dynamics(self, s: Any, i: Any) -> dict[str, Any]:
            return dict(v=relax(i if self.shape == (3,) else -i, self.tau))

        def output(self, s: Any) -> Any:
            return s.v

    for n in (3, 4):
        neuron = Chosen(n, dt=1.0)
        x = torch.ones(2, 1, n)
        assert torch.allclose(neuron(x, backend="llvm")[0], neuron(x, backend="reference")[0])
        assert (neuron(x)[0] > 0).all() == (n == 3)


@every_model
def test_every_neuron_runs_in_a_kernel(model: Model) -> None:
    neuron = model.make(3, dtype=torch.float32)
    (part,) = explain(neuron, CURRENT, measure=False).parts
    assert (part.name, part.kind, part.backend, part.reason) == (
        "(net)",
        type(neuron).__name__,
        "llvm",
        "one fused kernel",
    )


def test_explain_a_network() -> None:
    net = torch.nn.Sequential(
        torch.nn.Linear(3, 4), Refractory(Noisy(neurons.LIF(4, dt=1.0))), torch.nn.ReLU(), Untraceable(4)
    )
    table = explain(net, CURRENT, measure=False)
    assert [(p.name, p.kind, p.backend) for p in table.parts] == [
        ("0", "Linear", "torch"),
        ("1", "Refractory", "llvm"),
        ("2", "ReLU", "torch"),
        ("3", "Untraceable", "reference"),
    ]
    lines = str(table).splitlines()
    assert lines[0].split() == ["part", "kind", "backend", "why"]
    assert len(lines) == 5
    assert "i0e" in lines[4]


def test_explain_runs_nothing() -> None:
    """Not even on a device that is not there."""
    (part,) = explain(neurons.LIF(3, dt=1.0), CURRENT.to("meta"), measure=False).parts
    assert part.backend == "reference"
    assert "meta" in part.reason


def test_without_llvmlite(monkeypatch: pytest.MonkeyPatch) -> None:
    from rheobase.engine import backends as dispatch

    monkeypatch.setattr(dispatch, "installed", lambda package: False)
    neuron = neurons.LIF(3, dt=1.0)
    (part,) = explain(neuron, CURRENT, measure=False).parts
    assert part.backend == "reference"
    assert "llvmlite is not installed" in part.reason
    with pytest.raises(errors.BackendUnavailable, match="llvmlite is not installed"):
        neuron(CURRENT, backend="llvm")


def test_installed_is_asked_once() -> None:
    assert toolchain.installed("llvmlite")
    assert not toolchain.installed("a_package_that_nobody_has_written")


def test_smooth_mode_without_a_rule_for_the_primitive() -> None:
    """atan has no kernel: the smooth neuron runs on the reference, the one that spikes does not need it."""
    neuron = neurons.LIF(3, dt=1.0, surrogate=surrogates.ATan())
    assert explain(neuron, CURRENT, measure=False).parts[0].backend == "llvm"
    assert explain(neuron.smoothed(), CURRENT, measure=False).parts[0].backend == "reference"
    smoothed = neurons.LIF(3, dt=1.0, surrogate=surrogates.Sigmoid()).smoothed()
    assert explain(smoothed, CURRENT, measure=False).parts[0].backend == "llvm"
