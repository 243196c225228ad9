"""A leaky integrate-and-fire neuron matched to a recording in closed form: what a search has to beat.

    tau dv/dt = v_leak - v + r i                      by least squares between spikes
    v_threshold = v_leak + r i_rheobase               the rheobase, from steps of current
    1 / f(i) = tau ln(1 + (v_threshold - v_reset) / (v_leak + r i - v_threshold))

is its rate at a step i (Lapicque's neuron without a refractory period), and v_reset is where the slope of f over the
steps, by least squares, is that of the cell. Where currents are no steps, threshold and reset are the medians of where
upstrokes begin and of the troughs behind spikes.
"""

from __future__ import annotations

import math
from dataclasses import dataclass

import torch
from torch import Tensor

from rheobase import neurons
from rheobase.learning.fitting.guess import measured
from rheobase.learning.fitting.recording import Recording

FLAT = 0.1  # of the range of steps: how much the current may vary within one
JUMPS = (0.1, 1000.0)  # mV between threshold and reset


def matched_lif(recording: Recording) -> neurons.GLIF1 | None:
    """The neuron, of shape (1,) and with the time step of the recording; None where r cannot be measured.

    It stands for what is known without any search. Its refractory period is one step: the slope has it already.

    >>> import torch
    >>> amplitudes = torch.arange(100.0, 500.0, 20.0)
    >>> current = torch.zeros(20, 5000)
    >>> current[:, 500:4500] = amplitudes[:, None]
    >>> values = dict(c_mem=100.0, g_leak=10.0, v_leak=-70.0, v_threshold=-50.0, v_reset=-60.0, tau_refrac=0.2)
    >>> cell = neurons.GLIF1(1, dt=0.2, **values)
    >>> spikes, _, rec = cell(current.T[..., None], record=("v",))
    >>> found = matched_lif(Recording(torch.where(spikes > 0, 20.0, rec.v)[..., 0].T, current, dt=0.2))
    >>> [round(found.value(name).item()) for name in ("v_leak", "c_mem", "g_leak", "v_threshold", "v_reset")]
    [-70, 98, 10, -49, -60]
    """
    known = measured(recording)
    if not math.isfinite(known.r):
        return None
    threshold, reset = known.threshold, known.reset
    line = _line(recording)
    if line is not None:
        threshold = known.rest + known.r * line.rheobase
        reset = threshold - _jump(line, known.r, known.tau)
    if not (math.isfinite(threshold) and math.isfinite(reset)):
        return None
    reset = min(reset, threshold - JUMPS[0])
    return neurons.GLIF1(
        1,
        dt=recording.dt,
        c_mem=known.tau / known.r,
        g_leak=1.0 / known.r,
        v_leak=known.rest,
        v_threshold=threshold,
        v_reset=reset,
        tau_refrac=recording.dt,
    )


@dataclass(frozen=True)
class Line:
    """The currents of the steps that made two spikes or more, pA; the rheobase, pA; the slope of their rates."""

    currents: Tensor
    rheobase: float
    slope: float  # 1/(ms pA)


def _line(recording: Recording) -> Line | None:
    """None where the currents are no steps, or no rate grows with them."""
    amplitudes = _amplitudes(recording)
    if amplitudes is None:
        return None
    trains = list(zip(amplitudes, recording.spike_times(), strict=True))
    pairs = [(i, (len(t) - 1) / float(t[-1] - t[0])) for i, t in trains if len(t) > 1]
    if len({i for i, _ in pairs}) < 2:
        return None
    currents, rates = torch.tensor(pairs, dtype=torch.float64).T
    slope = _slope(currents, rates)
    if slope <= 0.0:
        return None
    weakest = min(i for i, t in trains if len(t))
    silent = [i for i, t in trains if not len(t) and i < weakest]
    # between the strongest that is silent and the weakest that fires; else where the line meets 0
    at_zero = float(currents.mean() - rates.mean() / slope)
    return Line(currents, 0.5 * (max(silent) + weakest) if silent else at_zero, slope)


def _slope(x: Tensor, y: Tensor) -> float:
    return float(((x - x.mean()) * (y - y.mean())).sum() / (x - x.mean()).square().sum().clamp(min=1e-12))


def _jump(line: Line, r: float, tau: float) -> float:
    """The mV between threshold and reset that give this slope: it falls as they grow, so by bisection."""
    currents = line.currents[line.currents > line.rheobase]
    low, high = JUMPS
    for _ in range(60):
        middle = math.sqrt(low * high)
        rates = 1.0 / (tau * torch.log1p(middle / (r * (currents - line.rheobase))))
        low, high = (middle, high) if _slope(currents, rates) > line.slope else (low, middle)
    return high


def _amplitudes(recording: Recording) -> list[float] | None:
    """The current of each sweep in the window where they differ; None where it is no step there."""
    if len(recording.v) < 2:
        return None
    current = recording.current.double()
    spread = current.std(0)
    inside = spread > 0.5 * spread.max()
    if inside.sum() < 2:
        return None  # the end of a sweep that was cut off, say
    part = current[:, inside]
    means = part.mean(1)
    reach = float(means.max() - means.min())
    if reach <= 0.0 or float(part.std(1).max()) > FLAT * reach:
        return None
    return means.tolist()
