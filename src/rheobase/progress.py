"""Progress of long work: a bar on a terminal, a line every few seconds elsewhere."""

from __future__ import annotations

import time
from collections.abc import Callable
from typing import TYPE_CHECKING, Any, TypeAlias

if TYPE_CHECKING:
    from rich.console import Console
    from rich.progress import Progress as RichProgress

Progress: TypeAlias = Callable[[int, int], None]
"""What `progress=` of long work is: called as progress(done, total) whenever a part is done."""

SECONDS_BETWEEN_LINES = 5.0


def bar(console: Console | None = None, *, remaining: bool = False, transient: bool = False) -> RichProgress:
    """A progress bar of rich: count, elapsed time, remaining time if `remaining`, and the field `note` of each task.

    It draws on standard error unless a console is given; `transient`: it is erased when it stops.
    """
    from rich.console import Console
    from rich.progress import (
        BarColumn,
        MofNCompleteColumn,
        Progress,
        TextColumn,
        TimeElapsedColumn,
        TimeRemainingColumn,
    )

    columns: list[Any] = [TextColumn("{task.description}"), BarColumn(), MofNCompleteColumn(), TimeElapsedColumn()]
    columns += [TimeRemainingColumn()] * remaining
    columns.append(TextColumn("{task.fields[note]}"))
    return Progress(*columns, console=console or Console(stderr=True), transient=transient)


class Paced:
    """Limits progress lines to one every `SECONDS_BETWEEN_LINES`.

    >>> paced = Paced()
    >>> paced.due(), paced.due()
    (True, False)
    """

    def __init__(self) -> None:
        self._last = float("-inf")

    def due(self) -> bool:
        """True at most once in `SECONDS_BETWEEN_LINES`."""
        now = time.monotonic()
        if now - self._last < SECONDS_BETWEEN_LINES:
            return False
        self._last = now
        return True

    def begin(self) -> None:
        """Start the interval now: the next line is due after it."""
        self._last = time.monotonic()
