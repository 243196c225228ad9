"""Named parameter sets of a neuron: the TOML file beside the file that holds its equations.

source = "Authors, Journal (year), doi ..."        # of all sets, or of one

[tonic_bursting]
meaning = "bursts as long as the current lasts"
values = { a = 0.02, b = 0.2, c = -50.0, d = 2.0 } # parameters; those left out keep their defaults
options = {}                                       # where the neuron has any
[tonic_bursting.shown]                             # how the source shows it
dt = 0.25                                          # ms (steps: 1 where the neuron counts in steps)
stop = 220.0                                       # ms
current = [[22.0, 0.0], [22.0, 15.0]]              # corners (time, value): two at one time are a jump
start = { v = -70.0, u = -14.0 }                   # states; those left out are at rest

A fit writes such a file with one set, and says in it `neuron = "AdEx"`: it is a set of that neuron, known by its path.
"""

from __future__ import annotations

import functools
import inspect
from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from torch import Tensor

from rheobase.cards import Card
from rheobase.errors import DataError, DeclarationError, nearest
from rheobase.stimuli import Stimulus, corners

SHOWN = ("dt", "stop", "current", "start")
ENTRY = ("meaning", "source", "values", "options", "shown")


@dataclass(frozen=True)
class Shown:
    """A stimulation protocol: time step and duration (ms, or steps), current, and initial states."""

    dt: float
    stop: float
    stimulus: Stimulus
    start: Mapping[str, float] = field(default_factory=dict)

    def current(self) -> Tensor:
        """The current, (time, 1, 1)."""
        return self.stimulus.sample(self.stop, self.dt).view(-1, 1, 1)


@dataclass(frozen=True)
class NamedSet:
    """Parameter values with a name, their source, and the protocol with which the source shows them."""

    name: str
    meaning: str
    source: str
    values: Mapping[str, Any]
    options: Mapping[str, Any]
    shown: Shown | None

    def _repr_html_(self) -> str:
        """The set in a notebook: its values, what it is, and where it comes from."""
        values = {name: _shown_value(value) for name, value in {**self.values, **self.options}.items()}
        return Card(
            self.name, self.meaning, values or {"values": "the defaults"}, folded={"Source": self.source}
        ).html()


class NamedSets(dict[str, NamedSet]):
    """The named sets of a class by name."""

    def _repr_html_(self) -> str:
        """The sets in a notebook, a row each."""
        rows = [
            (
                each.name,
                each.meaning,
                ", ".join(f"{k}={_shown_value(v)}" for k, v in {**each.values, **each.options}.items()),
            )
            for each in self.values()
        ]
        sources = "\n".join(dict.fromkeys(each.source for each in self.values()))
        count = f"{len(self)} named {'set' if len(self) == 1 else 'sets'}"
        return Card(count, columns=("name", "meaning", "values"), rows=rows, folded={"Sources": sources}).html()


@functools.cache
def named_sets(cls: type[Any]) -> NamedSets:
    """The named sets of a class of neurons, in the order of its file; none where there is no file.

    Raises: `DeclarationError` for a file that does not fit the class.
    """
    try:
        path = Path(inspect.getfile(cls)).with_suffix(".toml")
    except (TypeError, OSError):
        return NamedSets()  # written at a prompt: there is no file beside it
    if not path.is_file():
        return NamedSets()
    return _read(cls, path)


def set_in(cls: type[Any], path: str | Path) -> NamedSet:
    """The one set in a file of a user, as a fit writes it.

    Raises: `DataError` for a file that cannot be read, holds another number of sets, or one of another neuron;
    `DeclarationError` for one that does not fit the class.
    """
    path = Path(path)
    if not path.is_file():
        raise DataError(str(path), "no such file", "a .toml file with a named set", "check the path")
    found = _read(cls, path)
    if len(found) != 1:
        raise DataError(str(path), f"{len(found)} sets", "one", "keep each in a file of its own")
    return next(iter(found.values()))


def _read(cls: type[Any], path: Path) -> NamedSets:
    import tomllib  # only where there is a file

    try:
        table = tomllib.loads(path.read_text("utf-8"))
    except (tomllib.TOMLDecodeError, UnicodeDecodeError) as error:
        raise DeclarationError(cls.__name__, f"{path.name}: {error}", "valid TOML", "correct that line") from None
    meant = table.pop("neuron", cls.__name__)
    if meant != cls.__name__:
        raise DataError(str(path), f"a set of {meant}", f"a set of {cls.__name__}", f"load it with {meant}")
    source = table.pop("source", "")
    wrong = next((name for name, entry in table.items() if not isinstance(entry, dict)), None)
    if wrong is not None:
        raise DeclarationError(
            cls.__name__, f"{path.name}: {wrong!r}", "a table [NAME] for each set", "see a fit's file"
        )
    return NamedSets({name: _entry(cls, name, entry, source) for name, entry in table.items()})


def _entry(cls: type[Any], name: str, entry: dict[str, Any], source: str) -> NamedSet:
    where = f"{cls.__name__}: set {name!r}"
    _known(where, entry, ENTRY)
    values, options = entry.get("values", {}), entry.get("options", {})
    _known(where, values, tuple(cls.params))
    _known(where, options, tuple(cls.declared_options))
    source = entry.get("source", source)
    if not entry.get("meaning") or not source:
        raise DeclarationError(where, "no meaning or no source", "both", "say what it is and where it comes from")
    shown = _shown(cls, where, entry["shown"]) if "shown" in entry else None
    return NamedSet(name, entry["meaning"], source, values, options, shown)


def _shown(cls: type[Any], where: str, table: dict[str, Any]) -> Shown:
    _known(where, table, SHOWN)
    start = table.get("start", {})
    _known(where, start, tuple(cls.states))
    missing = [key for key in ("stop", "current") if key not in table]
    if missing:
        raise DeclarationError(where, f"shown without {', '.join(missing)}", "stop and current", "add them")
    return Shown(float(table.get("dt", 1.0)), float(table["stop"]), corners(table["current"]), start)


def _shown_value(value: Any) -> str:
    return f"{value:g}" if isinstance(value, float) else str(value)


def _known(where: str, given: Mapping[str, Any], known: tuple[str, ...]) -> None:
    for name in given:
        if name not in known:
            raise DeclarationError(where, f"the name {name!r}", "a known one", nearest(name, known))
