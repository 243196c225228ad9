"""Numbers with all their digits: what was given in float64 is there again when a module becomes float64."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any, Self

import torch
from torch import Tensor, nn


class Exact(nn.Module):
    """A module that remembers the numbers it was given beside what its own type holds of them.

    A module starts in torch's default type, mostly float32, and `double()` would make -5.099999904632568 of -5.1. As
    long as a tensor is still what the given number was rounded to, it becomes that number.
    """

    def __init__(self) -> None:
        super().__init__()
        self._exact: dict[str, Tensor] = {}

    def remember(self, name: str, given: Tensor, held: Tensor) -> None:
        """Note that `held`, kept under this name, is what its type holds of `given`."""
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
        """The tensors of which more digits are known."""
        tensors: dict[str, Any] = {**self._parameters, **self._buffers}
        return [(name, tensors[name]) for name in self._exact if tensors.get(name) is not None]
