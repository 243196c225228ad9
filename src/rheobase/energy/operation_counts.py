"""The operations of a layer or a network for one sample, as numbers that add up."""

from __future__ import annotations

from dataclasses import dataclass

from rheobase.energy.constants import ADD_FLOAT32, FUNCTION, MULTIPLY_FLOAT32
from rheobase.energy.span import Span


@dataclass(frozen=True)
class Operations:
    """Means over the samples of a batch, each for a whole sequence. They add up over the layers of a network.

    spikes_in             that enter it from outside
    spikes                that leave it; of an analog layer none
    accumulates           at synapses: a spike at each weight that is not zero
    multiply_accumulates  at synapses: any other value that is not zero, at each such weight
    updates               products of the cells themselves
    functions             sigmoid, tanh, exp and the like
    sums                  additions of the cells themselves, of biases, and between layers
    dense                 what accumulates and multiply-accumulates would be, were no value and no weight zero
    spikes_read           spikes that are brought to synapses: those that enter, and its own that come back
    values_read           other values that are brought to synapses
    cell_steps            updates of a cell
    state_words           words of state that are read or written

    >>> (Operations(spikes=2.0) + 0.5 * Operations(spikes=4.0)).spikes
    4.0
    """

    spikes_in: float = 0.0
    spikes: float = 0.0
    accumulates: float = 0.0
    multiply_accumulates: float = 0.0
    updates: float = 0.0
    functions: float = 0.0
    sums: float = 0.0
    dense: float = 0.0
    spikes_read: float = 0.0
    values_read: float = 0.0
    cell_steps: float = 0.0
    state_words: float = 0.0

    def __add__(self, other: Operations) -> Operations:
        return Operations(*(a + b for a, b in zip(vars(self).values(), vars(other).values(), strict=True)))

    def __mul__(self, factor: float) -> Operations:
        return Operations(*(factor * value for value in vars(self).values()))

    __rmul__ = __mul__

    @property
    def synaptic(self) -> Span:
        """Joules of what happens at synapses, on 32-bit floats in 45 nm: the number that papers quote.

        >>> round(Operations(accumulates=1e9, updates=1e9).synaptic.nominal, 6)
        0.0009
        """
        add, multiply = ADD_FLOAT32.value, MULTIPLY_FLOAT32.value
        return add * self.accumulates + (add + multiply) * self.multiply_accumulates

    @property
    def energy_range(self) -> Span:
        """Joules of all arithmetic, that of the cells with it, on 32-bit floats in 45 nm: nothing of it is for memory.

        >>> round(Operations(accumulates=1e9, multiply_accumulates=1e9).energy_range.nominal, 6)
        0.0055
        """
        add, multiply = ADD_FLOAT32.value, MULTIPLY_FLOAT32.value
        cells = add * self.sums + multiply * self.updates + (add + multiply) * FUNCTION.value * self.functions
        return self.synaptic + cells

    def energy(self) -> float:
        """The nominal joules of `energy_range`.

        >>> round(Operations(accumulates=1e9, updates=1e9).energy(), 6)
        0.0046
        """
        return self.energy_range.nominal
