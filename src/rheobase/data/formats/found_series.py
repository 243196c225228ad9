"""Series as a reader finds them, before they are cut into parts."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
import torch
from torch import Tensor

# of `unlike_step`: what was expected, and the remedy
LIKE_STEPS, RESAMPLE = "rows as far apart as those of the training", "resample them, or say times in its unit"


@dataclass(frozen=True)
class FoundSeries:
    """Series, each (time, channels) float64, and what stands beside them; () where a file does not say it.

    labels, names, groups, parts   for each series: its class, its id, who made it, train or test
    classes                        in the order that the file gives them
    columns                        of a table: what each was taken for, as `Reading.columns` has it
    step                           of a table with times: the usual time from a row to the next, in the table's unit
    """

    series: Sequence[np.ndarray]
    channels: tuple[str, ...]
    labels: Sequence[str] = ()
    names: Sequence[str] = ()
    groups: Sequence[str] = ()
    parts: Sequence[str] = ()
    classes: tuple[str, ...] = ()
    notes: tuple[str, ...] = ()
    columns: str | None = None
    step: float | None = None


def padded(series: Sequence[np.ndarray], steps: int) -> Tensor:
    """Series as one tensor (n, steps, channels), float32, NaN after the end of each.

    >>> padded([np.ones((2, 1)), np.zeros((1, 1))], 2)[..., 0].tolist()
    [[1.0, 1.0], [0.0, nan]]
    """
    out = torch.full((len(series), steps, series[0].shape[1]), torch.nan)
    for row, values in zip(out, series, strict=True):
        row[: len(values)] = torch.from_numpy(values.astype(np.float32))
    return out


def unlike_step(step: float | None, other: float | None) -> str | None:
    """What to say of a series whose rows are `step` apart beside one of `other`; None where they are alike, or unknown.

    A tenth is allowed: times that are rounded, or that jitter.

    >>> unlike_step(5.0, 5.2), unlike_step(5.0, None), unlike_step(0.005, 5.0)
    (None, None, 'rows that are 0.005 apart in time, and not 5')
    """
    if step is None or other is None or abs(step - other) <= 0.1 * max(step, other):
        return None
    return f"rows that are {step:g} apart in time, and not {other:g}"


def in_order(labels: Sequence[str]) -> tuple[str, ...]:
    """The names of the classes: by number where all are whole numbers, else by letter.

    >>> in_order(["10", "9"]), in_order(["b", "a"])
    (('9', '10'), ('a', 'b'))
    """
    names = set(labels)
    if all(name.removeprefix("-").isdecimal() for name in names):
        return tuple(sorted(names, key=lambda name: (int(name), name)))
    return tuple(sorted(names))
