"""Sweeps held out of a fit: which they are, that the fit never sees them, and the errors on them."""

from __future__ import annotations

import math
from typing import Any

import pytest
import torch

from rheobase import neurons, stimuli
from rheobase.errors import ParameterError
from rheobase.learning import FitRecipe, Recording, fit_neuron
from rheobase.learning.fitting import matched
from rheobase.learning.fitting.agreement import agreement
from rheobase.learning.fitting.hold_out import split
from rheobase.learning.fitting.matched import matched_lif

DT = 0.5
TINY = FitRecipe(restarts=8, forced=6, free=1, generations=4, population=12, settle=20.0)


def recorded(current: torch.Tensor, **values: float) -> Recording:
    cell = neurons.GLIF1(1, dt=DT, c_mem=150.0, g_leak=10.0, v_leak=-70.0, v_reset=-60.0, v_threshold=-48.0, **values)
    spikes, _, rec = cell(current.T[..., None], record=("v",))
    return Recording(torch.where(spikes > 0, 40.0, rec.v.clamp(max=-11.0))[..., 0].T, current, dt=DT)


def steps(*amplitudes: float, **values: float) -> Recording:
    current = torch.zeros(len(amplitudes), 1200)
    current[:, 100:1100] = torch.tensor(amplitudes)[:, None]
    return recorded(current, **values)


@pytest.fixture(scope="module")
def noisy() -> Recording:
    return recorded(torch.stack([stimuli.noise(250.0, 150.0, tau=5.0, seed=k).sample(500.0, DT) for k in range(4)]))


def test_a_fifth_is_taken_evenly_from_currents_with_spikes() -> None:
    found = split(steps(-100.0, 0.0, *(250.0 + 25.0 * k for k in range(10))), "auto")
    assert (found.held, found.reason) == ((4, 9), "2 of 10 currents with spikes")
    assert set(found.fitted) | set(found.held) == set(range(12))
    assert not set(found.fitted) & set(found.held)
    # in the order of the currents, whatever that of the sweeps
    assert split(steps(400.0, 300.0, 350.0), "auto").held == (2,)
    assert split(steps(400.0, 300.0, 350.0, 375.0, 0.0), 0.5).held == (0, 2)


def test_a_current_that_was_repeated_is_held_out_with_its_repetitions() -> None:
    assert split(steps(300.0, 400.0, 350.0, 400.0, 350.0), "auto").held == (2, 4)
    of_one = split(steps(300.0, 300.0, 300.0, 300.0), "auto")
    assert (of_one.held, of_one.reason) == ((2,), "1 of 4 repetitions of one current")


@pytest.mark.parametrize(
    ("amplitudes", "reason"),
    [
        ((300.0,), "no hold-out is possible: there is one sweep"),
        ((300.0, 400.0), "2 currents with spikes, and one takes 3 to leave one for a test"),
        ((0.0, 50.0, 400.0), "1 current with spikes, and one takes 3 to leave one for a test"),
    ],
)
def test_where_nothing_can_be_spared_the_reason_is_said(amplitudes: tuple[float, ...], reason: str) -> None:
    found = split(steps(*amplitudes), "auto")
    assert (found.held, found.reason) == ((), reason)


WRONG: list[tuple[Any, str]] = [
    ([3], "numbers from 0 to 2"),
    ([0, 0], "each once"),
    ([], "numbers"),
    ([0.5], "numbers"),
    ("some", "a share"),
    (0.0, "between 0 and 1"),
    (1.5, "between 0 and 1"),
    (math.nan, "between 0 and 1"),
    ([1, 2], "a spike that is left"),
    (True, "between 0 and 1"),
    ([True], "numbers"),
    (None, ""),
]


@pytest.mark.parametrize(("given", "said"), WRONG)
def test_what_cannot_be_held_out(given: Any, said: str) -> None:
    recording = steps(0.0, 300.0, 400.0)
    if given is None:
        assert split(recording, None).held == ()
        return
    with pytest.raises(ParameterError, match=said):
        split(recording, given)


def test_a_share_of_one_sweep_is_refused() -> None:
    for recording, said in ((steps(300.0), "1 sweep"), (steps(0.0, 300.0), "1 currents with spikes")):
        with pytest.raises(ParameterError, match=said):
            split(recording, 0.2)


def test_what_is_held_out_is_never_used(noisy: Recording) -> None:
    """Whatever the held sweep shows, the fit is the same to the last bit."""
    other = noisy.v.clone()
    other[2] = -30.0 + 60.0 * torch.rand(noisy.steps, generator=torch.Generator().manual_seed(0))
    current = noisy.current.clone()
    current[2] = 999.0
    fits = [
        fit_neuron(neurons.GLIF1, one, learn=("v_threshold", "g_leak"), recipe=TINY, hold_out=[2])
        for one in (noisy, Recording(other, current, dt=DT))
    ]
    assert fits[0].candidates == fits[1].candidates
    assert fits[0].fitted == fits[1].fitted
    assert fits[0].held_out != fits[1].held_out
    alone = fit_neuron(neurons.GLIF1, noisy.sweeps([0, 1, 3]), learn=("v_threshold", "g_leak"), recipe=TINY)
    assert alone.candidates == fits[0].candidates
    assert alone.held_out is None


def test_the_errors_of_a_fit_are_those_of_its_sweeps(noisy: Recording) -> None:
    fit = fit_neuron(neurons.GLIF1, noisy, learn=("v_threshold", "g_leak"), recipe=TINY, hold_out="auto")
    assert fit.held_out is not None
    assert (len(fit.fitted.sweeps), len(fit.held_out.sweeps)) == (3, 1)
    assert fit.fitted.gamma == pytest.approx(fit.gamma, abs=1e-9)
    assert fit.fitted.delta == fit.delta
    assert fit.fitted.v_error == pytest.approx(fit.best.v_error, rel=1e-4)
    held = noisy.sweeps(fit.held_out.sweeps)
    delta = fit.held_out.delta
    assert fit.held_out.gamma == pytest.approx(fit.gamma_on(held, start=20.0, delta=delta), abs=1e-9)
    assert f"{fit.held_out.gamma:.3f} held out" in str(fit)
    assert fit.evaluations == 8 * 7 + sum(step.stage == "evolve" for step in fit.history) * 12


def test_figures_of_an_agreement() -> None:
    recording = steps(0.0, 300.0, 400.0)
    spikes, v = recording.spikes(), recording.v
    same = agreement(recording, [1, 2], spikes, v, settle=20.0, delta=4.0)
    assert (same.gamma, same.spikes, same.first, same.interval, same.v_error) == (1.0, 0.0, 0.0, 0.0, 0.0)
    late = agreement(recording, [1, 2], spikes.roll(4, 1), v + 1.0, settle=20.0, delta=4.0)
    assert (late.gamma, late.first, late.spikes) == (1.0, 2.0, 0.0)
    variance = float(v[1:][spikes[1:] == 0].var())
    assert 0.0 < late.v_error < 4.0 / variance
    silent = agreement(recording, [1, 2], torch.zeros_like(spikes), None, settle=20.0, delta=4.0)
    assert silent.gamma == 0.0
    assert silent.spikes == spikes[1:].sum() / 2
    assert math.isnan(silent.first)
    assert math.isnan(silent.v_error)
    assert math.isnan(agreement(recording, [0], spikes, v, settle=20.0, delta=4.0).gamma)


def test_a_search_may_begin_near_values(noisy: Recording) -> None:
    begins = FitRecipe(restarts=8, forced=0, free=0, generations=0, population=12, settle=20.0)
    fit = fit_neuron(
        neurons.GLIF1,
        noisy,
        learn=("v_threshold", "g_leak"),
        ranges={"v_threshold": (-80.0, 20.0)},
        start={"v_threshold": -48.0},
        recipe=begins,
    )
    near = [one for one in fit.candidates if abs(one.values["v_threshold"] + 48.0) < 12.0]
    assert 4 <= len(near) <= 6
    with pytest.raises(ParameterError, match=r"start 'v_T'.*v_threshold"):
        fit_neuron(neurons.GLIF1, noisy, learn=("v_threshold",), start={"v_T": -48.0}, recipe=begins)


def test_the_matched_lif_has_the_rates_of_a_lif() -> None:
    """Rheobase and slope of an integrate-and-fire neuron are found, and so is its rate at any step."""
    recording = steps(*(200.0 + 20.0 * k for k in range(20)), tau_refrac=DT)
    lif = matched_lif(recording)
    assert lif is not None
    spikes, *_ = lif(recording.current.T[..., None])
    known, found = recording.spikes().sum(1).tolist(), spikes[..., 0].sum(0).tolist()
    # the rheobase lies between two steps of current, here in their middle; and rates to a tenth
    assert all(0.9 * below <= count <= above for below, count, above in zip(known, found[1:], known[1:], strict=False))


def test_without_steps_the_matched_lif_has_the_threshold_that_is_seen(noisy: Recording) -> None:
    lif = matched_lif(noisy)
    assert lif is not None
    assert float(lif.v_threshold.item()) == pytest.approx(-48.0, abs=3.0)
    quiet = Recording(torch.full((1, 400), -70.0), torch.zeros(1, 400), dt=DT)
    assert matched_lif(quiet) is None


def test_a_step_of_which_one_sample_is_left_is_none() -> None:
    """The end of a sweep that was cut off. torch warns of the spread of one number."""
    recording = steps(*(200.0 + 20.0 * k for k in range(20)), tau_refrac=DT)
    cut = torch.cat([0.0 * recording.current[:, :-1], recording.current.amax(1, keepdim=True)], 1)
    assert matched._amplitudes(Recording(recording.v, cut, dt=DT)) is None
    assert matched._amplitudes(recording) is not None
