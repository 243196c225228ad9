"""Currents that are no steps, drawn at random: ramps, noise and several levels one after the other."""

from __future__ import annotations

import torch
from torch import Tensor

from rheobase.operator.protocol import Protocol

STEPS, VARIED = "steps", "varied"  # what a split of the data set has
KINDS = ("ramp", "noise", "levels")  # a third of them each
TAU = (2.0, 50.0)  # ms: correlation of the noise, log-uniform
SPREAD = (0.02, 0.08)  # nA: its standard deviation
MOST = 4  # levels


def varied(protocol: Protocol, count: int, generator: torch.Generator) -> Tensor:
    """Currents in nA, (time, count) in the steps of a run behind `settle`, in float32; 0 outside of the step's time.

    A third of them are ramps between two amplitudes, a third is noise around one (an Ornstein-Uhlenbeck process with a
    standard deviation of 0.02 to 0.08 nA and a correlation time of 2 to 50 ms), and a third has two to four levels.
    Amplitudes are of the distribution of the steps, and all currents are cut off at its range.

    >>> protocol = Protocol(dt=0.1, keep=1, before=10.0, duration=50.0, after=10.0, early=5.0)
    >>> x = varied(protocol, 6, torch.Generator().manual_seed(0))
    >>> x.shape, bool((x[:100] == 0).all()), bool((x >= -0.11).all() and (x <= 0.28).all())
    (torch.Size([700, 6]), True, True)
    """
    total, first = protocol.recorded * protocol.keep, round(protocol.before / protocol.dt)
    steps = round(protocol.duration / protocol.dt)
    drawn = protocol.draw(count * MOST, generator).view(MOST, count)
    time = torch.arange(steps, dtype=torch.float64)[:, None] / steps
    ramps = drawn[0] + time * (drawn[1] - drawn[0])
    changes = torch.rand(MOST - 1, count, generator=generator, dtype=torch.float64)
    used = torch.arange(1, MOST)[:, None] <= torch.randint(1, MOST, (count,), generator=generator)
    level = sum((time >= torch.where(on, at, 2.0)).long() for on, at in zip(used, changes, strict=True))
    levels = drawn.gather(0, torch.as_tensor(level))
    kind = torch.arange(count) % len(KINDS)
    noise = drawn[0] + _noise(steps, count, protocol.dt, generator)
    inside = torch.where(kind == 0, ramps, torch.where(kind == 1, noise, levels)).clamp(*protocol.amplitudes)
    current = torch.zeros(total, count)
    current[first : first + steps] = inside.float()
    return current


def _noise(steps: int, count: int, dt: float, generator: torch.Generator) -> Tensor:
    """Ornstein-Uhlenbeck processes around 0, stationary from the first step on, exact at any dt."""
    uniform = torch.rand(2, count, generator=generator, dtype=torch.float64)
    tau = TAU[0] * (TAU[1] / TAU[0]) ** uniform[0]
    spread = SPREAD[0] + uniform[1] * (SPREAD[1] - SPREAD[0])
    white = torch.randn(steps, count, generator=generator, dtype=torch.float64)
    keep = torch.exp(-dt / tau)
    fresh = torch.sqrt(-torch.expm1(-2.0 * dt / tau))
    rows = [white[0]]
    for x in white[1:]:
        rows.append(keep * rows[-1] + fresh * x)
    return spread * torch.stack(rows)


__all__ = ["STEPS", "VARIED", "varied"]
