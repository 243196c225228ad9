"""The parts of a network, and which backend runs each of them, and why."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any, Protocol, runtime_checkable

from torch import Tensor, nn

from rheobase.core.execution.backends import Request, reasons
from rheobase.core.neuron import Neuron


@runtime_checkable
class Fusing(Protocol):
    """A layer that has kernels of its own and says which backend runs it."""

    def runs_on(self, x: Tensor, backend: str = "auto") -> str:
        """The backend for the device of `x`."""
        ...

    def modules(self) -> Iterator[nn.Module]:
        """The layer and its submodules, as `nn.Module.modules` gives them."""
        ...


@runtime_checkable
class Explained(Protocol):
    """A layer that says in a few words how it runs. It is one part, also where it has submodules."""

    def explained(self, x: Tensor) -> str:
        """The text of the column "why" for an input like `x`."""
        ...


@dataclass(frozen=True)
class Part:
    """One part of a network: its path in it, its class, what runs it, and why."""

    name: str
    kind: str
    backend: str
    reason: str


def parts(net: nn.Module, x: Tensor) -> dict[str, tuple[nn.Module, Part]]:
    """The outermost modules of `net` that run as one, by their path, in order. Only device and dtype of x matter.

    >>> import torch
    >>> [part.backend for _, part in parts(nn.Sequential(nn.Linear(3, 2), nn.ReLU()), torch.zeros(1, 1, 3)).values()]
    ['torch', 'torch']
    """
    found: dict[str, tuple[nn.Module, Part]] = {}
    seen: set[int] = set()
    for path, module in net.named_modules():
        layer: Any = module
        if id(module) in seen:
            continue
        name, kind = path or "(net)", type(module).__name__
        if isinstance(layer, Fusing):
            chosen = layer.runs_on(x)
            why = "one fused operator" if chosen != "reference" else f"plain torch loop; no kernel on {x.device.type}"
            why = layer.explained(x) if isinstance(layer, Explained) else why
            part = Part(name, kind, chosen, why)
        elif isinstance(layer, Neuron):
            part = _part(name, layer, x)
        elif isinstance(layer, Explained) or not _children(module):
            why = layer.explained(x) if isinstance(layer, Explained) else "a plain torch module"
            part = Part(name, kind, "torch", why)
        else:
            continue
        seen.update(id(m) for m in module.modules())
        found[path] = module, part
    return found


def _children(module: nn.Module) -> list[nn.Module]:
    """The submodules, without parametrizations: a layer with rounded weights is one part."""
    return [child for name, child in module.named_children() if name != "parametrizations"]


def _part(name: str, neuron: Any, x: Tensor) -> Part:
    why = reasons(Request(neuron, (x,) * len(neuron.entries), None, (), None))
    chosen = next(k for k, reason in why.items() if reason is None)
    passed_over = [f"{k}: {reason}" for k, reason in why.items() if reason is not None]
    text = "one fused kernel" if chosen != "reference" else "plain torch loop; " + "; ".join(passed_over)
    return Part(name, type(neuron).__name__, chosen, text)
