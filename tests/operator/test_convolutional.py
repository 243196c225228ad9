"""The convolutional network: what it sees of the past, its layers by hand, and training by the common loop."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest
import torch
from torch import Tensor

from rheobase.errors import CheckpointError, OutOfRange, ParameterError, ShapeError
from rheobase.learning import Recipe, van_rossum
from rheobase.operator import Codes, Convolutional, Split, generate, load, train, windows
from tests.operator.stub import SHORT, Small

CODES = Codes.of(("leak",), torch.tensor([[1.0], [3.0]]))


def made(**given: Any) -> Convolutional:
    torch.manual_seed(0)
    options: dict[str, Any] = {"sample": 0.1, "channels": 3, "layers": 3, "width": 2, "stride": 2, **given}
    return Convolutional(options.pop("codes", CODES), **options)


def test_it_sees_its_reach_of_the_past_and_nothing_else() -> None:
    net = made()
    assert net.reach == 1 + 1 * (1 + 2 + 4)
    current = torch.rand(40, 1, requires_grad=True)
    v, _ = net(current, torch.tensor([[2.0]]))
    (gradient,) = torch.autograd.grad(v[30, 0], current)
    seen = gradient[:, 0].nonzero()[:, 0]
    assert int(seen.max()) == 30
    assert int(seen.min()) >= 30 - net.reach + 1


def test_its_layers_by_hand() -> None:
    """A sum over taps, `stride**l` samples apart, written out."""
    net, current, code = made().double(), torch.rand(30, 1, dtype=torch.float64), torch.tensor([[2.5]]).double()
    x = torch.cat([10.0 * current.T, (CODES.scaled(code) - 2.0).expand(1, 30)])
    for layer, apart in zip(net.layers, (1, 2, 4), strict=True):
        total = layer.bias[:, None].repeat(1, 30)  # type: ignore[index,operator]
        for tap in range(2):
            shift = (1 - tap) * apart
            moved = torch.nn.functional.pad(x, (shift, 0))[:, :30]
            total = total + layer.weight[:, :, tap] @ moved  # type: ignore[index,operator]
        x = total.relu() + (x if len(x) == 3 else 0.0)
    v = -70.0 + 20.0 * (net.readout.weight[0, :, 0] @ x + net.readout.bias[0])  # type: ignore[index]
    assert torch.allclose(net(current, code)[0][:, 0], v, atol=1e-9)


def test_it_learns_and_finds_its_threshold(tmp_path: Path) -> None:
    features = torch.tensor([[1.0], [3.0]])
    generate(tmp_path, Small(), {"train": Split(models=(0, 1), chunks=1, stimuli=6)}, SHORT)
    traces, net = load(tmp_path, "train"), made(sample=SHORT.sample)
    history = train(net, traces, traces, features, Recipe(epochs=30, batch_size=6, learning_rate=0.02))
    assert history[-1].loss < 0.95 * history[0].loss
    held = windows(traces, features)

    def apart() -> Tensor:
        return van_rossum(held.trains, net.trains(net(held.current, held.code)[1])).mean()

    before = apart()
    net.calibrate(held)
    assert float(apart()) < float(before)
    with pytest.raises(CheckpointError, match="sample"):
        made(sample=0.3).load_state_dict(net.state_dict())


def test_wrong_use() -> None:
    for name in ("channels", "layers", "width", "stride"):
        with pytest.raises(ParameterError, match=f"{name} = 0"):
            made(**{name: 0})
    with pytest.raises(ParameterError, match="sample = 0"):
        made(sample=0)
    with pytest.raises(ShapeError, match=r"\(time, batch\) and \(batch, 1\)"):
        made()(torch.zeros(9, 2), torch.zeros(3, 1))
    net = made(amplitudes=(-0.1, 0.2))
    with pytest.raises(OutOfRange, match=r"0.3 nA"):
        net(torch.full((9, 1), 0.3), torch.tensor([[2.0]]))
    with pytest.raises(OutOfRange, match="leak = 4"):
        net(torch.zeros(9, 1), torch.tensor([[4.0]]))
    assert bool(torch.isfinite(net(torch.full((9, 1), 0.3), torch.tensor([[4.0]]), check_range=False)[0]).all())
