"""What a neuron returns is a tuple like any other; taken for a tensor, it says what to do."""

from __future__ import annotations

import copy
import pickle
from collections.abc import Callable
from typing import Any

import pytest
import torch
from torch import nn as torch_nn
from torch.utils._pytree import tree_flatten, tree_map, tree_unflatten

from rheobase import neurons, nn
from rheobase.errors import DTypeError

X = torch.full((4, 2, 3), 1.5)
LIF = neurons.LIF(3, dt=1.0)
REMEDY = r"Remedy: out, state = neuron\(x\), and `out` alone goes on; rheobase\.nn\.Sequential does so in a chain"

NEXT: dict[str, Callable[[], torch_nn.Module]] = {
    "Linear": lambda: torch_nn.Linear(3, 2),
    "ReLU": torch_nn.ReLU,
    "Dropout": torch_nn.Dropout,
    "Softmax": lambda: torch_nn.Softmax(-1),
    "LayerNorm": lambda: torch_nn.LayerNorm(3),
    "Conv1d": lambda: torch_nn.Conv1d(2, 2, 1),
    "BatchNorm1d": lambda: torch_nn.BatchNorm1d(2),
    "BatchNorm2d": lambda: torch_nn.BatchNorm2d(2),
    "Flatten": torch_nn.Flatten,
    "MaxPool1d": lambda: torch_nn.MaxPool1d(1),
    "LSTM": lambda: torch_nn.LSTM(3, 2),
    "RNN": lambda: torch_nn.RNN(3, 2),
    "LIF": lambda: neurons.LIF(3, dt=1.0),
    "TdBatchNorm": lambda: nn.TdBatchNorm(3),
}


@pytest.mark.parametrize("name", NEXT)
def test_a_chain_of_torch_s_says_which_one_to_use(name: str) -> None:
    """The first thing that whoever comes from elsewhere writes."""
    with pytest.raises((DTypeError, AttributeError), match=REMEDY):
        torch_nn.Sequential(torch_nn.Linear(3, 3), LIF, NEXT[name]())(X)


@pytest.mark.parametrize("name", ["sum", "mean", "shape", "backward", "detach", "flatten", "T"])
def test_a_tensor_s_attribute_says_so(name: str) -> None:
    """Where a neuron returns its spikes alone, they are summed at once."""
    with pytest.raises(AttributeError, match=rf"no attribute '{name}'\. {REMEDY}"):
        getattr(LIF(X), name)
    assert not hasattr(LIF(X), "no_such_name")


def test_a_loss_says_so() -> None:
    with pytest.raises(DTypeError, match="torch's cross_entropy.*" + REMEDY):
        torch_nn.functional.cross_entropy(LIF(X), torch.zeros(4, 3).long())  # type: ignore[arg-type]


def test_it_is_a_tuple_like_any_other() -> None:
    pair = LIF(X)
    out, end = pair
    assert isinstance(pair, tuple)
    assert len(pair) == 2
    assert pair[0] is out
    assert pair[:1] == (out,)
    assert repr(pair) == repr((out, end))
    for twin in (copy.deepcopy(pair), pickle.loads(pickle.dumps(pair)), copy.copy(pair)):
        assert type(twin) is type(pair)
        assert torch.equal(twin[0], out)
        assert torch.equal(twin[1].v, end.v)
    _, _, rec = LIF(X, record=("v",))
    assert rec.v.shape == X.shape


def test_torch_goes_through_it_as_through_a_tuple() -> None:
    pair = LIF(X)
    leaves, form = tree_flatten(pair)
    assert [leaf.shape for leaf in leaves] == [X.shape, (2, 3)]
    assert type(tree_unflatten(leaves, form)) is type(pair)
    assert torch.equal(tree_map(lambda leaf: 2 * leaf, pair)[0], 2 * pair[0])

    def run(x: torch.Tensor) -> Any:
        return LIF(x, backend="reference")

    many, ends = torch.func.vmap(run)(torch.stack([X, 0.5 * X]))
    assert torch.equal(many[0], pair[0])
    assert ends.v.shape == (2, 2, 3)


@pytest.mark.filterwarnings("ignore::DeprecationWarning")
def test_a_graph_returns_a_plain_tuple() -> None:
    module = torch.export.export(LIF, (X,)).module()
    exported = module(X)
    assert type(exported) is tuple
    assert torch.equal(exported[0], LIF(X)[0])
    compiled: Any = torch.compile(LIF, backend="eager", fullgraph=True)
    assert type(compiled(X)) is tuple
