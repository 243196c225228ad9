"""What the equations of the cell predict: fixed points, and where they give way to an oscillation."""

from __future__ import annotations

import math
from collections.abc import Callable
from dataclasses import dataclass


def oscillation_angle(h: float, r: float = 2.0, r_s: float = -7.0, z_hyp: float = 0.9, z_dep: float = 0.0) -> float:
    """The angle by which a small deviation from the fixed point h turns in a step; 0 where it does not turn.

    At a fixed point h = h_s, so that the slope of z_s drops out and the Jacobian is
    [[r g, r_s g], [1 - z_s, z_s]] with g = 1 - h^2.
    """
    g, z_s = 1.0 - h * h, _gate(h, z_hyp, z_dep)
    trace, det = r * g + z_s, growth(h, r, r_s, z_hyp, z_dep)
    return math.acos(trace / (2.0 * math.sqrt(det))) if trace * trace < 4.0 * det else 0.0


def growth(h: float, r: float = 2.0, r_s: float = -7.0, z_hyp: float = 0.9, z_dep: float = 0.0) -> float:
    """The determinant of the Jacobian at a fixed point h: a turning deviation grows by its root in a step."""
    z_s = _gate(h, z_hyp, z_dep)
    return (1.0 - h * h) * (r * z_s - r_s * (1.0 - z_s))


def drive_of(h: float, r: float = 2.0, r_s: float = -7.0) -> float:
    """The x + b_h whose fixed point is h."""
    return math.atanh(h) - (r + r_s) * h


def fixed_point(drive: float, r: float = 2.0, r_s: float = -7.0) -> float:
    """The h with h = tanh(drive + (r + r_s) h), for r + r_s <= 0.

    >>> round(fixed_point(-6.0), 4)
    -0.9027
    """
    return _root(lambda h: h - math.tanh(drive + (r + r_s) * h), -1.0, 1.0)


@dataclass(frozen=True)
class NeimarkSacker:
    """Where a pair of multipliers leaves the unit circle: a fixed point gives way to an oscillation."""

    drive: float  # x + b_h
    h: float
    period: float  # steps


def neimark_sacker(r: float = 2.0, r_s: float = -7.0, z_hyp: float = 0.9, z_dep: float = 0.0) -> NeimarkSacker:
    """The bifurcation on the lower branch (h < 0), where the determinant is 1.

    >>> found = neimark_sacker()
    >>> round(found.drive, 3), round(found.h, 4), round(found.period, 2)
    (-4.905, -0.7746, 11.32)
    """
    h = _root(lambda h: growth(h, r, r_s, z_hyp, z_dep) - 1.0, -1.0, -0.3)
    angle = oscillation_angle(h, r, r_s, z_hyp, z_dep)
    return NeimarkSacker(drive_of(h, r, r_s), h, 2.0 * math.pi / angle if angle else math.inf)


def _gate(h: float, z_hyp: float, z_dep: float) -> float:
    return z_hyp + (z_dep - z_hyp) / (1.0 + math.exp(-10.0 * (h - 0.5)))


def _root(f: Callable[[float], float], low: float, high: float) -> float:
    """Where a function that rises from below 0 to above it is 0."""
    for _ in range(60):
        middle = 0.5 * (low + high)
        low, high = (low, middle) if f(middle) > 0.0 else (middle, high)
    return 0.5 * (low + high)
