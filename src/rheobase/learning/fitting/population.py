"""Many candidates as the lanes of one neuron: the ranges of the search, and the assignment of values to lanes."""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import torch
from torch import Tensor

from rheobase.core.declaration.population import Declared
from rheobase.core.declaration.words import ParamSpec
from rheobase.core.neuron import Neuron
from rheobase.core.ode import OdeNeuron
from rheobase.core.wrappers import Refractory
from rheobase.errors import ParameterError, nearest

SPREAD = 3.0  # a positive parameter without a range is searched from a third of its value to three times it
SERIES = (0.0, 0.05)  # GOhm, so mV per pA: the range of an electrode's resistance that bridge balance left over
AROUND_MV = 15.0  # a potential, this far to both sides


@dataclass(frozen=True)
class Axis:
    """One searched quantity: from low to high, evenly in its logarithm where `log`."""

    name: str
    low: float
    high: float
    log: bool = False

    def value(self, share: Tensor) -> Tensor:
        """The value at a share of the way from low to high."""
        if self.log:
            return self.low * torch.exp(share * math.log(self.high / self.low))
        return self.low + share * (self.high - self.low)

    def share(self, value: Tensor) -> Tensor:
        """The inverse of `value`."""
        if self.log:
            return torch.log(value / self.low) / math.log(self.high / self.low)
        return (value - self.low) / (self.high - self.low)


def declared(neuron: Neuron) -> Declared:
    """The neuron with the equations, inside all wrappers."""
    inner: Any = neuron
    while not isinstance(inner, Declared):
        inner = inner.neuron
    return inner


def populate(neuron: Neuron, lanes: int, learn: Sequence[str]) -> Neuron:
    """The same kind of neuron, `lanes` of it, in which each lane has its own value of the parameters in `learn`."""
    if isinstance(neuron, Refractory):
        inner, time = populate(neuron.neuron, lanes, learn), _one(neuron, neuron.tau_refrac)
        return Refractory(inner, tau_refrac=time, hold=neuron.hold)
    if not isinstance(neuron, Declared):
        # every lane has noise of its own, so one score would be luck
        kind = type(neuron).__name__
        raise ParameterError("fit_neuron", f"a {kind}", "a neuron, or Refractory around one", "fit the neuron inside")
    given: dict[str, Any] = {name: torch.full((lanes,), _one(neuron, value)) for name, value in neuron.values().items()}
    given |= {"dt": neuron.dt, **neuron.options}
    if isinstance(neuron, OdeNeuron):
        given["integrator"] = neuron.integrator
    return type(neuron)(
        lanes, learn=tuple(learn), surrogate=neuron.surrogate, detach_reset=neuron.detach_reset, **given
    )


def _one(neuron: Neuron, value: Tensor) -> float:
    if not bool((value == value.flatten()[0]).all()):
        raise ParameterError(repr(neuron), "different neurons", "one neuron, or equal ones", "neuron of shape (1,)")
    return float(value.detach().flatten()[0])


def axes_of(neuron: Neuron, learn: Sequence[str], ranges: Mapping[str, tuple[float, float]]) -> list[Axis]:
    """Where each parameter in `learn` is searched: as given, as declared, or around its value.

    Raises: `ParameterError` for unknown names and ranges that a declaration forbids.
    """
    inner = declared(neuron)
    for name in learn:
        if name not in inner.params:
            raise ParameterError(repr(neuron), f"learn {name!r}", "a parameter", nearest(str(name), inner.params))
        if inner.params[name].size:
            given = f"learn {name!r}, of size {inner.params[name].size}"
            raise ParameterError(repr(neuron), given, "parameters that are one number", "train it by its gradient")
    for name in ranges:
        if name not in learn:
            raise ParameterError(repr(neuron), f"a range of {name!r}", "a name in learn", nearest(str(name), learn))
    return [
        axis(type(inner).__name__, name, inner.params[name], _one(inner, inner.value(name)), ranges.get(name))
        for name in learn
    ]


def axis(owner: str, name: str, spec: ParamSpec, value: float, given: tuple[float, float] | None) -> Axis:
    """Where a parameter is searched that has this value: as given, as declared, or around it."""
    if given is not None:
        low, high = checked_range(name, given)
        for end in (low, high):
            spec.check(owner, torch.tensor(end))
        return Axis(name, low, high, log=spec.logarithmic and low > 0 and high > 4.0 * low)
    ends = spec.range or spec.clamp
    if ends is not None and ends[0] is not None and ends[1] is not None:
        return Axis(name, float(ends[0]), float(ends[1]))
    if spec.logarithmic and value > 0:
        return Axis(name, value / SPREAD, value * SPREAD, log=True)
    around = AROUND_MV if spec.unit == "mV" else 2.0 * abs(value) or 1.0
    return Axis(name, value - around, value + around)


def series_axis(series: bool | tuple[float, float]) -> Axis:
    """Where the resistance of the electrode is searched, in GOhm. Raises `ParameterError`."""
    low, high = SERIES if series is True else checked_range("series", series)
    if low < 0.0:
        raise ParameterError("fit_neuron", f"series = {series!r}", "GOhm, 0 or more", "series=(0.0, 0.1) is 100 MOhm")
    return Axis("r_series", low, high)


def checked_range(name: str, given: Any) -> tuple[float, float]:
    """The two ends as numbers. Raises `ParameterError`."""
    try:
        low, high = (float(x) for x in given)
    except (TypeError, ValueError):
        raise ParameterError("fit_neuron", f"{name} in {given!r}", "(low, high)", "two numbers, low first") from None
    if not (math.isfinite(low) and math.isfinite(high) and low < high):
        raise ParameterError("fit_neuron", f"{name} in {given!r}", "finite numbers, low < high", "turn them round")
    return low, high


def assign(neuron: Neuron, values: Mapping[str, Tensor]) -> None:
    """Give the neuron's learnable parameters their `values`, each (lanes,), by name; other names are ignored."""
    inner = declared(neuron)
    for name in inner.learn:
        inner.assign(name, values[name])


def pull_back(neuron: Neuron, values: Mapping[str, Tensor]) -> None:
    """Backpropagate the gradients of the neuron's parameters to the tensors that `values` was computed from."""
    inner = declared(neuron)
    # by its attribute a parameter reads as the value in force
    own = dict(inner.named_parameters(recurse=False))
    stored: list[Tensor] = []
    grads: list[Tensor] = []
    for name in inner.learn:
        spec = inner.params[name]
        held = own[spec.stored_name(True)]
        if held.grad is not None:
            stored.append(spec.to_stored(values[name], True))
            grads.append(held.grad)
            held.grad = None
    torch.autograd.backward(stored, grads)
