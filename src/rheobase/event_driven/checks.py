"""What a user gives, as arrays of numbers; what would be cut or guessed is refused."""

from __future__ import annotations

from typing import Any

import numpy as np
from numpy.typing import NDArray

from rheobase.errors import DTypeError, ParameterError


def places(owner: str, name: str, given: Any) -> NDArray[np.int64]:
    """Numbers of neurons or sources, in a row. Raises `DTypeError` for what is no integer: it would be cut to one.

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
    """Numbers in double precision, of the shape they have. Raises `DTypeError` for anything else."""
    try:
        return np.array(given, np.float64)
    except (TypeError, ValueError) as error:
        raise _no_row(owner, name, error) from error


def check_count(owner: str, name: str, given: Any, least: int, remedy: str) -> None:
    """Raise `ParameterError` unless it is an integer from `least` on."""
    if isinstance(given, bool | np.bool_) or not isinstance(given, int | np.integer) or given < least:
        raise ParameterError(owner, f"{name}={given!r}", f"an integer from {least} on", remedy)


def _no_row(owner: str, name: str, error: Exception) -> DTypeError:
    return DTypeError(owner, f"{name} that is no array ({error})", "numbers", "give a list or an array of them")
