"""Samples that chip and network run some at a time: their sum is that of all at once, in their order."""

from __future__ import annotations

import numpy as np
import torch

from rheobase.chip.events import Counts
from rheobase.chip.samples import tally


def test_a_tally_of_parts_keeps_their_order_and_sees_one_spike_that_differs() -> None:
    spikes = torch.zeros(4, 3, 2)
    other = spikes.clone()
    other[2, 1, 0] = 1.0  # one tick of one sample
    first, second = (Counts(*(np.arange(n) for _ in Counts._fields)) for n in (3, 2))
    one = (spikes, other, torch.tensor([0, 1, 2]), torch.tensor([0, 1, 1]), torch.tensor([2, 1, 0]), first, 5)
    two = (spikes[:, :2], spikes[:, :2], torch.tensor([3, 4]), torch.tensor([3, 0]), torch.tensor([4, 3]), second, 6)
    found = tally([one, two])
    assert (found.steps, found.same, found.given) == (4, 4, 11)
    assert found.predicted.tolist() == [0, 1, 2, 3, 4]
    assert found.wanted.tolist() == [0, 1, 1, 3, 0]
    assert found.plain is not None
    assert found.plain.tolist() == [2, 1, 0, 4, 3]
    assert found.counts.hops.tolist() == [0, 1, 2, 0, 1]
