"""A fit that was interrupted anywhere goes on to the numbers of one that was not."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest
import torch

from rheobase import neurons, stimuli
from rheobase.errors import CheckpointError, StorageError
from rheobase.learning import Fit, FitCallback, FitRecipe, FitStep, Recording, fit_neuron
from rheobase.learning.fitting.journal import SCORES, Journal

RECIPE = FitRecipe(restarts=4, forced=3, free=2, generations=4, population=6, settle=10.0)
LEARN = ("v_threshold", "g_leak")


@pytest.fixture(scope="module")
def recording() -> Recording:
    current = stimuli.noise(250.0, 80.0, tau=5.0, seed=0).sample(150.0, 0.5)[None]
    cell = neurons.GLIF1(1, dt=0.5, v_leak=-70.0, v_reset=-60.0, v_threshold=-45.0)
    spikes, _, rec = cell(current.T[..., None], record=("v",))
    return Recording((rec.v + 80.0 * spikes)[:, 0].T, current, dt=0.5)


@pytest.fixture(scope="module")
def whole(recording: Recording) -> Fit:
    return fitted(recording)


def fitted(recording: Recording, callbacks: Sequence[FitCallback] = (), **options: Any) -> Fit:
    given: dict[str, Any] = {"learn": LEARN, "recipe": RECIPE, "callbacks": callbacks, **options}
    return fit_neuron(neurons.GLIF1, recording, **given)


class CtrlC(FitCallback):
    def __init__(self, after: int):
        self.after = after

    def on_step(self, step: FitStep) -> None:
        if step.step == self.after:
            raise KeyboardInterrupt


def same(one: Fit, other: Fit) -> bool:
    # as text, in which a Gamma that has no value equals itself
    steps = [repr([replace(step, seconds=0.0) for step in fit.history]) for fit in (one, other)]
    return one.candidates == other.candidates and steps[0] == steps[1] and one.recipe == other.recipe


@pytest.mark.parametrize("after", [1, 3, 4, 5, 8])
def test_each_stage_goes_on(tmp_path: Path, recording: Recording, whole: Fit, after: int) -> None:
    journal = tmp_path / "journal"
    first = fitted(recording, [CtrlC(after)], journal=journal)
    assert first.ended == "Ctrl-C"
    assert len(first.history) == after
    again = fitted(recording, [CtrlC(after)], journal=journal)
    assert same(again, whole)
    seconds = [step.seconds for step in again.history]
    assert seconds == sorted(seconds)
    # what is whole is read, not computed
    before = journal.stat().st_size
    assert same(fitted(recording, journal=journal), whole)
    assert journal.stat().st_size == before


@pytest.mark.parametrize("cut", [1, 40, 3000])
def test_what_was_cut_off_is_computed_again(tmp_path: Path, recording: Recording, whole: Fit, cut: int) -> None:
    journal = tmp_path / "journal"
    fitted(recording, journal=journal)
    content = journal.read_bytes()
    journal.write_bytes(content[:-cut])
    assert same(fitted(recording, journal=journal), whole)
    spoiled = bytearray(content)
    spoiled[-cut] ^= 1
    journal.write_bytes(spoiled)
    assert same(fitted(recording, journal=journal), whole)


def test_another_fit_is_refused(tmp_path: Path, recording: Recording) -> None:
    journal = tmp_path / "journal"
    fitted(recording, journal=journal)
    content = journal.read_bytes()
    others: list[dict[str, Any]] = [
        {"seed": 1},
        {"learn": LEARN[::-1]},
        {"recipe": replace(RECIPE, generations=5)},
        {"start": {"g_leak": 8.0}},
        {"ranges": {"g_leak": (1.0, 9.0)}},
    ]
    for other in others:
        with pytest.raises(CheckpointError, match="another fit"):
            fitted(recording, journal=journal, **other)
    neuron = neurons.GLIF1(1, dt=0.5, v_leak=-71.0)
    with pytest.raises(CheckpointError, match="another fit"):
        fit_neuron(neuron, recording, learn=LEARN, recipe=RECIPE, journal=journal)
    with pytest.raises(CheckpointError, match="another fit"):
        fitted(recording.changed(current=recording.current + 1.0), journal=journal)
    assert journal.read_bytes() == content
    journal.write_text("something else that is longer than the head of a journal is")
    with pytest.raises(CheckpointError, match="no journal"):
        fitted(recording, journal=journal)


def test_a_journal_is_of_one_process_and_of_one_search(tmp_path: Path) -> None:
    path, points, value = tmp_path / "journal", torch.rand(2, 3), torch.ones(2)
    first = Journal(path, b"a")
    first.recall(SCORES, points, lambda: [value])
    second = Journal(path, b"a")
    first.recall(SCORES, points, lambda: [value])
    second.recall(SCORES, points, list)
    with pytest.raises(StorageError, match="another process"):
        second.recall(SCORES, points, lambda: [value])
    with pytest.raises(CheckpointError, match="another search from its entry 0"):
        Journal(path, b"a").recall(SCORES, points + 1.0, lambda: [value])
    with pytest.raises(StorageError, match="nowhere"):
        Journal(tmp_path / "nowhere" / "journal", b"a")
