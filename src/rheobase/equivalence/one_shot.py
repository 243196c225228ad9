"""Neurons that spike once: the copies among which the spikes of one neuron are shared out."""

from __future__ import annotations

import math
from typing import Any, ClassVar

import torch
from torch import Tensor

from rheobase.checks import is_whole
from rheobase.core.bound import Bound
from rheobase.core.declaration.words import StateSpec
from rheobase.core.neuron import Neuron, Transition
from rheobase.core.wrappers import Wrapper
from rheobase.equivalence.assumptions import check_spiking
from rheobase.errors import ParameterError


def grouped(x: Tensor, copies: int) -> Tensor:
    """(batch, n * copies, ...) as (batch, n, copies, ...): the copies of a neuron lie side by side."""
    return x.unflatten(1, (-1, copies))


def opened(fired: Tensor) -> Tensor:
    """The gates of copies (batch, n, copies, ...): the first is open, another once the copy before it has fired.

    >>> opened(torch.tensor([[[1.0, 0.0, 0.0]]])).tolist()
    [[[1.0, 1.0, 0.0]]]
    """
    return torch.cat([torch.ones_like(fired[:, :, :1]), (fired[:, :, :-1] > 0).to(fired.dtype)], 2)


class _Copies(Bound):
    """The `self` of a neuron among copies: its equations see the spikes of the copies before it as their reset."""

    keeps = ("_copies", "_fired", "spikes")

    def __init__(self, bound: Bound, fired: Tensor, copies: int):
        super().__init__(*bound.parts)
        self._fired, self._copies = grouped(fired, copies), copies
        self.spikes: Any = None

    def fire(self, x: Any) -> Any:
        above = grouped(super().__getattr__("fire")(x), self._copies)
        z = above * opened(self._fired) * (1.0 - self._fired)
        self.spikes = z.flatten(1, 2)
        return (z.cumsum(2) - z).flatten(1, 2)


class OneShot(Wrapper):
    """Neurons that spike once at most; `copies` of them side by side stand for one neuron that spikes often.

        v_k[t] = f(v_k[t-1], i[t]) + jump sum_(l < k) z_l      the lateral synapses: what the copies before it fire
        z_k[t] = 1 where v_k[t] >= v_threshold, copy k has not fired, and copy k - 1 had fired by t - 1

    f is the step of the neuron inside and `jump` what its reset adds to its states (-v_threshold, for LIF); the lateral
    synapses act after the test of a step, as the reset does, which is the weight decay * jump with a delay of one step.
    The gate is a synapse with a step for its kernel: until copy k - 1 has fired, copy k lies a constant B below. Here B
    is infinite; any B > max(v) - v_threshold does the same. Copy k then fires at the k-th spike of the neuron inside
    given the same input: before its own spike each copy goes through the very states of that neuron.

    A copy that has fired is silent; its potential goes on without a reset of its own, as the free potential of the
    theory. With `copies` = 1 there is neither a gate nor a lateral synapse.

    Shapes: those of the neuron inside, whose first axis counts neurons times copies, the copies of a neuron side by
    side; the states are its own and `fired` (batch, *shape).

    Raises: `ParameterError` for a number of copies that does not divide the first axis; `NotRepresentable` for a
    neuron whose reset is no constant jump, or whose spikes are not 0 or 1.

    Numerics: a copy's arithmetic is that of the neuron inside, bit for bit; lateral sums are of zeros and one one.

    Differs from the paper: its proofs could not be read. This is a construction of our own in discrete time, where a
    potential may pass 2 v_threshold in one step, so that copies with thresholds k v_threshold alone would be wrong.

    Reference: Dold & Petersen, arXiv 2603.13478 (2026), for the claim.

    Example:

        >>> from rheobase import neurons
        >>> spikes, _ = OneShot(neurons.IF(3, dt=1.0), copies=3)(torch.full((6, 1, 3), 0.5))
        >>> spikes[:, 0].argmax(0).tolist(), spikes[:, 0].sum(0).tolist()
        ([1, 3, 5], [1.0, 1.0, 1.0])
    """

    own_params: ClassVar = {}
    own_states: ClassVar = {"fired": StateSpec(0.0, "1", "whether the one spike is gone")}
    once: ClassVar[str] = "a neuron cannot spike less than once"

    def __init__(self, neuron: Neuron, *, copies: int = 1):
        super().__init__(neuron)
        check_spiking(neuron)
        self.copies = checked_copies("OneShot", neuron, copies)

    @property
    def coefficients(self) -> tuple[float, ...]:
        """What each copy's spike counts: all the same."""
        return (1.0,) * self.copies

    @property
    def internal_synapses(self) -> int:
        """Lateral synapses, one from each copy to each that follows, and gates, one from each copy to the next."""
        k = self.copies
        return math.prod(self.shape) // k * (k * (k - 1) // 2 + k - 1)

    def transition(self, s: Any, i: Any) -> Transition:
        inner = _Copies(self.inner(), s.fired, self.copies)  # type: ignore[attr-defined]
        _, post, pre = inner.transition(self._split(s), i)
        z = inner.spikes
        return Transition(
            z, self.State(**post._asdict(), fired=s.fired + z), self.State(**pre._asdict(), fired=s.fired)
        )

    def rest(self, batch: int, *, dtype: torch.dtype | None = None, device: torch.device | None = None) -> Any:
        inner = self._inner_rest(batch, dtype, device)
        return self.State(**inner, fired=torch.zeros_like(next(iter(inner.values()))))

    def __repr__(self) -> str:
        return f"OneShot({self.neuron!r}, copies={self.copies})"


def checked_copies(owner: str, neuron: Neuron, copies: int) -> int:
    """The number of copies. Raises `ParameterError` unless it divides the first axis of the neuron."""
    if not is_whole(copies, 1) or neuron.shape[0] % copies:
        given = f"copies = {copies!r} for a first axis of {neuron.shape[0]}"
        raise ParameterError(owner, given, "a whole number >= 1 that divides it", "neurons times copies make the axis")
    return copies
