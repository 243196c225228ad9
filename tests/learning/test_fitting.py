"""Fits find the parameters that made a recording, refuse what cannot be fitted, and survive Ctrl-C."""

from __future__ import annotations

import sys
from dataclasses import replace
from typing import Any

import pytest
import torch
from torch import Tensor

from rheobase import Noisy, Refractory, neurons, stimuli
from rheobase.core.wrappers.forced import Forced
from rheobase.errors import BackendUnavailable, DTypeError, InputError, ParameterError, ShapeError, UnitError
from rheobase.learning import FitCallback, FitRecipe, FitStep, Recording, features, fit_neuron
from rheobase.learning.fitting import loss, stages
from rheobase.learning.fitting.candidates import Candidates

DT = 0.5
SHORT = FitRecipe(restarts=8, forced=60, free=3, generations=60, population=32, settle=20.0)


def recorded(neuron: Any, current: Tensor, *, scale: float = 1.0, peak: float = 40.0) -> Recording:
    """What an ideal electrode would see of this neuron; its spikes are drawn."""
    spikes, _, rec = neuron(scale * current.T[..., None], record=("v",))
    v, z = rec.v[..., 0].T, spikes[..., 0].T
    return Recording(torch.where(z > 0, torch.full_like(v, peak), v.clamp(max=-11.0)), current, dt=DT)


def fluctuating(mean: float, sigma: float, sweeps: int = 2, stop: float = 1000.0) -> Tensor:
    return torch.stack([stimuli.noise(mean, sigma, tau=5.0, seed=k).sample(stop, DT) for k in range(sweeps)])


@pytest.fixture(scope="module")
def leaky() -> Recording:
    cell = neurons.GLIF1(
        1, dt=DT, c_mem=150.0, g_leak=10.0, v_leak=-70.0, v_reset=-60.0, v_threshold=-48.0, tau_refrac=2.0
    )
    return recorded(cell, fluctuating(200.0, 150.0))


TEMPLATE = dict(v_leak=-60.0, v_reset=-60.0, v_threshold=-40.0, tau_refrac=2.0)


def test_an_integrate_and_fire_cell_is_recovered(leaky: Recording) -> None:
    learn = ("c_mem", "g_leak", "v_leak", "v_threshold")
    ranges = {"c_mem": (50.0, 400.0), "g_leak": (3.0, 30.0), "v_leak": (-85.0, -55.0), "v_threshold": (-55.0, -35.0)}
    fit = fit_neuron(neurons.GLIF1(1, dt=DT, **TEMPLATE), leaky, learn=learn, ranges=ranges, recipe=SHORT)
    found = fit.best.values
    assert fit.finished
    assert fit.delta == 4.0
    assert fit.gamma > 0.95
    assert found["c_mem"] == pytest.approx(150.0, rel=0.05)
    assert found["g_leak"] == pytest.approx(10.0, rel=0.05)
    assert found["v_leak"] == pytest.approx(-70.0, abs=1.0)
    assert found["v_threshold"] == pytest.approx(-48.0, abs=1.0)


def test_an_adaptive_exponential_cell_is_recovered() -> None:
    made = dict(c_mem=200.0, g_leak=10.0, v_leak=-70.0, v_T=-50.0, delta_T=2.0, v_reset=-58.0, v_peak=0.0, a=2.0)
    cell = neurons.AdEx(1, dt=DT, tau_w=100.0, b=60.0, **made)
    recording = recorded(cell, fluctuating(350.0, 200.0))
    held = {k: v for k, v in made.items() if k not in ("c_mem", "v_T")}
    fit = fit_neuron(
        neurons.AdEx(1, dt=DT, tau_w=100.0, **held),
        recording,
        learn=("c_mem", "v_T", "b"),
        recipe=SHORT,
        ranges={"c_mem": (80.0, 500.0), "v_T": (-60.0, -40.0), "b": (0.0, 150.0)},
    )
    assert fit.gamma > 0.95
    assert fit.best.values["c_mem"] == pytest.approx(200.0, rel=0.05)
    assert fit.best.values["v_T"] == pytest.approx(-50.0, abs=1.0)
    assert fit.best.values["b"] == pytest.approx(60.0, rel=0.1)


def test_a_normalised_neuron_finds_its_place_in_mv() -> None:
    current = fluctuating(300.0, 150.0, sweeps=1)
    spikes, _, rec = neurons.LIF(1, dt=DT, tau_mem=15.0)(0.005 * current.T[..., None], record=("v",))
    v = -65.0 + 20.0 * rec.v[..., 0].T
    recording = Recording(torch.where(spikes[..., 0].T > 0, 40.0, v), current, dt=DT)
    fit = fit_neuron(neurons.LIF(1, dt=DT), recording, learn=("tau_mem",), scale=(1e-3, 2e-2), recipe=SHORT)
    assert fit.gamma > 0.9
    assert fit.readout["input_scale"] == pytest.approx(0.005, rel=0.1)
    assert fit.readout["v_gain"] == pytest.approx(20.0, rel=0.15)
    assert fit.readout["v_offset"] == pytest.approx(-65.0, abs=2.0)


def test_a_fast_cell_is_seen_and_its_precision_told() -> None:
    """Some 200 spikes per second: at 4 ms Gamma would be 0 for any parameters."""
    cell = neurons.GLIF1(1, dt=DT, c_mem=60.0, g_leak=10.0, v_leak=-70.0, v_reset=-60.0, v_threshold=-50.0)
    recording = recorded(cell, fluctuating(500.0, 100.0, sweeps=1))
    rate = len(recording.spike_times()[0]) / recording.duration
    assert rate > 0.15
    start = neurons.GLIF1(1, dt=DT, c_mem=60.0, g_leak=10.0, v_leak=-70.0, v_reset=-60.0)
    fit = fit_neuron(start, recording, learn=("v_threshold",), ranges={"v_threshold": (-60.0, -40.0)}, recipe=SHORT)
    assert fit.delta == pytest.approx(0.25 / rate, rel=0.05)
    assert f"Gamma {fit.gamma:.3f} at {fit.delta:.3g} ms" in repr(fit)
    assert {step.delta for step in fit.history} == {fit.delta}
    assert fit.gamma > 0.9
    assert fit.best.values["v_threshold"] == pytest.approx(-50.0, abs=0.5)
    assert fit.gamma_on(recording, start=20.0) == pytest.approx(fit.gamma, abs=1e-9)
    with pytest.raises(ParameterError, match=r"Fit.gamma_on: got delta = 4 ms for a cell of"):
        fit.gamma_on(recording, delta=4.0)


# --- gradients --------------------------------------------------------------------------------------------


def space(recording: Recording, **more: Any) -> Candidates:
    neuron = neurons.GLIF1(1, dt=DT, **TEMPLATE)
    given = {"learn": ("g_leak", "v_threshold"), "ranges": {}, "scale": None, "series": True, **more}
    return Candidates(neuron, recording, **given)


def test_lanes_equal_separate_runs(leaky: Recording) -> None:
    target = stages.Target(leaky, 20.0)
    start = space(leaky).draw(3, torch.Generator().manual_seed(1))

    def descend(point: Tensor) -> Tensor:
        candidates = space(leaky)
        *_, point = stages.forced(candidates, target, point, steps=5, rate=0.03, sweeps=2)
        *_, point = stages.free(candidates, target, point, steps=2, rate=0.01, piece=200.0)
        return point

    together = descend(start)
    alone = torch.cat([descend(start[k : k + 1]) for k in range(3)])
    assert not torch.allclose(together, start, atol=1e-2)
    assert torch.allclose(together, alone, atol=1e-4)


def test_the_gradient_through_the_engine_is_a_difference_quotient(leaky: Recording) -> None:
    """Of the potential of a told neuron, which is smooth in every quantity."""
    target, candidates = stages.Target(leaky, 20.0), space(leaky)

    def lost(at: Tensor) -> Tensor:
        response = candidates.forced(at, target.current, target.spikes, 1e6)
        assert response.v is not None
        return loss.voltage(response.v, target.v, target.mask)

    point = torch.tensor([[0.4, 0.5, 0.3], [0.6, 0.5, 0.1]]).requires_grad_()
    gradient = candidates.gradient(lost(point).sum(), point)
    for k in (0, 2):
        shift = torch.zeros(3)
        shift[k] = 1e-2
        with torch.no_grad():
            quotient = (lost(point + shift) - lost(point - shift)) / 2e-2
        assert torch.allclose(gradient[:, k], quotient, rtol=0.02, atol=1e-4)


def test_a_told_neuron_follows_the_spikes_of_its_own() -> None:
    neuron = neurons.GLIF3(1, dt=DT, v_leak=-70.0, v_reset=-60.0, v_threshold=-45.0)
    current = fluctuating(250.0, 150.0, sweeps=3).T[..., None]
    spikes, end, rec = neuron(current, record=("v",))
    distance, end_told, rec_told = Forced(neuron)(current=current, spikes=spikes, record=("v",))
    assert int(spikes.sum()) > 20
    assert torch.equal((distance >= 0).to(spikes), spikes)
    # in float32: nothing is packed beside the current
    assert torch.equal(rec_told.v, rec.v)
    assert torch.equal(end_told.asc_1, end.asc_1)
    with pytest.raises(ParameterError, match="force it once"):
        Forced(Forced(neuron))
    with pytest.raises(ParameterError, match="a threshold and a reset"):
        Forced(neurons.LI(1, dt=DT))


def test_the_truth_scores_best(leaky: Recording) -> None:
    """Nothing is left at the parameters that made the recording; another threshold pays for its spikes."""
    target, candidates = stages.Target(leaky, 20.0), space(leaky, ranges={"v_threshold": (-58.0, -38.0)}, series=False)
    candidates.neuron = neurons.GLIF1(1, dt=DT, c_mem=150.0, v_leak=-70.0, v_reset=-60.0, tau_refrac=2.0)
    truth = torch.stack([axis.share(torch.tensor(x)) for axis, x in zip(candidates.axes, (10.0, -48.0), strict=True)])
    others = torch.tensor([[0.0, 0.0], [0.0, -0.2], [0.0, 0.2], [0.2, 0.0], [-0.2, 0.0]])
    scores = target.scores(candidates, truth + others)
    assert float(scores.gamma[0]) == pytest.approx(1.0, abs=1e-9)
    assert float(scores.total[0]) < 0.01
    assert float(scores.total[1:].min()) > 0.05


def test_silence_costs_its_spikes(leaky: Recording) -> None:
    """Gamma is 0, the van Rossum distance 1, no spike there: 1 + 0.3 + 0.5 beside a tenth of the potential's error."""
    target, candidates = stages.Target(leaky, 20.0), space(leaky, learn=("v_threshold",), series=False)
    candidates.axes = [replace(candidates.axes[0], low=-50.0, high=500.0)]
    scores = target.scores(candidates, torch.ones(2, 1))
    assert scores.gamma.tolist() == [0.0, 0.0]
    assert torch.allclose(scores.total, 1.8 + 0.1 * scores.v_error.clamp(max=5.0).double(), atol=1e-5)


# --- losses -----------------------------------------------------------------------------------------------


def test_the_van_rossum_distance_of_one_spike() -> None:
    """Two spikes d apart differ by 2 (1 - exp(-d/tau)) of the square of one; nothing differs by 1."""
    one, other = torch.zeros(4000, 1), torch.zeros(4000, 1)
    one[200], other[250] = 1.0, 1.0
    wanted = loss.filtered(one, 0.1, 10.0)
    apart = loss.van_rossum(other[..., None], wanted, 0.1, 10.0)
    assert float(apart) == pytest.approx(2.0 * (1.0 - torch.exp(torch.tensor(-0.5)).item()), rel=1e-3)
    assert float(loss.van_rossum(one[..., None], wanted, 0.1, 10.0)) == pytest.approx(0.0, abs=1e-9)
    assert float(loss.van_rossum(torch.zeros(4000, 1, 1), wanted, 0.1, 10.0)) == pytest.approx(1.0, rel=1e-6)


def test_the_likelihood_of_escape_is_that_of_a_poisson_process() -> None:
    """A constant rate r with n spikes in T: -(n log(1 - exp(-r dt)) - r (T - n dt))/n."""
    spikes = torch.zeros(1000, 1)
    spikes[[100, 500, 900]] = 1.0
    distance = torch.full((1000, 1, 1), -2.0)
    found = loss.escape(distance, spikes, torch.ones(1000, 1), torch.ones(1), 0.5)
    rate = torch.exp(torch.tensor(-2.0, dtype=torch.float64))
    by_hand = -(3 * torch.log(-torch.expm1(-0.5 * rate)) - 0.5 * rate * 997) / 3
    assert float(found) == pytest.approx(float(by_hand), rel=1e-5)


def test_spikes_are_cut_out_of_the_potential() -> None:
    spikes = torch.zeros(40, 1)
    spikes[20] = 1.0
    mask = loss.subthreshold(spikes, 1.0, before=2.0, after=6.0)[:, 0]
    assert mask.nonzero()[:, 0].tolist() == [*range(18), *range(27, 40)]


# --- recordings -------------------------------------------------------------------------------------------


def test_parts_and_time_steps() -> None:
    v = torch.full((1, 1000), -70.0)
    v[0, 400:410] = 20.0
    recording = Recording(v, torch.arange(1000.0)[None], dt=0.1)
    assert recording.spike_times()[0].tolist() == pytest.approx([40.0])
    part = recording.between(30.0, 60.0)
    assert part.start == 30.0
    assert part.spike_times()[0].tolist() == pytest.approx([10.0])
    coarse = recording.resampled(0.5)
    assert coarse.spike_times()[0].tolist() == pytest.approx([40.0])
    assert coarse.current[0, :2].tolist() == [2.0, 7.0]
    assert recording.resampled(0.25).current[0, :3].tolist() == pytest.approx([0.0, 2.5, 5.0])
    with pytest.raises(ParameterError, match="the part from 90"):
        recording.between(90.0, 110.0)


def test_repeats_are_found() -> None:
    current = fluctuating(0.0, 100.0)
    three = torch.stack([current[0], current[1], current[0] + 0.1])
    means, group = Recording(torch.zeros_like(three), three, dt=DT).repeats()
    assert group.tolist() == [0, 1, 0]
    assert torch.allclose(means[0], current[0] + 0.05, atol=1e-4)


BAD = [
    (ShapeError, dict(v=torch.zeros(10), current=torch.zeros(10))),
    (ShapeError, dict(v=torch.zeros(1, 10), current=torch.zeros(1, 9))),
    (DTypeError, dict(v=[[0.0, 1.0]], current=torch.zeros(1, 2))),
    (DTypeError, dict(v=torch.zeros(1, 10, dtype=torch.int64), current=torch.zeros(1, 10))),
    (InputError, dict(v=torch.full((1, 10), torch.nan), current=torch.zeros(1, 10))),
    (ParameterError, dict(v=torch.zeros(1, 10), current=torch.zeros(1, 10), dt=0.0)),
]


@pytest.mark.parametrize(("error", "given"), BAD)
def test_bad_recordings(error: type[Exception], given: dict[str, Any]) -> None:
    with pytest.raises(error):
        Recording(**{"dt": 0.1, **given})


# --- refusals ---------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("error", "match", "changes"),
    [
        (ParameterError, "did you mean 'g_leak'", {"learn": ("g_leek",)}),
        (ParameterError, "nothing to learn", {"learn": ()}),
        (ParameterError, "low < high", {"ranges": {"g_leak": (5.0, 1.0)}}),
        (ParameterError, "a range of 'c_mem'", {"ranges": {"c_mem": (1.0, 5.0)}}),
        (ParameterError, "g_leak > 0", {"ranges": {"g_leak": (-1.0, 5.0)}}),
        (ParameterError, "resampled", {"neuron": neurons.GLIF1(1, dt=0.1)}),
        (ParameterError, "one neuron", {"neuron": neurons.GLIF1(2, dt=DT, g_leak=torch.tensor([1.0, 2.0]))}),
        (ParameterError, "a neuron that spikes", {"neuron": neurons.LI(1, dt=DT), "learn": ("tau_mem",)}),
        (ParameterError, "the neuron inside", {"neuron": Noisy(neurons.GLIF1(1, dt=DT), sigma=1.0)}),
        (UnitError, "scale=", {"neuron": neurons.LIF(1, dt=DT), "learn": ("tau_mem",)}),
        (ParameterError, "lower settle", {"recipe": replace(SHORT, settle=1e6)}),
    ],
)
def test_refusals(leaky: Recording, error: type[Exception], match: str, changes: dict[str, Any]) -> None:
    given: dict[str, Any] = {"neuron": neurons.GLIF1(1, dt=DT), "learn": ("g_leak",), **changes}
    with pytest.raises(error, match=match):
        fit_neuron(given.pop("neuron"), leaky, **given)


@pytest.mark.parametrize("wrong", [{"restarts": 0}, {"population": 2}, {"rate": -1.0}, {"free": 1.5}])
def test_bad_recipes(wrong: dict[str, Any]) -> None:
    with pytest.raises(ParameterError):
        FitRecipe(**wrong)


# --- the search -------------------------------------------------------------------------------------------


class StopAt(FitCallback):
    """Ctrl-C after so many steps."""

    def __init__(self, step: int):
        self.step, self.seen, self.ended = step, [], 0

    def on_step(self, step: FitStep) -> None:
        self.seen.append(step)
        if step.step == self.step:
            raise KeyboardInterrupt

    def on_end(self) -> None:
        self.ended += 1


TINY = FitRecipe(restarts=4, forced=4, free=2, generations=4, population=8, settle=20.0)


@pytest.mark.parametrize("step", [2, 5, 8])
def test_ctrl_c_keeps_the_best(leaky: Recording, step: int) -> None:
    watch = StopAt(step)
    neuron = neurons.GLIF1(1, dt=DT, **TEMPLATE)
    fit = fit_neuron(neuron, leaky, learn=("v_threshold",), recipe=TINY, callbacks=[watch])
    assert not fit.finished
    assert watch.ended == 1
    assert len(fit.history) == step
    # in the forced stage a step is scored now and then, and what was not when it ends
    if step == 2:
        assert fit.best.score < watch.seen[-1].score
    else:
        assert fit.best.score == pytest.approx(watch.seen[-1].score)
    assert fit.gamma_on(leaky, start=20.0) == pytest.approx(fit.gamma, abs=1e-9)


def test_the_best_never_gets_worse_and_a_seed_says_it_all(leaky: Recording) -> None:
    neuron = neurons.GLIF1(1, dt=DT, **TEMPLATE)
    one, two, other = (
        fit_neuron(neuron, leaky, learn=("v_threshold", "g_leak"), recipe=TINY, seed=seed) for seed in (3, 3, 4)
    )
    scores = [step.score for step in one.history]
    assert one.finished
    assert [step.stage for step in one.history] == ["forced"] * 4 + ["free"] * 2 + ["evolve"] * 4
    assert scores == sorted(scores, reverse=True)
    assert [c.score for c in one.candidates] == sorted(c.score for c in one.candidates)
    assert one.candidates == two.candidates != other.candidates
    with pytest.raises(ParameterError, match="resampled"):
        one.run(leaky.resampled(1.0))
    assert float(one.neuron.v_threshold.detach()) == pytest.approx(one.best.values["v_threshold"], rel=1e-5)


KINDS = {
    "wrapped": (Refractory(neurons.LIF(1, dt=DT), tau_refrac=2.0), ("tau_mem",), 5e-3),
    "in steps": (neurons.AdLIF(1), ("alpha", "b"), 1e-2),
    "without a reset": (neurons.FitzHughNagumo(1, dt=DT), ("b",), 5e-3),
    "a class": (neurons.GIF, ("v_threshold",), None),
}


@pytest.mark.parametrize("kind", KINDS)
def test_every_kind_of_neuron_can_be_fitted(leaky: Recording, kind: str) -> None:
    neuron, learn, scale = KINDS[kind]
    fit = fit_neuron(neuron, leaky, learn=learn, scale=scale, recipe=TINY)
    scores = [step.score for step in fit.history]
    assert fit.finished
    assert scores[-1] < scores[0]
    assert set(learn) <= set(fit.best.values)
    assert fit.gamma_on(leaky, start=20.0) == pytest.approx(fit.gamma, abs=1e-9)


def test_features_without_efel_name_the_remedy(leaky: Recording, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(sys.modules, "efel", None)
    with pytest.raises(BackendUnavailable, match=r"rheobase\[bio\]"):
        features(leaky, start=0.0, stop=1000.0)
