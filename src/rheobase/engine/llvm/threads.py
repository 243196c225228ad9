"""Launching a kernel on torch's own threads.

A second pool of threads would fight the first for the same cores, so on Linux the kernel enters the OpenMP
pool that torch loaded (`GOMP_parallel`). Elsewhere a small pool of Python threads stands in: a kernel runs
without the interpreter's lock. A forked child runs on one thread, since the parent's pool is not there.
"""

from __future__ import annotations

import ctypes
import functools
import os
import sys
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import torch

_HOME = os.getpid()


@functools.cache
def _gomp() -> Callable[[int, int, int, int], None] | None:
    """`GOMP_parallel` of the OpenMP library that torch itself is linked to.

    Other packages bring copies of libgomp of their own, each with its own pool; looked up through torch's
    library, the symbol is the one that torch calls. LLVM's and Intel's OpenMP have it under the same name.
    """
    if not sys.platform.startswith("linux"):
        return None
    library = Path(torch.__file__).parent / "lib" / "libtorch_cpu.so"
    try:
        enter = ctypes.CDLL(str(library)).GOMP_parallel
    except (OSError, AttributeError):
        return None  # another build of torch, without OpenMP: the pool below stands in
    enter.argtypes = [ctypes.c_void_p, ctypes.c_void_p, ctypes.c_uint, ctypes.c_uint]
    enter.restype = None
    return enter


@functools.cache
def _pool(threads: int) -> ThreadPoolExecutor:
    return ThreadPoolExecutor(threads, thread_name_prefix="rheobase")


def available() -> int:
    """How many threads a launch may use."""
    return 1 if os.getpid() != _HOME else torch.get_num_threads()


def launch(kernel: Callable[[int], None], address: int, arguments: int, threads: int) -> None:
    """Run the kernel at `address` on so many threads, all with the same argument block, and wait."""
    if threads <= 1:
        kernel(arguments)
        return
    enter = _gomp()
    if enter is not None:
        enter(address, arguments, threads, 0)
        return
    for running in [_pool(threads).submit(kernel, arguments) for _ in range(threads)]:
        running.result()
