"""Kernels for vectors of another width than this machine's."""

from __future__ import annotations

import functools
from dataclasses import replace

import pytest

from rheobase.engine.llvm import compile as compile_llvm
from rheobase.engine.llvm import launch


def with_vectors(bits: int, monkeypatch: pytest.MonkeyPatch) -> None:
    """Compile for vectors of another width, whatever this machine has."""
    host = replace(compile_llvm.host(), vector_bits=bits)
    for module in (launch, compile_llvm):
        monkeypatch.setattr(module, "host", lambda: host)
    monkeypatch.setattr(launch, "kernel", functools.lru_cache(launch.kernel.__wrapped__))
