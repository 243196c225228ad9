"""What a layer does for one sample: spikes, accumulates, multiply-accumulates, updates of cells, traffic of states.

A spike costs one accumulate at each synapse that it reaches; another value costs one multiply-accumulate at each. A
count of spikes alone hides the second kind. A weight of zero is no synapse, and a value of zero costs nothing.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any, Protocol, runtime_checkable

import torch
from torch import Tensor, nn

from rheobase.core import OdeNeuron
from rheobase.core.execution.check import check_lengths
from rheobase.core.neuron import Neuron
from rheobase.energy.operation_counts import Operations
from rheobase.energy.recurrent_counts import conv_gru, cs_gru, recurrent, spik_gru
from rheobase.energy.step_operations import update
from rheobase.energy.work import Seen, Work, before_the_end, columns, synapses
from rheobase.errors import ParameterError, RheobaseError, ShapeError
from rheobase.learning.metrics import count_spikes
from rheobase.nn.conv import AvgPool1d, AvgPool2d, Flatten
from rheobase.nn.delays.connection_delay import SynapticDelay
from rheobase.nn.delays.delay_line import DelayLine
from rheobase.nn.delays.fir import Taps
from rheobase.nn.dropout import Dropout
from rheobase.nn.norm import TdBatchNorm
from rheobase.nn.psn import PSN, MaskedPSN, SlidingPSN
from rheobase.nn.readout import GroupReadout
from rheobase.nn.recurrence.conv_gru import ConvGRU
from rheobase.nn.recurrence.cs_gru import CSGRU
from rheobase.nn.recurrence.recurrent import Recurrent
from rheobase.nn.recurrence.spik_gru import SpikGRU
from rheobase.nn.scale import Scale
from rheobase.nn.stateful import Stateful


@runtime_checkable
class Countable(Protocol):
    """A layer defined outside this library that counts its own operations.

    >>> class Doubled(nn.Module):
    ...     def forward(self, x):
    ...         return 2 * x
    ...
    ...     def counted(self, x, out):
    ...         return Work(Operations(updates=float(x[:, 0].numel())))
    >>> operations(Doubled(), torch.rand(5, 2, 3)).updates
    15.0
    """

    def counted(self, x: Tensor, out: Tensor) -> Work:
        """The work of a call that made `out` of x, both (time, batch, ...), as means over the samples."""
        ...


def operations(layer: nn.Module, x: Tensor, *, lengths: Tensor | None = None) -> Operations:
    """The operations of a layer on the input x (time, batch, ...), from a state of rest.

    Values of x that are 0, 1 or -1 are spikes; any other value takes multiply-accumulates. What a convolution would
    multiply with its padding is not counted, nor are steps after the end of a sequence. A neuron has no synapses before
    it; its own update is counted in the graph of its equations (`step_operations.update`). A delay adds or multiplies
    for each of its taps that a value still reaches before the sequence ends. A mean (`AvgPool2d`) adds; what it divides
    by can stand in the weights behind it. Layers that only move, choose or compare values (`Flatten`, `DelayLine`, max
    pooling, dropout, ReLU) do nothing that is counted.

    Raises: `ParameterError` for a layer of another kind without a method `counted(x, out)` that returns its `Work`;
    `ShapeError` for an x without time and batch.

    >>> layer = nn.Linear(3, 5)
    >>> operations(layer, torch.tensor([1.0, 0.0, 1.0]).view(1, 1, 3)).accumulates
    10.0
    """
    return work(layer, x, lengths=lengths).operations


def work(layer: nn.Module, x: Tensor, *, lengths: Tensor | None = None, out: Tensor | None = None) -> Work:
    """As `operations`, with what the layer keeps; `out` is what it gave, where that is known."""
    kind = next((k for k in _COUNTS if isinstance(layer, k)), None)
    if kind is None and not isinstance(layer, Countable):
        known = ", ".join(k.__name__ for k in _COUNTS if k not in _MOVING)
        remedy = "give it a method counted(x, out) that returns its Work; count the parts of a network apart"
        raise ParameterError("operations", type(layer).__name__, f"one of {known}", remedy)
    if x.dim() < 3:
        raise ShapeError("operations", f"x of shape {tuple(x.shape)}", "(time, batch, ...)", "keep both axes")
    if lengths is not None:
        check_lengths("operations", x, lengths)
    steps, batch = x.shape[:2]
    ends = torch.full((batch,), steps, device=x.device) if lengths is None else lengths
    going = torch.arange(steps, device=x.device)[:, None] < ends
    x = before_the_end(x, lengths)
    with torch.no_grad():
        if out is None:
            out = _run(layer, x, lengths)
        if isinstance(layer, Countable):
            own = layer.counted(x, out)
            if not isinstance(own, Work):
                owner, given = f"{type(layer).__name__}.counted", f"{type(own).__name__} in return"
                raise ParameterError(
                    owner, given, "a rheobase.energy.Work", "Work(Operations(...), weights=..., lines=...)"
                )
            return own._replace(steps=float(going.sum()) / batch)
        seen = Seen(x, out, float(going.sum()) / batch, ends)
        return _COUNTS[kind](layer, seen)._replace(steps=seen.steps)  # type: ignore[index]


def _run(layer: nn.Module, x: Tensor, lengths: Tensor | None) -> Tensor:
    options = {} if lengths is None or not isinstance(layer, (Neuron, Stateful)) else {"lengths": lengths}
    try:
        found = layer(x, **options)
    except RheobaseError:
        raise
    except (RuntimeError, TypeError, ValueError) as error:
        given = f"x of shape {tuple(x.shape)}, which it does not take: {str(error).splitlines()[0]}"
        raise ShapeError(
            f"operations of {type(layer).__name__}", given, "an x that the layer takes", "another x"
        ) from error
    return found[0] if isinstance(found, tuple) else found


def bias_sums(layer: Any, values: float) -> float:
    """Additions of a bias to so many values; none where there is no bias."""
    return 0.0 if layer.bias is None else values


def _linear(layer: nn.Linear, seen: Seen) -> Work:
    inputs, outputs = layer.in_features, layer.out_features
    sites = seen.x[0, 0].numel() / inputs  # a linear layer takes any axes before its own
    found = synapses(seen.x, columns([layer.weight]), dense=seen.steps * sites * inputs * outputs)
    sums = bias_sums(layer, seen.steps * sites * outputs)
    return Work(found + Operations(sums=sums), layer.weight.numel(), seen.x[0, 0].numel())


def _conv(layer: Any, seen: Seen) -> Work:
    axes = len(layer.kernel_size)
    if seen.x.dim() != axes + 3:
        expected = f"(time, batch, channels, ...) with {axes + 3} axes"
        raise ShapeError(
            "operations", f"x of shape {tuple(seen.x.shape)}", expected, "rheobase.nn has convolutions over time"
        )
    found = synapses(
        seen.x,
        reach(layer, seen.x, layer.weight != 0),
        dense=seen.steps * float(reach(layer, seen.x, torch.ones_like(layer.weight)).sum()),
    )
    sums = bias_sums(layer, seen.steps * seen.out[0, 0].numel())
    return Work(found + Operations(sums=sums), layer.weight.numel(), seen.x[0, 0].numel())


def reach(layer: Any, x: Tensor, mask: Tensor) -> Tensor:
    """How many weights of a convolution, where `mask` is set, read each value of an image (..., *image) as of x.

    It is the slope of the sum of all outputs, where each such weight is 1.
    """
    with torch.enable_grad():
        image = torch.zeros(1, *x.shape[2:], dtype=torch.float64, device=x.device, requires_grad=True)
        out = layer._conv_forward(image, mask.detach().double(), None)
        return torch.autograd.grad(out.sum(), image)[0][0]


def _mean(layer: Any, seen: Seen) -> Work:
    """A mean adds every value that is not zero, spike or not, in each window that it lies in."""
    windows_of = torch.ones((), dtype=torch.float64)
    axes = seen.x.dim() - 3
    for axis in range(axes):
        kernel, stride, padding = (_of_axis(getattr(layer, k), axis) for k in ("kernel_size", "stride", "padding"))
        n, windows = seen.x.shape[3 + axis], seen.out.shape[3 + axis]
        at = torch.arange(windows)[:, None] * stride + torch.arange(kernel) - padding
        counted = torch.bincount(at[(at >= 0) & (at < n)], minlength=n).double()
        windows_of = windows_of[..., None] * counted
    windows_of = windows_of.to(seen.x.device)
    added = float(((seen.x != 0) * windows_of).double().sum()) / seen.x.shape[1]
    dense = seen.steps * float(windows_of.sum()) * seen.x.shape[2]
    moved = synapses(seen.x, 0.0, dense=dense)
    return Work(moved + Operations(accumulates=added), 0, seen.x[0, 0].numel())


def _of_axis(value: Any, axis: int) -> int:
    return value[axis] if isinstance(value, tuple) else value


def _neuron(layer: Neuron, seen: Seen) -> Work:
    one, cells = update(layer), seen.steps * seen.x[0, 0].numel()
    # an equation without a threshold gives values, which no one counts as spikes
    integrates = layer.graded and isinstance(layer, OdeNeuron)
    spikes = 0.0 if integrates else float(count_spikes(seen.out, layer.graded).double().mean())
    words = len(layer.lane_states)
    found = Operations(
        spikes=spikes,
        updates=one.products * cells,
        functions=one.functions * cells,
        sums=one.sums * cells,
        cell_steps=cells,
        state_words=2 * words * cells,
    )
    return Work(found, words=words * seen.x[0, 0].numel())


def _taps(layer: Taps | SynapticDelay, seen: Seen) -> Work:
    if not layer.taps:  # it hands its input on
        return _moved(layer, seen)
    weights = layer.weights().detach() if isinstance(layer, Taps) else (layer.weight * layer.positions()).detach()
    # for each value of a step, the synapses of each tap, (taps, *shape)
    of_taps = (weights != 0).double()
    of_taps = of_taps.sum(1) if isinstance(layer, SynapticDelay) else of_taps
    x, lines = seen.x, seen.x[0, 0].numel()
    left = (seen.ends - torch.arange(x.shape[0], device=x.device)[:, None]).clamp(0, layer.taps)
    reached = torch.cat([torch.zeros_like(of_taps[:1]), of_taps.cumsum(0)])[left]  # (time, batch, *shape)
    outputs = layer.weight.shape[0] if isinstance(layer, SynapticDelay) else 1
    found = synapses(x, reached, dense=float(left.double().sum(0).mean()) * lines * outputs)
    # each value is written once, and read for each tap
    words = seen.steps * lines + found.accumulates + found.multiply_accumulates
    sums = bias_sums(layer, seen.steps * outputs) if isinstance(layer, SynapticDelay) else 0.0
    kept = max(layer.taps - 1, 0) * lines
    return Work(found + Operations(state_words=words, sums=sums), weights.numel(), lines, kept, "inputs of the past")


def _line(layer: DelayLine, seen: Seen) -> Work:
    lines = seen.x[0, 0].numel()
    moved = _moved(layer, seen).operations + Operations(state_words=seen.steps * lines)
    return Work(moved, words=(layer.taps - 1) * lines, through="inputs of the past")


def _parallel(layer: PSN | MaskedPSN | SlidingPSN, seen: Seen) -> Work:
    """A weighted sum over steps, of every cell: an input of a step is read by the steps that have a weight for it."""
    x, (steps, cells) = seen.x, (seen.x.shape[0], seen.x[0, 0].numel())
    if isinstance(layer, SlidingPSN):
        ahead = torch.arange(steps, device=x.device)[:, None] + torch.arange(layer.order, device=x.device)
        read = ((ahead < steps) & (layer.weight.detach().flip(0) != 0)).sum(1).double()
        dense = float((ahead < steps).sum()) * cells
    else:
        matrix = layer.weight_in_force().detach()
        read, dense = (matrix != 0).sum(0).double(), float(matrix.numel()) * cells
    found = synapses(x, read.view(-1, *(1,) * (x.dim() - 1)), dense=dense)
    spikes = float(count_spikes(seen.out, False).double().mean())
    words = seen.steps * cells + found.accumulates + found.multiply_accumulates
    made = Operations(spikes=spikes, sums=seen.steps * cells, cell_steps=seen.steps * cells, state_words=words)
    return Work(found + made, layer.weight.numel(), cells, steps * cells, "inputs of other steps")


def _readout(layer: GroupReadout, seen: Seen) -> Work:
    classes, inputs = layer.weight.shape
    found = synapses(seen.x, columns([layer.weight]), dense=seen.steps * classes * inputs)
    one, cells = update(layer.integrator), seen.steps * classes
    made = Operations(
        updates=one.products * cells,
        functions=one.functions * cells,
        sums=one.sums * cells,
        cell_steps=cells,
        state_words=2 * cells,
    )
    return Work(found + made, layer.weight.numel(), inputs, classes)


def _affine(layer: nn.Module, seen: Seen) -> Work:
    """A product for each value, and a sum: what is folded into weights before it is not counted in an account."""
    values = seen.steps * seen.x[0, 0].numel()
    sums = 0.0 if isinstance(layer, Scale) else values
    return Work(_moved(layer, seen).operations + Operations(updates=values, sums=sums))


def _moved(layer: nn.Module, seen: Seen) -> Work:
    return Work(Operations(spikes_in=synapses(seen.x, 0.0).spikes_in))


_MOVING: tuple[type[nn.Module], ...] = (
    Flatten,
    nn.Flatten,
    nn.Identity,
    Dropout,
    nn.Dropout,
    nn.Dropout2d,
    nn.ReLU,
    nn.MaxPool1d,
    nn.MaxPool2d,
)
SYNAPTIC = (nn.Linear, nn.Conv1d, nn.Conv2d, nn.Conv3d)
AFFINE = (TdBatchNorm, Scale)
_COUNTS: dict[type[nn.Module], Callable[[Any, Seen], Work]] = {
    nn.Linear: _linear,
    **dict.fromkeys(SYNAPTIC[1:], _conv),
    SpikGRU: spik_gru,
    CSGRU: cs_gru,
    ConvGRU: conv_gru,
    Recurrent: recurrent,
    Taps: _taps,
    SynapticDelay: _taps,
    DelayLine: _line,
    **dict.fromkeys((PSN, MaskedPSN, SlidingPSN), _parallel),
    GroupReadout: _readout,
    Neuron: _neuron,
    **dict.fromkeys((AvgPool1d, AvgPool2d), _mean),
    **dict.fromkeys(AFFINE, _affine),
    **dict.fromkeys(_MOVING, _moved),
}
