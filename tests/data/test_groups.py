"""Speakers and users: validation by group, and one group left out."""

from __future__ import annotations

import numpy as np
import pytest
import torch

from rheobase.data import Dataset, Groups
from rheobase.errors import DataError, ParameterError

TRAIN = np.array(["eve", "ann", "bob", "ann", "eve", "bob", "ann", "eve"])
TEST = np.array(["zoe", "ann", "eve", "zoe"])


def make(**changes) -> Dataset:
    """Sample k of both parts has the value k / 20 or (10 + k) / 20."""
    parts = {
        "x_train": torch.arange(8.0)[:, None] / 20,
        "y_train": torch.arange(8) % 2,
        "x_test": torch.arange(10.0, 14)[:, None] / 20,
        "y_test": torch.arange(4) % 2,
        "groups": Groups.of("speaker", TRAIN, TEST),
    }
    return Dataset("toy", **(parts | changes), classes=("a", "b"))


def numbers(x: torch.Tensor) -> list[int]:
    return (x[:, 0] * 20).round().int().tolist()


def test_names_of_numbers_rise_as_numbers():
    groups = Groups.of("speaker", np.array([10, 2, 0], np.uint16), np.array([2, 11], np.uint16))
    assert groups.names == ("0", "2", "10", "11")
    assert groups.train.tolist() == [2, 1, 0]
    assert groups.test.tolist() == [1, 3]


def test_validation_by_group():
    data = make()
    (x, y), (x_held, y_held) = data.by_group("ann")
    assert numbers(x) == [0, 2, 4, 5, 7]
    assert numbers(x_held) == [1, 3, 6]
    assert torch.equal(y, torch.tensor([0, 0, 0, 1, 1]))
    assert torch.equal(y_held, torch.tensor([1, 1, 0]))
    assert numbers(data.by_group(["ann", "bob"])[1][0]) == [1, 2, 3, 5, 6]


def test_a_published_set_validates_by_class():
    data = make()
    assert data.held_back(0.25)[1] == "2 of 8 training samples, by class"


def test_one_left_out_is_nowhere_in_training():
    data = make()
    left = data.leave_out("ann")
    assert numbers(left.x_train) == [0, 2, 4, 5, 7]
    # those of both parts, and of nobody else
    assert numbers(left.x_test) == [1, 3, 6, 11]
    assert left.y_test.tolist() == [1, 1, 0, 1]
    assert left.groups.names == data.groups.names
    assert {left.groups.names[k] for k in left.groups.test} == {"ann"}
    assert "ann" not in {left.groups.names[k] for k in left.groups.train}
    # a second cut, to validate on another speaker
    assert numbers(left.by_group("eve")[1][0]) == [0, 4, 7]
    # of the test part alone
    assert numbers(data.leave_out("zoe").x_test) == [10, 13]
    assert len(data.leave_out("zoe").y_train) == 8


def test_each_group_once_is_every_sample():
    data = make()
    seen = [k for name in data.groups.names for k in numbers(data.leave_out(name).x_test)]
    assert sorted(seen) == [*range(8), *range(10, 14)]


def test_limited_keeps_the_groups_of_what_it_keeps():
    small = make().limited(4)
    assert [small.groups.names[k] for k in small.groups.train] == [TRAIN[k] for k in numbers(small.x_train)]
    assert [small.groups.names[k] for k in small.groups.test] == [TEST[k - 10] for k in numbers(small.x_test)]


@pytest.mark.parametrize("cut", ["by_group", "leave_out"])
def test_cuts_that_cannot_be(cut):
    with pytest.raises(ParameterError, match="without groups"):
        getattr(make(groups=None), cut)("ann")
    with pytest.raises(ParameterError, match="did you mean 'ann'"):
        getattr(make(), cut)("anne")
    with pytest.raises(ParameterError, match="got 3"):
        getattr(make(), cut)([3])
    for held in ([], ["ann", "bob", "eve"]):
        with pytest.raises(ParameterError, match="held="):
            getattr(make(), cut)(held)


def test_who_is_not_in_training_validates_nothing():
    with pytest.raises(ParameterError, match="0 of 8"):
        make().by_group("zoe")


@pytest.mark.parametrize(
    ("groups", "words"),
    [
        (lambda: Groups.of("speaker", TRAIN[1:], TEST), "groups for 7 and 4"),
        (lambda: Groups("speaker", ("a",), torch.zeros(8, dtype=torch.int64), torch.zeros(4)), "float32"),
        (lambda: Groups("speaker", ("a",), torch.arange(8), torch.zeros(4, dtype=torch.int64)), "from 0 to 0"),
    ],
)
def test_groups_that_do_not_fit(groups, words):
    with pytest.raises(DataError, match=words):
        make(groups=groups())
