"""A network of integrate-and-fire neurons made ready for training in the whole numbers of a Loihi chip."""

from __future__ import annotations

import copy
from collections.abc import Sequence
from typing import Any

import torch
from torch import Tensor

from rheobase.chip.loihi.forms import FORMS, LOSSES
from rheobase.chip.loihi.quantise import in_whole_numbers
from rheobase.chip.parts import parts_of, passed
from rheobase.chip.voting import voting
from rheobase.nn import Sequential


def prepared(
    net: Any,
    *,
    weight_bits: int = 8,
    software: Sequence[int | str] = (),
    votes: int = 0,
    allow: Sequence[str] = LOSSES,
    x: Tensor | None = None,
) -> Sequential:
    """A copy of a network that computes in the whole numbers of the chip, to be trained once more.

    As `quantise`, whose losses are allowed here: training takes the chip's reset and its biases into account.

    software  layers that stay as they are
    votes     replaces a readout of leaky integrators (the last `Linear` and its `LI`), which a chip of spikes cannot
              have, by so many neurons for each class, whose spikes the host counts (`GroupReadout`). They are of the
              kind of the last neurons before it, with the mean of each of their parameters. Their weights are those of
              the readout plus those of a fresh layer, so that the neurons of a class differ
    x         samples (time, batch, ...), on which the weights of these neurons are scaled so that they spike in 2 to
              20 % of the steps (`learning.scale_to_activity`); weights of a readout are often too small to learn from

    Raises: `NotRepresentable` with the layer that the chip cannot express; `ParameterError`.

    >>> from rheobase import neurons, nn
    >>> net = nn.Sequential(nn.Linear(64, 32), neurons.LIF(32, dt=1.0), nn.Linear(32, 3), neurons.LI(3, dt=1.0))
    >>> [type(part).__name__ for part in prepared(net, votes=4).layers[1::2]]
    ['Compartment', 'Compartment']
    """
    voters = _voting(net, votes)
    if x is not None and voters is not net:
        _scaled(voters, x)
    parts = parts_of(voters, software, owner="loihi")
    chip, _ = in_whole_numbers(parts.chip, weight_bits=weight_bits, allow=allow, first=parts.first)
    around = [[] if one is None else list(copy.deepcopy(one).layers) for one in (parts.before, parts.after)]
    return Sequential(*around[0], *chip.layers, *around[1])


@torch.no_grad()
def _scaled(net: Sequential, x: Tensor) -> None:
    """Scale the weights before the neurons that vote, in place."""
    from rheobase.learning import scale_to_activity

    hidden = passed(Sequential(*net.layers[:-3]), x)
    scale_to_activity(Sequential(*net.layers[-3:-1]), hidden)


def _voting(net: Any, votes: int) -> Any:
    spiking: list[Any] = [part for part in net.layers if type(part) in FORMS] if isinstance(net, Sequential) else []
    if not spiking:
        return net  # and what there is in their place is refused by its name

    def cells(many: int, dt: float) -> Any:
        like = spiking[-1]
        values = {name: float(value.detach().double().mean()) for name, value in like.values().items()}
        step = {} if like.dt is None else {"dt": dt}
        return type(like)(many, **step, **values, surrogate=like.surrogate)

    return voting(net, votes, cells, start=True)
