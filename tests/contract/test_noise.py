"""Noise around every neuron: the kernels see what the reference sees, in one piece or in two."""

from __future__ import annotations

import pytest
import torch

from rheobase import Noisy, OdeNeuron, neurons
from tests.contract.models import fed

pytestmark = pytest.mark.usefixtures("plain_code")
STEPS, BATCH, N = 40, 2, 5


@pytest.mark.parametrize("name", neurons.__all__)
def test_noise_is_that_of_the_reference(name: str) -> None:
    cls = getattr(neurons, name)
    neuron = cls(N, **({"dt": 0.5} if issubclass(cls, OdeNeuron) else {}))
    noisy = Noisy(neuron, sigma=0.7, seed=11, entry=None if neuron.Input is None else "g_inh").double()
    current = torch.rand(STEPS, BATCH, N, dtype=torch.float64, generator=torch.Generator().manual_seed(0))
    runs = {}
    for backend in ("reference", "llvm"):
        x = current.clone().requires_grad_()
        out, end = noisy(fed(neuron, x), backend=backend)
        first, middle = noisy(fed(neuron, x[:13]), backend=backend)
        rest, last = noisy(fed(neuron, x[13:]), middle, backend=backend)
        assert torch.equal(torch.cat([first, rest]), out)
        assert last.rng.tolist() == end.rng.tolist() == [11, STEPS]
        (out.sum() + end[0].square().sum()).backward()
        runs[backend] = out.detach(), end[0].detach(), x.grad
    silent, still = noisy.neuron(fed(neuron, current))
    assert not torch.equal(runs["llvm"][1], still[0]) or not torch.equal(silent, runs["llvm"][0])
    for a, b in zip(runs["reference"], runs["llvm"], strict=True):
        assert (a - b).abs().max() <= 1e-10 * max(1.0, float(a.abs().max()))
