"""The neurons of a layer onto cores: which share axons, of which type, with which weights."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from rheobase.chip.truenorth.board import AXONS, NEURONS, TYPES


@dataclass(frozen=True, eq=False)
class Packed:
    """Neurons of a layer that stand on one core.

    Shapes: rows (neurons,) of the layer; source, kind (axons,): which input an axon carries, and its type; values
    (4, neurons): the weight of each type; crossbar (axons, neurons).
    """

    rows: NDArray[np.int64]
    source: NDArray[np.int64]
    kind: NDArray[np.int64]
    values: NDArray[np.int64]
    crossbar: NDArray[np.bool_]


def packed(weight: NDArray[np.int64]) -> list[Packed]:
    """Cores for a layer: each neuron goes where it needs the fewest new axons; a new core where none has room.

    An input takes one axon for each type of its synapses on a core. Each neuron has at most 4 values of weights that
    are not 0, on at most 256 inputs.

    >>> [(len(core.rows), len(core.source)) for core in packed(np.ones((300, 200), np.int64))]
    [(256, 200), (44, 200)]
    """
    values, kinds = types_of(weight)
    rows = list[list[int]]()
    used = np.zeros((0, weight.shape[1] * TYPES), bool)  # which (input, type) has an axon on a core
    for row in range(len(weight)):
        (inputs,) = np.nonzero(weight[row])
        pairs = inputs * TYPES + kinds[row, inputs]
        new = (~used[:, pairs]).sum(1)
        room = (used.sum(1) + new <= AXONS) & (np.array([len(own) for own in rows], int) < NEURONS)
        if bool(room.any()):
            core = int(np.argmin(np.where(room, new, AXONS + 1)))
        else:
            core = len(rows)
            rows.append([])
            used = np.concatenate([used, np.zeros((1, used.shape[1]), bool)])
        rows[core].append(row)
        used[core, pairs] = True
    return [_core(weight, values, kinds, np.array(own), np.flatnonzero(u)) for own, u in zip(rows, used, strict=True)]


def _core(
    weight: NDArray[np.int64],
    values: NDArray[np.int64],
    kinds: NDArray[np.int64],
    rows: NDArray[np.int64],
    pairs: NDArray[np.int64],
) -> Packed:
    source, kind = np.divmod(pairs, TYPES)
    here = weight[rows][:, source].T != 0
    return Packed(rows, source, kind, values[rows].T, here & (kind[:, None] == kinds[rows][:, source].T))


def types_of(weight: NDArray[np.int64]) -> tuple[NDArray[np.int64], NDArray[np.int64]]:
    """The value of each type, (out, 4), and the type of each weight, (out, in); that of a 0 means nothing.

    Types are the same for all neurons where a layer has no more than 4 values, so that they share axons; else each
    neuron has its own.

    >>> types_of(np.array([[1, 0, -1], [0, 0, 1]]))[0].tolist()
    [[-1, 1, 0, 0], [-1, 1, 0, 0]]
    """
    shared = np.unique(weight[weight != 0])
    values, kinds = np.zeros((len(weight), TYPES), np.int64), np.zeros_like(weight)
    for row, own in enumerate(weight):
        found = shared if len(shared) <= TYPES else np.unique(own[own != 0])
        values[row, : len(found)] = found
        kinds[row] = np.searchsorted(found, own).clip(0, TYPES - 1)
    return values, kinds
