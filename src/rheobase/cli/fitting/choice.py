"""What is left open of a fit, as it was chosen; of a recording without a spike, what it identifies."""

from __future__ import annotations

from typing import NamedTuple

import torch

from rheobase.cells import Cell
from rheobase.core.declaration.population import Declared
from rheobase.learning import Recording
from rheobase.learning.fitting.fit import search_space
from rheobase.learning.fitting.identifiability import ineffective
from rheobase.learning.fitting.stages import Target


class Choice(NamedTuple):
    """What to fit, in which ranges, from which start, with which input per pA; and notes on the choice."""

    learn: tuple[str, ...]
    ranges: dict[str, tuple[float, float]]
    start: dict[str, float]
    scale: tuple[float, float] | None
    notes: list[str]


def identifiable(
    model: type[Declared] | Cell,
    seen: Recording,
    chosen: Choice,
    settle: float,
    series: tuple[float, float] | None,
) -> Choice:
    """The choice, without the parameters that sweeps without a spike do not identify, if no sweep has a spike."""
    target = Target(seen, settle)
    if not target.silent:
        return chosen
    space = search_space(
        model, seen, learn=chosen.learn, ranges=chosen.ranges, scale=chosen.scale, series=series or False
    )
    none = ineffective(space, torch.full((1, len(space.axes)), 0.5), target)
    learn = tuple(name for name in chosen.learn if name not in none)
    out = [name for name in chosen.learn if name in none]
    if not learn or not out:
        return chosen
    text = f"not fitted, since without a spike the potential does not depend on them: {', '.join(out)}"
    return chosen._replace(
        learn=learn,
        ranges={name: ends for name, ends in chosen.ranges.items() if name in learn},
        start={name: value for name, value in chosen.start.items() if name in learn},
        notes=[*chosen.notes, text],
    )
