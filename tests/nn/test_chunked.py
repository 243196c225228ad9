"""A network in chunks: the same numbers, less memory."""

from __future__ import annotations

import pytest
import torch

from rheobase import neurons, nn
from rheobase.errors import ParameterError


def net() -> nn.Sequential:
    torch.manual_seed(0)
    return nn.Sequential(
        nn.Linear(6, 9),
        neurons.LIF(9, dt=1.0, learn=("tau_mem",)),
        nn.Dropout(0.3),
        nn.Recurrent(neurons.AdLIF(9)),
        nn.Linear(9, 4),
        neurons.LI(4, dt=1.0),
    ).double()


def gradients(model: torch.nn.Module, x: torch.Tensor, **options: torch.Tensor) -> list[torch.Tensor]:
    torch.manual_seed(1)
    x = x.clone().requires_grad_()
    out, _ = model(x, **options)
    (out * torch.linspace(-1, 1, out.numel(), dtype=out.dtype).view_as(out)).sum().backward()
    return [out.detach(), x.grad, *(p.grad for p in model.parameters())]


@pytest.mark.parametrize("steps", [1, 7, 20, 100])
@pytest.mark.parametrize("lengths", [None, torch.tensor([50, 20, 3])])
def test_same_numbers_as_the_whole_run(steps: int, lengths: torch.Tensor | None) -> None:
    x = torch.rand(50, 3, 6, dtype=torch.float64) * 20
    options = {} if lengths is None else {"lengths": lengths}
    whole, parts = gradients(net(), x, **options), gradients(nn.Chunked(net(), steps=steps), x, **options)
    assert whole[0].abs().sum() > 0
    for a, b in zip(whole, parts, strict=True):
        torch.testing.assert_close(a, b, rtol=1e-10, atol=1e-12)


def test_backward_runs_under_the_autocast_of_forward() -> None:
    """A spike that never happened must not come from products in another type."""
    x = torch.rand(40, 3, 6)
    found = []
    for chunked in (False, True):
        torch.manual_seed(0)
        plain = nn.Sequential(nn.Linear(6, 9), neurons.LIF(9, dt=1.0), nn.Linear(9, 4), neurons.LI(4, dt=1.0))
        model, y = nn.Chunked(plain, steps=7) if chunked else plain, x.clone().requires_grad_()
        with torch.autocast("cpu", torch.bfloat16):
            out, _ = model(20.0 * y)
        out.float().square().sum().backward()
        found.append([out.detach().float(), y.grad, *(p.grad for p in model.parameters())])
    for a, b in zip(*found, strict=True):
        torch.testing.assert_close(a, b, rtol=2e-2, atol=2e-2 * float(a.abs().max()))


def test_backward_runs_in_the_mode_of_forward() -> None:
    x = torch.rand(30, 3, 6, dtype=torch.float64) * 20
    expected = gradients(nn.Chunked(net(), steps=7), x)
    model = nn.Chunked(net(), steps=7)
    torch.manual_seed(1)
    y = x.clone().requires_grad_()
    out, _ = model(y)
    model.eval()  # dropout would let everything pass
    (out * torch.linspace(-1, 1, out.numel(), dtype=out.dtype).view_as(out)).sum().backward()
    assert not any(part.training for part in model.modules())
    for a, b in zip(expected, [out.detach(), y.grad, *(p.grad for p in model.parameters())], strict=True):
        assert torch.equal(a, b)


@pytest.mark.parametrize("name", ["0.weight", "1.tau_mem_log", "1.v_leak", "3.weight_rec"])
def test_weights_that_change_before_backward_are_refused(name: str) -> None:
    model = nn.Chunked(net(), steps=7)
    out, _ = model(torch.rand(30, 3, 6, dtype=torch.float64) * 20)
    held = {**dict(model.net.named_parameters()), **dict(model.net.named_buffers())}[name]
    with torch.no_grad():
        held.add_(0.1)
    with pytest.raises(RuntimeError, match="modified by an inplace operation"):
        out.sum().backward()


def test_bad_arguments() -> None:
    with pytest.raises(ParameterError, match="an integer >= 1"):
        nn.Chunked(net(), steps=0)
    with pytest.raises(ParameterError, match="BatchNorm"):
        nn.Chunked(nn.Sequential(nn.TdBatchNorm(3)), steps=5)


def wired() -> nn.Graph:
    """A branch, a cycle, and layers without a state, whose places in the state of the graph hold none."""
    torch.manual_seed(0)
    layers = {
        "in": nn.Linear(6, 9),
        "cells": neurons.LIF(9, dt=1.0, tau_mem=3.0, learn=("tau_mem",)),
        "back": nn.Linear(9, 9),
        "drop": nn.Dropout(0.3),
        "late": nn.Delay(9, taps=4),
        "out": neurons.LI(9, dt=1.0),
    }
    edges = [("input", "in"), ("in", "cells"), ("cells", "back"), ("back", "cells"), ("cells", "drop")]
    edges += [("drop", "late"), ("late", "out"), ("in", "out"), ("out", "output")]
    return nn.Graph(layers, edges).double()


@pytest.mark.parametrize("nested", [False, True])
@pytest.mark.parametrize("lengths", [None, torch.tensor([30, 20, 3])])
def test_graphs_run_in_chunks(nested: bool, lengths: torch.Tensor | None) -> None:
    def made() -> torch.nn.Module:
        graph = wired()
        return nn.Sequential(nn.Linear(6, 6).double(), nn.Sequential(graph)) if nested else graph

    x = torch.rand(30, 3, 6, dtype=torch.float64) * 20
    options = {} if lengths is None else {"lengths": lengths}
    whole, parts = gradients(made(), x, **options), gradients(nn.Chunked(made(), steps=7), x, **options)
    assert whole[0].abs().sum() > 0
    assert all(g.abs().sum() > 0 for g in whole[1:])
    for a, b in zip(whole, parts, strict=True):
        torch.testing.assert_close(a, b, rtol=1e-10, atol=1e-12)
    model = nn.Chunked(wired(), steps=7).eval()
    _, end = model(x)
    first, middle = model(x[:11])
    second, last = model(x[11:], middle)
    torch.testing.assert_close(torch.cat([first, second]), model(x)[0], rtol=1e-10, atol=1e-12)
    assert type(last) is type(end)
    assert last.layers[0] is None
