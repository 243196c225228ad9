"""The shape of spikes: as eFEL has it, where there is none, and how far a fit is off."""

from __future__ import annotations

import math
from typing import Any

import pytest
import torch
from torch import Tensor

from rheobase.learning import Recording
from rheobase.learning.fitting.agreement import agreement
from rheobase.learning.fitting.spike_shape import spike_shape
from tests.learning.test_fit_cell import DT, recording

__all__ = ["recording"]  # a fixture


def own(recording: Recording) -> Tensor:
    return spike_shape(recording.v, recording.spikes(), level=recording.level, dt=recording.dt)


def test_it_is_that_of_efel(recording: Recording) -> None:
    efel: Any = pytest.importorskip("efel", reason="eFEL is not installed")
    efel.reset()
    efel.set_setting("Threshold", recording.level)
    sweep = recording.sweeps([2]).between(0.0, 49.0)
    time = [k * sweep.dt for k in range(sweep.steps)]
    trace = {"T": time, "V": sweep.v[0].double().tolist(), "stim_start": [10.0], "stim_end": [49.0]}
    (found,) = efel.get_feature_values([trace], ["peak_voltage", "min_AHP_values", "AP_width"])
    trough, height, width = own(sweep)[:, 0].tolist()
    # the last spike has less than 30 ms behind it, and no shape here
    whole = len(found["peak_voltage"]) - 1
    assert whole >= 2
    assert height == pytest.approx(found["peak_voltage"][:whole].mean(), abs=1e-3)
    assert trough == pytest.approx(found["min_AHP_values"][:whole].mean(), abs=1e-3)
    assert width == pytest.approx(found["AP_width"][:whole].mean(), abs=1.5 * DT)


def test_a_silent_sweep_has_none_and_a_spike_cut_short_neither(recording: Recording) -> None:
    found = own(recording)
    assert found.shape == (3, 3)
    assert bool(torch.isnan(found[:, 0]).all())
    time = float(recording.spike_times()[2][0])
    assert bool(torch.isnan(own(recording.sweeps([2]).between(0.0, time + 1.0))).all())


def test_an_agreement_says_how_far_it_is_off(recording: Recording) -> None:
    """Troughs 5 mV deeper and peaks 3 mV lower, in the sweeps that have spikes; a silent one says nothing."""
    v = torch.where(recording.v < -76.0, recording.v - 5.0, recording.v)
    v = torch.where(v > -20.0, v - 3.0, v)
    numbers, spikes = range(3), recording.spikes()
    found = agreement(recording, numbers, spikes, v, settle=5.0, delta=4.0, shaped=True)
    deep = own(recording)[0, 1:] < -76.0
    assert bool(deep.all())
    assert found.trough == pytest.approx(5.0, abs=1e-3)
    assert found.height == pytest.approx(3.0, abs=1e-3)
    assert 0.0 <= found.width < 2.0 * DT
    plain = agreement(recording, numbers, spikes, v, settle=5.0, delta=4.0)
    assert all(math.isnan(x) for x in (plain.trough, plain.height, plain.width))
