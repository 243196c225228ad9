"""Layers over sequences: shapes, states, and what they refuse."""

from __future__ import annotations

import copy

import pytest
import torch

from rheobase import neurons, nn
from rheobase.errors import ParameterError, ShapeError, StateError

T, B = 6, 3


@pytest.mark.parametrize(
    ("layer", "plain", "shape"),
    [
        (nn.Conv1d(2, 3, 3), torch.nn.Conv1d, (2, 8)),
        (nn.Conv2d(2, 3, 3, stride=2, groups=1), torch.nn.Conv2d, (2, 8, 9)),
        (nn.AvgPool1d(2), torch.nn.AvgPool1d, (2, 8)),
        (nn.AvgPool2d(2), torch.nn.AvgPool2d, (2, 8, 8)),
        (nn.MaxPool1d(2), torch.nn.MaxPool1d, (2, 8)),
        (nn.MaxPool2d(2), torch.nn.MaxPool2d, (2, 8, 8)),
    ],
    ids=lambda v: type(v).__name__,
)
def test_each_step_is_what_torch_does(layer: torch.nn.Module, plain: type, shape: tuple[int, ...]) -> None:
    x = torch.randn(T, B, *shape)
    out = layer(x)
    for t in range(T):
        torch.testing.assert_close(out[t], plain.forward(layer, x[t]), rtol=1e-6, atol=1e-6)


def test_convolution_refuses_other_shapes() -> None:
    with pytest.raises(ShapeError, match="time is the first axis"):
        nn.Conv2d(2, 3, 3)(torch.zeros(B, 2, 8, 8))
    with pytest.raises(ShapeError, match="2 features"):
        nn.Conv2d(2, 3, 3)(torch.zeros(T, B, 4, 8, 8))


def test_dropout_keeps_one_mask_for_all_chunks() -> None:
    drop, x = nn.Dropout(0.5), torch.ones(T, B, 200)
    first, mask = drop(x)
    second, same = drop(x, mask)
    assert torch.equal(first, second)
    assert torch.equal(mask, same)
    assert set(mask.unique().tolist()) == {0.0, 2.0}
    assert 0.4 < (mask == 0).float().mean() < 0.6
    assert not torch.equal(drop(x)[1], mask)
    assert torch.equal(drop.eval()(x, mask)[0], x)
    with pytest.raises(StateError, match="a mask of shape"):
        drop(torch.ones(T, B + 1, 200), mask)
    for p in (1.0, -0.1, True):
        with pytest.raises(ParameterError, match="0 <= p < 1"):
            nn.Dropout(p)


def test_a_mask_of_another_type_leaves_that_of_the_sequence() -> None:
    x = torch.ones(T, B, 200)
    out, mask = nn.Dropout(0.5)(x, 2.0 * (torch.rand(B, 200) < 0.5).double())
    assert out.dtype == torch.float32
    assert torch.equal(out[-1].double(), mask)


def test_batch_norm_over_time_uses_all_steps() -> None:
    norm, x = nn.TdBatchNorm(4, v_threshold=0.5, alpha=2.0), torch.randn(T, B, 4, 5, 5) * 3 + 1
    y = norm(x)
    mean = x.mean(dim=(0, 1, 3, 4), keepdim=True)
    std = x.var(dim=(0, 1, 3, 4), keepdim=True, unbiased=False).add(1e-5).sqrt()
    torch.testing.assert_close(y, (x - mean) / std, rtol=1e-4, atol=1e-5)
    with pytest.raises(ShapeError):
        norm(torch.zeros(T, B, 3))


def test_group_readout_sums_votes() -> None:
    readout = nn.GroupReadout(4, classes=2, decay=0.5)
    s = torch.zeros(2, 1, 4)
    s[0, 0, 1] = 1.0  # cell 1 votes for class 1
    out, _ = readout(s)
    torch.testing.assert_close(out[:, 0], torch.tensor([[-0.1, 1.0], [-0.05, 0.5]]))
    assert not list(readout.parameters())
    with pytest.raises(ParameterError, match="a multiple of the classes"):
        nn.GroupReadout(7, classes=2)


def chain() -> nn.Sequential:
    torch.manual_seed(0)
    return nn.Sequential(
        nn.Conv2d(1, 2, 3),
        neurons.LIF(2, 6, 6, dt=1.0),
        nn.MaxPool2d(2),
        nn.Flatten(),
        nn.Linear(18, 8),
        torch.nn.ReLU(),
        nn.Recurrent(neurons.LIF(8, dt=1.0, tau_mem=5.0)),
        nn.Linear(8, 3),
        neurons.LI(3, dt=1.0),
    )


def test_sequential_carries_every_state() -> None:
    net, x = chain(), torch.rand(40, B, 1, 8, 8) * 30
    whole, end = net(x)
    first, middle = net(x[:17])
    second, end2 = net(x[17:], middle)
    assert len(end) == 3
    torch.testing.assert_close(torch.cat([first, second]), whole, rtol=1e-5, atol=1e-6)
    torch.testing.assert_close(end2[-1].v, end[-1].v, rtol=1e-5, atol=1e-6)
    outputs = net.outputs(x)
    assert len(outputs) == len(net) == 9
    assert outputs[1].sum() > 0
    torch.testing.assert_close(outputs[-1], whole)


def test_sequential_refuses_what_does_not_fit() -> None:
    with pytest.raises(ParameterError, match=r"dt=1\.0"):
        nn.Sequential(neurons.LIF(3, dt=1.0), neurons.LIF(3, dt=0.5))
    with pytest.raises(ParameterError, match=r"dt=1\.0"):
        nn.Sequential(nn.Recurrent(neurons.LIF(3, dt=1.0)), neurons.LIF(3, dt=0.5))
    with pytest.raises(ParameterError, match="at least one"):
        nn.Sequential()
    with pytest.raises(ParameterError, match="a module"):
        nn.Sequential(nn.Linear(2, 2), 3)  # type: ignore[arg-type]
    net = chain()
    with pytest.raises(StateError, match="1 states"):
        net(torch.zeros(2, B, 1, 8, 8), (None,))
    with pytest.raises(ShapeError):
        nn.Sequential(nn.Linear(3, 4), neurons.LIF(5, dt=1.0))(torch.zeros(2, 2, 3))


def test_a_step_counting_neuron_goes_with_any_dt() -> None:
    net = nn.Sequential(neurons.SRC(3), neurons.LI(3, dt=0.5))
    assert net.dt == 0.5
    assert nn.Sequential(neurons.SRC(3)).dt is None


def test_state_dict_round_trip() -> None:
    net, x = chain(), torch.rand(10, B, 1, 8, 8) * 30
    other = copy.deepcopy(net)
    for p in other.parameters():
        p.data.zero_()
    other.load_state_dict(net.state_dict())
    assert torch.equal(net(x)[0], other(x)[0])
