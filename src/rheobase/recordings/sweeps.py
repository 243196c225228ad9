"""What a file holds: traces as they are stored, and sweeps, in which potential and current are told apart."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from rheobase.cards import Card
from rheobase.errors import DataError, UnitError
from rheobase.units import parse

Values = NDArray[np.float64]
POTENTIAL, CURRENT, TIME = "potential", "current", "time"
_SHOWN = 12  # sweeps of a file, in a notebook
UNEVEN = 2e-3  # of the interval: more than the rounding of times
KINDS = {POTENTIAL: "mV", CURRENT: "pA", TIME: "ms"}
# units as files write them that are no symbol of the SI
_SPELT = {
    "volt": "V", "volts": "V", "millivolts": "mV", "amp": "A", "amps": "A", "ampere": "A", "amperes": "A",
    "picoamperes": "pA", "sec": "s", "second": "s", "seconds": "s", "msec": "ms",
}  # fmt: skip


@dataclass(frozen=True, eq=False)
class Trace:
    """One channel of one sweep as a file stores it.

    unit     as the file says it; "" where it says none
    dt       time between samples in ms; None where the file does not say it
    command  whether it is what was commanded, and was not recorded
    kind     "potential", "current" or None, where the file says it by other means than the unit
    """

    name: str
    unit: str
    values: Values
    dt: float | None
    command: bool = False
    kind: str | None = None

    @property
    def meant(self) -> str | None:
        """Potential or current, by what the file says, else by the unit; None where neither says it."""
        return self.kind or kind_of(self.unit)


@dataclass(frozen=True)
class Stored:
    """The traces of one sweep."""

    name: str
    traces: Sequence[Trace]


@dataclass(frozen=True, eq=False)
class Sweep:
    """One sweep: the potential v in mV, the current in pA and the time dt between samples in ms.

    `source` says which channels they are, in which unit the file has them, and whether the current was recorded or is
    the command of the protocol.
    """

    name: str
    v: Values
    current: Values
    dt: float
    source: str

    @property
    def duration(self) -> float:
        """ms."""
        return len(self.v) * self.dt


@dataclass(frozen=True)
class RecordingFile:
    """The sweeps of a file, their numbers in it, its format, and what one should know of how they were read."""

    path: Path
    form: str
    sweeps: tuple[Sweep, ...]
    numbers: tuple[int, ...]
    notes: tuple[str, ...] = field(default=())

    def __repr__(self) -> str:
        count = f"{len(self.sweeps)} {'sweep' if len(self.sweeps) == 1 else 'sweeps'}"
        return f"RecordingFile({self.path.name}: {self.form}, {count})"

    def _repr_html_(self) -> str:
        """The file in a notebook: its first sweep as a curve, a row for each sweep, what to know of the reading."""
        rows = [
            (
                each.name,
                f"{each.duration:g} ms",
                f"{each.dt:g} ms",
                f"{each.current.min():.4g} to {each.current.max():.4g} pA",
                f"{each.v.min():.4g} to {each.v.max():.4g} mV",
            )
            for each in self.sweeps
        ]
        shown, left = rows[:_SHOWN], rows[_SHOWN:]
        notes = [*self.notes, *([f"{len(left)} more sweeps"] if left else [])]
        return Card(
            self.path.name,
            f"{self.form}, {len(rows)} {'sweep' if len(rows) == 1 else 'sweeps'}",
            columns=("sweep", "lasts", "dt", "current", "potential"),
            rows=shown,
            curve=self.sweeps[0].v.tolist() if self.sweeps else (),
            folded={"Notes": "\n".join(notes)} if notes else {},
        ).html()


def kind_of(unit: str) -> str | None:
    """What is measured in a unit: potential, current or time; None for any other, and for none.

    >>> kind_of("mV"), kind_of("amperes"), kind_of("?")
    ('potential', 'current', None)
    """
    try:
        exponents = parse(plain(unit)).exponents
    except UnitError:
        return None
    return next((kind for kind, own in KINDS.items() if parse(own).exponents == exponents), None)


def is_unit(text: str) -> bool:
    """Whether a text is a unit of anything.

    >>> is_unit("uA/cm2"), is_unit("third")
    (True, False)
    """
    try:
        parse(plain(text))
    except UnitError:
        return False
    return True


def plain(unit: str) -> str:
    """A unit as `units.parse` reads it.

    >>> plain("volts"), plain("µV"), plain(" pA ")
    ('V', 'uV', 'pA')
    """
    text = unit.strip().replace("µ", "u").replace("\u03bc", "u")
    return _SPELT.get(text.lower(), text)


def converted(values: Values, unit: str, kind: str) -> Values:
    """The values in mV, pA or ms.

    >>> converted(np.array([-0.07]), "V", "potential")
    array([-70.])
    """
    shift = parse(plain(unit)).power - parse(KINDS[kind]).power
    # powers of ten below 1 are not exact: 0.001 x differs from x / 1000
    return values * 10.0**shift if shift >= 0 else values / 10.0**-shift


def even(path: Path, name: str, times: Values) -> float:
    """The step of times that are evenly spaced. Raises `DataError` for others."""
    steps = np.diff(times)
    if not len(steps) or steps.min() <= 0.0 or np.ptp(steps) > UNEVEN * steps.mean() + 1e-9 * abs(times[-1]):
        given = f"times of {name} that are not evenly spaced"
        raise DataError(str(path), given, "one time step", "resample the recording")
    return float((times[-1] - times[0]) / len(steps))
