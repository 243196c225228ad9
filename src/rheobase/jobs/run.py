"""Runs units: those that are not stored yet are handed to an executor."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any, NamedTuple, Protocol

from rheobase.deprecated import renamed
from rheobase.errors import CheckpointError, ParameterError, Unfinished
from rheobase.files import ensure_folder
from rheobase.jobs.unit import Unit, perform
from rheobase.progress import Progress


class Done(NamedTuple):
    """A finished unit: its result, how long it took, on which hardware, and whether it stood there already."""

    unit: Unit
    result: dict[str, Any]
    seconds: float
    hardware: str
    stored: bool


class Executor(Protocol):
    """Where units are done. `remote`: by other processes, which see nothing but a unit and the folder."""

    @property
    def remote(self) -> bool: ...

    def perform(self, units: Sequence[Unit], folder: Path) -> Iterator[Unit]:
        """Do units and store their results; each is given back when that is done."""
        ...


@dataclass(frozen=True)
class Here:
    """This process, one unit after the other. `hardware` is kept beside the results; by default this machine's."""

    hardware: str | None = None
    remote = False

    def perform(self, units: Sequence[Unit], folder: Path) -> Iterator[Unit]:
        for unit in units:
            other = perform(unit, folder, self.hardware)
            if other is not None:
                raise Unfinished(f"unit {unit.name}", f"no result of {other}", "that one before it", "change the order")
            yield unit


@renamed(on_progress="progress")
def run(
    units: Sequence[Unit],
    folder: Path,
    *,
    on: Executor | None = None,
    fresh: bool = False,
    progress: Progress | None = None,
) -> Iterator[Done]:
    """The results of units: first of those that are stored, then of the others, as they are done.

    fresh         forget what is stored
    on            where they are done; in this process by default
    progress      called with (units that are done, all units)

    Raises: `ParameterError` for two units of one name, `CheckpointError` for a damaged result, `StorageError`, and what
    the units raise; whatever was done before is stored, and a second call goes on from there.
    """
    for name, times in Counter(unit.name for unit in units).items():
        if times > 1:
            raise ParameterError("units", f"two of the name {name!r}", "a name of its own for each", "rename one")
    report, total = progress or (lambda done, total: None), len(units)
    ensure_folder(folder)
    todo: list[Unit] = []
    for unit in units:
        if fresh:
            unit.path(folder).unlink(missing_ok=True)
        found = None if fresh else unit.stored(folder)
        if found is None:
            todo.append(unit)
            continue
        yield Done(unit, found.result, found.seconds, found.hardware, True)
    done = total - len(todo)
    report(done, total)
    for unit in (on or Here()).perform(todo, folder) if todo else ():
        # read back, so that the first call returns the same as later ones
        found = unit.stored(folder)
        if found is None:
            expected = "the result that was just stored"
            raise CheckpointError(
                str(unit.path(folder)), "no such result", expected, "let one run at a time write there"
            )
        done += 1
        report(done, total)
        yield Done(unit, found.result, found.seconds, found.hardware, False)
