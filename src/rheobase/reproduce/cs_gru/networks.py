"""The networks that are compared: one layer of cells on images, a mean over space, a leaky readout."""

from __future__ import annotations

import math

import torch
from torch import Tensor
from torch import nn as torch_nn

from rheobase import neurons, nn, surrogates
from rheobase.energy import Operations, Work, synapses
from rheobase.energy.counts import reach
from rheobase.errors import ParameterError, nearest

KINDS = ("CS-GRU", "CS-GRU, z reads spikes", "SpikGRU", "ConvGRU", "ConvLIF", "Cuba-LIF")
DENSE = ("SpikGRU", "Cuba-LIF")
FRONTS = ("none", "pool", "conv3d")
LEAK = 0.9  # of the readout, at first
START = 0.5  # the readout's weights at first, from the mean of a channel to the class of its number
TAU_LIF = 2.0  # steps, at first
DECAY = 0.9  # of the current and the potential of Cuba-LIF, per step, at first


def network(
    kind: str,
    image: tuple[int, int, int],
    classes: int,
    *,
    channels: int,
    stride: int = 1,
    grid: int = 1,
    front: str = "none",
    start: float = START,
    gain: float = 1.0,
) -> nn.Sequential:
    """A network of one kind of cell on sequences of images (channels, height, width).

    Convolutional kinds: kernels of 3 x 3 from the image to `channels` maps, then the mean over space of what they
    give, of each channel (`grid` = 1, as the paper has it) or of each field of a coarse grid. Dense kinds (SpikGRU,
    Cuba-LIF): so many cells, each connected to every pixel and every cell; they have no space to take a mean of.
    Then y[t] = a y[t-1] + W m[t] + b, where a, one for each class, learns from 0.9 on.

    ConvLIF: convolution, then LIF with a time constant for each channel, which learns. Cuba-LIF: recurrent; both
    decays of each cell learn. Both have the surrogate of CS-GRU. `front` is what stands before the cells: nothing,
    the largest of 2 x 2 pixels ("pool"), or a convolution over space and time that halves all three ("conv3d").

    Weights start as each cell's paper has them. `gain` multiplies those from the input to the current (ConvGRU has
    none), and `start` is that of the readout behind a mean: where cells fire rarely, it is small.

    Raises: `ParameterError` for another kind or front.
    """
    if kind not in KINDS:
        raise ParameterError("network", f"kind {kind!r}", "a kind of network", nearest(kind, KINDS))
    if front not in FRONTS:
        raise ParameterError("network", f"front {front!r}", "a front", nearest(front, FRONTS))
    before, image = _front(front, image)
    if kind in DENSE:
        size = image[0] * image[1] * image[2]
        cells: list[torch_nn.Module] = [nn.Flatten(), *_dense(kind, size, channels, gain)]
        linear = nn.Linear(channels, classes)
    else:
        linear = _readout(channels, grid * grid, classes, start)
        cells = [*_convolutional(kind, image, channels, stride, gain), SpatialMean(grid)]
    readout = neurons.LeakySum(classes, decay=torch.full((classes,), LEAK), learn=("decay",))
    return nn.Sequential(*before, *cells, linear, readout)


def _front(front: str, image: tuple[int, int, int]) -> tuple[list[torch_nn.Module], tuple[int, int, int]]:
    depth, height, width = image
    made: list[torch_nn.Module] = [AsImages(image)]
    if front == "pool":
        return [*made, nn.MaxPool2d(2)], (depth, height // 2, width // 2)
    if front == "conv3d":
        return [*made, OverTime(depth)], (depth, (height + 1) // 2, (width + 1) // 2)
    return made, image


def _convolutional(
    kind: str, image: tuple[int, int, int], channels: int, stride: int, gain: float
) -> list[torch_nn.Module]:
    if kind == "ConvGRU":
        return [nn.ConvGRU(image[0], channels, stride=stride)]
    if kind == "ConvLIF":
        size = tuple((n - 1) // stride + 1 for n in image[1:])
        tau, surrogate = torch.full((channels, 1, 1), TAU_LIF), surrogates.Lorentzian()
        cell = neurons.LIF((channels, *size), dt=1.0, tau_mem=tau, learn=("tau_mem",), surrogate=surrogate)
        convolution = nn.Conv2d(image[0], channels, 3, stride=stride, padding=1)
        _scale(convolution.weight, gain)
        return [convolution, cell]
    reads = "spikes" if kind == "CS-GRU, z reads spikes" else "current"
    layer = nn.CSGRU(image[0], channels, stride=stride, update_reads=reads)
    _scale(layer.weight_i, gain)
    return [layer]


def _dense(kind: str, inputs: int, hidden: int, gain: float) -> list[torch_nn.Module]:
    if kind == "SpikGRU":
        layer = nn.SpikGRU(inputs, hidden)
        _scale(layer.weight_i, gain)
        return [layer]
    tau, bound = torch.full((hidden,), -1.0 / math.log(DECAY)), hidden**-0.5
    # w_in: the sum of the inputs enters the current as it is
    cell = neurons.CubaLIF(
        hidden,
        dt=1.0,
        tau_syn=tau,
        tau_mem=tau.clone(),
        w_in=1.0 / (1.0 - DECAY),
        learn=("tau_syn", "tau_mem"),
        surrogate=surrogates.Lorentzian(),
    )
    linear, lateral = nn.Linear(inputs, hidden), torch.empty(hidden, hidden).uniform_(-bound, bound)
    for p in linear.parameters():
        torch_nn.init.uniform_(p, -bound, bound)
    _scale(linear.weight, gain)
    return [linear, nn.Recurrent(cell, lateral, self_connections=True)]


def _scale(weight: Tensor, gain: float) -> None:
    with torch.no_grad():
        weight.mul_(gain)


def _readout(channels: int, fields: int, classes: int, start: float) -> nn.Linear:
    made = nn.Linear(channels * fields, classes)
    with torch.no_grad():
        made.bias.zero_()
        # the fields of a channel together weigh what its mean would
        made.weight.copy_(start / fields * torch.eye(classes, channels).repeat_interleave(fields, 1))
    return made


class AsImages(torch_nn.Module):
    """(time, batch, ...) to (time, batch, channels, height, width)."""

    def __init__(self, image: tuple[int, int, int]):
        super().__init__()
        self.image = image

    def forward(self, x: Tensor) -> Tensor:
        return x.reshape(*x.shape[:2], *self.image)

    def counted(self, x: Tensor, out: Tensor) -> Work:
        """Nothing is computed."""
        return Work(Operations(spikes_in=synapses(x, 0.0).spikes_in))

    def extra_repr(self) -> str:
        return repr(self.image)


class SpatialMean(torch_nn.Module):
    """The mean of each channel, or of each field of a grid of `grid` x `grid`.

    Shapes: (time, batch, channels, height, width) to (time, batch, channels * grid * grid).
    """

    def __init__(self, grid: int = 1):
        super().__init__()
        self.grid = grid

    def forward(self, x: Tensor) -> Tensor:
        if self.grid == 1:
            return x.mean((3, 4))
        pooled = torch_nn.functional.adaptive_avg_pool2d(x.flatten(0, 1), self.grid)
        return pooled.flatten(1).unflatten(0, x.shape[:2])

    def counted(self, x: Tensor, out: Tensor) -> Work:
        """An accumulate for each value that is not zero; what it divides by can be put into the weights behind it."""
        size = x[0, 0].numel()
        added = synapses(x, 0.0, dense=float(len(x) * size)) + Operations(
            accumulates=float((x != 0).sum()) / x.shape[1]
        )
        return Work(added, lines=size)

    def extra_repr(self) -> str:
        return str(self.grid)


class OverTime(torch_nn.Module):
    """A convolution over space and time, kernel 3 x 3 x 3: height, width and time are halved.

    Shapes: (time, batch, channels, height, width) to (ceil(time / 2), batch, channels, ...). What it gives is analog.
    """

    def __init__(self, channels: int):
        super().__init__()
        self.convolution = torch_nn.Conv3d(channels, channels, 3, stride=2, padding=1)

    def forward(self, x: Tensor) -> Tensor:
        return self.convolution(x.permute(1, 2, 0, 3, 4)).permute(2, 0, 1, 3, 4).contiguous()

    def counted(self, x: Tensor, out: Tensor) -> Work:
        """Its synapses reach over steps, too."""
        weight, image = self.convolution.weight, x.permute(1, 2, 0, 3, 4)[None]
        real, dense = (
            reach(self.convolution, image, w).transpose(0, 1) for w in (weight != 0, torch.ones_like(weight))
        )
        found = synapses(x, real[:, None], dense=float(dense.sum()))
        sums = Operations(sums=float(out.numel()) / out.shape[1])
        return Work(found + sums, weight.numel(), x[0, 0].numel(), through="inputs of other steps")
