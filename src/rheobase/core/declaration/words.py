"""The functions that declare a neuron: `param`, `state`, `entry`, `option` and `relax`."""

from __future__ import annotations

import itertools
import math
from collections.abc import Mapping
from dataclasses import dataclass, replace
from typing import Any, NamedTuple

import torch
from torch import Tensor

from rheobase.checks import is_number, is_whole
from rheobase.core.primitives import substitute
from rheobase.errors import DeclarationError, ParameterError

Bounds = tuple[float | None, float | None]
# attributes by which quantities of Brian2, Pint, Quantities and Astropy are recognised; NumPy would drop their units
QUANTITY = ("dimensions", "dimensionality", "unit", "units")
Size = tuple[int | str, ...]
LOG_LIMIT = 40.0  # of a learnable positive value: within, neither it nor its square leaves float32


@dataclass(frozen=True, eq=False)
class ParamSpec:
    """One parameter of a neuron: the only place where its number, unit and meaning are written.

    As an attribute of a neuron it reads the current value. A learnable parameter is stored so that every
    gradient step stays legal: `positive` and `nonnegative` as its logarithm, `range` as a logit, `clamp` as it is, cut
    when read. One that is `whole` is rounded when read, with the gradient of the identity.

    One with a `size` is a vector or matrix of numbers, stored as one tensor (*size) or (*size, *shape of the neurons).
    Equations see its entries, `self.weight[k][j]`; kernels see each entry as a parameter of its own, `weight.k.j`.
    """

    default: float
    unit: str
    meaning: str
    positive: bool = False
    range: tuple[float, float] | None = None
    clamp: Bounds | None = None
    draw: bool = False
    nonnegative: bool = False
    size: Size = ()
    whole: bool = False
    usual: tuple[float, float] | None = None  # the range of published values; others are allowed
    name: str = ""

    def __set_name__(self, owner: type, name: str) -> None:
        object.__setattr__(self, "name", name)

    @property
    def lengths(self) -> tuple[int, ...]:
        """The size in numbers. Raises `DeclarationError` where it still names an option (see `sized`)."""
        if any(isinstance(n, str) for n in self.size):
            given = f"{self.name} of size {self.size}"
            raise DeclarationError("param", given, "numbers, or names of options", "option(4, ..., least=1), say")
        return self.size  # type: ignore[return-value]

    @property
    def logarithmic(self) -> bool:
        """Whether a learnable value is stored as its logarithm."""
        return self.positive or self.nonnegative

    def __get__(self, neuron: Any, owner: type | None = None) -> Any:
        return self if neuron is None else neuron.value(self.name)

    def __set__(self, neuron: Any, value: Any) -> None:
        neuron.assign(self.name, value)

    def sized(self, options: Mapping[str, Any]) -> ParamSpec:
        """This parameter with the names of options in its size replaced by their values."""
        if not any(isinstance(n, str) for n in self.size):
            return self
        return replace(self, size=tuple(options[n] if isinstance(n, str) else n for n in self.size))

    def places(self, name: str) -> list[str]:
        """The name of each entry, for a parameter called `name`: itself, where it is one number."""
        return [".".join((name, *map(str, at))) for at in itertools.product(*map(range, self.lengths))]

    def entries(self, name: str, value: Tensor) -> dict[str, Tensor]:
        """Each entry of a value by its name; each is a scalar, or has a value for each neuron."""
        if not self.size:
            return {name: value}
        return dict(zip(self.places(name), value.flatten(0, len(self.size) - 1).unbind(0), strict=True))

    def nested(self, name: str, values: Mapping[str, Any]) -> Any:
        """What equations see of a parameter with a size: tuples of entries, as deep as it has axes."""
        found: list[Any] = [values[place] for place in self.places(name)]
        for n in reversed(self.lengths[1:]):
            found = [tuple(found[k : k + n]) for k in range(0, len(found), n)]
        return tuple(found)

    def stored_name(self, learnable: bool) -> str:
        if learnable and self.logarithmic:
            return f"{self.name}_log"
        if learnable and self.range is not None:
            return f"{self.name}_logit"
        return self.name

    def to_stored(self, value: Tensor, learnable: bool) -> Tensor:
        if learnable and self.logarithmic:
            return value.log()
        if learnable and self.range is not None:
            low, high = self.range
            # the ends of the range lie at infinity: just inside
            eps = 1e-6 if value.dtype == torch.float32 else 1e-12
            return torch.logit(((value - low) / (high - low)).clamp(eps, 1 - eps))
        return value

    def from_stored(self, stored: Tensor, learnable: bool) -> Tensor:
        value = self._within(stored, learnable)
        return substitute(torch.round(value), value) if learnable and self.whole else value

    def _within(self, stored: Tensor, learnable: bool) -> Tensor:
        """The stored value as one that the bounds allow."""
        if learnable and self.logarithmic:
            return stored.clamp(-LOG_LIMIT, LOG_LIMIT).exp()
        if learnable and self.range is not None:
            low, high = self.range
            return low + (high - low) * torch.sigmoid(stored)
        if self.clamp is not None:
            return torch.clamp(stored, *self.clamp)
        return stored

    def tensor(self, owner: str, value: Any, shape: tuple[int, ...]) -> Tensor:
        """The value as real numbers that broadcast to `shape`. Raises `ParameterError` for anything else."""
        if any(hasattr(value, name) for name in QUANTITY):
            given, expected = f"{self.name} = {value!r}", f"a number without a unit, in {self.unit}"
            raise ParameterError(owner, given, expected, "divide it by that unit: tau_mem=tau/ms, say")
        try:
            tensor = torch.as_tensor(value).detach()
            if not isinstance(value, Tensor):
                # Python's numbers with all their digits
                tensor = torch.as_tensor(value, dtype=torch.float64 if tensor.dtype != torch.bool else torch.bool)
        except (TypeError, ValueError, RuntimeError) as error:
            expected = f"a number or a tensor in {self.unit}"
            raise ParameterError(owner, f"{self.name} = {value!r}", expected, str(error)) from None
        if tensor.dtype == torch.bool or tensor.is_complex():
            given, expected = f"{self.name} = {value!r}", f"real numbers in {self.unit}"
            raise ParameterError(owner, given, expected, f"the default is {self.default}")
        own = len(self.lengths)
        # one number stands for all entries
        tensor = tensor.expand(self.lengths) if own and not tensor.dim() else tensor
        ends = zip(reversed(tensor.shape[own:]), reversed(shape), strict=False)
        fits = tuple(tensor.shape[:own]) == self.lengths and tensor.dim() <= own + len(shape)
        if not fits or any(n not in (1, m) for n, m in ends):
            given = f"{self.name} of shape {tuple(tensor.shape)}"
            expected = f"a scalar or {shape}" if not own else f"a scalar, {self.lengths} or {(*self.lengths, *shape)}"
            raise ParameterError(owner, given, expected, "one value per neuron")
        return tensor

    def check(self, owner: str, value: Tensor, learnable: bool = False) -> None:
        """Raise `ParameterError` for a value that the declaration forbids, or that could not be learnt from."""
        given = f"{self.name} = {value.tolist() if value.numel() < 5 else tuple(value.shape)}"
        if not bool(torch.isfinite(value).all()):
            raise ParameterError(owner, given, "finite numbers", f"give {self.name} in {self.unit}")
        if self.positive and bool((value <= 0).any()):
            raise ParameterError(owner, given, f"{self.name} > 0 {self.unit}", f"the default is {self.default}")
        if self.nonnegative and bool((value < 0).any()):
            raise ParameterError(owner, given, f"{self.name} >= 0 {self.unit}", f"the default is {self.default}")
        if self.range is not None and bool(((value < self.range[0]) | (value > self.range[1])).any()):
            low, high = self.range
            raise ParameterError(owner, given, f"{low} <= {self.name} <= {high}", f"the default is {self.default}")
        if self.whole and bool((value != torch.round(value)).any()):
            raise ParameterError(owner, given, f"whole numbers as {self.name}", f"the default is {self.default:g}")
        if learnable and self.logarithmic and bool((value.log().abs() > LOG_LIMIT).any()):
            expected = f"{math.exp(-LOG_LIMIT):.2g} to {math.exp(LOG_LIMIT):.2g} for a learnable {self.name}"
            raise ParameterError(owner, given, expected, "another unit of time, or a fixed value")

    def check_start(self, owner: str, value: Tensor) -> None:
        """Raise `ParameterError` for a value from which a learnable parameter would not move: an end of its range."""
        if self.range is None:
            return
        low, high = self.range
        ends = (value <= low) | (value >= high)
        if bool(ends.any()):
            given = f"{self.name} = {float(value[ends].flatten()[0]):g}, to be learned"
            expected = f"a value inside of {low:g} to {high:g}: at an end its gradient is 0"
            remedy = f"{self.name}={low + 0.05 * (high - low):g}, say; or leave it out of learn"
            raise ParameterError(owner, given, expected, remedy)


def param(
    default: float,
    unit: str,
    meaning: str,
    *,
    positive: bool = False,
    range: tuple[float, float] | None = None,
    clamp: Bounds | None = None,
    draw: bool = False,
    nonnegative: bool = False,
    size: Size = (),
    whole: bool = False,
    usual: tuple[float, float] | None = None,
) -> Any:
    """Declare a parameter: `tau_mem = param(20.0, "ms", "membrane time constant", positive=True)`.

    `positive`, `nonnegative` and `range` are enforced (when learnable, by a reparametrisation); `clamp` cuts the value
    at every use, as some papers do (SRC's b_h <= -4), and lets the gradient of a cut value be zero. `draw` says
    that the paper draws a value for each neuron, uniformly from the range or clamp: `AdLIF.draw(128)` does. `size`
    makes it a vector or a matrix, whose entries all start at the default: `self.weight[k][j]` in the equations. The
    name of an option in it stands for the number that a neuron was made with.
    `whole` allows whole numbers only, as a register of a chip does; a learnable value is rounded at every use.
    `usual` is the least and the most that is published: a `Cell` warns of others, whose unit may be another.

    >>> from rheobase import neurons
    >>> neurons.LIF.params["tau_mem"].default, neurons.LIF.params["tau_mem"].unit
    (20.0, 'ms')
    """
    if sum((positive, nonnegative, range is not None, clamp is not None)) > 1:
        given = "more than one of positive, nonnegative, range, clamp"
        raise DeclarationError("param", given, "one of them", "keep the tightest")
    if not is_number(default):
        raise DeclarationError("param", f"default {default!r}", "a finite number", "arrays are given per instance")
    ends = range or clamp or (None, None)
    if draw and None in ends:
        raise DeclarationError("param", "draw without two ends", "a range or a clamp", "say from where to draw")
    low = 0.0 if nonnegative else None if range is None else range[0]
    high = None if range is None else range[1]
    if usual is not None and not usual[0] <= default <= usual[1]:
        raise DeclarationError("param", f"default {default}", f"one of the usual {usual}", "correct one of them")
    outside = (low is not None and default < low) or (high is not None and default > high)
    if outside or (positive and default <= 0):
        raise DeclarationError("param", f"default {default}", "a value that the bounds allow", "correct one of them")
    if None not in ends and ends[0] >= ends[1]:  # type: ignore[operator]
        raise DeclarationError("param", f"bounds {ends}", "the lower one first", "turn them round")
    if whole and (draw or default != round(default)):
        given = "a whole parameter that is drawn" if draw else f"default {default} of a whole parameter"
        raise DeclarationError("param", given, "a whole number", "correct one of them")
    if not meaning:
        raise DeclarationError("param", "no meaning", "a few words", "say what the parameter is")
    if not all(isinstance(n, str) or is_whole(n, 1) for n in size):
        expected = "whole numbers > 0, or names of options"
        raise DeclarationError("param", f"size = {size!r}", expected, "size=(8, 6), or none for one number")
    return ParamSpec(float(default), unit, meaning, positive, range, clamp, draw, nonnegative, size, whole, usual)


def places(params: Mapping[str, ParamSpec]) -> tuple[str, ...]:
    """The names of all entries of parameters, in order: what a step is given."""
    return tuple(place for name, spec in params.items() for place in spec.places(name))


@dataclass(frozen=True, eq=False)
class StateSpec:
    """One state variable: where it rests, its unit, its meaning."""

    initial: float | str
    unit: str
    meaning: str


def state(initial: float | str, unit: str, meaning: str) -> Any:
    """Declare a state: `v = state("v_leak", "1", "membrane potential")`; `initial` is a number or a parameter.

    >>> from rheobase import neurons
    >>> neurons.LIF.states["v"].initial, neurons.LIF.states["v"].meaning
    ('v_leak', 'membrane potential')
    """
    return StateSpec(initial if isinstance(initial, str) else float(initial), unit, meaning)


@dataclass(frozen=True, eq=False)
class EntrySpec:
    """One input of a neuron: its unit and its meaning."""

    unit: str
    meaning: str


def entry(unit: str, meaning: str) -> Any:
    """Declare an input: `current = entry("pA", "injected current")`.

    A neuron that declares none has one, `current`, in its `input_unit`. Equations get the value of a single input as it
    is, `dynamics(self, s, i)`; of several, a named tuple: `i.g_exc`, `i.g_inh`.

    >>> from rheobase import neurons
    >>> neurons.CondLIF.entries["g_exc"].unit
    'nS'
    """
    if not meaning:
        raise DeclarationError("entry", "no meaning", "a few words", "say what enters there")
    return EntrySpec(unit, meaning)


@dataclass(frozen=True, eq=False)
class Option:
    """A choice between forms of the same model, fixed when a neuron is made."""

    default: Any
    meaning: str
    choices: tuple[Any, ...]
    least: int | None = None
    name: str = ""

    @property
    def allowed(self) -> str:
        """What may be chosen, in words."""
        return ", ".join(map(repr, self.choices)) if self.least is None else f"whole numbers from {self.least} on"

    def __set_name__(self, owner: type, name: str) -> None:
        object.__setattr__(self, "name", name)

    def __get__(self, neuron: Any, owner: type | None = None) -> Any:
        return self if neuron is None else neuron.options[self.name]

    def __set__(self, neuron: Any, value: Any) -> None:
        raise ParameterError(
            type(neuron).__name__,
            f"{self.name} set to {value!r}",
            "an option fixed at construction",
            "make a new neuron",
        )

    def check(self, owner: str, value: Any) -> None:
        if self.least is not None:
            fits = is_whole(value, self.least)
        else:
            fits = value in self.choices and isinstance(value, bool) == isinstance(self.default, bool)
        if not fits:
            expected = f"one of {self.allowed}" if self.least is None else self.allowed
            raise ParameterError(owner, f"{self.name} = {value!r}", expected, f"the default is {self.default!r}")


def option(default: Any, meaning: str, *, choices: tuple[Any, ...] = (True, False), least: int | None = None) -> Any:
    """Declare an option: `detach_recurrence = option(True, "cut the gradient through time")`.

    With `least` it is a whole number from there on, `hidden = option(4, "hidden units", least=1)`: the `size` of
    parameters.

    >>> from rheobase import neurons
    >>> neurons.DQIF.declared_options["reset"].choices
    ('hard', 'soft')
    """
    return Option(default, meaning, () if least is not None else choices, least)


class Relax(NamedTuple):
    """dx/dt = (to - x) / tau, or rate (to - x), stated as a relaxation so that an integrator can solve it exactly."""

    to: Any
    tau: Any = None
    rate: Any = None

    def derivative(self, x: Any) -> Any:
        return (self.to - x) / self.tau if self.rate is None else self.rate * (self.to - x)

    def times(self, dt: Any) -> Any:
        """The length of dt in time constants."""
        return dt / self.tau if self.rate is None else dt * self.rate


def relax(to: Any, tau: Any = None, *, rate: Any = None) -> Relax:
    """Declare that a variable relaxes towards `to` with a time constant (ms), or with its inverse, a rate (1/ms).

    dx/dt = (to - x)/tau = rate (to - x). Of `tau` and `rate` give the one that the equations have: the other would
    cost a division in each step.

    >>> import torch
    >>> from rheobase import neurons
    >>> _, end = neurons.LIF(1, dt=20.0)(torch.ones(1, 1, 1) * 0.5)
    >>> round(float(end.v), 4)  # relaxed for one time constant: 0.5 (1 - 1/e)
    0.3161
    """
    if (tau is None) == (rate is None):
        given = "neither" if tau is None else "both"
        raise DeclarationError("relax", f"{given} of tau and rate", "one of them", "relax(v_inf, tau), say")
    return Relax(to, tau, rate)
