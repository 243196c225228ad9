"""A population on disk, read as it is asked for."""

from __future__ import annotations

from pathlib import Path
from typing import Any, NamedTuple

import numpy as np
from numpy.typing import NDArray

from rheobase.cells.populations import traces
from rheobase.cells.populations.layout import SETTINGS, read_settings, unit_facts, unit_name
from rheobase.errors import CheckpointError, DataError, Diverged, ParameterError, nearest
from rheobase.jobs import Unit
from rheobase.jobs.claim import LOST


class Lost(NamedTuple):
    """A run whose potential is none, or none that a cell has: which model and stimulus, when (ms) and where."""

    model: str
    stimulus: str
    ms: float
    place: str
    v: str


class Population:
    """What `population` wrote. Traces stay on disk until they are asked for; make it with `Population.open(folder)`.

    models, stimuli   their names, in order
    record            what was kept: places (mV), and states of a kind of section
    time              of the traces, ms
    current           (stimuli, time), nA: the mean over the steps up to each time
    diverged          runs whose potential left the numbers
    implausible       runs of numbers, with a potential that no cell has: where it was farthest
    complete          whether every run was done
    """

    def __init__(self, folder: Path, settings: dict[str, Any], group: Any):
        self.folder, self.layout = folder, traces.layout_of(group, folder)
        try:
            self.models, self.stimuli = tuple(settings["models"]), tuple(settings["stimuli"])
            self.record, self.dt = tuple(settings["record"]), float(settings["dt"])
        except (KeyError, TypeError, ValueError) as error:
            given, expected = "no settings of a population", "what `population` wrote"
            raise CheckpointError(str(folder / SETTINGS), given, expected, LOST) from error
        self._arrays = traces.arrays(group, folder, self.record)
        facts = unit_facts(settings, self.layout)
        held = {
            name: Unit(name, dict, {}, facts).stored(folder) for name in (unit_name(*at) for at in self.layout.units)
        }
        self._units = {name: one.result for name, one in held.items() if one is not None}
        self.complete = len(self._units) == len(held)
        self.diverged, self.implausible = self._lost("diverged"), self._lost("implausible")

    def _lost(self, how: str) -> tuple[Lost, ...]:
        if any(how not in one for one in self._units.values()):
            given, expected = f"units without {how!r}", "those of this version"
            raise CheckpointError(str(self.folder), given, expected, "take a new folder, and compute it again")
        rows = [row for one in self._units.values() for row in one[how]]
        return tuple(Lost(self.models[m], self.stimuli[s], ms, place, v) for m, s, ms, place, v in rows)

    @classmethod
    def open(cls, folder: str | Path) -> Population:
        """The population in a folder, finished or not.

        Raises: `DataError` where there is none, `CheckpointError` for a damaged one, `BackendUnavailable` without zarr.
        """
        folder = Path(folder)
        group = traces.open_group(folder)
        if group is None:
            raise DataError(str(folder), "no population", "a folder that `population` wrote", "check the path")
        return cls(folder, read_settings(folder), group)

    @property
    def time(self) -> NDArray[np.float64]:
        return traces.read(self._arrays["time"], self.folder, ..., "time")

    @property
    def current(self) -> NDArray[np.float32]:
        return traces.read(self._arrays["current"], self.folder, ..., "current")

    @property
    def t_stop(self) -> float:
        """The length of each run, ms."""
        return self.layout.steps * self.dt

    def traces(self, name: str | None = None) -> Any:
        """The array of all traces of a name (by default the first), (models, stimuli, time), which zarr reads lazily.

        That of a state has its compartments before time. Runs that are missing are NaN.
        """
        wanted = self.record[0] if name is None else name
        if wanted not in self.record:
            raise ParameterError(repr(self), f"{wanted!r}", "what was recorded", nearest(wanted, self.record))
        return self._arrays[wanted]

    def trace(self, model: str | int, stimulus: str | int, name: str | None = None) -> np.ndarray:
        """One trace, (time,), or (compartments, time) of a state.

        Raises: `ParameterError` for an unknown name, `DataError` for a run that is not done, `Diverged` for one that
        left the numbers, `CheckpointError` for a damaged file.
        """
        m, s = self._at(model, stimulus)
        self._unit(m, s)
        self._check_numbers(m, s)
        unit = Unit(self.layout.unit_of(m, s), dict).path(self.folder)
        what = f"{self.models[m]} under {self.stimuli[s]}"
        return traces.read(self.traces(name), self.folder, (m, s), what, unit)

    def spikes(self, model: str | int, stimulus: str | int) -> NDArray[np.float64]:
        """When a run spiked, (spikes,), ms. Raises: as `trace`."""
        m, s = self._at(model, stimulus)
        unit = self._unit(m, s)
        self._check_numbers(m, s)
        return (unit["step"][(unit["model"] == m) & (unit["stimulus"] == s)] + 1) * self.dt

    @property
    def counts(self) -> NDArray[np.int64]:
        """Spikes of each run, (models, stimuli); -1 where it is not done, or left the numbers."""
        found = np.full(self.layout.of, -1)
        for m, s in self.layout.units:
            unit = self._units.get(unit_name(m, s))
            if unit is not None:
                found[m : m + self.layout.models, s : s + self.layout.stimuli] = 0
                np.add.at(found, (unit["model"], unit["stimulus"]), 1)
                for lost in unit["diverged"]:
                    found[lost[0], lost[1]] = -1
        return found

    @property
    def rates(self) -> NDArray[np.float64]:
        """1 over the mean interval between spikes, (models, stimuli), Hz; 0 for fewer than two, NaN for no run."""
        found = np.zeros(self.layout.of)
        for unit in self._units.values():
            lane = unit["model"].astype(np.int64) * len(self.stimuli) + unit["stimulus"]
            # sorted by lane, then by time
            at, first, count = np.unique(lane, return_index=True, return_counts=True)
            several = count > 1
            at, first, count = at[several], first[several], count[several]
            steps = unit["step"][first + count - 1] - unit["step"][first]
            found.flat[at] = 1000.0 * (count - 1) / (steps * self.dt)
        return np.where(self.counts < 0, np.nan, found)

    def _at(self, model: str | int, stimulus: str | int) -> tuple[int, int]:
        return self._index("model", model, self.models), self._index("stimulus", stimulus, self.stimuli)

    def _index(self, what: str, given: str | int, names: tuple[str, ...]) -> int:
        if isinstance(given, str):
            # the file of a model by its bare name, where that says which
            alike = [k for k, name in enumerate(names) if given in (name, Path(name).name.removesuffix(".json"))]
            if given not in names and len(alike) != 1:
                remedy = nearest(given, names) if not alike else "give the whole path"
                many = f", of which there are {len(alike)}" if alike else ""
                raise ParameterError(repr(self), f"{what} {given!r}{many}", f"the name of a {what}", remedy)
            return names.index(given) if given in names else alike[0]
        if not -len(names) <= given < len(names):
            expected = f"a number below {len(names)}"
            raise ParameterError(repr(self), f"{what} {given}", expected, f"{what} 0 is the first")
        return given % len(names)

    def _check_numbers(self, m: int, s: int) -> None:
        """Raise `Diverged` for a run that left the numbers."""
        for one in self.diverged:
            if (one.model, one.stimulus) == (self.models[m], self.stimuli[s]):
                given = f"v = {one.v} mV at {one.place} after {one.ms:g} ms of {one.model} under {one.stimulus}"
                raise Diverged(repr(self), given, "a run of numbers", f"traces()[{m}, {s}] has what came before")

    def _unit(self, m: int, s: int) -> dict[str, Any]:
        unit = self._units.get(self.layout.unit_of(m, s))
        if unit is None:
            given = f"no run of {self.models[m]} under {self.stimuli[s]} yet"
            raise DataError(str(self.folder), given, "one that was done", "give the same command again: it goes on")
        return unit

    def __repr__(self) -> str:
        (models, stimuli), done = self.layout.of, "" if self.complete else ", unfinished"
        return f"Population({models} models, {stimuli} stimuli, {', '.join(self.record)}, {self.t_stop:g} ms{done})"


__all__ = ["Lost", "Population"]
