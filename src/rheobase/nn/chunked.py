"""Memory for time: a network run in chunks keeps only the states between them for the backward pass."""

from __future__ import annotations

from typing import Any

import torch
from torch import Tensor, nn

from rheobase.errors import ParameterError
from rheobase.nn.norm import TdBatchNorm
from rheobase.nn.stateful import Stateful


class Chunked(Stateful):
    """A network over chunks of `steps` time steps: backward, each chunk runs once more, from the state before it.

    Memory for the backward pass falls from the length of the sequence to that of one chunk; the price is one more
    forward pass. Output and gradients are those of the whole run to rounding, since state is an argument and a
    result: masks of dropout go along with the states.

    Shapes: those of the network.

    Raises: `ParameterError` for steps < 1, or a network with batch normalisation over time, whose statistics a
    chunk does not know.

    Reference: Chen, Xu, Zhang & Guestrin, arXiv 1604.06174 (2016), for recomputation; here along time.

    >>> from rheobase import neurons
    >>> from rheobase.nn import Sequential
    >>> lean = Chunked(Sequential(nn.Linear(4, 3), neurons.LIF(3, dt=1.0)), steps=25)
    >>> out, states = lean(torch.rand(100, 2, 4))
    >>> out.shape
    torch.Size([100, 2, 3])
    """

    def __init__(self, net: nn.Module, *, steps: int):
        super().__init__()
        if isinstance(steps, bool) or not isinstance(steps, int) or steps < 1:
            raise ParameterError(
                "Chunked", f"steps = {steps!r}", "an integer >= 1", "about the square root of the length"
            )
        for part in net.modules():
            if isinstance(part, TdBatchNorm):
                raise ParameterError("Chunked", "TdBatchNorm", "layers that act step by step", "normalise otherwise")
        self.net, self.steps = net, steps

    def forward(
        self, x: Tensor, state: Any = None, *, lengths: Tensor | None = None, backend: str = "auto"
    ) -> tuple[Tensor, Any]:
        from torch.utils.checkpoint import checkpoint

        outs: list[Tensor] = []
        for start in range(0, x.shape[0], self.steps):
            chunk = x[start : start + self.steps]
            left = None if lengths is None else (lengths - start).clamp(0, len(chunk))
            options = {"lengths": left, "backend": backend}
            if torch.is_grad_enabled():
                out, state = checkpoint(self.net, chunk, state, use_reentrant=False, **options)  # type: ignore[misc]
            else:
                out, state = self.net(chunk, state, **options)
            outs.append(out)
        return torch.cat(outs), state

    def extra_repr(self) -> str:
        return f"steps={self.steps}"
