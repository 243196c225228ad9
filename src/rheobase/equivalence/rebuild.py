"""Rebuilds a network with a group of neurons in the place of each neuron, layer by layer from its input."""

from __future__ import annotations

import copy
import math
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from itertools import chain as chained

from torch import nn

from rheobase import nn as layers
from rheobase.core.neuron import Neuron
from rheobase.equivalence.assumptions import SPIKES, refused
from rheobase.equivalence.lines import Fan, Lines
from rheobase.equivalence.widen import EACH, SAME, SYNAPSES, check_layer, of_each, of_lateral, of_synapses
from rheobase.neurons import LI, LeakySum


@dataclass(frozen=True)
class Group:
    """The replacement of a layer of neurons: for each of them as many neurons as `coefficients`, side by side.

    The spikes of an original neuron are the sum of those of its group, weighted by the coefficients.
    """

    neuron: Neuron
    coefficients: tuple[float, ...]

    @property
    def copies(self) -> int:
        """Neurons in a group."""
        return len(self.coefficients)


def chain(network: nn.Module) -> tuple[nn.Module, ...]:
    """The layers of a network in order, nested chains flattened, each layer checked by `check_layer`.

    Raises: `NotRepresentable` for what is no chain of layers, or a layer that the constructions do not know.
    """
    found = tuple(_flat(network))
    for layer in found:
        check_layer(layer)
        cell = layer.neuron if isinstance(layer, layers.Recurrent) else layer
        if isinstance(cell, Neuron) and cell.graded and not isinstance(cell, (LI, LeakySum)) and cell_of(layer) is None:
            raise refused(cell, "a graded output", SPIKES, "use neurons that spike; LI and LeakySum may read them out")
    return found


def _flat(network: nn.Module) -> Iterator[nn.Module]:
    if isinstance(network, layers.Sequential | nn.Sequential):
        # not `children()`, which leaves out a layer that stands there a second time
        for layer in network._modules.values():  # pyright: ignore[reportPrivateUsage]
            if layer is not None:
                yield from _flat(layer)
    else:
        yield network


def cell_of(layer: nn.Module) -> Neuron | None:
    """The spiking neurons of a layer; None if it has none."""
    cell = layer.neuron if isinstance(layer, layers.Recurrent) else layer
    if not isinstance(cell, Neuron):
        return None
    return None if cell.graded and not getattr(cell, "counts", False) else cell


def cells(network: nn.Module) -> tuple[Neuron, ...]:
    """The neurons of all layers that spike, in order. Raises `NotRepresentable` where there is none."""
    found = tuple(cell for layer in chain(network) if (cell := cell_of(layer)) is not None)
    if not found:
        raise refused(network, "a network without a spiking neuron", SPIKES, "add a layer of LIF or IF neurons")
    return found


def rebuilt(network: nn.Module, groups: Sequence[Group]) -> layers.Sequential:
    """The network with `groups` in the place of its layers of spiking neurons, one for each in order.

    Synapses become those from every member of a group to every member of the next. Where a group stands at the end, or
    reads spikes without a synapse between, a `Fan` adds up the group before it.
    """
    known = chain(network)
    waiting = iter(groups)
    ahead = [next(waiting) if cell_of(layer) is not None else None for layer in known]
    made: list[nn.Module] = []
    lines = Lines(1, 1, (1.0,))
    for k, layer in enumerate(known):
        group = ahead[k]
        if group is not None:
            made += _joined(lines, group.copies)
            lines = Lines(group.neuron.shape[0] // group.copies, group.copies, group.coefficients)
            recurrent = isinstance(layer, layers.Recurrent)
            made.append(of_lateral(layer, group.neuron, lines, group.copies) if recurrent else group.neuron)
        elif isinstance(layer, SYNAPSES):
            copies = _rows(layer, known[k + 1 :], ahead[k + 1 :])
            made += of_synapses(layer, lines, copies)
            lines = Lines(1 if isinstance(layer, Fan) else layer.weight.shape[0], copies)  # type: ignore[union-attr]
        elif isinstance(layer, Neuron | layers.Recurrent):
            made += [*_joined(lines, 1), copy.deepcopy(layer)]
            lines = Lines(1, 1, (1.0,))
        else:
            made.append(of_each(layer, lines) if isinstance(layer, EACH) else copy.deepcopy(layer))
    tensor = next(chained(network.parameters(), network.buffers()))
    return layers.Sequential(*made, *_joined(lines, 1)).to(tensor.device).train(network.training)


def _joined(lines: Lines, copies: int) -> list[nn.Module]:
    """What stands between lines and a group that reads them without synapses of its own."""
    if lines.coefficients is None:
        return [] if lines.copies == copies else [Fan((1.0,), copies)]
    trivial = lines.coefficients == (1.0,) and copies == 1
    return [] if trivial else [Fan(lines.coefficients, copies, channels=lines.channels)]


def _rows(layer: nn.Module, behind: Sequence[nn.Module], ahead: Sequence[Group | None]) -> int:
    """How often the rows of a synapse stand: once for each member of the group that takes its current."""
    for following, group in zip(behind, ahead, strict=True):
        if group is not None:
            return group.copies
        # how many channels a Fan gives is not known before it runs: nothing may stand between it and the neuron
        if not isinstance(following, (*SAME, *EACH)) or isinstance(layer, Fan):
            break
    return 1


def neurons_of(network: nn.Module) -> int:
    """How many neurons spike."""
    return sum(math.prod(cell.shape) for cell in cells(network))


def synapses_of(network: nn.Module) -> int:
    """Weights that are not 0, a shared one once, and the synapses within groups."""
    total = 0
    for layer in chain(network):
        cell = cell_of(layer)
        if isinstance(layer, SYNAPSES) and not isinstance(layer, Fan):
            total += int((layer.weight != 0).sum())  # type: ignore[operator]
        if isinstance(layer, layers.Recurrent):
            total += int((layer.lateral != 0).sum())
        total += int(getattr(cell, "internal_synapses", 0))
    return total
