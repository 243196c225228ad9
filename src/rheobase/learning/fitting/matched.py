"""A leaky integrate-and-fire neuron matched to a recording in closed form: what a search has to beat.

    tau dv/dt = v_leak - v + r i            by least squares between spikes
    v_threshold = v_leak + r i_rheobase     the rheobase, from steps of current
    1 / slope = c_mem (v_threshold - v_reset)   the slope of the rate far above it, c_mem = tau / r

For an integrate-and-fire neuron, the rate over i approaches a line of that slope (T = tau ln((v_inf - v_reset) /
(v_inf - v_threshold)), expanded for large v_inf = v_leak + r i). Where currents are no steps, threshold and reset are
the medians of where upstrokes begin and of the troughs behind spikes.
"""

from __future__ import annotations

import math

import torch

from rheobase import neurons
from rheobase.learning.fitting.guess import measured
from rheobase.learning.fitting.recording import Recording

FLAT = 0.1  # of the range of steps: how much the current may vary within one
LOWEST = 1.0  # mV that threshold and reset are apart, at least


def matched_lif(recording: Recording) -> neurons.GLIF1 | None:
    """The neuron, of shape (1,) and with the time step of the recording; None where r cannot be measured.

    It stands for what is known without any search. Its refractory period is one step: the slope has it already.

    >>> import torch
    >>> amplitudes = torch.arange(100.0, 500.0, 20.0)
    >>> current = torch.zeros(20, 5000)
    >>> current[:, 500:4500] = amplitudes[:, None]
    >>> cell = neurons.GLIF1(1, dt=0.2, c_mem=100.0, g_leak=10.0, v_leak=-70.0, v_threshold=-50.0, v_reset=-60.0)
    >>> spikes, _, rec = cell(current.T[..., None], record=("v",))
    >>> found = matched_lif(Recording(torch.where(spikes > 0, 20.0, rec.v)[..., 0].T, current, dt=0.2))
    >>> [round(found.value(name).item()) for name in ("v_leak", "c_mem", "g_leak", "v_threshold")]
    [-70, 99, 10, -49]
    """
    known = measured(recording)
    if not math.isfinite(known.r):
        return None
    c_mem = known.tau / known.r
    threshold, reset = known.threshold, known.reset
    line = _rates(recording)
    if line is not None:
        rheobase, slope = line
        threshold = known.rest + known.r * rheobase
        reset = threshold - 1.0 / (slope * c_mem)
    if not (math.isfinite(threshold) and math.isfinite(reset)):
        return None
    reset = min(reset, threshold - LOWEST)
    return neurons.GLIF1(
        1, dt=recording.dt, c_mem=c_mem, g_leak=1.0 / known.r, v_leak=known.rest, v_threshold=threshold,
        v_reset=reset, tau_refrac=recording.dt,
    )  # fmt: skip


def _rates(recording: Recording) -> tuple[float, float] | None:
    """Rheobase in pA and the slope of the rate in 1/(ms pA), of steps of current; None where there are none."""
    amplitudes = _amplitudes(recording)
    if amplitudes is None:
        return None
    times = recording.spike_times()
    pairs = [(i, (len(t) - 1) / float(t[-1] - t[0])) for i, t in zip(amplitudes, times, strict=True) if len(t) > 1]
    if len({i for i, _ in pairs}) < 2:
        return None
    known = torch.tensor(pairs, dtype=torch.float64)
    apart = known - known.mean(0)
    slope = float((apart[:, 0] * apart[:, 1]).sum() / apart[:, 0].square().sum())
    if slope <= 0.0:
        return None
    weakest = min(i for i, t in zip(amplitudes, times, strict=True) if len(t))
    silent = [i for i, t in zip(amplitudes, times, strict=True) if not len(t) and i < weakest]
    # between the strongest that is silent and the weakest that fires; else where the line meets 0
    at_zero = float(known[:, 0].mean() - known[:, 1].mean() / slope)
    return (0.5 * (max(silent) + weakest) if silent else at_zero), slope


def _amplitudes(recording: Recording) -> list[float] | None:
    """The current of each sweep in the window where they differ; None where it is no step there."""
    if len(recording.v) < 2:
        return None
    current = recording.current.double()
    spread = current.std(0)
    inside = spread > 0.5 * spread.max()
    part = current[:, inside]
    means = part.mean(1)
    reach = float(means.max() - means.min())
    if reach <= 0.0 or float(part.std(1).max()) > FLAT * reach:
        return None
    return means.tolist()
