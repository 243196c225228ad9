"""Measures a network on given inputs: spikes of each layer, and how near its neurons come to their threshold."""

from __future__ import annotations

import math
from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any

import torch
from torch import Tensor, nn

from rheobase.core.bound import Bound
from rheobase.core.neuron import Neuron
from rheobase.core.ode import OdeNeuron
from rheobase.equivalence.assumptions import SPIKES, refused
from rheobase.equivalence.one_shot import OneShot, grouped, opened
from rheobase.equivalence.rebuild import cell_of, chain
from rheobase.errors import ShapeError
from rheobase.nn.stateful import Stateful

SAMPLES = 256  # at a time: traces of all states are kept


@dataclass(frozen=True)
class Seen:
    """A layer of spiking neurons during a run: input, spikes, and states before each reset, (time, batch, *shape)."""

    neuron: Neuron
    current: Tensor
    spikes: Tensor
    before: Any

    def distance(self) -> Tensor:
        """v - v_threshold as it was tested; -inf where a one-shot neuron has fired or its gate is closed."""
        found = distance(self.neuron, self.before)
        return self._where(found, self._free() * (1.0 - self.before.fired)) if self._copied else found

    def potential(self) -> Tensor:
        """v before the reset, in thresholds; -inf behind a closed gate."""
        found = self.before.v / self.neuron.values()["v_threshold"]
        return self._where(found, self._free()) if self._copied else found

    @property
    def _copied(self) -> bool:
        return isinstance(self.neuron, OneShot)

    def _free(self) -> Tensor:
        fired = grouped(self.before.fired.flatten(0, 1), self.neuron.copies)  # type: ignore[arg-type]
        return opened(fired).flatten(1, 2).view_as(self.before.fired)

    def _where(self, found: Tensor, free: Tensor) -> Tensor:
        return torch.where(free > 0, found, torch.full_like(found, -math.inf))


@torch.no_grad()
def watched(network: nn.Module, x: Tensor) -> tuple[list[Seen], Tensor]:
    """Run a network from rest on x (time, batch, ...) by the reference loop: its spiking layers, and its output."""
    seen: list[Seen] = []
    for layer in chain(network):
        cell = cell_of(layer)
        if cell is not None:
            record = tuple(f"{name}.pre" for name in cell.State._fields)
            out, _, rec = layer(x, record=record, backend="reference")
            seen.append(Seen(cell, x, out, cell.State(*rec)))
            x = out
        else:
            returned: Any = layer(x, backend="reference") if isinstance(layer, Neuron | Stateful) else layer(x)
            x = returned[0] if isinstance(returned, tuple) else returned
    return seen, x


def distance(neuron: Neuron, before: Any) -> Tensor:
    """v - v_threshold from the states before the reset; of a wrapper, that of the neuron inside."""
    values, inner, states = neuron.values(), neuron, before
    while isinstance(held := getattr(inner, "neuron", None), Neuron):
        inner, states = held, held.State(*(getattr(states, name) for name in held.State._fields))
    if isinstance(inner, OdeNeuron):
        return Bound(inner, values, inner.dt).threshold(states)
    if "v" not in inner.State._fields or "v_threshold" not in values:
        raise refused(inner, "a neuron without v and v_threshold", SPIKES, "leave out the inputs: nothing is measured")
    return states.v - values["v_threshold"]


def pieces(inputs: Tensor) -> Iterator[Tensor]:
    """The inputs (time, batch, ...), a few samples at a time. Raises `ShapeError`."""
    if inputs.dim() < 3 or 0 in inputs.shape[:2]:
        given = f"inputs of shape {tuple(inputs.shape)}"
        raise ShapeError("equivalence", given, "(time, batch, ...), each axis at least 1", "stack samples as a batch")
    yield from inputs.split(SAMPLES, 1)


def most_spikes(network: nn.Module, inputs: Tensor) -> tuple[int, ...]:
    """For each layer of spiking neurons, the most spikes of one neuron in one of the samples (time, batch, ...).

    >>> from rheobase import neurons
    >>> most_spikes(neurons.IF(1, dt=1.0), torch.full((8, 1, 1), 0.25))
    (2,)
    """
    counts = [[int(s.spikes.sum(0).max()) for s in watched(network, x)[0]] for x in pieces(inputs)]
    return tuple(max(layer) for layer in zip(*counts, strict=True))


def highest_potentials(network: nn.Module, inputs: Tensor) -> tuple[float, ...]:
    """For each layer of one-shot neurons, how high the free potential of one gets, in thresholds, its gate being open.

    >>> from rheobase import neurons
    >>> highest_potentials(OneShot(neurons.IF(1, dt=1.0)), torch.full((8, 1, 1), 0.25))
    (2.0,)
    """
    found = [[float(seen.potential().max()) for seen in watched(network, x)[0]] for x in pieces(inputs)]
    return tuple(max(layer) for layer in zip(*found, strict=True))


def margins(network: nn.Module, inputs: Tensor) -> float:
    """The smallest |v - v_threshold| of a neuron that may fire, over all steps, samples and layers.

    >>> from rheobase import neurons
    >>> margins(neurons.IF(1, dt=1.0), torch.full((3, 1, 1), 0.375))
    0.125
    """
    return min(float(s.distance().abs().min()) for x in pieces(inputs) for s in watched(network, x)[0])
