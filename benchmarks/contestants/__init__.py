"""One file per library. Each gives its layer for a model, or says that it has none.

All take the current as (time, batch, neurons) and step through the whole sequence; none is handicapped by
a matrix product inside its loop. Loops iterate over `x.unbind(0)`, whose backward is one stack: `x[t]`
would add a full-size tensor of zeros per step.
"""

from __future__ import annotations

import importlib
import importlib.util
import os
import shutil
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any, Protocol, cast

import torch
from torch import Tensor

PEERS = ("spikingjelly", "snntorch", "norse")
LIBRARIES = ("rheobase", *PEERS, "torch_loop", "torch_compile")


@dataclass(frozen=True)
class Layer:
    """A neuron layer, ready to run from rest.

    `gain`: this library's input is gain x current (a form without the factor 1 - decay); the input is
    scaled off the clock and the gradient back. `reference`: keywords that make rheobase the same model with
    the same gradient, None where there is no such. `differs`: from rheobase's model, in words.
    """

    name: str
    run: Callable[[Tensor], Tensor]
    parameters: tuple[Tensor, ...] = ()
    gain: float = 1.0
    reference: Mapping[str, Any] | None = field(default_factory=dict)
    differs: str = ""

    def forward_backward(self, current: Tensor, upstream: Tensor) -> tuple[Tensor, Tensor]:
        """(out, gradient of the input). `current` is a leaf already times `gain`."""
        out = self.run(current)
        gradients = torch.autograd.grad(out, (current, *self.parameters), upstream)
        return out, gradients[0]


class Library(Protocol):
    """What a file of this package offers. `LACKS`: model -> why it is missing."""

    LACKS: Mapping[str, str]

    def layers(self, model: str, neurons: int) -> Sequence[Layer]:
        """Fresh layers of the model; none where LACKS names it."""
        ...


def library(name: str) -> Library:
    """Import one library's contestants; an absent library is an error, with what to do."""
    try:
        return cast(Library, importlib.import_module(f"benchmarks.contestants.{name}"))
    except ModuleNotFoundError as error:
        remedy = "build the peers' environment (make bench-peers), or leave it out of --libraries"
        raise SystemExit(f"{name}: {error}. Either {remedy}.") from error


def installed() -> tuple[list[str], dict[str, str]]:
    """The libraries that can compete here, and why the others cannot."""
    absent = {name: "not installed" for name in PEERS if importlib.util.find_spec(name) is None}
    if not any(map(shutil.which, (os.environ.get("CXX", "g++"), "c++", "clang++"))):
        absent["torch_compile"] = "no C++ compiler here"
    return [name for name in LIBRARIES if name not in absent], absent


def scan(step: Callable[..., tuple[Tensor, Any]], x: Tensor, state: Any) -> Tensor:
    """The plain Python loop over time that peers' users write: `step(i, state) -> (z, state)`."""
    out = []
    for i in x.unbind(0):
        z, state = step(i, state)
        out.append(z)
    return torch.stack(out)
