"""The machine that a number was measured on."""

from __future__ import annotations

import os
import platform
from pathlib import Path
from typing import Any


def machine() -> dict[str, Any]:
    """Processor, cores that this process may use, threads, system and versions."""
    import torch

    from rheobase.version import __version__

    return {
        "processor": _processor(),
        "cores": len(os.sched_getaffinity(0)) if hasattr(os, "sched_getaffinity") else os.cpu_count(),
        "threads": torch.get_num_threads(),
        "system": f"{platform.system()} {platform.machine()}",
        "python": platform.python_version(),
        "torch": str(torch.__version__),
        "rheobase": __version__,
    }


def in_words(said: dict[str, Any]) -> str:
    """What `machine` says, in words.

    >>> in_words({"processor": "A", "cores": 2, "threads": 1})
    'A, 2 cores, 1 thread'
    """
    threads = said["threads"]
    return f"{said['processor']}, {said['cores']} cores, {threads} thread{'' if threads == 1 else 's'}"


def _processor() -> str:
    listing = Path("/proc/cpuinfo")
    if listing.is_file():
        for line in listing.read_text(errors="replace").splitlines():
            name, _, value = line.partition(":")
            if name.strip() == "model name":
                return value.strip()
    return platform.processor() or platform.machine()
