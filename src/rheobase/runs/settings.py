"""All choices of a training run, and their defaults for each neuron."""

from __future__ import annotations

import shlex
from collections.abc import Mapping
from dataclasses import asdict, dataclass, fields
from pathlib import Path
from typing import Any, get_args, get_type_hints

import torch

from rheobase.checks import is_number
from rheobase.data import (
    NAMES,
    Currents,
    Dataset,
    Delta,
    Direct,
    Encoder,
    EventDataset,
    EventFrames,
    Held,
    Latency,
    Population,
    Rate,
    Reading,
    Scaled,
    Scaling,
    SeriesDataset,
    Slope,
    Thermometer,
    Watch,
    load,
)
from rheobase.data.encoding.series import SeriesCode
from rheobase.errors import CheckpointError, DataError, ParameterError, nearest
from rheobase.files import expanded
from rheobase.learning import Recipe
from rheobase.learning.training.run import CONFIG
from rheobase.runs import defaults
from rheobase.runs.folder import check_unchanged, read_notes
from rheobase.runs.neurons_by_name import find
from rheobase.runs.task import Task
from rheobase.version import __version__

DT = 1.0  # ms, of neurons that have a time step
ENCODERS = ("rate", "thermometer", "latency", "direct")
SERIES_ENCODERS = ("direct", "slope", "delta", "population")
# to runs of before, by what they then did
ADDED: dict[str, Any] = {
    "threshold": 0.25,
    "fields": 8,
    "taps": 1,
    "readout_tau": 20.0,
    "start_activity": None,
    "hold": 0,
}
EVENT_ENCODERS = ("binary", "counts")  # the first is the default
# Below this many values in a layer's sequence, a second thread costs more to wake than it saves.
VALUES_WORTH_A_THREAD = 2_000_000


@dataclass(frozen=True, kw_only=True)
class Settings:
    """One training run. Everything that decides its numbers is in here, and nothing has a default."""

    neuron: str
    data: str
    data_dir: str | None
    limit: int | None
    reading: Reading
    validation: float
    hidden: tuple[int, ...]
    recurrent: bool
    encoder: str
    gain: float
    threshold: float
    fields: int
    steps: int
    taps: int
    hold: int
    readout_tau: float
    epochs: int
    batch: int
    lr: float
    loss: str
    optimiser: str
    schedule: str
    seed: int
    start_activity: str | None
    device: str
    devices: int
    precision: str
    threads: int
    tensorboard: bool

    @classmethod
    def resolve(cls, given: Mapping[str, Any], data: Dataset) -> Settings:
        """Fill what was not given (None) with the defaults for this neuron and these data.

        Raises: `ParameterError`.
        """
        name = find(given["neuron"]).__name__
        if name == "SRC" and given.get("readout_tau") is not None:
            expected, remedy = "a neuron whose readout is leaky", "leave it out: a fixed readout sums SRC's last layer"
            raise ParameterError("--readout-tau", "it, and SRC", expected, remedy)
        usual = defaults.of(name, len(data.y_train))
        if isinstance(data, EventDataset):
            usual["encoder"] = EVENT_ENCODERS[0]
        if isinstance(data, SeriesDataset):
            usual |= defaults.SERIES
            if data.reading is not None and data.reading.sample_rate is not None:
                # of sounds, whose bands are many: neither slopes nor a slower readout nor a hold were tried
                usual |= {"encoder": "direct", **{k: defaults.COMMON[k] for k in ("readout_tau", "hold")}}
            if len(data.y_train) < defaults.FEW_SERIES:
                usual["validation"] = 0.0
            bin_ = -(-data.longest // max(1, given["steps"] or usual["steps"]))
            if bin_ > 1:
                usual["hold"] = defaults.COMMON["hold"]
            given = {**given, "steps": -(-data.longest // bin_)}
            usual["taps"] = given["steps"]
            own = {name: usual[name] if given[name] is None else given[name] for name in ("validation", "batch")}
            trained = len(data.y_train) - round(max(0.0, own["validation"]) * len(data.y_train))
            usual["epochs"] = defaults.epochs_of_series(trained, own["batch"])
        chosen: dict[str, Any] = {k: usual.get(k) if v is None else v for k, v in given.items()}
        chosen["threads"] = chosen["threads"] or _threads(chosen, data)
        chosen["neuron"] = name
        # with what the files themselves said, so that other files are read alike
        chosen["reading"] = data.reading or Reading()
        settings = cls(**chosen)
        settings.recipe()
        settings.activity_range()
        if not is_number(settings.readout_tau, above=0.0):
            shown, remedy = f"{settings.readout_tau:g}", "20 is usual; a longer one weighs early steps more"
            raise ParameterError("--readout-tau", shown, "a finite number of ms above 0", remedy)
        settings.encode(data)
        return settings

    @classmethod
    def of_run(cls, folder: Path) -> Settings:
        """The settings of a run, from its folder. Raises `CheckpointError`, also where they were changed by hand."""
        return cls.of_notes(read_notes(folder), str(folder / CONFIG))

    @classmethod
    def of_notes(cls, notes: Mapping[str, Any], source: str) -> Settings:
        """The settings in the notes of a run, read from the file `source`. Raises `CheckpointError` as `of_run`."""
        settings = cls.from_json(notes["settings"], source, notes.get("rheobase"))
        check_unchanged(notes, source)
        return settings

    @classmethod
    def from_json(cls, content: Any, source: str, version: object = None) -> Settings:
        """What `as_json` gave, read from the file `source` that rheobase `version` wrote. Raises `CheckpointError`."""
        names, expected = {f.name for f in fields(cls)}, "those that `rheobase train` writes"
        remedy = "give the folder of a run, or start a new one"
        # runs of before have no reading
        if not isinstance(content, dict) or {*content, "reading", *ADDED} != names:
            raise CheckpointError(source, _other_settings(content, names, version), expected, remedy)
        values: dict[str, Any] = {**ADDED, **content}
        if isinstance(content["hidden"], list):
            values["hidden"] = tuple(content["hidden"])
        values["reading"] = Reading.from_json(content.get("reading", {}))
        for name, kind in get_type_hints(cls).items():
            if not _is(values[name], kind):
                raise CheckpointError(source, f"{name} = {content.get(name)!r}", expected, remedy)
        return cls(**values)

    def as_json(self) -> dict[str, Any]:
        """The settings as values of JSON."""
        return {**asdict(self), "hidden": list(self.hidden), "reading": self.reading.given}

    @property
    def choices(self) -> dict[str, Any]:
        """All settings by the name of their option, those of reading among them."""
        content = self.as_json()
        return {**content.pop("reading"), **content}

    def load_data(
        self, data_dir: str | Path | None = None, *, download: bool = False, watch: Watch | None = None
    ) -> Dataset:
        """The data of the run, read as they were; `data_dir`: the folder in which they lie now.

        Raises as `data.load` does.
        """
        place = data_dir or self.data_dir
        found = self.data if self.data in NAMES else self._lying(data_dir)
        return load(found, place, download=download, limit=self.limit, reading=self.reading, watch=watch)

    def _lying(self, data_dir: str | Path | None) -> Path:
        """Where a user's own data lie: at their path, or under their name in `data_dir`. Raises `DataError`."""
        before = Path(self.data)
        now = before if data_dir is None else expanded(data_dir, "--data-dir") / before.name
        if not now.exists():
            remedy = f"put them back, or say --data-dir FOLDER, with {before.name} in it"
            raise DataError(str(now), "no such file or folder", "the data that the run was trained on", remedy)
        return now

    def recipe(self) -> Recipe:
        """How to train. Raises `ParameterError`."""
        return Recipe(
            epochs=self.epochs,
            batch_size=self.batch,
            loss=self.loss,
            optimiser=self.optimiser,
            learning_rate=self.lr,
            schedule=self.schedule,
            seed=self.seed,
        )

    def activity_range(self) -> tuple[float, float] | None:
        """The share of steps, from and to, in which the neurons of each layer spike at the start; None: as they do.

        Of one number, a fifth less to a quarter more. Raises: `ParameterError`.
        """
        if self.start_activity is None:
            return None
        low, colon, high = self.start_activity.partition(":")
        try:
            ends = (float(low), float(high)) if colon else (0.8 * float(low), min(1.0, 1.25 * float(low)))
        except ValueError:
            ends = (0.0, 0.0)
        if not (is_number(ends[0], above=0.0) and is_number(ends[1], above=ends[0], most=1.0)):
            expected = "a share of the steps, above 0 and below 1, or a range of it"
            remedy = "--start-activity 0.1, or --start-activity 0.02:0.2"
            raise ParameterError("--start-activity", repr(self.start_activity), expected, remedy)
        return ends

    def encode(self, data: Dataset | Task) -> Encoder | Scaled:
        """The encoder that turns samples of these data into sequences.

        Raises: `ParameterError`.
        """
        task = data if isinstance(data, Task) else Task.of(data, steps=self.steps)
        duration = task.duration_ms
        known, kind = (ENCODERS, "images") if duration is None else (EVENT_ENCODERS, "events")
        if task.scaling is not None:
            known, kind = SERIES_ENCODERS, "time series"
        if self.encoder not in known:
            raise ParameterError(
                "train", f"encoder {self.encoder!r}", f"the name of an encoder of {kind}", nearest(self.encoder, known)
            )
        if task.scaling is not None and task.longest is not None:
            code = self.series_code(task.scaling)
            if self.hold:
                code = Held(code, self.taps, self.hold)
            return Scaled(code, task.scaling, -(-task.longest // max(1, self.steps)), self.gain)
        if self.hold:
            raise ParameterError("--hold", f"{self.hold}, and {kind}", "time series, which end", "leave it out")
        if duration is not None:
            bin_ms = duration / max(1, self.steps)  # fewer than one are refused below
            return EventFrames(self.steps, bin_ms=bin_ms, binary=self.encoder == "binary")
        if self.encoder == "rate":
            return Rate(self.steps, gain=self.gain)
        if self.encoder == "thermometer":
            return Thermometer(self.steps)
        return Latency(self.steps) if self.encoder == "latency" else Direct(self.steps)

    def series_code(self, scaling: Scaling) -> SeriesCode:
        """The code of time series, after scaling. Raises `ParameterError`."""
        codes = {
            "slope": lambda: Slope(scaling.slope),
            "delta": lambda: Delta(self.threshold),
            "population": lambda: Population(self.fields),
        }
        return codes.get(self.encoder, Currents)()

    def inputs(self, data: Dataset | Task) -> int:
        """Values of a step that enter the network; of series that are held, the taps are among them."""
        series = isinstance(data, SeriesDataset) or (isinstance(data, Task) and data.scaling is not None)
        each = {"slope": Slope.per_channel, "delta": Delta.per_channel, "population": self.fields}
        size = data.input_size * (each.get(self.encoder, Currents.per_channel) if series else 1)
        return size * (self.taps if self.hold else 1)

    def code(self, data: Dataset | Task, *, options: bool = True) -> str:
        """In words, what the encoder makes of these data; with `options`, also which ones change it."""

        def by(*names: str) -> str:
            return f" ({', '.join(f'--{name}' for name in names)})" if options else ""

        task, usual = data if isinstance(data, Task) else Task.of(data), ("encoder", "steps")
        if task.duration_ms is not None:
            span = f"{self.steps} frames of {task.duration_ms / self.steps:.4g} ms"
            what = "1 where there is any event" if self.encoder == "binary" else "the number of events"
            return f"{span}, {what} of each pixel{by(*usual)}"
        encoder = self.encode(task)
        if isinstance(encoder, Scaled):
            each = f"the mean of {encoder.bin} steps as one, " if encoder.bin > 1 else ""
            how = {
                "slope": "currents of the value and of its change since the step before",
                "delta": f"a spike for each {self.threshold:g} deviations up or down{by('threshold')}",
                "population": f"{self.fields} Gaussian fields a channel{by('fields')}",
            }
            what = how.get(self.encoder, "currents over their own time")
            scaled = "each channel scaled by mean and deviation of the training samples"
            stay = f", and {self.hold} after the end, in which the last {self.taps} stay" if self.hold else ""
            steps = f"{self.steps} steps{stay}"
            return f"{scaled}; {each}{steps}; {self.encoder}: {what}{by(*usual, 'gain', 'taps', 'hold')}"
        if isinstance(encoder, Rate):
            spikes = f"{self.gain:g} spike{'' if self.gain == 1 else 's'} a step where a value is 1"
            return f"rate code of {self.steps} steps, {spikes}{by(*usual, 'gain')}"
        what = {
            "latency": "one spike, the earlier the larger the value",
            "thermometer": "spikes in as many of the first steps as a value is large",
        }.get(self.encoder, "the values at every step")
        return f"{self.encoder} code of {self.steps} steps: {what}{by(*usual)}"

    def command(self, name: str, out: Path) -> str:
        """The command that makes this run again, with every choice stated."""
        words = ["rheobase", "train"]
        unused = ["gain"] if self.encoder in ("latency", "thermometer") else []
        unused += ["readout_tau"] if self.neuron == "SRC" else []
        for key, value in self.choices.items():
            if key == "hidden":
                words += ["--hidden", ",".join(map(str, value)) or "none"]
            elif isinstance(value, bool):
                words += [f"--{key}"] if value else []
            elif value is not None and key not in unused:
                words += [f"--{key.replace('_', '-')}", f"{value}"]
        return shlex.join([*words, "--name", name, "--out", str(out)])


def _other_settings(content: Any, names: set[str], version: object) -> str:
    """In words, how settings differ from those of this version."""
    if not isinstance(content, dict):
        return "no settings of a training run of this version"
    wrote = f", which rheobase {version} wrote; this is {__version__}" if version not in (None, __version__) else ""
    differ = [f"no {name}" for name in sorted(names - {*content, "reading", *ADDED})]
    differ += [f"also {name}" for name in sorted(map(str, {*content} - names))]
    return f"no settings of a training run of this version ({', '.join(differ[:4])}){wrote}"


def _is(value: Any, kind: Any) -> bool:
    """Whether a value read from a file has the type of a setting; sizes of layers count from 1."""
    if kind == tuple[int, ...]:
        return isinstance(value, tuple) and all(_is(size, int) and size > 0 for size in value)
    options = get_args(kind) or (kind,)
    if isinstance(value, bool):
        return bool in options
    return isinstance(value, options) or (float in options and isinstance(value, int))


def located(data: str) -> str:
    """A data set's name as it is, a path made absolute, so that a run can be resumed from another folder."""
    if data in NAMES:
        return data
    path = expanded(data, "--data")
    return data if not path.exists() else str(path.resolve())


def _threads(chosen: Mapping[str, Any], data: Dataset) -> int:
    widest = max([data.input_size, 10 * len(data.classes), *chosen["hidden"]])
    few = chosen["steps"] * chosen["batch"] * widest < VALUES_WORTH_A_THREAD
    return 1 if few else torch.get_num_threads()
