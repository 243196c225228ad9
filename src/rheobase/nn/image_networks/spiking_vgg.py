"""A plain stack of convolutions for images, with any neuron."""

from __future__ import annotations

from collections.abc import Sequence

from torch import nn

from rheobase.checks import is_whole
from rheobase.errors import ParameterError
from rheobase.nn.conv import AvgPool2d, Flatten
from rheobase.nn.image_networks.stages import MakeNeuron, check_image_network, normalised, scaled
from rheobase.nn.sequential import Sequential

VGGSNN = (64, 128, "pool", 256, 256, "pool", 512, 512, "pool", 512, 512, "pool")


class SpikingVGG(Sequential):
    """Convolutions of 3 x 3, each with tdBN and a layer of cells, mean pooling between them, and a linear readout.

        i = tdBN(W * s),  s = neuron(i),  out = W_out s        alpha = 1: i has mean 0 and spread v_threshold at first

    `plan` lists the channels of the convolutions, and "pool" where the image is halved; the default is VGGSNN of Deng
    et al. (2022). `width` multiplies all channels. `neuron` is a function from a shape (channels, height, width) to
    neurons of that shape, `v_threshold` their threshold. The output is that of the readout at each step, for a loss
    that takes the mean over time.

    Shapes: x (time, batch, *shape) to (time, batch, classes); the states are those of `Sequential`.

    Raises: `ParameterError` for arguments out of range, a plan of other words, or one that pools away the image.

    Differs from the paper: the classes are read from the last map as it is, as in its code; no dropout.

    Reference: Deng, Li, Zhang & Gu, ICLR (2022), arXiv 2202.11946, for VGGSNN; Simonyan & Zisserman, ICLR (2015).

    >>> import torch
    >>> from rheobase import neurons
    >>> net = SpikingVGG((3, 32, 32), 10, neuron=lambda shape: neurons.DQIF(shape), width=0.1)
    >>> net(torch.rand(4, 2, 3, 32, 32))[0].shape
    torch.Size([4, 2, 10])
    """

    def __init__(
        self,
        shape: Sequence[int],
        classes: int,
        *,
        neuron: MakeNeuron,
        plan: Sequence[int | str] = VGGSNN,
        width: float = 1.0,
        v_threshold: float = 1.0,
    ):
        at = check_image_network("SpikingVGG", shape, classes, neuron, width)
        layers: list[nn.Module] = []
        for one in plan:
            if one == "pool":
                if min(at[1:]) < 2:
                    given = f"a plan that pools {at[1]} x {at[2]} pixels"
                    raise ParameterError("SpikingVGG", given, "at least 2 x 2", f"pool less in {tuple(plan)}")
                layers.append(AvgPool2d(2))
                at = (at[0], at[1] // 2, at[2] // 2)
            elif is_whole(one, 1):
                after = (scaled(one, width), *at[1:])
                layers += [*normalised(at[0], after[0], v_threshold=v_threshold), neuron(after)]
                at = after
            else:
                raise ParameterError("SpikingVGG", f"{one!r} in the plan", 'channels >= 1, or "pool"', "see VGGSNN")
        super().__init__(*layers, Flatten(), nn.Linear(at[0] * at[1] * at[2], classes))
