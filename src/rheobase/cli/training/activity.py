"""What a network does with one sample: input, every layer of neurons, readout, and some membranes."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import torch
from torch import Tensor

from rheobase.cli.training.job import Outcome
from rheobase.core import Neuron
from rheobase.core.declaration.describe import display
from rheobase.current_clamp import membrane, never_spikes, onsets
from rheobase.runs.network import cells_of

MOST_CELLS = 4


@dataclass(frozen=True)
class Layer:
    """A layer of neurons during one sample; all (time, cells)."""

    cells: Neuron
    out: Tensor
    potential: Tensor

    @property
    def spikes(self) -> Tensor:
        """Where spikes begin, bool."""
        silent: Any = type(self.cells)
        return (
            torch.zeros_like(self.out, dtype=torch.bool)
            if never_spikes(silent)
            else onsets(self.out, self.cells.graded)
        )

    @property
    def potential_label(self) -> str:
        """The membrane potential with its unit, for an axis."""
        name = membrane(self.cells)
        unit = display(self.cells.states[name].unit)
        return f"{name} ({unit})" if unit else f"membrane potential {name}"

    def busiest(self) -> Tensor:
        """The cells with the most spikes, in rising order of their number."""
        counts = self.spikes.sum(0)
        order = torch.argsort(counts, descending=True, stable=True)
        return order[: min(MOST_CELLS, len(order))].sort().values


@dataclass(frozen=True)
class Activity:
    """One sample on its way through the network."""

    sequence: Tensor  # (time, inputs)
    layers: tuple[Layer, ...]
    readout: Tensor  # (time, classes)
    true: int
    predicted: int


@torch.no_grad()
def activity(outcome: Outcome, index: int = 0) -> Activity:
    """Run a validation sample, or a training sample where there is none, through the network, recording its neurons."""
    settings, net = outcome.settings, outcome.net
    x, y = outcome.validation or (outcome.data.x_train, outcome.data.y_train)
    sequence = outcome.encoder(x[index : index + 1], seed=settings.seed)
    weights = next(net.parameters())
    value: Tensor = sequence.to(weights.dtype)
    layers: list[Layer] = []
    net.eval()
    for k, layer in enumerate(net.layers):
        cells = cells_of(layer)
        if cells is None or k == len(net.layers) - 1:
            returned = layer(value)
            value = returned[0] if isinstance(returned, tuple) else returned
            continue
        value, _, recorded = layer(value, record=(membrane(cells),))
        layers.append(Layer(cells, value[:, 0].float(), recorded[0][:, 0].float()))
    predicted = int(settings.recipe().criterion.predict(value.float())[0])
    return Activity(sequence.flatten(2)[:, 0], tuple(layers), value[:, 0].float(), int(y[index]), predicted)
