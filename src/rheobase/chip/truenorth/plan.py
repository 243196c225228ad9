"""A configuration as the compiled emulator reads it: rows of numbers, kept once, and a record of each core.

A row holds one number (or bit) for each neuron or axon of a core. Cores whose rows are the same share them: a parameter
that is the same for all neurons of a chip takes 512 bytes, and stays in the first-level cache.
"""

from __future__ import annotations

import hashlib
from dataclasses import dataclass

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor

from rheobase.chip.truenorth.board import AXONS, HOST, NEURONS, TYPES
from rheobase.chip.truenorth.configuration import Configuration
from rheobase.chip.truenorth.core_class import CHUNK, Classes, classes_of

LINE = 64  # bytes: rows begin at lines of the cache, which records count
WIDE, STOCHASTIC, DRAWS = 1, 2, 4  # bits of a core's kind
# numbers of a record: its kind, its row among the potentials of its width, which types of axon are stochastic (bits),
# the least of its negative thresholds; and where its rows begin
RECORD = (
    "kind", "row", "stochastic", "least", "types", "of_type", "weight_0", "weight_1", "weight_2", "weight_3",
    "size_0", "size_1", "size_2", "size_3", "leak", "alpha", "beta", "R", "modes", "leak_size", "eta_bits",
)  # fmt: skip
TARGET_BITS, DELAY_BITS = (
    26,
    4,
)  # of the 64 bits on a neuron's target: its axon among all, and the delay (0: to no core)
# and, with their place and width, what a spike there is counted as
PRESENT = {"host": (TARGET_BITS + DELAY_BITS, 1), "hops": (32, 16), "crossings": (48, 8)}


@dataclass(frozen=True, eq=False)
class Plan:
    """`tables`: bytes of all rows. `records` int32 (cores, len(RECORD)). `targets` int64 (cores, neurons)."""

    classes: Classes
    tables: Tensor
    records: NDArray[np.int32]
    targets: NDArray[np.int64]


class _Tables:
    """Rows, each kept once."""

    def __init__(self) -> None:
        self.data = bytearray()
        self.known: dict[bytes, int] = {}

    def row(self, values: NDArray[np.generic]) -> int:
        """Where a row begins, in lines."""
        raw = values.tobytes()
        mark = hashlib.blake2b(raw, digest_size=16).digest()
        found = self.known.get(mark)
        if found is None:
            found = self.known[mark] = len(self.data) // LINE
            self.data += raw + bytes(-len(raw) % LINE)
        return found


def plan_of(net: Configuration, v: NDArray[np.int32], cores: range) -> Plan:
    """The plan for a run of some cores that begins at potentials `v`; of the others nothing is kept."""
    classes, tables, every = classes_of(net, v, cores), _Tables(), net.board.n_cores
    records, targets = np.zeros((every, len(RECORD)), np.int32), np.empty((every, NEURONS), np.int64)
    kinds = np.where(classes.narrow, 0, WIDE)
    kinds |= np.where(classes.draws | classes.stochastic.any(1), STOCHASTIC, 0) | np.where(classes.draws, DRAWS, 0)
    records[:, RECORD.index("kind")] = kinds
    for narrow in (True, False):
        among = cores.start + np.flatnonzero(classes.narrow[cores.start : cores.stop] == narrow)
        records[among, RECORD.index("row")] = np.arange(len(among))
    records[:, RECORD.index("stochastic")] = classes.stochastic @ (1 << np.arange(TYPES))
    rows = range(RECORD.index("types"), len(RECORD))
    for first in range(cores.start, cores.stop, CHUNK):
        part = slice(first, min(cores.stop, first + CHUNK))
        targets[part] = _targets(net, part)
        for core in range(part.start, part.stop):
            found = _rows(net, core, classes)
            records[core, RECORD.index("least")] = found["beta"].min()
            records[core, rows] = [tables.row(found[name]) for name in RECORD[rows.start :]]
    # torch begins its memory at a line
    held = torch.empty(len(tables.data), dtype=torch.uint8)
    held.numpy()[:] = np.frombuffer(tables.data, np.uint8)
    return Plan(classes, held, records, targets)


def _rows(net: Configuration, core: int, classes: Classes) -> dict[str, NDArray[np.generic]]:
    """The rows of one core, by their name in its record."""
    narrow = bool(classes.narrow[core])
    number, weight = (np.int16, np.int8) if narrow else (np.int32, np.int16)
    most = np.iinfo(number).max
    s, b = net.s[core].astype(np.int64), net.b[core]
    leak, c = net.leak[core].astype(np.int64), net.c[core]
    eta = (1 << net.TM[core].astype(np.int64)) - 1
    kinds, gamma = net.axon_type[core], net.gamma[core]
    modes = np.stack([gamma == 0, gamma == 1, net.kappa[core], net.epsilon[core]])
    found: dict[str, NDArray[np.generic]] = {
        "types": np.ascontiguousarray(kinds),
        "of_type": _bits(kinds == np.arange(TYPES)[:, None]),
        "leak": np.where(c, np.sign(leak), leak).astype(np.int16),
        "leak_size": _size(leak, c),
        "alpha": net.alpha[core].astype(number),
        "R": net.R[core].astype(number),
        "modes": _bits(modes),
        # one that no potential of a narrow core meets may be beyond 16 bits
        "beta": np.minimum(net.beta[core], most - eta).astype(number),
        "eta_bits": eta.astype(number),
    }
    for kind in range(TYPES):
        found[f"weight_{kind}"] = np.where(b[kind], np.sign(s[kind]), s[kind]).astype(weight)
        found[f"size_{kind}"] = _size(s[kind], b[kind])
    return found


def _size(s: NDArray[np.int64], chance: NDArray[np.bool_]) -> NDArray[np.uint8]:
    """What 8 random bits must not exceed; what is not of chance is always met."""
    return np.where(chance, np.abs(s).clip(max=255), 255).astype(np.uint8)


def _bits(mask: NDArray[np.bool_]) -> NDArray[np.uint8]:
    return np.packbits(mask, axis=-1, bitorder="little")


def _targets(net: Configuration, part: slice) -> NDArray[np.int64]:
    """The 64 bits on the target of each neuron of some cores."""
    target = net.target[part].astype(np.int64)
    sent = target >= 0
    source = np.arange(part.start, part.stop)[:, None]
    goal = np.where(sent, target, source)
    axon = np.where(sent, goal * AXONS + net.target_axon[part], 0)
    word = axon | np.where(sent, net.delay[part], 0).astype(np.int64) << TARGET_BITS
    counted = {
        "host": target == HOST,
        "hops": net.board.hops(source, goal),
        "crossings": net.board.crossings(source, goal),
    }
    for name, (shift, _) in PRESENT.items():
        word |= counted[name].astype(np.int64) << shift
    return word
