"""A refractory time for any neuron that spikes."""

from __future__ import annotations

import dataclasses
from typing import Any, ClassVar

import torch
from torch import Tensor

from rheobase.core.declaration.words import ParamSpec, StateSpec
from rheobase.core.neuron import Neuron, Transition
from rheobase.core.wrappers.base import Wrapper
from rheobase.errors import ParameterError, nearest


class Refractory(Wrapper):
    """After a spike, keeps the membrane constant and suppresses spikes for `tau_refrac` ms.

    `hold` names the states that are kept constant (by default the membrane potential v); others evolve. For a neuron
    without dt, `tau_refrac` counts steps. The state gains `refrac`, the time that is left.

    >>> import torch
    >>> from rheobase import neurons
    >>> spikes, _ = Refractory(neurons.IF(1, dt=1.0), tau_refrac=3.0)(torch.full((9, 1, 1), 1.0))
    >>> spikes.flatten().int().tolist()
    [1, 0, 0, 0, 1, 0, 0, 0, 1]
    """

    own_params: ClassVar = {"tau_refrac": ParamSpec(2.0, "ms", "refractory time", positive=True, name="tau_refrac")}
    own_states: ClassVar = {"refrac": StateSpec(0.0, "ms", "refractory time that is left")}

    tau_refrac: Tensor

    def __init__(self, neuron: Neuron, *, tau_refrac: float | Tensor = 2.0, hold: tuple[str, ...] = ("v",)):
        super().__init__(neuron, tau_refrac=tau_refrac)
        if neuron.dt is None:
            self.params = {**self.params, "tau_refrac": dataclasses.replace(self.params["tau_refrac"], unit="1")}
            self.states = {**self.states, "refrac": dataclasses.replace(self.states["refrac"], unit="1")}
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

    def __repr__(self) -> str:
        return f"Refractory({self.neuron!r}, tau_refrac={self.tau_refrac.tolist()}, hold={self.hold!r})"
