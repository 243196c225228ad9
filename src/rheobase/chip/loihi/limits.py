"""What a Loihi core holds, and how many cores a network takes."""

from __future__ import annotations

import math
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
import torch
from numpy.typing import NDArray
from torch import nn

from rheobase.checks import is_whole
from rheobase.chip.loihi.compartment import Compartment
from rheobase.chip.loihi.synapses import Weighted, mantissas, rounding_of
from rheobase.core.wrappers.refractory import Refractory
from rheobase.errors import NotRepresentable, ParameterError, ShapeError
from rheobase.nn import Flatten, Sequential, SynapticDelay
from rheobase.nn.quantise import kind_of

DELAY_BITS = 6


@dataclass(frozen=True, kw_only=True)
class Loihi:
    """The published limits of a Loihi chip (Davies et al., 2018); other numbers make another chip of the kind.

    Raises: `ParameterError` for a limit that is not a whole number of at least 1.

    Reference: Davies et al., IEEE Micro 38(1), 82 (2018), doi 10.1109/MM.2018.112130359; the delay and the refractory
    period are those of Brian2Loihi (Michaelis et al., 2022); 8 tiles of 4 cores in each of 4 rows are those of SANA-FE
    (Boyle et al., IEEE TCAD 44, 3165 (2025)).
    """

    cores: int = 128
    compartments: int = 1024  # of a core, as all that follow
    in_axons: int = 4096
    out_axons: int = 4096
    synapse_bits: int = 8 * 128 * 1024
    delay: int = 62  # of a synapse, in steps
    refractory: int = 64  # steps from a spike to the next that may be
    tile: int = 4  # cores that share a router
    row: int = 8  # tiles in a row of the mesh

    def __post_init__(self) -> None:
        for name, value in vars(self).items():
            if not is_whole(value, 1):
                raise ParameterError(
                    "Loihi", f"{name}={value!r}", "a whole number of at least 1", "Loihi() is one chip"
                )


@dataclass(frozen=True, kw_only=True)
class Core:
    """What one core holds: the compartments `start` to `stop - 1` of the layer at place `layer` of a network.

    An in-axon is a source that reaches the core; an out-axon is a core that one of its compartments reaches. Synapses
    are those whose mantissa is not 0, each of its weight's bits and, where there are delays, 6 more. A core also
    stores which compartment a synapse is for, unless it has them all, so for sparse layers `synapse_bits` is a lower
    bound; convolutions share no weights.
    """

    layer: int
    start: int
    stop: int
    in_axons: int
    out_axons: int
    synapse_bits: int

    @property
    def compartments(self) -> int:
        """How many there are."""
        return self.stop - self.start

    def exceeded(self, chip: Loihi) -> tuple[str, int, int] | None:
        """The first limit that is exceeded: its name, what is used, what there is."""
        for name in ("compartments", "in_axons", "out_axons", "synapse_bits"):
            used, most = getattr(self, name), getattr(chip, name)
            if used > most:
                return name, used, most
        return None


@dataclass(frozen=True, eq=False)
class OnChip:
    """A layer of compartments and the synapses before it, which are those of `weights`.

    layer     the place of the compartments in the network
    mantissa  of the synapse from each source, (compartments, sources); 0 where there is none
    bits      of a synapse, with its delay
    period    steps from a spike to the next that may be, (compartments,)
    """

    layer: int
    name: str
    mantissa: NDArray[np.int16]
    bits: int
    weights: Any
    compartments: Compartment
    period: NDArray[np.int64]

    @property
    def reached(self) -> NDArray[np.bool_]:
        """From which sources each compartment has a synapse."""
        return self.mantissa != 0


def cores(net: Sequential, shape: Sequence[int], chip: Loihi | None = None) -> tuple[Core, ...]:
    """The cores that a network of compartments takes, in the order of its layers; each holds part of one layer.

    Compartments are taken in order, as many to a core as its limits allow. `shape` is that of the input of a step,
    without time and batch; input comes from outside the chip.

    Raises: `NotRepresentable` with the limit that is violated: compartments, in_axons, out_axons, synapse_bits, delay,
    refractory, or the cores of the chip; and for a layer that a chip does not have. `ShapeError` for another input.

    >>> from rheobase.chip import loihi
    >>> weights = nn.Linear(100, 1500, bias=False)
    >>> nn.init.constant_(weights.weight, 8.0).shape
    torch.Size([1500, 100])
    >>> net = Sequential(loihi.synapses(weights), loihi.Compartment(1500))
    >>> [core.compartments for core in cores(net, (100,))]
    [1024, 476]
    """
    chip = Loihi() if chip is None else chip
    return split(list(layers_on(net, tuple(shape), chip)), chip)


def split(layers: Sequence[OnChip], chip: Loihi) -> tuple[Core, ...]:
    """The cores of layers, in their order. Raises: as `cores`."""
    found: list[Core] = []
    after: list[NDArray[np.bool_]] = []  # of each core of the layer behind, which sources reach it
    for placed in reversed(layers):
        sends, reached = np.zeros(len(placed.mantissa), np.int64), placed.reached
        for sources in after:
            sends += sources
        taken = list(_split(placed, reached, sends, chip))
        after = [np.logical_or.reduce(reached[core.start : core.stop]) for core in taken]
        found[:0] = taken
    if len(found) > chip.cores:
        remedy = "smaller layers, or a Loihi with cores of several chips"
        raise NotRepresentable(
            "the network", f"{len(found)} cores", f"no more than {chip.cores}, those of {chip}", remedy
        )
    return tuple(found)


def _split(placed: OnChip, reached: NDArray[np.bool_], sends: NDArray[np.int64], chip: Loihi) -> Iterator[Core]:
    """Cores for the compartments of a layer; `sends` is how many cores each of them reaches."""
    synapses = np.concatenate([[0], np.cumsum(reached.sum(1))])
    axons = np.concatenate([[0], np.cumsum(sends)])
    start, sources, last = 0, np.zeros(reached.shape[1], bool), None
    for k, row in enumerate(reached):
        sources |= row
        core = _core(placed, start, k + 1, sources, synapses, axons)
        if core.exceeded(chip) is not None and last is not None:
            yield last
            start, sources = k, row.copy()
            core = _core(placed, start, k + 1, sources, synapses, axons)
        if (over := core.exceeded(chip)) is not None:
            name, used, most = over
            raise NotRepresentable(
                f"compartment {k} of layer {placed.layer}, {placed.name}",
                f"{used} {name}",
                f"no more than {most}, the {name} of a core",
                "fewer synapses to it, or fewer compartments behind it",
            )
        last = core
    if last is not None:
        yield last


def _core(
    placed: OnChip, start: int, stop: int, sources: NDArray[np.bool_], synapses: NDArray[Any], axons: NDArray[Any]
) -> Core:
    return Core(
        layer=placed.layer,
        start=start,
        stop=stop,
        in_axons=int(sources.sum()),
        out_axons=int(axons[stop] - axons[start]),
        synapse_bits=placed.bits * int(synapses[stop] - synapses[start]),
    )


def layers_on(net: Sequential, shape: tuple[int, ...], chip: Loihi) -> Iterator[OnChip]:
    """The layers of compartments, each with what reaches it. Raises: as `cores`."""
    weights: nn.Module | None = None
    for k, layer in enumerate(net.layers):
        if isinstance(layer, Weighted):
            if weights is not None:
                raise _no_layer(k, layer, "compartments between two layers of synapses", "add loihi.Compartment")
            weights = layer
        elif weights is not None and (found := _compartments(k, layer, chip)) is not None:
            mantissa, bits = _unrolled(weights, shape), _bits(k, weights, chip)
            shape = tuple(found.shape)
            if math.prod(shape) != len(mantissa):
                given = f"layer {k} of {math.prod(shape)} compartments"
                raise ShapeError("cores", given, f"{len(mantissa)}, the sums before it", "give them one shape")
            steps = layer.tau_refrac.detach() + 1 if isinstance(layer, Refractory) else torch.ones(())
            period = steps.cpu().expand(shape).flatten().numpy().astype(np.int64)
            yield OnChip(k, kind_of(weights).__name__, mantissa, bits, weights, found, period)
            weights = None
        elif isinstance(layer, Flatten):
            shape = (math.prod(shape),)
        else:
            expected = "synapses, each followed by compartments, and Flatten"
            raise _no_layer(k, layer, expected, "loihi.quantise makes such a network of nn.Linear and CubaLIF")
    if weights is not None:
        raise _no_layer(len(net) - 1, weights, "compartments behind the last synapses", "add loihi.Compartment")


def _no_layer(k: int, layer: nn.Module, expected: str, remedy: str) -> NotRepresentable:
    return NotRepresentable("a Loihi core", f"layer {k}, {kind_of(layer).__name__}", expected, remedy)


def _compartments(k: int, layer: nn.Module, chip: Loihi) -> Compartment | None:
    """The compartments of a layer, None where it has none."""
    if isinstance(layer, Compartment):
        return layer
    if not isinstance(layer, Refractory) or not isinstance(layer.neuron, Compartment):
        return None
    steps = layer.tau_refrac.detach() + 1
    if bool((steps != torch.round(steps)).any()) or float(steps.max()) > chip.refractory:
        given = f"layer {k} with refractory periods up to {float(steps.max()):g} steps"
        expected = f"whole ones of no more than {chip.refractory}, the refractory of a compartment"
        raise NotRepresentable("a Loihi core", given, expected, "another tau_refrac, which is one step less")
    return layer.neuron


def _bits(k: int, weights: nn.Module, chip: Loihi) -> int:
    """Of one synapse."""
    bits = rounding_of(weights).weight_bits
    if not isinstance(weights, SynapticDelay):
        return bits
    longest = int(weights.positions.d.detach().clamp(0, weights.taps - 1).round().max())
    if longest > chip.delay:
        given = f"layer {k} with a delay of {longest} steps"
        expected = f"no more than {chip.delay}, the delay of a synapse"
        raise NotRepresentable("a Loihi core", given, expected, f"taps={chip.delay + 1}")
    if float(weights.positions.width) != 0.0:
        given = f"layer {k} with delays of several taps"
        raise NotRepresentable("a Loihi core", given, "one delay a synapse", "layer.positions.anneal(0.0)")
    return bits + DELAY_BITS


def _unrolled(weights: nn.Module, shape: tuple[int, ...]) -> NDArray[np.int16]:
    """The mantissa from each source to each sum, (sums, sources)."""
    held = mantissas(weights).float()
    if held.dim() == 2:
        if shape != held.shape[1:]:
            raise ShapeError("cores", f"an input of shape {shape}", f"{tuple(held.shape[1:])}", "the shape of a step")
        return held.numpy(force=True).astype(np.int16)
    conv: Any = weights
    if conv.padding_mode != "zeros":
        given = f"{type(conv).__name__} with padding_mode {conv.padding_mode!r}"
        raise NotRepresentable("a Loihi core", given, "'zeros'", "pad the input")
    if len(shape) != conv.weight.dim() - 1 or shape[0] != conv.in_channels:
        expected = f"{conv.in_channels} channels and {conv.weight.dim() - 2} axes"
        raise ShapeError("cores", f"an input of shape {shape}", expected, "the shape of a step, without time and batch")
    # what a one at each place alone adds
    alone = torch.eye(math.prod(shape), device=held.device).view(-1, *shape)
    over = nn.functional.conv2d if held.dim() == 4 else nn.functional.conv1d
    found = over(alone, held, None, conv.stride, conv.padding, conv.dilation, conv.groups)
    return found.flatten(1).T.round().numpy(force=True).astype(np.int16)
