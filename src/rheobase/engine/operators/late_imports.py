"""Modules imported at their first use: what writes and launches kernels is not needed to import rheobase."""

from __future__ import annotations

import importlib
from typing import Any


class Late:
    """Stands for a module and imports it when an attribute is asked for.

    >>> Late("math").sqrt(4.0)
    2.0
    """

    def __init__(self, name: str):
        self._name = name

    def __getattr__(self, attribute: str) -> Any:
        return getattr(importlib.import_module(self._name), attribute)

    def function(self, name: str) -> Any:
        """A function of the module, found when it is called."""
        return lambda *args: getattr(self, name)(*args)
