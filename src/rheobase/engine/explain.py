"""Which backend runs each part of a network, and why."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any, Protocol, runtime_checkable

from torch import Tensor, nn

from rheobase.core.execution.backends import Request, reasons
from rheobase.core.neuron import Neuron
from rheobase.errors import ParameterError


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
    """A layer in plain torch that says in a few words how it runs."""

    def explained(self, x: Tensor) -> str:
        """The text of the column "why" for an input like `x`."""
        ...


@dataclass(frozen=True)
class Part:
    """One part of a network."""

    name: str
    kind: str
    backend: str
    reason: str


@dataclass(frozen=True)
class Explanation:
    """The parts of a network in order; prints as a table."""

    parts: tuple[Part, ...]

    def __str__(self) -> str:
        rows = [
            ("part", "kind", "backend", "why"),
            *((p.name, p.kind, p.backend, p.reason) for p in self.parts),
        ]
        widths = [max(len(r[k]) for r in rows) for k in range(3)]
        return "\n".join("  ".join([*(r[k].ljust(widths[k]) for k in range(3)), r[3]]).rstrip() for r in rows)

    __repr__ = __str__


def explain(net: nn.Module, x: Tensor | None = None) -> Explanation:
    """Which backend `backend="auto"` chooses for every neuron in `net` on the device of `x`, and why.

    Shapes: x is the input that the net would get; only its device and dtype matter.

    Raises: `ParameterError` without an input.

    >>> import torch
    >>> from rheobase import neurons
    >>> print(explain(neurons.LIF(3, dt=1.0), torch.zeros(1, 1, 3)))
    part  kind  backend  why
    (net)  LIF   llvm     one fused kernel
    """
    if not isinstance(x, Tensor):
        given = "no input" if x is None else f"an input of type {type(x).__name__}"
        remedy = "explain(net, x) with the x that the network would get: its device and dtype decide"
        raise ParameterError("explain", given, "a tensor", remedy)
    parts: list[Part] = []
    seen: set[int] = set()
    for name, module in net.named_modules():
        if id(module) in seen:
            continue
        if isinstance(module, Fusing):
            seen.update(id(m) for m in module.modules())
            chosen = module.runs_on(x)
            why = "one fused operator" if chosen != "reference" else f"plain torch loop; no kernel on {x.device.type}"
            parts.append(Part(name or "(net)", type(module).__name__, chosen, why))
        elif isinstance(module, Neuron):
            seen.update(id(m) for m in module.modules())
            parts.append(_part(name or "(net)", module, x))
        elif not list(module.children()):
            why = module.explained(x) if isinstance(module, Explained) else "a plain torch module"
            parts.append(Part(name or "(net)", type(module).__name__, "torch", why))
    return Explanation(tuple(parts))


def _part(name: str, neuron: Any, x: Tensor) -> Part:
    why = reasons(Request(neuron, (x,) * len(neuron.entries), None, (), None))
    chosen = next(k for k, reason in why.items() if reason is None)
    passed_over = [f"{k}: {reason}" for k, reason in why.items() if reason is not None]
    text = "one fused kernel" if chosen != "reference" else "plain torch loop; " + "; ".join(passed_over)
    return Part(name, type(neuron).__name__, chosen, text)
