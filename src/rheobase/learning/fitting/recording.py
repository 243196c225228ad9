"""A current-clamp recording: the potential of a cell, the current that made it, and when it spiked."""

from __future__ import annotations

import operator
from collections.abc import Iterable, Sequence
from dataclasses import InitVar, dataclass, replace
from pathlib import Path
from typing import Any

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor

from rheobase.cards import Card
from rheobase.checks import is_number
from rheobase.errors import DTypeError, InputError, ParameterError, ShapeError
from rheobase.learning.fitting.recording_units import CURRENT, POTENTIAL, in_unit
from rheobase.learning.fitting.repeats import grouped
from rheobase.learning.fitting.resampling import Sampled, resampled
from rheobase.recordings import RecordingFile, read

TURNED = 10  # sweeps for a sample, beyond which the axes are taken to be turned
MOST_JUNCTION = 30.0  # mV
ARRAYS = 8  # of spikes, potential and what is scored, beside each other
FASTEST, SLOWEST = 1e-3, 10.0  # ms between samples: beyond, the unit is another or no spike can be seen


@dataclass(frozen=True, eq=False)
class Recording:
    """Sweeps of one cell, all of one length and time step.

    v             membrane potential in mV, (sweep, time)
    current       injected current in pA, (sweep, time)
    dt            time between samples in ms
    level         mV; an upward crossing of it is a spike
    start         ms; the time of the first sample
    before        mV just before the first sample, (sweep,): a spike may begin there; by default the first sample
    v_unit        unit of the given v; None means mV, and values that no cell has in mV are then refused
    current_unit  the same for the current, in pA

    NumPy arrays are taken as tensors are. Values are stored in torch's default dtype, in which a fit runs.

    Raises: `ShapeError`, `DTypeError`, `InputError` for values that are not finite, `ParameterError`, `UnitError` for a
    unit of another kind and for magnitudes that suggest another unit.

    >>> recording = Recording(torch.tensor([[-70.0, -40.0, 20.0, -50.0]]), torch.zeros(1, 4), dt=0.5)
    >>> recording, recording.spike_times()
    (Recording(1 sweep of 2 ms, dt=0.5, 1 spike), [tensor([1.], dtype=torch.float64)])
    >>> Recording(torch.full((1, 4), -0.07), torch.full((1, 4), 0.2), dt=0.5, v_unit="V", current_unit="nA").current
    tensor([[200., 200., 200., 200.]])
    """

    v: Tensor
    current: Tensor
    dt: float
    level: float = -10.0
    start: float = 0.0
    before: Tensor | None = None
    v_unit: InitVar[str | None] = None
    current_unit: InitVar[str | None] = None

    def __post_init__(self, v_unit: str | None, current_unit: str | None) -> None:
        for name, unit, kind in (("v", v_unit, POTENTIAL), ("current", current_unit, CURRENT)):
            object.__setattr__(self, name, in_unit(kind, _checked(name, getattr(self, name)), unit))
        if self.v.shape != self.current.shape:
            given = f"v of shape {tuple(self.v.shape)}, current of shape {tuple(self.current.shape)}"
            raise ShapeError("Recording", given, "one shape, (sweep, time)", "give the current at every sample")
        for name in ("dt", "level", "start"):
            value = getattr(self, name)
            if not is_number(value):
                raise ParameterError("Recording", f"{name} = {value!r}", "a finite number", "times are in ms")
        if not FASTEST <= self.dt <= SLOWEST:
            expected = f"the ms between two samples, {FASTEST:g} to {SLOWEST:g}"
            raise ParameterError("Recording", f"dt = {self.dt!r}", expected, "dt=0.1 is 10 kHz: 1e-4 s, 100 us")
        object.__setattr__(self, "before", _before(self.before, self.v))

    def __repr__(self) -> str:
        sweeps, spikes = len(self.v), sum(map(len, self.spike_times()))
        some = f"{sweeps} {'sweep' if sweeps == 1 else 'sweeps'} of {self.duration:g} ms"
        return f"Recording({some}, dt={self.dt:g}, {spikes} {'spike' if spikes == 1 else 'spikes'})"

    def _repr_html_(self) -> str:
        """The recording in a notebook: its size, and its sweep with the most spikes."""
        counts = [len(times) for times in self.spike_times()]
        shown = counts.index(max(counts))
        facts = {
            "time": f"{self.duration:g} ms a sweep, {self.dt:g} ms a sample",
            "current": f"{float(self.current.min()):.4g} to {float(self.current.max()):.4g} pA",
            "potential": f"{float(self.v.min()):.4g} to {float(self.v.max()):.4g} mV",
            "spikes": f"{_few(counts)} (upward crossings of {self.level:g} mV)",
        }
        said = f"The potential of sweep {shown} over time, and of all sweeps:"
        return Card(repr(self), said, facts, curve=self.v[shown].tolist()).html()

    @classmethod
    def read(
        cls,
        path: str | Path,
        *,
        current: str | Path | None = None,
        sweeps: str | Sequence[int] | None = None,
        channel: str | None = None,
        units: str | None = None,
        interval: float | None = None,
        level: float = -10.0,
    ) -> Recording:
        """The recording in a file, ABF, NWB, IBW and others: see `rheobase.recordings.read`, also for the arguments.

        Raises: what that raises; `ShapeError` for sweeps of different length or time step.
        """
        file = read(path, current=current, sweeps=sweeps, channel=channel, units=units, interval=interval)
        return cls.of(file, level=level)

    @classmethod
    def of(cls, file: RecordingFile, *, level: float = -10.0) -> Recording:
        """The sweeps of a file that was read. Raises: `ShapeError` for sweeps of different length or time step."""
        kinds = {(len(sweep.v), sweep.dt): sweep.name for sweep in file.sweeps}
        if len(kinds) > 1:
            said = ", ".join(f"{steps} of {dt:g} ms ({name})" for (steps, dt), name in kinds.items())
            expected = "sweeps of one length and time step"
            raise ShapeError(str(file.path), f"samples: {said}", expected, 'choose some: sweeps="0:5"')
        v, i = (
            torch.from_numpy(np.stack(each)) for each in ([s.v for s in file.sweeps], [s.current for s in file.sweeps])
        )
        dt = file.sweeps[0].dt
        return cls(v, i, dt, level, v_unit=POTENTIAL.unit, current_unit=CURRENT.unit)

    @property
    def steps(self) -> int:
        """Samples of each sweep."""
        return self.v.shape[1]

    @property
    def duration(self) -> float:
        """ms of each sweep."""
        return self.steps * self.dt

    def changed(self, **changes: Any) -> Recording:
        """A copy with other values, which are given in mV, pA and ms."""
        return replace(self, v_unit=POTENTIAL.unit, current_unit=CURRENT.unit, **changes)

    def between(self, start: float, stop: float) -> Recording:
        """The part from `start` to `stop` (ms, as the recording counts them).

        Raises: `ParameterError` for a part that is empty or outside.

        >>> Recording(torch.zeros(2, 100), torch.zeros(2, 100), dt=0.5).between(10.0, 30.0)
        Recording(2 sweeps of 20 ms, dt=0.5, 0 spikes)
        """
        first, last = round((start - self.start) / self.dt), round((stop - self.start) / self.dt)
        if not 0 <= first < last <= self.steps:
            end = self.start + self.duration
            raise ParameterError(
                repr(self), f"the part from {start} to {stop} ms", f"a part of {self.start} to {end} ms", "times in ms"
            )
        return self.changed(
            v=self.v[:, first:last],
            current=self.current[:, first:last],
            start=self.start + first * self.dt,
            before=self.v[:, first - 1] if first else self.before,
        )

    def corrected(self, junction: float) -> Recording:
        """The recording without a liquid junction potential of so many mV: v, `level` and `before` less `junction`.

        The potential of a membrane is that much below what the amplifier shows, usually 8 to 16 mV for pipettes of
        gluconate, and where a paper did not say so it was mostly not taken off. The channels of the Allen Institute's
        models are for potentials without it (14 mV).

        Raises: `ParameterError` beyond 30 mV, which no solution has.

        >>> raw = Recording(torch.tensor([[-60.0, 20.0, -60.0]]), torch.zeros(1, 3), dt=0.5)
        >>> raw.corrected(14.0).v, raw.corrected(14.0).level
        (tensor([[-74.,   6., -74.]]), -24.0)
        """
        if not is_number(junction, least=-MOST_JUNCTION, most=MOST_JUNCTION):
            expected = f"mV, {MOST_JUNCTION:g} at most to either side of 0"
            raise ParameterError(repr(self), f"junction = {junction!r}", expected, "14.0 is usual")
        before = None if self.before is None else self.before - junction
        return self.changed(v=self.v - junction, level=self.level - junction, before=before)

    def sweeps(self, which: Iterable[int]) -> Recording:
        """Some of the sweeps, by number."""
        given = list(which)
        try:
            numbers = [operator.index(k) for k in given if not isinstance(k, bool)]
        except TypeError:
            numbers = []
        if not given or len(numbers) < len(given) or any(not 0 <= k < len(self.v) for k in numbers):
            expected = f"numbers from 0 to {len(self.v) - 1}"
            raise ParameterError(repr(self), f"sweeps {given}", expected, "count from 0")
        before = None if self.before is None else self.before[numbers]
        return self.changed(v=self.v[numbers], current=self.current[numbers], before=before)

    def resampled(self, dt: float) -> Recording:
        """The recording at the time step dt (ms): means where it is a whole multiple of the old one, else linear.

        Spikes are preserved: a step in which one begins has the highest potential within it, and the step before it a
        potential below `level`.

        Raises: `ParameterError` for steps in which spikes cannot be told from each other.
        """
        if not is_number(dt, least=FASTEST, most=self.duration / 2):
            expected = f"{FASTEST} <= dt <= {self.duration / 2} ms, which leaves two steps"
            raise ParameterError(repr(self), f"dt = {dt!r}", expected, "dt is in ms")
        before = self.v[:, 0] if self.before is None else self.before
        onsets = self.spikes().nonzero()
        new = resampled(Sampled(repr(self), self.v, self.current, before, self.level, self.dt, onsets), float(dt))
        return self.changed(v=new.v, current=new.current, dt=float(dt), before=new.before)

    def bytes_of(self, lanes: int) -> int:
        """About how much memory so many candidates of a fit take that run under its currents at once."""
        return self.v.element_size() * ARRAYS * self.steps * len(self.repeats()[0]) * lanes

    def spikes(self) -> Tensor:
        """1 at the first sample at or above `level` after one below it, (sweep, time)."""
        first = self.v[:, :1] if self.before is None else self.before[:, None]
        above = torch.cat([first, self.v], 1) >= self.level
        return (above[:, 1:] & ~above[:, :-1]).to(self.v.dtype)

    def spike_times(self) -> list[Tensor]:
        """The times of the spikes of each sweep, in ms from the first sample."""
        return [row.nonzero()[:, 0].double() * self.dt for row in self.spikes()]

    def repeats(self) -> tuple[Tensor, Tensor]:
        """Sweeps of the same current as groups: their mean currents (group, time), and the group of each sweep.

        Two currents count as the same where they differ by noise alone, without an offset in any window of time.
        """
        number = grouped(self.current)
        return torch.stack([self.current[number == n].mean(0) for n in range(int(number.max()) + 1)]), number


def _checked(name: str, values: Any) -> Tensor:
    if isinstance(values, np.ndarray):
        values = _as_tensor(name, values)
    if not isinstance(values, Tensor):
        kind = type(values).__name__
        raise DTypeError(
            "Recording", f"{name} of type {kind}", "a tensor or array of (sweep, time)", "numpy.asarray it"
        )
    if values.dim() != 2 or values.shape[0] < 1 or values.shape[1] < 2:
        given = f"{name} of shape {tuple(values.shape)}"
        raise ShapeError("Recording", given, "(sweep, time), two samples at least", "v[None] makes one sweep of a row")
    if len(values) > TURNED * values.shape[1]:
        given = f"{name} of shape {tuple(values.shape)}: {len(values)} sweeps of {values.shape[1]} samples"
        raise ShapeError("Recording", given, "(sweep, time)", f"{name}.T, if its axes are (time, sweep)")
    if not values.is_floating_point():
        raise DTypeError("Recording", f"{name} of {values.dtype}", "floating point", "call .float() on it")
    if not bool(torch.isfinite(values).all()):
        raise InputError("Recording", f"{name} with NaN or infinity", "finite numbers", "cut that part off")
    return values.detach()


def _as_tensor(name: str, values: NDArray[Any]) -> Tensor:
    if values.dtype.kind != "f":
        remedy = ".astype(float), if they are numbers in the unit and no counts of a converter"
        raise DTypeError("Recording", f"{name} of {values.dtype}", "floating point", remedy)
    # contiguous, of this machine's byte order, and a copy: what the caller does with it later is the caller's
    return torch.from_numpy(np.array(values, dtype=np.float64 if values.dtype.itemsize >= 8 else np.float32))


def _before(before: Any, v: Tensor) -> Tensor | None:
    if before is None:
        return None
    if isinstance(before, np.ndarray):
        before = _as_tensor("before", before)
    if not isinstance(before, Tensor) or before.shape != v.shape[:1]:
        given = f"before of shape {tuple(before.shape)}" if isinstance(before, Tensor) else f"before = {before!r}"
        raise ShapeError("Recording", given, f"({len(v)},), one value for each sweep", "leave it out")
    if not bool(torch.isfinite(before).all()):
        raise InputError("Recording", "before with NaN or infinity", "finite numbers", "leave it out")
    return before.detach().to(v)


def _few(counts: Sequence[int]) -> str:
    """The numbers of a few sweeps, of many only their sum."""
    return ", ".join(map(str, counts)) if len(counts) <= 12 else f"{sum(counts)} in {len(counts)} sweeps"
