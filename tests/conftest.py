"""What all tests share: a folder for compiled kernels that goes when the tests end, unless one is named."""

from __future__ import annotations

import os
import sys
import tempfile

import pytest

_CACHE = tempfile.TemporaryDirectory(prefix="rheobase-tests-", ignore_cleanup_errors=True)
os.environ.setdefault("RHEOBASE_CACHE", _CACHE.name)
if "PYTEST_XDIST_WORKER" in os.environ:
    # side by side they would wait for the threads of each other; a test of threads says how many it wants
    os.environ.setdefault("OMP_NUM_THREADS", "1")


def pytest_unconfigure() -> None:
    _CACHE.cleanup()


@pytest.fixture
def homeless(monkeypatch: pytest.MonkeyPatch) -> None:
    """A user whom the system does not know, as in a container that was given only a number."""
    pwd = pytest.importorskip("pwd")

    def unknown(who: object) -> None:
        raise KeyError(who)

    for name in ("HOME", "XDG_CACHE_HOME", "RHEOBASE_CACHE", "RHEOBASE_DATA"):
        monkeypatch.delenv(name, raising=False)
    monkeypatch.setattr(pwd, "getpwuid", unknown)
    monkeypatch.setattr(pwd, "getpwnam", unknown)
    monkeypatch.setattr(sys, "platform", "linux")
