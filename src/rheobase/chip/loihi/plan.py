"""A network for Loihi: compartments as they are, or float neurons that become some."""

from __future__ import annotations

import copy
import math
from collections.abc import Sequence
from typing import Any

from numpy.typing import NDArray
from torch import nn

from rheobase.chip.loihi.compartment import Compartment
from rheobase.chip.loihi.configuration import Configuration
from rheobase.chip.loihi.emulator import Emulator
from rheobase.chip.loihi.limits import Loihi
from rheobase.chip.loihi.mapping import Programmed, programmed
from rheobase.chip.loihi.quantise import Place, Report, check_losses, compared, in_whole_numbers
from rheobase.chip.loihi.synapses import Weighted
from rheobase.chip.parts import Parts
from rheobase.core.wrappers.refractory import Refractory
from rheobase.energy import chips
from rheobase.nn import Sequential
from rheobase.nn.quantise import kind_of


class LoihiPlan:
    """Layers of synapses and compartments; those of a float network are made into such (see `chip.plans.Plan`).

    Raises: `NotRepresentable` with the layer, or the loss that is not allowed, that the chip cannot express.
    """

    exact_ticks = math.inf

    def __init__(self, parts: Parts, chip: Loihi, allow: Sequence[str] = ()):
        check_losses("deploy", allow)
        self.chip, self.of_cores = chip, chip.cores
        self.places: list[Place] = []
        self.plain: Sequential | None = None
        if any(_compartments(layer) for layer in parts.chip.layers):
            self.net = parts.chip
        else:
            self.net, self.places = in_whole_numbers(parts.chip, allow=allow, first=parts.first)
            self.plain = copy.deepcopy(parts.chip).eval()
        before = [k for k, layer in enumerate(parts.chip.layers) if isinstance(layer, Weighted)]
        self.names = [f"layer {k + parts.first} ({kind_of(parts.chip[k]).__name__})" for k in before]
        self.cells = tuple(k for k, layer in enumerate(self.net.layers) if _compartments(layer))
        first = self.net[0]
        self.n_inputs = int(first.weight.shape[1]) if isinstance(first, nn.Linear) else None

    def mapped(self, shape: tuple[int, ...], rates: Sequence[NDArray[Any]] | None) -> Programmed:
        """The layers on the cores of the chip."""
        return programmed(self.net, shape, self.chip, rates, names=self.names)

    def emulator(self, net: Configuration) -> Emulator:
        """What runs a configuration."""
        return Emulator(net)

    def bill(self, done: Any, net: Configuration) -> chips.Bill:
        """Joules of a sample: every message to a core is a spike on the way."""
        each = done.hops / done.axons if done.axons else 0.0
        updates = float(net.n_neurons * done.ticks)
        return chips.Loihi(hops=each).bill(chips.Traffic(done.ticks, done.events, done.axons, done.spikes, updates))

    def changes(self, x: Any) -> Report | None:
        """How the layers differ from the float ones, under spikes x."""
        return None if self.plain is None else compared(self.plain, self.net, self.places, x)


def _compartments(layer: nn.Module) -> bool:
    return isinstance(layer, Compartment) or (isinstance(layer, Refractory) and isinstance(layer.neuron, Compartment))
