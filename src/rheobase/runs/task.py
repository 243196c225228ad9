"""What a network is trained for: the shape of a sample, and the classes. With the settings it rebuilds the network."""

from __future__ import annotations

import math
from dataclasses import asdict, dataclass
from typing import Any

from rheobase.checks import is_number, is_whole
from rheobase.data import Dataset, EventDataset
from rheobase.errors import CheckpointError


@dataclass(frozen=True)
class Task:
    """A data set without its samples.

    sample_shape   of an image, or of a frame of events
    classes        their names, in the order of the network's outputs
    duration_ms    of recordings of events; None for images

    >>> Task("toy", (8, 8), ("even", "odd"), None).input_size
    64
    """

    name: str
    sample_shape: tuple[int, ...]
    classes: tuple[str, ...]
    duration_ms: float | None

    @property
    def input_size(self) -> int:
        """Values of a sample."""
        return math.prod(self.sample_shape)

    @classmethod
    def of(cls, data: Dataset) -> Task:
        """That of a data set."""
        duration = data.duration_ms if isinstance(data, EventDataset) else None
        return cls(data.name, tuple(data.sample_shape), data.classes, duration)

    def as_json(self) -> dict[str, Any]:
        """The task as values of JSON."""
        return {**asdict(self), "sample_shape": list(self.sample_shape), "classes": list(self.classes)}

    @classmethod
    def from_json(cls, content: Any, source: str) -> Task:
        """What `as_json` gave, read from the file `source`. Raises `CheckpointError`."""
        if isinstance(content, dict) and set(content) == {"name", "sample_shape", "classes", "duration_ms"}:
            shape, classes, duration = content["sample_shape"], content["classes"], content["duration_ms"]
            fits = isinstance(shape, list) and all(is_whole(n, 1) for n in shape)
            fits = fits and isinstance(classes, list) and all(isinstance(name, str) for name in classes)
            if fits and isinstance(content["name"], str) and (duration is None or is_number(duration, above=0.0)):
                return cls(content["name"], tuple(shape), tuple(classes), duration)
        expected, remedy = "the one that `rheobase train` writes", "give the folder of a run, or start a new one"
        raise CheckpointError(source, "no task of a training run of this version", expected, remedy)
