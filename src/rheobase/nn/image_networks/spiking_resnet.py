"""Residual networks for images, with any neuron."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from torch import Tensor, nn

from rheobase.errors import ParameterError
from rheobase.nn.conv import AvgPool2d, Flatten, MaxPool2d
from rheobase.nn.image_networks.stages import (
    JOINED,
    MakeNeuron,
    Shape,
    check_image_network,
    halved,
    normalised,
    scaled,
)
from rheobase.nn.norm import TdBatchNorm
from rheobase.nn.sequential import Sequential
from rheobase.nn.stateful import Stateful

STAGES: dict[int, tuple[tuple[int, int], ...]] = {
    18: ((64, 2), (128, 2), (256, 2), (512, 2)),
    19: ((128, 3), (256, 3), (512, 2)),
    34: ((64, 3), (128, 4), (256, 6), (512, 3)),
}
"""By the number of layers with weights: channels and blocks of each stage; all but the first halve the image."""
HIDDEN = 256  # cells of the layer that only the network of 19 layers has before its readout
STEMS = ("small", "large")


class MembraneBlock(Stateful):
    """Two layers of neurons, each followed by a convolution, whose current is added to the input: a membrane shortcut.

        i' = tdBN(W_2 * s_2) + tdBN(i) ,  s_2 = neuron(tdBN(W_1 * s_1)) ,  s_1 = neuron(i)

    alpha is 1/sqrt(2) in both tdBN that are summed. Where channels or size change, tdBN(W_3 * i), a convolution of
    1 x 1, replaces tdBN(i).

    Shapes: i (time, batch, *before) to (time, batch, *after), each (channels, height, width); the state is that of both
    layers of neurons.

    Raises: what its layers raise.

    Reference: Hu, Deng, Wu, Yao & Li, IEEE TNNLS (2024), arXiv 2112.08954, for the shortcut; Zheng et al., AAAI (2021),
    arXiv 2011.05280, for alpha.

    >>> import torch
    >>> from rheobase import neurons
    >>> block = MembraneBlock(
    ...     (4, 8, 8), (8, 4, 4), neuron=lambda shape: neurons.LIF(*shape, dt=1.0), stride=2, v_threshold=1.0
    ... )
    >>> block(torch.rand(3, 2, 4, 8, 8))[0].shape
    torch.Size([3, 2, 8, 4, 4])
    """

    def __init__(self, before: Shape, after: Shape, *, neuron: MakeNeuron, stride: int, v_threshold: float):
        super().__init__()
        joined: dict[str, Any] = {"alpha": JOINED, "v_threshold": v_threshold}
        self.main = Sequential(
            neuron(before),
            *normalised(before[0], after[0], stride=stride, v_threshold=v_threshold),
            neuron(after),
            *normalised(after[0], after[0], **joined),
        )
        self.shortcut = (
            TdBatchNorm(after[0], **joined)
            if before == after
            else nn.Sequential(*normalised(before[0], after[0], kernel=1, stride=stride, **joined))
        )

    @property
    def dt(self) -> float | None:  # pyright: ignore[reportIncompatibleVariableOverride]
        """The time step of its neurons, in ms; None where they count in steps."""
        return self.main.dt

    def forward(
        self, x: Tensor, state: Any = None, *, lengths: Tensor | None = None, backend: str = "auto"
    ) -> tuple[Tensor, Any]:
        out, state = self.main(x, state, lengths=lengths, backend=backend)
        return out + self.shortcut(x), state


class SpikingResNet(Sequential):
    """A spiking ResNet-18, -19 or -34 with tdBN and membrane shortcuts, a mean over space, and a linear readout.

    `depth` is 18, 19 (three wide stages, and a layer of 256 cells before the readout) or 34; `width` multiplies all
    channels. `neuron` is a function from a shape to neurons of that shape, `v_threshold` their threshold. `stem` is a
    convolution of 3 x 3 for "small" images, or one of 7 x 7 with stride 2 and a max pooling with stride 2 for "large"
    ones, as ImageNet's. Before training, the current into every layer of neurons has mean 0 and standard deviation
    v_threshold. The output is that of the readout at each step, for a loss that takes the mean over time.

    Shapes: x (time, batch, *shape) to (time, batch, classes); the states are those of `Sequential`.

    Raises: `ParameterError` for arguments out of range, another depth or stem.

    Differs from the paper: the ResNet-19 of tdBN adds spikes to currents (its shortcut starts at a neuron's output);
    here currents are added. A shortcut without a convolution is normalised too, which keeps the standard deviation. The
    large stem pools before it normalises.

    Reference: He, Zhang, Ren & Sun, CVPR (2016); Zheng et al., AAAI (2021), arXiv 2011.05280, for ResNet-19; Hu et al.
    (2024), arXiv 2112.08954.

    >>> import torch
    >>> from rheobase import neurons
    >>> net = SpikingResNet((3, 16, 16), 10, depth=19, neuron=lambda shape: neurons.DQIF(shape), width=0.05)
    >>> net(torch.rand(4, 2, 3, 16, 16))[0].shape
    torch.Size([4, 2, 10])
    """

    def __init__(
        self,
        shape: Sequence[int],
        classes: int,
        *,
        depth: int = 19,
        neuron: MakeNeuron,
        width: float = 1.0,
        stem: str = "small",
        v_threshold: float = 1.0,
    ):
        at = check_image_network("SpikingResNet", shape, classes, neuron, width)
        if depth not in STAGES:
            known = ", ".join(map(str, STAGES))
            raise ParameterError("SpikingResNet", f"depth = {depth!r}", f"one of {known}", "18 is the smallest")
        if stem not in STEMS:
            raise ParameterError("SpikingResNet", f"stem = {stem!r}", f"one of {STEMS}", "small, to 64 x 64 pixels")
        first = scaled(STAGES[depth][0][0], width)
        layers, at = _stem(stem, at, first, v_threshold)
        for stage, (channels, blocks) in enumerate(STAGES[depth]):
            for block in range(blocks):
                stride = 2 if stage and not block else 1
                after = (scaled(channels, width), halved(at[1], stride), halved(at[2], stride))
                layers.append(MembraneBlock(at, after, neuron=neuron, stride=stride, v_threshold=v_threshold))
                at = after
        layers += [neuron(at), AvgPool2d(at[1:]), Flatten()]
        features = at[0]
        if depth == 19:
            hidden = scaled(HIDDEN, width)
            layers += [nn.Linear(features, hidden, bias=False), TdBatchNorm(hidden, v_threshold=v_threshold)]
            layers.append(neuron((hidden,)))
            features = hidden
        super().__init__(*layers, nn.Linear(features, classes))


def _stem(stem: str, at: Shape, channels: int, v_threshold: float) -> tuple[list[nn.Module], Shape]:
    """The layers before the first block, and the shape of the current that they give."""
    if stem == "small":
        return normalised(at[0], channels, v_threshold=v_threshold), (channels, *at[1:])
    convolution, norm = normalised(at[0], channels, kernel=7, stride=2, v_threshold=v_threshold)
    height, width = (halved(halved(size, 2), 2) for size in at[1:])
    # pooled before it is normalised: the largest of several has another mean and spread
    return [convolution, MaxPool2d(3, stride=2, padding=1), norm], (channels, height, width)
