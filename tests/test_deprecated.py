"""Keywords that were renamed: the old name works, warns at the caller's line, and is refused beside the new one."""

from __future__ import annotations

import inspect
from pathlib import Path
from typing import Any

import pytest
import torch
from torch import nn

from rheobase import data, neurons
from rheobase.cells import fi_curve, population, rheobase_current
from rheobase.errors import ParameterError
from rheobase.jobs.run import run
from rheobase.learning import find_learning_rate
from rheobase.nn import Sequential
from rheobase.parameter_sweep import sweep
from rheobase.profiling.explain import explain
from rheobase.profiling.timing import interleaved

TOLD = {find_learning_rate: "progress", explain: "on_round", interleaved: "on_round"}
ON_PROGRESS = (run, fi_curve, rheobase_current, population, sweep)


def test_the_old_name_is_passed_on_and_warns_where_it_stands() -> None:
    heard = list[tuple[int, int]]()
    net = Sequential(nn.Linear(3, 2), neurons.LI(2, dt=1.0))
    train = (torch.rand(8, 3), torch.tensor([0, 1] * 4))
    with pytest.warns(DeprecationWarning, match="find_learning_rate: told= is now progress=") as caught:
        find_learning_rate(net, encoder=data.Direct(2), train=train, batches=2, told=lambda *at: heard.append(at))  # pyright: ignore[reportCallIssue]
    assert heard == [(1, 2), (2, 2)]
    assert [Path(one.filename) for one in caught] == [Path(__file__)]


@pytest.mark.parametrize(
    ("function", "old", "new"),
    [
        *((function, "told", new) for function, new in TOLD.items()),
        *((function, "on_progress", "progress") for function in ON_PROGRESS),
    ],
)
def test_both_names_are_refused(function: Any, old: str, new: str) -> None:
    assert new in inspect.signature(function).parameters
    assert old not in inspect.signature(function).parameters
    with pytest.raises(ParameterError, match=f"{function.__name__}: got {old}= and {new}=; expected {new}= alone"):
        function(**{old: None, new: None})
