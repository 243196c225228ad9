"""What must not change a bit: threads, a second run, the stretches in which the backward pass recomputes states."""

from __future__ import annotations

import functools
from collections.abc import Callable, Iterator
from dataclasses import replace
from typing import Any

import pytest
import torch

from rheobase import MapNeuron, param, state
from rheobase.engine.llvm import compile as compile_llvm
from rheobase.engine.llvm import launch
from rheobase.engine.operators import cpu
from tests.contract.models import MODELS, Model, every_model, fed
from tests.contract.runs import assert_runs_close, assert_runs_equal, reference_run, run
from tests.contract.test_parity import everything
from tests.contract.tolerances import free


@pytest.fixture
def cache_bytes(monkeypatch: pytest.MonkeyPatch) -> Iterator[Callable[[int], None]]:
    """Sets the size of the cache that segments must fit."""

    def set_(size: int) -> None:
        monkeypatch.setattr(launch, "CACHE_BYTES", size)
        forget()

    def forget() -> None:
        for cached in (cpu.longest_segment, launch.cut):
            cached.cache_clear()

    yield set_
    monkeypatch.undo()
    forget()


@every_model
def test_segments(model: Model, cache_bytes: Callable[[int], None]) -> None:
    """The states recomputed from the input are those that the forward pass kept, bit for bit."""
    neuron = model.make(37, kinds=("neuron",))
    record = everything(neuron)
    lengths = torch.tensor([70, 33, 7])
    current, expected = reference_run(model, neuron, 70, 3, record=record)
    calls: list[dict[str, Any]] = [dict(record=record), dict(lengths=lengths)]
    cache_bytes(1 << 30)
    whole = [run(neuron, current, "llvm", **call) for call in calls]
    cache_bytes(1)
    pieces = [run(neuron, current, "llvm", **call) for call in calls]
    for a, b in zip(whole, pieces, strict=True):
        assert_runs_equal(a, b)
    assert_runs_close(expected, pieces[0], free(70))


@pytest.mark.usefixtures("plain_code")
def test_a_run_without_gradients_is_not_derived(monkeypatch: pytest.MonkeyPatch) -> None:
    """And it does what the one with them does, which is cut into segments."""
    model = next(m for m in MODELS if m.name == "AdEx")
    neuron = model.make(5)
    current = model.current(300, 2, 5)
    expected = run(neuron, current, "llvm").values["out"]
    cpu.longest_segment.cache_clear()
    monkeypatch.setattr(cpu, "tape_rows", None)
    with torch.no_grad():
        found, _ = neuron(fed(neuron, current), backend="llvm")
    assert torch.equal(found, expected)
    with pytest.raises(TypeError):
        run(neuron, current, "llvm")


class Witness(MapNeuron):
    """Its gradient shows the state that the backward pass saw: d out[t] / d gain = v[t]."""

    gain = param(1.0, "1", "gain of the output")
    v = state(0.0, "1", "a value that depends on all the past")
    graded = True

    def step(self, s: Any, i: Any) -> tuple[Any, ...]:
        v = torch.tanh(1.7 * s.v + torch.sin(3.0 * i) * torch.exp(-s.v * s.v))
        return self.gain * v, s._replace(v=v)


@pytest.mark.parametrize("size", [1, 1 << 30])
@pytest.mark.parametrize("dtype", [torch.float32, torch.float64], ids=str)
def test_backward_sees_the_states_of_the_forward(
    size: int, dtype: torch.dtype, cache_bytes: Callable[[int], None]
) -> None:
    cache_bytes(size)
    neuron = Witness(43, gain=torch.ones(43), learn=("gain",)).to(dtype)
    current = torch.randn(50, 1, 43, generator=torch.Generator().manual_seed(1)).to(dtype)
    out, _, rec = neuron(fed(neuron, current), record=("v",), backend="llvm")
    for t in (0, 1, 15, 16, 17, 31, 32, 49):
        one = torch.zeros_like(out)
        one[t] = 1.0
        (seen,) = torch.autograd.grad(out, neuron.get_parameter("gain"), one, retain_graph=True)
        assert torch.equal(seen, rec.v[t, 0])


@every_model
def test_threads(model: Model) -> None:
    neuron = model.make(600, kinds=("neuron",), dtype=torch.float32)
    current = model.current(30, 4, 600, dtype=torch.float32)
    before = torch.get_num_threads()
    try:
        runs = []
        for threads in (1, 2, 3):
            torch.set_num_threads(threads)
            runs.append(run(neuron, current, "llvm"))
    finally:
        torch.set_num_threads(before)
    for other in runs[1:]:
        assert_runs_equal(runs[0], other)


@pytest.mark.parametrize("name", ["SRC", "AdLIF", "RefractoryNoisy"])
def test_width_of_vectors(name: str, monkeypatch: pytest.MonkeyPatch) -> None:
    """A processor with other vectors computes the same numbers (LLVM splits those that are too wide for it)."""
    (model,) = (m for m in MODELS if m.name == name)
    neuron = model.make(37, dtype=torch.float32)
    current = model.current(20, 3, 37, dtype=torch.float32)
    here = compile_llvm.host()
    runs = []
    for bits in (128, 256, 512):
        host = replace(here, vector_bits=bits)
        for module in (launch, compile_llvm):
            monkeypatch.setattr(module, "host", lambda host=host: host)
        monkeypatch.setattr(launch, "kernel", functools.lru_cache(launch.kernel.__wrapped__))
        runs.append(run(neuron, current, "llvm", record=everything(neuron), lengths=torch.tensor([20, 7, 0])))
    for other in runs[1:]:
        assert_runs_equal(runs[0], other)


@every_model
def test_again(model: Model) -> None:
    neuron = model.make(33, kinds=("neuron",))
    current = model.current(25, 2, 33)
    first, second = (run(neuron, current, "llvm", record=everything(neuron)) for _ in range(2))
    assert_runs_equal(first, second)
