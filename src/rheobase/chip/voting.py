"""Spiking neurons that vote for classes, in the place of leaky integrators, which no chip of spikes has."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any, cast

import torch

from rheobase.checks import is_number, is_whole
from rheobase.errors import ParameterError
from rheobase.neurons import LI
from rheobase.nn import GroupReadout, Linear, Sequential
from rheobase.nn.quantise import kind_of


def voting(net: Any, votes: int, cells: Callable[[int, float], torch.nn.Module], *, start: bool = False) -> Any:
    """The network with `votes` neurons for each class in the place of the leaky integrators at its end, if it has them.

    `cells(n, dt)` makes the neurons. Their weights are fresh, and there are no biases; with `start`, those of the
    readout are added to them, and its biases are kept: each neuron then begins with what its class had.

    Raises: `ParameterError` for votes out of range, and for a readout without a step.
    """
    if not is_whole(votes, 0, 256):
        raise ParameterError("prepared", f"votes = {votes!r}", "a whole number from 0 to 256", "8 neurons for a class")
    ends = isinstance(net, Sequential) and len(net) >= 2
    if not votes or not ends or kind_of(net[-1]) is not LI or kind_of(net[-2]) is not Linear:
        return net
    before, integrators = (cast(Any, part) for part in net.layers[-2:])
    classes = before.out_features
    many = votes * classes
    if not is_number(integrators.dt, above=0):
        raise ParameterError(
            "prepared", f"dt = {integrators.dt!r} of the readout", "a step > 0", "build it with dt=1.0"
        )
    made = Linear(before.in_features, many, bias=start and before.bias is not None)
    if start:
        own = torch.arange(many) % classes  # as GroupReadout counts them
        with torch.no_grad():
            made.weight.add_(before.weight[own])
            if before.bias is not None:
                made.bias.copy_(before.bias[own])
    readout = GroupReadout(many, classes=classes, inhibition=0.0, decay=0.0)
    return Sequential(*net.layers[:-2], made, cells(many, float(integrators.dt)), readout)
