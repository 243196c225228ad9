"""What pages say follows from the numbers: other numbers, another sentence, or none."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest
import torch

from rheobase.reproduce.catalogue import find, names
from rheobase.reproduce.cs_gru import comparison
from rheobase.reproduce.delays import history
from rheobase.reproduce.dqif import mismatch, potential, stability
from rheobase.reproduce.equivalence import approximation, cost, discrete, trains
from rheobase.reproduce.findings import gains, near_peak, ranked, verdict
from rheobase.reproduce.scores import Scores
from rheobase.reproduce.src import behaviours, excitability, response
from rheobase.reproduce.src.labels import LABELS
from rheobase.reproduce.src.planes import PLANES, along


def of(*values: float, tested: int = 1000) -> Scores:
    return Scores(values, classes=10, tested=tested)


LOW, HIGH, WIDE = of(80.0, 81.0, 82.0), of(90.0, 91.0, 92.0), of(70.0, 84.0, 96.0)


def test_the_best_is_the_best_of_the_numbers() -> None:
    assert ranked({"a": LOW, "b": HIGH}).endswith("(3 seeds); b is best.")
    assert ranked({"a": HIGH, "b": LOW}).endswith("(3 seeds); a is best.")


def test_nothing_is_best_within_the_spread() -> None:
    assert verdict({"a": LOW, "b": WIDE}) == "b is highest, but not told apart from a"
    assert " is best" not in ranked({"a": LOW, "b": WIDE, "c": HIGH})
    assert verdict({"a": LOW, "b": WIDE, "c": HIGH}) == "c is highest, but not told apart from b"


def test_nothing_is_best_of_one_seed() -> None:
    assert ranked({"a": of(50.0), "b": of(95.0)}) == (
        "a 50.0 %, b 95.0 % (one seed); one seed does not tell which is best."
    )


def test_what_guessing_scores_is_no_finding() -> None:
    """A quick run of 100 samples: 15 % where chance is 10."""
    said = ranked({"none": of(11.0, tested=100), "states": of(15.0, tested=100)})
    assert said == "none 11.0 %, states 15.0 % (one seed); none is told apart from chance (10 %)."
    lost = ranked({"a": LOW, "b": HIGH, "lost": of(10.0, 11.0, 12.0)})
    assert lost.endswith("b is best; lost not told apart from chance (10 %).")


def test_a_gain_is_said_where_the_spread_carries_it() -> None:
    assert gains({"x": (LOW, HIGH)}) == "x +10.0 +- 2.3"
    assert gains({"x": (HIGH, LOW)}) == "x -10.0 +- 2.3"
    assert gains({"x": (LOW, WIDE)}) == "not told apart: x (+2.3)"
    assert gains({"x": (of(50.0), of(90.0))}) == "one seed, which tells nothing apart: x (+40.0)"
    guesses = of(9.0, 9.1, 9.2), of(10.4, 10.5, 10.6)
    assert gains({"x": guesses}).startswith("not told apart")


def test_a_peak_is_one_where_seeds_agree() -> None:
    assert near_peak({"1": [0.1, 0.2, 0.3], "2": [0.4, 0.5, 0.6]}) == ("2", [])
    assert near_peak({"1": [0.1, 0.9, 0.3], "2": [0.4, 0.5, 0.6]}) == ("2", ["1"])
    assert near_peak({"1": [0.1], "2": [0.4]}) == ("2", ["1"])


# --- delays -------------------------------------------------------------------------------------------
def sizes(*gain: float) -> history.Found:
    return {
        16 * 2**k: {0: of(60.0, 61.0, 62.0), 25: of(*(60.0 + g + x for x in (0.0, 1.1, 1.9)))}
        for k, g in enumerate(gain)
    }


def test_small_networks_gain_most_only_where_they_do() -> None:
    assert "the gain changes (-5.0 +- " in history.said_of(sizes(20.0, 15.0, 10.0))
    assert "the gain changes (+5.0 +- " in history.said_of(sizes(10.0, 15.0, 20.0))
    assert "no change of the gain is told apart" in history.said_of(sizes(10.0, 14.0, 10.0))
    assert "doubling" not in history.said_of(sizes(10.0, 14.0))


# --- dqif ---------------------------------------------------------------------------------------------
def test_which_form_oscillates_is_read_from_its_factor() -> None:
    plotted = (0.25, 0.0, 0.5)

    def rows(factored: float, euler: float) -> list[tuple[Any, ...]]:
        return [("factored", *plotted, factored), ("factored", 0.5, 0.0, 0.5, -1.0), ("euler", *plotted, euler)]

    assert "'factored' oscillates and 'euler' does not oscillate" in stability.below_threshold(rows(-0.1, 0.9))
    assert "'factored' does not oscillate and 'euler' oscillates" in stability.below_threshold(rows(0.1, -0.9))
    assert stability.below_threshold([("factored", 0.5, 0.0, 0.5, -1.0)]) == ""


def test_the_window_of_the_formula_is_worse_only_where_it_is_told_apart() -> None:
    def row(less: float, half: float | None) -> tuple[Any, ...]:
        return ("DQIF", "after training", 0.1, "0.5", "", 0.5, 0.5 + less, less, half)

    assert mismatch.told([row(-0.2, 0.1), row(-0.2, 0.3)]).startswith("In 1 of 2 cases")
    assert mismatch.told([row(0.2, 0.1)]).startswith("In 0 of 1 cases")
    assert mismatch.told([row(-0.2, None)]) == "One seed does not tell which window agrees best."


def test_how_far_formula_and_simulation_are_is_measured() -> None:
    def row(step: int, error: float) -> tuple[Any, ...]:
        return ("euler", 0.25, 0.0, 0.5, step, 0.1, 0.1 + error, 1.0, 1.0 - error, 0.2, 0.2, 0.1)

    said = potential._apart([row(2, 0.01), row(8, 0.3)], 8)  # pyright: ignore[reportPrivateUsage]
    assert "0.0100, 0.0100 and 0.0000 in step 2; 0.3000, 0.3000 and 0.0000 in step 8" in said


# --- equivalence --------------------------------------------------------------------------------------
def test_curves_are_one_only_where_they_are_measured_to_be() -> None:
    def line(*errors: float, factor: int) -> list[dict[str, float]]:
        return [{"neurons": 2.0**k, "after": factor * 2.0**k, "error": e} for k, e in enumerate(errors)]

    alike = {"multi": line(0.4, 0.2, 0.1, factor=2), "single": line(0.4, 0.2, 0.1, factor=2)}
    other = {"multi": line(0.4, 0.2, 0.1, factor=2), "single": line(0.8, 0.4, 0.2, factor=2)}
    assert approximation.said(alike, 0.0).endswith("lie within a factor of 1; moved by these costs, within 1.")
    assert approximation.said(other, 0.3).endswith("lie within a factor of 2; moved by these costs, within 2.")
    assert "outputs differ by 0.3 at most" in approximation.said(other, 0.3)
    uneven = {"multi": [*line(0.4, factor=2), {"neurons": 2.0, "after": 7.0, "error": 0.2}], "single": alike["single"]}
    assert "2 to 3.5 times the neurons from multi-spike" in approximation.said(uneven, 0.0)


def test_mismatches_are_said() -> None:
    assert trains.said(3, 3, 0, 12, 8, 0, 100).count("differ") == 0
    assert "with its 3 copies 5 of 100 steps differ" in trains.said(3, 3, 5, 12, 8, 0, 100)
    assert "cancel" not in trains.said(3, 3, 0, 12, 8, 2, 100)
    assert "7 differ" in discrete.said(1000, 7, 4, 4, 4)
    assert "2 of the 4 samples that need every copy differ" in discrete.said(1000, 7, 4, 2, 1)
    assert "9 samples differ, and 4 need every copy" in discrete.said(1000, 7, 4, 9, 1)


def test_bounds_are_compared() -> None:
    forward = [{"before": 10, "after": 20, "bound": 40, "mismatches": 0}]
    back = [(4, 3, 0.75, 1.0)]
    assert "0 of 1 networks above the bound of N copies, 0 mismatches" in cost.said(forward, back)
    broken = cost.said([{**forward[0], "after": 50, "mismatches": 3}], [(4, 3, 0.75, 0.7)])
    assert "1 of 1 networks above the bound of N copies, 3 mismatches" in broken
    assert "1 of 1 shares are above the bound" in broken


# --- cs-gru -------------------------------------------------------------------------------------------
def entry(name: str, scores: Scores, energy: float, **choice: Any) -> comparison.Entry:
    costs = {
        "spikes": 100.0 * energy,
        "accumulates": 1.0,
        "multiply_accumulates": energy,
        "updates": 0.0,
        "functions": 0.0,
        "energy": 1e-6 * energy,
    }
    return comparison.Entry(name, {"epochs": 2, "kind": "CS-GRU", **choice}, 10, scores, costs, ())


def test_a_gate_changes_the_accuracy_only_where_it_does() -> None:
    def said(spikes: Scores) -> str:
        found = {
            "CS-GRU, grid": entry("CS-GRU, grid", LOW, 9.0),
            "CS-GRU, z reads spikes, grid": entry("CS-GRU, z reads spikes, grid", spikes, 2.0),
        }
        return comparison._gate(found)  # pyright: ignore[reportPrivateUsage]

    assert "takes 2 multiply-accumulates in place of 9; in points, its accuracy +10.0 +- 2.3" in said(HIGH)
    assert "not told apart: its accuracy (+2.3)" in said(WIDE)
    assert "one seed, which tells nothing apart" in said(of(99.0))


def test_the_least_arithmetic_is_of_a_network_that_learnt() -> None:
    found = [entry("a", LOW, 3.0), entry("lost", of(9.0), 1.0), entry("b", HIGH, 2.0)]
    assert "b, 2 uJ" in comparison._least(found)  # pyright: ignore[reportPrivateUsage]
    assert comparison._least(found[1:2]) == ""  # pyright: ignore[reportPrivateUsage]


def test_what_is_smaller_than_in_the_paper_is_what_is_in_force() -> None:
    one = {"channels": 16, "stride": 2, "epochs": 6, "seeds": [0, 1, 2]}
    said = comparison.smaller(
        {"networks": {"a": one, "b": {**one, "epochs": 2, "seeds": [0]}}}, channels=128, epochs=300
    )
    assert said == "16 channels (the paper: 128), stride 2 (1), 2 or 6 epochs (300), one seed or 3 seeds"
    quick = find("cs-gru").parts[1]
    assert "1 epoch (300), one seed" in quick.reduction(quick=True)
    assert "2 to 6 epochs (300)" in quick.reduction()


# --- src ----------------------------------------------------------------------------------------------
def test_a_map_is_said_as_it_is() -> None:
    plane = PLANES[0]
    codes = np.full((200, 200), LABELS.index("tonic spiking"))
    assert along(codes, plane, LABELS).count("tonic spiking throughout") == 2
    codes[:, 100:] = LABELS.index("silent")
    said = along(codes, plane, LABELS)
    assert "Along z_hyp, at z_dep = 0: tonic spiking to 0.488, silent." in said
    assert "Along z_dep, at z_hyp = 0.901: silent throughout." in said


def test_classes_of_firing_are_counted() -> None:
    begins = {"r": [1.0, 2.0, 3.0], "cycles": [0.001, 0.05, 0.04], "cycles_further": [0.05, 0.05, 0.05]}
    found = excitability.classes(begins)
    assert found == {"I": 1, "II": 2}
    counts = {"without": np.ones(len(LABELS), dtype=int), "with": np.ones(len(LABELS), dtype=int)}
    said = behaviours._text(counts, found, 3)  # pyright: ignore[reportPrivateUsage]
    assert "Of 3 values of r, firing begins as class I for 1 and as class II for 2." in said


def test_what_a_cell_does_without_input_is_measured() -> None:
    shown = {"out": torch.tensor([[0.0, 0.0], [1.0, 0.0], [0.0, 0.0], [1.0, 1.0]]), "spikes": torch.ones(4)}

    def said(first: float) -> str:
        rate = {"x": [0.0, 1.0], "rates": [[0.0, 0.1], [first, 0.1]]}
        return response._answers(shown, rate, [-6.0, -4.5])  # pyright: ignore[reportPrivateUsage]

    assert "Of 4 input spikes come these spikes: 2 (b_h = -6), 1 (b_h = -4.5)." in said(0.0)
    assert said(0.0).endswith("none of these fires.")
    assert said(0.05).endswith("with b_h = -4.5 a cell fires.")


def test_the_rise_of_the_rate_is_measured() -> None:
    rate = {"x": [0.0, 1.0, 2.0, 3.0], "rates": [[0.0, 0.0, 0.04, 0.2]]}
    said = response._rise(rate, [-6.0], -4.4)  # pyright: ignore[reportPrivateUsage]
    assert said == "With b_h = -6 it fires 0.0400 spikes per step at x = 2, just above that, and 0.2000 at x = 3."


# --- all ----------------------------------------------------------------------------------------------
@pytest.mark.parametrize("name", names())
def test_quick_runs_say_only_what_is_in_force(name: str) -> None:
    """No word about epochs, seeds or samples of the full run beside a quick one."""
    for part in find(name).parts:
        said = part.reduction(quick=True)
        if part.quick:
            assert said.startswith("Quick run: ")
        full = part.reduction()
        assert full == (part.reduced if isinstance(part.reduced, str) else part.reduced(part.settings))
