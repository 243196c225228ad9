"""The common parts of spiking networks for images: normalised convolutions, and the checks of their arguments."""

from __future__ import annotations

import math
from collections.abc import Callable
from typing import Any, TypeAlias

from torch import nn

from rheobase.checks import is_number, is_whole
from rheobase.errors import ParameterError
from rheobase.nn.conv import Conv2d
from rheobase.nn.norm import TdBatchNorm

Shape: TypeAlias = tuple[int, int, int]  # channels, height, width
MakeNeuron: TypeAlias = Callable[[tuple[int, ...]], nn.Module]
"""A function from a shape to neurons of that shape: `lambda shape: neurons.DQIF(shape)`."""

JOINED = math.sqrt(0.5)
"""alpha of the two normalised currents that are summed: their sum has the standard deviation of one alone."""


def normalised(
    before: int, after: int, *, kernel: int = 3, stride: int = 1, alpha: float = 1.0, v_threshold: float = 1.0
) -> list[nn.Module]:
    """A convolution without bias, and `TdBatchNorm`: currents of mean 0 and standard deviation alpha v_threshold."""
    convolution = Conv2d(before, after, kernel, stride=stride, padding=kernel // 2, bias=False)
    return [convolution, TdBatchNorm(after, alpha=alpha, v_threshold=v_threshold)]


def halved(size: int, stride: int) -> int:
    """Pixels along an axis after a convolution with this stride, padded so that stride 1 keeps the size.

    >>> halved(7, 1), halved(7, 2)
    (7, 4)
    """
    return -(-size // stride)


def scaled(channels: int, width: float) -> int:
    """The number of channels of a network whose channels are multiplied by `width`, at least 1.

    >>> scaled(64, 0.25)
    16
    """
    return max(1, round(channels * width))


def check_image_network(owner: str, shape: Any, classes: Any, neuron: Any, width: Any) -> Shape:
    """The shape of an image as three integers. Raises `ParameterError`."""
    sizes = tuple(shape) if isinstance(shape, (tuple, list)) else (shape,)
    if len(sizes) != 3 or not all(is_whole(n, 1) for n in sizes):
        remedy = "images without colours have one channel: (1, 28, 28)"
        raise ParameterError(owner, f"shape = {shape!r}", "(channels, height, width)", remedy)
    if not is_whole(classes, 1):
        raise ParameterError(owner, f"classes = {classes!r}", "an integer >= 1", "give the number of classes")
    if not callable(neuron) or isinstance(neuron, nn.Module):
        given = f"neuron = {neuron!r}"
        remedy = "neuron=lambda shape: neurons.DQIF(shape), say"
        raise ParameterError(owner, given, "a function from a shape to a neuron of that shape", remedy)
    if not is_number(width, above=0):
        raise ParameterError(owner, f"width = {width!r}", "a number > 0", "1.0 is the published width")
    return sizes[0], sizes[1], sizes[2]
