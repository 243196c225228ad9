"""Units of a part that others do: what stands for their results here, and how a worker finds the work of one.

A unit is a closure over all that its part has made up to then, which is not sent anywhere. A worker runs the part
itself, with the same settings, up to the unit that it was asked for; what the part looks at on the way is stored.
"""

from __future__ import annotations

import functools
from collections.abc import Callable, Iterator, Mapping
from pathlib import Path
from typing import TYPE_CHECKING, Any

from rheobase.errors import ParameterError
from rheobase.jobs import NotYet, Unit

if TYPE_CHECKING:
    from rheobase.reproduce.job import Job


class Reached(BaseException):  # no error: it ends a part, whatever that catches
    """The part has come to the unit that was asked for; `result` is what the unit returned."""

    def __init__(self, result: Mapping[str, Any]):
        self.result = result


class Asked(Mapping[str, Any]):
    """The result of a unit, read when it is first looked at; `gather` is called before, and has it made."""

    def __init__(self, unit: Unit, folder: Path, gather: Callable[[], None] | None = None):
        self._unit, self._folder, self._gather = unit, folder, gather

    @functools.cached_property
    def _held(self) -> dict[str, Any]:
        if self._gather is not None:
            self._gather()
        stored = self._unit.stored(self._folder)
        if stored is None:
            raise NotYet(self._unit.name)
        return stored.result

    def __getitem__(self, name: str) -> Any:
        return self._held[name]

    def __iter__(self) -> Iterator[str]:
        return iter(self._held)

    def __len__(self) -> int:
        return len(self._held)


def one_unit(part: Callable[[Job], Any], only: str, **given: Any) -> Mapping[str, Any]:
    """What the unit `only` of a part returns; `given` are the arguments of a `Job`."""
    from rheobase.reproduce.job import Job

    try:
        part(Job(given.pop("settings"), given.pop("folder"), only=only, **given))
    except Reached as reached:
        return reached.result
    remedy = "let its units depend on nothing but its settings and seed"
    raise ParameterError(f"part of unit {only}", "a run of it without that unit", "the same units everywhere", remedy)
