"""How the functions of the event loop are compiled, and where their code is kept."""

from __future__ import annotations

import os
from collections.abc import Callable
from pathlib import Path
from typing import Any, TypeVar, cast

from numba import njit  # pyright: ignore[reportUnknownVariableType]

from rheobase import files

Function = TypeVar("Function", bound=Callable[..., Any])


def compiled(function: Function) -> Function:
    """Compiled as a part of an `entry`, without an entry of its own from Python."""
    options: dict[str, Any] = dict(error_model="numpy", no_cpython_wrapper=True, no_cfunc_wrapper=True)
    return cast(Function, njit(**options)(function))


def entry(function: Function) -> Function:
    """Compiled once and kept on disk; it runs without the interpreter's lock, so networks may run side by side."""
    options: dict[str, Any] = dict(error_model="numpy", nogil=True, no_cfunc_wrapper=True)
    here = os.access(Path(__file__).parent, os.W_OK)
    # beside this file, or in the user's cache; without a home Numba would make a folder named ~ where the user stands
    if here or "NUMBA_CACHE_DIR" in os.environ or files.cache_folder() is not None:
        try:
            return cast(Function, njit(cache=True, **options)(function))
        except RuntimeError:
            # no place that can be written: it is compiled again in the next process
            return cast(Function, njit(**options)(function))
    files.say_uncached()
    return cast(Function, njit(**options)(function))
