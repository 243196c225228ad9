"""torch.compile and torch.export of a network of three layers: the same outputs."""

from __future__ import annotations

from pathlib import Path

import pytest
import torch

from rheobase import neurons, nn


def network() -> nn.Sequential:
    torch.manual_seed(0)
    return nn.Sequential(
        nn.Linear(8, 12),
        neurons.LIF(12, dt=1.0, learn=("tau_mem",)),
        nn.Recurrent(neurons.LIF(12, dt=1.0)),
        nn.Linear(12, 6),
        neurons.SRC(6),
        nn.Linear(6, 3),
        neurons.LI(3, dt=1.0),
    )


@pytest.fixture
def x() -> torch.Tensor:
    return torch.rand(30, 4, 8, generator=torch.Generator().manual_seed(1)) * 6


def test_compiled(x: torch.Tensor) -> None:
    net, twin = network(), network()
    compiled = torch.compile(twin, fullgraph=True, backend="aot_eager")
    (out, states), (same, others) = net(x), compiled(x)
    assert torch.equal(out, same)
    assert torch.equal(states[0].v, others[0].v)
    out.square().sum().backward()
    same.square().sum().backward()
    for p, q in zip(net.parameters(), twin.parameters(), strict=True):
        torch.testing.assert_close(p.grad, q.grad, rtol=1e-5, atol=1e-7)


def test_exported_and_saved(x: torch.Tensor, tmp_path: Path) -> None:
    net = network()
    torch.export.save(torch.export.export(net, (x,)), tmp_path / "net.pt2")
    with torch.no_grad():
        out, _ = torch.export.load(tmp_path / "net.pt2").module()(x)
        assert torch.equal(out, net(x)[0])
