"""Integrators: one step of dx/dt = f(x), the input held constant over the step. Each is a frozen object.

`f` maps a state (a named tuple) to a dict that holds, for every state variable, either its derivative or a
`Relax`, which says dx/dt = (to - x)/tau.
"""

from __future__ import annotations

import math
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any, ClassVar, Protocol, runtime_checkable

import torch

from rheobase.core.declaration.words import Relax

Dynamics = Callable[[Any], dict[str, Any]]


@runtime_checkable
class Integrator(Protocol):
    """A rule for one step, and the order of its global error.

    >>> isinstance(RK4(), Integrator)
    True
    """

    order: ClassVar[int]

    def step(self, f: Dynamics, s: Any, dt: Any) -> Any:
        """The state after dt (ms)."""
        ...


def _slopes(f: Dynamics, s: Any) -> dict[str, Any]:
    return {k: d.derivative(getattr(s, k)) if isinstance(d, Relax) else d for k, d in f(s).items()}


def _shift(s: Any, slopes: dict[str, Any], dt: Any) -> Any:
    return s._replace(**{k: getattr(s, k) + dt * d for k, d in slopes.items()})


def _gain(times: Any) -> Any:
    """1 - exp(-times), without cancellation."""
    ratio = -times
    return -math.expm1(ratio) if isinstance(ratio, float) else -torch.expm1(ratio)


@dataclass(frozen=True)
class Euler:
    """x + dt f(x): order 1.

    >>> from rheobase import neurons
    >>> neurons.LIF(3, dt=1.0, integrator=Euler()).integrator
    Euler()
    """

    order: ClassVar[int] = 1

    def step(self, f: Dynamics, s: Any, dt: Any) -> Any:
        return _shift(s, _slopes(f, s), dt)


@dataclass(frozen=True)
class ExpEuler:
    """A relaxation is solved exactly for frozen `to` and `tau`, anything else by Euler: order 1.

    x + (to - x) (1 - exp(-dt/tau)). A linear neuron under constant input is exact at any dt.

    >>> from rheobase import neurons
    >>> neurons.LIF(3, dt=1.0).integrator  # where none is named
    ExpEuler()
    """

    order: ClassVar[int] = 1

    def step(self, f: Dynamics, s: Any, dt: Any) -> Any:
        return _relaxed(f(s), s, dt)


@dataclass(frozen=True)
class ExpMidpoint:
    """Half a step of `ExpEuler`, then a whole one with the rates found there: order 2.

    A relaxation stays between its value and its target at any dt, so conductance-based neurons are stable where Heun
    and RK4 are not; a linear neuron under constant input is exact.

    >>> from rheobase import neurons
    >>> neurons.HodgkinHuxley(3, dt=0.01).integrator  # where none is named
    ExpMidpoint()
    """

    order: ClassVar[int] = 2

    def step(self, f: Dynamics, s: Any, dt: Any) -> Any:
        return _relaxed(f(_relaxed(f(s), s, 0.5 * dt)), s, dt)


def _relaxed(slopes: dict[str, Any], s: Any, dt: Any) -> Any:
    """The state dt later, each `Relax` solved exactly, anything else by Euler."""
    after: dict[str, Any] = {}
    for name, d in slopes.items():
        x = getattr(s, name)
        after[name] = x + (d.to - x) * _gain(d.times(dt)) if isinstance(d, Relax) else x + dt * d
    return s._replace(**after)


@dataclass(frozen=True)
class Heun:
    """The explicit trapezoid rule: order 2.

    >>> from rheobase import neurons
    >>> neurons.LIF(3, dt=1.0, integrator=Heun()).integrator
    Heun()
    """

    order: ClassVar[int] = 2

    def step(self, f: Dynamics, s: Any, dt: Any) -> Any:
        k1 = _slopes(f, s)
        k2 = _slopes(f, _shift(s, k1, dt))
        return _shift(s, {k: 0.5 * (k1[k] + k2[k]) for k in k1}, dt)


@dataclass(frozen=True)
class RK4:
    """The classical Runge-Kutta rule: order 4.

    >>> from rheobase import neurons
    >>> neurons.HodgkinHuxley(3, dt=0.01, integrator=RK4()).integrator
    RK4()
    """

    order: ClassVar[int] = 4

    def step(self, f: Dynamics, s: Any, dt: Any) -> Any:
        k1 = _slopes(f, s)
        k2 = _slopes(f, _shift(s, k1, 0.5 * dt))
        k3 = _slopes(f, _shift(s, k2, 0.5 * dt))
        k4 = _slopes(f, _shift(s, k3, dt))
        return _shift(s, {k: (k1[k] + 2.0 * k2[k] + 2.0 * k3[k] + k4[k]) * (1.0 / 6.0) for k in k1}, dt)


__all__ = ["RK4", "Euler", "ExpEuler", "ExpMidpoint", "Heun", "Integrator"]
