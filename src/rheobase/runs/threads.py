"""The number of threads that torch uses, for a while."""

from __future__ import annotations

from collections.abc import Generator
from contextlib import contextmanager

from rheobase.errors import ParameterError


@contextmanager
def threads(count: int | None) -> Generator[None, None, None]:
    """Inside, torch uses so many threads; None changes nothing. Raises `ParameterError` for less than one.

    >>> import torch
    >>> before = torch.get_num_threads()
    >>> with threads(1):
    ...     torch.get_num_threads()
    1
    >>> torch.get_num_threads() == before
    True
    """
    import torch

    if count is not None and count < 1:
        raise ParameterError("threads", f"{count}", "one at least", "--threads 1")
    before = torch.get_num_threads()
    torch.set_num_threads(before if count is None else count)
    try:
        yield
    finally:
        torch.set_num_threads(before)
