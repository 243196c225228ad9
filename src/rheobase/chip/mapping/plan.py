"""A network for TrueNorth: its layers in whole numbers, which `mapped` puts on cores."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from numpy.typing import NDArray

from rheobase.chip.mapping.layers import layers_of
from rheobase.chip.mapping.network import Mapped, mapped
from rheobase.chip.parts import Parts
from rheobase.chip.truenorth import Configuration, Emulator, TrueNorth
from rheobase.energy import chips
from rheobase.errors import ParameterError
from rheobase.nn import Sequential


class TrueNorthPlan:
    """Layers of `Linear`, `IF` and `HardResetIF` in whole numbers, for a board (see `chip.plans.Plan`).

    Raises: `NotRepresentable` with everything that the chip cannot express; `ParameterError` for a loss that is
    allowed, as there are none.
    """

    of_cores: int = 4096
    plain: Sequential | None = None
    n_inputs: int | None
    cells: tuple[int, ...]
    exact_ticks: float
    net: Sequential

    def __init__(self, parts: Parts, board: TrueNorth, allow: Sequence[str] = ()):
        if allow:
            expected, remedy = "nothing: TrueNorth takes a network of whole numbers as it is", "leave it out"
            raise ParameterError("deploy", f"allow={tuple(allow)!r}", expected, remedy)
        self.net, self.board = parts.chip, board
        self.layers = layers_of(parts.chip, first=parts.first)
        self.cells = tuple(range(1, len(parts.chip), 2))
        self.n_inputs = self.layers[0].n_inputs
        self.exact_ticks = min(layer.exact_ticks for layer in self.layers)

    def mapped(self, shape: tuple[int, ...], rates: Sequence[NDArray[Any]] | None) -> Mapped:
        """The layers on the board."""
        return mapped(self.layers, self.board, rates)

    def emulator(self, net: Configuration) -> Emulator:
        """What runs a configuration."""
        return Emulator(net)

    def bill(self, done: Any, net: Configuration) -> chips.Bill:
        """Joules of a sample."""
        return bill_of(done)

    def changes(self, x: Any) -> None:
        """None: the network is in whole numbers before."""
        return


def bill_of(done: Any) -> chips.Bill:
    """Joules of what a chip did for a sample (`chip.plans.Done`)."""
    # spikes on the way: those of neurons, and those that come from outside
    packets = done.spikes + done.given
    edge, each = ((done.host + done.given) / packets, done.hops / packets) if packets else (0.0, 0.0)
    traffic = chips.Traffic(done.ticks, done.events, packets, done.spikes, 0.0)
    return chips.TrueNorth(hops=each, edge=edge).bill(traffic)
