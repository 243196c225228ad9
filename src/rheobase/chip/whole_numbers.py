"""A network of integrate-and-fire neurons made ready for training in the whole numbers of a chip."""

from __future__ import annotations

import copy
from collections.abc import Sequence
from typing import Any, cast

import torch

from rheobase.checks import is_number, is_whole
from rheobase.chip.core_groups import confined
from rheobase.chip.mapping.layers import WHY
from rheobase.chip.parts import parts_of
from rheobase.chip.voting import voting
from rheobase.core.surrogates import ATan
from rheobase.errors import NotRepresentable, ParameterError
from rheobase.neurons import IF
from rheobase.nn import Linear, Sequential, quantised
from rheobase.nn.quantise import kind_of


def prepared(
    net: Any,
    *,
    whole: int = 1,
    v_threshold: int = 8,
    software: Sequence[int | str] = (),
    votes: int = 0,
    inputs: int | None = None,
    shape: Sequence[int] | None = None,
    steepness: float = 2.0,
    per_row: bool = True,
    step_of: str = "largest",
) -> Sequential:
    """A copy of a network of `Linear` and `IF` layers that computes in whole numbers, to be trained once more.

    There are no biases, and weights start as the rounded weights of `net`.

    whole, per_row, step_of   weights are from -whole to whole, rounded as `nn.quantised` does
    v_threshold, steepness    the threshold of all neurons, counted in such weights; the surrogate gradient is
                              `surrogates.ATan(steepness / v_threshold)`, so that its width follows the threshold
    software                  layers that stay as they are
    votes                     replaces a readout of leaky integrators (the last `Linear` and its `LI`), which a chip of
                              spikes cannot have, by so many IF neurons for each class, whose spikes the host counts
                              (`GroupReadout`)
    inputs, shape             layers are `confined` to so many inputs, the first to windows of an image of this shape

    Raises: `NotRepresentable` with every other layer that is not in software; `ParameterError`.

    >>> from rheobase import nn, neurons
    >>> net = nn.Sequential(nn.Linear(64, 32), neurons.IF(32, dt=1.0), nn.Linear(32, 3), neurons.LI(3, dt=1.0))
    >>> twin = prepared(net, votes=4)
    >>> twin[2].out_features, sorted(set(twin[0].weight.flatten().tolist()))
    (12, [-1.0, 0.0, 1.0])
    """
    if not is_whole(v_threshold, 1, 1 << 17):
        raise ParameterError("prepared", f"v_threshold = {v_threshold!r}", "a whole number from 1 to 2^17", "8, say")
    if not is_number(steepness, above=0):
        raise ParameterError("prepared", f"steepness = {steepness!r}", "a number > 0", "2.0, say")
    parts = parts_of(voting(net, votes, lambda many, dt: IF(many, dt=dt)), software, owner="truenorth")
    wrong, layers = list[str](), list[Any]()
    for number, part in enumerate(cast(Sequence[Any], parts.chip.layers), start=parts.first):
        kind = kind_of(part)
        if kind is Linear:
            layers.append(_without_bias(part))
        elif kind is IF:
            given: dict[str, Any] = dict(dt=part.dt, r=1.0 / part.dt, v_threshold=float(v_threshold))
            layers.append(IF(*part.shape, **given, surrogate=ATan(steepness / v_threshold)))
        else:
            why = f" ({WHY[kind.__name__]})" if kind.__name__ in WHY else ""
            wrong.append(f"layer {number} ({kind.__name__}) cannot be put on it{why}")
    if wrong:
        expected = "Linear layers and IF neurons, or layers in software"
        remedy = (
            "train it with IF neurons; votes=8 puts IF neurons in the place of a readout; software=(...) names layers"
        )
        raise NotRepresentable("truenorth", "; ".join(wrong), expected, remedy)
    chip: Any = Sequential(*layers)
    if inputs is not None:
        chip = confined(chip, shape, inputs=inputs)
    chip = quantised(chip, whole=whole, per_row=per_row, step_of=step_of)
    around = [[] if one is None else list(copy.deepcopy(one).layers) for one in (parts.before, parts.after)]
    return Sequential(*around[0], *chip.layers, *around[1])


def _without_bias(layer: Any) -> Linear:
    made = Linear(layer.in_features, layer.out_features, bias=False)
    with torch.no_grad():
        made.weight.copy_(layer.weight)
    return made
