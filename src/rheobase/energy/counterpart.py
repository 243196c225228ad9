"""The ordinary network beside a spiking one: the same layers once, on activations of few bits."""

from __future__ import annotations

import math

from rheobase.energy.account import Account, CountedLayer
from rheobase.energy.processes import Process, Words
from rheobase.energy.span import NOTHING, Span


def of_layer(layer: CountedLayer, account: Account, process: Process, words: Words, times: float) -> Span | None:
    """Joules of a layer's counterpart for one sample; None for one that has nothing to do.

    Every weight is read once and every activation is brought once, zero or not; what is zero is not multiplied. A cell
    is one comparison. `times`: the activity, in multiples of what it was.
    """
    found = layer.operations
    if found is None or layer.folded or not layer.steps:
        return None
    once = 1.0 / account.steps
    bits = words.value if found.values_read else matched_bits(account.steps)
    if layer.synaptic:
        products, lines = found.dense * once, max(layer.lines, 1)
        brought = process.value(bits, lines) * (products if process.by_synapse else lines * layer.steps * once)
        sums = process.add(words.state)
        if not layer.weights:  # a mean
            return sums * products + brought
        share = nonzero(min(1.0, layer.activity * times), account.steps)
        multiplied = process.multiply(words.weight, bits) + sums
        read = process.word(words.weight, layer.weights * words.weight) * products
        cells = sums * (found.cell_steps * once + found.sums * once)
        return multiplied * products * share + read + brought + cells
    if found.cell_steps:
        return process.add(words.state) * (found.cell_steps * once)
    rest = process.multiply(words.weight, bits) * (found.updates * once)
    rest += process.add(words.state) * (found.sums * once)
    return None if rest == NOTHING else rest


def matched_bits(steps: float) -> int:
    """Bits that hold the number of spikes of so many steps.

    >>> matched_bits(5), matched_bits(7), matched_bits(8)
    (3, 3, 4)
    """
    return math.ceil(math.log2(round(steps) + 1))


def nonzero(rate: float, steps: float) -> Span:
    """The share of activations that are not zero, where spikes come at `rate` in a step.

    If all spikes of a sample are of the same lines it is the rate; if each line spikes once, T times that. Between,
    the mean over numbers of spikes from 1 to T (Yan et al., 2026, theorem 2).

    >>> nonzero(0.1, 4)
    Span(low=0.1, nominal=0.16, high=0.4)
    """
    return Span(rate, min(1.0, 2.0 * steps * rate / (steps + 1.0)), min(1.0, steps * rate))
