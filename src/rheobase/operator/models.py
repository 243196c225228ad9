"""Models of one cell, all of one morphology: their names, their features, and the `Cell` of some of them."""

from __future__ import annotations

import csv
import hashlib
import json
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Protocol

import torch
from torch import Tensor

from rheobase.cells import Cell, from_allen
from rheobase.errors import DataError

# of the 60 published models, by their place (20 for each seed), those that the paper holds out
HELD_OUT = (2, 5, 12, 16, 21, 29, 32, 37, 40, 52)
PUBLISHED = tuple(f"seed{seed}_hof{k}" for seed in (1, 2, 3) for k in range(20))
FEATURES = ("s_thr", "I_thr")  # Hz/nA and nA: columns slope and intercept of the published table
_TABLE = "pvalb_689331391_ephys_sim_features.csv"


class Models(Protocol):
    """What the data set asks of a family of models."""

    @property
    def names(self) -> tuple[str, ...]:
        """Their names, in order."""
        ...

    def identity(self) -> dict[str, Any]:
        """What tells them from others, as values of JSON."""
        ...

    def cell(self, which: Sequence[int], dt: float) -> Cell:
        """A cell of shape (models,): those of these numbers."""
        ...


@dataclass(frozen=True)
class AllenModels:
    """Models in the format of the Allen Institute: a parameter file for each, beside one morphology."""

    parameters: tuple[Path, ...]
    morphology: Path

    @classmethod
    def published(cls, folder: Path) -> AllenModels:
        """The 60 models of the paper's PVALB cell, in a folder with seed1_hof0.json and so on. Raises: `DataError`."""
        files = tuple(folder / f"{name}.json" for name in PUBLISHED)
        for path in (*files, folder / "morphology.swc.gz", folder / _TABLE):
            if not path.is_file():
                expected = "the 60 published models of cell 689331391, their morphology and table of features"
                raise DataError(str(path), "no such file", expected, "see docs/operator.md")
        return cls(files, folder / "morphology.swc.gz")

    @property
    def names(self) -> tuple[str, ...]:
        return tuple(path.stem for path in self.parameters)

    def identity(self) -> dict[str, Any]:
        digests = {path.name: _sha256(path) for path in (*self.parameters, self.morphology)}
        return {"models": list(self.names), "sha256": digests}

    def cell(self, which: Sequence[int], dt: float) -> Cell:
        return from_allen([self.parameters[k] for k in which], self.morphology, dt=dt)

    def conductances(self) -> tuple[tuple[str, ...], Tensor]:
        """The values of the genome that differ between models: their names, and (models, values) in float64."""
        names, values = genome(self.parameters)
        differ = (values != values[0]).any(0)
        return tuple(name for name, kept in zip(names, differ.tolist(), strict=True) if kept), values[:, differ]

    def thresholds(self) -> Tensor:
        """The two features of the published table, s_thr and I_thr: (60, 2) in float64. Raises: `DataError`."""
        path = self.morphology.parent / _TABLE
        try:
            with path.open(newline="") as file:
                rows = {f"seed{row['seed']}_hof{row['hof']}": row for row in csv.DictReader(file)}
            found = [[float(rows[name]["slope"]), float(rows[name]["intercept"])] for name in self.names]
        except (OSError, KeyError, ValueError) as error:
            expected = "columns seed, hof, slope, intercept with a row for each model"
            raise DataError(
                str(path), f"{type(error).__name__}: {error}", expected, "use the published file"
            ) from error
        return torch.tensor(found, dtype=torch.float64)


def genome(files: Sequence[Path]) -> tuple[tuple[str, ...], Tensor]:
    """All values of the genome of parameter files: their names as in the first, and (files, values) in float64."""
    rows = [_genome(path) for path in files]
    names = tuple(rows[0])
    for path, row in zip(files, rows, strict=True):
        if row.keys() != set(names):
            given, expected = "a genome of other parameters", f"those of {files[0].name}"
            raise DataError(str(path), given, expected, "use files of one kind of model")
    return names, torch.tensor([[row[name] for name in names] for row in rows], dtype=torch.float64)


def _genome(path: Path) -> dict[str, float]:
    told = json.loads(path.read_bytes())
    return {f"{each['section']}.{each['name']}": float(each["value"]) for each in told["genome"]}


def _sha256(path: Path) -> str:
    try:
        return hashlib.sha256(path.read_bytes()).hexdigest()
    except OSError as error:
        raise DataError(str(path), error.strerror or str(error), "a readable file", "check the path") from error


__all__ = ["FEATURES", "HELD_OUT", "PUBLISHED", "AllenModels", "Models"]
