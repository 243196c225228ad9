"""What a whole network does for one sample: the operations of its layers, added up."""

from __future__ import annotations

from dataclasses import asdict
from typing import Any

import torch
from torch import Tensor, nn

from rheobase.energy import Account, Operations, account
from rheobase.errors import ParameterError
from rheobase.reproduce.training import Task

BATCH = 50


def counted(net: nn.Module, on: Task, samples: int) -> dict[str, float]:
    """The mean operations for one of the first `samples` test samples, by the names of `Operations`.

    Joules are not stored with them: what an operation is taken to cost can change.

    Raises: `ParameterError` for a network whose layers cannot be counted.
    """
    chosen = on.data.x_test[:samples]
    found: list[Account] = []
    for first in range(0, len(chosen), BATCH):
        part = chosen[first : first + BATCH]
        index = torch.arange(first, first + len(part))
        found.append(account(net, on.encoder(part, seed=0, index=index).float()))
    return asdict(_whole(Account.of(found)))


def of_network(net: nn.Module, x: Tensor) -> Operations:
    """The operations of a network on x (time, batch, ...): the spikes that enter it, and all that follows."""
    return _whole(account(net, x))


def _whole(found: Account) -> Operations:
    if found.uncounted:
        named = "; ".join(f"{layer.label}: {layer.uncounted}" for layer in found.uncounted)
        raise ParameterError("costs", named, "layers that are all counted", "give them a method counted(x, out)")
    return found.total


def summed(found: dict[str, Any]) -> tuple[float, float, float, float]:
    """Spikes, accumulates, multiply-accumulates (of synapses and of cells) and functions of what `counted` gave."""
    products = found["multiply_accumulates"] + found["updates"]
    return found["spikes"], found["accumulates"], products, found["functions"]
