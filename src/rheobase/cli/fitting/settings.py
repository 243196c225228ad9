"""The settings of a fit: what makes it again, and what goes on with one that was interrupted."""

from __future__ import annotations

import os
from dataclasses import dataclass, fields
from typing import Any

from rheobase.errors import CheckpointError
from rheobase.learning.fitting.hold_out import AUTO

CELL = ".json"  # a neuron whose name ends so is a cell's parameter file


@dataclass(frozen=True, kw_only=True)
class FitSettings:
    """What a fit is: all that makes it again. None where it follows from the recording.

    `neuron` is a name, names with commas between them, or the parameter file of a cell.
    """

    neuron: str
    file: str
    morphology: str | None = None
    axon: str | None = None
    at: str | None = None
    current_file: str | None = None
    sweeps: str | None = None
    channel: str | None = None
    units: str | None = None
    interval: float | None = None
    level: float | None = None
    junction: float | None = None
    dt: float | None = None
    learn: tuple[str, ...] | None = None
    ranges: tuple[tuple[str, float, float], ...] = ()
    scale: tuple[float, float] | None = None
    series: tuple[float, float] | None = None
    hold_out: str = AUTO
    time_limit: float | None = 120.0
    passive: int = 0
    forced: int = 60
    schedule: int | None = None
    free: int = 10
    generations: int = 1000
    population: int = 64
    seed: int = 0

    def as_json(self) -> dict[str, Any]:
        """The settings by name."""
        return {field.name: getattr(self, field.name) for field in fields(self)}

    def located(self) -> dict[str, Any]:
        """The same with whole paths, from which a fit goes on in another folder."""
        found = self.as_json()
        paths = ["file", "current_file", "morphology", *(["neuron"] if self.neuron.lower().endswith(CELL) else [])]
        whole = {name: os.path.abspath(os.path.expanduser(found[name])) for name in paths if found[name] is not None}
        return {**found, **whole}

    @classmethod
    def from_json(cls, content: object, source: str) -> FitSettings:
        """The settings that `located` gave. Raises `CheckpointError` for others."""
        expected = {field.name: field.default for field in fields(cls)}
        if not isinstance(content, dict) or set(content) != set(expected):
            given, remedy = "no settings of a fit, or of another version", "start a new fit"
            raise CheckpointError(source, given, "what `rheobase fit` wrote", remedy)
        return cls(**{name: _tuples(value) for name, value in content.items()})


def _tuples(value: Any) -> Any:
    """Lists, as JSON has them, are tuples."""
    return tuple(_tuples(x) for x in value) if isinstance(value, list) else value


__all__ = ["CELL", "FitSettings"]
