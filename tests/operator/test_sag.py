"""The sag and its loss: against plain NumPy, eFEL and finite differences; and a second training that lowers it."""

from __future__ import annotations

import math
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch
from torch import Tensor

from rheobase.errors import CheckpointError, InputError, ParameterError, ShapeError
from rheobase.learning import Recipe
from rheobase.operator import Convolutional, Protocol, SagLoss, Samples, StandIn, Traces, sag, train, windows
from rheobase.operator.sag import PUBLISHED, hyperpolarised

PROTOCOL = Protocol(dt=0.5, keep=1, settle=0.0, before=10.0, duration=60.0, after=10.0, early=5.0)


def bent(size: float, depth: float, steps: int = 150) -> np.ndarray:
    """A potential that dips below its steady value: by hand, no neuron."""
    t = np.arange(steps, dtype=np.float64)
    return -70.0 - depth * (1 - np.exp(-t / 8.0)) + size * (1 - np.exp(-t / 40.0))


def by_hand(v: np.ndarray, first: int, last: int, sharpness: float = 50.0) -> float:
    """One trace, in words of the paper's code: begin and end of the steady part as times, weights as exponentials."""
    times = range(len(v))
    begin = last - 0.1 * (last - first)
    steady = [v[t] for t in times if begin <= t + 1e-9 and t < last]
    inside = [v[t] for t in times if first <= t <= last]
    weights = [math.exp(-sharpness * (x - min(inside))) for x in inside]
    soft = sum(w * x for w, x in zip(weights, inside, strict=True)) / sum(weights)
    return sum(steady) / len(steady) - soft


def drawn(batch: int = 4, dtype: torch.dtype = torch.float64) -> tuple[Tensor, Tensor, list[tuple[int, int]]]:
    """Potentials, currents and where these begin and end, all of different samples."""
    generator = np.random.default_rng(0)
    v = np.stack([bent(size, depth) for size, depth in generator.uniform(1.0, 9.0, (batch, 2))], 1)
    v += 0.05 * generator.standard_normal(v.shape)
    ends = [(7 + 3 * k, 90 + 11 * k) for k in range(batch)]
    current = torch.zeros(v.shape, dtype=dtype)
    for k, (first, last) in enumerate(ends):
        current[first : last + 1, k] = -0.02 * (k + 1)
    return torch.tensor(v, dtype=dtype), current, ends


def test_sag_against_numpy() -> None:
    v, current, ends = drawn()
    for sharpness in (0.5, 50.0):
        wanted = [by_hand(v[:, k].numpy(), *ends[k], sharpness) for k in range(4)]
        assert sag(v, current, sharpness=sharpness).tolist() == pytest.approx(wanted, rel=1e-12)
    lowest = [float(v[a : b + 1, k].min()) for k, (a, b) in enumerate(ends)]
    hard, soft = sag(v, current, sharpness=math.inf), sag(v, current)
    true = [by_hand(v[:, k].numpy(), *ends[k], 1e6) for k in range(4)]
    assert hard.tolist() == pytest.approx(true, rel=1e-9)
    assert all(low < -70.0 for low in lowest)
    # the soft minimum is above the true one, by no more than it says
    most = math.log(max(b - a + 1 for a, b in ends)) / 50.0
    assert bool(((hard - soft) > 0).all() and ((hard - soft) < most).all())


def test_what_lies_outside_of_the_stimulus_does_not_matter() -> None:
    v, current, _ = drawn()
    changed = torch.where(current == 0, v - 30.0, v)
    assert torch.equal(sag(v, current), sag(changed, current))


def test_sag_is_that_of_efel() -> None:
    efel: Any = pytest.importorskip("efel", reason="eFEL is not installed")
    v, current, ends = drawn()
    # it takes no deflection upwards from the potential before
    v = torch.cat([torch.full((200, 4), -60.0), torch.where(current == 0, -60.0, v)])
    current, ends = torch.cat([torch.zeros(200, 4), current]), [(a + 200, b + 200) for a, b in ends]
    efel.reset()
    for k, (first, last) in enumerate(ends):
        trace = {
            "T": [0.1 * t for t in range(len(v))],
            "V": v[:, k].tolist(),
            "stim_start": [0.1 * first],
            "stim_end": [0.1 * last],
        }
        (found,) = efel.get_feature_values([trace], ["sag_amplitude"])
        assert float(sag(v, current, sharpness=math.inf)[k]) == pytest.approx(
            float(found["sag_amplitude"][0]), abs=0.02
        )


def test_loss_against_numpy() -> None:
    """The squares are summed over the batch before they are divided, so a small sag weighs little."""
    target, current, ends = drawn()
    out = target + 0.3 * torch.randn(target.shape, generator=torch.Generator().manual_seed(1), dtype=torch.float64)
    pairs = [[by_hand(v[:, k].numpy(), *ends[k]) for v in (out, target)] for k in range(4)]
    wanted = sum((a - b) ** 2 for a, b in pairs) / (sum(b**2 for _, b in pairs) + 1e-8)
    assert float(SagLoss()(out, target, current)) == pytest.approx(wanted, rel=1e-12)
    # a sample that is not hyperpolarised has no sag, and one of 0 pA is none of them either
    current[:, 0] = -current[:, 0]
    current[:, 1] = 0.0
    assert hyperpolarised(current).tolist() == [False, False, True, True]
    wanted = sum((a - b) ** 2 for a, b in pairs[2:]) / (sum(b**2 for _, b in pairs[2:]) + 1e-8)
    assert float(SagLoss()(out, target, current)) == pytest.approx(wanted, rel=1e-12)
    assert float(SagLoss()(out, target, current.abs())) == 0.0


@pytest.mark.parametrize("sharpness", [0.7, 50.0])
def test_gradient_against_finite_differences(sharpness: float) -> None:
    target, current, _ = drawn()
    generator = torch.Generator().manual_seed(2)
    out = (target + 0.3 * torch.randn(target.shape, generator=generator, dtype=torch.float64)).requires_grad_()
    loss = SagLoss(sharpness=sharpness)
    (found,) = torch.autograd.grad(loss(out, target, current), out)
    for _ in range(3):
        way, h = torch.randn(target.shape, generator=generator, dtype=torch.float64), 1e-6
        with torch.no_grad():
            slope = (loss(out + h * way, target, current) - loss(out - h * way, target, current)) / (2 * h)
        assert float((found * way).sum()) == pytest.approx(float(slope), rel=1e-6)
        assert abs(float(slope)) > 1e-3


def test_what_is_refused() -> None:
    v, current, _ = drawn()
    silent = current.clone()
    silent[:, 2] = 0.0
    short = torch.zeros_like(current)
    short[5:15] = -0.1
    for error, words, call in (
        (ShapeError, "put time first", lambda: sag(v, current[:20])),
        (ShapeError, "one shape", lambda: SagLoss()(v[:20], v, current)),
        (InputError, "in sample 2", lambda: sag(v, silent)),
        (InputError, "less than 11 steps", lambda: SagLoss()(v, v, short)),
        (ParameterError, "sharpness = 0", lambda: sag(v, current, sharpness=0)),
        (ParameterError, "sharpness = nan", lambda: sag(v, current, sharpness=math.nan)),
        (ParameterError, "eps = -1", lambda: SagLoss(eps=-1)),
    ):
        with pytest.raises(error, match=words):
            call()
    net = Convolutional(("depth",), sample=0.5, channels=2, layers=1)
    for weight in (-1.0, math.nan, "much"):
        with pytest.raises(ParameterError, match="sag_weight"):
            net.sag_weight = weight  # type: ignore[assignment]
    assert net.sag_weight == 0.0


def dipping() -> tuple[Traces, Tensor]:
    """Eight traces of two models, whose sag is a twelfth of how far they go down."""
    depth = torch.linspace(2.0, 12.0, 8)
    amplitude, model = -0.01 * depth, torch.arange(8) % 2
    v = torch.full((8, PROTOCOL.recorded), -70.0)
    for k in range(8):
        v[k, 20:140] = torch.tensor(bent(0.4 * float(depth[k]), float(depth[k]), 120))
    return Traces(v.float(), amplitude, model, torch.full((8, 1), torch.inf), PROTOCOL), torch.tensor([[1.0], [3.0]])


def error(net: Convolutional, traces: Traces, features: Tensor) -> float:
    given = windows(traces, features)
    with torch.no_grad():
        return float(SagLoss()(net(given.current, given.code)[0], given.v, given.current))


def test_a_second_training_lowers_it(tmp_path: Path) -> None:
    """By the ordinary loop; against one of the same length without the weight, and not gone on with by another one."""
    traces, features = dipping()

    def trained(weight: float, folder: Path | None = None) -> Convolutional:
        torch.manual_seed(0)
        net = Convolutional(("gain",), sample=0.5, channels=4, layers=3, width=3, stride=3)
        train(net, traces, traces, features, Recipe(epochs=15, batch_size=8, learning_rate=0.02))
        net.sag_weight = weight
        train(net, traces, traces, features, Recipe(epochs=15, batch_size=8, learning_rate=0.01), folder=folder)
        return net

    without, with_it = (error(trained(weight), traces, features) for weight in (0.0, 5.0))
    assert with_it < 0.5 * without
    net = trained(PUBLISHED, tmp_path)
    net.sag_weight = 0.0
    with pytest.raises(CheckpointError, match="another net"):
        train(net, traces, traces, features, Recipe(epochs=15, batch_size=8, learning_rate=0.01), folder=tmp_path)


def test_it_is_in_the_objective_of_every_learner() -> None:
    """What the weight adds is its loss of the potential that the objective is of, and nothing else."""
    traces, features = dipping()
    batch = windows(traces, features)
    torch.manual_seed(0)
    for net in (Convolutional(("gain",), sample=0.5, channels=3, layers=2), StandIn(("gain",), sample=0.5, hidden=3)):
        with torch.no_grad():
            v = net.told(batch)[0] if isinstance(net, StandIn) else net(batch.current, batch.code)[0]
            before = net.objective(batch)
            net.sag_weight = 2.0
            added = 2.0 * SagLoss()(v, batch.v, batch.current)
            assert float(net.objective(batch) - before) == pytest.approx(float(added), rel=1e-4)
        assert float(added) > 0


def test_samples_are_those_of_the_window() -> None:
    traces, features = dipping()
    given: Samples = windows(traces, features)
    assert bool(hyperpolarised(given.current).all())
    assert sag(given.v, given.current, sharpness=math.inf).tolist() == pytest.approx(
        [by_hand(given.v[:, k].double().numpy(), 10, 129, 1e6) for k in range(8)], rel=1e-4
    )
