"""The networks that `rheobase train` builds."""

from __future__ import annotations

import math
from itertools import pairwise

import torch
from torch import nn as torch_nn

from rheobase import neurons, nn
from rheobase.core import Neuron
from rheobase.current_clamp import make, smallest_current
from rheobase.data import Dataset
from rheobase.errors import ParameterError
from rheobase.runs.neurons_by_name import find
from rheobase.runs.settings import DT, Settings
from rheobase.runs.task import Task

CELLS_PER_CLASS = 10


def build(settings: Settings, data: Dataset | Task) -> nn.Sequential:
    """A network for these data; its weights follow from torch's random state.

    SRC as its authors build it: no biases, Xavier-uniform weights with gain sqrt(2), ten cells for each class in
    the last layer, which a fixed readout sums. Others: linear layers between the neurons, and a leaky integrator
    for each class, with `readout_tau`. Where the input of a neuron has a unit, 1 stands for its rheobase.
    """
    if settings.neuron == "SRC":
        return _src(settings, data)
    layers, before = _input(settings, data)
    kind = find(settings.neuron)
    if kind.Input is not None:
        given = f"{settings.neuron}, which has the inputs {', '.join(kind.entries)}"
        raise ParameterError("train --neuron", given, "a neuron with one input", "a layer before it gives one current")
    scale = [] if kind.input_unit == "1" else [nn.Scale(smallest_current(kind) or 1.0)]
    for size in settings.hidden:
        layers += [nn.Linear(before, size), *scale, _cells(settings, size)]
        before = size
    classes = len(data.classes)
    return nn.Sequential(*layers, nn.Linear(before, classes), neurons.LI(classes, dt=DT, tau_mem=settings.readout_tau))


def _input(settings: Settings, data: Dataset | Task) -> tuple[list[torch_nn.Module], int]:
    """The layers before the first weights, and the values that they give."""
    inputs = settings.inputs(data)
    if settings.taps == 1 or settings.hold:  # held, they come out of the encoder side by side
        return [nn.Flatten()], inputs
    return [nn.Flatten(), nn.DelayLine(inputs, taps=settings.taps)], settings.taps * inputs


def _src(settings: Settings, data: Dataset | Task) -> nn.Sequential:
    classes = len(data.classes)
    layers, before = _input(settings, data)
    for size in (*settings.hidden, CELLS_PER_CLASS * classes):
        linear = nn.Linear(before, size, bias=False)
        torch_nn.init.xavier_uniform_(linear.weight, gain=math.sqrt(2))
        layers += [linear, _cells(settings, size)]
        before = size
    return nn.Sequential(*layers, nn.GroupReadout(before, classes=classes))


def memory_of(settings: Settings, data: Dataset) -> int:
    """The least bytes that a training step takes: sequences and their gradients, weights, and Adam's moments."""
    cells = [*settings.hidden, CELLS_PER_CLASS * len(data.classes)] if settings.neuron == "SRC" else [*settings.hidden]
    widths = [_input(settings, data)[1], *cells, len(data.classes)]
    weights = sum(a * b for a, b in pairwise(widths)) + settings.recurrent * sum(n * n for n in cells)
    # the input, and for every layer its current, its output and the gradient of both
    values = widths[0] + 4 * sum(widths[1:])
    batch = min(settings.batch, len(data.y_train))
    return (8 if settings.precision.startswith("64") else 4) * (
        (settings.steps + settings.hold) * batch * values + 4 * weights
    )


def _cells(settings: Settings, size: int) -> torch_nn.Module:
    # one bias for each cell, which its authors let learn
    biased = {"b_h": torch.full((size,), neurons.SRC.params["b_h"].default), "learn": ("b_h",)}
    cells = make(find(settings.neuron), size, DT, **(biased if settings.neuron == "SRC" else {}))
    return nn.Recurrent(cells) if settings.recurrent else cells


def cells_of(layer: torch_nn.Module) -> Neuron | None:
    """The neurons of a layer, also where lateral weights are around them; None for a layer without."""
    inner = layer.neuron if isinstance(layer, nn.Recurrent) else layer
    return inner if isinstance(inner, Neuron) else None
