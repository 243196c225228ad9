"""Packages whose names are read from their files when they are first asked for, so that importing them costs little."""

from __future__ import annotations

import importlib
import sys
from collections.abc import Callable, Mapping
from typing import Any


def lazily(package: str, files: Mapping[str, str]) -> Callable[[str], Any]:
    """A package's `__getattr__`, from names to the files of the package that hold them.

    Raises, when called: `AttributeError` for another name.

    >>> lazily("rheobase.neurons", {"LIF": "lif"})("LIF").__name__
    'LIF'
    """

    def read(name: str) -> Any:
        if name not in files:
            raise AttributeError(f"module {package!r} has no attribute {name!r}")
        found = getattr(importlib.import_module(f"{package}.{files[name]}"), name)
        # the next time it is an attribute like any other
        setattr(sys.modules[package], name, found)
        return found

    return read
