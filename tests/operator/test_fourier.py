"""The Fourier operator: the published module, its gradients, and what it refuses."""

from __future__ import annotations

import sys
from pathlib import Path
from typing import Any

import pytest
import torch
from torch import Tensor

from rheobase import nn as rnn
from rheobase.errors import (
    BackendUnavailable,
    DTypeError,
    InputError,
    OutOfRange,
    ParameterError,
    RheobaseError,
    ShapeError,
)
from rheobase.learning import Recipe, count_parameters, load_weights, save_weights
from rheobase.operator import Codes, FourierOperator, Protocol, Traces, channels, train

neuralop: Any = pytest.importorskip("neuralop.models.fno", reason="neuraloperator is not installed")
FEATURES = ("s_thr", "I_thr")
SIZES = {"steps": 64, "modes": 12, "hidden": 6, "layers": 2}


def small(codes: Any = FEATURES, **options: Any) -> FourierOperator:
    torch.manual_seed(0)
    return FourierOperator(codes, **{**SIZES, **options})


def step(*amplitudes: float, dtype: torch.dtype = torch.float32) -> Tensor:
    x = torch.zeros(64, len(amplitudes), dtype=dtype)
    x[8:40] = torch.tensor(amplitudes, dtype=dtype)
    return x


def test_published_size() -> None:
    """A complex weight is two numbers."""
    assert count_parameters(FourierOperator(FEATURES)) == 1_803_001


def test_it_is_the_module_of_the_library() -> None:
    """Same weights, same output: on channels that the test lays out, in volts."""
    own, current, code = small(), step(0.1, -0.05, 0.2), torch.tensor([[1.0, 2.0], [0.5, 3.5], [2.0, 2.0]])
    theirs = neuralop.FNO(
        n_modes=(12,), in_channels=23, out_channels=1, hidden_channels=6, n_layers=2, projection_channel_ratio=4
    )
    theirs.load_state_dict(own.net.state_dict())
    with torch.no_grad():
        wanted = theirs(channels(current.T, code))[:, 0].T
        assert torch.equal(own(current, code), 1000.0 * wanted)


# what moves, and by how much: the first sample moves the embedding, whose fastest wave turns by 50,000 rad for 1 nA
MOVED = {"first sample": 1e-7, "other samples": 1e-3, "code": 1e-4}


@pytest.mark.parametrize("which", MOVED)
def test_gradients_of_current_and_code(which: str) -> None:
    """Against central differences in float64; the library computes its spectral sums in single precision."""
    own, h, generator = small().double(), MOVED[which], torch.Generator().manual_seed(1)
    current, code = step(0.1, 0.2, dtype=torch.float64), torch.tensor([[1.0, 2.0], [0.7, 3.1]], dtype=torch.float64)
    weight = torch.randn(64, 2, dtype=torch.float64, generator=generator)
    way = [torch.zeros_like(current), torch.zeros_like(code)]
    part = {"first sample": way[0][8:9], "other samples": way[0][9:], "code": way[1]}[which]
    part += torch.randn(part.shape, dtype=torch.float64, generator=generator)
    given = [current.requires_grad_(), code.requires_grad_()]
    found = torch.autograd.grad((weight * own(*given)).sum(), given)
    with torch.no_grad():
        ends = [(weight * own(*(x + sign * h * d for x, d in zip(given, way, strict=True)))).sum() for sign in (1, -1)]
    slope = float(ends[0] - ends[1]) / (2 * h)
    assert sum(float((g * d).sum()) for g, d in zip(found, way, strict=True)) == pytest.approx(slope, rel=1e-4)
    assert abs(slope) > 1.0


def test_complex_weights_are_converted_whole() -> None:
    """`to(float64)` of torch would drop their imaginary parts."""
    own = small()
    before = [p.detach().clone() for p in own.parameters()]
    for wide in (small().double(), small().to(torch.float64)):
        for p, q in zip(before, wide.parameters(), strict=True):
            assert q.dtype == (torch.complex128 if p.is_complex() else torch.float64)
            assert torch.equal(q.detach().to(p.dtype), p)


def test_saved_and_loaded(tmp_path: Path) -> None:
    one, other = small(), FourierOperator(FEATURES, **SIZES)
    save_weights(tmp_path / "operator.json", one)
    load_weights(tmp_path / "operator.json", other)
    code = torch.tensor([1.0, 2.0])
    assert torch.equal(one(step(0.1), code), other(step(0.1), code))


def test_training_goes_on_where_it_stopped(tmp_path: Path) -> None:
    """Complex weights and moments, too."""
    protocol = Protocol(dt=0.1, keep=1, before=1.0, duration=3.0, after=1.0, early=0.5)
    generator = torch.Generator().manual_seed(0)
    v = torch.randn(8, protocol.recorded, generator=generator) - 70.0
    traces = Traces(
        v, 0.1 * torch.rand(8, generator=generator), torch.arange(8) % 2, torch.full((8, 1), torch.inf), protocol
    )
    features, recipe = torch.tensor([[1.0, 2.0], [3.0, 2.5]]), Recipe(epochs=3, batch_size=4, learning_rate=0.01)

    def run(folder: Path | None, stop: int) -> list[Tensor]:
        def progress(done: int, total: int, history: Any) -> None:
            if len(history) == stop:
                raise KeyboardInterrupt

        net = small(steps=protocol.window)
        train(net, traces, traces, features, recipe, folder=folder, progress=progress)
        return [p.detach().clone() for p in net.parameters()]

    with pytest.raises(KeyboardInterrupt):
        run(tmp_path, stop=2)
    for one, other in zip(run(None, stop=9), run(tmp_path, stop=9), strict=True):
        assert torch.equal(one, other)


def test_any_batch() -> None:
    own = small()
    current, code = step(0.1, 0.2, 0.05, 0.07).view(64, 2, 2), torch.rand(2, 2, 2)
    with torch.no_grad():
        whole = own(current, code)
        one = own(current[:, 1, :1], code[1, 0])
    assert whole.shape == (64, 2, 2)
    assert torch.allclose(whole[:, 1, :1], one, rtol=1e-5, atol=1e-2)


CODE = torch.tensor([1.0, 2.0])
REFUSED: list[tuple[type[RheobaseError], str, Any]] = [
    (ParameterError, "state", lambda op: op(step(0.1), CODE, object())),
    (ParameterError, "lengths", lambda op: op(step(0.1), CODE, lengths=torch.tensor([3]))),
    (ParameterError, "record", lambda op: op(step(0.1), CODE, record=("v",))),
    (ShapeError, "takes no chunks", lambda op: op(step(0.1)[:32], CODE)),
    (ShapeError, "s_thr, I_thr", lambda op: op(step(0.1), torch.ones(3))),
    (ShapeError, r"\(2, 2\)", lambda op: op(step(0.1, 0.2), torch.ones(3, 2))),
    (DTypeError, "float64", lambda op: op(step(0.1, dtype=torch.float64), CODE)),
    (InputError, "NaN", lambda op: op(step(float("nan")), CODE)),
    (RheobaseError, "Recurrent", lambda op: rnn.Recurrent(op)),
]


@pytest.mark.parametrize(("error", "words", "call"), REFUSED)
def test_what_it_refuses(error: type[RheobaseError], words: str, call: Any) -> None:
    with pytest.raises(error, match=words):
        call(small())


@pytest.mark.parametrize(("name", "value"), [("steps", 1), ("modes", 65), ("hidden", 0), ("layers", 1.5)])
def test_sizes_that_are_none(name: str, value: Any) -> None:
    with pytest.raises(ParameterError, match=name):
        small(**{name: value})


def test_outside_what_was_trained() -> None:
    codes = Codes.of(FEATURES, torch.tensor([[740.0, 0.014], [850.0, 0.019]]))
    own, inside, outside = (
        small(codes, amplitudes=(-0.1, 0.2)),
        torch.tensor([800.0, 0.015]),
        torch.tensor([700.0, 0.015]),
    )
    own(step(0.2, -0.1), inside)
    with pytest.raises(OutOfRange, match=r"0.21 nA.*-0.1 to 0.2 nA"):
        own(step(0.21), inside)
    with pytest.raises(OutOfRange, match=r"s_thr = 700.*740 to 850"):
        own(step(0.1), outside)
    assert bool(torch.isfinite(own(step(0.21), outside, check_range=False)).all())


def test_without_the_library(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(sys.modules, "neuralop.models.fno", None)
    with pytest.raises(BackendUnavailable, match=r"pip install rheobase\[operator\]"):
        small()
