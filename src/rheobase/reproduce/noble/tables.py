"""The columns of this paper's tables, and the rows of trainings over their seeds."""

from __future__ import annotations

import statistics
from collections.abc import Mapping, Sequence
from typing import Any

from rheobase.plot.table import Cell
from rheobase.reproduce.noble.figures import FEATURES

FIGURES = {
    "voltage error (%)": "voltage",
    "mean-subtracted error (%)": "subtracted",
    "Gamma at 4 ms": "gamma",
    "van Rossum distance": "van_rossum",
    "spike count error (%)": "count",
    "missed": "missed",
    "invented": "invented",
    **{f"{title} error (%)": title for title in FEATURES},
}
COST = "CPU ms for 1 s"
EACH = "Gamma of each seed"
COLUMNS = (
    "prediction",
    "code",
    "seeds",
    *FIGURES,
    EACH,
    "of samples",
    "of them firing",
    "parameters",
    "training (s)",
    COST,
)


def row_of(each: Sequence[Mapping[str, Any]]) -> tuple[Cell, ...]:
    """The mean over seeds of each figure, and how many samples there are."""
    means: list[Cell] = []
    for key in FIGURES.values():
        values = [one[key] for one in each if one[key] is not None]
        means.append(statistics.fmean(values) if values else None)
    spread = ", ".join(number(one["gamma"]) for one in each) if len(each) > 1 else None
    return (*means, spread, each[0]["samples"], each[0]["firing"])


def mean_of(results: Sequence[Mapping[str, Any]], part: str, key: str) -> str:
    values = [one[part][key] for one in results if one[part][key] is not None]
    return number(statistics.fmean(values) if values else None)


def number(value: float | None) -> str:
    return "none" if value is None else f"{value:.3g}"


__all__ = ["COLUMNS", "COST", "EACH", "FIGURES", "mean_of", "number", "row_of"]
