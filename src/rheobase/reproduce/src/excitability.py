"""How firing begins along r: with a frequency of its own at once (class II), or from arbitrarily low ones (class I)."""

from __future__ import annotations

from collections import Counter
from collections.abc import Mapping
from typing import Any

import torch
from torch import Tensor

from rheobase.plot import Table
from rheobase.reproduce.src import theory
from rheobase.reproduce.src.bisect import bisect
from rheobase.reproduce.src.cell import cells, resting, traces
from rheobase.reproduce.src.features import Features, features

LOWEST, HIGHEST, BIAS = -8.9, -3.05, -6.0  # x + b_h that x reaches at this bias
JUST, FURTHER = 1e-3, 0.5  # above the onset
CLASS_I = 0.1  # a rate at the onset below this share of the one further on would be class I


def along_r(values: list[float], steps: int) -> dict[str, Any]:
    """Onsets and rates for each r. Shapes of what is returned: (values,)."""
    r = torch.tensor(values, dtype=torch.float64)
    low, high = torch.full_like(r, LOWEST), torch.full_like(r, HIGHEST)
    spikes = bisect(lambda drive: _run(r, drive, steps).spikes > 0, low, high, rounds=18)
    moves = bisect(lambda drive: _moves(_run(r, drive, steps)), low, high, rounds=18)
    just, further = (_run(r, (spikes + more).clamp(max=HIGHEST), 2 * steps) for more in (JUST, FURTHER))
    window = steps  # the last half
    predicted = [theory.neimark_sacker(value) for value in values]
    return {
        "r": r,
        "moves": moves,
        "spikes": spikes,
        "predicted": torch.tensor([ns.drive for ns in predicted]),
        "period": torch.tensor([ns.period for ns in predicted]),
        "cycles": just.cycles / window,
        "cycles_further": further.cycles / window,
        "rate": just.spikes / window,
        "rate_further": further.spikes / window,
    }


def _run(r: Tensor, drive: Tensor, steps: int) -> Features:
    cell = cells(len(r), {"r": r, "b_h": BIAS}, dtype=torch.float64)
    start = resting(cell, drive - BIAS)
    h = traces(cell, drive - BIAS, steps, start._replace(h=start.h + 0.01)).h
    return features(h, steps // 2)


def _moves(f: Features) -> Tensor:
    return f.high - f.low > 0.02


def table(found: Mapping[str, Any]) -> Table:
    """One row for each r."""
    rows = [
        (
            float(found["r"][k]),
            float(found["predicted"][k]),
            float(found["moves"][k]),
            float(found["spikes"][k]),
            1.0 / float(found["period"][k]),
            float(found["cycles"][k]),
            float(found["cycles_further"][k]),
            float(found["rate"][k]),
            float(found["rate_further"][k]),
            _class(found, k),
        )
        for k in range(len(found["r"]))
    ]
    columns = (
        "r",
        "oscillation from (predicted)",
        "oscillation from",
        "spikes from",
        "1/period (predicted)",
        "cycles per step at onset",
        "and 0.5 above",
        "spikes per step at onset",
        "and 0.5 above ",
        "class",
    )
    mixed = sum(float(rate) < 0.99 * float(cycles) for rate, cycles in zip(found["rate"], found["cycles"], strict=True))
    said = (
        f" For {mixed} of {len(rows)} values of r there are fewer spikes than cycles at the onset: the oscillation "
        "grows into spikes, and not every cycle reaches 0.5."
    )
    return Table(
        "How firing begins",
        columns,
        rows,
        "Values of x + b_h by bisection. Cycles are upward crossings of -0.5, spikes of 0.5. Class I: the frequency of "
        f"cycles at the onset of spikes is below {CLASS_I:g} of that 0.5 further on.{said if mixed else ''}",
    )


def _class(found: Mapping[str, Any], k: int) -> str:
    return "I" if float(found["cycles"][k]) < CLASS_I * float(found["cycles_further"][k]) else "II"


def classes(found: Mapping[str, Any]) -> dict[str, int]:
    """The classes that occur, and for how many values of r."""
    return dict(Counter(_class(found, k) for k in range(len(found["r"]))))
