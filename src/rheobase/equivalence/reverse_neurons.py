"""Neurons that spike often in the place of neurons that spike once: with an autapse, and in groups that cancel."""

from __future__ import annotations

import math
from typing import Any, ClassVar

import torch
from torch import Tensor

from rheobase.core.bound import Bound
from rheobase.core.declaration.words import ParamSpec, StateSpec
from rheobase.core.neuron import Neuron, Transition
from rheobase.core.wrappers import Wrapper
from rheobase.equivalence.assumptions import check_spiking
from rheobase.equivalence.cascade import CascadeIF
from rheobase.equivalence.one_shot import checked_copies, grouped, opened
from rheobase.equivalence.squarefree import moebius
from rheobase.errors import ParameterError

SPENT = "spikes so far, as the synapse to the gate of the next copy remembers them"


class _Gated(Bound):
    """The `self` of a neuron that fires where its gate is open; its reset is its own spike and those before it."""

    keeps = ("_copies", "_open", "spikes")

    def __init__(self, bound: Bound, fired: Tensor, copies: int):
        super().__init__(*bound.parts)
        self._open, self._copies = opened(grouped(fired, copies)), copies
        self.spikes: Any = None

    def fire(self, x: Any) -> Any:
        z = grouped(super().__getattr__("fire")(x), self._copies) * self._open
        self.spikes = z.flatten(1, 2)
        return z.cumsum(2).clamp(max=1.0).flatten(1, 2)


class Autapse(Wrapper):
    """Neurons with a strong inhibitory synapse onto themselves: each may spike often, and spikes once in the horizon.

        v[t] <- v[t] - autapse z[t]        after the test and the reset of step t

    The weight decays as the reset of the neuron does, so with `autapse` >= (sup U - v_threshold) / decay^T, U being the
    free potential, no second spike comes within T steps; with a persistent reset sup U is enough for ever. Copies side
    by side keep the lateral synapses and gates of `OneShot`; the gate stays open once the copy before it has fired.

    Shapes: as `OneShot`; the states are those of the neuron inside and `fired` (batch, *shape).

    Raises: `ParameterError` for another number of copies, an autapse <= 0 or a neuron without a potential v;
    `NotRepresentable` as `OneShot`.

    Differs from the paper: its proofs could not be read; a construction of our own, for resets of any kernel.

    Reference: Dold & Petersen, arXiv 2603.13478 (2026), for the claim.

    Example:

        >>> from rheobase import neurons
        >>> cell = Autapse(neurons.IF(1, dt=1.0), autapse=8.0)
        >>> cell(torch.full((6, 1, 1), 0.5))[0].flatten().tolist()
        [0.0, 1.0, 0.0, 0.0, 0.0, 0.0]
    """

    own_params: ClassVar = {
        "autapse": ParamSpec(1.0, "1", "weight of the synapse of a neuron onto itself", positive=True, name="autapse")
    }
    own_states: ClassVar = {"fired": StateSpec(0.0, "1", SPENT)}
    autapse: Tensor

    def __init__(self, neuron: Neuron, *, autapse: float, copies: int = 1):
        super().__init__(neuron, autapse=autapse)
        check_spiking(neuron)
        if "v" not in neuron.State._fields:
            raise ParameterError("Autapse", repr(neuron), "a neuron with a potential v", "LIF or IF, say")
        self.copies = checked_copies("Autapse", neuron, copies)

    @property
    def coefficients(self) -> tuple[float, ...]:
        """What each copy's spikes count: all the same."""
        return (1.0,) * self.copies

    @property
    def internal_synapses(self) -> int:
        """Those of `OneShot`, and one autapse for each neuron."""
        k, n = self.copies, math.prod(self.shape)
        return n // k * (k * (k - 1) // 2 + k - 1) + n

    def transition(self, s: Any, i: Any) -> Transition:
        inner = _Gated(self.inner(), s.fired, self.copies)  # type: ignore[attr-defined]
        _, post, pre = inner.transition(self._split(s), i)
        z = inner.spikes
        after = {**post._asdict(), "v": post.v - self.autapse * z, "fired": s.fired + z}
        return Transition(z, self.State(**after), self.State(**pre._asdict(), fired=s.fired))

    def rest(self, batch: int, *, dtype: torch.dtype | None = None, device: torch.device | None = None) -> Any:
        inner = self._inner_rest(batch, dtype, device)
        return self.State(**inner, fired=torch.zeros_like(inner["v"]))

    def __repr__(self) -> str:
        return f"Autapse({self.neuron!r}, autapse={self.autapse.tolist()}, copies={self.copies})"


class _Opened(Bound):
    """The `self` of a cascading neuron that counts only where its gate is open."""

    keeps = ("_free",)

    def __init__(self, bound: Bound, free: Tensor):
        super().__init__(*bound.parts)
        self._free = free

    def count(self, u: Any) -> Any:
        return self._free * torch.relu(torch.floor(u / self.v_threshold))


class Cancelling(Wrapper):
    """Groups of integrate-and-fire neurons whose spikes cancel all but the first: Moebius inversion.

    The group of a neuron with threshold v_threshold has a neuron for each m in `members` (square-free), with threshold
    and reset m v_threshold and the same input. Neuron m fires when the free potential first passes m, 2m, 3m...
    thresholds, so that, with the weight mu(m) behind it,

        sum over m of mu(m) floor(n / m) = 1 for every n from 1 to N,

    where n is the number of thresholds passed so far and all square-free m <= N are there: the group's weighed spikes
    are the first one alone. Where `copies` groups stand for copies of one neuron, a group's weighed spikes do to the
    groups after it what the spike of a copy does in `OneShot`: they inhibit by v_threshold and open the gate.

    Shapes: as the neuron inside, whose first axis counts neurons times copies times members, members side by side;
    the states are v and `fired` (batch, *shape), the weighed spikes of the group so far.

    Raises: `ParameterError` for members that are not square-free, or do not divide the first axis.

    Numerics: exact where the potential is; several spikes fall in one step where it rises by more than a threshold.

    Differs from the paper: its proofs could not be read. Its constants are those of the square-free numbers, from which
    this construction was inferred.

    Reference: Dold & Petersen, arXiv 2603.13478 (2026), for the claim; Moser & MacLeod, Canad. Math. Bull. 9 (1966).

    Example:

        >>> cell = Cancelling(CascadeIF(3, v_threshold=torch.tensor([1.0, 2.0, 3.0])), members=(1, 2, 3))
        >>> counts = cell(torch.full((7, 1, 3), 0.5))[0][:, 0]
        >>> counts.sum(0).tolist(), (counts @ torch.tensor(cell.coefficients)).tolist()
        ([3.0, 1.0, 1.0], [0.0, 1.0, 0.0, 0.0, 0.0, 0.0, 0.0])
    """

    own_params: ClassVar = {}
    own_states: ClassVar = {"fired": StateSpec(0.0, "1", "weighed spikes of the group so far")}
    counts: ClassVar[bool] = True

    def __init__(self, neuron: CascadeIF, *, members: tuple[int, ...], copies: int = 1):
        super().__init__(neuron)
        if not members or any(moebius(m) == 0 for m in members):
            raise ParameterError("Cancelling", f"members = {members!r}", "square-free numbers", "square_free(N)")
        self.members = tuple(members)
        checked_copies("Cancelling", neuron, copies * len(members))
        self.copies = copies

    @property
    def coefficients(self) -> tuple[float, ...]:
        """What the spikes of each neuron count: mu(m), the same in each copy's group."""
        return tuple(float(moebius(m)) for m in self.members) * self.copies

    @property
    def internal_synapses(self) -> int:
        """From every neuron of a copy's group to every one of each copy after it, and to the gates of the next."""
        k, q = self.copies, len(self.members)
        return math.prod(self.shape) // (k * q) * q * q * (k * (k - 1) // 2 + k - 1)

    def transition(self, s: Any, i: Any) -> Transition:
        q = len(self.members)
        first = grouped(s.fired, q)[:, :, 0]  # (batch, neurons * copies, ...)
        free = opened(grouped(first, self.copies)).flatten(1, 2).repeat_interleave(q, 1)
        n, post, pre = _Opened(self.inner(), free).transition(self._split(s), i)  # type: ignore[attr-defined]
        signs = n.new_tensor([moebius(m) for m in self.members]).view(-1, *(1,) * (n.dim() - 2))
        weighed = (grouped(n, q) * signs).sum(2)
        each = grouped(weighed, self.copies)
        before = (each.cumsum(2) - each).flatten(1, 2)
        # the threshold of the first member is that of the neuron
        threshold: Any = self.v_threshold
        base = (torch.zeros_like(post.v[0]) + threshold).unflatten(0, (-1, q))[:, 0] / self.members[0]
        v = post.v - (before * base).repeat_interleave(q, 1)
        fired = s.fired + weighed.repeat_interleave(q, 1)
        return Transition(n, self.State(v=v, fired=fired), self.State(v=pre.v, fired=s.fired))

    def rest(self, batch: int, *, dtype: torch.dtype | None = None, device: torch.device | None = None) -> Any:
        inner = self._inner_rest(batch, dtype, device)
        return self.State(**inner, fired=torch.zeros_like(inner["v"]))

    def __repr__(self) -> str:
        return f"Cancelling({self.neuron!r}, members={self.members!r}, copies={self.copies})"
