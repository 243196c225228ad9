"""Modules that store the float64 values they were given, and restore them when they are converted to float64."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any, Self

import torch
from torch import Tensor, nn

from rheobase.core.execution.profiler_rows import in_row


class Exact(nn.Module):
    """A module that stores the float64 values it was given beside its own, rounded tensors.

    A module starts in torch's default dtype, mostly float32, and a plain `double()` would turn -5.1 into
    -5.099999904632568. Here a tensor that still equals the rounded value becomes the given value.
    """

    def __init__(self) -> None:
        super().__init__()
        self._exact: dict[str, Tensor] = {}

    def __call__(self, *args: Any, **kwargs: Any) -> Any:
        return in_row(self, super().__call__, *args, **kwargs)

    def remember(self, name: str, given: Tensor, held: Tensor) -> None:
        """Store `given` in float64 as the exact value of the parameter or buffer `name`, whose tensor is `held`."""
        exact = given.detach().to("cpu", torch.float64)
        if held.dtype.itemsize < 8 and not torch.equal(held.detach().cpu().double(), exact):
            self._exact[name] = exact.clone()
        else:
            self._exact.pop(name, None)

    def _apply(self, fn: Callable[[Tensor], Tensor], recurse: bool = True) -> Self:
        before = {name: held.dtype for name, held in self._held()}
        super()._apply(fn, recurse)
        for name, held in self._held():
            rounded, exact = before[name], self._exact[name]
            if held.dtype == torch.float64 and rounded != torch.float64 and not held.is_meta:
                exact = exact.to(held.device)
                if torch.equal(held.detach(), exact.to(rounded).to(torch.float64)):
                    held.data.copy_(exact)
        return self

    def _held(self) -> list[tuple[str, Tensor]]:
        """The parameters and buffers for which an exact value is stored, by name."""
        tensors: dict[str, Any] = {**self._parameters, **self._buffers}
        return [(name, tensors[name]) for name in self._exact if tensors.get(name) is not None]
