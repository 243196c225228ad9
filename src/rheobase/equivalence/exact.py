"""For how many steps a network computes without any rounding."""

from __future__ import annotations

import math
from typing import Any

import torch
from torch import Tensor, nn

from rheobase import nn as layers
from rheobase.core.neuron import Neuron
from rheobase.equivalence.assumptions import refused
from rheobase.equivalence.lines import Fan
from rheobase.equivalence.measure import watched
from rheobase.equivalence.rebuild import cell_of, chain
from rheobase.equivalence.step_lif import StepLIF
from rheobase.neurons import IF
from rheobase.nn.conv import AvgPool1d, AvgPool2d, Conv1d, Conv2d
from rheobase.nn.delays.fir import Taps
from rheobase.nn.stateful import Stateful

ON_GRID = "numbers on a binary grid, of which every sum fits into the digits of the dtype"
ALWAYS = 10**9  # steps, where nothing limits them
FINEST = 60  # bits after the point that are looked for
HANDED_ON = (Fan, layers.Flatten, nn.Identity, nn.Dropout, layers.Dropout)


def grid_bits(x: Tensor) -> int | None:
    """Bits after the binary point of the numbers in x; None where that are more than 60.

    >>> grid_bits(torch.tensor([0.75, 3.0])), grid_bits(torch.tensor([0.1], dtype=torch.float64))
    (2, 55)
    """
    wide = x.detach().double()
    for bits in range(FINEST + 1):
        scaled = wide * 2.0**bits
        if bool((scaled == scaled.round()).all()):
            return bits
    return None


def exact_steps(network: nn.Module, inputs: Tensor) -> int:
    """For how many steps from rest every sum and potential of the network on these inputs is free of rounding.

    A decay of b bits after the point adds b bits to a potential in every step: with g bits in the current and a
    potential below 2^m, exact for 1 + (p - m - g) // b steps, p being the 53 digits of float64 or 24 of float32. A
    perfect integrator has b = 0. Potentials are measured; sums over synapses are bounded by their absolute weights.

    Shapes: inputs (time, batch, ...), in the dtype that is asked about.

    Raises: `NotRepresentable` for a layer whose sums may round at any step, or a neuron other than IF and StepLIF.

    >>> exact_steps(StepLIF(1, decay=0.5).double(), torch.full((20, 1, 1), 0.75, dtype=torch.float64))
    50
    """
    digits = round(-math.log2(torch.finfo(inputs.dtype).eps)) + 1
    found, x = ALWAYS, inputs
    with torch.no_grad():
        for layer in chain(network):
            cell = cell_of(layer)
            if cell is not None:
                (seen,), out = watched(layer, x)
                found = min(found, _neuron_steps(layer, cell, x, seen.before, digits))
            else:
                _check_sums(layer, x, digits)
                returned: Any = layer(x, backend="reference") if isinstance(layer, Neuron | Stateful) else layer(x)
                out = returned[0] if isinstance(returned, tuple) else returned
            x = out
    return found


def _neuron_steps(layer: nn.Module, cell: Neuron, x: Tensor, before: Any, digits: int) -> int:
    """Steps from rest in which the potential of these neurons needs no more digits than there are."""
    inner: Any = cell
    while isinstance(held := getattr(inner, "neuron", None), Neuron):
        inner = held
    if not isinstance(inner, IF | StepLIF):
        remedy = "equivalence.to_grid(network, decay_bits=2) turns LIF into StepLIF"
        raise refused(inner, f"a {type(inner).__name__}, whose decay is no binary number", ON_GRID, remedy)
    values = inner.values()
    gain = values["r"] * (inner.dt or 1.0) if isinstance(inner, IF) else values["gain"]
    decay = torch.ones(()) if isinstance(inner, IF) else values["decay"]
    current, largest = _bits(layer, x, "an input"), x.abs().max()
    if isinstance(layer, layers.Recurrent):
        current = max(current, _bits(layer, layer.lateral, "a lateral weight"))
        largest = largest + layer.lateral.abs().sum(1).max()
    grid = max(current + _bits(layer, gain, "a gain"), _bits(layer, values["v_threshold"], "a threshold"))
    top = max(before.v.abs().max() + values["v_threshold"].abs().max(), (gain.abs().max() * largest))
    spare = digits - grid - _log(top)
    if spare < 0:
        given = f"potentials of {grid} bits after the point and up to {float(top):.3g}"
        raise refused(layer, given, ON_GRID, "a coarser grid, smaller weights, or float64")
    lost = _bits(layer, decay, "a decay")
    return ALWAYS if lost == 0 else 1 + spare // lost


def _check_sums(layer: nn.Module, x: Tensor, digits: int) -> None:
    """Raise where a sum of this layer may need more digits than there are."""
    if isinstance(layer, HANDED_ON) or (isinstance(layer, Neuron) and layer.graded):
        return  # whole numbers of spikes, what is handed on, and leaky integrators, of which no synapse may read
    given, largest = _bits(layer, x, "an input"), x.abs().max()
    if isinstance(layer, AvgPool1d | AvgPool2d):
        sizes = layer.kernel_size if isinstance(layer.kernel_size, tuple) else (layer.kernel_size,) * (layer.rank - 3)
        halvings = math.log2(math.prod(sizes))
        if halvings % 1:
            raise refused(layer, f"a mean over {math.prod(sizes)}", ON_GRID, "pool over a power of two")
        needed, total = given + int(halvings), largest * math.prod(sizes)
    elif isinstance(layer, nn.Linear | Conv1d | Conv2d | layers.SynapticDelay):
        total = layer.weight.abs().flatten(1).sum(1).max() * largest
        needed = given + _bits(layer, layer.weight, "a weight")
        if layer.bias is not None:
            total, needed = total + layer.bias.abs().max(), max(needed, _bits(layer, layer.bias, "a bias"))
        if isinstance(layer, layers.SynapticDelay) and float(layer.positions.width) > 0:
            raise refused(layer, "delays between two steps", ON_GRID, "layer.positions.anneal(0)")
    elif isinstance(layer, Taps):
        weights = layer.weights()
        needed, total = given + _bits(layer, weights, "a tap"), weights.abs().sum(0).max() * largest
    else:
        raise refused(layer, f"a {type(layer).__name__}, which rounds", ON_GRID, "leave it out")
    if needed + _log(total) > digits:
        reached = f"sums of {needed} bits after the point and up to {float(total):.3g}"
        raise refused(layer, reached, ON_GRID, "a coarser grid, smaller weights, or float64")


def _bits(layer: nn.Module, x: Tensor, what: str) -> int:
    bits = grid_bits(x)
    if bits is None:
        raise refused(layer, f"{what} on no grid", ON_GRID, "equivalence.to_grid rounds a network; round its inputs")
    return bits


def _log(size: Tensor) -> int:
    """Bits before the point."""
    return math.ceil(math.log2(max(float(size), 2.0**-FINEST)))
