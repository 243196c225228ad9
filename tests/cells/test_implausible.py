"""A potential that is a number, and that no cell has, is told: 150 nA in place of 0.15."""

from __future__ import annotations

import warnings

import pytest
import torch
from torch import Tensor

from rheobase import channels, stimuli
from rheobase.cells import (
    BackwardEuler,
    Cell,
    Compartments,
    Current,
    Extrapolated,
    Population,
    Section,
    fi_curve,
    population,
    rheobase_current,
)
from rheobase.cells.implausible import extremes
from rheobase.cells.schemes import Scheme
from rheobase.errors import ImplausibleWarning, ParameterError
from tests.cells.small_cells import firing

G = 0.01 * 1256.637 * 1e-3  # uS, of the membrane below


def passive(shape: tuple[int, ...] = ()) -> Cell:
    soma = Compartments.of([Section("soma", length=20, diameter=20)])
    return Cell(soma, {"soma": [channels.Pas(g=1e-3, e=-70.0)]}, dt=0.1, v_init=-70.0, shape=shape)


def step(amplitude: float) -> Tensor:
    """A step in the middle of 100 ms, of sample 1 and cell 1."""
    x = torch.zeros(1000, 3, 2, dtype=torch.float64)
    x[300:600, 1, 1] = amplitude
    return x


def test_one_that_came_back_is_seen_with_time_and_place() -> None:
    """After 30 ms, 30 time constants, v = e + i/g; at the end it is at rest again."""
    told = rf"v = {-70 + 15 / G:.4g} mV at soma\(0.5\) of sample 1, cell \[1\] after step 599 \(60 ms\); .*mV"
    told += r".*current reaches 15 nA; the membrane has 1257 um2"
    with pytest.warns(ImplausibleWarning, match=told) as found:
        _, end, rec = passive((2,))(step(15.0), record=("soma",))
    assert len(found) == 1
    assert found[0].filename == __file__
    assert float(rec["soma"].max()) == pytest.approx(-70 + 15 / G, abs=1e-3)
    assert float(end.v.max()) == pytest.approx(-70)
    with pytest.warns(ImplausibleWarning, match=rf"v = {-70 - 15 / G:.4g} mV .*current reaches -15 nA"):
        passive((2,))(step(-15.0), record=("soma",), every=50)


@pytest.mark.parametrize("scheme", [BackwardEuler(), Extrapolated(3)], ids=str)
def test_one_that_came_back_is_seen_where_nothing_is_recorded(scheme: Scheme) -> None:
    """Of a dendrite far from where spikes are watched, in the midst of a call without a record."""
    tree = Compartments.of(
        [soma := Section("soma", length=20, diameter=20), Section("dend", length=200, diameter=1, parent=soma)]
    )
    leak = {kind: [channels.Pas(g=1e-3, e=-70.0)] for kind in ("soma", "dend")}
    given = {"inputs": {"current": Current("dend", 1.0)}, "shape": (2,), "scheme": scheme}
    cell = Cell(tree, leak, dt=0.1, v_init=-70.0, **given)  # type: ignore[arg-type]
    _, end, rec = cell(step(2.0), record=("soma", "dend(1)"), check_finite=False)
    farthest, at = rec["dend(1)"][:, 1, 1].max(0)
    assert float(farthest) > 200.0 > float(rec["soma"].abs().max())
    assert float(end.v.abs().max()) < 71.0
    told = rf"v = {float(farthest):.4g} mV at dend\(1\) of sample 1, cell \[1\] after step {int(at)} \("
    with pytest.warns(ImplausibleWarning, match=told) as found:
        _, last = cell(step(2.0))
    assert len(found) == 1
    assert torch.equal(last.v, end.v)
    ran = cell.run({"current": step(2.0)}, cell.rest(3))
    assert float(ran.farthest[1, 1]) == float(farthest)
    assert torch.equal(ran.farthest > 200.0, torch.arange(6).view(3, 2) == 3)


def test_of_a_lane_that_is_known_only_what_is_farther_is_looked_at() -> None:
    """Two pieces of a run, as a population has them: the farther one counts, the same or a nearer one does not."""
    cell = passive((2,))
    x = {"current": step(15.0)[:600]}
    before = cell.rest(3)
    ran = cell.run(x, before)
    found = extremes(cell, x, before, ran.farthest, {}, 1000)
    assert [(one.lane, one.step) for one in found.values()] == [((1, 1), 1599)]
    assert found[1, 1].v == pytest.approx(-70 + 15 / G, abs=1e-3)
    assert not extremes(cell, x, before, ran.farthest, found)
    assert not extremes(cell, x, before, torch.zeros(3, 2), {})
    farther = {(1, 1): found[1, 1]._replace(v=-300.0)}
    assert extremes(cell, x, before, ran.farthest, farther)[1, 1].v == found[1, 1].v


def test_what_a_cell_has_is_not_told_and_nothing_where_one_does_not_look() -> None:
    passive((2,))(step(0.15), record=("soma",))
    passive((2,))(step(15.0), record=("soma",), check_finite=False)


@pytest.mark.parametrize(
    ("given", "said"),
    [
        ({"v_init": -70000.0}, r"v_init = -70000.0.*it is in mV"),
        ({"v_init": -0.07}, r"v_init = -0.07.*it is in mV"),
        ({"reversal": {"na": 0.05}}, r"reversal of 'na' = 0.05.*it is in mV"),
        ({"celsius": 307.15}, r"celsius = 307.15; expected degC, -10 to 60"),
    ],
)
def test_potentials_and_temperatures_in_another_unit_are_refused(given, said) -> None:
    with pytest.raises(ParameterError, match=said):
        Cell(passive().compartments, {"soma": [channels.Pas()]}, **{"dt": 0.1, "v_init": -70.0, **given})


def test_a_cell_that_is_counted_from_its_rest_may_start_there() -> None:
    Cell(passive().compartments, {"soma": [channels.Pas(e=0.0)]}, dt=0.1, v_init=0.0)


def test_an_fi_curve_tells_it_once_and_the_search_for_a_rheobase_not_at_all() -> None:
    with pytest.warns(ImplausibleWarning, match=r"of sample 2 .*in 1 more; .*current reaches 20 nA") as found:
        fi_curve(passive(), [0.1, 15.0, 20.0], duration=500.0)
    assert len(found) == 1
    assert 0.0 < float(rheobase_current(firing(["0.5"]), settle=5.0, duration=5.0, most=1e3)) < 1.0


def test_a_population_tells_it_and_keeps_which_runs_they_are(tmp_path) -> None:
    given = {"0.1 nA": stimuli.step(0.1, start=2.0, stop=5.0), "3 uA": stimuli.step(3e3, start=2.0, stop=5.0)}
    told = r"population: v = .* mV at soma\(0.5\) after 2\.2 ms of 0.3 under 3 uA, and 1 more of 4 runs; no cell"
    for _ in range(2):  # a second call computes nothing, and says it again
        with pytest.warns(ImplausibleWarning, match=told):
            population(firing, ["0.3", "0.5"], given, tmp_path, t_stop=20.0)
    found = Population.open(tmp_path)
    assert [(one.model, one.stimulus) for one in found.implausible] == [("0.3", "3 uA"), ("0.5", "3 uA")]
    assert float(found.implausible[0].v) == pytest.approx(float(found.trace("0.3", "3 uA").max()))
    assert found.diverged == ()


def test_a_user_can_make_it_an_error() -> None:
    with warnings.catch_warnings():
        warnings.simplefilter("error", ImplausibleWarning)
        with pytest.raises(ImplausibleWarning):
            passive((2,))(step(15.0), record=("soma",))
