"""What a layer does for one sample: spikes, accumulates, multiply-accumulates, and the energy that these would take.

A spike costs one accumulate at each synapse that it reaches; an analog value costs one multiply-accumulate, and all
of them are counted, whether or not they are zero. A count of spikes alone hides the second kind.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import astuple, dataclass
from typing import Any

import torch
from torch import Tensor, nn

from rheobase.core import OdeNeuron
from rheobase.core.neuron import Neuron
from rheobase.energy.constants import ACCUMULATE, MULTIPLY_ACCUMULATE
from rheobase.energy.step_operations import update
from rheobase.errors import ParameterError, ShapeError
from rheobase.learning.metrics import count_spikes
from rheobase.nn.conv import Flatten
from rheobase.nn.delays.connection_delay import SynapticDelay
from rheobase.nn.delays.delay_line import DelayLine
from rheobase.nn.delays.fir import Taps
from rheobase.nn.dropout import Dropout
from rheobase.nn.readout import GroupReadout
from rheobase.nn.recurrence.conv_gru import ConvGRU
from rheobase.nn.recurrence.cs_gru import CSGRU
from rheobase.nn.recurrence.recurrent import Recurrent
from rheobase.nn.recurrence.recurrent_delay import RecurrentDelay
from rheobase.nn.recurrence.spik_gru import SpikGRU


@dataclass(frozen=True)
class Operations:
    """Means over the samples of a batch, each for a whole sequence. They add up over the layers of a network."""

    spikes_in: float
    spikes: float  # that leave the layer; of an analog layer none
    accumulates: float  # at synapses
    multiply_accumulates: float  # at synapses
    updates: float  # multiply-accumulates of the cells themselves
    functions: float  # sigmoid, tanh and the like

    def __add__(self, other: Operations) -> Operations:
        return Operations(*(a + b for a, b in zip(astuple(self), astuple(other), strict=True)))

    def energy(
        self, *, accumulate: float = ACCUMULATE, multiply_accumulate: float = MULTIPLY_ACCUMULATE, function: float = 0.0
    ) -> float:
        """Joules of the arithmetic alone: to fetch weights and states from memory is not in it.

        >>> round(Operations(0, 0, 1e9, 1e9, 0, 0).energy(), 6)
        0.0055
        """
        products = self.multiply_accumulates + self.updates
        return accumulate * self.accumulates + multiply_accumulate * products + function * self.functions


def operations(layer: nn.Module, x: Tensor, *, lengths: Tensor | None = None) -> Operations:
    """The operations of a layer on the input x (time, batch, ...), from a state of rest.

    Values of x that are 0, 1 or -1 are spikes; any other value takes multiply-accumulates. What a convolution would
    multiply with its padding is not counted, nor are biases, nor steps after the end of a sequence. A neuron has no
    synapses before it; its own update is counted in the graph of its equations (`step_operations.update`).

    A delay adds or multiplies for each of its taps that a value still reaches before the sequence ends. Layers that
    only move, choose or drop values (`Flatten`, `DelayLine`, max pooling, dropout, ReLU) do nothing that is counted.

    Raises: `ParameterError` for a layer that is none of Linear, Conv2d, SpikGRU, CSGRU, ConvGRU, Recurrent, Delay,
    AxonalDelay, SynapticDelay, GroupReadout, those that only move values, or a neuron; `ShapeError` for an x without
    time and batch.

    >>> layer = nn.Linear(3, 5)
    >>> operations(layer, torch.tensor([1.0, 0.0, 1.0]).view(1, 1, 3)).accumulates
    10.0
    """
    kind = next((k for k in _COUNTS if isinstance(layer, k)), None)
    if kind is None:
        known = ", ".join(k.__name__ for k in _COUNTS if k not in _MOVING)
        raise ParameterError(
            "operations", type(layer).__name__, f"one of {known}", "count the parts of a network apart"
        )
    if x.dim() < 3:
        raise ShapeError("operations", f"x of shape {tuple(x.shape)}", "(time, batch, ...)", "keep both axes")
    steps, batch = x.shape[:2]
    going = torch.ones(steps, batch, dtype=torch.bool, device=x.device)
    if lengths is not None:
        going = torch.arange(steps, device=x.device)[:, None] < lengths
    x = torch.where(going.view(steps, batch, *(1,) * (x.dim() - 2)), x, 0.0)
    with torch.no_grad():
        return _COUNTS[kind](layer, x, lengths, float(going.sum()) / batch)


def synapses(x: Tensor, reach: Tensor | float, samples: int) -> tuple[float, float, float]:
    """Spikes in x, their accumulates, and the multiply-accumulates of its other values, each per sample.

    `reach` is the number of synapses of each value, and broadcasts to x.
    """
    spike = x.abs() == 1
    graded = ~spike & (x != 0)
    return tuple(float(part.double().sum()) / samples for part in (spike, spike * reach, graded * reach))  # type: ignore[return-value]


def _reach(size: tuple[int, int], kernel: Any, stride: Any, padding: tuple[Any, Any]) -> Tensor:
    """For every pixel, in how many windows it lies; `padding`: before and after, for each axis."""
    axes: list[Tensor] = []
    for n, k, step, before, after in zip(size, kernel, stride, *padding, strict=True):
        windows = (n + before + after - k) // step + 1
        at = torch.arange(windows)[:, None] * step + torch.arange(k) - before
        inside = at[(at >= 0) & (at < n)]
        axes.append(torch.bincount(inside, minlength=n).double())
    return axes[0][:, None] * axes[1]


def _linear(layer: nn.Linear, x: Tensor, lengths: Tensor | None, steps: float) -> Operations:
    return Operations(*_with_spikes(synapses(x, layer.out_features, x.shape[1])), 0.0, 0.0)


def _with_spikes(found: tuple[float, float, float]) -> tuple[float, float, float, float]:
    """A layer of synapses alone fires no spikes."""
    return found[0], 0.0, found[1], found[2]


def _conv(layer: nn.Conv2d, x: Tensor, lengths: Tensor | None, steps: float) -> Operations:
    if isinstance(layer.padding, str) or layer.padding_mode != "zeros" or layer.dilation != (1, 1):
        given = f"padding={layer.padding!r}, {layer.padding_mode}, dilation={layer.dilation}"
        raise ParameterError("operations", given, "a plain convolution", "give the padding as numbers")
    reach = _reach(x.shape[-2:], layer.kernel_size, layer.stride, (layer.padding, layer.padding))  # type: ignore[arg-type]
    found = synapses(x, reach.to(x.device) * (layer.out_channels // layer.groups), x.shape[1])
    return Operations(*_with_spikes(found), 0.0, 0.0)


def _spik_gru(layer: SpikGRU, x: Tensor, lengths: Tensor | None, steps: float) -> Operations:
    out, _ = layer(x, lengths=lengths)
    gates, hidden, batch = len(layer.gates), layer.hidden, x.shape[1]
    entering, added, multiplied = synapses(x, gates * hidden, batch)
    _, own, _ = synapses(_read_again(out, lengths), gates * hidden, batch)
    cells = steps * hidden
    # alpha i, and z (v - i) + i; one sigmoid
    return Operations(entering, float(out.sum()) / batch, added + own, multiplied, 2 * cells, cells)


def _read_again(out: Tensor, lengths: Tensor | None) -> Tensor:
    """The output as the layer's own products see it: that of the last step is not read."""
    steps = out.shape[0]
    last = torch.full((out.shape[1],), steps, device=out.device) if lengths is None else lengths
    read = torch.arange(1, steps + 1, device=out.device)[:, None] < last
    return torch.where(read.view(*read.shape, *(1,) * (out.dim() - 2)), out, 0.0)


def _neuron(layer: Neuron, x: Tensor, lengths: Tensor | None, steps: float) -> Operations:
    out, _ = layer(x, lengths=lengths)
    one, cells = update(layer), steps * x[0, 0].numel()
    # an equation without a threshold gives values, which no one counts as spikes
    integrates = layer.graded and isinstance(layer, OdeNeuron)
    spikes = 0.0 if integrates else float(count_spikes(out, layer.graded).double().mean())
    return Operations(0.0, spikes, 0.0, 0.0, one.products * cells, one.functions * cells)


def _recurrent(layer: Recurrent, x: Tensor, lengths: Tensor | None, steps: float) -> Operations:
    if isinstance(layer, RecurrentDelay) or layer.neuron.graded:
        given = f"{type(layer).__name__} of {layer.neuron!r}"
        raise ParameterError("operations", given, "a Recurrent of a neuron that spikes", "count it by hand")
    out, _ = layer(x, lengths=lengths)
    cells = layer.neuron.shape[0]
    one, reach = update(layer.neuron), cells if layer.self_connections else cells - 1
    _, own, _ = synapses(_read_again(out, lengths), reach, x.shape[1])
    spikes = float(out.sum()) / x.shape[1]
    return Operations(0.0, spikes, own, 0.0, one.products * steps * cells, one.functions * steps * cells)


def _cs_gru(layer: CSGRU, x: Tensor, lengths: Tensor | None, steps: float) -> Operations:
    out, _ = layer(x, lengths=lengths)
    on_current, batch = layer.update_reads == "current", x.shape[1]
    outer, inner = _images(layer, x, out)
    entering, added, multiplied = synapses(x, (2 if on_current else 3) * outer, batch)
    _, own, _ = synapses(_read_again(out, lengths), 3 * inner, batch)
    if on_current:
        multiplied += steps * layer.window.channels * float(inner.sum())
    cells = steps * out[0, 0].numel()
    # r i, and z (v - i) + i; two sigmoids
    return Operations(entering, float(out.sum()) / batch, added + own, multiplied, 2 * cells, 2 * cells)


def _conv_gru(layer: ConvGRU, x: Tensor, lengths: Tensor | None, steps: float) -> Operations:
    out, _ = layer(x, lengths=lengths)
    outer, inner = _images(layer, x, out)
    entering, added, multiplied = synapses(x, 3 * outer, x.shape[1])
    # the first step multiplies the zeros of rest too, as every other value that happens to be zero
    multiplied += steps * 3 * layer.window.channels * float(inner.sum())
    cells = steps * out[0, 0].numel()
    return Operations(entering, 0.0, added, multiplied, 2 * cells, 3 * cells)


def _images(layer: CSGRU | ConvGRU, x: Tensor, out: Tensor) -> tuple[Tensor, Tensor]:
    """For one gate, the synapses of each pixel of the input and of the layer itself."""
    w = layer.window
    before = [(k - 1) // 2 for k in w.kernel_size]
    after = [k // 2 for k in w.kernel_size]
    outer = _reach(x.shape[-2:], w.kernel_size, w.stride, (w.padding, w.padding))  # type: ignore[arg-type]
    inner = _reach(out.shape[-2:], w.kernel_size, (1, 1), (before, after))  # type: ignore[arg-type]
    many = w.channels // w.groups
    return outer.to(x.device) * many, inner.to(x.device) * many


def _taps(layer: Taps | SynapticDelay, x: Tensor, lengths: Tensor | None, steps: float) -> Operations:
    weights = layer.weights().detach() if isinstance(layer, Taps) else (layer.weight * layer.positions()).detach()
    # for each value of a step, the synapses of each tap, (taps, *shape)
    of_taps = (weights != 0).double()
    of_taps = of_taps.sum(1) if isinstance(layer, SynapticDelay) else of_taps
    ends = torch.full((x.shape[1],), x.shape[0], device=x.device) if lengths is None else lengths
    left = (ends - torch.arange(x.shape[0], device=x.device)[:, None]).clamp(0, layer.taps)
    reached = torch.cat([torch.zeros_like(of_taps[:1]), of_taps.cumsum(0)])[left]  # (time, batch, *shape)
    return Operations(*_with_spikes(synapses(x, reached, x.shape[1])), 0.0, 0.0)


def _readout(layer: GroupReadout, x: Tensor, lengths: Tensor | None, steps: float) -> Operations:
    found = synapses(x, layer.weight.shape[0], x.shape[1])
    one, cells = update(layer.integrator), steps * layer.weight.shape[0]
    return Operations(*_with_spikes(found), one.products * cells, one.functions * cells)


def _moved(layer: nn.Module, x: Tensor, lengths: Tensor | None, steps: float) -> Operations:
    found = synapses(x, 0.0, x.shape[1])
    return Operations(*_with_spikes(found), 0.0, 0.0)


_MOVING: tuple[type[nn.Module], ...] = (
    Flatten, nn.Flatten, nn.Identity, DelayLine, Dropout, nn.Dropout, nn.Dropout2d, nn.ReLU, nn.MaxPool1d, nn.MaxPool2d,
)  # fmt: skip
_COUNTS: dict[type[nn.Module], Callable[[Any, Tensor, Tensor | None, float], Operations]] = {
    nn.Linear: _linear,
    nn.Conv2d: _conv,
    SpikGRU: _spik_gru,
    CSGRU: _cs_gru,
    ConvGRU: _conv_gru,
    Recurrent: _recurrent,
    Taps: _taps,
    SynapticDelay: _taps,
    GroupReadout: _readout,
    Neuron: _neuron,
    **dict.fromkeys(_MOVING, _moved),
}
