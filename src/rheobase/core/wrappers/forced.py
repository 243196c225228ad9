"""A neuron whose spikes come from outside: teacher forcing."""

from __future__ import annotations

from typing import Any, ClassVar

import torch

from rheobase.core.bound import Bound
from rheobase.core.declaration.inputs import input_type
from rheobase.core.declaration.words import EntrySpec
from rheobase.core.neuron import Neuron, Transition
from rheobase.core.wrappers import Wrapper
from rheobase.errors import ParameterError

TOLD = "spikes"  # the name of the input with the given spikes


class _GivenSpikes(Bound):
    """A bound neuron whose `fire` returns the given spikes, and stores the distances to threshold that it gets."""

    keeps = ("_distance", "_limit", "_spike")

    def __init__(self, bound: Bound, spike: Any, limit: Any, distance: list[Any]):
        super().__init__(*bound.parts)
        self._spike, self._limit, self._distance = spike, limit, distance

    def fire(self, x: Any) -> Any:
        self._distance.append(x)
        return torch.where(x >= self._limit, torch.ones_like(x), self._spike)

    def inner(self) -> Bound:
        return _GivenSpikes(super().inner(), self._spike, self._limit, self._distance)


class Forced(Wrapper):
    """A neuron whose spikes are given as an input; its output is the distance to its threshold, negative below it.

    It has one more input than the inner neuron: `spikes`, 1 where it must spike and reset, 0 elsewhere. It also resets
    where it is more than `limit` above its threshold, in the threshold's unit, so that a neuron whose equations have an
    upstroke stays finite.

    Raises: `ParameterError` for a neuron without a reset.

    >>> from rheobase import neurons
    >>> forced = Forced(neurons.LIF(1, dt=1.0, tau_mem=1e9))
    >>> spikes = torch.tensor([0.0, 0.0, 1.0, 0.0]).view(4, 1, 1)
    >>> distance, end, rec = forced(current=torch.zeros(4, 1, 1), spikes=spikes, record=("v",))
    >>> distance.flatten().tolist(), rec.v.flatten().tolist()
    ([-1.0, -1.0, -1.0, -2.0], [0.0, 0.0, -1.0, -1.0])
    """

    own_params: ClassVar = {}
    own_states: ClassVar = {}

    def __init__(self, neuron: Neuron, *, limit: float = 1e6):
        super().__init__(neuron)
        if TOLD in neuron.entries:
            raise ParameterError("Forced", repr(neuron), f"a neuron without an input {TOLD!r}", "force it once")
        if neuron.graded or getattr(neuron, "crossing", False):
            raise ParameterError("Forced", repr(neuron), "a neuron with a threshold and a reset", "fit it free-running")
        self.entries = {**neuron.entries, TOLD: EntrySpec("1", "1 where it must spike, else 0")}
        self.Input = input_type(type(self), tuple(self.entries))
        self.limit = limit
        self.graded = True

    def transition(self, s: Any, i: Any) -> Transition:
        distance: list[Any] = []
        spike = torch.where(i.spikes > 0.5, torch.ones_like(i.spikes), torch.zeros_like(i.spikes))
        inner = _GivenSpikes(self.inner(), spike, self.limit, distance)  # type: ignore[attr-defined]
        *given, _ = i
        one = given[0] if self.neuron.Input is None else self.neuron.Input(*given)
        _, post, pre = inner.transition(self._split(s), one)
        return Transition(distance[0], self.State(**post._asdict()), self.State(**pre._asdict()))

    def rest(self, batch: int, *, dtype: torch.dtype | None = None, device: torch.device | None = None) -> Any:
        return self.State(**self._inner_rest(batch, dtype, device))

    def __repr__(self) -> str:
        return f"Forced({self.neuron!r}, limit={self.limit})"
