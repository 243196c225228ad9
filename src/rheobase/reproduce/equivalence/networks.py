"""Random networks in discrete time whose arithmetic is exact: weights on a grid, dyadic decays, whole delays."""

from __future__ import annotations

from dataclasses import dataclass
from itertools import pairwise

import torch
from torch import Tensor
from torch import nn as torch_nn

from rheobase import nn
from rheobase.core import Neuron
from rheobase.equivalence import StepLIF, exact_steps, to_grid
from rheobase.errors import ParameterError, nearest
from rheobase.learning.training.random_state import seeded

KINDS = ("feedforward", "recurrent", "convolutional")
INPUTS, SIDE = 8, 5


@dataclass(frozen=True)
class Choice:
    """A kind of random network. `leaks` is the convention of the reset; a decay of 1 is IF, where both are one."""

    kind: str
    leaks: bool
    decay: float
    delays: bool
    bits: int = 10

    @property
    def reset(self) -> str:
        """The convention in a formula."""
        if self.decay == 1.0:
            return "v - w s"
        return "decay (v - w s) + i" if self.leaks else "decay v + i - w s"


def made(choice: Choice, seed: int) -> nn.Sequential:
    """A network of three layers of spiking neurons, in double precision, its weights on the grid.

    Raises: `ParameterError` for another kind.
    """
    if choice.kind not in KINDS:
        raise ParameterError("random network", f"kind {choice.kind!r}", "a kind", nearest(choice.kind, KINDS))
    with seeded(seed, torch.device("cpu")):
        layers = _convolutional(choice) if choice.kind == "convolutional" else _dense(choice)
        net = nn.Sequential(*layers)
        for module in net.modules():
            weight = getattr(module, "weight", getattr(module, "weight_rec", None))
            if isinstance(weight, torch_nn.Parameter):
                # what leaks needs more drive
                drive = max(0.3, 2.0 * (1.0 - choice.decay)) / weight[0].numel()
                scale = drive * (1.0 if isinstance(module, nn.Recurrent) else 4.0)
                # some neurons are driven to many spikes, some to few
                row = 0.3 + 0.8 * torch.rand(len(weight), *(1,) * (weight.dim() - 1))
                weight.data = scale * (2.0 * torch.rand_like(weight) - 1.0 + row)
    grid = to_grid(net.double(), bits=choice.bits)
    return nn.Sequential(*grid.children())


def sequence(choice: Choice, steps: int, samples: int, seed: int) -> Tensor:
    """Spikes (steps, samples, ...) in double precision: at every step and input with probability 1/2."""
    source = torch.Generator().manual_seed(seed)
    shape = (1, SIDE, SIDE) if choice.kind == "convolutional" else (INPUTS,)
    return (torch.rand(steps, samples, *shape, generator=source) < 0.5).double()


def exact_sequence(net: torch_nn.Module, choice: Choice, longest: int, samples: int, seed: int) -> Tensor:
    """Inputs for as many steps, up to `longest`, as the network computes without rounding."""
    x = sequence(choice, longest, samples, seed)
    return x[: min(longest, exact_steps(net, x))]


def _cells(choice: Choice, *shape: int) -> Neuron:
    return StepLIF(*shape, decay=choice.decay, leaks=choice.leaks)


def _dense(choice: Choice) -> list[torch_nn.Module]:
    found: list[torch_nn.Module] = []
    sizes = (INPUTS, 10, 8, 6)
    for k, (before, size) in enumerate(pairwise(sizes)):
        if choice.delays and k == 1:
            found.append(nn.SynapticDelay(before, size, taps=4, width=0.0))
        else:
            found.append(torch_nn.Linear(before, size))
        cells = _cells(choice, size)
        if choice.kind == "recurrent":
            lateral = nn.RecurrentDelay(cells, taps=3, width=0.0) if choice.delays else nn.Recurrent(cells)
            found.append(lateral)
        else:
            found.append(cells)
        if choice.delays and k == 0:
            found.append(nn.AxonalDelay(size, taps=4, width=0.0))
    return found


def _convolutional(choice: Choice) -> list[torch_nn.Module]:
    delay = [nn.AxonalDelay(3, SIDE, SIDE, taps=4, width=0.0)] if choice.delays else []
    return [
        nn.Conv2d(1, 3, 3, padding=1),
        _cells(choice, 3, SIDE, SIDE),
        *delay,
        nn.Conv2d(3, 2, 3),
        _cells(choice, 2, SIDE - 2, SIDE - 2),
        nn.Flatten(),
        torch_nn.Linear(2 * (SIDE - 2) ** 2, 6),
        _cells(choice, 6),
    ]
