"""Which samples make up a batch: a pure function of (seed, epoch, position), shared out among processes."""

from __future__ import annotations

import hashlib
from collections.abc import Iterator
from dataclasses import dataclass
from itertools import pairwise

import torch
from torch import Tensor

from rheobase.errors import ParameterError


def derive_seed(seed: int, *what: int | str) -> int:
    """An independent 63-bit seed for one purpose of a run, a pure function of its arguments.

    >>> derive_seed(0, "encoder", 1) == derive_seed(0, "encoder", 1)
    True
    >>> derive_seed(0, "encoder", 1) == derive_seed(0, "encoder", 2)
    False
    """
    digest = hashlib.blake2b(repr((seed, *what)).encode(), digest_size=8).digest()
    return int.from_bytes(digest, "little") >> 1


@dataclass(frozen=True)
class Batch:
    """One batch of an epoch: its place, the samples of all processes, and those of this process."""

    position: int
    everyone: Tensor  # (batch,) int64
    mine: Tensor  # (batch of this process,) int64


@dataclass(frozen=True, kw_only=True)
class Sampler:
    """Cuts `samples` into batches of `batch_size` over all processes together.

    With `shuffle` every epoch has an order of its own, else the order is that of the data. Process `rank` of
    `world` takes every `world`-th sample of a batch, so that the batch itself does not depend on `world`. A
    last batch with fewer samples than processes joins the batch before it.

    Raises: `ParameterError` where there are fewer samples, or a smaller batch, than processes.

    >>> [b.everyone.tolist() for b in Sampler(samples=5, batch_size=2, seed=0, shuffle=False).batches(0)]
    [[0, 1], [2, 3], [4]]
    >>> [b.mine.tolist() for b in Sampler(samples=5, batch_size=2, seed=0, shuffle=False, rank=1, world=2).batches(0)]
    [[1], [3]]
    """

    samples: int
    batch_size: int
    seed: int
    shuffle: bool = True
    rank: int = 0
    world: int = 1

    def __post_init__(self) -> None:
        for name in ("samples", "batch_size"):
            size = getattr(self, name)
            if size < self.world:
                raise ParameterError(
                    "Sampler",
                    f"{name} {size} for {self.world} processes",
                    f"at least {self.world}",
                    f"use a larger {name}, or fewer devices",
                )

    def __len__(self) -> int:
        return len(self._cuts()) - 1

    def _cuts(self) -> list[int]:
        cuts = list(range(0, self.samples, self.batch_size))
        if len(cuts) > 1 and self.samples - cuts[-1] < self.world:
            cuts.pop()
        return [*cuts, self.samples]

    def order(self, epoch: int) -> Tensor:
        """The order of all samples in an epoch, (samples,) int64."""
        if not self.shuffle:
            return torch.arange(self.samples)
        generator = torch.Generator().manual_seed(derive_seed(self.seed, "order", epoch))
        return torch.randperm(self.samples, generator=generator)

    def batches(self, epoch: int, start: int = 0) -> Iterator[Batch]:
        """The batches of an epoch, from the one at position `start` on."""
        order = self.order(epoch)
        for position, (low, high) in enumerate(pairwise(self._cuts())):
            if position >= start:
                everyone = order[low:high]
                yield Batch(position, everyone, everyone[self.rank :: self.world])
