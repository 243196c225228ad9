"""Codes between two models: the ends are the models themselves, and what lies beyond them is refused."""

from __future__ import annotations

from typing import Any

import pytest
import torch
from torch import Tensor

from rheobase.errors import OutOfRange, ParameterError, ShapeError
from rheobase.operator import Codes, Convolutional, FourierOperator, StandIn, interpolate
from rheobase.operator.scores import upward

ONE, OTHER = torch.tensor([1.0, 10.0]), torch.tensor([3.0, 30.0])
CODES = Codes.of(("slope", "threshold"), torch.stack([ONE, OTHER]))


def stand_in() -> StandIn:
    torch.manual_seed(0)
    net = StandIn(CODES, sample=0.5, hidden=4, amplitudes=(-0.1, 0.3))
    with torch.no_grad():
        for shift in net.shifts.values():
            shift.normal_(0.0, 0.3)
        net.values["v_threshold"].fill_(0.1)
    return net


def operator() -> FourierOperator:
    pytest.importorskip("neuralop.models.fno", reason="neuraloperator is not installed")
    torch.manual_seed(0)
    return FourierOperator(CODES, steps=64, modes=12, hidden=6, layers=2, amplitudes=(-0.1, 0.3))


def step() -> Tensor:
    current = torch.zeros(64, 3)
    current[8:] = torch.tensor([0.05, 0.2, 0.3])
    return current


def test_a_stand_in_is_called_with_the_codes_in_between() -> None:
    """By hand: the codes, and for each of them a call of its own."""
    net, current = stand_in(), step()
    found = interpolate(net, current, ONE, OTHER, (0.0, 0.25, 1.0))
    assert found.code.tolist() == [[1.0, 10.0], [1.5, 15.0], [3.0, 30.0]]
    assert found.v.shape == found.spikes.shape == (64, 3, 3)
    for k, code in enumerate(found.code):
        spikes, v, _ = net(current[:, None], code.expand(3, -1))
        assert torch.allclose(found.v[:, k], v[:, 0], rtol=0, atol=1e-4)
        assert torch.equal(found.spikes[:, k], spikes[:, 0])
    assert not torch.equal(found.v[:, 0], found.v[:, 2])
    assert float(found.spikes.sum()) > 0
    assert not found.v.requires_grad
    # the way back is the same line
    back = interpolate(net, current, OTHER, ONE, (1.0, 0.75, 0.0))
    assert torch.equal(back.v, found.v)


def test_an_operator_too() -> None:
    net, current = operator(), step()
    found = interpolate(net, current, ONE, OTHER, (0.0, 0.5))
    for k, code in enumerate(found.code):
        with torch.no_grad():
            v = net(current, code)
        assert torch.allclose(found.v[:, k], v, rtol=0, atol=1e-3)
    assert torch.equal(found.spikes.bool(), upward(found.v))


def test_codes_of_double_precision() -> None:
    """Features are kept in float64, nets in float32."""
    assert interpolate(stand_in(), step(), ONE.double(), OTHER.double()).v.dtype == torch.float32


@pytest.mark.parametrize("make", [stand_in, operator])
def test_what_lies_beyond(make: Any) -> None:
    net, current = make(), step()
    for fractions in ((0.5, 1.2), (-0.1,)):
        with pytest.raises(OutOfRange, match="check_range=False"):
            interpolate(net, current, ONE, OTHER, fractions)
    with pytest.raises(OutOfRange, match="threshold = 40"):
        interpolate(net, current, ONE, torch.tensor([3.0, 40.0]))
    with pytest.raises(OutOfRange, match="nA"):
        interpolate(net, 2 * current, ONE, OTHER)
    found = interpolate(net, 2 * current, ONE, OTHER, (1.5,), check_range=False)
    assert found.code.tolist() == [[4.0, 40.0]]


@pytest.mark.parametrize(
    ("given", "error", "match"),
    [
        ({"one": ONE[:1]}, ShapeError, "slope, threshold"),
        ({"other": [3.0, 30.0]}, ShapeError, "other of list"),
        ({"current": torch.zeros(64)}, ShapeError, "a batch of one"),
        ({"current": 0.1}, ShapeError, "a current of float"),
        ({"fractions": ()}, ParameterError, "one or more"),
        ({"fractions": (0.5, float("nan"))}, ParameterError, "finite"),
        ({"fractions": 0.5}, ParameterError, "one or more"),
    ],
)
def test_what_is_wrong_is_said(given: dict[str, Any], error: type[Exception], match: str) -> None:
    arguments: dict[str, Any] = {"net": stand_in(), "current": step(), "one": ONE, "other": OTHER, **given}
    with pytest.raises(error, match=match):
        interpolate(**arguments)


def test_another_net() -> None:
    net: Any = Convolutional(CODES, sample=0.5)
    with pytest.raises(ParameterError, match="a Convolutional"):
        interpolate(net, step(), ONE, OTHER)
