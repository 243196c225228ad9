"""The linear maps inside a recurrence (matrix or convolution), with their gradients of input and weight apart.

In each step, a backward pass needs only the gradient of the input; that of the weights is one product over all
steps at the end.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any, Protocol

import torch
from torch import Tensor
from torch.nn import functional as F

from rheobase.engine.operators.late_imports import Late

work_items = Late("rheobase.engine.llvm.work_items")


class Product(Protocol):
    """A linear map from one step's output (batch, *shape) to the same shape."""

    def forward(self, s: Tensor, weight: Tensor) -> Tensor:
        """The map applied to s (rows, *shape)."""
        ...

    def add(self, base: Tensor, s: Tensor, weight: Tensor, out: Tensor) -> None:
        """Write base + product to `out`, in the dtype of `out`."""
        ...

    def add_back(self, g: Tensor, weight: Tensor, total: Tensor) -> None:
        """Add the gradient of `s` to `total`, from the gradient `g` of the product."""
        ...

    def weight_gradient(self, s: Tensor, g: Tensor, weight: Tensor) -> Tensor:
        """The gradient of the weight; s and g are (rows, *shape), rows being all steps and samples."""
        ...

    def text(self) -> str:
        """Its name and its numbers, as `sequence_plan` reads them."""
        ...

    def in_memory_format(self, x: Tensor) -> Tensor:
        """x (batch, *shape) dense in the order that the product is fastest in."""
        ...

    def empty(self, steps: int, like: Tensor) -> Tensor:
        """An uninitialised tensor (steps, *like.shape), each step in the order of `in_memory_format`."""
        ...

    def window(self, like: Tensor) -> tuple[int, int] | None:
        """The kernel size (height, width) if the kernels for sparse spikes can make this product, else None."""
        ...


@dataclass(frozen=True)
class Matrix:
    """s (rows, n) times weight (to, from)."""

    def text(self) -> str:
        return "Matrix"

    def forward(self, s: Tensor, weight: Tensor) -> Tensor:
        return F.linear(s, weight)

    def add(self, base: Tensor, s: Tensor, weight: Tensor, out: Tensor) -> None:
        if weight.dtype == out.dtype:
            torch.addmm(base, s, weight.t(), out=out)
        else:
            torch.add(base, self.forward(s.to(weight.dtype), weight).to(out.dtype), out=out)

    def add_back(self, g: Tensor, weight: Tensor, total: Tensor) -> None:
        if weight.dtype == total.dtype:
            total.addmm_(g, weight)
        else:
            total.add_(g.to(weight.dtype) @ weight)

    def weight_gradient(self, s: Tensor, g: Tensor, weight: Tensor) -> Tensor:
        return g.t() @ s

    def in_memory_format(self, x: Tensor) -> Tensor:
        return x.contiguous()

    def empty(self, steps: int, like: Tensor) -> Tensor:
        return torch.empty((steps, *like.shape), dtype=like.dtype, device=like.device)

    def window(self, like: Tensor) -> tuple[int, int] | None:
        return None


@dataclass(frozen=True)
class Convolution:
    """s (rows, channels, height, width) convolved with weight; the edges are padded with zeros to keep the size."""

    kernel: tuple[int, int]
    groups: int = 1

    def text(self) -> str:
        return f"Convolution {self.kernel[0]} {self.kernel[1]} {self.groups}"

    @property
    def before(self) -> list[int]:
        return [(k - 1) // 2 for k in self.kernel]

    @property
    def symmetric(self) -> bool:
        return all(k % 2 for k in self.kernel)

    def padded(self, s: Tensor) -> tuple[Tensor, list[int]]:
        """The input, and the padding that the convolution itself makes: an even kernel sees one more at the end."""
        if self.symmetric:
            return s, self.before
        (top, left), (height, width) = self.before, self.kernel
        return F.pad(s, (left, width - 1 - left, top, height - 1 - top)), [0, 0]

    def forward(self, s: Tensor, weight: Tensor) -> Tensor:
        s, padding = self.padded(s)
        return F.conv2d(s, weight, padding=padding, groups=self.groups)

    def add(self, base: Tensor, s: Tensor, weight: Tensor, out: Tensor) -> None:
        torch.add(base, self.forward(s.to(weight.dtype), weight), out=out)

    def add_back(self, g: Tensor, weight: Tensor, total: Tensor) -> None:
        g = g.to(weight.dtype)
        # only the shape of the input is looked at, and that is the shape of g
        like, padding = self.padded(g)
        found = self._backward(g, like, weight, padding, [True, False, False])[0]
        (top, left), (height, width) = self.before, g.shape[2:]
        total.add_(found if self.symmetric else found[..., top : top + height, left : left + width])

    def weight_gradient(self, s: Tensor, g: Tensor, weight: Tensor) -> Tensor:
        s, padding = self.padded(s)
        return self._backward(g, s, weight, padding, [False, True, False])[1]

    def _backward(self, g: Tensor, s: Tensor, weight: Tensor, padding: list[int], wanted: list[bool]) -> Any:
        one, none = [1, 1], [0, 0]
        return torch.ops.aten.convolution_backward(
            g, s, weight, None, one, padding, one, False, none, self.groups, wanted
        )

    def in_memory_format(self, x: Tensor) -> Tensor:
        return x.contiguous(memory_format=torch.channels_last)

    def empty(self, steps: int, like: Tensor) -> Tensor:
        batch, channels, height, width = like.shape
        buffer = torch.empty((steps, batch, height, width, channels), dtype=like.dtype, device=like.device)
        return buffer.permute(0, 1, 4, 2, 3)

    def window(self, like: Tensor) -> tuple[int, int] | None:
        whole = self.groups == 1 and like.shape[1] % work_items.lanes(like.dtype) == 0
        return self.kernel if whole else None
