"""Reading a recording of any known format: which channel is the potential, which the current, and in which units."""

from __future__ import annotations

import re
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np

from rheobase.checks import is_number
from rheobase.errors import DataError, InputError, ParameterError, UnitError, nearest
from rheobase.recordings.formats import stored, unsaid
from rheobase.recordings.sweeps import (
    CURRENT,
    KINDS,
    POTENTIAL,
    RecordingFile,
    Stored,
    Sweep,
    Trace,
    Values,
    converted,
    kind_of,
)

# A cell rests tens of mV below 0, and no amplifier goes far beyond 1 V; the smallest cells fire at some 10 pA.
LONGEST = 40  # letters of a part of `sweeps`
PLAUSIBLE = {POTENTIAL: (1.0, 1000.0), CURRENT: (5.0, 1e5)}
_OTHERS = {POTENTIAL: ("V", "mV", "uV"), CURRENT: ("nA", "pA", "A", "uA", "fA")}


@dataclass(frozen=True)
class Wanted:
    """What a user says of a file: names of its channels, units, and the time between samples in ms."""

    potential: str | None = None
    current: str | None = None
    units: tuple[str, ...] = ()
    interval: float | None = None

    def unit(self, kind: str) -> str | None:
        """The unit that the user states for potential, current or time."""
        return next((unit for unit in self.units if kind_of(unit) == kind), None)


def read(
    path: str | Path,
    *,
    current: str | Path | None = None,
    sweeps: str | Sequence[int] | None = None,
    channel: str | None = None,
    units: str | None = None,
    interval: float | None = None,
) -> RecordingFile:
    """The sweeps of a recording in current clamp, with potentials in mV and currents in pA.

    current    a second file that holds the current, for formats of one channel (.ibw)
    sweeps     which: numbers, or "0:5", "0,3,7"; counted from 0, the end of a range left out
    channel    the name of the potential's channel, or "POTENTIAL,CURRENT", where a file has several
    units      "mV,pA" states the units where the file does not, or overrules what it says; "s" or "ms" for times
    interval   ms between samples, where the file does not say it

    The format is known by the suffix, and checked against the content. A current that was recorded goes before the
    command of the protocol, which is taken where nothing else is there; `Sweep.source` says it.

    Raises: `DataError` for a file that is missing, of another format, in voltage clamp or without a current,
    `ParameterError`, `UnitError` for units that are missing or cannot be, `InputError` for NaN, `BackendUnavailable`
    where the package for a format is not installed.

    >>> import tempfile
    >>> lines = ["time (ms),v (mV),current (pA)", "0,-70.5,0", "0.1,-70.4,50", "0.2,-70,50"]
    >>> file = Path(tempfile.mkdtemp()) / "cell.csv"
    >>> _ = file.write_text("\\n".join(lines))
    >>> read(file), read(file).sweeps[0].v
    (RecordingFile(cell.csv: CSV, 1 sweep), array([-70.5, -70.4, -70. ]))
    """
    path = Path(path)
    form, found = stored(path)
    if current is not None:
        found = _joined(path, found, Path(current))
    if not found:
        raise DataError(str(path), "no sweep in it", "a recording with samples", "look into the file")
    names = [name.strip() for name in channel.split(",")] if channel is not None else []
    if len(names) > 2 or not all(names or ["-"]):
        raise ParameterError("channel", repr(channel), "POTENTIAL, or POTENTIAL,CURRENT", 'channel="Vm,Im"')
    if interval is not None and not is_number(interval, above=0):
        raise ParameterError("interval", repr(interval), "the ms between two samples, above 0", "interval=0.1")
    asked = Wanted(*names, units=_units(units), interval=interval)
    chosen = numbers(sweeps, len(found))
    made = [_sweep(path, found[k], asked) for k in chosen]
    _check_sizes(path, made, asked)
    return RecordingFile(path, form, tuple(made), tuple(chosen), (*_notes(made), *filter(None, [unsaid(path)])))


def read_current(path: str | Path, *, sweep: int | None = None) -> Trace:
    """The current of one sweep as its file has it, for use as a stimulus: the file need have no potential.

    `sweep` counts from 0 and may be left out where the file has one. Unit and time step are those of the file, "" and
    None where it does not say them. A current that was recorded goes before the command of the protocol.

    Raises: `DataError` for a file that is missing, of another format, or without a current, and where a sweep must be
    chosen; `InputError` for NaN; `BackendUnavailable` where the package for a format is not installed.

    >>> import tempfile
    >>> file = Path(tempfile.mkdtemp()) / "stimulus.csv"
    >>> _ = file.write_text("time (ms),current (pA)\\n0,0\\n0.5,100\\n1,50")
    >>> trace = read_current(file)
    >>> trace.values, trace.unit, trace.dt
    (array([  0., 100.,  50.]), 'pA', 0.5)
    """
    path = Path(path)
    _, found = stored(path)
    if sweep is None and len(found) != 1:
        given = f"{len(found)} sweeps"
        raise DataError(str(path), given, "the number of one, counted from 0", f"{path.name}:0, or sweep=0")
    number = sweep or 0
    if not 0 <= number < len(found):
        expected = f"one from 0 to {len(found) - 1}" if len(found) > 1 else "0, the only one"
        raise DataError(str(path), f"sweep {number}", expected, "count sweeps from 0")
    where, traces = f"{path}, {found[number].name}", found[number].traces
    if not any(trace.meant == CURRENT for trace in traces):
        listed = ", ".join(f"{t.name!r} in {t.unit or 'no unit'}" for t in traces) or "nothing"
        raise DataError(where, f"no current in it, but {listed}", "a current", "name its column current (pA), say")
    trace = _chosen(where, traces, CURRENT, None, Wanted())
    _check_finite(where, trace)
    return trace


def numbers(given: str | Sequence[int] | None, count: int, owner: str = "sweeps") -> list[int]:
    """Numbers of sweeps: of "0:5", "0,3,7", "3", a sequence, or of all. `owner` is what an error names.

    >>> numbers("0:3,5", 8), numbers(None, 2)
    ([0, 1, 2, 5], [0, 1])
    """
    if given is None:
        return list(range(count))
    expected, remedy = f"numbers from 0 to {count - 1}", f'{owner}="0:5" or "0,3,7", counted from 0'
    found: list[int] = []
    for part in given.split(",") if isinstance(given, str) else map(str, given):
        ends = part.strip().split(":")
        if (
            len(ends) > 2
            or len(part) > LONGEST
            or not all(end.isdecimal() or (end == "" and len(ends) == 2) for end in ends)
        ):
            raise ParameterError(owner, f"{part!r}", expected, remedy)
        first = int(ends[0] or 0)
        last = first + 1 if len(ends) == 1 else int(ends[1] or count)
        if not 0 <= first < last <= count:
            raise ParameterError(owner, f"{part!r} of {count}", expected, remedy)
        found += range(first, last)
    if not found or len(set(found)) < len(found):
        raise ParameterError(owner, repr(given), f"{expected}, each once", remedy)
    return found


def _units(text: str | None) -> tuple[str, ...]:
    given = tuple(part.strip() for part in text.split(",")) if text else ()
    kinds = [kind_of(unit) for unit in given]
    if None in kinds or len(set(kinds)) < len(kinds):
        expected = "a unit of potential, of current and, if need be, of time, each once"
        raise UnitError("units", repr(text), expected, 'units="mV,pA"')
    return given


def _joined(path: Path, found: Sequence[Stored], other: Path) -> list[Stored]:
    """Sweeps of two files, one with the potential, one with the current."""
    _, beside = stored(other)
    if len(beside) != len(found):
        given = f"{len(found)} sweeps, and {len(beside)} in {other.name}"
        raise DataError(str(path), given, "as many in both files", "give files of one recording")
    kept = [[t for t in a.traces if t.meant != CURRENT] for a in found]
    more = [[t for t in b.traces if t.meant != POTENTIAL] for b in beside]
    if not all(more):
        raise DataError(str(other), "no current in it", "the current of the recording", "give the potential first")
    return [Stored(a.name, (*own, *b)) for a, own, b in zip(found, kept, more, strict=True)]


# --- one sweep ----------------------------------------------------------------------------------------------------


def _sweep(path: Path, sweep: Stored, asked: Wanted) -> Sweep:
    where = f"{path}, {sweep.name}"
    potential = _chosen(where, sweep.traces, POTENTIAL, asked.potential, asked)
    rest = [trace for trace in sweep.traces if trace is not potential]
    current = _chosen(where, rest, CURRENT, asked.current, asked)
    v, v_said = _in_own_unit(where, potential, POTENTIAL, asked)
    i, i_said = _in_own_unit(where, current, CURRENT, asked)
    if len(v) != len(i):
        given = f"{len(v)} samples of {potential.name!r} and {len(i)} of {current.name!r}"
        raise DataError(where, given, "a current for every sample", "leave that sweep out with sweeps=")
    if len(v) < 2:
        raise DataError(where, f"{len(v)} samples", "two at least", "leave that sweep out with sweeps=")
    dt, dt_said = _interval(where, potential, current, asked)
    origin = ", command of the protocol" if current.command else ""
    return Sweep(sweep.name, v, i, dt, f"potential: {v_said}; current: {i_said}{origin}{dt_said}")


def _chosen(where: str, traces: Sequence[Trace], kind: str, name: str | None, asked: Wanted) -> Trace:
    """The one trace of that kind: by its name, or since there is no other."""
    if name is not None:
        named = [trace for trace in traces if trace.name == name]
        if not named:
            listed = nearest(name, [trace.name for trace in traces])
            raise ParameterError(where, f"channel {name!r}", f"a channel with the {kind}", listed)
        return min(named, key=lambda trace: trace.command)
    fitting = [trace for trace in traces if trace.meant == kind]
    if kind == POTENTIAL:
        fitting = [trace for trace in fitting if not trace.command]
    fitting = [trace for trace in fitting if not trace.command] or fitting
    if len(fitting) == 1:
        return fitting[0]
    if fitting:
        listed = ", ".join(trace.name for trace in fitting)
        remedy = "channel=NAME" if kind == POTENTIAL else "channel=POTENTIAL,CURRENT"
        raise DataError(where, f"{len(fitting)} channels in units of {kind}: {listed}", "one that is meant", remedy)
    raise _absent(where, traces, kind)


def _absent(where: str, traces: Sequence[Trace], kind: str) -> DataError:
    """Why there is no potential, or no current."""
    listed = ", ".join(f"{t.name!r} in {t.unit or 'no unit'}{' (command)' if t.command else ''}" for t in traces)
    unknown = [trace for trace in traces if trace.meant is None and not trace.command]
    if unknown:
        given = f"no channel in a unit of {kind}: {listed}"
        remedy = f'say what it is: channel="{unknown[0].name}", units="mV,pA"'
        return DataError(where, given, "units that say what was recorded", remedy)
    if kind == POTENTIAL:
        voltage_clamp = any(t.command and t.meant == POTENTIAL for t in traces)
        given = f"no recorded potential: {listed or 'nothing'}" + (", so voltage clamp" if voltage_clamp else "")
        remedy = 'record in current clamp; if a channel has the wrong unit, channel=NAME, units="mV,pA"'
        return DataError(where, given, "a potential, recorded in current clamp", remedy)
    given = "no current beside the potential" + (f", but {listed}" if listed else "")
    return DataError(where, given, "the injected current, recorded or commanded", "give it in a file: current=FILE")


def _in_own_unit(where: str, trace: Trace, kind: str, asked: Wanted) -> tuple[Values, str]:
    """The values in mV or pA, and where they are from."""
    stated = asked.unit(kind)
    unit = stated or trace.unit
    if kind_of(unit) != kind:
        given = f"{trace.name!r} in " + (repr(trace.unit) if trace.unit else "no unit")
        raise UnitError(where, given, f"a unit of {kind}", f'units="{",".join(list(KINDS.values())[:2])}" states them')
    _check_finite(where, trace)
    said = f"{trace.name!r} in {unit}"
    if stated and stated != trace.unit:
        said += f" as stated, not {trace.unit!r} as in the file" if trace.unit else " as stated"
    return converted(trace.values, unit, kind), said


def _check_finite(where: str, trace: Trace) -> None:
    bad = int((~np.isfinite(trace.values)).sum())
    if bad:
        given = f"{bad} of {len(trace.values)} samples of {trace.name!r} NaN or infinite"
        raise InputError(where, given, "finite numbers", "cut that part off, or leave the sweep out with sweeps=")


def _interval(where: str, potential: Trace, current: Trace, asked: Wanted) -> tuple[float, str]:
    """The ms between samples, and what is said of them: where they overrule those of the file."""
    found = [trace.dt for trace in (potential, current) if trace.dt is not None]
    if asked.interval is not None:
        stated = f"; {asked.interval:g} ms between samples as stated"
        told = [f"{stated}, not {dt:g} ms as in the file" for dt in found if abs(dt - asked.interval) > 1e-6 * dt]
        return asked.interval, "".join(told[:1])
    if not found:
        raise UnitError(where, "no unit of time", "the ms between two samples", "interval=0.1 says it")
    if abs(found[0] - found[-1]) > 1e-6 * found[0]:
        given = f"{found[0]:g} ms between samples of the potential, {found[-1]:g} ms of the current"
        raise DataError(where, given, "one time step", "resample one of them")
    return found[0], ""


# --- all sweeps ---------------------------------------------------------------------------------------------------


def _check_sizes(path: Path, sweeps: Sequence[Sweep], asked: Wanted) -> None:
    """Raise `UnitError` for values that no cell has: they are in another unit than is said."""
    for kind, arrays in ((POTENTIAL, [s.v for s in sweeps]), (CURRENT, [s.current for s in sweeps])):
        least, most = PLAUSIBLE[kind]
        largest = max(float(np.abs(x).max()) for x in arrays)
        small = largest < least and not (kind == CURRENT and (largest == 0.0 or asked.unit(CURRENT)))
        if not small and largest <= most:
            continue
        own = KINDS[kind]
        scales = {unit: float(converted(np.ones(1), unit, kind)[0]) for unit in _OTHERS[kind]}
        likely = [u for u, scale in scales.items() if least <= largest * scale <= most and u != own]
        pair = [likely[0] if likely else own, "pA"] if kind == POTENTIAL else ["mV", likely[0] if likely else own]
        given = f"a {kind} of at most {largest:.3g} {own} ({sweeps[0].source})"
        remedy = f'if the unit is wrong, units="{",".join(pair)}" overrules it'
        raise UnitError(str(path), given, f"{least:g} to {most:g} {own}, as cells have it", remedy)


def _notes(sweeps: Sequence[Sweep]) -> tuple[str, ...]:
    """What was read, said once where it is the same in all sweeps; and what is odd about it."""
    # series of NWB have names of their own in every sweep
    said = {re.sub(r"'.*?'", "", sweep.source): sweep.source for sweep in reversed(sweeps)}
    notes = list(said.values())[::-1]
    rests = float(np.median(np.concatenate([sweep.v[:: max(1, len(sweep.v) // 500)] for sweep in sweeps])))
    if not -110.0 < rests < -25.0:
        notes.append(f"half of the time the potential is above {rests:.4g} mV: is an offset left in it?")
    if all(float(np.ptp(sweep.current)) == 0.0 for sweep in sweeps):
        notes.append("the current never changes within a sweep")
    return tuple(notes)
