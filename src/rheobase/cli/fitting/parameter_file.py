"""The fitted cell as a parameter file, in the format of the one that it was read from."""

from __future__ import annotations

import copy
import json
import math
import tempfile
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

from rheobase.cells import Cell
from rheobase.cells.allen import entry
from rheobase.cli.fitting.subjects import CellSubject
from rheobase.errors import ParameterError
from rheobase.json_files import write_json

FILE = "fitted.json"
BARE = {"c_mem": "cm", "Ra": "Ra"}
SAME = 1e-6  # of a value: float32, in which a search runs, has seven digits


def content(subject: CellSubject, values: Mapping[str, float], facts: Mapping[str, Any]) -> dict[str, Any]:
    """The content of the cell's file with other values, named as in `Cell.values`, and `facts` about the fit."""
    changed: dict[str, Any] = copy.deepcopy(json.loads(subject.path.read_bytes()))
    for name, value in values.items():
        section, mechanism, parameter = key = _key(name)
        found = False
        for each in changed["genome"]:
            if key in entry(subject.path, each):
                each["value"], found = value, True
        if not found:
            # an entry of the genome for a section overrides the passive values, which hold for all sections
            own = mechanism and f"_{'pas' if mechanism == 'Pas' else mechanism}"
            changed["genome"].append(
                {
                    "section": section,
                    "mechanism": "" if mechanism == "Pas" else mechanism,
                    "name": parameter + own,
                    "value": value,
                }
            )
    return {**changed, "rheobase": dict(facts)}


def write(subject: CellSubject, cell: Cell, learn: Sequence[str], folder: Path, facts: Mapping[str, Any]) -> Path:
    """Write fitted.json: what `from_allen` and `rheobase simulate fitted.json --morphology ...` read."""
    values = {name: float(value.detach().flatten()[0]) for name, value in cell.values().items() if name in learn}
    write_json(folder / FILE, content(subject, values, facts))
    return folder / FILE


def check_writable(subject: CellSubject, cell: Cell, learn: Sequence[str]) -> None:
    """Raise `ParameterError` for a parameter that does not come back from such a file: its fit would be lost."""
    own = {name: float(value.detach().flatten()[0]) for name, value in cell.values().items()}
    moved = {name: own[name] * 1.0625 for name in learn}
    with tempfile.TemporaryDirectory() as folder:
        path = Path(folder) / FILE
        write_json(path, content(subject, moved, {}))
        back = subject.model(cell.dt, path).values()
    for name, value in back.items():
        if not math.isclose(float(value.detach().flatten()[0]), moved.get(name, own[name]), rel_tol=SAME):
            culprit = name if name in moved else ", ".join(learn)
            expected = "parameters that a parameter file can hold"
            raise ParameterError("--learn", repr(culprit), expected, "leave it out, or use fit_neuron in Python")


def _key(name: str) -> tuple[str, str, str]:
    """A name of `Cell.values` as the reader's: (section, mechanism, parameter)."""
    first, *others = name.split(".")
    if first in BARE:
        return others[0], "", BARE[first]
    return first, others[0], others[1]


__all__ = ["FILE", "check_writable", "content", "write"]
