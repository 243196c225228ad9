"""Kernels run on torch's own threads, as many as torch was given, and on one in a forked child."""

from __future__ import annotations

import os
import sys
import threading
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
import torch
from torch import Tensor
from torch.utils.data import DataLoader, Dataset

from rheobase import neurons
from rheobase.engine.llvm import launch, threads

WIDE = torch.rand(40, 8, 512, generator=torch.Generator().manual_seed(0)) * 3  # enough for two threads


@pytest.fixture(autouse=True)
def threads_as_before() -> Iterator[None]:
    before = torch.get_num_threads()
    yield
    torch.set_num_threads(before)


def lif() -> neurons.LIF:
    return neurons.LIF(512, dt=1.0, learn="tau_mem")


@pytest.fixture
def launches(monkeypatch: pytest.MonkeyPatch) -> list[int]:
    """The number of threads of each launch."""
    seen: list[int] = []
    real = threads.launch

    def watched(kernel: Any, address: int, arguments: int, workers: int) -> None:
        seen.append(workers)
        real(kernel, address, arguments, workers)

    monkeypatch.setattr(threads, "launch", watched)
    return seen


@pytest.mark.parametrize("count", [1, 2, 3])
def test_the_number_of_threads_is_obeyed(count: int, launches: list[int]) -> None:
    torch.set_num_threads(count)
    assert threads.available() == count
    lif()(WIDE)
    assert launches == [count]


def test_a_small_run_stays_on_one_thread(launches: list[int]) -> None:
    torch.set_num_threads(2)
    lif()(WIDE[:2, :1])
    assert launches == [1]


@pytest.mark.skipif(not sys.platform.startswith("linux"), reason="torch's OpenMP pool is entered on Linux")
def test_torchs_pool_is_the_one_that_works() -> None:
    """No thread is added to those that torch has."""
    torch.set_num_threads(2)
    torch.rand(2000, 2000).sum()
    torch.rand(200, 200) @ torch.rand(200, 200)

    def count() -> int:
        return len(list(Path("/proc/self/task").iterdir()))

    before = count()
    for _ in range(5):
        lif()(WIDE)
    assert count() <= before
    assert not [t for t in threading.enumerate() if t.name.startswith("rheobase")]


def test_the_fallback_pool_gives_the_same(monkeypatch: pytest.MonkeyPatch) -> None:
    """Where torch's pool cannot be entered, Python's threads run the kernel."""
    torch.set_num_threads(2)
    expected, _ = lif()(WIDE)
    monkeypatch.setattr(threads, "_gomp", lambda: None)
    try:
        found, _ = lif()(WIDE)
    finally:
        threads._pool(2).shutdown()
        threads._pool.cache_clear()
    assert torch.equal(expected, found)


def test_two_python_threads_at_once() -> None:
    """Kernels hold no state between calls."""
    neuron = lif()
    inputs = [WIDE, WIDE.flip(0), 0.5 * WIDE, WIDE.flip(1)]
    expected = [neuron(x)[0] for x in inputs]
    found: dict[int, list[Tensor]] = {}

    def work(k: int) -> None:
        found[k] = [neuron(inputs[k])[0] for _ in range(5)]

    workers = [threading.Thread(target=work, args=(k,)) for k in range(len(inputs))]
    for worker in workers:
        worker.start()
    for worker in workers:
        worker.join()
    assert all(torch.equal(expected[k], out) for k, outs in found.items() for out in outs)


class Encoded(Dataset[Tensor]):
    """Samples that a neuron has encoded, in the worker."""

    def __init__(self, neuron: neurons.LIF):
        self.neuron = neuron

    def __len__(self) -> int:
        return 4

    def __getitem__(self, k: int) -> Tensor:
        with torch.no_grad():
            return self.neuron(WIDE[:, k : k + 1])[0][:, 0]


class Collate:
    """A neuron in the collate function, with a gradient, on a batch as large as the parent's."""

    def __init__(self, neuron: neurons.LIF):
        self.neuron = neuron

    def __call__(self, samples: list[Tensor]) -> tuple[Tensor, Tensor, int]:
        x = torch.stack(samples, 1).repeat(1, 4, 1).requires_grad_()
        one = torch.ones_like(x)
        # a worker that asks for threads must not hang in a kernel (in torch itself it would)
        torch.set_num_threads(2)
        out, _ = self.neuron(x)
        (gradient,) = torch.autograd.grad(out, x, one)
        torch.set_num_threads(1)
        return out.detach(), gradient, os.getpid()


@pytest.mark.skipif(not hasattr(os, "fork"), reason="needs fork")
@pytest.mark.filterwarnings("ignore:This process .* is multi-threaded:DeprecationWarning")
def test_forked_workers() -> None:
    """After the parent has used its threads, which the children do not have."""
    torch.set_num_threads(2)
    neuron = lif()
    parent, _ = neuron(WIDE)
    x = parent[:, :2].detach().repeat(1, 4, 1).requires_grad_()
    expected, _ = neuron(x)
    (slope,) = torch.autograd.grad(expected.sum(), x)
    loader = DataLoader(
        Encoded(neuron),
        batch_size=2,
        num_workers=2,
        collate_fn=Collate(neuron),
        multiprocessing_context="fork",
        timeout=60,
    )
    batches = list(loader)
    assert len(batches) == 2
    assert os.getpid() not in {pid for *_, pid in batches}
    out, gradient, _ = batches[0]
    assert torch.equal(out, expected)
    assert torch.equal(gradient, slope)


def test_a_forked_child_is_known(monkeypatch: pytest.MonkeyPatch) -> None:
    torch.set_num_threads(2)
    monkeypatch.setattr(os, "getpid", lambda: -1)
    assert threads.available() == 1


def test_blocks_cover_all_lanes_whatever_the_threads() -> None:
    torch.set_num_threads(2)
    for lanes in (1, 7, 16, 17, 511, 512, 513, 1024 * 5 + 3):
        neuron = neurons.LI(lanes, dt=1.0)
        out, _ = neuron(torch.ones(70, 1, lanes))
        assert torch.equal(out, out[:, :, :1].expand_as(out))
    assert launch.SMALL < 70 * 512
