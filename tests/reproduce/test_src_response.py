"""Part (a) of the SRC paper: what is measured on the running cell, beside papers' and closed-form numbers."""

from __future__ import annotations

import math

import pytest
import torch

from rheobase.neurons import SRC
from rheobase.reproduce.src import measure, theory
from rheobase.reproduce.src.cell import cells, input_for, resting, traces


def drives(*values):
    return torch.tensor(values, dtype=torch.float64)


def test_output_begins_at_minus_4_551():
    assert measure.onset(0.0, 6000) == pytest.approx(-4.551, abs=0.002)


def test_the_prediction_is_the_papers_small_signal_analysis():
    found = theory.neimark_sacker()
    assert found.drive == pytest.approx(-4.905, abs=5e-4)
    # det = 2.5 g = 1 and trace = 2 g + 0.9, with g = 0.4
    assert found.h == pytest.approx(-math.sqrt(0.6), abs=2e-5)
    assert found.period == pytest.approx(2 * math.pi / math.acos(0.85), rel=1e-4)


def test_the_cell_loses_stability_where_predicted():
    assert measure.loss_of_stability() == pytest.approx(theory.neimark_sacker().drive, abs=1e-5)


def test_small_deviations_turn_by_the_angle_of_the_jacobian():
    at = drives(-5.6, -5.1, -4.9, -4.6)
    predicted = [2 * math.pi / theory.oscillation_angle(theory.fixed_point(float(d))) for d in at]
    assert measure.small_period(at).tolist() == pytest.approx(predicted, rel=1e-5)


def test_the_jacobian_of_the_theory_is_that_of_the_neuron():
    cell = SRC(1, alpha=0.0, detach_recurrence=False).double()
    h = torch.tensor([[-0.8]], dtype=torch.float64)
    values = cell.values()

    def step(h, h_s):
        x = torch.full_like(h, theory.drive_of(-0.8) + 6.0)
        state = cell.State(i=torch.zeros_like(h), h=h, h_s=h_s)
        after = cell.step_once(values, state, input_for(x)).post
        return after.h, after.h_s

    (a, b), (c, d) = torch.autograd.functional.jacobian(step, (h, h))
    assert float(a * d - b * c) == pytest.approx(theory.growth(-0.8), rel=1e-6)
    half = float(a + d) / 2 / math.sqrt(theory.growth(-0.8))
    assert math.acos(half) == pytest.approx(theory.oscillation_angle(-0.8), rel=1e-6)


def test_the_oscillation_begins_with_that_period_and_slows_down():
    just, later = measure.large_period(drives(-4.9, -4.6), 6000).tolist()
    assert just == pytest.approx(theory.neimark_sacker().period, rel=0.01)
    assert 14 < later < 15
    assert math.isnan(float(measure.large_period(drives(-4.95), 6000)))


def test_intervals_between_spikes():
    intervals = 1 / measure.rates(drives(-4.25, -3.0001), 12000)
    assert intervals.tolist() == pytest.approx([23.8, 19.6], rel=0.015)
    assert measure.rates(drives(-5.0), 2000) == 0


def test_only_the_sum_of_input_and_bias_counts():
    one = traces(cells(1, {"b_h": -6.0}, dtype=torch.float64), 1.75, 200, cells(1, {}).double().rest(1)).h
    other = traces(cells(1, {"b_h": -4.5}, dtype=torch.float64), 0.25, 200, cells(1, {}).double().rest(1)).h
    assert torch.allclose(one, other, atol=1e-9)


@pytest.mark.parametrize("x", [0.0, 2.0])
def test_rest_is_the_lowest_fixed_point(x):
    r, r_s = torch.tensor([2.0, 10.0, 9.0]), torch.tensor([-7.0, -1.0, -8.5])
    cell = cells(3, {"r": r, "r_s": r_s, "b_h": -6.0}, dtype=torch.float64)
    h = resting(cell, x).h[0]
    assert torch.allclose(h, torch.tanh((r + r_s) * h - 6.0 + x), atol=1e-9)
    # the second cell has two more fixed points, at about 0.6 and 1 without input
    assert float(h[1]) < -0.99
