"""Neurodata Without Borders 2, by h5py: series in current clamp, each with its stimulus.

Read by h5py and not by pynwb: an NWB file is HDF5, h5py is needed anyway, and pynwb brings pandas and hdmf along, and
takes seconds to load.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from pathlib import Path
from typing import Any

import numpy as np

from rheobase.errors import DataError
from rheobase.recordings.formats import opened_hdf5
from rheobase.recordings.sweeps import CURRENT, POTENTIAL, TIME, Stored, Trace, Values, converted, even, plain

_RESPONSE, _STIMULUS = "CurrentClampSeries", "CurrentClampStimulusSeries"


def load(path: Path) -> tuple[str, Sequence[Stored]]:
    """Each CurrentClampSeries with its CurrentClampStimulusSeries. Raises `DataError`."""
    with opened_hdf5(path) as file:
        version = file.attrs.get("nwb_version")
        if version is None:
            raise _no_version(path, file)
        responses = dict(_series(path, file, "acquisition", _RESPONSE))
        if not responses:
            raise _none_inside(path, file)
        stimuli = dict(_series(path, file, "stimulus/presentation", _STIMULUS))
        pairs = _table(file) or _by_number(responses, stimuli) or _by_time(responses, stimuli)
        return f"NWB {_text(version).removeprefix('NWB-')}", [
            _stored(path, name, group, pairs.get(group.name), stimuli) for name, group in _in_time(responses)
        ]


def _no_version(path: Path, file: Any) -> DataError:
    old = "nwb_version" in file
    given = "a file of NWB 1" if old else "an HDF5 file without nwb_version"
    remedy = "convert it to NWB 2" if old else "give it the suffix .h5 if it is no NWB"
    return DataError(str(path), given, "NWB 2", remedy)


def _none_inside(path: Path, file: Any) -> DataError:
    held = file.get("acquisition")
    kinds = sorted({_text(g.attrs.get("neurodata_type", "?")) for g in held.values()}) if _is_group(held) else []
    given = f"no {_RESPONSE}, but {', '.join(kinds) or 'nothing'} in its acquisition"
    if "VoltageClampSeries" in kinds:
        given += ": voltage clamp"
    return DataError(str(path), given, "series recorded in current clamp", "give a file with intracellular recordings")


def _series(path: Path, file: Any, place: str, kind: str) -> Iterator[tuple[str, Any]]:
    group = file.get(place)
    if not _is_group(group):
        return
    for name in group:
        each = group.get(name)
        if each is None:
            given = f"{place}/{name}, a link to what is not there"
            raise DataError(str(path), given, "what it links to", "put the file it is in beside this one")
        if _is_group(each) and _text(each.attrs.get("neurodata_type", "")) == kind:
            yield name, each


def _is_group(item: Any) -> bool:
    return hasattr(item, "items")


def _in_time(responses: Mapping[str, Any]) -> list[tuple[str, Any]]:
    return sorted(responses.items(), key=lambda item: (_start(item[1]), item[0]))


def _start(series: Any) -> float:
    if "starting_time" in series:
        return float(series["starting_time"][()])
    return float(series["timestamps"][0]) if len(series.get("timestamps", ())) else 0.0


# --- which stimulus belongs to which response: response's path -> stimulus's path -----------------------------------


def _table(file: Any) -> dict[str, str]:
    """By the table of intracellular recordings, where there is one (NWB 2.4)."""
    table = file.get("general/intracellular_ephys/intracellular_recordings")
    if table is None or "responses" not in table or "stimuli" not in table:
        return {}
    ends = [[file[row["timeseries"]].name for row in table[k][_column(k)]] for k in ("responses", "stimuli")]
    return dict(zip(*ends, strict=True))


def _column(part: str) -> str:
    return {"responses": "response", "stimuli": "stimulus"}[part]


def _by_number(responses: Mapping[str, Any], stimuli: Mapping[str, Any]) -> dict[str, str]:
    """By electrode and number of the sweep, where all have one (before NWB 2.4)."""
    if not all("sweep_number" in s.attrs for s in (*responses.values(), *stimuli.values())):
        return {}
    by_number = {_key(s): s.name for s in stimuli.values()}
    if len(by_number) < len(stimuli):
        return {}
    return {s.name: by_number[_key(s)] for s in responses.values() if _key(s) in by_number}


def _key(series: Any) -> tuple[str, int]:
    return _electrode(series), int(series.attrs["sweep_number"])


def _by_time(responses: Mapping[str, Any], stimuli: Mapping[str, Any]) -> dict[str, str]:
    """By electrode and starting time, where no two stimuli have the same."""
    by_time = {(_electrode(s), round(_start(s), 6)): s.name for s in stimuli.values()}
    if len(by_time) < len(stimuli):
        return {}
    found = {s.name: by_time.get((_electrode(s), round(_start(s), 6))) for s in responses.values()}
    return {response: stimulus for response, stimulus in found.items() if stimulus is not None}


def _electrode(series: Any) -> str:
    link = series.get("electrode", getlink=True)
    return str(getattr(link, "path", "")) if link is not None else ""


# --- one series -----------------------------------------------------------------------------------------------------


def _stored(path: Path, name: str, response: Any, stimulus: str | None, stimuli: Mapping[str, Any]) -> Stored:
    traces = [_trace(path, name, response, POTENTIAL)]
    held = next((s for s in stimuli.values() if s.name == stimulus), None)
    if held is not None:
        traces.append(_trace(path, held.name.rsplit("/", 1)[-1], held, CURRENT, command=True))
    return Stored(name, traces)


def _trace(path: Path, name: str, series: Any, kind: str, *, command: bool = False) -> Trace:
    data = series.get("data")
    if data is None or data.dtype.kind not in "fiu":
        given = f"{name} without data" if data is None else f"{name} with data of {data.dtype}"
        raise DataError(str(path), given, "numbers", "leave that series out when the file is written")
    attrs = data.attrs
    values: Values = np.asarray(data[()], dtype=np.float64)
    if values.ndim != 1:
        given = f"{name} of shape {values.shape}"
        raise DataError(str(path), given, "one value for each time", "give a file with one electrode in a series")
    # a factor that was rounded to float32 is the power of ten that was meant
    factor = float(f"{float(attrs.get('conversion', 1.0)):.6g}")
    values = values * factor + float(attrs.get("offset", 0.0))
    unit = plain(_text(attrs.get("unit", "")))
    return Trace(name, unit, values, _interval(path, name, series), command=command, kind=kind)


def _interval(path: Path, name: str, series: Any) -> float | None:
    if "starting_time" in series:
        rate = float(series["starting_time"].attrs.get("rate", 0.0))
        if not 0.0 < rate < np.inf:
            given = f"{name} with a rate of {rate:g}" if rate else f"{name} without a rate"
            raise DataError(str(path), given, "samples per second", "write the rate into the file")
        return 1000.0 / rate
    if "timestamps" not in series:
        return None
    times = np.asarray(series["timestamps"][()], dtype=np.float64)
    return even(path, name, converted(times, "s", TIME))


def _text(raw: Any) -> str:
    return raw.decode() if isinstance(raw, bytes) else str(raw)
