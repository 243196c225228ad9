"""The kernel of the rate code against the same draws made by tensor operations: bit for bit."""

from __future__ import annotations

import pytest
import torch

from rheobase.data import Rate
from rheobase.engine.llvm import bernoulli
from rheobase.errors import DTypeError

DTYPES = [torch.float32, torch.float64, torch.bfloat16, torch.float16]


@pytest.mark.parametrize("dtype", DTYPES, ids=str)
@pytest.mark.parametrize("shape", [(1, 1), (3, 784), (5, 37), (9, 64), (2, 3, 5)], ids=str)
def test_same_bits(shape: tuple[int, ...], dtype: torch.dtype, monkeypatch: pytest.MonkeyPatch) -> None:
    x = torch.rand(shape, generator=torch.Generator().manual_seed(1)).to(dtype)
    x[0] *= torch.arange(x[0].numel()).view(x[0].shape) % 3 == 0  # some never, some always
    x[-1].flatten()[-1] = 1.0
    encoder = Rate(41, gain=1.0, silent=3)
    kernel = encoder(x, seed=5)
    monkeypatch.setattr(bernoulli, "supports", lambda out: False)
    assert torch.equal(kernel, encoder(x, seed=5))


def test_dark_vectors_stay_dark() -> None:
    x = torch.zeros(4, 200)
    x[:, 130] = 1.0
    spikes = Rate(20)(x, seed=0)
    assert spikes[..., 130].min() == 1
    assert spikes.sum() == 80


def test_number_of_threads_changes_nothing() -> None:
    x = torch.rand(64, 100, generator=torch.Generator().manual_seed(2))
    threads = torch.get_num_threads()
    try:
        found = []
        for n in (1, 2):
            torch.set_num_threads(n)
            found.append(Rate(50)(x, seed=3))
    finally:
        torch.set_num_threads(threads)
    assert torch.equal(*found)


def test_a_dtype_of_its_own() -> None:
    x = torch.rand(3, 40, generator=torch.Generator().manual_seed(4))
    half = Rate(10, dtype=torch.bfloat16)(x, seed=1)
    assert half.dtype == torch.bfloat16
    assert torch.equal(half.float(), Rate(10)(x, seed=1))
    with pytest.raises(DTypeError, match="floating"):
        Rate(10, dtype=torch.int32)
