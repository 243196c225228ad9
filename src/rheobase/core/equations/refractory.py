"""The refractory time that some neurons declare: a clock that runs down, and no spike until it has."""

from __future__ import annotations

from typing import Any

import torch

FAR_BELOW = -1000.0  # a volt where potentials are in mV, where no surrogate has a slope left


def running(clock: Any, dt: Any) -> Any:
    """Whether time is left on a clock that runs down in steps of dt; half a step or less counts as rounding.

    >>> running(torch.tensor([2.0, 1.0, 0.5, 1e-7]), 1.0).tolist()
    [True, True, False, False]
    """
    return 2.0 * clock > dt


def barred(when: Any, above: Any) -> Any:
    """The distance `above` the threshold, and -1000 in its place where `when` holds: there a neuron must not fire.

    >>> barred(torch.tensor([False, True]), torch.tensor([0.5, 0.5])).tolist()
    [0.5, -1000.0]
    """
    return torch.where(when, torch.full_like(above, FAR_BELOW), above)
