"""The networks that are compared: two hidden layers of cells on spoken digits, alike but for where the delays are."""

from __future__ import annotations

import torch
from torch import nn as torch_nn

from rheobase import neurons, nn, surrogates
from rheobase.core import Neuron
from rheobase.errors import ParameterError, nearest

PLACES = ("none", "states", "axonal", "synaptic", "recurrent")
CELLS = ("AdLIF", "LIF", "RadLIF", "RLIF", "SRC", "DQIF")
WINDOW = 0.5  # half-width of the boxcar surrogate
READOUT = 0.9  # decay of the readout per step


def network(
    inputs: int,
    hidden: int,
    classes: int,
    *,
    cell: str = "AdLIF",
    place: str = "states",
    taps: int = 25,
    start: str = "free",
    learn: bool = True,
    scaled: bool = True,
    dropout: float = 0.2,
) -> torch_nn.Module:
    """Two hidden layers: linear without bias, batch normalisation, delays, cells, dropout; then a leaky readout.

    `place` is where the delays are: in the cells' states (`nn.Delay`, outside the membrane's factor as in the paper),
    in their axons, in the synapses before them, in lateral connections, or nowhere. All but the states are learnable
    positions, of the same longest delay of taps - 1 steps.

    Raises: `ParameterError` for another cell or place.
    """
    if place not in PLACES:
        raise ParameterError("network", f"place {place!r}", "a place of delays", nearest(place, PLACES))
    layers: list[torch_nn.Module] = []
    for before in (inputs, hidden):
        if place == "synaptic":
            layers.append(nn.SynapticDelay(before, hidden, taps=taps))
        else:
            layers.append(nn.Linear(before, hidden, bias=False))
        layers.append(nn.TdBatchNorm(hidden))
        layers += _cells(hidden, cell, place, taps, start, learn, scaled)
        layers.append(nn.Dropout(dropout))
    readout = neurons.LI(classes, dt=1.0, tau_mem=-1.0 / torch.tensor(READOUT).log().item())
    return nn.Sequential(*layers, nn.Linear(hidden, classes, bias=False), nn.TdBatchNorm(classes), readout)


def _cells(size: int, cell: str, place: str, taps: int, start: str, learn: bool, scaled: bool) -> list[torch_nn.Module]:
    neuron = _neuron(cell, size)
    if place == "recurrent":
        return [nn.RecurrentDelay(neuron, taps=taps)]
    found: list[torch_nn.Module] = []
    if place == "states" and taps:
        # DQIF adds its input to the potential as it is
        gain = 1.0 if cell == "DQIF" else neuron
        found.append(nn.Delay(size, taps=taps, start=start, learn=learn, scaled=scaled, gain=gain))
    found.append(nn.Recurrent(neuron) if cell in ("RadLIF", "RLIF") else neuron)
    return [*found, nn.AxonalDelay(size, taps=taps)] if place == "axonal" else found


def _neuron(cell: str, size: int) -> Neuron:
    boxcar = surrogates.Boxcar(2 * WINDOW, 1.0)
    if cell in ("AdLIF", "RadLIF"):
        return neurons.AdLIF.draw(size, learn=("alpha", "beta", "a", "b"), surrogate=boxcar)
    if cell in ("LIF", "RLIF"):
        # the same membrane, without adaptation
        return neurons.AdLIF.draw(size, learn=("alpha",), a=0.0, b=0.0, surrogate=boxcar)
    if cell == "SRC":
        return neurons.SRC(size, b_h=torch.full((size,), -6.0), learn=("b_h",))
    if cell == "DQIF":
        return neurons.DQIF(size, form="euler", learn=("a", "u1", "u2"), surrogate=boxcar)
    raise ParameterError("network", f"cell {cell!r}", "a kind of cell", nearest(cell, CELLS))
