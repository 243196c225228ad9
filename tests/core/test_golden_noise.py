"""Random numbers stay what they are: a run of a seed is the same run in every version.

The words were written down when the tests of their statistics, in `test_noise.py` and `test_poisson.py`, had passed.
That of 1 under lowbias32 can be made with any calculator: three shifts, two products modulo 2^32.
"""

from __future__ import annotations

import pytest
import torch

from rheobase import MapNeuron, Noisy, data, neurons, state, surrogates
from rheobase.core.random_numbers import keys, mix, normal, poisson, uniform, words
from rheobase.data.encoding.hash_bits import draws, lane_keys, permutation

SEED, STEP = 2**40 + 17, 2**33 + 3


def test_words() -> None:
    assert [mix(x) for x in (0, 1, 2, 0xDEADBEEF, 0xFFFFFFFF)] == [
        0,
        0x688990C0,
        0xD1132181,
        0xE628C683,
        0x6768824A,
    ]
    assert keys(SEED, STEP, 1) == (0x7A99D4CD, 0x72D30B0B)
    assert words(5, SEED, STEP, 1) == (0x1AD581DE, 0xBCECDF2E)


def test_numbers() -> None:
    like, rng = torch.zeros(1, 4, dtype=torch.float64), torch.tensor([SEED, STEP])
    expected = [-0.18010697878684814, -0.15318167577422964, 1.0796407186568704, 1.1812760934451816]
    assert normal(like, rng)[0].tolist() == pytest.approx(expected, rel=1e-14)
    assert uniform(like, rng, 1)[0].tolist() == [
        0.7747592983068898,
        0.25303384324070066,
        0.5419614800484851,
        0.8387530081672594,
    ]
    assert poisson(like, torch.tensor(3.0, dtype=torch.float64), rng, 2, most=4.0)[0].tolist() == [4.0, 1.0, 5.0, 2.0]


class Wire(MapNeuron):
    """Gives out its input."""

    v = state(0.0, "1", "nothing")
    graded = True

    def step(self, s, i):
        return i, s


@pytest.mark.parametrize("backend", ["reference", "llvm"])
def test_a_seed_is_a_run(backend: str) -> None:
    out, _ = Noisy(Wire(2), seed=SEED)(torch.zeros(2, 1, 2), backend=backend)
    expected = [1.9987869262695312, -0.012231769971549511, 0.48806843161582947, 0.2862773835659027]
    assert torch.allclose(out.flatten(), torch.tensor(expected), rtol=1e-5, atol=0)


def test_spikes_of_the_rate_code() -> None:
    out = data.Rate(8)(torch.tensor([[0.1, 0.5, 0.9]]), seed=3, index=torch.tensor([7]))
    assert out.long().flatten().tolist() == [0, 1, 1, 0, 0, 1, 0, 1, 1, 0, 0, 1, 0, 0, 1, 0, 0, 1, 0, 0, 1, 1, 0, 1]
    assert draws(5, torch.tensor([0, 9])).tolist() == [[716809248, 210919872], [1861284023, 246947321]]
    assert permutation(6, seed=1).tolist() == [5, 0, 3, 4, 1, 2]
    assert [k.tolist() for k in lane_keys(4, torch.tensor([2]), 1)] == [[[-1818473747]], [[1468537262]]]


def test_the_slope_of_a_threshold_in_millivolts() -> None:
    """By default half as steep 3.2 mV from it, where a threshold of 1 has it 0.32 from it."""
    for neuron, half in ((neurons.LIF(1, dt=1.0), 1.0 / torch.pi), (neurons.AdEx(1, dt=0.1), 10.0 / torch.pi)):
        slope = neuron.surrogate.derivative
        at = torch.tensor([0.0, half], dtype=torch.float64)
        assert float(slope(at)[1] / slope(at)[0]) == pytest.approx(0.5, rel=1e-12)
    assert neurons.AdEx(1, dt=0.1).surrogate == surrogates.ATan(0.2)
