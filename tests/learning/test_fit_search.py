"""What a fit chooses, tells and repeats: its clock, its ranges, silent sweeps, arrays of NumPy."""

from __future__ import annotations

import math
from dataclasses import replace
from typing import Any

import numpy as np
import pytest
import torch

from rheobase import neurons, stimuli
from rheobase.errors import DTypeError, ParameterError
from rheobase.learning import FitRecipe, Recording, fit_neuron
from rheobase.learning.fitting.candidates import Candidates
from rheobase.learning.fitting.guess import likely_ranges, measured, usual_learn
from rheobase.learning.fitting.stages import Target

DT = 0.5
TRUE = dict(c_mem=150.0, g_leak=10.0, v_leak=-70.0, v_reset=-60.0, v_threshold=-48.0, tau_refrac=2.0)
TINY = FitRecipe(restarts=8, forced=12, free=2, generations=10, population=16, settle=20.0)


def recorded(current: torch.Tensor) -> Recording:
    spikes, _, rec = neurons.GLIF1(1, dt=DT, **TRUE)(current.T[..., None], record=("v",))
    v = torch.where(spikes > 0, 40.0, rec.v.clamp(max=-11.0))[..., 0].T
    return Recording(v, current, dt=DT)


@pytest.fixture(scope="module")
def noisy() -> Recording:
    return recorded(torch.stack([stimuli.noise(200.0, 150.0, tau=5.0, seed=k).sample(600.0, DT) for k in range(2)]))


@pytest.fixture(scope="module")
def steps() -> Recording:
    """Six levels, of which the first three are silent."""
    current = torch.tensor([-100.0, 0.0, 100.0, 300.0, 400.0, 500.0])[:, None].expand(-1, 1200).contiguous()
    return recorded(current)


def fitted(recording: Recording, **changes: Any) -> Any:
    learn = ("c_mem", "g_leak", "v_leak", "v_threshold", "v_reset")
    ranges = likely_ranges(neurons.GLIF1, learn, measured(recording))
    return fit_neuron(neurons.GLIF1, recording, learn=learn, ranges=ranges, recipe=replace(TINY, **changes))


@pytest.mark.parametrize("limit", [1e-6, 0.5])
def test_what_the_clock_ended_is_repeated_without_it(noisy: Recording, limit: float) -> None:
    first = fitted(noisy, time_limit=limit, generations=10_000, patience=None, forced=40)
    assert first.ended == "time limit"
    assert first.recipe.time_limit is None
    if limit < 1e-3:
        assert (first.recipe.forced, first.recipe.free, first.recipe.generations) == (1, 1, 1)
    again = fitted(noisy, **{k: getattr(first.recipe, k) for k in ("forced", "free", "generations", "patience")})
    assert again.ended == "generations"
    assert again.candidates == first.candidates


@pytest.mark.parametrize("limit", [0.0, -1.0, math.nan, "2"])
def test_a_limit_that_is_none(limit: Any) -> None:
    with pytest.raises(ParameterError, match="time_limit"):
        FitRecipe(time_limit=limit)


def test_arrays_of_numpy_are_taken_as_they_are(noisy: Recording) -> None:
    v, current = noisy.v.numpy().astype(">f4"), noisy.current.double().numpy()[:, ::-1][:, ::-1]
    taken = Recording(v, current, dt=DT)  # type: ignore[arg-type]
    assert torch.equal(taken.v, noisy.v)
    assert torch.equal(taken.current, noisy.current)
    v[:] = 0.0
    assert torch.equal(taken.v, noisy.v)
    for wrong in (np.zeros((1, 4), dtype=np.int16), np.zeros((1, 4), dtype=complex)):
        with pytest.raises(DTypeError, match="floating point"):
            Recording(wrong, wrong, dt=DT)  # type: ignore[arg-type]


def test_volts_are_noticed_in_arrays_too(noisy: Recording) -> None:
    with pytest.raises(ValueError, match='v_unit="V"'):
        Recording(noisy.v.numpy() / 1000.0, noisy.current.numpy(), dt=DT)  # type: ignore[arg-type]


def test_a_fit_is_printed_in_a_line_and_its_candidates_in_many_words(noisy: Recording) -> None:
    fit = fitted(noisy)
    assert len(str(fit)) < 300
    assert str(fit).startswith(f"Fit(GLIF1, Gamma {fit.gamma:.3f} at 4 ms; c_mem=")
    assert len(str(fit.candidates)) > 10 * len(str(fit))


def test_silent_sweeps_do_not_lower_gamma(steps: Recording) -> None:
    fit = fitted(steps, forced=60, generations=60, population=32)
    assert [len(times) > 0 for times in steps.spike_times()] == [False] * 3 + [True] * 3
    # with 0 for half of the sweeps, 0.5 would be the most
    assert fit.gamma > 0.5
    true = neurons.GLIF1(1, dt=DT, **TRUE)
    candidates = Candidates(true, steps, learn=("g_leak",), ranges={}, scale=None, series=False)
    truth = candidates.axes[0].share(torch.tensor(TRUE["g_leak"])).expand(2, 1)
    assert Target(steps, 20.0).scores(candidates, truth).gamma.tolist() == pytest.approx([1.0, 1.0], abs=1e-9)
    assert fit.gamma_on(steps, start=20.0) == pytest.approx(fit.gamma, abs=1e-9)
    assert fit.gamma_on(steps.sweeps([0, 1])) == 0.0


def test_teaching_takes_sweeps_that_have_spikes(steps: Recording, noisy: Recording) -> None:
    assert Target(steps, 20.0).telling(2).tolist() == [3, 5]
    assert Target(steps, 20.0).telling(9).tolist() == [3, 4, 5]
    assert Target(noisy, 20.0).telling(1).tolist() == [0]


def test_the_recording_shows_the_cell(noisy: Recording) -> None:
    found = measured(noisy)
    assert found.rest == pytest.approx(-70.0, abs=3.0)
    assert 1.0 / found.r == pytest.approx(10.0, rel=0.3)
    assert found.tau == pytest.approx(15.0, rel=0.3)
    for kind in (neurons.GLIF1, neurons.AdEx, neurons.GIF, neurons.MAT):
        learn = usual_learn(kind)
        ranges = likely_ranges(kind, learn, found)
        low, high = ranges["v_leak"]
        assert low < -70.0 < high
        assert all(math.isfinite(x) for ends in ranges.values() for x in ends)
        assert "v_peak" not in learn


def test_a_silent_cell_has_no_threshold_to_show() -> None:
    quiet = Recording(torch.full((1, 400), -70.0), torch.zeros(1, 400), dt=DT)
    found = measured(quiet)
    assert (found.rest, math.isnan(found.r), math.isnan(found.threshold)) == (-70.0, True, True)
    assert set(likely_ranges(neurons.GLIF1, usual_learn(neurons.GLIF1), found)) == {"v_leak", "tau_refrac"}


def test_a_value_at_an_edge_is_known(noisy: Recording) -> None:
    cell = neurons.GLIF1(1, dt=DT, **{k: v for k, v in TRUE.items() if k != "c_mem"})
    for ends, edges in (((60.0, 120.0), {"c_mem": "high"}), ((180.0, 300.0), {"c_mem": "low"}), ((60.0, 300.0), {})):
        fit = fit_neuron(cell, noisy, learn=("c_mem",), ranges={"c_mem": ends}, recipe=TINY)
        assert fit.at_edges() == edges
