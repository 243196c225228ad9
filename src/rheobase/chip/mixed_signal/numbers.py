"""The random numbers of a die: functions of its seed, of a layer, and of a device's place, in any number of dies."""

from __future__ import annotations

import enum
import math
from collections.abc import Sequence

import torch
from torch import Tensor

from rheobase.core.random_numbers import unit, words

MOST_SEED = 1 << 32  # dies of evaluation are named below it, those of training above
KINDS = 16  # streams of one layer


class Kind(enum.IntEnum):
    """What a number of a layer is for."""

    FOUND = 0
    EXPONENT = 1
    FLICKER = 2
    STUCK = 3
    READ = 4
    CELLS = 5  # and the streams from there on, one for each constant


def stream(layer: int, kind: Kind, more: int = 0) -> int:
    """The stream of a layer's numbers of one kind."""
    return KINDS * layer + kind + more


def seeded(seeds: Sequence[int], device: torch.device) -> Tensor:
    """Seeds as a column, (dies, 1)."""
    return torch.tensor(list(seeds), dtype=torch.int64, device=device)[:, None]


def normals(seeds: Sequence[int], count: int, which: int, device: torch.device) -> Tensor:
    """Standard normal numbers, (dies, count), float32."""
    lanes = torch.arange(count, device=device)
    return gaussian(*words(lanes, seeded(seeds, device), 0, which))


def uniforms(seeds: Sequence[int], count: int, which: int, device: torch.device) -> Tensor:
    """Uniform numbers in (0, 1), (dies, count), float32."""
    lanes = torch.arange(count, device=device)
    return unit(words(lanes, seeded(seeds, device), 0, which)[0], torch.float32)


def gaussian(first: Tensor, second: Tensor) -> Tensor:
    """Standard normal numbers of pairs of words, as `random_numbers.normal` makes them."""
    u, v = unit(first, torch.float32), unit(second, torch.float32)
    return torch.sqrt(-2.0 * torch.log(u)) * torch.cos((2.0 * math.pi) * v)
