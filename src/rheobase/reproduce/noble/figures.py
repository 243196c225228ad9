"""The figures of a prediction: errors and spikes, and features of its potential as eFEL defines them."""

from __future__ import annotations

import math
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from torch import Tensor

from rheobase.learning import Recording, features
from rheobase.operator import Samples, scores
from rheobase.operator.scores import LEVEL
from rheobase.reproduce.noble.traces import Family

# of eFEL, by the names that the paper's tables have
FEATURES = {
    "AP1 width": "AP1_width",
    "mean AP amplitude": "mean_AP_amplitude",
    "steady potential": "steady_state_voltage_stimend",
}


@dataclass(frozen=True)
class Prediction:
    """Potentials (time, samples) in mV, and spike times (samples, most) in ms, filled up with infinities."""

    v: Tensor
    trains: Tensor


def figures(made: Prediction, truth: Samples, on: Family, *, shaped: bool = True) -> dict[str, Any]:
    """The scores, and the mean relative error in percent of each feature, over samples in which both have it.

    `shaped`: whether the prediction has the form of a spike; else its features are None.
    """
    found: dict[str, Any] = scores(made.v, truth, on.protocol.sample, trains=made.trains).as_json()
    own, wanted = (_features(v, truth, on) if shaped else [] for v in (made.v, truth.v))
    for title, name in FEATURES.items():
        pairs = [(a[name], b[name]) for a, b in zip(own, wanted, strict=True)]
        errors = [abs(a - b) / abs(b) for a, b in pairs if math.isfinite(a) and math.isfinite(b) and b != 0]
        found[title] = 100.0 * sum(errors) / len(errors) if errors else None
    return found


def _features(v: Tensor, truth: Samples, on: Family) -> list[Mapping[str, float]]:
    p = on.protocol
    # the unit is said: a net that learned little may be far from what a cell has
    swept = Recording(v.T, 1000.0 * truth.current.T, p.sample, LEVEL, v_unit="mV", current_unit="pA")
    return list(features(swept, start=p.early, stop=p.early + p.duration, names=tuple(FEATURES.values())))


__all__ = ["FEATURES", "Prediction", "figures"]
