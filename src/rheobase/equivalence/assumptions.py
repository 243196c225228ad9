"""The assumptions under which conversions are exact; a network that breaks one is refused with its name."""

from __future__ import annotations

import copy
from typing import Any

import torch
from torch import Tensor

from rheobase.core.bound import Bound
from rheobase.core.neuron import Neuron, Transition
from rheobase.errors import NotRepresentable

SPIKES = "spikes of size 0 or 1 that follow from the input alone"
ADDITIVE = "a spike adds constants to the states (subtractive reset), so that a lateral synapse can do it in its place"
LINEAR = "between neurons stand synapses and delays, which are linear in the spikes"
AT_REST = "the network is in evaluation mode, where dropout and normalisation are fixed"
PERSISTENT = "the reset is persistent: what a spike subtracts never decays"
ONE_SHOT = "every neuron is an equivalence.OneShot, which spikes once at most"
TRIALS, TOLERANCE = 8, 1e-6


def refused(owner: Any, given: str, assumption: str, remedy: str) -> NotRepresentable:
    """The error for a network that breaks an assumption."""
    return NotRepresentable(f"equivalence: {owner!r}", given, assumption, remedy)


class _Forced(Bound):
    """The `self` of a neuron that spikes as it is told; counts how often its equations ask."""

    keeps = ("_told", "asked")

    def __init__(self, neuron: Neuron, values: dict[str, Tensor], spike: Tensor):
        super().__init__(neuron, values, neuron.dt)
        self._told, self.asked = spike, 0

    def fire(self, x: Any) -> Any:
        self.asked += 1
        return self._told


def check_spiking(neuron: Neuron) -> None:
    """Raise `NotRepresentable` unless the neuron spikes with 0 or 1, without chance, and its reset only adds.

    The reset is measured: from random states the neuron is stepped with and without a spike.

    >>> from rheobase import neurons
    >>> check_spiking(neurons.LIF(3, dt=1.0))
    >>> check_spiking(neurons.PLIF(3))  # resets to zero
    Traceback (most recent call last):
        ...
    rheobase.errors.NotRepresentable: ...a spike adds constants...
    """
    remedy = "use a spiking neuron with subtractive reset: LIF, IF, CubaLIF, AdLIF, equivalence.StepLIF"
    if neuron.graded or getattr(neuron, "crossing", False):
        raise refused(neuron, "a graded output, or spikes at crossings", SPIKES, remedy)
    if neuron.noisy:
        raise refused(neuron, "spikes by chance", SPIKES, "take the noise off")
    if hasattr(neuron, "neuron"):
        raise refused(neuron, f"a neuron inside a {type(neuron).__name__}", ADDITIVE, "take the neuron out of it")
    jumps = [_jump(neuron, trial) for trial in range(TRIALS)]
    for name in neuron.State._fields:
        found = torch.stack([getattr(jump, name) for jump in jumps])
        if not bool(torch.isfinite(found).all()) or _spread(found) > TOLERANCE * (1.0 + float(found.abs().max())):
            given = f"a jump of {name} at a spike that depends on the state, by {_spread(found):.3g}"
            raise refused(neuron, given, ADDITIVE, remedy)


def _spread(found: Tensor) -> float:
    """How far the trials are apart, the largest over lanes."""
    return float((found.amax(0) - found.amin(0)).max())


def _jump(neuron: Neuron, trial: int) -> Any:
    """The difference that a spike makes to the states, from a random state, in double precision."""
    source = torch.Generator().manual_seed(trial)
    twin = copy.deepcopy(neuron).double().cpu()
    rest = twin.rest(1)
    values = {name: value.detach().double() for name, value in twin.values().items()}
    start = type(rest)(*(s + torch.randn(s.shape, generator=source, dtype=torch.float64) for s in rest))
    current = torch.randn(rest[0].shape, generator=source, dtype=torch.float64)
    with torch.no_grad():
        posts = [_post(twin, values, start, current, spike) for spike in (0.0, 1.0)]
    return type(rest)(*(torch.as_tensor(b - a).expand(current.shape) for a, b in zip(*posts, strict=True)))


def _post(neuron: Neuron, values: dict[str, Tensor], start: Any, current: Tensor, spike: float) -> Any:
    told = _Forced(neuron, values, torch.full_like(current, spike))
    step: Transition = told.transition(start, current)
    if told.asked != 1:
        raise refused(neuron, f"a step that asks {told.asked} times whether it spikes", SPIKES, "one threshold a step")
    return step.post
