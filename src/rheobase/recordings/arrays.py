"""Arrays by name, as .npz and HDF5 files hold them: v_mV, i_pA and dt_ms, or the like."""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from rheobase.errors import DataError
from rheobase.recordings.sweeps import (
    CURRENT,
    POTENTIAL,
    TIME,
    UNEVEN,
    Stored,
    Trace,
    Values,
    converted,
    even,
    is_unit,
    kind_of,
)

NAMES = {
    POTENTIAL: ("v", "vm", "v_m", "voltage", "potential", "membrane_potential"),
    CURRENT: ("i", "im", "i_m", "current", "stimulus", "i_inj", "injected_current"),
    TIME: ("t", "time", "times"),
}
STEP = ("dt", "interval", "sampling_interval")
_REMEDY = "name them v_mV and i_pA, (sweep, time), and dt_ms"


def split(name: str) -> tuple[str | None, str]:
    """What a name says: potential, current, time or step, and the unit behind it.

    >>> split("v_mV"), split("dt (s)"), split("Current [nA]"), split("v"), split("v_electrode_mV")
    (('potential', 'mV'), ('dt', 's'), ('current', 'nA'), ('potential', ''), (None, ''))
    >>> split("current (uA/cm2)")
    ('current', 'uA/cm2')
    """
    text = name.strip().strip("\"'").strip()
    for match in (re.fullmatch(r"(.*?)\s*[(\[]\s*(.*?)\s*[)\]]", text), re.fullmatch(r"(.*)_([^_]+)", text)):
        if match is not None and (meant := _meant(match[1])) is not None and kind_of(match[2]) is not None:
            return meant, match[2]
    # of a current per area, or of a conductance
    match = re.fullmatch(r"(.*?)\s*[(\[]\s*(.*?)\s*[)\]]", text)
    if match is not None and _meant(match[1]) == CURRENT and is_unit(match[2]):
        return CURRENT, match[2]
    return _meant(text), ""


def _meant(word: str) -> str | None:
    low = word.strip().lower().replace(" ", "_")
    if low in STEP:
        return "dt"
    return next((kind for kind, known in NAMES.items() if low in known), None)


def sweeps_of(path: Path, arrays: Mapping[str, NDArray[np.generic]], units: Mapping[str, str]) -> Sequence[Stored]:
    """The sweeps in arrays; `units` has what is said of an array beside its name. Raises `DataError`."""
    found: dict[str, tuple[str, Values, str]] = {}
    for name, array in arrays.items():
        kind, unit = split(name)
        if kind is None or array.dtype.kind not in "fiu":
            continue
        if kind in found:
            given = f"{found[kind][0]} and {name}, both a {kind}"
            raise DataError(str(path), given, "one array of each", _REMEDY)
        found[kind] = (name, np.asarray(array, dtype=np.float64), unit or units.get(name, ""))
    if POTENTIAL not in found and CURRENT not in found:
        given = f"no potential among {', '.join(arrays) or 'nothing'}"
        raise DataError(str(path), given, "an array v_mV, say", _REMEDY)
    if POTENTIAL not in found:
        # a file of a stimulus has currents alone
        i = np.atleast_2d(found[CURRENT][1])
        dt = _step(path, found, i.shape[-1])
        rows = _rows(path, found, CURRENT, i.shape)
        return [Stored(f"sweep {k}", [_trace(found, CURRENT, row, dt)]) for k, row in enumerate(rows)]
    v = np.atleast_2d(found[POTENTIAL][1])
    if v.ndim == 2 and len(v) > v.shape[1]:
        name, *_ = found[POTENTIAL]
        given = f"{name} of shape {v.shape}: {len(v)} sweeps of {v.shape[1]} samples"
        raise DataError(str(path), given, "(sweep, time), with more samples than sweeps", f"transpose it: {name}.T")
    dt = _step(path, found, v.shape[-1])
    traces = [[_trace(found, POTENTIAL, row, dt)] for row in _rows(path, found, POTENTIAL, v.shape)]
    if CURRENT in found:
        for trace, row in zip(traces, _rows(path, found, CURRENT, v.shape), strict=True):
            trace.append(_trace(found, CURRENT, row, dt))
    return [Stored(f"sweep {k}", each) for k, each in enumerate(traces)]


def _trace(found: Mapping[str, tuple[str, Values, str]], kind: str, row: Values, dt: float | None) -> Trace:
    name, _, unit = found[kind]
    return Trace(name, unit, row, dt, kind=kind)


def _rows(path: Path, found: Mapping[str, tuple[str, Values, str]], kind: str, shape: tuple[int, ...]) -> Values:
    """(sweep, time); one row stands for all sweeps."""
    name, values, _ = found[kind]
    if values.ndim not in (1, 2) or len(shape) != 2 or values.shape[-1] != shape[1]:
        given = f"{name} of shape {values.shape}, beside a potential of {shape}"
        raise DataError(str(path), given, "(sweep, time), or (time,)", _REMEDY)
    if values.ndim == 2 and values.shape != shape:
        given = f"{name} of shape {values.shape}, beside a potential of {shape}"
        raise DataError(str(path), given, "one row for each sweep", _REMEDY)
    return np.broadcast_to(values, shape)


def _step(path: Path, found: Mapping[str, tuple[str, Values, str]], samples: int) -> float | None:
    """ms between samples; None where no unit says what the number is."""
    said: dict[str, float] = {}
    for kind in ("dt", TIME):
        if kind not in found:
            continue
        name, values, unit = found[kind]
        if kind_of(unit) != TIME:
            continue
        in_ms = converted(values.ravel(), unit, TIME)
        if kind == TIME:
            if values.shape != (samples,):
                given = f"{name} of shape {values.shape}, beside {samples} samples"
                raise DataError(str(path), given, "one time for each sample", _REMEDY)
            said[name] = even(path, name, in_ms)
            continue
        if len(in_ms) != 1 or not in_ms[0] > 0.0:
            raise DataError(str(path), f"{name} = {values!r}", "one number above 0", _REMEDY)
        said[name] = float(in_ms[0])
    if said and max(said.values()) - min(said.values()) > UNEVEN * max(said.values()):
        given = " and ".join(f"{step:g} ms by {name}" for name, step in said.items())
        raise DataError(str(path), f"steps of {given}", "one time step", "leave out the one that is wrong")
    return next(iter(said.values()), None)
