"""What is fitted: a neuron by its name, or the cell of a parameter file."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

from rheobase.cells import Cell, Current, Morphology, Place, from_allen
from rheobase.cells.call import PLACE
from rheobase.cells.parameters import spec_of
from rheobase.cli.fitting.settings import CELL
from rheobase.core.declaration.population import Declared
from rheobase.errors import ParameterError, nearest
from rheobase.runs.neurons_by_name import find

USUAL = (".gbar", ".Pas.g")  # what one fits without saying which: every conductance of the membrane


@dataclass(frozen=True)
class NeuronSubject:
    """A neuron."""

    kind: type[Declared]

    word = "neuron"
    finest = 0.25  # ms: the largest time step that is chosen where none is given

    @property
    def name(self) -> str:
        return self.kind.__name__

    @property
    def stem(self) -> str:
        """For the name of a folder."""
        return self.name

    def parameters(self) -> list[str]:
        return list(self.kind.params)

    def model(self, dt: float) -> type[Declared]:
        """What `fit_neuron` takes; it makes the neuron at the recording's time step."""
        return self.kind


@dataclass(frozen=True, eq=False)
class CellSubject:
    """The cell of a parameter file: the electrode, which injects and records, is at `place`."""

    path: Path
    morphology: Path
    tree: Morphology
    axon: str | None
    place: Place

    word = "cell"
    finest = 0.05  # ms: the upstroke of a spike takes a fifth of a millisecond

    @property
    def name(self) -> str:
        return self.path.name

    @property
    def stem(self) -> str:
        """For the name of a folder."""
        return self.path.stem

    def model(self, dt: float, path: Path | None = None) -> Cell:
        """The cell at this time step; of another file with the same shape, where one is given."""
        inputs = {"current": Current(self.place.section, self.place.x)}
        return from_allen(path or self.path, self.tree, dt=dt, axon=self.axon, inputs=inputs, watch=self.place)


Subject = NeuronSubject | CellSubject


def subjects_of(
    names: Sequence[str], morphology: str | None = None, axon: str | None = None, at: str | None = None
) -> list[Subject]:
    """The neurons of these names, or the cell of a parameter file.

    Raises: `ParameterError`, also for a name that is given twice and for options that have no meaning; `DataError`.
    """
    if any(name.lower().endswith(CELL) for name in names):
        return [_cell(names, morphology, axon, at)]
    for option, value in (("--morphology", morphology), ("--axon", axon), ("--at", at)):
        if value is not None:
            remedy = "for a cell, give the file of its parameters: fit.json"
            raise ParameterError("fit", f"{option} for {', '.join(names)}, a neuron", "options that it has", remedy)
    kinds = [find(name) for name in names]
    if not kinds or len(set(kinds)) < len(kinds):
        raise ParameterError("NEURON", repr(",".join(names)), "a neuron, or several different ones", "AdEx,GLIF3, say")
    return [NeuronSubject(kind) for kind in kinds]


def _cell(names: Sequence[str], morphology: str | None, axon: str | None, at: str | None) -> CellSubject:
    if len(names) > 1:
        expected = "neurons, or the parameter file of one cell"
        raise ParameterError("fit", ", ".join(names), expected, "fit one cell at a time: fit.json")
    if morphology is None:
        given = f"{names[0]} without --morphology"
        raise ParameterError("fit", given, "the shape of the cell", "--morphology cell.swc (or .asc)")
    match = PLACE.fullmatch(at or "soma")
    if match is None:
        raise ParameterError("--at", repr(at), "a section, and how far along it", "--at 'dend[3](0.5)'")
    place, shape = Place(match[1], float(match[2] or 0.5)), Path(morphology)
    return CellSubject(Path(names[0]).expanduser(), shape, Morphology.read(shape), axon, place)


def conductances(cell: Cell) -> tuple[list[str], list[str]]:
    """The conductances of the membrane by name, and those of them that are 0: these have no usual range."""
    found = {name: float(value.detach()) for name, value in cell.values().items() if name.endswith(USUAL)}
    return [name for name, value in found.items() if value > 0.0], [name for name, value in found.items() if not value]


def check_names(cell: Cell, path: Path, learn: Sequence[str]) -> None:
    """Raise `ParameterError` for what the cell has not, or what it has without a value to search around."""
    known = cell.values()
    for name in learn:
        if name not in known:
            raise ParameterError("--learn", repr(name), f"a parameter of {path.name}", nearest(name, known))


def without_range(cell: Cell, learn: Sequence[str], given: Sequence[str]) -> None:
    """Raise `ParameterError` for a conductance of 0 that has no range: there is nothing to search around."""
    for name in learn:
        value, spec = float(cell.values()[name].detach().flatten()[0]), spec_of(cell, name)
        if name not in given and value == 0.0 and spec.logarithmic:
            expected = "a value above 0 to search around, or a range"
            raise ParameterError("--learn", f"{name} = 0", expected, f"--range {name}=1e-5:1e-2")


__all__ = ["CellSubject", "NeuronSubject", "Subject", "check_names", "conductances", "subjects_of", "without_range"]
