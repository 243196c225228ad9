from __future__ import annotations

import math

import pytest
import torch

from rheobase import neurons
from rheobase.current_clamp import at_half_step, inject, onsets, respond, smallest_current
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
    assert run.rate == pytest.approx(1000 / period, rel=2e-3)  # 13 spikes in 300 ms would be 43.3 Hz
    assert run.rate == pytest.approx(1000 / (sum(run.intervals) / 12))
    assert min(run.spike_times) > 100
    assert run.states["v"].shape == (4000,)


def test_spikes_before_the_current_do_not_count_for_it():
    run = respond(neurons.LIF(1, dt=0.1, v_leak=2.0), current=1.0, steps=2000, onset=1000)
    before = [t for t in run.spike_times if t <= 100]
    assert before
    assert run.latency == pytest.approx(run.spike_times[len(before)] - 100)
    after = run.spike_times[len(before) :]
    assert run.rate == pytest.approx(1000 * (len(after) - 1) / (after[-1] - after[0]))


def test_figures_in_steps():
    run = respond(neurons.SRC(1), current=0.3, steps=100, onset=20)
    assert run.time_unit == "steps"
    assert run.rate == pytest.approx((run.count - 1) / (run.spike_times[-1] - run.spike_times[0]))
    assert run.latency == run.spike_times[0] - 20


def test_the_current_ends():
    run = respond(neurons.LIF(1, dt=1.0), current=5.0, steps=50, onset=10, end=20)
    assert run.current.nonzero().flatten().tolist() == list(range(10, 20))


def test_states_that_leave_the_numbers_are_named():
    with pytest.raises(Diverged, match="take a dt below 1 ms"):
        respond(neurons.IF(1, dt=1.0, r=1e30), current=1e30, steps=3)


def test_without_two_spikes_there_is_no_rate():
    run = respond(neurons.LIF(1, dt=0.1), current=1.5, steps=300)
    assert (run.count, run.intervals, run.rate) == (1, [], 0.0)


def test_half_the_step_tells_a_first_order_error():
    # EIF is made by ExpEuler: its rate is off by twice what halving changes
    coarse, fine = (respond(neurons.EIF(1, dt=dt), current=1.0, steps=round(400 / dt)) for dt in (0.2, 0.002))
    finer = at_half_step(coarse)
    assert not finer.converged
    assert finer.error == pytest.approx(fine.rate / coarse.rate - 1, rel=0.25)


def test_half_the_step_has_the_same_current_and_start():
    neuron = neurons.HodgkinHuxley(1, dt=0.025)
    torch.manual_seed(0)
    stimulus = 10 + 5 * torch.randn(8000)
    rest = neuron.rest(1)
    run = inject(neuron, stimulus, rest._replace(v=rest.v + 20.0))
    finer = at_half_step(run)
    assert finer.converged
    assert finer.count == run.count
    assert at_half_step(respond(neurons.SRC(1), current=0.3, steps=100)) is None
    assert at_half_step(respond(neurons.LI(1, dt=0.1), current=0.3, steps=100)) is None


def test_one_spike_more_or_less_is_no_convergence():
    # at 4 ms the second spike comes after the end, at 2 ms before it
    run = respond(neurons.LIF(1, dt=4.0), current=1.5, steps=11)
    finer = at_half_step(run)
    assert (run.count, finer.count) == (1, 2)
    assert finer.change is None
    assert not finer.converged


def test_an_interval_of_a_few_steps_is_told_even_where_both_steps_agree():
    # every 3 ms a spike, which may come as early as half a step before it is seen: 1.7 %
    run = respond(neurons.LIF(1, dt=0.1), current=1 / (1 - math.exp(-3.0 / 20)), steps=4000)
    finer = at_half_step(run)
    assert finer.error < 0.01
    assert finer.rounding == pytest.approx(0.05 / 3.0, rel=0.05)
    assert not finer.converged
