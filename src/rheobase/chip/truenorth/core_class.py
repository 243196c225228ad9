"""Which numbers the cores of a configuration need: 16 bits or more, and random ones or none.

A core is narrow where a bound shows that its potentials stay within 16 bits, and its weights fit 8. Between two ticks a
potential lies in [low, high]: at most just below the threshold or at a reset, at least at the negative threshold or a
reset; in a tick it moves by no more than all its synapses and its leak together.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from rheobase.chip.truenorth.board import NEURONS, TYPES
from rheobase.chip.truenorth.configuration import Configuration

SHORT = np.iinfo(np.int16)
CHUNK = 64  # cores at a time, so that a whole chip takes little memory
Longs = NDArray[np.int64]


@dataclass(frozen=True, eq=False)
class Classes:
    """Of each core: narrow or not, which types of axon are stochastic, whether its neurons draw in each tick.

    `low`, `high`, int16 (cores, neurons): where the potentials of narrow cores stay.
    """

    among: range  # the cores that were looked at
    narrow: NDArray[np.bool_]
    stochastic: NDArray[np.bool_]  # (cores, types)
    draws: NDArray[np.bool_]
    low: NDArray[np.int16]
    high: NDArray[np.int16]

    def hold(self, v: NDArray[np.int32]) -> bool:
        """Whether potentials lie where those of narrow cores stay."""
        inside = (v >= self.low) & (v <= self.high)
        return bool((inside.all(1) | ~self.narrow).all())


def classes_of(net: Configuration, v: NDArray[np.int32], among: range) -> Classes:
    """The classes of some cores for a run that begins at potentials `v`; of the others nothing is known."""
    cores = net.board.n_cores
    narrow, draws = np.zeros(cores, bool), np.zeros(cores, bool)
    stochastic = np.zeros((cores, TYPES), bool)
    low, high = (np.zeros((cores, NEURONS), np.int16) for _ in range(2))
    for first in range(among.start, among.stop, CHUNK):
        part = slice(first, min(among.stop, first + CHUNK))
        stochastic[part] = net.b[part].any(-1)
        draws[part] = (net.c[part] | (net.TM[part] > 0)).any(-1)
        least, most, fits = _bounds(net, part, v[part].astype(np.int64))
        narrow[part] = fits
        low[part], high[part] = (x.clip(SHORT.min, SHORT.max) for x in (least, most))
    return Classes(among, narrow, stochastic, draws, low, high)


def fan_in(net: Configuration, part: slice) -> Longs:
    """How many axons of each type reach each neuron, (cores, types, neurons)."""
    found = np.zeros((part.stop - part.start, TYPES, NEURONS), np.int64)
    for k, core in enumerate(range(part.start, part.stop)):
        bits = np.unpackbits(net.crossbar[core], axis=-1, bitorder="little")
        for kind in range(TYPES):
            found[k, kind] = bits[net.axon_type[core] == kind].sum(0, dtype=np.int64)
    return found


def _bounds(net: Configuration, part: slice, v: Longs) -> tuple[Longs, Longs, NDArray[np.bool_]]:
    """Between ticks, where potentials lie; and whether the cores are narrow."""
    alpha, beta, R, leak = (x[part].astype(np.int64) for x in (net.alpha, net.beta, net.R, net.leak))
    eta, gamma, kappa = (1 << net.TM[part].astype(np.int64)) - 1, net.gamma[part], net.kappa[part]
    s = net.s[part].astype(np.int64)
    count, size = fan_in(net, part), np.where(net.b[part], np.sign(s), s)
    away = np.where(net.c[part], np.sign(leak), leak)
    both = net.epsilon[part]
    # what one tick adds at most, and takes away at most
    up = (count * size.clip(0)).sum(1) + np.where(both, np.abs(away), away.clip(0))
    down = (count * (-size).clip(0)).sum(1) + np.where(both, np.abs(away), (-away).clip(0))
    high = np.maximum.reduce([v, alpha + eta - 1, np.abs(R), 0 * v])
    low = np.minimum.reduce([v, -np.abs(R), -beta - eta, 0 * v])
    # a neuron that nothing takes down never meets its negative threshold
    floor = np.minimum(np.minimum(v, R), 0)
    idle = (down == 0) & (floor >= -beta)
    least = np.minimum(beta, SHORT.max - eta)  # as 16 bits hold it
    idle &= floor >= -least
    low, beta = np.where(idle, floor, low), np.where(idle, least, beta)
    # with a linear reset a spike takes away alpha at least; without one nothing ends the way up
    above = (gamma == 0) | ((gamma == 1) & (up <= alpha)) | (up == 0)
    below = kappa | (gamma == 0) | ((gamma == 1) & (down <= beta)) | (down == 0)
    fits = above & below & (low - down >= SHORT.min) & (high + up <= SHORT.max)
    fits &= (alpha + eta <= SHORT.max) & (beta + eta <= SHORT.max) & (np.abs(R) <= SHORT.max)
    weights = ((size >= -128) & (size <= 127)).all((1, 2))
    return low, high, fits.all(1) & weights
