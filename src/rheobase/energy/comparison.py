"""A spiking network beside an ordinary one: arithmetic alone, with memory traffic, and the bit-matched counterpart."""

from __future__ import annotations

from dataclasses import dataclass, field, replace
from html import escape
from typing import Any

from rheobase.cards import aligned, grid
from rheobase.checks import is_number
from rheobase.energy import tables
from rheobase.energy.account import Account, CountedLayer
from rheobase.energy.counterpart import matched_bits, of_layer
from rheobase.energy.operation_counts import Operations
from rheobase.energy.processes import CMOS45, Process, Words, function
from rheobase.energy.span import Span, total
from rheobase.errors import NotRepresentable, ParameterError

PARTS = ("synapses", "cells", "weights", "states", "spikes")
_MOVED = ("synapses", "weights", "spikes")  # what goes with the activity of the network


def with_memory(layer: CountedLayer, process: Process, words: Words) -> dict[str, Span]:
    """Joules of one layer for one sample: arithmetic of synapses and of cells; weights, states and spikes moved."""
    found = layer.operations or Operations()
    lines = max(layer.lines, 1)
    sums, products = process.add(words.state), process.multiply(words.weight, words.value)
    own = process.multiply(words.state, words.state)
    fetched = found.accumulates + found.multiply_accumulates if layer.weights else 0.0
    spikes, values = found.spikes_read, found.values_read
    if process.by_synapse:
        spikes, values = found.accumulates, found.multiply_accumulates
    return {
        "synapses": sums * found.accumulates + (sums + products) * found.multiply_accumulates,
        "cells": sums * found.sums + own * found.updates + function(process, words.state) * found.functions,
        "weights": process.word(words.weight, layer.weights * words.weight) * fetched,
        "states": process.word(words.state, layer.words * words.state) * found.state_words,
        "spikes": process.spike(lines) * spikes + process.value(words.value, lines) * values,
    }


@dataclass(frozen=True, repr=False)
class Comparison:
    """The energy of one sample, three times; all are estimates by counting, none is measured.

    arithmetic   what papers quote: 0.9 pJ an accumulate, 4.6 pJ a multiply-accumulate, at synapses alone
    spiking      integers of `words`, with the cells, and all traffic of weights, states and spikes
    ordinary     the counterpart: the same layers once, without spikes, on activations of `bits` bits, weights as wide;
                 None where there is none, for the reason `refused`
    break_even   the activity from which the spiking network costs more than the ordinary one, with its range: None
                 where there is no counterpart, 0 where states alone cost more, above 1 where it always costs less
    """

    account: Account
    process: Process
    words: Words
    arithmetic: Span
    layers: dict[str, dict[str, Span]]
    bits: int
    ordinary: Span | None
    ordinary_layers: dict[str, Span] = field(default_factory=dict[str, Span])
    refused: str = ""
    break_even: Span | None = None

    @property
    def spiking(self) -> Span:
        """The energy with memory traffic."""
        return total([span for parts in self.layers.values() for span in parts.values()])

    @property
    def parts(self) -> dict[str, Span]:
        """Its parts over all layers, by the names of `PARTS`."""
        return {name: total([parts[name] for parts in self.layers.values()]) for name in PARTS}

    def spiking_at(self, activity: float) -> Span:
        """The energy with memory traffic, were the activity of all layers as many times what it is."""
        times = self._times(activity)
        return total([part * (times if name in _MOVED else 1.0) for name, part in self.parts.items()])

    def ordinary_at(self, activity: float) -> Span:
        """The energy of the counterpart, whose zeros follow from the activity."""
        if self.ordinary is None:
            raise NotRepresentable("ordinary network", self.refused, "layers that read one step", "compare those apart")
        times = self._times(activity)
        found = (of_layer(layer, self.account, self.process, self.words, times) for layer in self.account.layers)
        return total([span for span in found if span is not None])

    def _times(self, activity: float) -> float:
        if not is_number(activity, least=0):
            raise ParameterError("Comparison", f"activity {activity!r}", "a share of lines, 0 or more", "0.1 is 10 %")
        return activity / self.account.activity if self.account.activity else 0.0

    def __str__(self) -> str:
        left = {0}
        table = aligned([tables.LAYERS, *tables.layer_rows(self)], left)
        return "\n".join([table, "", aligned([tables.NUMBERS, *tables.number_rows(self)], left), *tables.notes(self)])

    __repr__ = __str__

    def _repr_html_(self) -> str:
        return self.html()

    def html(self) -> str:
        """The tables for a page or a notebook."""
        made = [
            grid(head, rows, [k > 0 for k in range(len(head))], "")
            for head, rows in ((tables.NUMBERS, tables.number_rows(self)), (tables.LAYERS, tables.layer_rows(self)))
        ]
        notes = "\n".join(f"<p>{escape(note)}</p>" for note in tables.notes(self))
        return f'<div class="scroll">\n{made[0]}\n</div>\n{notes}\n<div class="scroll">\n{made[1]}\n</div>'

    def as_json(self) -> dict[str, Any]:
        """All numbers, in joules for one sample; every span as low, nominal and high."""
        return {
            "unit": "J",
            "process": self.process.name,
            "words": vars(self.words),
            "activity": self.account.activity,
            "arithmetic": self.arithmetic.as_json(),
            "spiking": self.spiking.as_json(),
            "parts": {name: span.as_json() for name, span in self.parts.items()},
            "layers": {name: {k: v.as_json() for k, v in parts.items()} for name, parts in self.layers.items()},
            "ordinary": None if self.ordinary is None else self.ordinary.as_json(),
            "ordinary_bits": self.bits,
            "refused": self.refused or None,
            "break_even": None if self.break_even is None else self.break_even.as_json(),
        }


def compare(account: Account, *, process: Process | None = None, words: Words | None = None) -> Comparison:
    """The three numbers of a network that was counted; see `Comparison`.

    The counterpart of T steps has activations of ceil(log2(T + 1)) bits, which hold the number of spikes of T steps
    (Yan et al., 2026). It is derived, not trained: that an ordinary network of that width is as accurate is their
    theorem for neurons without leak that count rates, and a guess elsewhere. Layers that take something from one step
    to later ones at their synapses (lateral weights, delays, gates) have no such counterpart.

    Raises: `NotRepresentable` for an account in which layers are not counted: a sum without them would be too small;
    `ParameterError` for what is no account, and for a network without synapses.

    >>> from torch import nn
    >>> from rheobase import neurons
    >>> from rheobase.energy import account
    >>> from rheobase.nn import Sequential
    >>> import torch
    >>> net = Sequential(nn.Linear(8, 4), neurons.LIF(4, dt=1.0))
    >>> found = compare(account(net, (torch.rand(20, 2, 8) < 0.3).float()))
    >>> found.arithmetic.nominal < found.spiking.nominal
    True
    """
    if not isinstance(account, Account):  # pyright: ignore[reportUnnecessaryIsInstance]
        given = f"a {type(account).__name__}"
        raise ParameterError("compare", given, "what `account` gives", "compare(account(net, x))")
    if not isinstance(words or Words(), Words):  # pyright: ignore[reportUnnecessaryIsInstance]
        raise ParameterError("compare", f"words={words!r}", "a Words", "words=Words(weight=4)")
    if isinstance(process, type) or not hasattr(process or CMOS45(), "by_synapse"):
        raise ParameterError("compare", f"process={process!r}", "a Process", "process=CMOS45()")
    if account.uncounted:
        named = "; ".join(f"{layer.label}: {layer.uncounted}" for layer in account.uncounted)
        raise NotRepresentable("compare", named, "layers that are all counted", "give them a method counted(x, out)")
    if not account.steps:
        raise ParameterError("compare", "sequences without a step", "one step at least", "leave empty ones out")
    if not any(layer.synaptic for layer in account.layers):
        raise ParameterError("compare", "a network without synapses", "one with weights", "add a linear layer")
    process, words = process or CMOS45(), words or Words()
    layers = {layer.label: with_memory(layer, process, words) for layer in account.layers}
    refused = "; ".join(f"{layer.label} reads {layer.through}" for layer in account.layers if layer.through)
    bits = matched_bits(account.steps)
    made = Comparison(account, process, words, account.total.synaptic, layers, bits, None, refused=refused)
    if refused:
        return made
    each = {layer.label: of_layer(layer, account, process, words, 1.0) for layer in account.layers}
    other = {name: span for name, span in each.items() if span is not None}
    made = Comparison(account, process, words, account.total.synaptic, layers, bits, total([*other.values()]), other)
    return replace(made, break_even=equal_cost(made) if account.activity else None)


def equal_cost(made: Comparison) -> Span:
    """The activity at which both cost as much, with its range within those of the constants; some activity is there."""
    middle = _crossing(made, "nominal", "nominal")
    low, high = _crossing(made, "high", "low"), _crossing(made, "low", "high")
    return Span(min(low, middle), middle, max(high, middle))


def _crossing(made: Comparison, ours: str, theirs: str) -> float:
    """The activity at which both cost as much, by ends of their ranges: by halving, as both grow with it."""

    def excess(activity: float) -> float:
        return getattr(made.spiking_at(activity), ours) - getattr(made.ordinary_at(activity), theirs)

    low, high = 0.0, 2.0
    if excess(low) >= 0:
        return 0.0
    if excess(high) <= 0:
        return high
    for _ in range(50):
        middle = 0.5 * (low + high)
        low, high = (middle, high) if excess(middle) < 0 else (low, middle)
    return 0.5 * (low + high)
