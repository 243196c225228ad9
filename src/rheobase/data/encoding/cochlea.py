"""A cochlea-like filter bank: from sound to the currents of many bands, in steps of time."""

from __future__ import annotations

import math
from dataclasses import dataclass

import numpy as np

from rheobase.checks import is_number, is_whole
from rheobase.errors import InputError, ParameterError

BANDS, FRAME_MS = 32, 10.0
LOWEST_HZ, HIGHEST_HZ = 50.0, 8000.0
_BELOW_NYQUIST = 0.9
_ENVELOPE_MS = 5.0
_COMPRESSION = 0.3
# of a gammatone of fourth order whose equivalent rectangular bandwidth is that of the ear
_ORDER_FACTOR = 1.019


@dataclass(frozen=True)
class Cochlea:
    """Gammatone filters, then a model of the hair cells: half-wave rectified, low-passed, compressed.

    Centre frequencies lie evenly on the scale of equivalent rectangular bandwidths (Glasberg & Moore, 1990),

        ERB(f) = 24.7 (4.37 f / 1000 + 1)           f, ERB in Hz
        E(f)   = 21.4 log10(4.37 f / 1000 + 1)      number of ERBs below f

    from 50 Hz to 8 kHz, or to 0.9 of half the rate where that is lower. A filter is the gammatone of fourth order with
    bandwidth 1.019 ERB(f), as four sections of second order (Slaney, 1993), of gain 1 at its centre. What it passes is
    rectified, smoothed by a low-pass of first order (5 ms), raised to 0.3, and averaged over each step of `frame_ms`.

    **Shapes**: samples (n,) at `rate` Hz -> (steps, bands) float32, not negative; the last, shorter step counts as one.

    **Raises**: ParameterError for parameters out of range; InputError for samples of another shape.

    **Differs from the papers**: Slaney's gain formula is replaced by the filter's own response at its centre.

    Reference: Hear. Res. 47:103 (1990), doi 10.1016/0378-5955(90)90170-T; Apple Computer Technical Report 35 (1993).

    >>> tone = np.sin(2 * np.pi * 1000 * np.arange(8000) / 8000)
    >>> cochlea = Cochlea(8000, bands=16)
    >>> steps = cochlea(tone)
    >>> steps.shape, round(cochlea.centres[steps.mean(0).argmax()])
    ((100, 16), 1114)
    """

    rate: int
    bands: int = BANDS
    frame_ms: float = FRAME_MS

    def __post_init__(self) -> None:
        if not is_whole(self.rate, 1000):
            expected = "whole Hz, at least 1000"
            raise ParameterError("Cochlea", f"rate={self.rate!r}", expected, "give the rate of the samples")
        if not is_whole(self.bands, 2):
            raise ParameterError("Cochlea", f"bands={self.bands!r}", "a whole number from 2", f"try {BANDS}")
        if not is_number(self.frame_ms, above=0) or round(self.frame_ms * self.rate / 1000) < 1:
            expected = "ms that hold at least one sample"
            raise ParameterError("Cochlea", f"frame_ms={self.frame_ms!r}", expected, f"try {FRAME_MS:g}")

    @property
    def centres(self) -> np.ndarray:
        """Centre frequencies in Hz, (bands,), rising."""
        highest = min(HIGHEST_HZ, _BELOW_NYQUIST * self.rate / 2)
        low, high = (21.4 * math.log10(4.37e-3 * f + 1) for f in (LOWEST_HZ, highest))
        return (10 ** (np.linspace(low, high, self.bands) / 21.4) - 1) / 4.37e-3

    def sections(self) -> np.ndarray:
        """The filters as sections of second order, (bands, 4, 6)."""
        f, dt = self.centres[:, None], 1 / self.rate
        decay = np.exp(-2 * np.pi * _ORDER_FACTOR * erb(f) * dt)
        cos, sin = np.cos(2 * np.pi * f * dt), np.sin(2 * np.pi * f * dt)
        # the zeros of the four sections
        roots = np.array(
            [[math.sqrt(3 + 2**1.5), -math.sqrt(3 + 2**1.5), math.sqrt(3 - 2**1.5), -math.sqrt(3 - 2**1.5)]]
        )
        one = np.ones((self.bands, 4))
        sos = np.stack(
            [one, -decay * (cos + roots * sin), 0 * one, one, -2 * decay * cos * one, decay**2 * one], axis=-1
        )
        z = np.exp(-2j * np.pi * f * dt)[..., None] ** np.arange(3)
        gain = np.abs((sos[..., :3] * z).sum(-1) / (sos[..., 3:] * z).sum(-1))
        sos[..., :3] /= gain[..., None]
        return sos

    def __call__(self, samples: np.ndarray) -> np.ndarray:
        """The bands of a sound, (steps, bands)."""
        from scipy.signal import lfilter, sosfilt

        if samples.ndim != 1 or not len(samples):
            given = f"samples of shape {samples.shape}"
            raise InputError(repr(self), given, "(n,), at least one", "average the channels, or take one")
        filtered = np.stack([np.asarray(sosfilt(sos, samples)) for sos in self.sections()])
        keep = math.exp(-1000 / (_ENVELOPE_MS * self.rate))
        smooth = np.asarray(lfilter([1 - keep], [1, -keep], np.maximum(filtered, 0), axis=-1))
        compressed = np.maximum(smooth, 0) ** _COMPRESSION
        starts = np.arange(0, len(samples), self.frame_ms * self.rate / 1000).round().astype(np.int64)
        starts = starts[starts < len(samples)]
        lengths = np.diff(starts, append=len(samples))
        return (np.add.reduceat(compressed, starts, axis=-1) / lengths).T.astype(np.float32)


def erb(f: np.ndarray) -> np.ndarray:
    """The equivalent rectangular bandwidth of the ear at f, both in Hz (Glasberg & Moore, 1990).

    >>> round(float(erb(np.array(1000.0))), 1)
    132.6
    """
    return 24.7 * (4.37e-3 * f + 1)
