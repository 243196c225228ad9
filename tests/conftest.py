"""What all tests share: a folder for compiled kernels that goes when the tests end, unless one is named."""

from __future__ import annotations

import os
import tempfile
from collections.abc import Iterator

import pytest
import torch

_CACHE = tempfile.TemporaryDirectory(prefix="rheobase-tests-", ignore_cleanup_errors=True)
os.environ.setdefault("RHEOBASE_CACHE", _CACHE.name)


def pytest_unconfigure() -> None:
    _CACHE.cleanup()


@pytest.fixture
def two_threads() -> Iterator[None]:
    """Run a test on two threads, whatever the machine has."""
    before = torch.get_num_threads()
    torch.set_num_threads(2)
    yield
    torch.set_num_threads(before)
