"""How much the layers of a network spiked in one batch."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

import torch
from torch import Tensor, nn

from rheobase.learning.layers import SpikingLayer, Watch
from rheobase.learning.metrics import spikes_per_neuron
from rheobase.learning.training.distributed import total

if TYPE_CHECKING:
    from lightning_fabric import Fabric


@dataclass(frozen=True, kw_only=True)
class LayerActivity:
    """The spikes of a neuron in a time step, the mean over the neurons of a layer and some samples."""

    neuron: str  # its class
    neurons: int
    samples: int
    spikes: float


@torch.no_grad()
def layer_activity(fabric: Fabric, watch: Watch) -> dict[str, LayerActivity]:
    """The activity of every spiking layer in the batch that was watched, of all processes, by the layer's name."""
    # a layer that gives out parts of spikes (in the smooth mode, say) has no number of them
    outs = {
        name: out.detach()
        for name, out in watch.spiking().items()
        if watch.layers[name].graded or bool((out == out.round()).all())
    }
    here = [spikes_per_neuron(out, watch.layers[name].graded).sum() / len(out) for name, out in outs.items()]
    samples = next((out.shape[1] for out in outs.values()), 0)
    everywhere, *sums = total(fabric, [float(samples), *map(float, here)]).tolist()
    return {
        name: _activity(watch.layers[name], out, int(everywhere), spikes / everywhere)
        for (name, out), spikes in zip(outs.items(), sums, strict=True)
    }


def _activity(layer: SpikingLayer, out: Tensor, samples: int, spikes: float) -> LayerActivity:
    cell = layer.module
    while isinstance(inner := getattr(cell, "neuron", None), nn.Module):
        cell = inner
    return LayerActivity(neuron=type(cell).__name__, neurons=out[0, 0].numel(), samples=samples, spikes=spikes)
