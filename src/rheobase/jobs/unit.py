"""One unit of work: what it does, what decides its result, and how that is stored."""

from __future__ import annotations

import functools
import time
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from rheobase.errors import ParameterError, StorageError
from rheobase.jobs import store
from rheobase.machine import in_words, machine
from rheobase.version import __version__

FOLDER = "units"


class NotYet(Exception):
    """Raised by a unit that needs the result of another one, which is not stored yet: it is done again after it."""

    def __init__(self, name: str):
        self.name = name
        super().__init__(name)


@dataclass(frozen=True)
class Unit:
    """A function and its arguments; what it returns (a dict of JSON values, arrays and tensors) is stored once.

    name       names the file of the result
    function   importable, and pure: on a cluster another machine calls it
    arguments  by keyword
    facts      what decides the result, as values of JSON: another value makes the unit another one; by default the
               arguments
    """

    name: str
    function: Callable[..., Mapping[str, Any]]
    arguments: Mapping[str, Any] = field(default_factory=dict)
    facts: Mapping[str, Any] | None = None

    def __post_init__(self) -> None:
        if Path(self.name).name != self.name or self.name in ("", ".", ".."):
            raise ParameterError("unit", f"{self.name!r}", "a name that can name a file", "depth-2-seed-0, say")

    @functools.cached_property
    def key(self) -> str:
        """The key under which the result is stored."""
        return store.key({"unit": self.name, **(self.arguments if self.facts is None else self.facts)})

    def path(self, folder: Path) -> Path:
        """The file of the result in the folder of a run."""
        return folder / FOLDER / f"{self.name}.npz"

    def stored(self, folder: Path) -> store.Stored | None:
        """The stored result, if there is one. Raises `CheckpointError` for a damaged file."""
        return store.read(self.path(folder), self.key)


def perform(unit: Unit, folder: Path, hardware: str | None = None, version: str = __version__) -> str | None:
    """Do a unit where its result is not stored; None, or the name of the unit that has to be done first.

    hardware   kept beside the result; by default that of this machine

    Raises: `StorageError` where this machine does not see the folder, and what the unit raises.
    """
    if version != __version__:
        given = f"rheobase {__version__} on a worker"
        raise ParameterError("units", given, f"{version}, as where they come from", "install one version everywhere")
    if not folder.is_dir():
        expected = "a folder that every worker sees under this path"
        raise StorageError(
            str(folder), "no such folder on the machine of a worker", expected, "share it, or choose another"
        )
    # a worker may be lost after it stored the result and before it reported it; its replacement finds the result here
    if unit.stored(folder) is not None:
        return None
    began = time.perf_counter()
    try:
        result = unit.function(**unit.arguments)
    except NotYet as other:
        return other.name
    seconds = time.perf_counter() - began
    store.write(unit.path(folder), unit.key, result, seconds, in_words(machine()) if hardware is None else hardware)
    return None
