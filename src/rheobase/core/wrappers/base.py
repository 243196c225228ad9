"""The base class of wrappers around neurons."""

from __future__ import annotations

from collections.abc import Iterable
from typing import Any, ClassVar

import torch
from torch import Tensor

from rheobase.core.declaration.assignment import check_not_inside
from rheobase.core.declaration.words import ParamSpec, StateSpec
from rheobase.core.neuron import Neuron
from rheobase.core.states import wrapped_state_type
from rheobase.core.surrogates import Surrogate
from rheobase.errors import ParameterError


class Wrapper(Neuron):
    """A neuron that wraps another: it has the parameters and states of the inner neuron, and some of its own."""

    # in dicts, since a ParamSpec on the class would be a descriptor
    own_params: ClassVar[dict[str, ParamSpec]]
    own_states: ClassVar[dict[str, StateSpec]]
    own: ClassVar[tuple[str, ...]] = ()  # attributes of its own that a neuron inside may have as well
    once: ClassVar[str] = "wrap once"  # the remedy where one is put around another
    neuron: Neuron

    def __init__(self, neuron: Neuron, **values: float | Tensor):
        super().__init__()
        owner = type(self).__name__
        if not isinstance(neuron, Neuron):
            raise ParameterError(owner, f"{type(neuron).__name__}", "a neuron", "wrap neurons.LIF(...), say")
        taken = [name for name in (*self.own_params, *self.own_states) if name in (*neuron.params, *neuron.states)]
        if taken:
            raise ParameterError(owner, repr(neuron), f"a neuron without {taken[0]}", self.once)
        self.neuron = neuron
        self.shape, self.graded = neuron.shape, neuron.graded
        self.entries, self.Input, self.input_unit = neuron.entries, neuron.Input, neuron.input_unit
        self.params = {**neuron.params, **self.own_params}
        self.states = {**neuron.states, **self.own_states}
        self.State = wrapped_state_type(type(self), neuron.State, tuple(self.own_states))
        for name in self.own_params:
            self.register_buffer(name, torch.zeros(()))
            self._assign(name, values[name])

    def _assign(self, name: str, value: Any) -> None:
        """Give one of the wrapper's own parameters a new value."""
        spec = self.own_params[name]
        given = spec.tensor(type(self).__name__, value, self.shape).double()
        tensor = given.to(self._buffers[name], copy=True)
        self._check(name, tensor)
        self._buffers[name] = tensor
        self.remember(name, given, tensor)

    def _check(self, name: str, value: Tensor) -> None:
        """Raise `ParameterError` for a value that one of the wrapper's own parameters must not take."""
        self.own_params[name].check(type(self).__name__, value)

    def own_specs(self) -> Iterable[ParamSpec]:
        return self.own_params.values()

    def __setattr__(self, name: str, value: Any) -> None:
        if name in type(self).own_params:
            self._assign(name, value)
        else:
            if name not in type(self).own:
                check_not_inside(self, name)
            super().__setattr__(name, value)

    def __getstate__(self) -> dict[str, Any]:
        return {k: v for k, v in super().__getstate__().items() if k != "State"}

    def __setstate__(self, state: dict[str, Any]) -> None:
        super().__setstate__(state)
        self.State = wrapped_state_type(type(self), self.neuron.State, tuple(self.own_states))

    @property
    def dt(self) -> float | None:  # pyright: ignore[reportIncompatibleVariableOverride]
        """The time step of the inner neuron, in ms; None where it counts in steps."""
        return self.neuron.dt

    @property
    def surrogate(self) -> Surrogate:  # pyright: ignore[reportIncompatibleVariableOverride]
        """The surrogate of the inner neuron."""
        return self.neuron.surrogate

    def values(self) -> dict[str, Tensor]:
        return {**self.neuron.values(), **{name: getattr(self, name) for name in self.own_params}}

    def _inner_rest(self, batch: int, dtype: torch.dtype | None, device: torch.device | None) -> dict[str, Tensor]:
        return self.neuron.rest(batch, dtype=dtype, device=device)._asdict()

    def _split(self, s: Any) -> Any:
        return self.neuron.State(**{k: getattr(s, k) for k in self.neuron.State._fields})
