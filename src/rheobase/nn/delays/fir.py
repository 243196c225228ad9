"""The base classes of layers whose output is a sum over the last inputs of each lane."""

from __future__ import annotations

from typing import Any

import torch
from torch import Tensor

from rheobase.core.execution.check import check_lengths, check_tensor
from rheobase.engine.operators.taps import reference, taps
from rheobase.errors import BackendUnavailable, DTypeError, ParameterError, ShapeError, StateError, nearest
from rheobase.nn.stateful import Stateful, alive_steps

BACKENDS = ("auto", "llvm", "reference")


class History(Stateful):
    """A layer whose output is a sum over the last `taps` inputs; the state holds the last taps - 1. Abstract."""

    def __init__(self, shape: tuple[int, ...], taps: int):
        super().__init__()
        self.shape, self.taps = shape, taps

    def sums(self, x: Tensor, before: Tensor, backend: str) -> Tensor:
        """The sum at each step of x (time, batch, *shape); `before` (taps - 1, batch, *shape) are the inputs before."""
        raise NotImplementedError

    def rest(self, batch: int, *, dtype: torch.dtype | None = None, device: torch.device | None = None) -> Tensor:
        """A history of zeros."""
        return torch.zeros(max(self.taps - 1, 0), batch, *self.shape, dtype=dtype, device=device)

    def forward(
        self, x: Tensor, state: Any = None, *, lengths: Tensor | None = None, backend: str = "auto"
    ) -> tuple[Tensor, Tensor]:
        """Run over a sequence: (out, state). Where a sequence has ended, out is zero and the state constant."""
        self._check(x)
        if lengths is not None:
            check_lengths(repr(self), x, lengths)
        compute = torch.promote_types(x.dtype, torch.float32)
        if state is None:
            state = self.rest(x.shape[1], dtype=compute, device=x.device)
        self._check_state(state, x, compute)
        chosen, wide = self._chosen(x, backend), x.to(compute)
        with torch.autocast(x.device.type, enabled=False):
            out = self.sums(wide, state, chosen) if self.taps else wide
        if lengths is not None:
            out = torch.where(alive_steps(out, lengths), out, 0.0)
        return out.to(x.dtype), latest(wide, state, lengths)

    def _chosen(self, x: Tensor, backend: str) -> str:
        if backend not in (*BACKENDS, "triton"):
            raise ParameterError(repr(self), f"backend {backend!r}", "a backend", nearest(str(backend), BACKENDS))
        if backend == "auto":
            return "llvm" if x.device.type == "cpu" else "reference"
        if backend == "triton" or (backend == "llvm" and x.device.type != "cpu"):
            given = f"backend {backend!r} for input on {x.device}"
            raise BackendUnavailable(repr(self), given, "llvm on the CPU, or reference", 'use backend="auto"')
        return backend

    def _check(self, x: Tensor) -> None:
        check_tensor(self, "input", x)
        owner, axes = repr(self), ", ".join(("time", "batch", *map(str, self.shape)))
        if not x.is_floating_point():
            raise DTypeError(owner, f"input of {x.dtype}", "a floating tensor", "call .float() on it")
        if x.shape[2:] != self.shape or not x.shape[0] or not x.shape[1]:
            raise ShapeError(owner, f"input of shape {tuple(x.shape)}", f"({axes})", "make the layer before it fit")

    def _check_state(self, state: Any, x: Tensor, compute: torch.dtype) -> None:
        expected = (max(self.taps - 1, 0), x.shape[1], *self.shape)
        if not isinstance(state, Tensor) or tuple(state.shape) != expected or state.dtype != compute:
            given = f"a state {tuple(state.shape)} of {state.dtype}" if isinstance(state, Tensor) else repr(state)
            raise StateError(repr(self), given, f"{expected} of {compute}", "pass on what this layer returned")


class Taps(History):
    """out[t] = sum_k weights()[k] x[t - k], for each lane separately. Abstract."""

    def weights(self) -> Tensor:
        """The weights, (taps, *shape)."""
        raise NotImplementedError

    def runs_on(self, x: Tensor, backend: str = "auto") -> str:
        """The backend that runs this layer on the device of `x`.

        Raises `BackendUnavailable` for one asked for by name that cannot; `ParameterError` for one that is none.
        """
        return self._chosen(x, backend)

    def sums(self, x: Tensor, before: Tensor, backend: str) -> Tensor:
        run = reference if backend == "reference" else taps
        weights = self.weights().to(x.dtype)
        return run(x.flatten(2), before.flatten(2), weights.flatten(1)).view_as(x)


def latest(x: Tensor, before: Tensor, lengths: Tensor | None) -> Tensor:
    """The last inputs of each sequence, oldest first, as many as in `before`, the inputs before x."""
    n, steps = before.shape[0], x.shape[0]
    if lengths is None:
        # a compiled graph is for any number of steps: no branch on it
        few = torch.compiler.is_compiling() or steps < n
        return torch.cat([before, x])[steps:] if few else x[steps - n :].clone()
    rows = torch.arange(n, device=x.device)[:, None] + lengths.to(x.device).long()
    rows = rows.view(*rows.shape, *(1,) * (x.dim() - 2)).expand(n, *x.shape[1:])
    return torch.cat([before, x]).gather(0, rows)
