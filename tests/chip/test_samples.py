"""Samples that chip and network run some at a time: their sum is that of all at once, in their order."""

from __future__ import annotations

from collections.abc import Iterator

import numpy as np
import pytest
import torch
from torch import Tensor

from rheobase import chip, neurons, nn
from rheobase.chip.events import Counts
from rheobase.chip.samples import Compared, tally
from rheobase.errors import ParameterError


class Parts:
    """Samples in parts, made anew each time: `change(part, round)` is what becomes of a part the second time."""

    def __init__(self, change: object = None):
        g = torch.Generator().manual_seed(0)
        self.parts, self.change, self.rounds = (
            list((torch.rand(9, 7, 6, generator=g) < 0.4).float().split(3, 1)),
            change,
            0,
        )

    def __iter__(self) -> Iterator[Tensor]:
        self.rounds += 1
        yield from self.parts if self.rounds == 1 or self.change is None else self.change(self.parts)  # type: ignore[operator]


def network() -> nn.Sequential:
    torch.manual_seed(0)
    cell = dict(dt=1.0, v_threshold=2.0)
    return nn.quantised(
        nn.Sequential(
            nn.Linear(6, 40, bias=False), neurons.IF(40, **cell), nn.Linear(40, 5, bias=False), neurons.IF(5, **cell)
        ),
        whole=1,
    )


def test_the_network_is_computed_once_for_each_sample(monkeypatch: pytest.MonkeyPatch) -> None:
    """Cores are placed and the certificate is made by one run in software, whose spikes are those of the network."""
    net, parts, seen = network(), Parts(), list[int]()
    outputs = nn.Sequential.outputs
    monkeypatch.setattr(nn.Sequential, "outputs", lambda self, x: (seen.append(x.shape[1]), outputs(self, x))[1])
    kept = list[Tensor]()
    _, report = chip.deploy(net, x=parts, predict=lambda out: kept.append(out) or out.sum(0).argmax(1))
    assert seen == [3, 3, 1]
    assert parts.rounds == 2
    expected = net(torch.cat(parts.parts, 1))[0].detach()
    on_chip, software = (torch.cat(kept[k::2], 1) for k in (0, 1))
    assert torch.equal(software, expected)
    assert torch.equal(on_chip, expected)
    assert 0 < float(expected.mean()) < 1
    assert (report.same_spikes, report.samples) == (7, 7)


def test_layers_in_software_before_the_chip_run_once_and_may_draw() -> None:
    """What they put out is kept: chip and network read the same spikes, though another run would draw others."""

    class Drawn(torch.nn.Module):
        runs = 0

        def forward(self, x: Tensor) -> Tensor:
            self.runs += 1
            return (torch.rand_like(x) < 0.5).to(x.dtype)

    drawn, parts = Drawn(), Parts()
    net = nn.Sequential(drawn, *network().layers)
    _, report = chip.deploy(net, x=parts, software=(0,))
    assert (report.same_spikes, report.samples, drawn.runs, parts.rounds) == (7, 7, 3, 1)
    assert report.silent < 7


def flipped(parts: list[Tensor]) -> list[Tensor]:
    other = parts[2].clone()
    other[8, 0, 5] = 1 - other[8, 0, 5]
    return [*parts[:2], other]


@pytest.mark.parametrize(
    "change",
    [flipped, lambda parts: parts[:2], lambda parts: [*parts, parts[0]], lambda parts: parts[::-1]],
    ids=["a spike", "a part less", "a part more", "another order"],
)
def test_samples_that_are_others_the_second_time_are_refused(change: object) -> None:
    with pytest.raises(ParameterError, match="other samples when it is gone through again"):
        chip.deploy(network(), x=Parts(change))


def test_a_tally_of_parts_keeps_their_order_and_sees_one_spike_that_differs() -> None:
    spikes = torch.zeros(4, 3, 2)
    other = spikes.clone()
    other[2, 1, 0] = 1.0  # one tick of one sample
    first, second = (Counts(*(np.arange(n) for _ in Counts._fields)) for n in (3, 2))
    one = Compared(spikes, other, torch.tensor([0, 1, 2]), torch.tensor([0, 1, 1]), torch.tensor([2, 1, 0]), first, 5)
    two = Compared(
        spikes[:, :2], spikes[:, :2], torch.tensor([3, 4]), torch.tensor([3, 0]), torch.tensor([4, 3]), second, 6
    )
    found = tally([one, two])
    assert (found.steps, found.same, found.given) == (4, 4, 11)
    assert found.predicted.tolist() == [0, 1, 2, 3, 4]
    assert found.wanted.tolist() == [0, 1, 1, 3, 0]
    assert found.plain is not None
    assert found.plain.tolist() == [2, 1, 0, 4, 3]
    assert found.counts.hops.tolist() == [0, 1, 2, 0, 1]
