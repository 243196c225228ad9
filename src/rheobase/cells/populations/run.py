"""Runs a population: checks what was asked, makes its folder, and hands its units to an executor."""

from __future__ import annotations

import functools
import hashlib
import math
import re
import types
import warnings
from collections.abc import Iterator, Mapping, Sequence
from pathlib import Path
from typing import Any

import numpy as np
import torch

from rheobase.cells.call import asked, check_every
from rheobase.cells.cell import Cell
from rheobase.cells.declared import tell_unusual
from rheobase.cells.divergence import EXPECTED
from rheobase.cells.implausible import LOOK
from rheobase.cells.populations import traces
from rheobase.cells.populations.lanes import Make, simulate
from rheobase.cells.populations.layout import SETTINGS, Layout, unit_facts, unit_name
from rheobase.cells.populations.reading import Lost, Population
from rheobase.cells.populations.traces import Record
from rheobase.cells.ports import Current
from rheobase.checks import is_number, is_whole
from rheobase.deprecated import renamed
from rheobase.errors import CheckpointError, Diverged, ImplausibleWarning, ParameterError, StorageError
from rheobase.jobs import Executor, Unit, claim, run
from rheobase.jobs.claim import LOST
from rheobase.progress import Progress
from rheobase.stimuli import Stimulus
from rheobase.version import __version__

FORM = 2  # of what is stored
_ADDRESS = re.compile(r" at 0x[0-9a-fA-F]+")  # the repr of an object that says no more than where it lies


@renamed(on_progress="progress")
def population(
    make: Make,
    models: Sequence[str | Path],
    stimuli: Mapping[str, Stimulus],
    folder: str | Path,
    *,
    t_stop: float,
    record: Sequence[str] = ("soma",),
    every: int = 1,
    dtype: str = "float32",
    memory: float = 1e9,
    threads: int | None = None,
    on: Executor | None = None,
    progress: Progress | None = None,
) -> Population:
    """Every model under every stimulus, in a folder: traces in Zarr, the times of spikes beside them.

    make      makes the cells of some models, of shape (models,) and with one input: a function that can be imported,
              `functools.partial(cells.from_allen, morphology="cell.swc", dt=0.02)` say
    models    what `make` takes, in a list: paths of parameter files, or names
    stimuli   currents in nA by name
    t_stop    length of each run, ms
    record    what is kept, as a call of `Cell` takes it, after every `every` steps
    dtype     "float32" or "float64", of the computation and of the traces
    memory    bytes that a unit may take: lanes are chosen to fit, 256 at most, and time is cut into segments
    threads   of torch, in each unit
    on        where units are done: `jobs.OnDask(address)`, or this process

    A second call with the same arguments computes what is missing. Of a lane whose potential leaves the numbers, the
    other lanes are kept and finished first.

    Raises: `ParameterError` for arguments without meaning and for a folder of other settings, `BackendUnavailable`
    without zarr, `StorageError` for a disk that is full, `Diverged` with time, place and model, and what `make` raises.
    """
    cell = _checked(make, models, stimuli, t_stop, every, dtype, memory, threads)
    tell_unusual(cell, caller=4)
    names, steps = [str(model) for model in models], round(t_stop / cell.dt)
    check_every(cell, every, steps)
    traces.package()
    sites, states = asked(cell, tuple(record), {key: key.partition(".")[0] for key in cell.rows})
    record = (*sites, *states)
    if not record:
        raise ParameterError("population", "nothing to record", "one place at least", 'record=("soma",)')
    kept = {name: Record(0, "mV") for name in sites} | {name: _state(cell, name) for name in states}
    folder = Path(folder)
    settings = {
        # a folder of other settings is refused by the first one that differs: causes stand before consequences
        "form": FORM,
        "version": __version__,
        "make": _described(make),
        "models": names,
        "files": _files(names, make),
        "dt": cell.dt,
        "steps": steps,
        "every": every,
        "stimuli": {name: _checksum(one, steps, cell.dt) for name, one in stimuli.items()},
        "record": list(record),
        "dtype": dtype,
    }
    layout, made = _arrays(folder, settings, cell, stimuli, kept, memory)
    units = _units(folder, make, names, stimuli, layout, settings, threads)
    done = 0
    try:
        # units whose traces are gone are done again
        for _ in run(units, folder, on=on, fresh=made, progress=progress):
            done += 1
    except StorageError as error:
        remedy = f"{done} of {len(units)} units are kept; {error.remedy}, and give the same command again"
        raise StorageError(error.obj, error.given, error.expected, remedy) from error
    found = Population.open(folder)
    if found.implausible:
        text = f"population: {_summary(found, found.implausible)}; {LOOK}"
        warnings.warn(text, ImplausibleWarning, stacklevel=3)
    if found.diverged:
        remedy = f"look at its parameters, or take a shorter dt; all other runs are in {found.folder}"
        raise Diverged("population", _summary(found, found.diverged), EXPECTED, remedy)
    return found


def _arrays(
    folder: Path,
    settings: Mapping[str, Any],
    cell: Cell,
    stimuli: Mapping[str, Stimulus],
    kept: Mapping[str, Record],
    memory: float,
) -> tuple[Layout, bool]:
    """Claim the folder, and make its arrays where it has none: the layout of the arrays, and whether they are new."""
    steps, every, dtype = settings["steps"], settings["every"], settings["dtype"]
    group = traces.open_group(folder)
    if group is not None:
        if not (folder / SETTINGS).is_file():
            given, expected = f"no such file beside {traces.NAME}", "the settings that made those"
            raise CheckpointError(str(folder / SETTINGS), given, expected, LOST)
        layout = traces.layout_of(group, folder)
        claim(folder, settings, SETTINGS)
        traces.arrays(group, folder, settings["record"])
        return layout, False
    values, size = sum(one.width or 1 for one in kept.values()), torch.finfo(getattr(torch, dtype)).bits // 8
    layout = Layout.within(memory, cell, len(stimuli), steps, values, every, size)
    claim(folder, settings, SETTINGS)
    facts = {k: settings[k] for k in ("version", "make", "models", "files", "stimuli", "dt")}
    rows = (_means(one, steps, every, cell.dt) for one in stimuli.values())
    if traces.create(folder, layout, kept, rows, cell.dt, dtype, facts):
        return layout, True
    # another process has made them meanwhile
    return traces.layout_of(traces.open_group(folder), folder), False


def _checked(
    make: Make,
    models: Sequence[Any],
    stimuli: Mapping[str, Stimulus],
    t_stop: float,
    every: int,
    dtype: str,
    memory: float,
    threads: int | None,
) -> Cell:
    """All cells, made once so that errors in them are raised before any work is done."""
    owner = "population"
    names = [str(model) for model in models]
    if not names or len(set(names)) < len(names) or isinstance(models, str | Path):
        raise ParameterError(owner, f"models {names}", "a list of different models", "name each once")
    if not stimuli or not all(isinstance(one, Stimulus) for one in stimuli.values()):
        raise ParameterError(owner, f"stimuli {stimuli!r}", "stimuli by name", '{"100 pA": rheobase.stimuli.step(0.1)}')
    if dtype not in ("float32", "float64"):
        raise ParameterError(owner, f"dtype {dtype!r}", '"float32" or "float64"', 'dtype="float32"')
    if not is_number(memory, above=0):
        raise ParameterError(owner, f"memory = {memory!r}", "bytes, more than 0", "memory=1e9")
    if threads is not None and not is_whole(threads, 1):
        raise ParameterError(owner, f"threads = {threads!r}", "one at least", "threads=1")
    if not is_whole(every, 1):
        raise ParameterError(owner, f"every = {every!r}", "a whole number of steps, one at least", "every=5")
    _described(make)
    cell = make(names)
    if not isinstance(cell, Cell) or cell.shape != (len(names),):
        given = f"make, which gives {cell!r} for {len(names)} models"
        raise ParameterError(owner, given, f"a Cell of shape ({len(names)},)", "let it take a list of models")
    ports = list(cell.ports.values())
    if len(ports) != 1 or not isinstance(ports[0], Current):
        given = f"cells with the inputs {', '.join(cell.ports)}"
        raise ParameterError(owner, given, "one input, a Current", 'inputs={"current": Current("soma")}')
    if not is_number(t_stop, above=0) or round(t_stop / cell.dt) < every:
        expected = f"a time > 0 in ms, of {every} steps of {cell.dt:g} ms at least"
        raise ParameterError(owner, f"t_stop = {t_stop!r}", expected, "t_stop=715.0")
    return cell


def _units(
    folder: Path,
    make: Make,
    names: Sequence[str],
    stimuli: Mapping[str, Stimulus],
    layout: Layout,
    settings: Mapping[str, Any],
    threads: int | None,
) -> list[Unit]:
    given, facts = list(stimuli.values()), unit_facts(settings, layout)
    return [
        Unit(
            unit_name(m, s),
            simulate,
            {
                "folder": str(folder.absolute()),
                "make": make,
                "models": names[m : m + layout.models],
                "stimuli": given[s : s + layout.stimuli],
                "first": (m, s),
                "layout": layout.as_json(),
                "record": settings["record"],
                "dtype": settings["dtype"],
                "threads": threads,
            },
            facts,
        )
        for m, s in layout.units
    ]


def _state(cell: Cell, name: str) -> Record:
    """Of a state of all mechanisms of a kind of section, or of the calcium current there."""
    kind, _, rest = name.partition(".")
    mechanism, _, key = rest.partition(".")
    unit = cell.channels[kind][mechanism].states[key].unit if key else "mA/cm2"  # type: ignore[index]
    return Record(len(cell.compartments.where(kind)), unit)


def _checksum(stimulus: Stimulus, steps: int, dt: float) -> str:
    """What tells the current of a run from others."""
    return hashlib.sha256(stimulus.in_steps(steps, dt).numpy().tobytes()).hexdigest()[:16]


def _means(stimulus: Stimulus, steps: int, every: int, dt: float) -> np.ndarray:
    """The mean of a current over the steps up to each record, (records,)."""
    return stimulus.in_steps(steps, dt).numpy().reshape(-1, every).mean(1).astype(np.float32)


def _described(make: Make) -> dict[str, Any]:
    """The name of the function that makes the cells, and its arguments. Raises `ParameterError` if it has no name."""
    function, options = make, dict[str, Any]()
    while isinstance(function, functools.partial):
        options = {**function.keywords, **options}
        if function.args:
            remedy = "partial(from_allen, morphology=...)"
            raise ParameterError("population", f"make = {make!r}", "arguments by keyword", remedy)
        function = function.func
    name = getattr(function, "__qualname__", "")
    # a method is refused: its object is an argument too, and cannot be compared with that of another session
    if not callable(make) or not name or "<" in name or isinstance(function, types.MethodType):
        remedy = "define it at the top of a module, or take functools.partial(cells.from_allen, morphology=..., dt=...)"
        raise ParameterError("population", f"make = {make!r}", "a function that can be imported", remedy)
    return {"function": f"{function.__module__}:{name}", **{k: _plain(v, k) for k, v in options.items()}}


def _plain(value: Any, name: str) -> Any:
    """An argument as a JSON value: itself, the checksum of an array, or a repr without memory addresses."""
    if isinstance(value, Path):
        return str(value)
    if isinstance(value, Mapping):
        return {str(key): _plain(one, name) for key, one in value.items()}
    if isinstance(value, list | tuple):
        return [_plain(one, name) for one in value]
    if isinstance(value, torch.Tensor | np.ndarray):
        array = np.ascontiguousarray(torch.as_tensor(value).detach().cpu().numpy())
        return f"{array.dtype}{list(array.shape)}, SHA-256 {hashlib.sha256(array.tobytes()).hexdigest()}"
    if value is None or isinstance(value, bool | int) or (isinstance(value, float) and math.isfinite(value)):
        return value
    text = value if isinstance(value, str) else repr(value)
    if _ADDRESS.search(text):
        remedy = "numbers, words, arrays, or objects whose repr says all that they hold"
        raise ParameterError("population", f"make with {name} = {text}", "an argument that can be told again", remedy)
    return text


def _files(names: Sequence[str], make: Make) -> dict[str, str]:
    """The checksums (SHA-256) of the files among models and arguments, and in lists and dicts of these."""
    words = [word for word in (*names, *_words(_described(make))) if len(word) < 1000]
    paths = [path for path in map(Path, words) if path.is_file()]
    return {str(path): hashlib.sha256(path.read_bytes()).hexdigest() for path in paths}


def _words(value: Any) -> Iterator[str]:
    """All strings in nested dicts and lists."""
    if isinstance(value, str):
        yield value
    elif isinstance(value, dict | list):
        for one in value.values() if isinstance(value, dict) else value:
            yield from _words(one)


def _summary(found: Population, lost: Sequence[Lost]) -> str:
    """The first of these runs, and how many there are."""
    first, more = lost[0], len(lost) - 1
    others = f", and {more} more of {len(found.models) * len(found.stimuli)} runs" if more else ""
    return f"v = {first.v} mV at {first.place} after {first.ms:g} ms of {first.model} under {first.stimulus}{others}"


__all__ = ["population"]
