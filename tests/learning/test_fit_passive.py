"""The passive stage of a fit of a cell: what it takes, holds, names, and how it goes on after an interruption."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest
import torch

from rheobase import neurons
from rheobase.cells.parameters import assign
from rheobase.learning import Fit, FitRecipe, Recording, fit_neuron
from tests.learning.test_fit_cell import DT, TRUE, cell, recording
from tests.learning.test_fit_journal import CtrlC, same

PASSIVE = ("soma.Pas.g", "dend.Ih.gbar", "c_mem.dend")
LEARN = tuple(TRUE)
RECIPE = FitRecipe(restarts=8, passive=30, forced=1, generations=3, population=6, settle=5.0)
__all__ = ["recording"]  # a fixture


def wrong(factor: float = 1.8) -> Any:
    made = cell()
    for name in PASSIVE:
        assign(made, name, factor * TRUE[name])
    return made


def fitted(recording: Recording, **options: Any) -> Fit:
    given: dict[str, Any] = {"learn": LEARN, "recipe": RECIPE, "seed": 1, **options}
    return fit_neuron(wrong(), recording, **given)


@pytest.fixture(scope="module")
def whole(recording: Recording) -> Fit:
    return fitted(recording)


def test_it_finds_the_passive_values_and_holds_them(whole: Fit) -> None:
    stage = whole.passive
    assert stage is not None
    assert (stage.sweeps, stage.reason, stage.searched) == ((0,), "", ("soma.Pas.g", "dend.Ih.gbar", "c_mem.dend"))
    assert (stage.held, stage.unidentifiable) == (stage.searched, ())
    for name in PASSIVE:
        assert whole.best.values[name] == pytest.approx(TRUE[name], rel=0.05), name
        assert len({one.values[name] for one in whole.candidates}) == 1
    assert len({one.values["soma.NaTa_t.gbar"] for one in whole.candidates}) > 1
    assert all(one.held == stage.held for one in whole.candidates)
    assert [step.stage for step in whole.history] == ["passive"] * 30 + ["forced"] + ["evolve"] * 3
    scores = [step.score for step in whole.history[:30]]
    assert scores == sorted(scores, reverse=True)
    assert whole.history[0].said.startswith("potential off by")
    assert "held: soma.Pas.g" in whole._repr_html_()
    assert whole.evaluations == 31 * 8 + 3 * 6


@pytest.mark.parametrize("after", [1, 30, 33])
def test_it_goes_on_where_it_was_interrupted(tmp_path: Path, recording: Recording, whole: Fit, after: int) -> None:
    journal = tmp_path / "journal"
    first = fitted(recording, callbacks=[CtrlC(after)], journal=journal)
    assert first.ended == "Ctrl-C"
    assert len(first.history) == after
    assert first.recipe.passive == min(after, 30)
    again = fitted(recording, journal=journal)
    assert same(again, whole)
    assert again.passive == whole.passive


def test_its_recipe_repeats_what_the_clock_ended(recording: Recording) -> None:
    first = fitted(recording, recipe=replace(RECIPE, time_limit=1e-6))
    assert (first.recipe.passive, first.recipe.forced, first.recipe.generations) == (1, 1, 1)
    assert fitted(recording, recipe=first.recipe).candidates == first.candidates


def test_it_never_sees_what_is_held_out(recording: Recording) -> None:
    fit = fitted(recording, hold_out=[0], recipe=replace(RECIPE, forced=0, generations=0))
    assert fit.passive is not None
    assert fit.passive.said == "none: each sweep has a spike"
    other = fitted(recording.sweeps([1, 0, 2]), hold_out=[0], recipe=replace(RECIPE, passive=1, generations=0))
    assert other.passive is not None
    assert other.passive.sweeps == (1,)


def test_the_electrode_is_found_without_a_spike_too(recording: Recording) -> None:
    """A stage that left it out would make it part of the leak, and hold that."""
    seen = recording.changed(v=recording.v + 0.03 * recording.current)
    fit = fitted(seen, series=(0.0, 0.1), recipe=replace(RECIPE, forced=0, generations=0, passive=120))
    assert fit.passive is not None
    assert fit.passive.searched == (*PASSIVE, "r_series")
    assert fit.readout["r_series"] == pytest.approx(0.03, abs=0.005)


ABSENT = {
    "it was not asked for": dict(recipe=replace(RECIPE, passive=0, generations=0)),
    "no leak, capacitance, axial resistance or Ih is fitted": dict(learn=("soma.NaTa_t.gbar",)),
    "nothing else is fitted": dict(learn=PASSIVE),
}


@pytest.mark.parametrize("reason", ABSENT)
def test_where_it_is_absent_it_says_why(recording: Recording, reason: str) -> None:
    options = {"recipe": replace(RECIPE, forced=0, generations=0), **ABSENT[reason]}
    fit = fitted(recording, **options)
    assert fit.passive is not None
    assert (fit.passive.reason, fit.passive.held, fit.best.held) == (reason, (), ())
    assert f"none: {reason}" in fit._repr_html_()


def test_without_any_spike_there_is_one_stage_and_a_neuron_has_none(recording: Recording) -> None:
    quick = replace(RECIPE, forced=0, generations=0)
    fit = fitted(recording.sweeps([0]), recipe=quick)
    assert fit.passive is not None
    assert "no sweep has a spike" in fit.passive.reason
    assert fit_neuron(neurons.GLIF1, recording, learn=("c_mem",), recipe=replace(quick, free=0)).passive is None


def test_what_such_sweeps_do_not_identify_is_not_held() -> None:
    """At rest without a current, a leak can take the place of its reversal, and a capacitance has no effect."""
    current = torch.zeros(2, 500)
    current[1, 100:] = 300.0
    v = torch.full((2, 500), -74.0)
    v[1, 300] = 20.0
    at_rest = Recording(v, current, dt=DT)
    learn = ("soma.NaTa_t.gbar", "soma.Pas.g", "soma.Pas.e", "c_mem.soma")
    fit = fit_neuron(cell(), at_rest, learn=learn, recipe=replace(RECIPE, forced=0, generations=2, passive=10))
    assert fit.passive is not None
    assert (fit.passive.held, fit.passive.unidentifiable) == ((), learn[1:])
    assert "not identified without a spike, so fitted with the others" in fit._repr_html_()
    assert len({one.values["soma.Pas.g"] for one in fit.candidates}) > 1
