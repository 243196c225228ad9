"""A neuron whose spikes come from outside: teacher forcing."""

from __future__ import annotations

import dataclasses
from typing import Any, ClassVar

import torch
from torch import Tensor

from rheobase.core.bound import Bound
from rheobase.core.declare import ParamSpec
from rheobase.core.neuron import Neuron, Transition
from rheobase.core.wrappers import _Wrapper  # pyright: ignore[reportPrivateUsage]
from rheobase.errors import ParameterError


class _Told(Bound):
    """The `self` of a neuron that is told when to spike; keeps the distance to threshold that it would have tested."""

    keeps = ("_limit", "_seen", "_told")

    def __init__(self, bound: Bound, spike: Any, limit: Any, seen: list[Any]):
        super().__init__(*bound.parts)
        self._told, self._limit, self._seen = spike, limit, seen

    def fire(self, x: Any) -> Any:
        self._seen.append(x)
        return torch.where(x >= self._limit, torch.ones_like(x), self._told)

    def inner(self) -> Bound:
        return _Told(super().inner(), self._told, self._limit, self._seen)


class Forced(_Wrapper):
    """A neuron that spikes and resets when it is told to; its output is the distance to its threshold.

    The input carries both: `forced.told(current, spikes)` marks a step with a spike by adding `mark` to its current,
    which must stay between -mark/2 and mark/2. A neuron that comes further than `limit` above its threshold, in the
    threshold's unit, is reset all the same, so that one that makes its own upstroke stays finite.

    >>> from rheobase import neurons
    >>> forced = Forced(neurons.LIF(1, dt=1.0, tau_mem=1e9), mark=64.0)
    >>> spikes = torch.tensor([0.0, 0.0, 1.0, 0.0]).view(4, 1, 1)
    >>> distance, end, rec = forced(forced.told(torch.zeros(4, 1, 1), spikes), record=("v",))
    >>> distance.flatten().tolist(), rec.v.flatten().tolist()
    ([-1.0, -1.0, -1.0, -2.0], [0.0, 0.0, -1.0, -1.0])
    """

    own_params: ClassVar = {
        "mark": ParamSpec(65536.0, "1", "what marks a spike in the input", positive=True, name="mark")
    }
    own_states: ClassVar = {}
    mark: Tensor

    def __init__(self, neuron: Neuron, *, mark: float = 65536.0, limit: float = 1e6):
        super().__init__(neuron, mark=mark)
        if neuron.graded or getattr(neuron, "crossing", False):
            raise ParameterError("Forced", repr(neuron), "a neuron with a threshold and a reset", "fit it free-running")
        self.params = {**self.params, "mark": dataclasses.replace(self.params["mark"], unit=neuron.input_unit)}
        self.limit = limit
        self.graded = True

    def told(self, current: Tensor, spikes: Tensor) -> Tensor:
        """The input that says the current and the spikes (0 or 1), of one shape."""
        largest = float(current.detach().abs().max())
        if largest >= 0.5 * float(self.mark):
            given = f"a current up to {largest:g}"
            raise ParameterError(repr(self), given, "less than mark / 2", "a larger mark")
        return current + self.mark * spikes

    def transition(self, s: Any, i: Any) -> Transition:
        marked = i > 0.5 * self.mark
        spike = torch.where(marked, torch.ones_like(i), torch.zeros_like(i))
        seen: list[Any] = []
        inner = _Told(self.inner(), spike, self.limit, seen)  # type: ignore[attr-defined]
        _, post, pre = inner.transition(self._split(s), torch.where(marked, i - self.mark, i))  # type: ignore[attr-defined]
        return Transition(seen[0], self.State(**post._asdict()), self.State(**pre._asdict()))

    def rest(self, batch: int, *, dtype: torch.dtype | None = None, device: torch.device | None = None) -> Any:
        return self.State(**self._inner_rest(batch, dtype, device))

    def __repr__(self) -> str:
        return f"Forced({self.neuron!r}, mark={self.mark.tolist()}, limit={self.limit})"
