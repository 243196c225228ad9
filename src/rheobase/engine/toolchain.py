"""Which parts of the kernels' toolchain this machine has. torch.compile takes the answers as constants."""

from __future__ import annotations

import functools
import importlib.util
import os
import shutil
from collections.abc import Callable
from typing import TypeVar

Answer = TypeVar("Answer", bound=Callable[..., object])


def constant(answer: Answer) -> Answer:
    """Cache a function, and make torch.compile take its result as a constant (it traces through functools.cache)."""
    cached = functools.cache(answer)

    @functools.wraps(answer)
    def ask(*args: object) -> object:
        return cached(*args)

    ask._dynamo_marked_constant = True  # type: ignore[attr-defined]
    return ask  # type: ignore[return-value]


@constant
def installed(package: str) -> bool:
    """Whether a package can be imported."""
    return importlib.util.find_spec(package) is not None


@constant
def features() -> frozenset[str]:
    """The features of this processor, by LLVM's names."""
    import llvmlite.binding as llvm

    return frozenset(name for name, there in llvm.get_host_cpu_features().items() if there)


@constant
def fused_multiply_add() -> bool:
    """Whether this processor multiplies and adds with one rounding; without, LLVM would call a slow function."""
    return "sse2" not in features() or "fma" in features()


def interpreted() -> bool:
    """Whether kernels run in Triton's interpreter."""
    return os.environ.get("TRITON_INTERPRET", "0").lower() in ("1", "true", "yes", "on", "y")


@constant
def compiler() -> str | None:
    """The C compiler with which Triton builds its launcher."""
    return os.environ.get("CC") or shutil.which("gcc") or shutil.which("clang")


interpreted._dynamo_marked_constant = True  # type: ignore[attr-defined]
