"""A certificate that can fail: a chip that emits something else in one sample is found out, in that sample alone."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import pytest
import torch

from rheobase import neurons, nn
from rheobase.chip import deploy, samples
from rheobase.chip.deployment import Deployed
from rheobase.errors import RheobaseError


def test_one_wrong_sample_is_counted(monkeypatch: pytest.MonkeyPatch) -> None:
    linear = nn.Linear(3, 2, bias=False)
    net = nn.Sequential(linear, neurons.IF(2, dt=1.0, v_threshold=1.0))
    with torch.no_grad():
        linear.weight.copy_(torch.tensor([[1.0, 1.0, 0.0], [0.0, 0.0, 0.0]]))
    true = Deployed.run_chip

    def wrong(self: Deployed, x: Any, **more: Any) -> Any:
        out, counts = true(self, x, **more)
        out[:, 2] = out[:, 2].flip(-1)  # the other neuron spikes
        return out, counts

    monkeypatch.setattr(Deployed, "run_chip", wrong)
    _, report = deploy(net, x=torch.ones(5, 4, 3))
    assert (report.samples, report.same_spikes, report.same_predictions) == (4, 3, 3)
    assert report.predicted is not None
    assert report.wanted is not None
    assert report.predicted.tolist() == [0, 0, 1, 0]
    assert report.wanted.tolist() == [0, 0, 0, 0]


class Parts:
    """Of 5 and 2 samples."""

    def __init__(self, x: torch.Tensor):
        self.x = x

    def __iter__(self) -> Iterator[torch.Tensor]:
        return iter(self.x.split(5, dim=1))


def test_spikes_may_be_bool(monkeypatch: pytest.MonkeyPatch) -> None:
    """The same report, in parts of some samples."""
    monkeypatch.setattr(samples, "AT_ONCE", 3)
    torch.manual_seed(0)
    net = nn.Sequential(
        nn.Flatten(),
        nn.Linear(12, 8, bias=False),
        neurons.IF(8, dt=1.0, v_threshold=2.0),
        nn.Linear(8, 3, bias=False),
        neurons.IF(3, dt=1.0, v_threshold=2.0),
    )
    whole = nn.quantised(net, whole=1, per_row=True)
    x = torch.rand(9, 7, 3, 4) < 0.5
    deployed, bits = deploy(whole, x=x)
    expected, numbers = deploy(whole, x=x.float())
    assert bits == numbers
    assert bits.same_spikes == 7
    # parts that are made when they are asked for
    _, parts = deploy(whole, x=Parts(x))
    assert parts == bits
    assert parts.predicted is not None
    assert parts.predicted.tolist() == deploy(whole, x=x)[1].predicted.tolist()
    for wrong, said in (((x[:, k : k + 1] for k in range(7)), "gone through several times"), ([], "without a part")):
        with pytest.raises(RheobaseError, match=said):
            deploy(whole, x=wrong)
    with pytest.raises(RheobaseError, match="parts of 9 and of 8 steps"):
        deploy(whole, x=[x, x[1:]])
    assert torch.equal(deployed(x), expected(x.float()))
    assert 0 < deployed(x).mean() < 1
