"""Parameters: values, learning, saving, copying."""

from __future__ import annotations

import copy
import io
import pickle
from typing import Any

import numpy as np
import pytest
import torch

from rheobase import Escape, Noisy, PoissonInput, Refractory, integrators, neurons, surrogates
from rheobase.core.neuron import Neuron
from rheobase.engine.llvm import launch
from rheobase.errors import ParameterError
from tests.contract.models import KINDS, UNSEEN, Model, every_model, fed


def same_values(a: Neuron, b: Neuron) -> bool:
    pairs = zip(a.values().items(), b.values().items(), strict=True)
    return all(one == other and torch.equal(x, y) for (one, x), (other, y) in pairs)


def namespace() -> dict[str, Any]:
    """What `repr` is written in."""
    return {
        "torch": torch,
        "Escape": Escape,
        "Noisy": Noisy,
        "PoissonInput": PoissonInput,
        "Refractory": Refractory,
        **{name: getattr(neurons, name) for name in neurons.__all__},
        **vars(integrators),
        **vars(surrogates),
        **{model.cls.__name__: model.cls for model in UNSEEN},
    }


@pytest.mark.parametrize("learn", [True, False])
@every_model
def test_repr_evaluates_back(model: Model, learn: bool) -> None:
    for dtype in (torch.float32, torch.float64):
        before = torch.get_default_dtype()
        torch.set_default_dtype(dtype)
        try:
            neuron = model.make(2, 3, learn=learn, dtype=dtype, surrogate=surrogates.Sigmoid(2.0), detach_reset=True)
            for name, spec in model.params.items():
                if spec.size:
                    # more than a few numbers are left out of a repr: tests/core/test_sizes.py has those of few
                    setattr(neuron, name, spec.default)
            again = eval(repr(neuron), namespace())
            assert again.shape == neuron.shape
            assert again.dt == neuron.dt
            for (name, a), b in zip(neuron.values().items(), again.values().values(), strict=True):
                assert a.shape == b.shape, name
                # a learnable value is stored as a logarithm, say
                assert torch.allclose(a, b, rtol=50 * torch.finfo(dtype).eps) if learn else torch.equal(a, b), name
        finally:
            torch.set_default_dtype(before)


class Quantity(np.ndarray):
    """As Brian2 has it: 20 ms is an array of 0.02, with its dimensions."""

    dimensions = ("s",)


def test_a_quantity_with_a_unit_is_refused() -> None:
    """NumPy, and so torch, would read it as 0.02."""
    tau: Any = np.array(0.02).view(Quantity)
    with pytest.raises(ParameterError, match=r"tau_mem = .*without a unit, in ms.*Remedy: divide it by that unit"):
        neurons.LIF(3, dt=1.0, tau_mem=tau)
    neuron = neurons.LIF(3, dt=1.0, tau_mem=np.array(20.0), v_leak=torch.zeros(3))
    with pytest.raises(ParameterError, match="without a unit"):
        neuron.tau_mem = tau
    with pytest.raises(ParameterError, match="a finite number > 0, in ms"):
        neurons.LIF(3, dt=tau)


def test_repr_is_short_by_default() -> None:
    assert repr(neurons.LIF(512, dt=1.0)) == "LIF(512, dt=1.0, integrator=ExpEuler())"
    assert repr(neurons.AdLIF(4, 5)) == "AdLIF(4, 5)"


@every_model
def test_state_dict(model: Model) -> None:
    source, target = model.make(4, dtype=torch.float32), model.make(4, dtype=torch.float32)
    with torch.no_grad():
        for p in (*source.parameters(), *source.buffers()):
            p.mul_(1.01)
    file = io.BytesIO()
    torch.save(source.state_dict(), file)
    file.seek(0)
    assert not same_values(source, target) or not model.params
    target.load_state_dict(torch.load(file, weights_only=True))
    assert same_values(source, target)


@pytest.mark.usefixtures("plain_code")
@pytest.mark.parametrize("way", [copy.deepcopy, lambda x: pickle.loads(pickle.dumps(x))], ids=["deepcopy", "pickle"])
@every_model
def test_copies(model: Model, way: Any) -> None:
    neuron = model.make(4)
    current = model.current(10, 2, 4)
    out, state = neuron(fed(neuron, current))
    twin = way(neuron)
    assert repr(twin) == repr(neuron)
    assert same_values(neuron, twin)
    assert twin.State is neuron.State
    moved = way(type(state)(*(s.detach() for s in state)))
    assert type(moved) is type(state)
    for backend in ("reference", "llvm"):
        again, _ = twin(fed(twin, current), backend=backend)
        on, _ = twin(fed(twin, current), moved, backend=backend)
        expected, _ = neuron(fed(neuron, current), state, backend=backend)
        assert torch.equal(on, expected)
    assert torch.equal(again, out)
    with torch.no_grad():
        for p in (*twin.parameters(), *twin.buffers()):
            p.mul_(1.5)
    assert not same_values(neuron, twin)


@pytest.mark.usefixtures("plain_code")
@every_model
def test_dtype(model: Model) -> None:
    neuron = model.make(4, dtype=torch.float32)
    wide = copy.deepcopy(neuron).double()
    assert all(v.dtype == torch.float64 for v in wide.values().values())
    assert all(s.dtype == torch.float64 for s in wide.rest(2) if s.is_floating_point())
    out, end = wide(fed(wide, model.current(5, 2, 4)))
    assert out.dtype == torch.float64
    back = wide.to(torch.float32)
    for a, b in zip(neuron.values().values(), back.values().values(), strict=True):
        assert torch.equal(a, b)
    out, end = back(fed(back, model.current(5, 2, 4, dtype=torch.float32)))
    assert {out.dtype, *(s.dtype for s in end if s.is_floating_point())} == {torch.float32}


# --- learning ---------------------------------------------------------------------------------------


def test_nothing_is_learnable_by_default() -> None:
    assert list(neurons.LIF(3, dt=1.0).parameters()) == []
    assert len(neurons.LIF(3, dt=1.0).state_dict()) == 3


@every_model
def test_learnable_parameters_stay_legal(model: Model) -> None:
    """After steps so large that a plain parameter would leave its bounds."""
    for step in (15.0, -15.0, 1e4, -1e4):
        neuron = model.make(3, dtype=torch.float32)
        with torch.no_grad():
            for p in neuron.parameters():
                p.add_(step)
        for name, value in neuron.values().items():
            spec = neuron.params[name.partition(".")[0]]
            if spec.positive:
                assert bool((value > 0).all()), name
            if spec.range is not None:
                assert bool(((value >= spec.range[0]) & (value <= spec.range[1])).all()), name
            if spec.clamp is not None:
                low, high = spec.clamp
                assert low is None or bool((value >= low).all()), name
                assert high is None or bool((value <= high).all()), name


@every_model
def test_learning_does_not_change_the_value(model: Model) -> None:
    fixed, free = model.make(3, learn=False), model.make(3)
    for (name, a), b in zip(fixed.values().items(), free.values().values(), strict=True):
        assert torch.allclose(a, b, rtol=1e-5, atol=1e-6), name


@pytest.mark.parametrize(
    ("name", "value", "words"),
    [
        ("z", 0.0, r"z = 0, to be learned.*inside of 0 to 1.*z=0\.05, say"),
        ("z_dep", None, "z_dep = 0, to be learned"),  # its default
        ("z_hyp", torch.tensor([0.5, 1.0, 0.5]), "z_hyp = 1, to be learned"),
    ],
)
def test_a_value_that_cannot_be_learned_from(name: str, value: Any, words: str) -> None:
    """At the ends of a range it stood still for ever, with a gradient of 1e-12 of what it has inside."""
    given: dict[str, Any] = {} if value is None else {name: value}
    with pytest.raises(ParameterError, match=words):
        neurons.SRC(3, learn=(name,), **given)
    assert neurons.SRC(3, **given).learn == ()
    neuron = neurons.SRC(3, learn=(name,), detach_recurrence=False, **{name: 0.3})
    if value is not None:
        with pytest.raises(ParameterError, match=words):
            setattr(neuron, name, value)
    neuron(3.0 * torch.rand(40, 4, 3, generator=torch.Generator().manual_seed(0)))[1].h.sum().backward()
    assert all(bool((p.grad.abs() > 1e-9).any()) for p in neuron.parameters() if p.grad is not None)


def test_a_fit_may_try_the_ends_of_a_range() -> None:
    neuron = neurons.SRC(3, z=0.5, learn=("z",))
    neuron.assign("z", 0.0)
    assert float(neuron.z.detach()) == pytest.approx(0.0, abs=2e-6)


@pytest.mark.parametrize("kind", KINDS)
def test_training_moves_a_parameter(kind: str) -> None:
    torch.manual_seed(0)
    values = {"scalar": 20.0, "neuron": torch.full((2, 4), 20.0), "broadcast": torch.full((2, 1), 20.0)}
    neuron = neurons.LI(2, 4, dt=1.0, tau_mem=values[kind], learn=("tau_mem",))
    target, _ = neurons.LI(2, 4, dt=1.0, tau_mem=8.0)(torch.ones(30, 1, 2, 4))
    optimizer = torch.optim.Adam(neuron.parameters(), lr=0.1)
    for _ in range(60):
        optimizer.zero_grad()
        out, _ = neuron(torch.ones(30, 1, 2, 4))
        (out - target).square().sum().backward()
        optimizer.step()
    assert torch.allclose(neuron.tau_mem, torch.tensor(8.0), rtol=0.05)


def test_learn_takes_one_name_or_many() -> None:
    assert neurons.LIF(3, dt=1.0, learn="tau_mem").learn == ("tau_mem",)
    assert neurons.LIF(3, dt=1.0, learn=("v_threshold", "tau_mem")).learn == ("tau_mem", "v_threshold")
    with pytest.raises(ParameterError, match="tau_mem"):
        neurons.LIF(3, dt=1.0, learn=("tau_men",))


def test_detach_reset() -> None:
    """With it no gradient goes through the reset, as without the reset at all."""
    current = torch.full((12, 1, 1), 8.0)

    def gradient(detach: bool, backend: str) -> torch.Tensor:
        x = current.clone().requires_grad_()
        _, end = neurons.LIF(1, dt=1.0, detach_reset=detach)(x, backend=backend)
        return torch.autograd.grad(end.v.sum(), x)[0].flatten()

    decay = torch.exp(-torch.tensor(1.0 / 20.0))
    without_reset = (1 - decay) * decay ** torch.arange(11, -1, -1)
    for backend in ("reference", "llvm"):
        assert torch.allclose(gradient(True, backend), without_reset, rtol=1e-5)
        assert not torch.allclose(gradient(False, backend), without_reset, rtol=1e-2)


# --- assignment -------------------------------------------------------------------------------------


@pytest.mark.parametrize("learn", [(), ("tau_mem",)])
def test_assignment(learn: tuple[str, ...]) -> None:
    """A new value acts at once, on every backend, without a new kernel."""
    neuron = neurons.LI(3, dt=1.0, learn=learn)
    current = torch.ones(7, 1, 3)
    neuron(fed(neuron, current))
    compiled = launch.kernel.cache_info().misses
    neuron.tau_mem = 5.0
    expected, _ = neurons.LI(3, dt=1.0, tau_mem=5.0)(current)
    for backend in ("llvm", "reference"):
        assert torch.allclose(neuron(fed(neuron, current), backend=backend)[0], expected, rtol=1e-6)
    assert launch.kernel.cache_info().misses == compiled
    neuron.tau_mem = torch.tensor([5.0, 6.0, 7.0])
    assert neuron.tau_mem.shape == (3,)
    assert torch.allclose(neuron(current)[0], neuron(current, backend="reference")[0], rtol=1e-6)


def test_assignment_keeps_the_optimizers_parameter() -> None:
    neuron = neurons.LIF(3, dt=1.0, tau_mem=10.0, learn=("tau_mem",))
    (parameter,) = neuron.parameters()
    neuron.tau_mem = 30.0
    assert next(iter(neuron.parameters())) is parameter
    assert float(neuron.tau_mem.detach()) == pytest.approx(30.0, rel=1e-6)


@pytest.mark.parametrize("name", ["surrogate", "detach_reset", "integrator"])
def test_other_attributes_act_at_once_too(name: str) -> None:
    """A traced program that no longer fits the neuron is not run."""
    values = dict(surrogate=surrogates.Boxcar(), detach_reset=True, integrator=integrators.Euler())
    current = 6.0 * torch.rand(20, 2, 8, generator=torch.Generator().manual_seed(0))

    def gradient(neuron: Neuron) -> torch.Tensor:
        x = current.clone().requires_grad_()
        return torch.autograd.grad(neuron(fed(neuron, x))[0].sum(), x)[0]

    for wrap in (lambda n: n, lambda n: Refractory(n, tau_refrac=2.0)):
        inner = neurons.LIF(8, dt=1.0)
        neuron = wrap(inner)
        before = gradient(neuron)
        setattr(inner, name, values[name])
        expected = gradient(wrap(neurons.LIF(8, dt=1.0, **{name: values[name]})))
        assert torch.equal(gradient(neuron), expected)
        assert not torch.equal(before, expected)
