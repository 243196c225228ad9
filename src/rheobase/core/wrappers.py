"""Neurons around neurons: `Refractory` holds the membrane after a spike, `Noisy` adds noise to the input."""

from __future__ import annotations

import dataclasses
import functools
from collections import namedtuple
from typing import Any, ClassVar

import torch
from torch import Tensor

from rheobase.core.declare import ParamSpec, StateSpec
from rheobase.core.neuron import Neuron, Transition, register_state
from rheobase.core.noise import normal
from rheobase.errors import ParameterError, nearest


@functools.cache
def _state_type(wrapper: type[_Wrapper], inner: type[Any]) -> type[Any]:
    """The inner neuron's states and the wrapper's own. One type for each pair, so that pickle finds it again."""
    fields = (*inner._fields, *wrapper.own_states)
    made: Any = namedtuple(f"{wrapper.__name__}{inner.__name__}", fields)
    made.made_from = (wrapper, inner)
    made.__reduce__ = _reduce
    register_state(made)
    return made


def _reduce(state: Any) -> tuple[Any, ...]:
    return _state, (_origin(type(state)), tuple(state))


def _origin(state_type: type[Any]) -> Any:
    """How a type of states was made, in names that pickle knows."""
    if not hasattr(state_type, "made_from"):
        return state_type
    wrapper, inner = state_type.made_from
    return wrapper, _origin(inner)


def _from_origin(origin: Any) -> type[Any]:
    return _state_type(origin[0], _from_origin(origin[1])) if isinstance(origin, tuple) else origin


def _state(origin: Any, values: tuple[Tensor, ...]) -> Any:
    return _from_origin(origin)(*values)


class _Wrapper(Neuron):
    """What the wrappers share: the parameters and states of the neuron inside, and one of their own."""

    # in dicts, since a ParamSpec on the class would be a descriptor
    own_params: ClassVar[dict[str, ParamSpec]]
    own_states: ClassVar[dict[str, StateSpec]]
    own: Tensor
    neuron: Neuron

    def __init__(self, neuron: Neuron, value: float | Tensor):
        super().__init__()
        if not isinstance(neuron, Neuron):
            raise ParameterError(
                type(self).__name__, f"{type(neuron).__name__}", "a neuron", "wrap neurons.LIF(...), say"
            )
        (name,) = self.own_params
        if name in neuron.params:
            raise ParameterError(type(self).__name__, repr(neuron), f"a neuron without {name}", "wrap once")
        self.neuron = neuron
        self.shape, self.graded, self.surrogate = neuron.shape, neuron.graded, neuron.surrogate
        self.input_unit, self.seed = neuron.input_unit, neuron.seed
        self.params = {**neuron.params, **self.own_params}
        self.states = {**neuron.states, **self.own_states}
        self.State = _state_type(type(self), neuron.State)
        self.register_buffer("own", torch.zeros(()))
        self._assign(value)

    def _assign(self, value: Any) -> None:
        """Give the wrapper's own parameter a new value."""
        (spec,) = self.own_params.values()
        tensor = spec.tensor(type(self).__name__, value, self.shape).to(self.own, copy=True)
        spec.check(type(self).__name__, tensor)
        self.own = tensor

    def __getstate__(self) -> dict[str, Any]:
        return {k: v for k, v in vars(self).items() if k != "State"}

    def __setstate__(self, state: dict[str, Any]) -> None:
        super().__setstate__(state)
        self.State = _state_type(type(self), self.neuron.State)

    @property
    def dt(self) -> float | None:  # pyright: ignore[reportIncompatibleVariableOverride]
        """That of the neuron inside."""
        return self.neuron.dt

    def configuration(self) -> tuple[Any, ...]:
        return (*super().configuration(), self.neuron.configuration())

    def values(self) -> dict[str, Tensor]:
        return {**self.neuron.values(), **dict.fromkeys(self.own_params, self.own)}

    def _inner_rest(self, batch: int, dtype: torch.dtype | None, device: torch.device | None) -> dict[str, Tensor]:
        return self.neuron.rest(batch, dtype=dtype, device=device)._asdict()

    def _split(self, s: Any) -> Any:
        return self.neuron.State(**{k: getattr(s, k) for k in self.neuron.State._fields})


class Refractory(_Wrapper):
    """After a spike the membrane stands still and no spike leaves, for `tau_refrac` ms.

    `hold` names the states that stand still (by default the membrane potential v); others go on. For a neuron
    without dt, `tau_refrac` counts steps. The state gains `refrac`, the time that is left.

    >>> import torch
    >>> from rheobase import neurons
    >>> spikes, _ = Refractory(neurons.IF(1, dt=1.0), tau_refrac=3.0)(torch.full((9, 1, 1), 1.0))
    >>> spikes.flatten().int().tolist()
    [1, 0, 0, 0, 1, 0, 0, 0, 1]
    """

    own_params: ClassVar = {"tau_refrac": ParamSpec(2.0, "ms", "refractory time", positive=True, name="tau_refrac")}
    own_states: ClassVar = {"refrac": StateSpec(0.0, "ms", "refractory time that is left")}

    def __init__(self, neuron: Neuron, *, tau_refrac: float | Tensor = 2.0, hold: tuple[str, ...] = ("v",)):
        super().__init__(neuron, tau_refrac)
        for name in hold:
            if name not in neuron.State._fields:
                raise ParameterError(
                    "Refractory", f"hold {name!r}", "the name of a state", nearest(str(name), neuron.State._fields)
                )
        if neuron.graded:
            raise ParameterError(
                "Refractory", repr(neuron), "a neuron that spikes", "a graded cell has no refractory time"
            )
        self.hold = hold

    def transition(self, s: Any, i: Any) -> Transition:
        dt = 1.0 if self.dt is None else self.dt
        inner = self._split(s)
        free = s.refrac <= 0.5 * dt
        out, post, pre = self.inner().transition(inner, i)  # type: ignore[attr-defined]
        z = torch.where(free, out, torch.zeros_like(out))
        left = torch.relu(s.refrac - dt)
        refrac = self.switch(self.detached(z), self.tau_refrac + torch.zeros_like(left), left)
        kept = {k: torch.where(free, getattr(post, k), getattr(s, k)) for k in self.hold}
        before = {k: torch.where(free, getattr(pre, k), getattr(s, k)) for k in self.hold}
        return Transition(
            z,
            self.State(**{**post._asdict(), **kept}, refrac=refrac),
            self.State(**{**pre._asdict(), **before}, refrac=left),
        )

    def rest(self, batch: int, *, dtype: torch.dtype | None = None, device: torch.device | None = None) -> Any:
        inner = self._inner_rest(batch, dtype, device)
        return self.State(**inner, refrac=torch.zeros_like(next(iter(inner.values()))))

    @property
    def tau_refrac(self) -> Tensor:
        """The refractory time."""
        return self.own

    @tau_refrac.setter
    def tau_refrac(self, value: Any) -> None:
        self._assign(value)

    def configuration(self) -> tuple[Any, ...]:
        return (*super().configuration(), self.hold)

    def __repr__(self) -> str:
        return f"Refractory({self.neuron!r}, tau_refrac={self.own.tolist()}, hold={self.hold!r})"


class Noisy(_Wrapper):
    """Adds `sigma` times a standard normal number to the input, anew for every step and lane.

    `sigma` is in the unit of the input: a standard deviation per step. The number is a function of
    (seed, absolute step, lane), so a run in pieces sees the same noise as a whole one, and so does the backward
    pass. The state gains `step`, the absolute step.

    >>> import torch
    >>> from rheobase import neurons
    >>> noisy = Noisy(neurons.LI(1, dt=1.0), sigma=0.5, seed=7)
    >>> whole, _ = noisy(torch.zeros(20, 1, 1))
    >>> first, half = noisy(torch.zeros(10, 1, 1))
    >>> torch.equal(torch.cat([first, noisy(torch.zeros(10, 1, 1), half)[0]]), whole)
    True
    """

    own_params: ClassVar = {"sigma": ParamSpec(1.0, "1", "standard deviation of the noise on the input", name="sigma")}
    own_states: ClassVar = {"step": StateSpec(0.0, "1", "absolute step")}

    def __init__(self, neuron: Neuron, *, sigma: float | Tensor = 1.0, seed: int = 0):
        super().__init__(neuron, sigma)
        if isinstance(seed, bool) or not isinstance(seed, int) or not 0 <= seed < 1 << 62:
            raise ParameterError("Noisy", f"seed = {seed!r}", "an integer from 0 to 2^62 - 1", "seed=0")
        if any(isinstance(part, Noisy) for part in neuron.modules()):
            raise ParameterError("Noisy", repr(neuron), "a neuron without noise", "variances add: one Noisy is enough")
        self.seed = seed
        self.params = {**self.params, "sigma": dataclasses.replace(self.params["sigma"], unit=neuron.input_unit)}

    def transition(self, s: Any, i: Any) -> Transition:
        noisy = i + self.sigma * normal(i, self.seed, s.step)
        out, post, pre = self.inner().transition(self._split(s), noisy)  # type: ignore[attr-defined]
        step = s.step + 1
        return Transition(out, self.State(**post._asdict(), step=step), self.State(**pre._asdict(), step=step))

    def rest(self, batch: int, *, dtype: torch.dtype | None = None, device: torch.device | None = None) -> Any:
        inner = self._inner_rest(batch, dtype, device)
        device = next(iter(inner.values())).device
        return self.State(**inner, step=torch.zeros((), dtype=torch.int64, device=device))

    @property
    def sigma(self) -> Tensor:
        """The standard deviation of the noise."""
        return self.own

    @sigma.setter
    def sigma(self, value: Any) -> None:
        self._assign(value)

    def __repr__(self) -> str:
        return f"Noisy({self.neuron!r}, sigma={self.own.tolist()}, seed={self.seed})"
