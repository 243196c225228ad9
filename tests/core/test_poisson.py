"""Poisson numbers have the distribution of their mean, in kernels too, and means that they cannot have are told."""

from __future__ import annotations

import math

import pytest
import torch
from torch import Tensor

import rheobase
from rheobase import MapNeuron, Noisy, PoissonInput, errors, integrators, neurons, state
from rheobase.core.random_numbers import poisson


class Sum(MapNeuron):
    """Adds up its input, and gives it out."""

    total = state(0.0, "1", "the sum of the input")
    graded = True

    def step(self, s, i):
        return i, s._replace(total=s.total + i)


def counts(mean: float, n: int, *, dtype: torch.dtype, backend: str, most: float | None = None) -> Tensor:
    cell = PoissonInput(Sum(n), rate=mean, weight=1.0, most=most, seed=5).to(dtype)
    out, _ = cell(torch.zeros(200, 1, n, dtype=dtype), backend=backend)
    return out.double().flatten()


@pytest.mark.parametrize("dtype", [torch.float32, torch.float64], ids=str)
@pytest.mark.parametrize("mean", [1e-3, 0.1, 0.8, 3.0, 16.0, 64.0])
def test_distribution(mean: float, dtype: torch.dtype) -> None:
    """Chi squared over the counts that are expected ten times or more, the rest together."""
    x = counts(mean, 2000, dtype=dtype, backend="llvm")
    assert torch.equal(x, x.round())
    ks = torch.arange(200, dtype=torch.float64)
    expected = x.numel() * torch.exp(ks * math.log(mean) - mean - torch.lgamma(ks + 1))
    often = expected >= 10.0
    seen = torch.bincount(x.long(), minlength=200).double()
    cells = torch.cat([seen[often], (x.numel() - seen[often].sum()).view(1)])
    wanted = torch.cat([expected[often], (x.numel() - expected[often].sum()).clamp(min=1.0).view(1)])
    free = len(cells) - 1
    chi = float(((cells - wanted) ** 2 / wanted).sum())
    assert chi < free + 4.0 * math.sqrt(2.0 * free) + 4.0
    assert float(x.mean()) == pytest.approx(mean, abs=4.0 * math.sqrt(mean / x.numel()))


@pytest.mark.parametrize("dtype", [torch.float32, torch.float64], ids=str)
def test_backends_count_alike(dtype: torch.dtype) -> None:
    """Up to draws that fall on the very edge between two counts, where exp may differ in its last digit."""
    for mean in (0.1, 0.8, 16.0):
        one, other = (counts(mean, 500, dtype=dtype, backend=backend) for backend in ("reference", "llvm"))
        assert float((one != other).double().mean()) < 2e-5


def test_a_larger_bound_changes_nothing() -> None:
    one, other = (counts(0.8, 500, dtype=torch.float64, backend="llvm", most=most) for most in (1.0, 16.0))
    assert torch.equal(one, other)


def test_rates_differ_from_neuron_to_neuron() -> None:
    rate = torch.tensor([0.0, 2.0, 8.0])
    out, _ = PoissonInput(Sum(3), rate=rate, weight=2.0, seed=0)(torch.zeros(2000, 1, 3))
    mean = 0.5 * out.mean((0, 1))
    assert float(mean[0]) == 0.0
    assert torch.allclose(mean, rate, atol=4.0 * math.sqrt(8.0 / 2000))
    # neurons and samples draw apart
    out, _ = PoissonInput(Sum(2), rate=2.0, seed=0)(torch.zeros(4000, 2, 2))
    assert float(torch.corrcoef(out.view(4000, 4).T).triu(1).abs().max()) < 4.0 / math.sqrt(4000)


def test_the_rate_of_a_leaky_integrator() -> None:
    """Campbell's theorem, with the exact decay of a step: the mean and variance of filtered Poisson spikes."""
    dt, tau, rate, weight = 0.5, 10.0, 3.0, 0.7
    cell = PoissonInput(neurons.LI(2000, dt=dt, tau_mem=tau), rate=rate, weight=weight, seed=1).double()
    v, _ = cell(torch.zeros(400, 1, 2000, dtype=torch.float64))
    v = v[-1].flatten()
    _, step = neurons.LI(1, dt=dt, tau_mem=tau).double()(torch.ones(1, 1, 1, dtype=torch.float64))
    jump, kept = weight * float(step.v), math.exp(-dt / tau)
    assert float(v.mean()) == pytest.approx(jump * rate * dt / (1 - kept), rel=0.01)
    assert float(v.var()) == pytest.approx(jump**2 * rate * dt / (1 - kept**2), rel=0.15)


def test_a_mean_beyond_the_bound_is_told() -> None:
    cell = PoissonInput(neurons.LIF(3, dt=0.5), rate=3.0)
    assert cell.most == 2.0
    assert PoissonInput(neurons.LIF(3, dt=0.5), rate=0.0).most == 2.0**-6
    cell.rate = 4.0
    with pytest.raises(errors.ParameterError, match=r"2\.5 spikes in a step; expected 2 \(`most`\) or less"):
        cell.rate = 5.0
    with pytest.raises(errors.ParameterError, match="rates of 0 or more"):
        cell.rate = -1.0
    assert float(cell.rate) == 4.0  # what is refused is not taken
    cell.rate.fill_(5.0)
    for backend in ("reference", "llvm"):
        with pytest.raises(errors.Diverged):
            cell(torch.zeros(4, 1, 3), backend=backend)


@pytest.mark.parametrize("dtype", [torch.float32, torch.float64], ids=str)
def test_a_mean_that_is_the_bound(dtype: torch.dtype) -> None:
    """rate dt may be rounded to a float above the bound that was computed in double precision."""
    for k in range(1, 200):
        rate = 0.07 * k
        cell = PoissonInput(Sum(1), rate=rate, most=rate).to(dtype)
        mean = cell.rate * torch.tensor(1.0 + 1e-7, dtype=dtype)
        found = poisson(torch.zeros(1, 1, dtype=dtype), mean, torch.tensor([0, k]), most=rate)
        assert bool(torch.isfinite(found).all())


def test_what_cannot_be() -> None:
    with pytest.raises(errors.ParameterError, match="65 spikes in a step"):
        PoissonInput(neurons.LIF(3, dt=1.0), rate=65.0)
    with pytest.raises(errors.ParameterError, match="most"):
        PoissonInput(neurons.LIF(3, dt=1.0), rate=3.0, most=2.0)
    for odd in (True, "2", math.nan, 0.0):
        with pytest.raises(errors.ParameterError, match="most"):
            PoissonInput(neurons.LIF(3, dt=1.0), rate=0.0, most=odd)  # type: ignore[arg-type]
    with pytest.raises(errors.ParameterError, match="g_exc"):
        PoissonInput(neurons.CondLIF(3, dt=1.0), entry="g_exx")
    with pytest.raises(errors.ParameterError, match="once"):
        Noisy(PoissonInput(neurons.LIF(3, dt=1.0)))
    with pytest.raises(errors.ParameterError, match="most"):
        poisson(torch.zeros(1, 1), torch.ones(()), torch.tensor([0, 0]), most=100.0)


def test_one_of_several_inputs() -> None:
    cell = PoissonInput(neurons.CondLIF(50, dt=0.1), rate=8.0, weight=4.0, entry="g_exc", seed=2)
    silent = torch.zeros(2000, 1, 50)
    assert float(cell(g_exc=silent, g_inh=silent)[0].sum()) > 0
    assert cell.params["weight"].unit == neurons.CondLIF(1, dt=0.1).entries["g_exc"].unit


def test_what_is_written_makes_it_again() -> None:
    two, scope = neurons.CondLIF(2, dt=1.0), {"Sum": Sum}
    for module in (rheobase, neurons, integrators):
        scope.update(vars(module))
    given = [PoissonInput(two, rate=1.0, most=8.0, entry="g_exc"), Noisy(two, entry="g_inh"), PoissonInput(Sum(2))]
    for whole in given:
        assert repr(eval(repr(whole), scope)) == repr(whole)
