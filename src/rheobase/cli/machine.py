"""The machine that a number was measured on."""

from __future__ import annotations

import os
import platform
from pathlib import Path
from typing import Any

from rheobase.errors import ParameterError

# version 2 and version 1 of control groups
_LIMITS = (Path("/sys/fs/cgroup/memory.max"), Path("/sys/fs/cgroup/memory/memory.limit_in_bytes"))


def machine() -> dict[str, Any]:
    """Processor, cores that this process may use, threads, system and versions."""
    import torch

    from rheobase import __version__

    return {
        "processor": _processor(),
        "cores": len(os.sched_getaffinity(0)) if hasattr(os, "sched_getaffinity") else os.cpu_count(),
        "threads": torch.get_num_threads(),
        "system": f"{platform.system()} {platform.machine()}",
        "python": platform.python_version(),
        "torch": str(torch.__version__),
        "rheobase": __version__,
    }


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


def _processor() -> str:
    listing = Path("/proc/cpuinfo")
    if listing.is_file():
        for line in listing.read_text(errors="replace").splitlines():
            name, _, value = line.partition(":")
            if name.strip() == "model name":
                return value.strip()
    return platform.processor() or platform.machine()
