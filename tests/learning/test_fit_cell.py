"""Cells with a shape, fitted to what they showed."""

from __future__ import annotations

from typing import Any

import pytest
import torch

from rheobase import channels as C
from rheobase import stimuli
from rheobase.cells import Cell, Compartments, Conductance, Extrapolated, GapJunction, Section
from rheobase.cells.parameters import assign, populated
from rheobase.errors import ParameterError
from rheobase.learning import FitRecipe, Recording, fit_neuron

DT = 0.1
TRUE = {"soma.Pas.g": 8e-5, "soma.NaTa_t.gbar": 0.4, "dend.Ih.gbar": 2e-4, "c_mem.dend": 1.5}
PULLED = FitRecipe(restarts=4, passive=0, forced=90, generations=0, rate=0.15, settle=5.0)


def cell(**options: Any) -> Cell:
    soma = Section("soma", length=20, diameter=20)
    dend = Section("dend", length=150, diameter=2, parent=soma)
    held = {
        "soma": [C.Pas(g=TRUE["soma.Pas.g"], e=-75.0), C.NaTa_t(gbar=TRUE["soma.NaTa_t.gbar"]), C.Kv3_1(gbar=0.25)],
        "dend": [C.Pas(g=3e-5, e=-75.0), C.Ih(gbar=TRUE["dend.Ih.gbar"])],
    }
    given = {"dt": DT, "c_mem": {"soma": 1.0, "dend": TRUE["c_mem.dend"]}, "v_init": -75.0, **options}
    return Cell(Compartments.of([soma, dend]), held, reversal={"na": 53.0, "k": -107.0}, **given)


@pytest.fixture(scope="module")
def recording() -> Recording:
    current = torch.stack([stimuli.step(i, start=10.0, stop=50.0).sample(60.0, DT) for i in (-0.1, 0.1, 0.3)])
    with torch.no_grad():
        _, _, rec = cell()(current.T.contiguous(), record=("soma",))
    return Recording(rec["soma"].T, current, DT, level=-20.0, v_unit="mV", current_unit="nA")


def test_what_was_hidden_is_found(recording: Recording) -> None:
    """From up to three times off to 2 %, by the electrode; the fit is a cell, and runs as it says."""
    fit = fit_neuron(cell(), recording, learn=tuple(TRUE), recipe=PULLED, seed=1)
    for name, true in TRUE.items():
        assert fit.best.values[name] == pytest.approx(true, rel=0.02), name
    assert fit.gamma == pytest.approx(1.0)
    assert isinstance(fit.neuron, Cell)
    assert fit.neuron.shape == (1,)
    assert {step.stage for step in fit.history} == {"forced"}
    assert repr(fit).startswith("Fit(Cell, Gamma 1.000")
    assert "Fit of Cell" in fit._repr_html_()
    assert fit.unit("soma.Pas.g") == "S/cm2"
    spikes, v = fit.run(recording)
    with torch.no_grad():
        own, _, rec = fit.neuron(1e-3 * recording.current.T[..., None].contiguous(), record=("soma",))
    assert torch.equal(spikes, own[..., 0].T)
    assert torch.equal(v, rec["soma"][..., 0].T)


def test_what_the_electrode_adds_is_found(recording: Recording) -> None:
    """30 MOhm that the bridge left over are told from the membrane, by gradient; the fit has them in its potential."""
    across = 0.03 * recording.current
    seen = recording.changed(v=recording.v + across)
    fit = fit_neuron(cell(), seen, learn=tuple(TRUE), series=(0.0, 0.1), recipe=PULLED, seed=1)
    assert fit.readout["r_series"] == pytest.approx(0.03, rel=0.02)
    assert fit.unit("r_series") == "GOhm"
    assert fit.fitted.v_rms < 1.0


def test_evolution_gains_and_is_repeated_by_its_seed(recording: Recording) -> None:
    """A sweep held out has its own errors, and the recipe of a fit makes it again."""
    recipe = FitRecipe(restarts=4, passive=0, forced=0, generations=4, population=8, settle=5.0)
    learn = tuple(TRUE)  # as above: one kernel for all tests
    first = fit_neuron(cell(), recording, learn=learn, hold_out=[1], recipe=recipe, seed=3)
    again = fit_neuron(cell(), recording, learn=learn, hold_out=[1], recipe=first.recipe, seed=3)
    assert first.candidates == again.candidates
    assert first.held_out is not None
    assert first.held_out.sweeps == (1,)
    scores = [step.score for step in first.history]
    assert scores == sorted(scores, reverse=True)


def test_what_the_clock_ended_is_repeated_without_it(recording: Recording) -> None:
    """The electrode weakens over the steps that were planned, and so does it again."""
    recipe = FitRecipe(restarts=4, passive=0, forced=5, generations=3, population=8, settle=5.0, time_limit=1e-6)
    first = fit_neuron(cell(), recording, learn=tuple(TRUE), recipe=recipe)
    assert first.ended == "time limit"
    assert (first.recipe.forced, first.recipe.schedule, first.recipe.generations) == (1, 5, 1)
    again = fit_neuron(cell(), recording, learn=tuple(TRUE), recipe=first.recipe)
    assert again.candidates == first.candidates
    with pytest.raises(ParameterError, match="schedule = 3"):
        FitRecipe(forced=5, schedule=3)


WRONG = [
    (dict(learn=("soma.NaV.gbar",)), "soma.NaTa_t.gbar"),
    (dict(learn=("soma.Pas.g",), ranges={"soma.Pas.e": (-80.0, -70.0)}), "a name in learn"),
    (dict(learn=("soma.Pas.g",), ranges={"soma.Pas.g": (0.0, 1e-4)}), "learnable g"),
    (dict(learn=("soma.Pas.g",), scale=2.0), "scale"),
    (dict(learn=("soma.Pas.g",), series=(0.1, 0.0)), "series in"),
    (dict(learn=("soma.Pas.g",), series=(-0.1, 0.1)), "GOhm, 0 or more"),
    (dict(learn=()), "nothing to learn"),
    (dict(learn="soma.Pas.g"), "a sequence of names"),
    (dict(learn=("soma.Pas.g", "soma.Pas.e", "soma.Pas.g")), "soma.Pas.g twice in learn"),
]


@pytest.mark.parametrize(("given", "said"), WRONG)
def test_what_cannot_be_searched_is_refused(recording: Recording, given: dict[str, Any], said: str) -> None:
    with pytest.raises(ParameterError, match=said):
        fit_neuron(cell(), recording, recipe=PULLED, **given)


def test_more_candidates_than_memory_holds_are_refused(recording: Recording) -> None:
    with pytest.raises(ParameterError, match="1000000000 candidates under 3 currents of 600 steps, which needs about"):
        fit_neuron(cell(), recording, learn=("soma.Pas.g",), recipe=FitRecipe(restarts=10**9))


def test_a_random_search_counts_what_it_drew(recording: Recording) -> None:
    recipe = FitRecipe(restarts=8, passive=0, forced=0, generations=0, settle=5.0)
    assert fit_neuron(cell(), recording, learn=tuple(TRUE), recipe=recipe).evaluations == 8


def test_other_inputs_and_steps_are_refused(recording: Recording) -> None:
    with pytest.raises(ParameterError, match="one current"):
        fit_neuron(cell(inputs={"g": Conductance()}), recording, learn=("soma.Pas.g",))
    with pytest.raises(ParameterError, match=r"resampled\(0.05\)"):
        fit_neuron(cell(dt=0.05), recording, learn=("soma.Pas.g",))


def test_a_population_has_the_cell_in_each_lane() -> None:
    made = populated(cell(), 3, tuple(TRUE))
    assign(made, "soma.Pas.g", torch.tensor([5e-5, 8e-5, 1e-4]))
    assert made.values()["c_mem.dend"].tolist() == pytest.approx([1.5] * 3)
    x = stimuli.step(0.1, start=1.0).sample(20.0, DT)[:, None]
    _, _, alone = cell()(x, record=("dend",))
    _, _, three = made(x[..., None].expand(-1, -1, 3).contiguous(), record=("dend",))
    torch.testing.assert_close(three["dend"][..., 1], alone["dend"], rtol=1e-4, atol=1e-3)
    with pytest.raises(ParameterError, match="differs between cells"):
        populated(made, 2, ())
    with pytest.raises(ParameterError, match="c_mem > 0"):
        assign(made, "c_mem.dend", -1.0)


@pytest.mark.parametrize(
    "options",
    [{"junctions": [GapJunction("soma", "dend(0.9)", g=3e-3)]}, {"scheme": Extrapolated(2)}],
    ids=str,
)
def test_lanes_are_cells_like_the_one(options: dict[str, Any]) -> None:
    """What one cell has, so many cells have: else they would be fitted without it, in silence."""
    one, current = cell(**options), torch.full((100, 1), 0.1)
    with torch.no_grad():
        _, _, traces = one(current, record=("soma",))
        _, _, lanes = populated(one, 2, ())(current[..., None].expand(-1, -1, 2).contiguous(), record=("soma",))
        _, _, other = cell()(current, record=("soma",))
    assert torch.allclose(lanes["soma"], traces["soma"][..., None], atol=1e-4, rtol=0.0)
    assert not torch.allclose(other["soma"], traces["soma"], atol=1e-2, rtol=0.0)
