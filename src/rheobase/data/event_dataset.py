"""Recordings of events with labels."""

from __future__ import annotations

from dataclasses import dataclass

from rheobase.data.dataset import Dataset
from rheobase.data.events import Events
from rheobase.errors import DataError


@dataclass(frozen=True, eq=False, repr=False)
class EventDataset(Dataset[Events]):
    """Recordings of events and labels: x are `Events`, read when they are encoded (`EventFrames`).

    **Shapes**: x_train n and x_test m recordings; `sample_shape` is that of a frame. Recordings last about
    `duration_ms`.

    **Raises**: DataError where recordings do not fit each other, or labels and classes.

    >>> import torch
    >>> from rheobase.data.events import StoredEvents
    >>> x = StoredEvents({"unit": [3, 1, 2], "t": [5, 9, 7], "offsets": [0, 2, 3]}, (4,), "here")
    >>> y = torch.tensor([0, 1])
    >>> data = EventDataset("toy", x, y, x, y, ("low", "high"), duration_ms=0.01)
    >>> data.x_train[:1], data.sample_shape
    (1 of StoredEvents(2 recordings, 3 events, (4,)), (4,))
    """

    duration_ms: float

    def _check_samples(self, x_name: str, x: Events) -> None:
        if not isinstance(x, Events) or not len(x):
            given = f"{x_name} of type {type(x).__name__}" if not isinstance(x, Events) else f"no recording in {x_name}"
            remedy = "make StoredEvents or EventFiles of them, and give some of these: events[index]"
            raise DataError(self._title, given, "recordings of events, at least one", remedy)

    def _shape_of(self, x: Events) -> tuple[int, ...]:
        return x.frame_shape
