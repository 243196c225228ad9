"""From neurons that spike often to neurons that spike once, in discrete time."""

from __future__ import annotations

from collections.abc import Sequence
from numbers import Integral
from typing import Any

import torch
from torch import Tensor, nn

from rheobase.equivalence.assumptions import check_spiking
from rheobase.equivalence.certificate import Certificate
from rheobase.equivalence.measure import margins, most_spikes, pieces, watched
from rheobase.equivalence.one_shot import OneShot
from rheobase.equivalence.rebuild import Group, cells, neurons_of, rebuilt, synapses_of
from rheobase.equivalence.widen import of_neuron
from rheobase.errors import ParameterError
from rheobase.nn.sequential import Sequential

MOST_COPIES = 1_000_000  # of each neuron


def to_single_spike(
    network: nn.Module, max_spikes: int | Sequence[int] | None = None, *, inputs: Tensor | None = None
) -> tuple[Sequential, Certificate]:
    """The network with every spiking neuron replaced by copies that spike once (`OneShot`).

    `rheobase.equivalence.to_single_spike` documents arguments and errors.
    """
    found = cells(network)
    for cell in found:
        check_spiking(cell)
    counts = _counts(network, len(found), max_spikes, inputs)
    groups = [Group(OneShot(of_neuron(cell, k), copies=k), (1.0,) * k) for cell, k in zip(found, counts, strict=True)]
    wide = rebuilt(network, groups)
    compared, mismatches = (0, None) if inputs is None else compare(network, wide, inputs)
    shown = ", ".join(map(str, counts))
    conditions = (
        f"no neuron spikes more than {shown} times (by layer): "
        + ("on the given inputs none does" if inputs is not None else "not checked, no inputs were given"),
        "the reset of every neuron adds constants to its states: checked by stepping it with and without a spike",
        "synapses and delays are linear, and those of all copies are equal: by construction",
        "a spike acts at the next layer in the same step and on its own layer one step later: by construction",
        "sums over synapses are exact, or no potential comes nearer to its threshold than their rounding",
    )
    certificate = Certificate(
        construction="gated one-shot copies, discrete time",
        max_spikes=counts,
        neurons_before=neurons_of(network),
        neurons_after=neurons_of(wide),
        neurons_bound=max(counts) * neurons_of(network),
        synapses_before=synapses_of(network),
        synapses_after=synapses_of(wide),
        conditions=conditions,
        margin=None if inputs is None else margins(network, inputs),
        compared=compared,
        mismatches=mismatches,
    )
    return wide, certificate


def _counts(
    network: nn.Module, layers: int, given: int | Sequence[int] | None, inputs: Tensor | None
) -> tuple[int, ...]:
    """Copies for each spiking layer."""
    found = None if inputs is None else most_spikes(network, inputs)
    if given is None:
        if found is None:
            raise ParameterError(
                "to_single_spike", "neither max_spikes nor inputs", "one of them", "max_spikes=16, say"
            )
        return tuple(max(1, k) for k in found)
    counts = tuple(given) if isinstance(given, Sequence) else (given,) * layers
    if len(counts) != layers or not all(_is_count(k) for k in counts):
        expected = f"an integer >= 1 (and below {MOST_COPIES}), or one for each of {layers} spiking layers"
        raise ParameterError("to_single_spike", f"max_spikes = {given!r}", expected, "count the spikes of a neuron")
    if found is not None and any(n > k for n, k in zip(found, counts, strict=True)):
        listed = ", ".join(map(str, found))
        given_ = f"max_spikes = {given!r}, where a neuron spikes up to {listed} times (by layer) on the inputs"
        raise ParameterError("to_single_spike", given_, "no fewer", f"max_spikes={max(found)}")
    return tuple(map(int, counts))


def _is_count(given: Any) -> bool:
    return isinstance(given, Integral) and not isinstance(given, bool) and 1 <= int(given) < MOST_COPIES


@torch.no_grad()
def compare(before: nn.Module, after: nn.Module, inputs: Tensor) -> tuple[int, int]:
    """(compared, different): the (neuron, step, sample) triples of all spiking layers of two networks.

    `after` has groups in the place of the neurons of `before`; the spikes of a group are added up.
    """
    compared = different = 0
    for x in pieces(inputs):
        for one, many in zip(trains(before, x), trains(after, x), strict=True):
            compared += one.numel()
            different += int((one != many).sum())
    return compared, different


def trains(network: nn.Module, x: Tensor) -> list[Tensor]:
    """The spikes of every spiking layer, (time, batch, *shape), those of a group added up."""
    return trains_and_output(network, x)[0]


def trains_and_output(network: nn.Module, x: Tensor) -> tuple[list[Tensor], Tensor]:
    """What `trains` returns, and the output of the network."""
    found: list[Tensor] = []
    layers, out = watched(network, x)
    for seen in layers:
        signs = getattr(seen.neuron, "coefficients", (1.0,))
        group = seen.spikes.unflatten(2, (-1, len(signs)))
        found.append((group * group.new_tensor(signs).view(-1, *(1,) * (group.dim() - 4))).sum(3))
    return found, out
