"""The layers of a network that spike, and a way to look at their output during a run."""

from __future__ import annotations

from collections.abc import Generator
from contextlib import contextmanager
from typing import Any, NamedTuple

import torch
from torch import Tensor, nn

from rheobase.channels.channel import Membrane
from rheobase.core import OdeNeuron
from rheobase.core.declaration.population import Declared


class SpikingLayer(NamedTuple):
    """A module whose output is spikes; `graded` where a spike is an upward crossing of 0.5."""

    module: nn.Module
    graded: bool


def spiking_layers(net: nn.Module) -> dict[str, SpikingLayer]:
    """The outermost modules of `net` whose output is spikes, by name.

    A layer counts as spiking if it, or the neuron that it has as `.neuron`, has a boolean attribute `graded`. A
    differential equation with no threshold (a leaky integrator) never spikes and is left out, and so is a channel.

    >>> from rheobase import neurons
    >>> net = nn.Sequential(nn.Linear(3, 2), neurons.LIF(2, dt=1.0), neurons.LI(2, dt=1.0))
    >>> list(spiking_layers(net))
    ['1']
    """
    found: dict[str, SpikingLayer] = {}
    _collect(net, "", found)
    return found


def spiking_layer(module: nn.Module) -> SpikingLayer | None:
    """The module as a spiking layer, as `spiking_layers` counts them; None for one whose output is no spikes."""
    cell = _cell(module)
    graded = getattr(cell, "graded", None)
    if not isinstance(graded, bool) or (graded and isinstance(cell, OdeNeuron | Membrane)):
        return None
    return SpikingLayer(module, graded)


def _cell(module: nn.Module) -> nn.Module:
    """The innermost neuron of a module, by the name `neuron`; the module itself where there is none."""
    while isinstance(inner := getattr(module, "neuron", None), nn.Module):
        module = inner
    return module


def _collect(module: nn.Module, name: str, found: dict[str, SpikingLayer]) -> None:
    if isinstance(getattr(_cell(module), "graded", None), bool):
        layer = spiking_layer(module)
        if layer is not None:
            found[name] = layer
        return
    for child_name, child in module.named_children():
        _collect(child, f"{name}.{child_name}" if name else child_name, found)


def resets_attached(net: nn.Module) -> str:
    """A remedy for a diverging gradient, as text: the neurons whose reset is part of it; empty if there are none.

    Such a reset can multiply the gradient at every spike.

    >>> from rheobase import neurons
    >>> resets_attached(nn.Sequential(neurons.LIF(2, dt=1.0), neurons.AdEx(2, dt=0.1)))
    ', or detach_reset=True on LIF'
    """
    cells = [m for m in net.modules() if isinstance(m, Declared) and not m.graded and not getattr(m, "crossing", False)]
    named = sorted({type(cell).__name__ for cell in cells if not cell.detach_reset and not cell.detach_spike})
    return f", or detach_reset=True on {', '.join(named)}" if named else ""


class Watch:
    """The output of some layers in the last run of a network, one after the other where a layer was called often.

    A layer within `nn.Chunked` is, once for each chunk, one within a cycle of `nn.Graph` at each step, and one that
    stands in a network twice for each place.
    """

    def __init__(self, layers: dict[str, SpikingLayer]):
        self.layers = layers
        self.calls: dict[str, list[Tensor]] = {}
        self.whole: Tensor | None = None

    @property
    def outs(self) -> dict[str, Tensor]:
        """Name -> output (time, batch, *neurons), the time that of all calls."""
        return {name: made[0] if len(made) == 1 else torch.cat(made) for name, made in self.calls.items()}

    def spiking(self) -> dict[str, Tensor]:
        """Name -> output (time, batch, *neurons), without a graded layer that is the network's readout."""
        return {n: out for n, out in self.outs.items() if not (self.layers[n].graded and out is self.whole)}


@contextmanager
def watched(net: nn.Module, layers: dict[str, SpikingLayer]) -> Generator[Watch]:
    """While open, the watch keeps the outputs of each layer in the last run. Layers that never ran are not in it."""
    watch = Watch(layers)

    def keep(name: str) -> Any:
        def hook(module: nn.Module, given: Any, returned: Any) -> None:
            watch.calls.setdefault(name, []).append(_output(returned))

        return hook

    def begin(module: nn.Module, given: Any) -> None:
        watch.calls.clear()

    def keep_whole(module: nn.Module, given: Any, returned: Any) -> None:
        watch.whole = _output(returned)

    handles: list[Any] = [net.register_forward_pre_hook(begin)] if layers else []
    handles += [layer.module.register_forward_hook(keep(name)) for name, layer in layers.items()]
    handles += [net.register_forward_hook(keep_whole)] if layers else []
    try:
        yield watch
    finally:
        for handle in handles:
            handle.remove()


def _output(returned: Any) -> Any:
    return returned[0] if isinstance(returned, tuple) else returned
