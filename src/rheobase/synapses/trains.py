"""Spike times in ms as the input of synapses, a count for each step."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor

from rheobase.checks import is_number
from rheobase.errors import ParameterError


def spike_trains(times: Sequence[Any], *, t_stop: float, dt: float) -> Tensor:
    """Spike times in ms to how many spikes act in each step, in torch's default dtype, for a batch of one.

    One train, [t0, t1, ...], gives (time, 1); a sequence of trains, of any lengths, (time, 1, trains). A spike acts
    from the beginning of a step, the one that is nearest to its time (the earlier of two), as it does in NEURON; two
    spikes in a step count as 2.

    Raises: `ParameterError` for times that are below 0, not in order, at or after the last beginning of a step, or no
    numbers.

    >>> spike_trains([[0.2, 2.0], []], t_stop=3.0, dt=1.0)[:, 0].tolist()
    [[1.0, 0.0], [0.0, 0.0], [1.0, 0.0]]
    """
    for name, value in (("t_stop", t_stop), ("dt", dt)):
        if not is_number(value, above=0):
            raise ParameterError("spike_trains", f"{name} = {value!r}", f"{name} > 0, in ms", "t_stop=100.0, dt=0.025")
    steps = max(1, round(t_stop / dt))
    if not hasattr(times, "__len__") or getattr(times, "ndim", 1) == 0:
        raise ParameterError("spike_trains", f"{times!r}", "times in ms", "[1.0, 5.5], or a list of such")
    many = len(times) > 0 and all(np.ndim(train) == 1 for train in times)
    found = torch.zeros(steps, len(times) if many else 1, dtype=torch.float64)
    for k, train in enumerate(times if many else [times]):
        at = _steps_of(train, f"train {k}" if many else "the train", steps, dt)
        found[:, k].index_add_(0, torch.as_tensor(at), torch.ones(len(at), dtype=torch.float64))
    found = found.to(torch.get_default_dtype())
    return found[:, None] if many else found


def _steps_of(train: Any, name: str, steps: int, dt: float) -> NDArray[np.int64]:
    """The step of each spike."""
    try:
        t = np.asarray(train, np.float64)
    except (TypeError, ValueError) as error:
        raise ParameterError(
            "spike_trains", f"{name}: {error}", "times in ms", "[1.0, 5.5], or a list of such"
        ) from None
    if t.ndim != 1 or not np.isfinite(t).all():
        raise ParameterError("spike_trains", f"{name} = {train!r}", "finite times in ms", "[1.0, 5.5], say")
    at = np.ceil(t / dt - 0.5).astype(np.int64)
    turned = np.flatnonzero(np.diff(t) < 0)
    if len(turned):
        k = int(turned[0])
        given = f"{name}: {t[k]:g} ms before {t[k + 1]:g} ms"
        raise ParameterError("spike_trains", given, "times in order", "sort them")
    if (t < 0).any():
        raise ParameterError(
            "spike_trains", f"{name}: {t[0]:g} ms", "times from 0 on", "count from the start of the run"
        )
    if len(at) and at[-1] >= steps:
        given = f"{name}: {t[-1]:g} ms of {steps * dt:g} ms in steps of {dt:g} ms"
        raise ParameterError("spike_trains", given, "times before the end", "a later t_stop, or leave it out")
    return np.maximum(at, 0)


__all__ = ["spike_trains"]
