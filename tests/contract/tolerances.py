"""How close two backends must be: the one table of tolerances, the same everywhere.

A difference of a value over time is relative to the largest value of its lane, or to `QUIET` of the largest of all
lanes; that of a gradient to the largest value of the tensor. A free run over a threshold is chaotic, so the bound
grows with time, and holds for input that keeps every threshold at a distance of at least `MARGIN`, where spikes
must be the same.
"""

from __future__ import annotations

import torch
from torch import Tensor

MARGIN = 1e-7
ONE_STEP = {torch.float64: 1e-13, torch.float32: 2e-6}
FREE_63, FREE_LONG = 1e-10, 1e-7
FREE_32, GRADIENT_32 = 1e-4, 2e-4  # a dozen steps in float32 that keep 1e-5 from every threshold
MARGIN_32 = 1e-5
COINCIDENCE_32 = 0.97  # of the spikes of a free run in float32, within one step
# A gradient this much smaller than the largest of its run is a sum that cancels to zero, such as that of a time
# constant by a neuron that starts at rest and meets no input.
ZERO = 1e-12
# a lane this much smaller than the largest of its tensor is looked at as if it were so large: it may be rounding alone
QUIET = 1e-4
HALF_ULP = {torch.bfloat16: 2.0**-8, torch.float16: 2.0**-11}


def free(steps: int) -> float:
    """The bound for a free run of so many steps in float64."""
    return FREE_63 if steps <= 63 else FREE_LONG


def difference(a: Tensor, b: Tensor, *, by_lane: bool = False) -> float:
    """The largest difference, relative to the largest value; infinite where either is not finite.

    `by_lane`, of tensors (time, ...): relative to the largest value that each lane has over time.
    """
    if a.shape != b.shape:
        raise AssertionError(f"shapes {tuple(a.shape)} and {tuple(b.shape)} differ")
    if not (torch.isfinite(a).all() and torch.isfinite(b).all()):
        return float("inf")
    gap, size = (a.double() - b.double()).abs(), torch.maximum(a.double().abs(), b.double().abs())
    if not float(gap.max()):
        return 0.0
    if not by_lane:
        return float(gap.max() / size.max())
    lanes = torch.maximum(size.amax(0), QUIET * size.max())
    return float((gap.amax(0) / lanes).max())


def assert_close(
    a: Tensor, b: Tensor, tolerance: float, what: str, *, nothing: float = 0.0, by_lane: bool = False
) -> None:
    """`nothing` is the size below which a value is the rounding of zero; `by_lane` as in `difference`."""
    if max(float(a.abs().max()), float(b.abs().max())) < nothing:
        return
    found = difference(a, b, by_lane=by_lane)
    assert found <= tolerance, f"{what}: relative difference {found:.3g}, allowed {tolerance:.3g}"
