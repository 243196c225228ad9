"""A certificate that can fail: a chip that emits something else in one sample is found out, in that sample alone."""

from __future__ import annotations

from typing import Any

import pytest
import torch

from rheobase import neurons, nn
from rheobase.chip import deploy
from rheobase.chip.deployment import Deployed


def test_one_wrong_sample_is_counted(monkeypatch: pytest.MonkeyPatch) -> None:
    net = nn.Sequential(nn.Linear(3, 2, bias=False), neurons.IF(2, dt=1.0, v_threshold=1.0))
    with torch.no_grad():
        net[0].weight.copy_(torch.tensor([[1.0, 1.0, 0.0], [0.0, 0.0, 0.0]]))
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
