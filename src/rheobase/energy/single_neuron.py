"""The spike rate from which a neuron costs more than its quantised twin, as the published comparison has it."""

from __future__ import annotations

from rheobase.checks import is_whole
from rheobase.energy.account import Account, CountedLayer
from rheobase.energy.comparison import compare, equal_cost
from rheobase.energy.operation_counts import Operations
from rheobase.energy.processes import Process, Words, Yan22
from rheobase.energy.span import Span
from rheobase.errors import ParameterError

MOST_STEPS, MOST_INPUTS = 10_000, 10**9
_ANY = 0.05  # the rate at which it is counted; the break-even does not depend on it


def break_even(
    steps: int = 5, inputs: int = 4096, *, process: Process | None = None, words: Words | None = None
) -> Span:
    """The share of its inputs that spike in a step from which an integrate-and-fire neuron costs more than its twin.

    The neuron adds a weight for each spike, compares in each step, and reads and writes its potential; the twin is an
    ordinary neuron with as many inputs, once, on activations of q = ceil(log2(T + 1)) bits (Yan et al., 2026):

        r T N (move + b read + add) + T (add + 2 s read) = N (q dense + b read + z(r) multiply) + add

    with N inputs, T steps, weights of b bits, potentials of s, and the share z of activations that are not zero
    (`counterpart.nonzero`). Without `process` and `words` the constants are theirs: `Yan22()`, weights of 4 bits,
    potentials of 8. Of a whole network: `compare(account(net, x)).break_even`.

    Returns a share from 0 to 2, with its range within those of the constants: 0 where the potential alone costs more,
    above 1 where the spiking neuron costs less at any rate.

    Raises: `ParameterError` for steps and inputs that are no whole numbers from 1 on, and what `compare` raises.

    Reference: Yan, Bai, Tang & Wong, arXiv 2409.08290v4 (2026): 5.7 % for the defaults.

    >>> f"{break_even().nominal:.1%}"
    '5.7%'
    >>> break_even(2, 4096, words=Words(weight=8, state=8)).nominal > break_even(2, 4096).nominal
    True
    """
    for name, given, most in (("steps", steps, MOST_STEPS), ("inputs", inputs, MOST_INPUTS)):
        if not is_whole(given, 1, most):
            raise ParameterError("break_even", f"{name}={given!r}", f"a whole number from 1 to {most:,}", f"{name}=5")
    process = Yan22() if process is None else process
    words = Words(weight=4, state=8) if words is None else words
    return equal_cost(compare(_neuron(steps, inputs), process=process, words=words))


def _neuron(steps: int, inputs: int) -> Account:
    spikes = _ANY * inputs * steps
    one = Operations(
        accumulates=spikes,
        spikes_read=spikes,
        dense=inputs * steps,
        sums=steps,
        state_words=2 * steps,
    )
    layer = CountedLayer("0", "Linear", one, weights=inputs, lines=inputs, words=1, steps=steps)
    return Account((layer,), 1, steps, 0)
