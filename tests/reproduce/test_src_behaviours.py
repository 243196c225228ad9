"""Part (b) of the SRC paper: the rules that label a lane, on made and on known cases."""

from __future__ import annotations

import pytest
import torch

from rheobase.reproduce.src.bisect import bisect, refine
from rheobase.reproduce.src.features import features
from rheobase.reproduce.src.labels import LABELS, PLATEAU_OR_NOT, REST_OR_FIRING, fate, label
from rheobase.reproduce.src.lanes import labelled
from rheobase.reproduce.src.planes import PAPER, PLANES

DOWN, UP = -1.0, 0.9


def train(intervals, *, width=2, steps=800, cycles=()):
    """A trace with spikes at these intervals, over and over, and small peaks at the steps `cycles` after each."""
    h = torch.full((steps,), DOWN)
    t, k = 10, 0
    while t + width < steps:
        for c in cycles:
            h[t + c : t + c + 1] = 0.0
        h[t : t + width] = UP
        t += intervals[k % len(intervals)]
        k += 1
    return h


def flat(value, spikes=()):
    h = torch.full((800,), value)
    h[list(spikes)] = UP
    return h


WAVE = -0.5 + 0.3 * torch.sin(torch.arange(800) / 3.0)
MADE = {
    "silent": flat(-0.9),
    "single spike": flat(-0.9, [3]),
    "few spikes": flat(-0.9, [3, 30]),
    "subthreshold oscillation": WAVE,
    "tonic spiking": train([20, 21, 20, 22]),
    "mixed-mode": train([40, 20], cycles=(10,)),
    "bursting": train([6, 6, 6, 60]),
    "irregular": train([60, 20, 60], width=15),
    "plateau": flat(0.8),
}


def test_features_of_a_known_train():
    f = features(train([6, 6, 6, 60], width=3)[:, None], 400)
    assert [int(f.shortest), int(f.longest), int(f.widest)] == [6, 60, 3]
    assert float(f.width) == pytest.approx(3.0)
    assert int(f.spikes) == int(f.cycles)
    assert [int(f.within), int(f.pause)] == [6, 60]
    # groups of four; the last one may be cut off
    assert 4 <= int(f.spikes) / int(f.pauses) <= 5
    assert int(f.grouped) >= int(f.spikes) - 2


def test_features_do_not_mix_lanes():
    lanes = (train([6, 60]), flat(-0.9), train([20]), train([6, 6, 60]), flat(-0.9, [780]), train([4, 5, 30, 7]))
    both = features(torch.stack(lanes, 1), 400)
    for k, alone in enumerate(lanes):
        one = features(alone[:, None], 400)
        assert [float(x[k]) for x in both] == [float(x[0]) for x in one]


@pytest.mark.parametrize("name", MADE)
def test_made_traces_get_their_label(name):
    assert LABELS[int(fate(features(MADE[name][:, None], 400)))] == name


NOT_BURSTING = {
    # of the lane that stood for bursting before: no pauses, one class of intervals
    "irregular": ([5, 5, 4, 7, 4, 8, 5, 5, 5, 8, 4, 6], {}),
    "irregular, single beats are missed": ([9, 9, 9, 18], {}),
    "irregular, pairs": ([6, 60], {}),
    "irregular, an interval between the classes": ([6, 6, 6, 35, 6, 6, 6, 14], {}),
    "irregular, most spikes stand alone": ([6, 6, 60, 60, 60, 60, 60], {}),
    "mixed-mode, the oscillation goes on in the pauses": ([6, 6, 6, 60], {"cycles": (12, 20, 28, 36)}),
}


@pytest.mark.parametrize("name", NOT_BURSTING)
def test_what_a_physiologist_would_not_call_bursting(name):
    intervals, how = NOT_BURSTING[name]
    h = train(intervals, **how)
    if "cycles" in how:
        # no small peaks within a burst
        h = torch.where(h == 0.0, torch.where(torch.arange(800) % 78 - 10 > 18, 0.0, DOWN), h)
    assert LABELS[int(fate(features(h[:, None], 400)))] == name.split(",")[0]


def test_a_plateau_is_no_pause():
    h = train([6, 6, 6, 60])
    step = torch.arange(800) % 78 - 10
    h[(step >= 18) & (step < 55)] = UP
    assert LABELS[int(fate(features(h[:, None], 400)))] == "irregular"


@pytest.mark.parametrize("intervals", [[6, 6, 60], [5, 7, 4, 6, 30], [3, 3, 3, 3, 9], [6, 6, 40, 6, 6, 6, 90]])
def test_groups_parted_by_pauses_are_bursts(intervals):
    assert LABELS[int(fate(features(train(intervals)[:, None], 400)))] == "bursting"


def test_a_slow_train_with_one_spike_in_the_window_is_tonic():
    assert LABELS[int(fate(features(train([399])[:, None], 400)))] == "tonic spiking"


def test_steady_depolarisation_below_a_spike_is_a_plateau():
    assert LABELS[int(fate(features(flat(0.3)[:, None], 400)))] == "plateau"


def test_labels_of_three_runs():
    def of(*names):
        return int(label(*(torch.tensor([LABELS.index(name)]) for name in names)))

    assert of("single spike", "silent", "few spikes") == LABELS.index("single spike")
    assert of("tonic spiking", "mixed-mode", "bursting") == LABELS.index("tonic spiking")
    assert of("silent", "silent", "tonic spiking") == REST_OR_FIRING
    assert of("irregular", "subthreshold oscillation", "irregular") == REST_OR_FIRING
    assert of("silent", "silent", "plateau") == of("tonic spiking", "plateau", "plateau") == PLATEAU_OR_NOT


CELLS = {
    # the lane that stood for bursting before
    "irregular": {"x": 1.75, "z_hyp": 0.187, "z_dep": 0.916},
    # total drive x + b_h of the paper's cell, on either side of its thresholds
    "silent": {"x": 0.5},
    "subthreshold oscillation": {"x": 1.3},
    "tonic spiking": {"x": 1.75},
    # no Neimark-Sacker point below: the step alone spikes
    "single spike": {"x": 1.2, "z_hyp": 0.96},
    # r + r_s > 1 with three fixed points
    "bistable: plateau or not": {"x": 0.0, "r": 10.0, "r_s": -1.0},
    "bistable: rest or firing": {
        "x": 0.265,
        "b_h": -6.182,
        "r": 7.097,
        "r_s": -11.866,
        "z_hyp": 0.89,
        "z_dep": 0.387,
        "z": 0.743,
    },
}


def test_known_cells_get_their_label():
    lanes = [{**PAPER, "x": 0.0, **changes} for changes in CELLS.values()]
    columns = {name: torch.tensor([lane[name] for lane in lanes]) for name in lanes[0]}
    x = columns.pop("x")
    found = labelled(columns, x, 2000, 1000, iter)
    assert [LABELS[k] for k in found.codes.tolist()] == list(CELLS)
    assert 1 <= float(found.width[2]) <= 3


def test_planes_are_grids_whose_first_axis_is_y():
    for plane in PLANES:
        lanes = plane.lanes(3)
        assert lanes[plane.x[0]].view(3, 3)[1].tolist() == pytest.approx(torch.linspace(*plane.x[1:], 3).tolist())
        assert lanes[plane.y[0]].view(3, 3)[:, 1].tolist() == pytest.approx(torch.linspace(*plane.y[1:], 3).tolist())
        assert all(len(values) == 9 for values in lanes.values())


def test_bisection_finds_thresholds():
    roots = bisect(lambda x: x**2 > torch.tensor([2.0, 3.0]), torch.zeros(2), torch.full((2,), 2.0), rounds=22)
    assert roots.tolist() == pytest.approx([2**0.5, 3**0.5], abs=1e-6)
    assert refine(lambda x: x > 0.3, 0.0, 1.0, lanes=9, rounds=8) == pytest.approx(0.3, abs=1e-7)
