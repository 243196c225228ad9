"""Lazy imports: a package imports the module of a name when the name is first used."""

from __future__ import annotations

import importlib
import sys
from collections.abc import Callable, Mapping
from typing import Any


def lazily(
    package: str, files: Mapping[str, str], hint: Callable[[str], str | None] = lambda name: None
) -> Callable[[str], Any]:
    """Make a package's `__getattr__` from its names, each with the module of the package that defines it.

    `hint` says what to write for a name that there is not, where it knows.

    Raises, when called: `AttributeError` for another name.

    >>> lazily("rheobase.neurons", {"LIF": "lif"})("LIF").__name__
    'LIF'
    """

    def read(name: str) -> Any:
        if name not in files:
            instead = hint(name)
            remedy = f". Remedy: {instead}" if instead else ""
            raise AttributeError(f"module {package!r} has no attribute {name!r}{remedy}")
        found = getattr(importlib.import_module(f"{package}.{files[name]}"), name)
        # the next time it is an attribute like any other
        setattr(sys.modules[package], name, found)
        return found

    return read
