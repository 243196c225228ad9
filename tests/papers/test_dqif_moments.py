"""The distribution of DQIF's potential under normalised input, by theory and simulation, and its surrogate's window."""

from __future__ import annotations

import functools
import math
from typing import Any, NamedTuple

import pytest
import torch
from torch import Tensor

from rheobase import neurons, nn, surrogates
from rheobase.errors import ParameterError, ShapeError
from rheobase.reproduce.dqif import theory as dqif

SAMPLES = 1_000_000
ERROR = 1.0 / math.sqrt(SAMPLES)


class Row(NamedTuple):
    """A cell with u1 = 0; mean, std and rate of the closure at step 8; E[q'(u)^2 (1 - s)] of a simulation there."""

    lam: float
    a: float
    u2: float
    closure: tuple[float, float, float]
    energy: float
    holds: bool = True

    @property
    def cell(self) -> dict[str, float]:
        return dict(a=self.a, u1=0.0, u2=self.u2, lam=self.lam)


TABLE = [
    Row(1.0, 0.25, 0.5, (-0.116, 1.113, 0.158), 0.52),
    Row(1.0, 0.5, 0.5, (0.135, 1.085, 0.213), 0.70),
    Row(1.0, 0.1, 0.5, (-0.497, 1.254, 0.116), 0.60),
    Row(1.0, 0.5, 1.0, (0.181, 1.070, 0.222), 0.55),
    Row(0.0, 0.25, 0.5, (0.158, 1.053, 0.212), 0.17),
    Row(0.0, 0.1, 0.5, (0.066, 1.009, 0.177), 0.03),
    Row(0.0, 0.5, 0.5, (0.382, 1.346, 0.323), 0.62, holds=False),
]
EULER, FACTORED, DRIFTS = TABLE[0].cell, TABLE[4].cell, TABLE[6].cell

# away from the table: input, threshold and reset are not the standard ones
OTHERS = [
    dict(a=0.3, u1=-0.4, u2=0.8, lam=0.0, mu_x=0.2, sigma_x=0.7, v_threshold=0.9, v_reset=-0.6),
    dict(a=0.4, u1=-0.3, u2=0.9, lam=1.0, mu_x=-0.1, sigma_x=1.2, v_threshold=0.8, v_reset=0.1),
]
CUTS = [(False, False), (True, False), (False, True), (True, True)]  # clamp, soft reset

every_row = pytest.mark.parametrize("row", TABLE, ids=lambda r: f"{r.lam:.0f}-{r.a}-{r.u2}")


class Run(NamedTuple):
    """Of a simulation, for each step: moments, gradient energy, and the standard error of the std."""

    mean: Tensor
    std: Tensor
    rate: Tensor
    energy: Tensor
    error: Tensor


def population(shape: int = 1, *, clamp: bool = False, soft: bool = False, **given: Any) -> neurons.DQIF:
    form = "euler" if given.pop("lam") else "factored"
    cut, reset = "always" if clamp else "never", "soft" if soft else "hard"
    return neurons.DQIF(shape, form=form, clamp=cut, reset=reset, **given)


@functools.cache
def simulated(steps: int, clamp: bool = False, soft: bool = False, **given: float) -> Run:
    """The neuron itself, from rest, under independent normal inputs."""
    values = dict(given)
    mu_x, sigma_x = values.pop("mu_x", 0.0), values.pop("sigma_x", 1.0)
    noise = torch.randn(steps, SAMPLES, 1, generator=torch.Generator().manual_seed(7))
    out, _, rec = population(clamp=clamp, soft=soft, **values)(mu_x + sigma_x * noise, record=("v.pre",))
    update = {name: given[name] for name in ("a", "u1", "u2", "lam")}
    q, floor = dqif.coefficients(**update), float(dqif.vertex(**update)) if clamp else -math.inf
    found = []
    for u, s in zip(rec.v_pre[..., 0].double(), out[..., 0], strict=True):
        std = u.std()
        error = torch.sqrt((u - u.mean()).pow(4).mean() - std**4) / (2.0 * std) * ERROR
        slope = 2.0 * q.a * u.clamp(min=floor) + q.b
        found.append((u.mean(), std, s.double().mean(), (slope**2 * (1.0 - s)).mean(), error))
    return Run(*(torch.stack(each) for each in zip(*found, strict=True)))


# --- moments ------------------------------------------------------------------------------------------
@every_row
def test_closure_of_the_table(row: Row) -> None:
    found = dqif.membrane_moments(**row.cell, steps=8)
    for value, expected in zip(found, row.closure, strict=True):
        assert float(value[-1]) == pytest.approx(expected, abs=0.0006)


@every_row
def test_closure_against_simulation(row: Row) -> None:
    """Within 0.02 where it holds; not where it drifts."""
    found = dqif.membrane_moments(**row.cell, steps=8)
    away = [float((x - y).abs().max()) for x, y in zip(found, simulated(8, **row.cell), strict=False)]
    assert (max(away) < 0.02) == row.holds, away


@pytest.mark.parametrize(
    ("cell", "clamp", "soft"),
    [(EULER, True, False), (EULER, True, True), (FACTORED, True, True), (FACTORED, False, True), (DRIFTS, True, False)],
)
def test_closure_with_clamp_and_soft_reset(cell: dict[str, float], clamp: bool, soft: bool) -> None:
    found = dqif.membrane_moments(**cell, steps=8, clamp=clamp, soft=soft)
    run = simulated(8, clamp, soft, **cell)
    for value, seen in zip(found, run, strict=False):
        assert float((value - seen).abs().max()) < 0.02
    energy = dqif.gradient_energy(found, **cell, clamp=clamp)
    assert float((energy - run.energy).abs().max()) < 0.01


@pytest.mark.parametrize(
    ("given", "clamp", "soft"), [(given, *cut) for given in OTHERS for cut in CUTS] + [(DRIFTS, False, False)]
)
def test_two_steps_are_exact(given: dict[str, float], clamp: bool, soft: bool) -> None:
    """To 5 standard errors, also where the closure drifts away later."""
    found = dqif.membrane_moments(**given, steps=2, clamp=clamp, soft=soft)
    run = simulated(2, clamp, soft, **given)
    assert bool(((found.mean - run.mean).abs() < 5.0 * ERROR * run.std).all())
    assert bool(((found.std - run.std).abs() < 5.0 * run.error).all())
    assert float(found.rate[0]) == pytest.approx(float(run.rate[0]), abs=2.5 * ERROR)


@every_row
def test_second_step_in_closed_form(row: Row) -> None:
    """For u1 = 0, v_reset = 0, and sigma_x and threshold of 1."""
    a, b, _ = (float(x) for x in dqif.coefficients(**row.cell))
    found = dqif.membrane_moments(**row.cell, steps=2)
    mean = 0.5994 * a - 0.2420 * b
    assert float(found.mean[1]) == pytest.approx(mean, abs=1e-4)
    square = 1.0 + 1.5561 * a**2 - 1.4518 * a * b + 0.5994 * b**2 - mean**2
    assert float(found.std[1]) == pytest.approx(math.sqrt(square), abs=1e-4)


def test_moments_broadcast() -> None:
    a, lam = torch.tensor([0.1, 0.25]), torch.tensor([[0.0], [1.0], [1.0]])
    found = dqif.membrane_moments(a=a, u1=0.0, u2=0.5, lam=lam, steps=4)
    alone = dqif.membrane_moments(**EULER, steps=4)
    for many, one in zip(found, alone, strict=True):
        assert many.shape == (4, 3, 2)
        assert torch.allclose(many[:, 2, 1], one, rtol=0, atol=1e-12)


# --- gradients through time ---------------------------------------------------------------------------
@every_row
def test_gradient_energy_of_the_table(row: Row) -> None:
    """To its two digits, by simulation; the closure near it."""
    run = simulated(8, **row.cell)
    assert float(run.energy[-1]) == pytest.approx(row.energy, abs=0.0055)
    found = dqif.gradient_energy(dqif.membrane_moments(**row.cell, steps=8), **row.cell)
    assert (float((found - run.energy).abs().max()) < 0.02) == row.holds


def test_gradient_energy_is_what_passes_back() -> None:
    """The mean square of du[t+1]/du[t], by the neuron's own backward, with no gradient through spikes."""
    found = population(**EULER, detach_reset=True).double()
    noise = torch.randn(2, SAMPLES // 10, 1, generator=torch.Generator().manual_seed(3), dtype=torch.float64)
    noise.requires_grad_()
    _, _, rec = found(noise, record=("v.pre",))
    rec.v_pre[1].sum().backward()
    assert noise.grad is not None
    expected = dqif.gradient_energy(dqif.membrane_moments(**EULER, steps=1), **EULER)
    assert float((noise.grad[0] ** 2).mean()) == pytest.approx(float(expected), abs=0.01)


@pytest.mark.parametrize("lam", [0.0, 1.0])
def test_large_a_makes_gradients_explode(lam: float) -> None:
    cell = dict(a=1.0, u1=0.0, u2=0.5, lam=lam)
    assert float(dqif.gradient_energy(dqif.membrane_moments(**cell, steps=2), **cell)[1]) > 1.5


# --- the window -----------------------------------------------------------------------------------------
def test_windows_at_step_two() -> None:
    for cell, expected in ((EULER, 1.11), (FACTORED, 1.06)):
        found = dqif.membrane_moments(**cell, steps=4)
        assert float(dqif.window(found)) == pytest.approx(expected, abs=0.005)
        assert float(dqif.window(found, step=1)) == 1.0
        assert float(dqif.window(found, step=4)) == float(found.std[3])


def mean_of(surrogate: surrogates.Surrogate, beta: float, s: float) -> float:
    """The mean of a surrogate's derivative over N(mean, s^2), as a share of the density at the threshold."""
    x = torch.linspace(-12.0 * s, 12.0 * s, 1_200_001, dtype=torch.float64)  # from the threshold
    density = torch.exp(-0.5 * (x / s + beta) ** 2)
    total = float((surrogate.derivative(x) * density).sum() * (x[1] - x[0]))
    return total / math.exp(-0.5 * beta**2)


@pytest.mark.parametrize(
    ("beta", "narrow", "wide"), [(0.0, 0.96, 0.856), (0.5, 0.97, 0.887), (1.0, 0.999, 0.986), (1.5, 1.05, 1.167)]
)
def test_the_mean_of_a_rectangle(beta: float, narrow: float, wide: float) -> None:
    """E[h]/g at w = s and w = 2 s, and its expansion."""
    s = float(dqif.window(dqif.membrane_moments(**FACTORED, steps=2)))
    for w, expected in ((s, narrow), (2.0 * s, wide)):
        assert mean_of(surrogates.Boxcar(w, 1.0 / w), beta, s) == pytest.approx(expected, abs=0.005)
    w = 0.3 * s
    series = 1.0 + (beta**2 - 1.0) * (w / s) ** 2 / 24.0
    assert mean_of(surrogates.Boxcar(w, 1.0 / w), beta, s) == pytest.approx(series, abs=1e-4)
    series = 1.0 + (beta**2 - 1.0) * (w / s) ** 2 / 12.0
    assert mean_of(surrogates.Triangle(w), beta, s) == pytest.approx(series, abs=2e-4)


@pytest.mark.parametrize("beta", [0.0, 0.5, 2.0])
@pytest.mark.parametrize("samples", [1e6, 1e8])
def test_the_window_of_least_error(beta: float, samples: float) -> None:
    """Against the minimum of the mean square error without its expansion."""
    s, theta = 1.3, 1.0
    one = torch.tensor([1.0], dtype=torch.float64)
    moments = dqif.Moments((theta - beta * s) * one, s * one, one)
    found = float(dqif.window(moments, step=1, v_threshold=theta, samples=samples))
    w = torch.linspace(0.5 * found, 2.0 * found, 4001, dtype=torch.float64)
    share = torch.special.ndtr(beta + w / (2.0 * s)) - torch.special.ndtr(beta - w / (2.0 * s))
    g = math.exp(-0.5 * beta**2) / math.sqrt(2.0 * math.pi) / s
    error = (share / w - g) ** 2 + share * (1.0 - share) / (samples * w**2)
    assert found == pytest.approx(float(w[error.argmin()]), rel=0.02)


def test_without_bias_no_window_is_too_wide() -> None:
    """At the first step behind tdBN beta is 1."""
    assert float(dqif.window(dqif.membrane_moments(**EULER, steps=1), step=1, samples=64)) == math.inf


# --- a layer ----------------------------------------------------------------------------------------------
def test_the_window_of_a_layer_at_the_start() -> None:
    for form, cell, cut in (("factored", FACTORED, False), ("euler", EULER, True)):
        found = dqif.layer_window(neurons.DQIF(5, form=form), nn.TdBatchNorm(5))
        assert float(found) == pytest.approx(float(dqif.membrane_moments(**cell, steps=2, clamp=cut).std[1]), abs=1e-9)


@pytest.mark.parametrize("cell", OTHERS)
def test_the_window_follows_the_layer(cell: dict[str, float]) -> None:
    """Against the potentials of the layer: features with a scale, shift and curvature of their own."""
    given = {k: v for k, v in cell.items() if k not in ("mu_x", "sigma_x", "a")}
    a = torch.tensor([0.1, 0.2, 0.4])
    layer = population(3, a=a, clamp=True, soft=True, learn=("a",), **given)
    norm = nn.TdBatchNorm(3)
    with torch.no_grad():
        norm.norm.weight.copy_(torch.tensor([0.6, -1.0, 1.4]))
        norm.norm.bias.copy_(torch.tensor([0.3, 0.0, -0.5]))
        noise = torch.randn(2, SAMPLES // 10, 3, generator=torch.Generator().manual_seed(5))
        _, _, rec = layer(norm(4.0 * noise + 1.0), record=("v.pre",))
    found = dqif.layer_window(layer, norm)
    assert not found.requires_grad
    assert float(found) == pytest.approx(float(rec.v_pre[1].std(0).mean()), abs=0.01)


def test_the_window_of_a_layer_of_maps() -> None:
    """Features first: each has its normalisation over space."""
    norm = nn.TdBatchNorm(2)
    with torch.no_grad():
        norm.norm.weight.copy_(torch.tensor([0.5, 1.5]))
    flat = dqif.layer_window(neurons.DQIF(2), norm)
    assert float(dqif.layer_window(neurons.DQIF(2, 4, 3), norm)) == pytest.approx(float(flat), abs=1e-12)


def test_refusals() -> None:
    moments = dqif.membrane_moments(**EULER, steps=2)
    with pytest.raises(ParameterError, match="steps = 0"):
        dqif.membrane_moments(**EULER, steps=0)
    with pytest.raises(ParameterError, match="sigma_x"):
        dqif.membrane_moments(**EULER, steps=1, sigma_x=-1.0)
    for step in (0, 3):
        with pytest.raises(ParameterError, match=f"step = {step}"):
            dqif.window(moments, step=step)
    with pytest.raises(ParameterError, match="samples"):
        dqif.window(moments, samples=0)
    with pytest.raises(ShapeError, match="features"):
        dqif.layer_window(neurons.DQIF(3), nn.TdBatchNorm(4))
    with pytest.raises(ParameterError, match="PLIF"):
        dqif.layer_window(neurons.PLIF(3), nn.TdBatchNorm(3))  # type: ignore[arg-type]
