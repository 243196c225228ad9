"""Progress of work that has no epochs: a bar on a terminal, lines elsewhere, and nothing of what is done at once."""

from __future__ import annotations

import sys
import time
from types import TracebackType
from typing import Any

import typer

from rheobase.progress import Paced, bar

SECONDS_BEFORE = 2.0


class Watching:
    """A `Watch`: called with (what is done, how much of it, of how much), it shows what takes more than two seconds.

    >>> with Watching() as watch:
    ...     watch("samples", 1, 10)
    """

    def __init__(self) -> None:
        self._began = time.monotonic()
        self._paced = Paced()
        self._bar: Any = None
        self._tasks: dict[str, Any] = {}

    def __enter__(self) -> Watching:
        return self

    def __call__(self, what: str, done: int, of: int) -> None:
        if time.monotonic() - self._began < SECONDS_BEFORE:
            return
        if not sys.stderr.isatty():
            if self._paced.due():
                typer.echo(f"{what}: {done} of {of}", err=True)
            return
        if self._bar is None:
            self._bar = bar(remaining=True, transient=True)
            self._bar.start()
        if what not in self._tasks:
            self._tasks[what] = self._bar.add_task(what, total=of, note="")
        self._bar.update(self._tasks[what], completed=done, total=of)

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, traceback: TracebackType | None
    ) -> None:
        if self._bar is not None:
            self._bar.stop()
