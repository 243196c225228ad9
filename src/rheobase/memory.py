"""The memory of this machine: what a process may use at all, and what is free now."""

from __future__ import annotations

import os
from pathlib import Path

from rheobase.errors import DataError, ParameterError

# of control groups: version 2, version 1; limit and use
_LIMITS = (Path("/sys/fs/cgroup/memory.max"), Path("/sys/fs/cgroup/memory/memory.limit_in_bytes"))
_USED = (Path("/sys/fs/cgroup/memory.current"), Path("/sys/fs/cgroup/memory/memory.usage_in_bytes"))
_STATS = (Path("/sys/fs/cgroup/memory.stat"), Path("/sys/fs/cgroup/memory/memory.stat"))
_MEMINFO = Path("/proc/meminfo")


def check_memory(owner: str, given: str, size: int, remedy: str) -> None:
    """Raise `ParameterError` for work that needs more bytes than this machine has: the system would end the process.

    >>> check_memory("--stop", "'400'", 1000, "--stop 400")
    """
    there = memory()
    if there is not None and size > there:
        expected = f"what fits into the {there / 2**30:.3g} GiB of this machine"
        raise ParameterError(owner, f"{given}, which needs about {size / 2**30:.3g} GiB", expected, remedy)


def check_room(source: str, given: str, size: float, remedy: str) -> None:
    """Raise `DataError` for data that take more bytes to be read than are free: the system would end the process.

    >>> check_room("pets", "3 images of 8x8 pixels", 1000, "--size 4x4")
    """
    there = free()
    if there is not None and size > there:
        needs = f"{given}, which take about {size / 2**30:.3g} GiB to be read"
        raise DataError(source, needs, f"at most the {there / 2**30:.3g} GiB of memory that are free", remedy)


def memory() -> int | None:
    """The bytes of memory that this process may use; None where the system does not say."""
    found: list[int] = []
    if hasattr(os, "sysconf") and "SC_PHYS_PAGES" in os.sysconf_names:
        found.append(os.sysconf("SC_PHYS_PAGES") * os.sysconf("SC_PAGE_SIZE"))
    found += [limit for path in _LIMITS if (limit := _number(path)) is not None]  # of a container
    return min(found, default=None)


def free() -> int | None:
    """The bytes of memory that this process may still take; all of the machine's where the system does not say more.

    What files in the cache of the system occupy counts as free: it is given back when it is asked for.
    """
    found = [size for size in (memory(), _named(_MEMINFO, "MemAvailable:", 1024)) if size is not None]
    for limit, used, stat in zip(_LIMITS, _USED, _STATS, strict=True):
        most, taken = _number(limit), _number(used)
        if most is not None and taken is not None:
            cached = _named(stat, "inactive_file", 1) or _named(stat, "total_inactive_file", 1) or 0
            found.append(max(0, most - taken + cached))
    return min(found, default=None)


def _number(path: Path) -> int | None:
    """The number in a file of the system; None where there is no file, or its text is none ("max": no limit)."""
    text = path.read_text().strip() if path.is_file() else ""
    return int(text) if text.isdecimal() else None


def _named(path: Path, name: str, unit: int) -> int | None:
    """The number behind a name in a listing of the system, in bytes."""
    lines = path.read_text().splitlines() if path.is_file() else []
    return next((unit * int(line.split()[1]) for line in lines if line.split()[:1] == [name]), None)
