"""The networks that are compared: alike but for the cell."""

from __future__ import annotations

import math
from collections.abc import Sequence
from typing import Any

import torch
from torch import Tensor
from torch import nn as torch_nn

from rheobase import neurons, nn, surrogates
from rheobase.energy import Operations, Work, synapses
from rheobase.errors import ParameterError, nearest
from rheobase.reproduce.scaled_input import ScaledInput

CELLS_PER_CLASS = 10
TAU_LIF = 20.0  # steps
GATED = ("GRU", "LSTM")
OWN = {"GRU": (3, 3, 2), "LSTM": (4, 5, 3)}  # gates; of each cell in a step, functions and products
NORMALISED = "SRC, normalised"
SPREAD = 0.8  # of a normalised cell's input
KINDS = ("SRC", "SRC, no detach", "SRC, lateral", "SRC, all learned", "SRC, for hardware", NORMALISED, "LIF", *GATED)


def network(
    kind: str, inputs: int, hidden: Sequence[int], classes: int, *, b_h: float | None = None
) -> torch_nn.Module:
    """A network of one kind of cell.

    Spiking kinds: a linear layer without bias before each layer of cells, Xavier-uniform with gain sqrt(2), and a last
    layer of ten cells for each class that a fixed readout sums, as the authors of SRC have it. GRU and LSTM: one layer
    of torch's, as wide as the spiking network's last hidden layer, and a linear readout.

    SRC: b_h of each cell learns, from `b_h` on (None: the paper's -6). "no detach": the gradient runs through h and h_s
    in time too. "lateral": with weights from every cell of a layer to every other. "all learned": r, r_s, z_hyp and
    z_dep of each cell learn too. "for hardware": tanh made of lines and a hard gate. "normalised": the input of each
    cell has a batch norm over time and batch, of which the paper has none. LIF: the input adds to the
    potential (a decay of exp(-1/20) per step), threshold 1, arctangent surrogate; a bias of each cell learns.

    Raises: `ParameterError` for another kind.
    """
    if kind not in KINDS:
        raise ParameterError("network", f"kind {kind!r}", "a kind of network", nearest(kind, KINDS))
    if kind in GATED:
        return Gated(kind, inputs, hidden[-1] if hidden else CELLS_PER_CLASS * classes, classes)
    layers: list[torch_nn.Module] = [nn.Flatten()]
    before = inputs
    for size in (*hidden, CELLS_PER_CLASS * classes):
        linear = nn.SpikeLinear(before, size, bias=False)
        torch_nn.init.xavier_uniform_(linear.weight, gain=math.sqrt(2))
        layers.append(linear)
        if kind == NORMALISED:
            layers.append(nn.TdBatchNorm(size, alpha=SPREAD))
        layers.append(_lif(size) if kind == "LIF" else _src(kind, size, b_h))
        before = size
    return nn.Sequential(*layers, nn.GroupReadout(before, classes=classes))


def _src(kind: str, size: int, b_h: float | None) -> torch_nn.Module:
    learned = ("b_h", "r", "r_s", "z_hyp", "z_dep") if kind == "SRC, all learned" else ("b_h",)
    given: dict[str, Any] = {name: torch.full((size,), _start(name)) for name in learned}
    if b_h is not None:
        given["b_h"] = torch.full((size,), b_h)
    if kind == "SRC, for hardware":
        given |= {"tanh": "piecewise", "gate": "step"}
    cell = neurons.SRC(size, learn=learned, detach_recurrence=kind != "SRC, no detach", **given)
    if kind != "SRC, lateral":
        return cell
    # lateral weights start small: a cell that fires should not make all others fire
    return nn.Recurrent(cell, 0.1 * torch_nn.init.orthogonal_(torch.empty(size, size)))


def _start(name: str) -> float:
    # at the end of its range, 0, the logit of z_dep would stand still
    return 0.05 if name == "z_dep" else neurons.SRC.params[name].default


def _lif(size: int) -> torch_nn.Module:
    drive = 1.0 / -math.expm1(-1.0 / TAU_LIF)
    cell = neurons.LIF(
        size, dt=1.0, tau_mem=TAU_LIF, v_leak=torch.zeros(size), learn=("v_leak",), surrogate=surrogates.ATan(2.0)
    )
    return ScaledInput(cell, drive)


class Gated(torch_nn.Module):
    """torch's GRU or LSTM over a sequence, with a linear readout.

    Shapes: (time, batch, ...) to (time, batch, classes).
    """

    def __init__(self, kind: str, inputs: int, size: int, classes: int):
        super().__init__()
        self.cell = (torch_nn.GRU if kind == "GRU" else torch_nn.LSTM)(inputs, size)
        self.readout = torch_nn.Linear(size, classes)

    def forward(self, x: Tensor, state: Any = None) -> tuple[Tensor, Any]:
        h, end = self.cell(x.flatten(2).to(self.readout.weight.dtype), state)
        return self.readout(h), end

    def counted(self, x: Tensor, out: Tensor) -> Work:
        """Whole weight matrices in each step; a spike at the input needs additions alone."""
        cell, steps, (gates, functions, products) = self.cell, len(x), OWN[type(self.cell).__name__]
        cells, inputs, classes = cell.hidden_size, cell.input_size, self.readout.out_features
        found = synapses(x, float(gates * cells), dense=float(steps * gates * cells * inputs))
        dense = steps * (gates * cells * cells + cells * classes)
        # two biases of each gate and their sums; what mixes old and new; the bias of the readout
        sums = steps * (cells * (3 * gates + 1) + classes)
        made = Operations(
            multiply_accumulates=dense,
            dense=dense,
            values_read=2 * steps * cells,
            updates=steps * products * cells,
            functions=steps * functions * cells,
            sums=sums,
            cell_steps=steps * cells,
            state_words=2 * steps * cells * (gates - 2),
        )
        weights = gates * cells * (inputs + cells) + cells * classes
        return Work(found + made, weights, inputs + cells, cells * (gates - 2), "its own output of the step before")
