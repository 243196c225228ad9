"""Joins the recordings of several files into one data set of events, with a training and a test part."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
import torch
from torch import Tensor

from rheobase.data.event_dataset import EventDataset
from rheobase.data.events import StoredEvents, axes
from rheobase.data.groups import Groups
from rheobase.errors import DataError


@dataclass(frozen=True)
class Part:
    """The recordings of one file, with a label for each and, where known, a group (a speaker, say).

    `source` names the file in errors; `arrays` are those of `StoredEvents`. Shapes: label (recordings,) int64, group
    (recordings,), names or numbers.

    Raises: `DataError` for arrays that do not fit together.
    """

    source: str
    arrays: dict[str, np.ndarray]
    label: Tensor
    group: np.ndarray | None = None

    def __post_init__(self) -> None:
        for name, array in self.arrays.items():
            if array.ndim != 1 or (name == "offsets" and (not len(array) or array.dtype.kind not in "iu")):
                given = f"{name} of shape {array.shape} and dtype {array.dtype}"
                remedy = "store the events of all recordings in a row, and where each recording begins"
                raise DataError(self.source, given, "numbers with one axis, offsets integers", remedy)
        count = len(self.arrays["offsets"]) - 1
        remedy = "give each recording its label; offsets say where each begins and, last, where all end"
        if self.label.dim() != 1 or len(self.label) != count:
            said = f"labels of shape {tuple(self.label.shape)} and {count + 1} offsets"
            raise DataError(self.source, said, "one label, and one offset more than recordings", remedy)
        if self.group is not None and self.group.shape != (count,):
            said = f"groups of shape {self.group.shape} for {count} recordings"
            raise DataError(self.source, said, "one group (a speaker, say) for each recording", remedy)


def joined(parts: Sequence[Part], shape: tuple[int, ...], *, tick_us: int = 1) -> StoredEvents:
    """The recordings of all parts, one part after the other. Empties `arrays` of each part, to save memory."""
    source = ", ".join(part.source for part in parts)
    if len({part.arrays["t"].dtype.kind == "f" for part in parts}) > 1:
        given = f"t of dtypes {', '.join(str(part.arrays['t'].dtype) for part in parts)}"
        raise DataError(source, given, "integers, or seconds as floats, in all files", "write the files alike")
    found = [part.arrays.pop("offsets") for part in parts]
    ends, before = [found[0]], int(found[0][-1])
    for offsets in found[1:]:
        # the offsets of a file go on where those of the one before it end
        ends.append(before + offsets[1:].astype(np.int64))
        before += int(offsets[-1])
    whole = {name: np.concatenate([part.arrays.pop(name) for part in parts]) for name in (*axes(shape), "t")}
    return StoredEvents({**whole, "offsets": np.concatenate(ends)}, shape, source, tick_us=tick_us)


def from_parts(
    name: str,
    train: Sequence[Part],
    test: Sequence[Part],
    classes: tuple[str, ...],
    *,
    shape: tuple[int, ...],
    duration_ms: float,
    kind: str | None = None,
    tick_us: int = 1,
) -> EventDataset:
    """The data set whose training and test recordings are those of these parts, in order.

    `shape` is that of a frame, as in `Events`; times count `tick_us`, as in `StoredEvents`. `kind` is what a group is
    ("speaker", say); then every part needs groups. None: the data set has no groups.
    """
    groups = None
    if kind is not None:
        of = [np.concatenate([part.group for part in side if part.group is not None]) for side in (train, test)]
        groups = Groups.of(kind, *of)
    seen = [torch.cat([part.label for part in side]) for side in (train, test)]
    events = joined([*train, *test], shape, tick_us=tick_us)
    count = len(seen[0])
    return EventDataset(
        name,
        events[:count],
        seen[0],
        events[count:],
        seen[1],
        classes,
        duration_ms=duration_ms,
        groups=groups,
    )
