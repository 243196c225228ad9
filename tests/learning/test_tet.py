"""Temporal efficient training: the loss of each step, by hand."""

from __future__ import annotations

import math

import pytest
import torch
from torch.nn import functional

from rheobase.errors import DTypeError, ParameterError, ShapeError
from rheobase.learning import LOSSES, MeanCrossEntropy, Recipe, TemporalCrossEntropy

OUT = torch.randn(5, 4, 3, dtype=torch.float64, generator=torch.Generator().manual_seed(0))
TARGET = torch.tensor([0, 2, 1, 1])


@pytest.mark.parametrize("smoothing", [0.0, 0.2])
@pytest.mark.parametrize(("lam", "phi"), [(0.0, 1.0), (1e-3, 1.0), (0.3, 0.5), (1.0, 1.0)])
def test_against_its_definition(lam: float, phi: float, smoothing: float) -> None:
    steps = [functional.cross_entropy(out, TARGET, label_smoothing=smoothing) for out in OUT]
    expected = (1 - lam) * sum(steps) / 5 + lam * ((OUT - phi) ** 2).sum() / OUT.numel()
    found = TemporalCrossEntropy(lam=lam, phi=phi, label_smoothing=smoothing)(OUT, TARGET)
    assert float(found) == pytest.approx(float(expected), rel=1e-12)


def test_the_mean_predicts() -> None:
    chosen = TemporalCrossEntropy()
    assert torch.equal(chosen.predict(OUT), OUT.mean(0).argmax(-1))
    assert float(MeanCrossEntropy()(OUT, TARGET)) < float(TemporalCrossEntropy(lam=0.0)(OUT, TARGET))


def test_a_step_that_is_wrong_is_taught_though_the_mean_is_right() -> None:
    out = torch.zeros(2, 1, 2)
    out[0, 0, 0], out[1, 0, 1] = 30.0, 1.0
    out.requires_grad_()
    for chosen, taught in ((MeanCrossEntropy(), False), (TemporalCrossEntropy(lam=0.0), True)):
        (gradient,) = torch.autograd.grad(chosen(out, torch.tensor([0])), out)
        assert bool(gradient[1].abs().max() > 0.1) == taught


def test_by_name_in_a_recipe() -> None:
    assert LOSSES["tet"] is TemporalCrossEntropy
    assert Recipe(loss="tet").as_json()["loss"]["lam"] == 1e-3


def test_half_precision_is_summed_in_float32() -> None:
    assert TemporalCrossEntropy()(OUT.bfloat16(), TARGET).dtype == torch.float32


@pytest.mark.parametrize("bad", [dict(lam=-0.1), dict(lam=1.1), dict(lam=math.nan), dict(phi=math.inf)])
def test_bad_options(bad: dict[str, float]) -> None:
    with pytest.raises(ParameterError, match=next(iter(bad))):
        TemporalCrossEntropy(**bad)


def test_refusals() -> None:
    with pytest.raises(ShapeError, match="time, batch, classes"):
        TemporalCrossEntropy()(OUT[0], TARGET)
    with pytest.raises(ShapeError, match="labels from"):
        TemporalCrossEntropy()(OUT, TARGET + 1)
    with pytest.raises(DTypeError):
        TemporalCrossEntropy()(OUT, TARGET.float())
