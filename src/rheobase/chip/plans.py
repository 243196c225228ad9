"""How networks go on each kind of chip. A chip is one entry of `PLANS`; `deploy` knows no more of it."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Sequence
from typing import Any, NamedTuple, Protocol

from numpy.typing import NDArray

from rheobase.chip.loihi import Loihi
from rheobase.chip.loihi.plan import LoihiPlan
from rheobase.chip.mapping.plan import TrueNorthPlan
from rheobase.chip.parts import Parts
from rheobase.chip.truenorth import TrueNorth
from rheobase.energy.chips import Bill
from rheobase.errors import ParameterError
from rheobase.nn import Sequential


class Mapped(Protocol):
    """A network on cores: its configuration, cores by layer, latency, and the wires of the host."""

    @property
    def net(self) -> Any:
        """The configuration."""
        ...

    @property
    def cores(self) -> dict[str, int]:
        """How many cores each layer has, by name."""
        ...

    @property
    def latency(self) -> int:
        """Ticks from a step of the input to its output."""
        ...

    @property
    def inputs(self) -> NDArray[Any]:
        """(input, core, axon) of every axon that the host feeds."""
        ...

    @property
    def outputs(self) -> NDArray[Any]:
        """(core, neuron) of the outputs."""
        ...


class Done(NamedTuple):
    """What the chip did for a sample, in the mean."""

    ticks: int
    spikes: float
    events: float
    axons: float
    hops: float
    given: float
    host: float


class Plan(Protocol):
    """Layers that a chip can express, before they are put on it.

    net          the layers of the chip in whole numbers, as software runs them
    cells        which of these are neurons
    n_inputs     of the chip; None where the samples say (images)
    exact_ticks  steps for which chip and network agree on any input
    of_cores     number of cores of the whole chip; its power at rest is divided by it
    plain        the float layers that were converted to these, or None; `changes` reports the differences
    """

    net: Sequential
    cells: tuple[int, ...]
    n_inputs: int | None
    exact_ticks: float
    of_cores: int
    plain: Sequential | None

    def mapped(self, shape: tuple[int, ...], rates: Sequence[NDArray[Any]] | None) -> Mapped:
        """The network on cores. Raises: `NotRepresentable` for a limit."""
        ...

    def emulator(self, net: Any) -> Any:
        """What runs a configuration."""
        ...

    def bill(self, done: Done, net: Any) -> Bill:
        """Joules of a sample with this configuration."""
        ...

    def changes(self, x: Any) -> Any:
        """What became of layers in full precision, under spikes x; None where there were none."""
        ...


PLANS: dict[type, Callable[[Parts, Any, Sequence[str]], Plan]] = {TrueNorth: TrueNorthPlan, Loihi: LoihiPlan}


def plan_of(parts: Parts, chip: Any, allow: Sequence[str]) -> Plan:
    """What of a network goes on a chip, and how. Raises: `NotRepresentable`, `ParameterError` for an unknown chip."""
    return PLANS[kind_of_chip(chip)](parts, chip, allow)


def kind_of_chip(chip: Any) -> type:
    """The kind of a chip. Raises: `ParameterError` for what is none."""
    if type(chip) not in PLANS:
        known = " or ".join(f"a {kind.__name__}" for kind in PLANS)
        remedy = "chip.TrueNorth() and chip.Loihi() are one chip each"
        if isinstance(chip, Iterable) and not isinstance(chip, str):
            # samples in the place of the chip: not all of their numbers
            remedy += "; samples are the argument x"
            raise ParameterError("deploy", f"chip=a {type(chip).__name__}", known, remedy)
        raise ParameterError("deploy", f"chip={chip!r}", known, remedy)
    return type(chip)
