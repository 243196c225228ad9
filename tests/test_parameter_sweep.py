"""A sweep is what each of its points is alone, and what theory says."""

from __future__ import annotations

import math
from typing import Any

import numpy as np
import pytest
import torch

from rheobase import neurons, stimuli
from rheobase.current_clamp import at_half_step, inject, make, smallest_current, smallest_currents, time_step
from rheobase.errors import Diverged, ParameterError
from rheobase.firing_onset import firing_onset
from rheobase.parameter_sweep import sweep
from rheobase.plot import DARK, LIGHT
from rheobase.plot.parameter_sweep import sweep as draw


def test_rates_and_rheobases_of_lif_are_the_closed_forms() -> None:
    """T = tau ln(I / (I - theta)); within 400 ms the rheobase is theta / (1 - exp(-400 / tau))."""
    tau, theta = torch.tensor([5.0, 20.0, 80.0, 200.0]), torch.tensor([0.5, 1.0])
    found = sweep(neurons.LIF, {"tau_mem": tau, "v_threshold": theta}, 1.5)
    assert found.rate.shape == found.rheobase.shape == (4, 2)
    period = tau[:, None] * torch.log(1.5 / (1.5 - theta))
    # a spike is seen at the end of its step of 0.1 ms
    np.testing.assert_array_less((1000.0 / found.rate - period).abs(), 0.1001)
    least = theta / (1.0 - torch.exp(-400.0 / tau[:, None]))
    np.testing.assert_allclose(found.rheobase, least, rtol=5e-3)
    assert set(found.words) == {"tonic"}
    # row by row
    assert [point["v_threshold"] for point in found.points()] == [0.5, 1.0] * 4


@pytest.mark.parametrize("name", ["AdEx", "HodgkinHuxley", "AdLIF", "CondLIF"])
def test_each_point_is_the_neuron_alone(name: str) -> None:
    kind = getattr(neurons, name)
    parameter = next(k for k, spec in kind.params.items() if spec.positive or spec.range or spec.clamp)
    values = [kind.params[parameter].default * share for share in (0.95, 1.0)]
    current = 1.5 * (smallest_current(kind, within=50.0) or 1.0)
    found = sweep(kind, {parameter: values}, current, duration=300.0)
    for k, value in enumerate(values):
        given = {parameter: value}
        neuron = make(kind, 1, time_step(kind), **given)
        run = inject(neuron, stimuli.step(current).sample(300.0, neuron.dt or 1.0))
        assert int(found.count[k]) == run.count
        assert float(found.rate[k]) == pytest.approx(run.rate, rel=1e-12)
        assert float(found.rheobase[k]) == smallest_current(kind, **given)
        finer = at_half_step(run)
        if finer is not None and finer.change is not None:
            assert float(found.change[k]) == pytest.approx(finer.change, abs=1e-12)
            assert bool(found.unsure[k]) == (not finer.converged)


def test_neurons_that_never_fire_and_that_fire_by_themselves() -> None:
    found = sweep(neurons.LIF, {"v_leak": [-1.0, 0.0, 2.0]}, 0.5)
    assert found.words[:2] == ["silent", "silent"]
    assert found.count[2] > 50
    assert found.rheobase.tolist() == [pytest.approx(2.0), pytest.approx(1.0), 0.0]
    none = sweep(neurons.LIF, {"v_threshold": [1.0, 1e9]}, 0.5)
    assert math.isnan(float(none.rheobase[1]))


def test_a_population_has_the_rheobases_of_its_neurons_whatever_is_held_at_once(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    tau = [5.0, 10.0, 200.0]
    whole = smallest_currents(neurons.LIF(3, dt=0.1, tau_mem=torch.tensor(tau)))
    assert whole == [smallest_current(neurons.LIF, tau_mem=each) for each in tau]
    monkeypatch.setattr("rheobase.current_clamp._AT_ONCE", 40_000)
    assert smallest_currents(neurons.LIF(3, dt=0.1, tau_mem=torch.tensor(tau))) == whole


def test_parts_of_a_sweep_are_the_sweep(monkeypatch: pytest.MonkeyPatch) -> None:
    seen: list[tuple[int, int]] = []
    values = {"tau_mem": [5.0, 10.0, 20.0, 30.0, 40.0]}
    whole = sweep(neurons.LIF, values, 1.5, duration=200.0)
    monkeypatch.setattr("rheobase.parameter_sweep.AT_ONCE", 4000)
    parts = sweep(neurons.LIF, values, 1.5, duration=200.0, progress=lambda done, total: seen.append((done, total)))
    assert torch.equal(whole.rate, parts.rate)
    assert torch.equal(whole.rheobase, parts.rheobase)
    assert seen == [(2, 5), (4, 5), (5, 5)]


WRONG = [
    (neurons.LIF, {"tau": [1.0]}, "did you mean 'tau_mem'"),
    (neurons.LIF, {"tau_mem": [10.0, 0.0]}, "tau_mem > 0"),
    (neurons.AdLIF, {"alpha": [0.5, 2.0]}, "alpha"),
    (neurons.LIF, {"tau_mem": []}, "a list of numbers"),
    (neurons.LIF, {}, "one or two to vary"),
    (neurons.LI, {"tau_mem": [1.0]}, "a neuron that fires"),
    (neurons.LIF, {"tau_mem": [1.0] * 101, "v_leak": [0.0] * 101}, "10201 points"),
]


@pytest.mark.parametrize(("kind", "values", "said"), WRONG)
def test_what_cannot_be_varied_is_refused(kind: type, values: dict[str, list[float]], said: str) -> None:
    with pytest.raises(ParameterError, match=said):
        sweep(kind, values, 1.0)


def test_states_that_leave_the_numbers_are_told_with_the_value() -> None:
    with pytest.raises(Diverged, match=r"IF at r = 1e\+30: got v = nan or inf"):
        sweep(neurons.IF, {"r": [1.0, 1e30]}, 1e30, duration=3.0, dt=1.0)


@pytest.mark.parametrize("style", [LIGHT, DARK])
def test_pictures(style) -> None:
    line = draw(sweep(neurons.AdEx, {"b": [0.0, 50.0]}, 800.0, duration=300.0), style=style)
    assert [ax.get_ylabel() for ax in line.axes] == ["rate (Hz)", "rheobase (pA)"]
    assert line.axes[1].get_xlabel() == "b (pA)"
    assert {text.get_text() for text in line.legends[0].get_texts()} == {"tonic", "adapting"}
    plane = draw(sweep(neurons.LIF, {"tau_mem": [5.0, 10.0, 20.0], "v_threshold": [1.0, 2.0]}, 1.5), style=style)
    assert [ax.get_ylabel() for ax in plane.axes[:3]] == ["v_threshold"] * 3
    assert plane.axes[2].get_xlabel() == "tau_mem (ms)"
    assert plane.axes[2].get_xscale() == "log"
    empty = draw(sweep(neurons.LIF, {"v_threshold": [1e8, 1e9]}, 1.5), style=style)
    assert "none was found" in [text.get_text() for text in empty.axes[1].texts]


MISTAKEN = [
    (lambda: sweep(neurons.LIF(1, dt=1.0), {"tau_mem": [1.0]}, 1.0), "a class of neurons"),
    (lambda: firing_onset(neurons.LIF(1, dt=1.0)), "a class of neurons"),
    (lambda: smallest_current(None), "a class of neurons"),
    (lambda: firing_onset(neurons.LIF, dt=0.5), r"the usual one of LIF, 0\.1 ms"),
    (lambda: smallest_current(neurons.LIF, dt=0.5), r"the usual one of LIF, 0\.1 ms"),
    (lambda: sweep(neurons.LIF, {"tau_mem": ["10 ms"]}, 1.0), "a list of numbers in ms"),
    (lambda: sweep(neurons.LIF, {"tau_mem": [10.0]}, "1.5"), "a finite number, or a stimulus"),
    (lambda: sweep(neurons.LIF, {"tau_mem": [10.0]}, True), "a finite number, or a stimulus"),
    (lambda: sweep(neurons.LIF, {"tau_mem": [10.0]}, 1.5, onset=999.99), "a step after the onset"),
]


@pytest.mark.parametrize(("call", "said"), MISTAKEN)
def test_what_is_no_neuron_or_no_number_is_told_in_a_sentence(call: Any, said: str) -> None:
    with pytest.raises(ParameterError, match=said):
        call()
