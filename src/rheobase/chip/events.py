"""What the run of any chip gives: its spikes, and counts of what happened."""

from __future__ import annotations

from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray


class Events(NamedTuple):
    """Spikes, by tick, then by core, then by neuron: arrays of one length."""

    tick: NDArray[np.int64]
    core: NDArray[np.int64]
    neuron: NDArray[np.int64]


class Counts(NamedTuple):
    """What happened in each tick, int64 (ticks,): what the energy of a run is made of.

    `synaptic_events`: synapses (points of crossbars that are set) of the active axons. `hops`: from router to router,
    of all spikes; `crossings`: from chip to chip. `host`: spikes that leave the board. `merged`: spikes that found
    their axon already active in their tick, and so have no effect.
    """

    spikes: NDArray[np.int64]
    active_axons: NDArray[np.int64]
    synaptic_events: NDArray[np.int64]
    hops: NDArray[np.int64]
    crossings: NDArray[np.int64]
    host: NDArray[np.int64]
    merged: NDArray[np.int64]
