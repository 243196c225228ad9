"""Every neuron there is, with random parameters, and input that makes some spikes.

A new class in `rheobase.neurons.__all__` joins all tests of this folder by existing. Beside them stand the wrappers
around LIF, and neurons that the package has never seen.
"""

from __future__ import annotations

import functools
import math
import zlib
from collections.abc import Callable, Iterator
from dataclasses import dataclass, replace
from typing import Any

import pytest
import torch
from torch import Tensor
from torch.overrides import TorchFunctionMode

from rheobase import (
    Escape,
    MapNeuron,
    Neuron,
    Noisy,
    OdeNeuron,
    PoissonInput,
    Refractory,
    entry,
    neurons,
    param,
    relax,
    state,
)
from rheobase.core import primitives
from rheobase.core.declaration.words import ParamSpec
from rheobase.errors import Diverged
from tests import kinds
from tests.contract.choices import chosen


class Resonator(OdeNeuron):
    """Resonate-and-fire neuron (Izhikevich, 2001), as a user would write it."""

    damping = param(-0.05, "1/ms", "rate of decay of the subthreshold oscillation")
    omega = param(0.25, "1/ms", "angular frequency of the oscillation")
    v_threshold = param(1.0, "1", "firing threshold")
    x = state(0.0, "1", "current-like variable")
    v = state(0.0, "1", "voltage-like variable")
    input_unit = "1/ms"

    def dynamics(self, s: Any, i: Any) -> dict[str, Any]:
        return dict(x=self.damping * s.x - self.omega * s.v + i, v=self.omega * s.x + self.damping * s.v)

    def threshold(self, s: Any) -> Any:
        return s.v - self.v_threshold

    def reset(self, s: Any) -> Any:
        return s._replace(x=torch.zeros_like(s.x), v=torch.ones_like(s.v))


class FiveStates(MapNeuron):
    """Two synaptic currents, a membrane, an adaptation and a moving threshold: 5 states, 6 parameters."""

    rise = param(0.6, "1", "decay of the first synaptic stage", range=(0.0, 1.0))
    fall = param(0.8, "1", "decay of the second synaptic stage", range=(0.0, 1.0))
    leak = param(0.9, "1", "decay of the membrane", range=(0.0, 1.0))
    memory = param(0.95, "1", "decay of the adaptation", range=(0.0, 1.0))
    coupling = param(0.1, "1", "adaptation by the membrane")
    jump = param(0.3, "1", "adaptation by a spike", positive=True)
    first = state(0.0, "1", "first synaptic stage")
    second = state(0.0, "1", "second synaptic stage")
    v = state(0.0, "1", "membrane potential")
    w = state(0.0, "1", "adaptation")
    theta = state(1.0, "1", "moving threshold")

    def step(self, s: Any, i: Any) -> tuple[Any, ...]:
        first = self.rise * s.first + i
        second = self.fall * s.second + (1.0 - self.fall) * first
        w = self.memory * s.w + (1.0 - self.memory) * self.coupling * s.v
        v = self.leak * s.v + (1.0 - self.leak) * (second - w)
        z = self.fire(v - s.theta)
        theta = 1.0 + self.memory * (s.theta - 1.0) + self.jump * z
        before = s._replace(first=first, second=second, v=v, w=w, theta=theta)
        return z, before._replace(v=self.switch(z, 0.0 * v, v), w=w + self.jump * z), before


class TwoInputs(MapNeuron):
    """One input drives, the other divides; only one of them has a unit."""

    drive = entry("mV", "what it adds")
    divisor = entry("1", "what it divides by, less 1")
    leak = param(0.9, "1", "decay of the membrane", range=(0.0, 1.0))
    v_threshold = param(1.0, "mV", "firing threshold")
    v = state(0.0, "mV", "membrane potential")

    def step(self, s: Any, i: Any) -> tuple[Any, ...]:
        v = self.leak * s.v + i.drive / (1.0 + i.divisor * i.divisor)
        z = self.fire(v - self.v_threshold)
        return z, s._replace(v=self.switch(z, 0.0 * v, v)), s._replace(v=v)


class Crossing(OdeNeuron):
    """FitzHugh-Nagumo (1961): no reset; a spike is an upward crossing."""

    rate = param(1.0, "1/ms", "rate of the fast variable", positive=True)
    a = param(0.7, "1", "offset of the recovery")
    b = param(0.8, "1", "gain of the recovery")
    tau = param(12.5, "ms", "time constant of the recovery", positive=True)
    v_threshold = param(1.0, "1", "level whose crossing is a spike")
    v = state(-1.2, "1", "membrane potential")
    w = state(-0.6, "1", "recovery")
    crossing = True

    def dynamics(self, s: Any, i: Any) -> dict[str, Any]:
        return dict(v=self.rate * (s.v - s.v**3 / 3.0 - s.w + i), w=relax((s.v + self.a) / self.b, self.tau / self.b))

    def threshold(self, s: Any) -> Any:
        return s.v - self.v_threshold


KINDS = ("scalar", "neuron", "broadcast")
DTS = (1.0, 0.25, 0.05, 0.01)
FINE = (0.05, 0.01)  # for spikes that the equations themselves make: in longer steps they are chaos
# half the hidden units: each adds to a graph as all others do, and every case of every test traces and compiles one
SMALL: dict[str, tuple[tuple[str, Any], ...]] = {"ELM": (("hidden", 2),)}
RARE = 0.005  # spikes per step below which a model counts as silent


@dataclass(frozen=True)
class Model:
    """A kind of neuron and how to make one. `wrap` goes around it."""

    name: str
    cls: type[Any]
    wrap: Callable[[Neuron], Neuron] = lambda neuron: neuron
    options: tuple[tuple[str, Any], ...] = ()

    @property
    def params(self) -> dict[str, ParamSpec]:
        chosen = {name: spec.default for name, spec in self.cls.declared_options.items()} | dict(self.options)
        return {name: vars(self.cls)[name].sized(chosen) for name in self.cls.params}

    def make(
        self,
        *shape: int,
        kinds: tuple[str, ...] = KINDS,
        learn: bool = True,
        dtype: torch.dtype = torch.float64,
        **options: Any,
    ) -> Neuron:
        """Random parameters near their defaults; their shapes go through `kinds` in turn."""
        options = {**self.clock(), **dict(self.options), **options}
        given = {
            name: self._value(spec, shape, kinds[k % len(kinds)])
            for k, (name, spec) in enumerate(self.params.items())
            if name not in options
        }
        neuron = self.cls(*shape, learn=tuple(self.params) if learn else (), **given, **options)
        return self.wrap(neuron).to(dtype)

    def _value(self, spec: ParamSpec, shape: tuple[int, ...], kind: str) -> Tensor:
        sizes = {"scalar": (), "neuron": shape, "broadcast": (*shape[:-1], 1)}[kind]
        shift = (
            0.1 * torch.rand((*spec.size, *sizes), generator=seeded(self.name, spec.name, kind), dtype=torch.float64)
            - 0.05
        )
        if spec.positive:
            return spec.default * (1.0 + shift)
        if spec.range is not None:
            low, high = spec.range
            edge = 0.02 * (high - low)
            span = min(high - low, abs(spec.default) or high - low)
            return (spec.default + shift * span).clamp(low + edge, high - edge)
        return spec.default + shift * (abs(spec.default) or 0.5)

    def with_options(self, **options: Any) -> Model:
        """The same in another of its forms."""
        return replace(self, options=tuple(options.items()))

    def clock(self) -> dict[str, float]:
        return {"dt": self.drive()[0]} if issubclass(self.cls, OdeNeuron) else {}

    def current(self, steps: int, batch: int, *shape: int, dtype: torch.dtype = torch.float64, seed: int = 0) -> Tensor:
        """Noise around a drive at which the neuron fires now and then."""
        noise = torch.randn(steps, batch, *shape, generator=seeded(self.name, str(seed)), dtype=torch.float64)
        return (self.drive()[1] * (0.5 + noise)).to(dtype)

    def drive(self) -> tuple[float, float]:
        """dt and the scale of the input: the neuron is finite, and active in 2 to 40 % of the steps if it can be."""
        return _drive(self)


def _steps(cls: type[Any]) -> tuple[tuple[float, ...], ...]:
    """Time steps to try, the better ones first; a neuron that counts in steps has none."""
    if not issubclass(cls, OdeNeuron):
        return ((math.nan,),)
    return (FINE, DTS) if cls.crossing else (DTS,)


@functools.cache
def _drive(model: Model) -> tuple[float, float]:
    dt, scale = chosen("drives", model.name, lambda: searched_drive(model))
    return (math.nan if dt is None else dt), scale


def searched_drive(model: Model) -> tuple[float | None, float]:
    """dt, None for a model that counts in steps, and scale."""
    for steps in _steps(model.cls):
        found = _liveliest(model, steps)
        if found is not None:
            return (None if math.isnan(found[0]) else found[0]), found[1]
    raise AssertionError(f"no input makes {model.name} fire now and then")


def _liveliest(model: Model, steps: tuple[float, ...]) -> tuple[float, float] | None:
    """dt and scale under which the model is as active as it should be, or else as active as it can be."""
    noise = torch.randn(400, 1, 16, generator=seeded(model.name), dtype=torch.float64)
    liveliest, usable = RARE, None
    for dt in steps:
        neuron = model.cls(16, **dict(model.options), **({} if math.isnan(dt) else {"dt": dt})).double()
        for scale in (0.25, 0.5, 1.0, 2.0, 4.0, 8.0, 16.0, 64.0, 256.0, 1024.0):
            try:
                out, end = neuron(fed(neuron, scale * (0.5 + noise)), backend="reference")
            except Diverged:
                continue
            tame = all(float(x.abs().max()) < 1e6 for x in end)
            active = activity(neuron, out)
            if tame and 0.02 <= active <= 0.4:
                return dt, scale
            # a leaky integrator has no spikes to make
            if tame and (active > liveliest or (usable is None and neuron.graded)):
                liveliest, usable = max(active, liveliest), (dt, scale)
    return usable


def fed(neuron: Neuron, x: Tensor) -> Any:
    """The inputs of a call from one tensor, pointwise: as it is for one input; for several, parts of it for each."""
    if neuron.Input is None:
        return x
    # none below zero, since they may be conductances
    up, down = x.clamp(min=0.0), (-x).clamp(min=0.0)
    return {name: up if k == 0 else 0.5**k * down for k, name in enumerate(neuron.entries)}


def named(neuron: Neuron, x: Tensor) -> dict[str, Tensor]:
    """The same by name, each a tensor of its own."""
    given = fed(neuron, x)
    inputs = given if isinstance(given, dict) else dict.fromkeys(neuron.entries, given)
    return {name: x.clone(memory_format=torch.preserve_format) for name, x in inputs.items()}


def activity(neuron: Neuron, out: Tensor) -> float:
    """Spikes per step; for a graded cell its upward crossings of 0.5."""
    if neuron.graded:
        return float(((out[1:] > 0.5) & (out[:-1] <= 0.5)).double().mean())
    fired = out.detach()
    if "spent" in neuron.State._fields:
        # a neuron that fires once is counted as long as it can
        return float(fired.sum() / (1.0 - (fired.cumsum(0) - fired)).sum())
    return float(fired.mean())


def seeded(*names: str) -> torch.Generator:
    return torch.Generator().manual_seed(zlib.crc32("/".join(names).encode()))


def forms(name: str) -> Iterator[Model]:
    """A neuron by default, and with each of its options chosen otherwise."""
    model = Model(name, getattr(neurons, name), options=SMALL.get(name, ()))
    yield model
    for option, spec in model.cls.declared_options.items():
        for choice in spec.choices:
            if choice != spec.default:
                yield replace(model, name=f"{name}-{option}-{choice}", options=(*model.options, (option, choice)))


DECLARED = [model for name in neurons.__all__ for model in forms(name)]
WRAPPED = [
    Model("Noisy", neurons.LIF, lambda n: Noisy(n, sigma=0.3, seed=5)),
    Model("Refractory", neurons.LIF, lambda n: Refractory(n, tau_refrac=3.0)),
    Model("RefractoryNoisy", neurons.LIF, lambda n: Refractory(Noisy(n, sigma=0.3, seed=6), tau_refrac=2.0)),
]
WRAPPED += [
    Model("PoissonInput", neurons.LIF, lambda n: PoissonInput(n, rate=1.5, weight=0.4, seed=9)),
    Model("Escape", neurons.LIF, lambda n: Escape(n, delta_u=0.2, rho_0=0.5, seed=7)),
    Model("RefractoryEscape", neurons.AdLIF, lambda n: Refractory(Escape(n, delta_u=0.3, rho_0=0.3, seed=8))),
]
UNSEEN = [Model("Resonator", Resonator), Model("FiveStates", FiveStates), Model("Crossing", Crossing)]
UNSEEN += [Model("TwoInputs", TwoInputs)]
MODELS = DECLARED + WRAPPED + UNSEEN

every_model = pytest.mark.parametrize("model", MODELS, ids=lambda m: m.name)


def also(dtype: torch.dtype, other: torch.dtype) -> pytest.MarkDecorator:
    """Every model in one type, and one of each kind in another, with vectors of another width."""
    cases = [(model, dtype) for model in MODELS] + [(model, other) for model in MODELS if model.name in kinds.KINDS]
    return pytest.mark.parametrize(("model", "dtype"), cases, ids=lambda x: getattr(x, "name", str(x)))


class Margins(TorchFunctionMode):
    """Collects, from what runs inside of it, how near each step came to a threshold."""

    def __init__(self) -> None:
        super().__init__()
        self.seen: list[float] = []

    def __torch_function__(self, func: Any, types: Any, args: Any = (), kwargs: Any = None) -> Any:
        if func is primitives.spike and isinstance(args[0], Tensor):
            self.seen.append(float(args[0].detach().abs().min()))
        return func(*args, **(kwargs or {}))
