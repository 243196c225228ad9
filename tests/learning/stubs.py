"""A small network and encoder that keep the contracts, with everything that makes resuming hard: dropout, batch
norm, learnable leaks, an encoder with noise."""

from __future__ import annotations

import torch
from torch import Tensor, nn

from rheobase.learning import Callback, Recipe
from rheobase.learning.training.sampler import derive_seed

CLASSES, FEATURES, STEPS = 3, 6, 5


class Cells(nn.Module):
    """Spikes where a leaky sum passes 1, with a gradient straight through."""

    graded = False

    def __init__(self, n: int):
        super().__init__()
        self.leak = nn.Parameter(torch.full((n,), 0.8))

    def forward(self, x: Tensor) -> Tensor:
        v, outs = torch.zeros_like(x[0]), []
        for current in x:
            v = self.leak * v + current
            z = (v >= 1).to(v.dtype)
            outs.append(z + (v - v.detach()))  # the bracket is exactly 0
            v = v - z
        return torch.stack(outs)


class Net(nn.Module):
    """(time, batch, features) -> (time, batch, classes), states."""

    def __init__(self, seed: int = 0, hidden: int = 12):
        super().__init__()
        generator = torch.random.get_rng_state()
        torch.manual_seed(seed)
        self.first = nn.Linear(FEATURES, hidden)
        self.norm = nn.BatchNorm1d(hidden)
        self.cells = Cells(hidden)
        self.drop = nn.Dropout(0.3)
        self.last = nn.Linear(hidden, CLASSES)
        torch.random.set_rng_state(generator)

    def forward(self, x: Tensor, states: None = None) -> tuple[Tensor, tuple[()]]:
        current = self.first(x)
        current = self.norm(current.flatten(0, 1)).view_as(current)
        return self.last(self.drop(self.cells(current))).cumsum(0), ()


class NoisyRepeat:
    """x repeated over time, plus noise that depends on (seed, index) alone."""

    def __init__(self, fail_at: int | None = None):
        self.calls, self.fail_at = 0, fail_at
        self.seen: list[tuple[int, tuple[int, ...]]] = []

    def __repr__(self) -> str:
        return "NoisyRepeat()"

    def __call__(self, x: Tensor, *, seed: int, index: Tensor | None = None) -> Tensor:
        assert index is not None
        assert len(index) == len(x)
        self.calls += 1
        self.seen.append((seed, tuple(index.tolist())))
        if self.calls == self.fail_at:
            raise KeyboardInterrupt
        noise = []
        for i in index.tolist():
            generator = torch.Generator().manual_seed(derive_seed(seed, "noise", i))
            noise.append(torch.randn(STEPS, FEATURES, generator=generator))
        return x + 0.3 * torch.stack(noise, 1)


class InterruptAt(Callback):
    """Raises Ctrl-C after a batch of an epoch, or after the epoch where `batch` is None."""

    def __init__(self, epoch: int, batch: int | None):
        self.epoch, self.batch, self.ended = epoch, batch, 0

    def on_batch(self, record) -> None:
        if (record.epoch, record.batch) == (self.epoch, self.batch):
            raise KeyboardInterrupt

    def on_epoch(self, history) -> None:
        if self.batch is None and history[-1].epoch == self.epoch:
            raise KeyboardInterrupt

    def on_end(self) -> None:
        self.ended += 1


def samples(n: int, seed: int = 0) -> tuple[Tensor, Tensor]:
    generator = torch.Generator().manual_seed(seed)
    y = torch.arange(n) % CLASSES
    x = 0.5 * torch.randn(n, FEATURES, generator=generator)
    x[torch.arange(n), y] += 2.0
    return x, y


def recipe(**changes) -> Recipe:
    """Everything switched on that keeps state."""
    settings = dict(
        epochs=3,
        batch_size=8,
        loss="sum",
        optimiser="adamw",
        learning_rate=0.02,
        schedule="one-cycle",
        weight_decay=0.01,
        clip_norm=1.0,
        seed=3,
    )
    return Recipe(**(settings | changes))


def same_bits(a: nn.Module, b: nn.Module) -> bool:
    first, second = a.state_dict(), b.state_dict()
    return first.keys() == second.keys() and all(torch.equal(first[k], second[k]) for k in first)
