"""Under torch's profiler the work of a layer is in a row with its name; without one, nothing is recorded."""

from __future__ import annotations

import re
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

import pytest
import torch
from torch import Tensor
from torch import nn as torch_nn

from rheobase import neurons, nn
from rheobase.core.execution import profiler_rows
from rheobase.profiling import named_rows

OWN = re.compile(r"([\w.]+: )?[A-Z]\w*(, backward)?")  # torch's own rows are aten::linear, detach, MulBackward0


class Events:
    """What a profiler heard: the own rows by name, in order, with their spans."""

    def __init__(self) -> None:
        self.found: Any = None

    def named(self) -> list[str]:
        return [event.name for event in self.of(lambda name: OWN.fullmatch(name) and "Backward" not in name)]

    def of(self, wanted: Any) -> list[Any]:
        return [event for event in self.found.function_events if wanted(event.name)]

    def inside(self, row: str) -> set[str]:
        (outer,) = self.of(lambda name: name == row)
        begin, end = outer.time_range.start, outer.time_range.end
        return {e.name for e in self.found.function_events if begin <= e.time_range.start and e.time_range.end <= end}


@contextmanager
def profiled() -> Iterator[Events]:
    events = Events()
    # not torch.profiler.profile, which is the same and writes lines on standard error
    with torch.autograd.profiler.profile(use_kineto=False) as found:
        yield events
    events.found = found


def network() -> nn.Sequential:
    torch.manual_seed(0)
    return nn.Sequential(
        nn.Linear(4, 8),
        neurons.LIF(8, dt=1.0),
        nn.Sequential(nn.Linear(8, 8), nn.Recurrent(neurons.AdLIF(8))),
        nn.Delay(8, taps=3),
        nn.SpikGRU(8, 6),
        nn.Linear(6, 2),
        neurons.LI(2, dt=1.0),
    )


ROWS = [
    "Sequential",
    "0: Linear",
    "1: LIF",
    "2: Sequential",
    "2.0: Linear",
    "2.1: Recurrent",
    "3: Delay",
    "4: SpikGRU",
    "5: Linear",
    "6: LI",
]
X = torch.rand(10, 2, 4, generator=torch.Generator().manual_seed(0))


def test_every_layer_has_a_row_by_its_path_forward_and_backward() -> None:
    net = network()
    net(X)
    with profiled() as events:
        out = net(X)[0]
    assert sorted(events.named()) == sorted(ROWS)
    assert "aten::linear" in events.inside("2.0: Linear")
    assert {"2.0: Linear", "2.1: Recurrent", "aten::linear"} <= events.inside("2: Sequential")
    assert "aten::linear" not in events.inside("1: LIF")
    # a graph that was made under a profiler has the names for its backward
    with profiled() as events:
        out.sum().backward()
    own = ["1: LIF", "2.1: Recurrent", "3: Delay", "4: SpikGRU", "6: LI"]
    assert sorted(events.named()) == [f"{row}, backward" for row in own]


def test_torchs_own_profiler_has_the_rows() -> None:
    with torch.profiler.profile(activities=[torch.profiler.ProfilerActivity.CPU]) as found:
        network()(X)
    assert set(ROWS) <= {row.key for row in found.key_averages()}


def test_outputs_have_the_rows_too() -> None:
    net = network()
    with profiled() as events:
        net.outputs(X)
    assert set(ROWS[1:]) <= set(events.named())


@pytest.mark.parametrize("backend", ["llvm", "reference"])
def test_a_neuron_by_itself_has_its_class(backend: str) -> None:
    with profiled() as events:
        neurons.LIF(4, dt=1.0)(X, backend=backend)
    assert events.named() == ["LIF"]


class Own(torch_nn.Module):
    def __init__(self) -> None:
        super().__init__()
        self.first, self.net = neurons.LIF(4, dt=1.0), nn.Sequential(nn.Linear(4, 2), neurons.LIF(2, dt=1.0))

    def forward(self, x: Tensor) -> Tensor:
        return self.net(self.first(x)[0])[0]


def test_a_network_of_somebodys_own() -> None:
    with profiled() as events:
        Own()(X)
    assert sorted(events.named()) == ["0: Linear", "1: LIF", "LIF", "Sequential"]
    net = Own()
    with profiled() as events, named_rows(net):
        net(X)
    assert sorted(events.named()) == ["first: LIF", "net.0: Linear", "net.1: LIF", "net: Sequential"]


def test_names_end_with_the_run(monkeypatch: pytest.MonkeyPatch) -> None:
    net = network()
    with profiled(), pytest.raises(RuntimeError):
        net(torch.zeros(3, 1, 5))
    with profiled() as events:
        net[1](torch.zeros(3, 1, 8))
    assert events.named() == ["LIF"], "no name of the run that failed"


def test_without_a_profiler_nothing_is_recorded(monkeypatch: pytest.MonkeyPatch) -> None:
    def refuse(*args: Any) -> Any:
        raise AssertionError(args)

    monkeypatch.setattr(profiler_rows, "record_function", refuse)
    network()(X)[0].sum().backward()
    with pytest.raises(AssertionError), profiled():
        network()(X)


def test_rows_change_no_number() -> None:
    net, x = network(), X.clone().requires_grad_()
    out = net(x)[0]
    (gradient,) = torch.autograd.grad(out.sum(), x)
    with profiled():
        again = net(x)[0]
        (other,) = torch.autograd.grad(again.sum(), x)
    assert torch.equal(out, again)
    assert torch.equal(gradient, other)
