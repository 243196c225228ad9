"""Names that have moved: for a while they still work, with a warning that states the new place."""

from __future__ import annotations

import importlib
import warnings
from collections.abc import Callable, Mapping
from typing import Any


def moved(package: str, names: Mapping[str, str]) -> Callable[[str], Any]:
    """Make a package's `__getattr__` that redirects old names to new places: "module", or "module:name" in it.

    Reading an old name gives a `DeprecationWarning` and returns the object at the new place.

    Raises, when called: `AttributeError` for another name.

    >>> import warnings
    >>> old = moved("rheobase.learning", {"operations": "rheobase.energy:operations"})
    >>> with warnings.catch_warnings(record=True) as told:
    ...     warnings.simplefilter("always")
    ...     old("operations").__name__, str(told[0].message)
    ('operations', 'rheobase.learning.operations is now rheobase.energy.operations; the old name will go')
    """

    def read(name: str) -> Any:
        if name not in names:
            raise AttributeError(f"module {package!r} has no attribute {name!r}")
        module, _, inside = names[name].partition(":")
        place = ".".join(filter(None, (module, inside)))
        warnings.warn(f"{package}.{name} is now {place}; the old name will go", DeprecationWarning, stacklevel=3)
        found = importlib.import_module(module)
        return getattr(found, inside) if inside else found

    return read
