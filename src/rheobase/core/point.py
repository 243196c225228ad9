"""Neurons of one compartment, composed of channels."""

from __future__ import annotations

from typing import Any, ClassVar

import torch
from torch import Tensor

from rheobase.core.bound import Bound
from rheobase.core.declaration.insertion import Inserted
from rheobase.core.equations.equilibrium import equilibrium
from rheobase.core.equations.rates import membrane
from rheobase.core.integrators import ExpMidpoint, Integrator
from rheobase.core.ode import OdeNeuron
from rheobase.errors import DeclarationError
from rheobase.units import Unit, parse

MS, MV, SIEMENS = parse("ms"), parse("mV"), parse("S/cm2")
USUAL = ("mS/cm2", "uA/cm2", "S/cm2", "mA/cm2", "nS", "pA", "uS", "nA", "mV", "mM", "ms", "1/ms", "1")


class PointNeuron(OdeNeuron, abstract=True):
    """A neuron of one compartment, composed of channels.

        c_mem dv/dt = i - sum over channels of g (v - e)            a spike where v crosses v_threshold upwards

    Declare `c_mem`, the state `v` in mV, `v_threshold`, an `input_unit`, and the channels with `insert`. Every g is a
    conductance of a channel in the unit of c_mem per ms, and the input in that unit times mV: uF/cm2, mS/cm2 and
    uA/cm2, or pF, nS and pA. A class that has more equations returns them beside `PointNeuron.dynamics(self, s, i)`,
    and then solves for its rest in a `resting` of its own.

    Numerics: `ExpMidpoint`, where no other integrator is named: v and each gate relax, so a step is stable at any dt.

    Raises: `DeclarationError` for a class that lacks one of these, or whose units do not agree.

    >>> from rheobase import PointNeuron, channels, insert, param, state
    >>> class Passive(PointNeuron):
    ...     c_mem, g = param(100.0, "pF", "capacitance", positive=True), param(10.0, "nS", "leak", positive=True)
    ...     v, v_threshold = state(-70.0, "mV", "potential"), param(0.0, "mV", "level of a spike")
    ...     input_unit, leak = "pA", insert(channels.Pas, g="g", e=-70.0)
    >>> list(Passive.params)
    ['c_mem', 'g', 'v_threshold', 'e']
    """

    composed: ClassVar[bool] = True
    crossing: ClassVar[bool] = True
    inserted: ClassVar[tuple[Inserted, ...]]
    integrator: Integrator = ExpMidpoint()

    def __init_subclass__(cls, abstract: bool = False, **kwargs: Any) -> None:
        super().__init_subclass__(abstract=abstract, **kwargs)
        if not abstract:
            _check(cls)

    def dynamics(self, s: Any, i: Any) -> dict[str, Any]:
        flows: list[tuple[Any, Any]] = []
        slopes: dict[str, Any] = {}
        # the neuron itself, since `Bound` would report `inserted` as a value to guard; channels report what they read
        neuron: Any = self.parts[0] if isinstance(self, Bound) else self
        for part in neuron.inserted:
            channel, inside, reads = part.bound(self), part.state(s), part.reads(self, s)
            flows.append((channel.conductance(inside, reads), channel.e))
            slopes |= part.named(channel.dynamics(inside, reads))
        return dict(v=membrane(self.c_mem, i, *flows), **slopes)

    def threshold(self, s: Any) -> Any:
        return s.v - self.v_threshold

    def resting(self) -> dict[str, Tensor]:
        return equilibrium(self, *(getattr(self, dict(part.params)["e"]) for part in self.inserted))


def _check(cls: type[PointNeuron]) -> None:
    if not cls.inserted:
        remedy = 'leak = insert(channels.Pas, g="g_leak", e="e_leak")'
        raise DeclarationError(cls.__name__, "no channel", "at least one", remedy)
    needed = ["c_mem"] + (["v_threshold"] if cls.threshold is PointNeuron.threshold else [])
    for name in needed:
        if name not in cls.params:
            raise DeclarationError(cls.__name__, f"no parameter {name}", "one", f"{name} = param(...)")
    if cls.dynamics is not PointNeuron.dynamics and cls.resting is PointNeuron.resting:
        given = "dynamics of its own, and the rest of its channels alone"
        raise DeclarationError(cls.__name__, given, "a resting of its own, too", "define resting(self)")
    slope = parse(cls.params["c_mem"].unit) / MS
    _same(cls, "the potential v", cls.states["v"].unit if "v" in cls.states else "1", MV)
    _same(cls, "the input", cls.input_unit, slope * MV)
    for part in cls.inserted:
        for name, held in part.params:
            unit = parse(part.channel.params[name].unit)
            _same(cls, held, cls.params[held].unit, slope if unit == SIEMENS else unit)
        if slope != SIEMENS:
            _check_proportional(cls, part)
        for name, held in part.states:
            _same(cls, held, cls.states[held].unit, parse(part.channel.states[name].unit))
        for name, held in part.entries:
            spec = cls.states.get(held) or cls.params[held]
            _same(cls, held, spec.unit, parse(part.channel.entries[name].unit))


def _check_proportional(cls: type[PointNeuron], part: Inserted) -> None:
    """Raise for a channel whose conductance has a part that no parameter gives: it would stay in S/cm2."""
    channel = part.channel
    values = {name: value.double() for name, value in channel.values().items()}
    siemens = [name for name in values if parse(channel.params[name].unit) == SIEMENS]
    half = {name: torch.tensor(0.5, dtype=torch.float64) for name in (*channel.states, *channel.entries)}
    s = channel.State(*(half[name] for name in channel.states))
    i = half["v"] if channel.Input is None else channel.Input(*(half[name] for name in channel.entries))
    once, twice = (
        torch.as_tensor(Bound(channel, values | {name: n * values[name] for name in siemens}, None).conductance(s, i))
        for n in (1.0, 2.0)
    )
    if not torch.allclose(twice, 2.0 * once, rtol=1e-9, atol=0.0):
        name = type(channel).__name__
        expected = f"one that is proportional to parameters in {SIEMENS}, which the neuron has in its own unit"
        raise DeclarationError(cls.__name__, f"the conductance of {name}", expected, f"a parameter of {name} for it")


def _same(cls: type[PointNeuron], name: str, given: str, expected: Unit) -> None:
    # K and degC are the same unit of temperature differences, but not of temperatures
    if parse(given) != expected or _kelvin(parse(given)) != _kelvin(expected):
        shown = next((unit for unit in USUAL if parse(unit) == expected), str(expected))
        remedy = f"declare {name} in that unit, which goes with c_mem in {cls.params['c_mem'].unit} and the channels"
        raise DeclarationError(cls.__name__, f"{name} in {given}", shown, remedy)


def _kelvin(unit: Unit) -> bool:
    return any(symbol == "K" for symbol, _ in unit.factors)


__all__ = ["PointNeuron"]
