"""Features of spikes and potential, as eFEL defines them, and their differences between model and data."""

from __future__ import annotations

import difflib
import importlib
import math
from collections.abc import Mapping, Sequence
from typing import Any

import torch
from torch import Tensor

from rheobase.checks import is_number
from rheobase.errors import BackendUnavailable, ParameterError, ShapeError
from rheobase.learning.fitting.recording import Recording

FEATURES = ("spike_count", "time_to_first_spike", "mean_frequency", "ISI_CV", "adaptation_index2", "voltage_base")


def features(
    recording: Recording, *, start: float, stop: float, names: Sequence[str] = FEATURES
) -> list[dict[str, float]]:
    """The mean value of each feature, for every sweep; the stimulus lasts from `start` to `stop` (ms).

    NaN where a sweep has no such value (no spike, say). Needs eFEL: `pip install rheobase[bio]`.

    Raises: `BackendUnavailable` without eFEL, `ParameterError` for a name that it does not know, and for a stimulus
    that does not lie in the recording.
    """
    check_features(names)
    _check_stimulus(recording, start, stop)
    efel = _efel()
    efel.reset()
    efel.set_setting("Threshold", recording.level)
    time = [k * recording.dt + recording.start for k in range(recording.steps)]
    traces = [{"T": time, "V": row.double().tolist(), "stim_start": [start], "stim_end": [stop]} for row in recording.v]
    found = efel.get_feature_values(traces, list(names), raise_warnings=False)
    return [{name: _mean(values[name]) for name in names} for values in found]


def check_features(names: Sequence[str]) -> None:
    """Raise what `features` raises for these names, before work that would be lost."""
    if isinstance(names, str):
        raise ParameterError("features", f"names = {names!r}", "a sequence of names", f"names=({names!r},)")
    known = _efel().get_feature_names()
    for name in names:
        if name not in known:
            close = difflib.get_close_matches(name, known, n=1)
            remedy = f"did you mean {close[0]!r}? " if close else ""
            remedy += "efel.get_feature_names() lists them"
            raise ParameterError("features", f"{name!r}", "a feature of eFEL", remedy)


def with_spikes(recording: Recording, v: Tensor, spikes: Tensor, *, peak: float = 30.0) -> Recording:
    """A model's response as a recording: its potential (mV) with `peak` mV at every spike, which it does not model.

    Shapes: v and spikes (sweep, time), as `Fit.run` gives them. Raises: `ShapeError`; `ParameterError` for spikes in
    two steps in a row, which would be one.

    >>> silent = Recording(torch.full((1, 5), -70.0), torch.zeros(1, 5), dt=0.1, level=-20.0)
    >>> with_spikes(silent, silent.v, torch.tensor([[0.0, 0.0, 1.0, 0.0, 0.0]])).v
    tensor([[-70., -70.,  30., -70., -70.]])
    """
    if v.shape != recording.v.shape or spikes.shape != v.shape:
        given = f"v {tuple(v.shape)} and spikes {tuple(spikes.shape)}"
        raise ShapeError("with_spikes", given, f"both {tuple(recording.v.shape)}", "run the same recording")
    silent = recording.level - 1.0
    # before it is run, a model is silent: its first step may hold a spike
    drawn = v.clamp(max=silent).masked_fill(spikes > 0, peak)
    made = recording.changed(v=drawn, before=torch.full((len(v),), silent))
    lost = int((spikes > 0).sum() - made.spikes().sum())
    if lost:
        given = f"{lost} spikes right behind another one"
        raise ParameterError("with_spikes", given, "a step without one between", "run the model at a smaller dt")
    return made


def feature_errors(data: Mapping[str, float], model: Mapping[str, float]) -> dict[str, float]:
    """Model minus data for each feature of the data; NaN where one of them has no value.

    >>> feature_errors({"spike_count": 12.0}, {"spike_count": 14.0})
    {'spike_count': 2.0}
    """
    return {name: model.get(name, math.nan) - value for name, value in data.items()}


def _check_stimulus(recording: Recording, start: float, stop: float) -> None:
    """Raise for times at which eFEL would stop, or find features of no stimulus."""
    begin, end = recording.start, recording.start + recording.duration
    given = f"a stimulus from {start!r} to {stop!r} ms"
    if not is_number(start) or not is_number(stop) or start >= stop:
        raise ParameterError("features", given, "times in ms, start before stop", "start=100.0, stop=600.0, say")
    # a sample more at both ends: a state is that of the end of its step, a current that of the whole step
    if start >= end or stop > end + 1.5 * recording.dt or stop <= begin or start < begin - 1.5 * recording.dt:
        expected = f"one inside of {begin:g} to {end:g} ms"
        raise ParameterError("features", given, expected, "times are those of the recording, from its start on")


def _mean(values: Any) -> float:
    return math.nan if values is None or len(values) == 0 else float(sum(values)) / len(values)


def _efel() -> Any:
    try:
        return importlib.import_module("efel")
    except ModuleNotFoundError:
        raise BackendUnavailable("features", "no eFEL", "the package efel", "pip install rheobase[bio]") from None
