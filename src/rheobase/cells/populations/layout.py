"""How models x stimuli are cut into units, each a chunk of lanes, and a run into segments of time."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from rheobase.cells.cell import Cell
from rheobase.errors import ParameterError
from rheobase.jobs import store
from rheobase.jobs.claim import LOST
from rheobase.json_files import read_json

SETTINGS = "population.json"
SEGMENT = 5000  # steps that are in memory at a time
MOST_LANES = 256  # of a unit: the kernel gains little by more, and an interruption loses them
BOOLS = 4  # copies of a byte for a step and lane, while inputs and spikes are checked
COPIES = 4  # of the current and of the spikes: given, by lane, beside other inputs, out


@dataclass(frozen=True)
class Layout:
    """The chunks: `models` x `stimuli` lanes of a unit, `segment` steps of `steps`; a trace has a value every `every`.

    `of` holds how many models and stimuli there are.
    """

    of: tuple[int, int]
    models: int
    stimuli: int
    steps: int
    every: int
    segment: int

    @classmethod
    def within(cls, memory: float, cell: Cell, stimuli: int, steps: int, record: int, every: int, size: int) -> Layout:
        """Units that take at most so many bytes: of all models that `cell` holds, `record` places, numbers of `size`.

        Raises: `ParameterError` where not even one lane fits.
        """
        segment = min(steps, max(1, SEGMENT // every) * every)
        lane, (row, beside) = lane_bytes(cell, segment, record, every, size), current_bytes(steps, size)
        room, models = memory - beside, cell.shape[0]
        at_once = min(stimuli, MOST_LANES, int(room / (row + lane)))
        if at_once < 1:
            given = f"memory = {memory / 1e6:.3g} MB"
            expected = f"at least {(beside + row + lane) / 1e6:.3g} MB, which one lane and its current take"
            raise ParameterError("population", given, expected, "give more memory, or record fewer places")
        fit = int((room - at_once * row) / (at_once * lane))
        return cls((models, stimuli), min(models, MOST_LANES // at_once, fit), at_once, steps, every, segment)

    @property
    def units(self) -> list[tuple[int, int]]:
        """The first model and the first stimulus of each unit."""
        (models, stimuli) = self.of
        return [(m, s) for m in range(0, models, self.models) for s in range(0, stimuli, self.stimuli)]

    @property
    def segments(self) -> Iterator[tuple[int, int]]:
        """The first step of each segment, and the one after its last."""
        return ((at, min(at + self.segment, self.steps)) for at in range(0, self.steps, self.segment))

    def unit_of(self, model: int, stimulus: int) -> str:
        """The name of the unit that holds a lane."""
        return unit_name(model // self.models * self.models, stimulus // self.stimuli * self.stimuli)

    def as_json(self) -> dict[str, Any]:
        """Its numbers, as values of JSON."""
        return {**vars(self), "of": list(self.of)}

    @classmethod
    def from_json(cls, held: Mapping[str, Any]) -> Layout:
        """What `as_json` gave."""
        names = ("models", "stimuli", "steps", "every", "segment")
        return cls((held["of"][0], held["of"][1]), *(int(held[name]) for name in names))


def lane_bytes(cell: Cell, segment: int, record: int, every: int, size: int) -> float:
    """The bytes of one lane while a segment runs; `record` values are kept every `every` steps."""
    nodes, rows = len(cell.compartments.parent), len(cell.rows)
    return segment * (COPIES * size + BOOLS + 3 * size * record / every) + 4 * size * (nodes + rows)


def current_bytes(steps: int, size: int) -> tuple[float, float]:
    """The bytes of the current of one stimulus over the whole run, and those that making one takes beside."""
    return 2.0 * size * steps, 24.0 * steps


def unit_name(model: int, stimulus: int) -> str:
    """The name of the unit whose first model and stimulus these are."""
    return f"models-{model}-stimuli-{stimulus}"


def unit_facts(settings: Mapping[str, Any], layout: Layout) -> dict[str, Any]:
    """What decides the result of a unit, beside its name."""
    return {"population": store.key(settings), "layout": layout.as_json()}


def read_settings(folder: Path) -> dict[str, Any]:
    """What a population was made with. Raises `CheckpointError`."""
    return read_json(folder / SETTINGS, remedy=LOST)
