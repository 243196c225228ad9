"""A network in chunks: the same numbers, less memory."""

from __future__ import annotations

import pytest
import torch

from rheobase import neurons, nn
from rheobase.errors import ParameterError


def net() -> nn.Sequential:
    torch.manual_seed(0)
    return nn.Sequential(
        nn.Linear(6, 9), neurons.LIF(9, dt=1.0, learn=("tau_mem",)), nn.Dropout(0.3), nn.Recurrent(neurons.AdLIF(9)),
        nn.Linear(9, 4), neurons.LI(4, dt=1.0),
    ).double()  # fmt: skip


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


def test_bad_arguments() -> None:
    with pytest.raises(ParameterError, match="an integer >= 1"):
        nn.Chunked(net(), steps=0)
    with pytest.raises(ParameterError, match="TdBatchNorm"):
        nn.Chunked(nn.Sequential(nn.TdBatchNorm(3)), steps=5)
