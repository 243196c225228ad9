"""Layers wired as a graph: sums, branches, cycles; states, lengths, pieces; and wirings without meaning."""

from __future__ import annotations

from typing import Any

import pytest
import torch
from torch import Tensor

from rheobase import errors, neurons, nn

LOOP = [("input", "a"), ("a", "b"), ("b", "back"), ("back", "b"), ("b", "output")]


def looped() -> tuple[nn.Graph, nn.Sequential]:
    """A neuron that feeds itself, as a graph and as `Recurrent`."""
    torch.manual_seed(0)
    a, back = nn.Linear(4, 3), nn.Linear(3, 3, bias=False)
    with torch.no_grad():
        a.weight.abs_()
    net = nn.Graph({"a": a, "b": neurons.LIF(3, dt=1.0, tau_mem=5.0), "back": back}, LOOP)
    fast = nn.Recurrent(neurons.LIF(3, dt=1.0, tau_mem=5.0), back.weight.detach(), self_connections=True)
    return net.double(), nn.Sequential(a, fast).double()


def noise(steps: int = 30) -> Tensor:
    return 4.0 * torch.rand(steps, 2, 4, dtype=torch.float64, generator=torch.Generator().manual_seed(1))


def test_a_loop_is_recurrent() -> None:
    net, fast = looped()
    assert torch.equal(net(noise())[0], fast(noise())[0])
    assert net(noise())[0].sum() > 10
    assert net.groups == (("a",), ("b", "back")) or net.groups == (("a",), ("back", "b"))


def test_branches_are_summed() -> None:
    torch.manual_seed(0)
    a, b = nn.Linear(4, 3), nn.Linear(3, 3)
    net = nn.Graph({"a": a, "b": b}, [("input", "a"), ("a", "b"), ("a", "output"), ("b", "output")])
    x = torch.rand(5, 2, 4)
    assert torch.equal(net(x)[0], a(x) + b(a(x)))
    assert list(net.outputs(x)) == ["a", "b"]


def test_a_run_in_pieces_is_the_whole() -> None:
    net, _ = looped()
    x = noise()
    whole, end = net(x)
    first, state = net(x[:11])
    second, last = net(x[11:], state)
    assert torch.equal(torch.cat([first, second]), whole)
    assert all(torch.equal(p, q) for p, q in zip(end.layers[1], last.layers[1], strict=True))


def test_lengths_end_a_sequence_as_they_do_for_recurrent() -> None:
    net, fast = looped()
    lengths = torch.tensor([30, 12])
    out, state = net(noise(), lengths=lengths)
    expected, (theirs,) = fast(noise(), lengths=lengths)
    assert torch.equal(out, expected)
    assert torch.equal(state.layers[1].v, theirs.neuron.v)
    assert torch.equal(state.given[1][0], theirs.out)


def test_it_trains() -> None:
    net, fast = looped()
    for one in (net, fast):
        one(noise())[0].sum().backward()
    assert torch.allclose(net.layers["back"].weight.grad, fast[1].weight_rec.grad)
    assert torch.allclose(net.layers["a"].weight.grad, fast[0].weight.grad)  # the same layer: both runs add up


def test_two_neurons_in_a_ring_each_see_the_last_step_of_the_other() -> None:
    cell: Any = neurons.IF(1, dt=1.0)
    edges = [("input", "p"), ("p", "q"), ("q", "p"), ("q", "output")]
    net = nn.Graph({"p": cell, "q": neurons.IF(1, dt=1.0)}, edges)
    x = torch.zeros(6, 1, 1)
    x[0] = 1.0
    found = net.outputs(x)
    assert found["p"].flatten().tolist() == [1, 0, 1, 0, 1, 0]
    assert found["q"].flatten().tolist() == [0, 1, 0, 1, 0, 1]


def test_it_stands_in_a_chain() -> None:
    net, _ = looped()
    whole = nn.Sequential(net, nn.Linear(3, 2).double(), neurons.LI(2, dt=1.0).double())
    out, states = whole(noise())
    assert (out.shape, len(states), whole.dt) == ((30, 2, 2), 2, 1.0)
    with pytest.raises(errors.ParameterError, match="dt"):
        nn.Sequential(net, neurons.LI(3, dt=0.5))


WRONG: dict[str, tuple[Any, str]] = {
    "unknown end": (lambda a: nn.Graph({"a": a}, [("input", "b"), ("a", "output")]), "did you mean 'a'|Known: a"),
    "nothing feeds it": (lambda a: nn.Graph({"a": a, "b": a}, [("input", "a"), ("a", "output")]), "no edge to 'b'"),
    "it feeds nothing": (
        lambda a: nn.Graph({"a": a, "b": a}, [("input", "a"), ("input", "b"), ("a", "output")]),
        "no edge from 'b'",
    ),
    "twice": (lambda a: nn.Graph({"a": a}, [("input", "a"), ("input", "a"), ("a", "output")]), "each edge once"),
    "no delay": (
        lambda a: nn.Graph({"a": a, "b": nn.Scale(1.0)}, [("input", "a"), ("a", "b"), ("b", "a"), ("a", "output")]),
        "cycle of a, b without delay",
    ),
    "a name": (lambda a: nn.Graph({"a.b": a}, [("input", "a.b"), ("a.b", "output")]), "without a dot"),
    "axes": (lambda a: nn.Graph({"a": torch.nn.BatchNorm1d(3)}, [("input", "a"), ("a", "output")]), "TdBatchNorm"),
}


@pytest.mark.parametrize("name", WRONG)
def test_wirings_without_meaning(name: str) -> None:
    make, says = WRONG[name]
    with pytest.raises(errors.ParameterError, match=says):
        make(nn.Linear(3, 3))


def test_shapes_and_states_that_do_not_fit() -> None:
    a, b = nn.Linear(4, 3), nn.Linear(4, 1)
    net = nn.Graph({"a": a, "b": b}, [("input", "a"), ("input", "b"), ("a", "output"), ("b", "output")])
    with pytest.raises(errors.ShapeError, match=r"\(5, 2, 3\) from 'a' and \(5, 2, 1\) from 'b'"):
        net(torch.rand(5, 2, 4))
    with pytest.raises(errors.StateError, match="the state of this graph"):
        net(torch.rand(5, 2, 4), (None, None))
