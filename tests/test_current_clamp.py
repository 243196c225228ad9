from __future__ import annotations

import math

import pytest
import torch

from rheobase import neurons
from rheobase.current_clamp import onsets, respond, smallest_current
from rheobase.errors import Diverged


def test_the_rheobase_of_lif_is_its_threshold_over_what_400_ms_leave():
    assert smallest_current(neurons.LIF) == 1.0
    assert smallest_current(neurons.LIF, v_threshold=3.0) == 3.0
    within_20_ms = 1 / (1 - math.exp(-1))
    assert smallest_current(neurons.LIF, within=20.0) == pytest.approx(within_20_ms, rel=2e-3)


def test_the_rheobase_of_a_perfect_integrator_is_threshold_over_time():
    assert smallest_current(neurons.IF, within=100.0) == pytest.approx(0.01, rel=2e-3)


def test_no_rheobase():
    assert smallest_current(neurons.LI) is None
    assert smallest_current(neurons.LIF, v_threshold=1e9) is None
    assert smallest_current(neurons.LIF, v_leak=2.0) == 0.0  # it fires by itself


def test_a_graded_spike_is_an_upward_crossing():
    out = torch.tensor([0.7, 0.9, 0.2, 0.5, 0.6, 0.1])
    assert onsets(out, graded=True).tolist() == [True, False, False, True, False, False]
    assert onsets(torch.tensor([1.0, 1.0, 0.0]), graded=False).tolist() == [True, True, False]


def test_figures_of_a_lif_run_follow_from_its_period():
    run = respond(neurons.LIF(1, dt=0.1), current=1.5, steps=4000, onset=1000)
    period = 20 * math.log(1.5 / 0.5)
    assert run.latency == pytest.approx(period, abs=0.1)
    assert run.count == 13 == len(run.spike_times)
    assert run.rate == pytest.approx(1000 * 13 / 300)
    assert min(run.spike_times) > 100
    assert run.states["v"].shape == (4000,)


def test_spikes_before_the_current_do_not_count_for_it():
    run = respond(neurons.LIF(1, dt=0.1, v_leak=2.0), current=1.0, steps=2000, onset=1000)
    before = [t for t in run.spike_times if t <= 100]
    assert before
    assert run.latency == pytest.approx(run.spike_times[len(before)] - 100)
    assert run.rate == pytest.approx(10 * (run.count - len(before)))


def test_figures_in_steps():
    run = respond(neurons.SRC(1), current=0.3, steps=100, onset=20)
    assert run.time_unit == "steps"
    assert run.rate == run.count / 80
    assert run.latency == run.spike_times[0] - 20


def test_the_current_ends():
    run = respond(neurons.LIF(1, dt=1.0), current=5.0, steps=50, onset=10, end=20)
    assert run.current.nonzero().flatten().tolist() == list(range(10, 20))


def test_states_that_leave_the_numbers_are_named():
    with pytest.raises(Diverged, match="take a dt below 1 ms"):
        respond(neurons.IF(1, dt=1.0, r=1e30), current=1e30, steps=3)
