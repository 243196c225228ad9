"""Converts arguments to arrays of numbers, and refuses values that would have to be truncated or guessed."""

from __future__ import annotations

from typing import Any

import numpy as np
from numpy.typing import NDArray

from rheobase.errors import DTypeError, ParameterError


def places(owner: str, name: str, given: Any) -> NDArray[np.int64]:
    """Indices of neurons or sources, flattened. Raises `DTypeError` for values that are not integers.

    >>> places("Network", "pre", [0, 2]), places("Network", "pre", ())
    (array([0, 2]), array([], dtype=int64))
    """
    try:
        found = np.asarray(given)
    except ValueError as error:
        raise _no_row(owner, name, error) from error
    # an empty list has no type of its own
    if found.size and found.dtype.kind not in "iu":
        raise DTypeError(owner, f"{name} of dtype {found.dtype}", "integers, which count from 0 on", "round them first")
    return found.ravel().astype(np.int64)


def reals(owner: str, name: str, given: Any) -> NDArray[np.float64]:
    """Numbers in double precision, with their shape. Raises `DTypeError` for what is not an array of numbers."""
    try:
        return np.array(given, np.float64)
    except (TypeError, ValueError) as error:
        raise _no_row(owner, name, error) from error


def check_count(owner: str, name: str, given: Any, least: int, remedy: str) -> None:
    """Raise `ParameterError` unless `given` is an integer from `least` on."""
    if isinstance(given, bool | np.bool_) or not isinstance(given, int | np.integer) or given < least:
        raise ParameterError(owner, f"{name}={given!r}", f"an integer from {least} on", remedy)


def _no_row(owner: str, name: str, error: Exception) -> DTypeError:
    return DTypeError(owner, f"{name} that is no array ({error})", "numbers", "give a list or an array of them")
