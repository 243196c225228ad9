"""The cells of parameter files, run as `rheobase simulate` was asked to."""

from __future__ import annotations

import copy
import math
import os
import warnings
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any, NamedTuple

import torch
from torch import Tensor

from rheobase.cells import Cell, Current, FICurve, Place, fi_curve, from_allen, rheobase_current
from rheobase.cells.call import PLACE, asked
from rheobase.cells.parameters import assign, spec_of
from rheobase.cli.quantity import quantity
from rheobase.cli.spaced import spaced
from rheobase.cli.stimulus import Clock, typed_current
from rheobase.cli.terminal import counted
from rheobase.cli.window import check_times, length, steps_of
from rheobase.current_clamp import HalfStep
from rheobase.errors import Diverged, ImplausibleWarning, ParameterError, nearest
from rheobase.firing import rates
from rheobase.learning import Recording, features
from rheobase.learning.fitting.features import check_features
from rheobase.memory import check_memory
from rheobase.units import parse

USUAL_DT = 0.025  # ms, NEURON's
SOMA = "soma"
BYTES = 8  # of a float64
# what is asked of a spike and of the potential around it, by the names of eFEL
USUAL_FEATURES = (
    "spike_count", "mean_frequency", "time_to_first_spike", "ISI_CV", "adaptation_index2", "AP1_peak", "AP1_width",
    "mean_AP_amplitude", "AHP_depth", "voltage_base", "steady_state_voltage_stimend", "sag_amplitude",
)  # fmt: skip


class Typed(NamedTuple):
    """The options of a run of cells as typed; None where one was not given."""

    files: tuple[str, ...]
    morphology: Path | None
    axon: str | None
    at: str | None
    threshold: str | None
    current: str | None
    stop: str | None
    onset: str | None
    dt: str | None
    seed: int
    assignments: tuple[str, ...]
    record: tuple[str, ...]
    features: str | None
    fi: str | None
    rheobase: bool


@dataclass(frozen=True, eq=False)
class Run:
    """A run of cells under one current.

    Shapes: current (time,) in nA; spikes (time, cells) bool; `places` by name (time, cells) in mV; `states` by name
    (time, compartments, cells). `onset` is the step at which the current begins, `until` the ms at which it ends.
    """

    current: Tensor
    onset: int
    until: float
    spikes: Tensor
    places: dict[str, Tensor]
    states: dict[str, Tensor]
    finer: list[HalfStep]
    note: str


@dataclass(frozen=True, eq=False)
class Found:
    """What was asked of cells, each named by its file: a run with features, the f-I curves, the rheobases (nA)."""

    names: tuple[str, ...]
    cell: Cell
    run: Run | None
    features: list[dict[str, float]] | None
    fi: FICurve | None
    rheobase: Tensor | None


def found(typed: Typed) -> Found:
    """Read the cells, and do with them what was asked.

    Raises: `ParameterError`, `UnitError`, `DataError`, `Diverged`, `BackendUnavailable` without eFEL.
    """
    if typed.current is None and typed.fi is None and not typed.rheobase:
        raise ParameterError("simulate", "no --current, --fi or --rheobase", "one of them", "--current 0.1nA")
    if typed.current is None:
        for option, given in (
            ("--stop", typed.stop),
            ("--onset", typed.onset),
            ("--record", typed.record),
            ("--features", typed.features),
        ):
            if given:
                raise ParameterError("simulate", f"{option} without --current", "a run", "--current step:0.1nA:100:300")
    currents = None if typed.fi is None else spaced(typed.fi, Current.unit, "--fi", typed.fi, "--fi 0:0.3nA:16")
    names = _feature_names(typed.features)
    if names:
        check_features(names)
    cell = _cell(typed)
    try:
        run = None if typed.current is None else _run(cell, typed, typed.current)
        measured = None if run is None or not names else _features(cell, run, names)
        fi = rheobase = None
        if currents is not None:
            with counted("f-I curve") as progress:
                fi = fi_curve(cell, currents, progress=progress)
        if typed.rheobase:
            with counted("rheobase") as progress:
                rheobase = rheobase_current(cell, progress=progress)
    except Diverged as error:
        order = f"{error.remedy}; cells are counted from 0, in the order of their files"
        raise Diverged(error.obj, error.given, error.expected, order) from error
    return Found(_names(typed.files), cell, run, measured, fi, rheobase)


def _names(files: Sequence[str]) -> tuple[str, ...]:
    """Short names of the files: their stems, or where these are not unique, their paths below the common folder."""
    stems = [Path(file).stem for file in files]
    if len(set(stems)) == len(stems):
        return tuple(stems)
    folder = os.path.commonpath([Path(file).absolute().parent for file in files])
    return tuple(os.path.relpath(Path(file).absolute(), folder) for file in files)


def _cell(typed: Typed) -> Cell:
    if typed.morphology is None:
        given = f"{', '.join(typed.files[:3])} without --morphology"
        raise ParameterError("simulate", given, "the shape of the cell", "--morphology cell.swc (or .asc)")
    dt = USUAL_DT if typed.dt is None else quantity(typed.dt, "ms", "--dt")
    if dt <= 0.0:
        raise ParameterError("--dt", repr(typed.dt), "a time above 0", "--dt 0.025ms")
    place = _place(typed.at or SOMA, "--at")
    options: dict[str, Any] = (
        {} if typed.threshold is None else {"threshold": quantity(typed.threshold, "mV", "--threshold")}
    )
    paths = [Path(file).expanduser() for file in typed.files]
    inputs = {"current": Current(place.section, place.x)}
    cell = from_allen(paths, typed.morphology, dt=dt, axon=typed.axon, inputs=inputs, **options)
    for text in typed.assignments:
        _assign(cell, text)
    return cell


def _place(text: str, option: str) -> Place:
    match = PLACE.fullmatch(text)
    if match is None:
        raise ParameterError(option, repr(text), "a section, and how far along it", f"{option} 'dend[3](0.5)'")
    return Place(match[1], float(match[2] or 0.5))


def _assign(cell: Cell, text: str) -> None:
    """`soma.NaV.gbar=0.2`: one value for all cells. Raises `ParameterError`, `UnitError`."""
    name, equals, value = text.partition("=")
    known = cell.values()
    if not equals or name not in known:
        expected = "KIND.CHANNEL.PARAMETER=VALUE" if not equals else "a parameter of the cell"
        remedy = f"--set {next(iter(known))}=1" if not equals else nearest(name, known)
        raise ParameterError("--set", repr(text), expected, remedy)
    assign(cell, name, quantity(value, spec_of(cell, name).unit, f"--set {name}"))


def _run(cell: Cell, typed: Typed, text: str) -> Run:
    clock = Clock(cell.dt, typed.seed)
    onset = None if typed.onset is None else steps_of(typed.onset, "--onset", clock, "a cell") * clock.step
    current = typed_current(text, Current.unit, "--current ", clock, onset)
    steps = length(typed.stop, {"current": current}, clock, "a cell")
    check_times(current, f"--current {text}", steps, clock, owner="simulate", stop=typed.stop, onset=typed.onset)
    wanted = [name for given in typed.record for name in given.split(",") if name]
    record = tuple(dict.fromkeys([SOMA, *wanted]))
    # unknown names are refused before the run
    _, states = asked(cell, record, cell._plan().states)  # pyright: ignore[reportPrivateUsage]
    lanes, kept = cell.shape[0], len(record) + sum(len(cell.compartments.where(name.split(".")[0])) for name in states)
    check_memory("--stop", repr(typed.stop), BYTES * steps * lanes * (3 + kept), "--stop 400, or a larger --dt")
    stop = steps * clock.step
    stimulus = current.made(stop).in_steps(steps, cell.dt)
    with torch.no_grad():
        spikes, _, traces = cell(stimulus[:, None, None].expand(-1, 1, lanes).contiguous(), record=record)
    fired = spikes[:, 0] > 0
    begins = round(current.onset / cell.dt)
    return Run(
        stimulus,
        begins,
        min(stop, current.length or stop),
        fired,
        {name: traces[name][:, 0] for name in record if name not in states},
        {name: traces[name][:, :, 0] for name in states},
        _at_half_step(cell, stimulus, fired, begins),
        current.note,
    )


def _at_half_step(cell: Cell, stimulus: Tensor, fired: Tensor, begins: int) -> list[HalfStep]:
    """What the run of each cell would have been at half the step, under the same current."""
    finer = copy.deepcopy(cell)
    finer.dt = cell.dt / 2
    current = stimulus.repeat_interleave(2)[:, None, None].expand(-1, 1, fired.shape[1]).contiguous()
    with torch.no_grad(), warnings.catch_warnings():
        # the run at the full step has warned already
        warnings.simplefilter("ignore", ImplausibleWarning)
        spikes, _ = finer(current)
    halved = spikes[2 * begins :, 0] > 0
    rows = zip(
        rates(fired[begins:], cell.dt).tolist(),
        rates(halved, finer.dt).tolist(),
        fired[begins:].sum(0).tolist(),
        halved.sum(0).tolist(),
        strict=True,
    )
    return [HalfStep.of(finer.dt, *row) for row in rows]


def _feature_names(text: str | None) -> tuple[str, ...]:
    if text is None:
        return ()
    names = tuple(name.strip() for name in text.split(",") if name.strip())
    return tuple(dict.fromkeys(x for name in names for x in (USUAL_FEATURES if name == "usual" else (name,))))


def _features(cell: Cell, run: Run, names: Sequence[str]) -> list[dict[str, float]]:
    """The features of the potential at the soma of each cell."""
    v = run.places[SOMA].T
    current = (run.current * 10.0 ** (parse(Current.unit).power - parse("pA").power)).expand_as(v)
    recording = Recording(v, current, cell.dt, level=cell.threshold, start=cell.dt, v_unit="mV", current_unit="pA")
    return features(recording, start=run.onset * cell.dt, stop=run.until, names=names)


def plain(value: float) -> float | None:
    """A number, or None where there is none."""
    return value if math.isfinite(value) else None
