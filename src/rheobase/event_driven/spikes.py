"""The result of a run."""

from __future__ import annotations

from dataclasses import dataclass, field

import numpy as np
from numpy.typing import NDArray

Floats = NDArray[np.float64]
Integers = NDArray[np.int64]


@dataclass(frozen=True, eq=False)
class Spikes:
    """Spike times of a network, by time and then by neuron.

    `neuron`, `time` (ms): shape (spikes,). `v`: (recorded times, recorded neurons). `arrivals`: synaptic events.
    `t_stop` (ms): how far it ran.

    `margin`, shape (neurons,): the smallest distance between the threshold and a maximum of v. Such a maximum stayed
    below the threshold; or, if the neuron fired, it is the one that v would have reached without the reset and without
    later arrivals. The start and the end of a run count as maxima. A change of v smaller than `margin` changes the
    number of spikes only if it moves a spike past another event.

        >>> spikes = Spikes(2, np.array([1, 0, 1]), np.array([0.5, 2.0, 3.5]))
        >>> spikes.counts, spikes.of(1), spikes.first
        (array([1, 2]), array([0.5, 3.5]), array([2. , 0.5]))
    """

    n_neurons: int
    neuron: Integers
    time: Floats
    v: Floats = field(default_factory=lambda: np.empty((0, 0)), repr=False)
    margin: Floats = field(default_factory=lambda: np.empty(0), repr=False)
    arrivals: int = 0
    t_stop: float = float("inf")

    def __len__(self) -> int:
        return len(self.time)

    def of(self, neuron: int) -> Floats:
        """The spike times of one neuron."""
        return self.time[self.neuron == neuron]

    @property
    def counts(self) -> Integers:
        """How often each neuron fired."""
        return np.bincount(self.neuron, minlength=self.n_neurons)

    @property
    def first(self) -> Floats:
        """When each neuron fired first; infinity where it did not."""
        times = np.full(self.n_neurons, np.inf)
        # written last to first, so that the first stays
        times[self.neuron[::-1]] = self.time[::-1]
        return times
