"""Equations in, fused kernels out. Nothing here knows the name of a model."""

from __future__ import annotations

import functools
import importlib
from typing import Any

from torch import Tensor

from rheobase.core.execution.backends import Backend, Request, provide


class Kernels:
    """A backend whose code is imported with the first request that it might run."""

    def __init__(self, name: str):
        self.name = name

    @functools.cached_property
    def backend(self) -> Backend:
        return getattr(importlib.import_module("rheobase.engine.backends"), self.name)

    def refusal(self, request: Request, *, asked: bool = False) -> str | None:
        return self.backend.refusal(request, asked=asked)

    def run(self, request: Request) -> tuple[Tensor, Any, list[Tensor]]:
        return self.backend.run(request)


provide("llvm", Kernels("LLVM"))
provide("triton", Kernels("TRITON"))
