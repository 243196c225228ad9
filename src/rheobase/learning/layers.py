"""The layers of a network that spike, and a way to look at their output during a run."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

from torch import Tensor, nn

from rheobase.core import OdeNeuron


def spiking_layers(net: nn.Module) -> dict[str, tuple[nn.Module, bool]]:
    """Name -> (layer, graded) of the outermost modules of `net` whose output is spikes.

    A layer spikes where it, or the neuron that it holds as `.neuron`, says whether it is `graded`. A differential
    equation with no threshold (a leaky integrator as readout) never spikes and is left out.

    >>> spiking_layers(nn.Linear(3, 2))
    {}
    """
    found: dict[str, tuple[nn.Module, bool]] = {}
    _collect(net, "", found)
    return found


def _collect(module: nn.Module, name: str, found: dict[str, tuple[nn.Module, bool]]) -> None:
    cell = module
    while isinstance(inner := getattr(cell, "neuron", None), nn.Module):
        cell = inner
    graded = getattr(cell, "graded", None)
    if isinstance(graded, bool):
        if not (graded and isinstance(cell, OdeNeuron)):
            found[name] = (module, graded)
        return
    for child_name, child in module.named_children():
        _collect(child, f"{name}.{child_name}" if name else child_name, found)


@contextmanager
def watched(layers: dict[str, tuple[nn.Module, bool]]) -> Iterator[dict[str, Tensor]]:
    """While open, the returned dict holds the last output of each layer, (time, batch, *neurons)."""
    outs: dict[str, Tensor] = {}

    def keep(name: str) -> Any:
        def hook(module: nn.Module, given: Any, returned: Any) -> None:
            outs[name] = returned[0] if isinstance(returned, tuple) else returned

        return hook

    handles = [layer.register_forward_hook(keep(name)) for name, (layer, _) in layers.items()]
    try:
        yield outs
    finally:
        for handle in handles:
            handle.remove()
