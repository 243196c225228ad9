from __future__ import annotations

import itertools

import pytest
import torch

from rheobase.errors import ParameterError
from rheobase.learning.training.sampler import Sampler, derive_seed
from rheobase.learning.training.schedules import SCHEDULES, one_cycle


@pytest.mark.parametrize(("samples", "size"), [(10, 4), (12, 4), (3, 8), (1, 1), (101, 7)])
@pytest.mark.parametrize("shuffle", [True, False])
def test_every_sample_once(samples: int, size: int, shuffle: bool) -> None:
    sampler = Sampler(samples=samples, batch_size=size, seed=1, shuffle=shuffle)
    batches = list(sampler.batches(0))
    assert len(batches) == len(sampler) == -(-samples // size)
    assert [b.position for b in batches] == list(range(len(sampler)))
    everyone = torch.cat([b.everyone for b in batches])
    assert sorted(everyone.tolist()) == list(range(samples))
    assert all(torch.equal(b.everyone, b.mine) for b in batches)
    assert shuffle or everyone.tolist() == list(range(samples))


def test_a_pure_function_of_seed_epoch_and_position() -> None:
    whole = [b.everyone for b in Sampler(samples=50, batch_size=8, seed=5).batches(3)]
    torch.rand(7)  # the global generator has no part in it
    for start in range(len(whole) + 1):
        rest = [b.everyone for b in Sampler(samples=50, batch_size=8, seed=5).batches(3, start)]
        assert len(rest) == len(whole) - start
        assert all(torch.equal(a, b) for a, b in zip(rest, whole[start:], strict=True))
    other_epoch = next(Sampler(samples=50, batch_size=8, seed=5).batches(4)).everyone
    other_seed = next(Sampler(samples=50, batch_size=8, seed=6).batches(3)).everyone
    assert not torch.equal(whole[0], other_epoch)
    assert not torch.equal(whole[0], other_seed)


@pytest.mark.parametrize("world", [2, 3, 4])
@pytest.mark.parametrize("samples", [16, 17, 23])
def test_processes_share_each_batch(world: int, samples: int) -> None:
    ranks = [Sampler(samples=samples, batch_size=8, seed=2, rank=r, world=world) for r in range(world)]
    alone = torch.cat([b.everyone for b in Sampler(samples=samples, batch_size=8, seed=2).batches(1)])
    together = [list(r.batches(1)) for r in ranks]
    assert torch.equal(torch.cat([b.everyone for b in together[0]]), alone)
    for batches in zip(*together, strict=True):
        mine = torch.cat([b.mine for b in batches])
        assert all(len(b.mine) > 0 for b in batches)
        assert sorted(mine.tolist()) == sorted(batches[0].everyone.tolist())


def test_too_few_for_the_processes() -> None:
    with pytest.raises(ParameterError, match="batch_size 2 for 3 processes"):
        Sampler(samples=9, batch_size=2, seed=0, world=3)
    with pytest.raises(ParameterError, match="samples 2 for 3 processes"):
        Sampler(samples=2, batch_size=9, seed=0, world=3)


def test_seeds_are_fixed_and_apart() -> None:
    assert derive_seed(0, "order", 0) == 2094333682667709378
    seeds = {derive_seed(s, w, e) for s in range(4) for w in ("order", "encoder") for e in range(50)}
    assert len(seeds) == 400
    assert all(0 <= s < 2**63 for s in seeds)


@pytest.mark.parametrize("name", SCHEDULES)
def test_schedules_stay_within_the_learning_rate(name: str) -> None:
    values = [SCHEDULES[name](k / 1000) for k in range(1001)]
    assert all(0.0 <= v <= 1.0 for v in values)
    assert max(values) == 1.0


def test_one_cycle_rises_then_falls() -> None:
    values = [one_cycle(k / 1000) for k in range(1001)]
    assert all(a < b for a, b in itertools.pairwise(values[:301]))
    assert all(a > b for a, b in itertools.pairwise(values[300:]))
    assert values[-1] == pytest.approx(1e-4 / 25)
