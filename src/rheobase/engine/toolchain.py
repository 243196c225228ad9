"""What of a kernel's toolchain is here. torch.compile takes the answers as constants."""

from __future__ import annotations

import functools
import importlib.util
import os
import shutil


@functools.cache
def installed(package: str) -> bool:
    """Whether a package can be imported."""
    return importlib.util.find_spec(package) is not None


@functools.cache
def fused_multiply_add() -> bool:
    """Whether this processor multiplies and adds with one rounding; without, LLVM would call a slow function."""
    import llvmlite.binding as llvm

    features = llvm.get_host_cpu_features()
    return "sse2" not in features or features.get("fma", False)


def interpreted() -> bool:
    """Whether kernels run in Triton's interpreter."""
    return os.environ.get("TRITON_INTERPRET", "0").lower() in ("1", "true", "yes", "on", "y")


@functools.cache
def compiler() -> str | None:
    """The C compiler with which Triton builds its launcher."""
    return os.environ.get("CC") or shutil.which("gcc") or shutil.which("clang")


interpreted._dynamo_marked_constant = True  # type: ignore[attr-defined]
compiler._dynamo_marked_constant = True  # type: ignore[attr-defined]
fused_multiply_add._dynamo_marked_constant = True  # type: ignore[attr-defined]
installed._dynamo_marked_constant = True  # type: ignore[attr-defined]
