from __future__ import annotations

import math

import pytest
import torch
from torch.nn import functional

from rheobase.errors import DTypeError, ParameterError, ShapeError
from rheobase.learning import LOSSES, RateBand, loss

OUT = torch.randn(7, 4, 3, dtype=torch.float64, generator=torch.Generator().manual_seed(0))
TARGET = torch.tensor([0, 2, 1, 1])


def by_hand(probability: torch.Tensor, smoothing: float) -> float:
    """-sum q log p with q = (1 - s) one-hot + s / classes."""
    q = torch.full_like(probability, smoothing / 3)
    q[range(4), TARGET] += 1 - smoothing
    return float(-(q * probability.log()).sum(1).mean())


PROBABILITY = {
    "last": OUT[-1].softmax(-1),
    "sum": OUT.sum(0).softmax(-1),
    "mean": OUT.mean(0).softmax(-1),
    "max": OUT.amax(0).softmax(-1),
    "mean-softmax": OUT.softmax(-1).mean(0),
}


@pytest.mark.parametrize("name", PROBABILITY)
@pytest.mark.parametrize("smoothing", [0.0, 0.2])
def test_against_its_definition(name: str, smoothing: float) -> None:
    chosen = loss(name, label_smoothing=smoothing)
    assert float(chosen(OUT, TARGET)) == pytest.approx(by_hand(PROBABILITY[name], smoothing), rel=1e-12)
    assert torch.equal(chosen.predict(OUT), PROBABILITY[name].argmax(-1))


@pytest.mark.parametrize("name", LOSSES)
def test_temperature_divides_the_output(name: str) -> None:
    warm = loss(name, temperature=3.0)
    assert float(warm(OUT, TARGET)) == pytest.approx(float(loss(name)(OUT / 3.0, TARGET)), rel=1e-12)
    for wrong in (0.0, -1.0, math.inf):
        with pytest.raises(ParameterError, match="temperature"):
            loss(name, temperature=wrong)


@pytest.mark.parametrize("name", LOSSES)
def test_gradient(name: str) -> None:
    assert torch.autograd.gradcheck(lambda x: loss(name)(x, TARGET), (OUT.clone().requires_grad_(),))


@pytest.mark.parametrize("name", LOSSES)
def test_large_scores_stay_finite(name: str) -> None:
    assert math.isfinite(float(loss(name)(1e4 * OUT, TARGET)))


def test_half_precision_is_summed_in_float32() -> None:
    out = torch.full((1000, 1, 2), 1.001, dtype=torch.bfloat16)
    assert loss("sum").scores(out).dtype == torch.float32
    assert float(loss("sum").scores(out)[0, 0]) == pytest.approx(1000.0)


@pytest.mark.parametrize("shape", [(4, 3), (0, 4, 3), (7, 0, 3), (7, 4, 0), (7, 4, 3, 2)])
def test_shape_of_the_output(shape: tuple[int, ...]) -> None:
    with pytest.raises(ShapeError, match=r"expected \(time, batch, classes\)"):
        loss("last")(torch.zeros(shape), torch.zeros(4, dtype=torch.long))


@pytest.mark.parametrize(
    ("target", "error", "text"),
    [
        (TARGET.float(), DTypeError, "target.long"),
        (TARGET > 0, DTypeError, "integer class numbers"),
        (TARGET[:3], ShapeError, r"expected \(4,\)"),
        (TARGET + 1, ShapeError, "labels from 1 to 3.*give the network 4 outputs"),
        (TARGET - 1, ShapeError, "labels from -1 to 1"),
    ],
)
def test_target(target: torch.Tensor, error: type[Exception], text: str) -> None:
    with pytest.raises(error, match=text):
        loss("last")(OUT, target)


def test_small_integers_are_labels_too() -> None:
    assert torch.equal(loss("last")(OUT, TARGET.to(torch.uint8)), loss("last")(OUT, TARGET))


def test_names() -> None:
    with pytest.raises(ParameterError, match="did you mean 'max'"):
        loss("mx")
    with pytest.raises(ParameterError, match="did you mean 'label_smoothing'"):
        loss("max", label_smothing=0.1)
    with pytest.raises(ParameterError, match="in \\[0, 1\\)"):
        loss("max", label_smoothing=1.0)
    assert all(eval(repr(loss(name)), {type(loss(name)).__name__: LOSSES[name]}) == loss(name) for name in LOSSES)


def test_rate_band_is_the_stated_sum() -> None:
    # rates 0.0, 0.3, 0.9 per neuron; the band leaves 0.1 and 0.4 over at its ends
    out = torch.zeros(10, 1, 3)
    out[:3, :, 1], out[:9, :, 2] = 1.0, 1.0
    band = RateBand(low=0.1, high=0.5, strength=2.0)
    assert float(band([out])) == pytest.approx(2.0 * (0.1**2 + 0.0 + 0.4**2) / 3)
    assert float(band([out, out])) == pytest.approx(2 * float(band([out])))
    leaf = torch.full((5, 2, 3), 0.6, requires_grad=True)
    band([leaf]).backward()
    assert leaf.grad is not None
    assert bool((leaf.grad > 0).all())


@pytest.mark.parametrize("bad", [dict(low=0.5, high=0.5), dict(low=-0.1), dict(high=math.inf), dict(strength=0.0)])
def test_bad_bands(bad: dict[str, float]) -> None:
    with pytest.raises(ParameterError):
        RateBand(**bad)


def test_a_band_needs_a_layer() -> None:
    with pytest.raises(ParameterError, match="no layer that spikes"):
        RateBand()([])


def test_smoothing_equals_torchs_own() -> None:
    expected = functional.cross_entropy(OUT[-1], TARGET, label_smoothing=0.1)
    assert torch.equal(loss("last", label_smoothing=0.1)(OUT, TARGET), expected)
