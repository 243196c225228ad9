"""What a chip of events takes for a sample, from published measurements: TrueNorth and Loihi."""

from __future__ import annotations

import math
from dataclasses import dataclass
from typing import Any, ClassVar, Protocol

from rheobase.checks import is_number
from rheobase.energy import constants as c
from rheobase.energy.account import Account
from rheobase.energy.span import Span, total
from rheobase.errors import NotRepresentable, ParameterError, nearest

CORE, LOIHI_CORE = 256, 1024  # neurons of a core of TrueNorth, and of Loihi
REST, STATIC = "whole chip, at rest", "static"
AT_REST = (REST, STATIC)  # the parts of bills that a chip takes whatever it does


@dataclass(frozen=True)
class Bill:
    """Joules of one sample on a chip, by part, and how long it runs.

    headline  what the paper's energy for a synaptic event gives, all of the chip in it: it is never added to the parts
    area      cm2 of the chip
    """

    chip: str
    parts: dict[str, Span]
    seconds: float
    area: float
    headline: Span | None = None
    notes: tuple[str, ...] = ()

    @property
    def total(self) -> Span:
        """The sum of the parts."""
        return total([*self.parts.values()])

    @property
    def own(self) -> Span:
        """The sum without what a chip takes at rest: of the network itself."""
        return total([part for name, part in self.parts.items() if name not in AT_REST])

    def shared(self, share: float) -> Span:
        """The sum with this share of what a chip takes at rest, as if others used what is left of it."""
        return self.own + share * total([part for name, part in self.parts.items() if name in AT_REST])

    @property
    def power(self) -> Span:
        """Watts of one chip while it runs."""
        return self.total / self.seconds

    @property
    def density(self) -> Span:
        """Watts for each cm2 of it."""
        return self.power / self.area

    def as_json(self) -> dict[str, Any]:
        """All numbers, in joules, watts and seconds; every span as low, nominal and high."""
        return {
            "chip": self.chip,
            "parts": {name: span.as_json() for name, span in self.parts.items()},
            "total": self.total.as_json(),
            "seconds": self.seconds,
            "power": self.power.as_json(),
            "density": self.density.as_json(),
            "headline": None if self.headline is None else self.headline.as_json(),
            "notes": list(self.notes),
        }


@dataclass(frozen=True)
class Traffic:
    """What a chip of events does for one sample."""

    steps: float
    events: float  # spikes at synapses
    packets: float  # spikes that are sent, each to one core
    spikes: float  # of its own neurons
    cell_steps: float


class Chip(Protocol):
    """A chip that can make out a bill; `core`: how many neurons one of its cores has."""

    core: ClassVar[int]

    def bill(self, traffic: Traffic) -> Bill:
        """Joules of one sample."""
        ...


@dataclass(frozen=True)
class TrueNorth:
    """One chip of TrueNorth at 0.8 V: all of its power while it runs, its synaptic events, and its routers.

        E = 64.4 mW T + 1.53 pJ events + 2.3 pJ hops + 64 pJ spikes to the edge of the chip

    The first number and the energy of an event are those of a line through two published powers; 42.6 hops of a spike
    that reaches 128 synapses were in that energy, and are taken out of it. `hops`: of a spike, between cores, as a
    mapping gives them; None is 42.6, as in the networks measured, or as few as none. `edge`: the share of spikes that
    go to the edge of the chip. `tick`: seconds of a step. The model holds at 0.8 V alone: published powers at other
    voltages do not lie on one law (docs/energy.md).

    Reference: Merolla et al., Science 345:668 (2014); Akopyan et al., IEEE TCAD 34:1537 (2015).

    >>> bill = TrueNorth().bill(Traffic(1000, events=2.69e9, packets=2.69e9 / 128, spikes=0, cell_steps=0))
    >>> round(1e3 * bill.power.nominal, 1)
    70.6
    """

    core: ClassVar[int] = CORE

    hops: float | None = None
    edge: float = 0.0
    tick: float = 1e-3

    def __post_init__(self) -> None:
        if self.hops is not None and not is_number(self.hops, least=0):
            raise ParameterError("TrueNorth", f"hops={self.hops!r}", "a number >= 0, or None", "hops of a spike")
        if not is_number(self.edge, least=0, most=1):
            raise ParameterError("TrueNorth", f"edge={self.edge!r}", "a share from 0 to 1", "0: all stay on the chip")
        _check_tick("TrueNorth", self.tick)

    def bill(self, traffic: Traffic) -> Bill:
        each = Span(0.0, c.TRUENORTH_HOPS, c.TRUENORTH_HOPS) if self.hops is None else Span.exact(self.hops)
        seconds = traffic.steps * self.tick
        parts = {
            REST: c.TRUENORTH_POWER.value * seconds,
            "synaptic events": local_event() * traffic.events,
            "hops between cores": c.TRUENORTH_HOP.value * each * traffic.packets,
        }
        if self.edge:
            parts["spikes to the edge"] = c.TRUENORTH_PERIPHERY.value * (self.edge * traffic.packets)
        hops = "42.6, those of the networks measured, or fewer" if self.hops is None else f"{self.hops:g}, as given"
        notes = (
            f"hops of a spike: {hops}; ticks of {1e3 * self.tick:g} ms; one whole chip, however little of it is used.",
            f"Published power density: {1e3 * c.TRUENORTH_DENSITY:g} mW/cm2; of processors {c.CPU_DENSITY[0]:g} to "
            f"{c.CPU_DENSITY[1]:g} W/cm2 (Merolla et al., 2014).",
        )
        headline = c.TRUENORTH_HEADLINE.value * traffic.events
        return Bill("TrueNorth, 28 nm, 0.8 V", parts, seconds, c.TRUENORTH_AREA, headline, notes)


def local_event() -> Span:
    """Joules of a synaptic event of TrueNorth without the hops that were in what was measured.

    >>> round(1e12 * local_event().nominal, 2)
    1.53
    """
    each, hop = c.TRUENORTH_EVENT.value, c.TRUENORTH_HOP.value
    share = c.TRUENORTH_HOPS / c.TRUENORTH_FAN_OUT
    # the more of it is hops, the less is local
    return Span(each.low - share * hop.high, each.nominal - share * hop.nominal, each.high - share * hop.low)


@dataclass(frozen=True)
class Loihi:
    """One chip of Loihi 1: synaptic operations, updates of neurons, spikes, hops, and its static power.

    `hops`: between tiles, of a spike; None is 0 to 10, nominally 0. `tick`: seconds of a step, in which static power
    is drawn; the chip itself runs as fast as its barrier lets it. Low ends are those of the design before silicon,
    high ends those of a fit to silicon by others. Learning is not in it.

    Reference: Davies et al., IEEE Micro 38(1):82 (2018), table 2; Boyle et al., IEEE TCAD 44:3165 (2025).

    >>> bill = Loihi(hops=0).bill(Traffic(1, events=1e6, packets=0, spikes=0, cell_steps=0))
    >>> round(1e6 * bill.parts["synaptic operations"].nominal, 1)
    23.6
    """

    core: ClassVar[int] = LOIHI_CORE

    hops: float | None = None
    tick: float = 1e-3

    def __post_init__(self) -> None:
        if self.hops is not None and not is_number(self.hops, least=0):
            raise ParameterError("Loihi", f"hops={self.hops!r}", "a number >= 0, or None", "hops of a spike")
        _check_tick("Loihi", self.tick)

    def bill(self, traffic: Traffic) -> Bill:
        each = Span(0.0, 0.0, 10.0) if self.hops is None else Span.exact(self.hops)
        seconds = traffic.steps * self.tick
        idle = max(0.0, traffic.cell_steps - traffic.spikes)
        parts = {
            "synaptic operations": c.LOIHI_SYNAPSE.value * traffic.events,
            "neuron updates": c.LOIHI_IDLE.value * idle + c.LOIHI_ACTIVE.value * traffic.spikes,
            "spikes": c.LOIHI_SPIKE.value * traffic.packets,
            "hops between tiles": c.LOIHI_HOP.value * each * traffic.packets,
            STATIC: c.LOIHI_STATIC.value * seconds,
        }
        hops = "0, up to 10" if self.hops is None else f"{self.hops:g}, as given"
        notes = (f"hops of a spike: {hops}; steps of {1e3 * self.tick:g} ms; one whole chip, however little is used.",)
        return Bill("Loihi, 14 nm", parts, seconds, c.LOIHI_AREA, notes=notes)


def _check_tick(chip: str, tick: float) -> None:
    if not is_number(tick, above=0):
        raise ParameterError(chip, f"tick={tick!r}", "seconds > 0", "tick=1e-3 is real time for steps of 1 ms")


CHIPS: dict[str, type[TrueNorth] | type[Loihi]] = {"truenorth": TrueNorth, "loihi": Loihi}


def chip(name: str) -> type[TrueNorth] | type[Loihi]:
    """The chip of a name. Raises `ParameterError`."""
    if name not in CHIPS:
        raise ParameterError("chip", repr(name), f"one of {', '.join(CHIPS)}", nearest(name, CHIPS))
    return CHIPS[name]


def bill(account: Account, on: Chip) -> Bill:
    """What a network that was counted takes on a chip of events, for one sample.

    A spike is sent to as many cores as it takes to hold the neurons that it reaches, 256 to a core of TrueNorth and
    1,024 to one of Loihi. Whether the chip can hold the network and express its neurons is not checked here.

    Raises: `NotRepresentable` where layers are not counted, and where synapses read values that are no spikes: there
    are no such events on these chips; `ParameterError` for what is no account, or no chip.

    >>> import torch
    >>> from torch import nn
    >>> from rheobase import neurons
    >>> from rheobase.energy import account
    >>> from rheobase.nn import Sequential
    >>> net = Sequential(nn.Linear(8, 4), neurons.LIF(4, dt=1.0))
    >>> found = bill(account(net, (torch.rand(20, 2, 8) < 0.3).float()), TrueNorth())
    >>> sorted(found.parts)
    ['hops between cores', 'synaptic events', 'whole chip, at rest']
    """
    if not isinstance(account, Account):  # pyright: ignore[reportUnnecessaryIsInstance]
        raise ParameterError("bill", f"a {type(account).__name__}", "what `account` gives", "bill(account(net, x), on)")
    if isinstance(on, type) or not (hasattr(on, "bill") and hasattr(on, "core")):
        raise ParameterError("bill", f"on={on!r}", "a chip", "TrueNorth() or Loihi()")
    wrong = [f"{layer.label}: {layer.uncounted}" for layer in account.uncounted]
    wrong += [
        f"{layer.label} reads {layer.operations.values_read:.3g} values a sample that are no spikes"
        for layer in account.layers
        if layer.operations is not None and layer.operations.values_read
    ]
    if wrong:
        expected = "layers that are all counted, and spikes alone at synapses"
        remedy = "a code of spikes for the input, cells that spike; digital chips: rheobase.energy.compare"
        raise NotRepresentable(f"bill for {type(on).__name__}", "; ".join(wrong), expected, remedy)
    found = account.total
    sent = 0.0
    for layer in account.layers:
        one = layer.operations
        if one is not None and one.spikes_read:
            cores = max(1, math.ceil(one.accumulates / one.spikes_read / on.core))
            sent += one.spikes_read * cores
    return on.bill(Traffic(account.steps, found.accumulates, sent, found.spikes, found.cell_steps))


__all__ = ["CHIPS", "Bill", "Chip", "Loihi", "Traffic", "TrueNorth", "bill", "chip", "local_event"]
