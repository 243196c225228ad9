"""What energy costs, in words: rows and notes for a terminal, a page and a notebook."""

from __future__ import annotations

from typing import TYPE_CHECKING

from rheobase.energy.span import Span, total

if TYPE_CHECKING:
    from rheobase.energy.chips import Bill
    from rheobase.energy.comparison import Comparison

LAYERS = ("layer", "activity", "AC", "MAC", "synapses", "cells", "weights", "states", "spikes", "spiking", "ordinary")
NUMBERS = ("energy of one sample", "nominal", "range")
_UNITS = ((1.0, "J"), (1e-3, "mJ"), (1e-6, "uJ"), (1e-9, "nJ"), (1e-12, "pJ"))


def joules(value: float) -> str:
    """Energy with three digits and a unit that fits.

    >>> joules(1.6829e-6), joules(0.0), joules(3e-14)
    ('1.68 uJ', '0', '0.03 pJ')
    """
    if not value:
        return "0"
    size, unit = next(((size, unit) for size, unit in _UNITS if value >= 0.9995 * size), _UNITS[-1])
    return f"{value / size:.3g} {unit}"


def ranged(span: Span) -> str:
    """The ends of a span.

    >>> ranged(Span(1e-6, 2e-6, 3e-6))
    '1 uJ to 3 uJ'
    """
    return f"{joules(span.low)} to {joules(span.high)}"


def layer_rows(found: Comparison) -> list[tuple[str, ...]]:
    """For every layer its activity, operations and energies, and a row for the whole network."""
    rows: list[tuple[str, ...]] = []
    for layer in found.account.layers:
        parts, one = found.layers[layer.label], layer.operations
        energies = [joules(part.nominal) for part in (*parts.values(), total([*parts.values()]))]
        other = found.ordinary_layers.get(layer.label)
        acs, macs = ("-", "-") if one is None else (count(one.accumulates), count(one.multiply_accumulates))
        active = f"{100 * layer.activity:.3g} %" if layer.synaptic else "-"
        last = "-" if found.ordinary is None else "0" if other is None else joules(other.nominal)
        rows.append((layer.label + " (folded)" * layer.folded, active, acs, macs, *energies, last))
    whole, last = found.account.total, "-" if found.ordinary is None else joules(found.ordinary.nominal)
    sums = [joules(part.nominal) for part in (*found.parts.values(), found.spiking)]
    active = f"{100 * found.account.activity:.3g} %"
    acs, macs = count(whole.accumulates), count(whole.multiply_accumulates)
    return [*rows, ("whole network", active, acs, macs, *sums, last)]


def number_rows(found: Comparison) -> list[tuple[str, str, str]]:
    """The three numbers."""
    first, second, third = names(found)
    rows = [
        (first, joules(found.arithmetic.nominal), ranged(found.arithmetic)),
        (second, joules(found.spiking.nominal), ranged(found.spiking)),
    ]
    if found.ordinary is None:
        return [*rows, (third, "-", "none: see below")]
    return [*rows, (third, joules(found.ordinary.nominal), ranged(found.ordinary))]


def names(found: Comparison) -> tuple[str, str, str]:
    """What the three numbers are."""
    return (
        "synapses alone, as papers quote it",
        "spiking, with memory traffic",
        f"ordinary network, activations of {found.bits} bits",
    )


def notes(found: Comparison) -> list[str]:
    """What the numbers are, what was assumed, and where the spiking network stops winning."""
    words, account = found.words, found.account
    lines = [
        f"Means over {account.samples} samples of {account.steps:g} steps. Estimates by counting; nothing was measured "
        "on a chip.",
        "synapses alone: 0.9 pJ for an accumulate, 4.6 pJ for a multiply-accumulate (32-bit floats, 45 nm).",
        f"The other two: {found.process.name}; weights of {words.weight} bits, states of {words.state}, analog values "
        f"of {words.value}; every weight is read at each use, every state read and written in each step.",
    ]
    if found.refused:
        return [*lines, f"No ordinary counterpart: {found.refused}. It would have to read one step alone."]
    lines.append(
        f"The ordinary network has the same layers, run once; {found.bits} bits hold the spikes of {account.steps:g} "
        "steps. It was derived, not trained: its accuracy is not known."
    )
    return [*lines, break_even(found)]


def break_even(found: Comparison) -> str:
    """In a sentence, how active the network is, and below which activity it costs less than its twin."""
    at, total = found.break_even, found.account.total
    if at is None:
        return "Nothing enters the synapses, so there is no activity at which the two cost as much."
    what = "spikes and values come" if total.values_read else "spikes come"
    now = f"In a step, {what} at {100 * found.account.activity:.3g} % of the lines of its synapses"
    return f"{now}; {wins(found, at)}."


def wins(found: Comparison, at: Span) -> str:
    """Below which activity the network costs less than its quantised twin, in a clause."""
    twin = f"against its quantised twin (activations of {found.bits} bits; {found.process.name})"
    if at.nominal == 0.0:
        return f"{twin} it wins at no activity: its cells and states alone cost more"
    if at.nominal >= 1.0:
        return f"{twin} it wins at any activity"
    ends = f"{100 * at.low:.3g} to {100 * min(at.high, 1.0):.3g} %"
    return f"{twin} it wins below {100 * at.nominal:.3g} % ({ends} within the ranges)"


def bill_rows(bill: Bill) -> list[tuple[str, str, str]]:
    """The parts of a chip's bill and their sum."""
    rows = [(name, joules(part.nominal), ranged(part)) for name, part in bill.parts.items()]
    return [*rows, ("whole bill", joules(bill.total.nominal), ranged(bill.total))]


def bill_notes(bill: Bill) -> list[str]:
    """Power and its density, what the headline would give, and what was assumed."""
    power, density = 1e3 * bill.power.nominal, 1e3 * bill.density.nominal
    lines = [f"{1e3 * bill.seconds:g} ms, {power:.3g} mW, {density:.3g} mW/cm2 on {bill.area:g} cm2."]
    if bill.headline is not None:
        lines.append(
            f"26 pJ for each synaptic event, the paper's headline, would be {joules(bill.headline.nominal)}; it has "
            "the power of the chip in it, at 20 Hz and 128 synapses, and is never added."
        )
    return [*lines, *bill.notes]


def count(value: float) -> str:
    """A number of operations or spikes, in three digits.

    >>> count(0), count(12.5), count(45_600), count(7.8e9)
    ('0', '12.5', '45.6 k', '7.8 G')
    """
    for unit in ("", " k", " M"):
        if value < 999.5:
            return f"{value:.3g}{unit}"
        value /= 1000
    return f"{value:.3g} G"
