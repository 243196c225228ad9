"""The memory of the machine, and work that does not fit into it."""

from __future__ import annotations

import os
from pathlib import Path

from rheobase.errors import ParameterError

# version 2 and version 1 of control groups
_LIMITS = (Path("/sys/fs/cgroup/memory.max"), Path("/sys/fs/cgroup/memory/memory.limit_in_bytes"))


def check_memory(owner: str, given: str, size: int, remedy: str) -> None:
    """Raise `ParameterError` for work that needs more bytes than this machine has: the system would end the process.

    >>> check_memory("--stop", "'400'", 1000, "--stop 400")
    """
    there = memory()
    if there is not None and size > there:
        expected = f"what fits into the {there / 2**30:.3g} GiB of this machine"
        raise ParameterError(owner, f"{given}, which needs about {size / 2**30:.3g} GiB", expected, remedy)


def memory() -> int | None:
    """The bytes of memory that this process may use; None where the system does not say."""
    found: list[int] = []
    if hasattr(os, "sysconf") and "SC_PHYS_PAGES" in os.sysconf_names:
        found.append(os.sysconf("SC_PHYS_PAGES") * os.sysconf("SC_PAGE_SIZE"))
    for limit in _LIMITS:
        # of a container; a text that is no number is no limit
        if limit.is_file() and (text := limit.read_text().strip()).isdecimal():
            found.append(int(text))
    return min(found, default=None)
