"""These tests run thousands of tiny operations: torch's threads would only get in each other's way.

That kernels give the same bits on any number of threads is a test of its own (`test_same_bits.py`).
"""

from __future__ import annotations

import functools
import os
from collections.abc import Iterator

import pytest
import torch

from rheobase.engine.llvm import compile as compile_llvm
from rheobase.engine.llvm import launch

# kernels by name, apart from those that others use: a test that wants the usual code does not get these
_PLAIN = functools.lru_cache(maxsize=1024)(launch.kernel.__wrapped__)


@pytest.fixture(autouse=True)
def one_thread() -> Iterator[None]:
    before = torch.get_num_threads()
    torch.set_num_threads(1)
    yield
    torch.set_num_threads(before)


@pytest.fixture
def plain_code(monkeypatch: pytest.MonkeyPatch) -> None:
    """The same kernels, made at once: LLVM takes most of a test's time to choose instructions that are fast.

    For what a kernel computes, and no test of its speed or of the code that users run: `test_parity.py` (runs of all
    lengths, single steps), `test_memory.py` (what is written), `test_dtypes.py`, `test_same_bits.py` and `make fuzz`
    have that.
    """
    if "RHEOBASE_FUZZ" in os.environ:
        return
    monkeypatch.setattr(compile_llvm, "LEVEL", 0)
    monkeypatch.setattr(launch, "kernel", _PLAIN)
