"""Names that have moved: for a while they still work, with a warning that states the new one."""

from __future__ import annotations

import importlib
import warnings
from collections.abc import Callable, Mapping
from functools import wraps
from typing import Any, ParamSpec, TypeVar

from rheobase.errors import ParameterError

_P = ParamSpec("_P")
_R = TypeVar("_R")


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


def renamed(**names: str) -> Callable[[Callable[_P, _R]], Callable[_P, _R]]:
    """Make a decorator of a function whose keywords have new names: `old="new"`. An old one warns, and is passed on.

    A warning of the function itself has one frame more between it and its caller.

    Raises, when called: `ParameterError` for an old name beside its new one.

    >>> import warnings
    >>> @renamed(loudness="gain")
    ... def amplified(x, *, gain=1.0):
    ...     return gain * x
    >>> with warnings.catch_warnings(record=True) as heard:
    ...     warnings.simplefilter("always")
    ...     amplified(2.0, loudness=3.0), str(heard[0].message)
    (6.0, 'amplified: loudness= is now gain=; the old name will go')
    """

    def of(function: Callable[_P, _R]) -> Callable[_P, _R]:
        @wraps(function)
        def call(*args: _P.args, **given: _P.kwargs) -> _R:
            for old, new in names.items():
                if old not in given:
                    continue
                if new in given:
                    raise ParameterError(function.__name__, f"{old}= and {new}=", f"{new}= alone", f"leave {old}= out")
                text = f"{function.__name__}: {old}= is now {new}=; the old name will go"
                warnings.warn(text, DeprecationWarning, stacklevel=2)
                given[new] = given.pop(old)
            return function(*args, **given)

        return call

    return of
