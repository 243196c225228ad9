"""What all tests share: a folder for compiled kernels that goes when the tests end, unless one is named."""

from __future__ import annotations

import os
import tempfile

_CACHE = tempfile.TemporaryDirectory(prefix="rheobase-tests-", ignore_cleanup_errors=True)
os.environ.setdefault("RHEOBASE_CACHE", _CACHE.name)


def pytest_unconfigure() -> None:
    _CACHE.cleanup()
