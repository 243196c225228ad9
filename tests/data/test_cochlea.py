"""The cochlea-like filter bank against the published formulas, and against SciPy's gammatone filters."""

from __future__ import annotations

import numpy as np
import pytest
from scipy.signal import freqz, gammatone, sosfreqz

from rheobase.data.encoding.cochlea import Cochlea, erb
from rheobase.errors import InputError, ParameterError


@pytest.mark.parametrize("rate", [8000, 16_000, 44_100])
def test_centres_are_even_in_bandwidths(rate):
    centres = Cochlea(rate, bands=24).centres
    assert centres[0] == pytest.approx(50)
    assert centres[-1] == pytest.approx(min(8000, 0.45 * rate))
    # the integral of df / ERB(f) from one centre to the next is the same for all
    grid = np.linspace(centres[:-1], centres[1:], 400)
    numbers = np.trapezoid(1 / erb(grid), grid, axis=0)
    np.testing.assert_allclose(numbers, numbers.mean(), rtol=2e-3)


def test_filters_are_those_of_the_paper():
    """Gain 1 at the centre, the bandwidth of the ear, and the response of SciPy's form of the same paper."""
    cochlea = Cochlea(16_000, bands=8)
    for f, sections in zip(cochlea.centres[2:-1], cochlea.sections()[2:-1], strict=True):
        hertz, response = sosfreqz(sections, worN=1 << 15, fs=16_000)
        power = np.abs(response) ** 2
        assert power.max() == pytest.approx(1, rel=1e-4)
        assert hertz[power.argmax()] == pytest.approx(f, abs=1)
        assert np.trapezoid(power, hertz) == pytest.approx(erb(f), rel=5e-3)
        _, other = freqz(*gammatone(f, "iir", fs=16_000), worN=hertz, fs=16_000)
        np.testing.assert_allclose(np.abs(response), np.abs(other), atol=1e-6)


def test_an_impulse_decays():
    impulse = np.zeros(16_000)
    impulse[0] = 1
    steps = Cochlea(16_000)(impulse)
    assert np.isfinite(steps).all()
    assert steps[-1].max() < 1e-6 < steps[0].max()


def test_a_tone_is_heard_where_it_lies_and_louder_is_more():
    cochlea = Cochlea(16_000)
    for f in (200, 1000, 5000):
        wave = np.sin(2 * np.pi * f * np.arange(8000) / 16_000)
        mean = cochlea(wave).mean(0)
        assert abs(cochlea.centres[mean.argmax()] - f) < erb(f)
        np.testing.assert_allclose(cochlea(wave * 8), cochlea(wave) * 8**0.3, rtol=1e-4)


def test_steps_cover_the_sound():
    assert [len(Cochlea(8000)(np.ones(n))) for n in (1, 80, 81, 160)] == [1, 1, 2, 2]
    assert len(Cochlea(44_100, frame_ms=7.3)(np.ones(44_100))) == 137


def test_what_it_refuses():
    with pytest.raises(ParameterError, match="rate"):
        Cochlea(100)
    with pytest.raises(ParameterError, match="bands"):
        Cochlea(8000, bands=1)
    with pytest.raises(ParameterError, match="frame_ms"):
        Cochlea(8000, frame_ms=0.01)
    with pytest.raises(InputError, match="average the channels"):
        Cochlea(8000)(np.ones((3, 2)))
