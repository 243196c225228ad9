"""Run one call in this process and print by how many bytes it raised the memory. Started by `peak_memory`."""

from __future__ import annotations

import ctypes
import importlib
import json
import sys
from pathlib import Path

STATUS = Path("/proc/self/status")


def kilobytes(field: str) -> int:
    line = next(line for line in STATUS.read_text().splitlines() if line.startswith(field + ":"))
    return int(line.split()[1])


def peak(target: str, arguments: dict[str, object]) -> int:
    """Bytes between the memory in use before the call and the highest during it."""
    if not STATUS.exists():
        raise RuntimeError("memory in use is read from /proc: run this on Linux")
    module, function = target.split(":")
    warm_up, call = getattr(importlib.import_module(module), function)(**arguments)
    warm_up()
    # what the warm-up freed goes back to the system, and its peak is forgotten
    ctypes.CDLL(None).malloc_trim(0)
    Path("/proc/self/clear_refs").write_text("5")
    before = kilobytes("VmRSS")
    call()
    return 1024 * (kilobytes("VmHWM") - before)


if __name__ == "__main__":
    print(json.dumps({"bytes": peak(sys.argv[1], json.loads(sys.argv[2]))}))
