"""These tests run thousands of tiny operations: torch's threads would only get in each other's way.

That kernels give the same bits on any number of threads is a test of its own (`test_same_bits.py`).
"""

from __future__ import annotations

from collections.abc import Iterator

import pytest
import torch


@pytest.fixture(autouse=True)
def one_thread() -> Iterator[None]:
    before = torch.get_num_threads()
    torch.set_num_threads(1)
    yield
    torch.set_num_threads(before)
