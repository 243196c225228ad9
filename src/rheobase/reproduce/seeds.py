"""The results of every seed: the rows of the file seeds.csv beside a part's tables."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

from rheobase.plot import Table
from rheobase.plot.table import Cell
from rheobase.reproduce.scores import SCORE, over_seeds

# of a unit of `rheobase.reproduce.training`, by the names of the columns
TRAINED = {
    "train accuracy (%)": "train_accuracy",
    "training loss": "loss",
    "parameters": "parameters",
    "train samples": "samples",
    "test samples": "tested",
    "seconds per epoch": "seconds_per_epoch",
}
LAYER = "spikes of layer "  # of a cell, and the layer's number


class Seeds:
    """Rows of one choice and one seed each; columns come as they are first named. `score` names that of accuracies.

    >>> kept = Seeds()
    >>> kept.add({"cell": "LIF"}, 0, {"accuracy": 97.0, "spikes": {"1": 2.0, "2": 4.0}})
    >>> print(kept.table().csv(), end="")
    cell,seed,test accuracy (%),spikes of layer 1,spikes of layer 2
    LIF,0,97.0,2.0,4.0
    """

    def __init__(self, score: str = SCORE) -> None:
        self._score = score
        self._rows: list[dict[str, Cell]] = []

    def add(
        self, choice: Mapping[str, Cell], seed: int, result: Mapping[str, Any], more: Mapping[str, Cell] | None = None
    ) -> None:
        """Add the row of a unit: its accuracies, times and spikes of a cell in each layer; and the columns `more`."""
        columns = {self._score: "accuracy", **TRAINED}
        found = {name: result[key] for name, key in columns.items() if key in result}
        spikes = {f"{LAYER}{k}": float(value) for k, value in enumerate(result.get("spikes", {}).values(), start=1)}
        self.put({**choice, "seed": seed, **found, **spikes, **(more or {})})

    def put(self, row: Mapping[str, Cell]) -> None:
        """Add a row of any columns."""
        self._rows.append(dict(row))

    def table(self) -> Table | None:
        """All rows; None where there are none."""
        if not self._rows:
            return None
        columns = list(dict.fromkeys(name for row in self._rows for name in row))
        return Table("Seeds", tuple(columns), [[row.get(name) for name in columns] for row in self._rows])


def mean_spikes(results: Sequence[Mapping[str, Any]], sizes: Sequence[int] | None = None) -> float | str | None:
    """Spikes of a cell per sample over the seeds of a choice, in the form of `over_seeds`; None if no layer spikes.

    The mean is over all cells if the layers' `sizes` are given, else over layers.

    >>> mean_spikes([{"spikes": {"1": 1.0, "2": 4.0}}], [20, 10]), mean_spikes([{"spikes": {"1": 1.0, "2": 4.0}}])
    (2.0, 2.5)
    """
    layers = [list(result["spikes"].values()) for result in results]
    if not layers[0]:
        return None
    weights = [1] * len(layers[0]) if sizes is None else sizes
    return over_seeds([sum(n * k for n, k in zip(one, weights, strict=True)) / sum(weights) for one in layers])
