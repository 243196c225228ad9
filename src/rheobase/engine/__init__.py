"""Equations in, fused kernels out. Nothing here knows the name of a model."""

from __future__ import annotations

from typing import Any

from torch import Tensor

from rheobase.core.execution.backends import Request, provide
from rheobase.engine.explain import explain
from rheobase.engine.operators.late_imports import Late

backends = Late("rheobase.engine.backends")


class Kernels:
    """A backend whose code is imported with the first request that it might run."""

    def __init__(self, name: str):
        self.name = name

    def refusal(self, request: Request, *, asked: bool = False) -> str | None:
        return getattr(backends, self.name).refusal(request, asked=asked)

    def run(self, request: Request) -> tuple[Tensor, Any, list[Tensor]]:
        return getattr(backends, self.name).run(request)


provide("llvm", Kernels("LLVM"))
provide("triton", Kernels("TRITON"))

__all__ = ["explain"]
