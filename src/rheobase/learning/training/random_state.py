"""The state of torch's random numbers on the CPU and one device, to keep, save and put back."""

from __future__ import annotations

from collections.abc import Generator, Mapping
from contextlib import contextmanager

import torch
from torch import Tensor


def random_state(device: torch.device) -> dict[str, Tensor]:
    """The generators that a computation on `device` draws from, as uint8 tensors on the CPU."""
    states = {"cpu": torch.get_rng_state()}
    if device.type == "cuda":
        states["cuda"] = torch.cuda.get_rng_state(device)
    elif device.type == "mps":
        states["mps"] = torch.mps.get_rng_state()
    return states


def set_random_state(states: Mapping[str, Tensor], device: torch.device) -> None:
    """Put back what `random_state` gave."""
    torch.set_rng_state(states["cpu"])
    if device.type == "cuda":
        torch.cuda.set_rng_state(states["cuda"], device)
    elif device.type == "mps":
        torch.mps.set_rng_state(states["mps"])


@contextmanager
def seeded(seed: int, device: torch.device) -> Generator[None]:
    """Inside, random numbers follow from `seed`; afterwards the caller's generators are as they were.

    >>> before = torch.get_rng_state()
    >>> with seeded(0, torch.device("cpu")):
    ...     x = torch.rand(1)
    >>> torch.equal(before, torch.get_rng_state())
    True
    """
    before = random_state(device)
    torch.manual_seed(seed)
    try:
        yield
    finally:
        set_random_state(before, device)
