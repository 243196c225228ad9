"""The table of drives and seeds is what a search finds, for some models of each kind; see `choices.py`."""

from __future__ import annotations

import pytest

from tests.contract.choices import chosen, key_of
from tests.contract.models import DECLARED, UNSEEN, Model, searched_drive
from tests.contract.runs import searched_seed

# a search in fine steps takes seconds; `Crossing` is one of them
SLOW = ("HodgkinHuxley", "MorrisLecar", "Pospischil", "WangBuzsaki")
SOME = [model for model in DECLARED[::6] + UNSEEN if model.name not in SLOW]


def nothing() -> None:
    raise AssertionError("the table lacks it: see the head of choices.py")


@pytest.mark.parametrize("model", SOME, ids=lambda m: m.name)
def test_the_drive_is_what_is_found(model: Model) -> None:
    assert list(searched_drive(model)) == list(chosen("drives", model.name, nothing))


@pytest.mark.parametrize("model", SOME, ids=lambda m: m.name)
def test_the_seed_is_what_is_found(model: Model) -> None:
    neuron = model.make(3, 5, kinds=("neuron",))
    key = key_of(model.name, neuron, 20, 4, {})
    assert searched_seed(model, neuron, 20, 4) == chosen("seeds", key, nothing)
