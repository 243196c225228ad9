"""The five kinds of data as the paper's cell reads them: which frames, and which image they make."""

from __future__ import annotations

from dataclasses import dataclass

from rheobase.data import EventFrames, Rate
from rheobase.data.event_dataset import EventDataset
from rheobase.errors import ParameterError, nearest
from rheobase.reproduce.job import Job
from rheobase.reproduce.training import Task


@dataclass(frozen=True)
class Input:
    """Frames of a data set of `classes`: `steps`, over `duration_ms` of a recording (None: all of it), the image that a
    frame is folded to, and the front of the network."""

    image: tuple[int, int, int]
    classes: int
    steps: int
    duration_ms: float | None = None
    binary: bool = True
    front: str = "none"


INPUTS = {
    # images in the rate code, which draws new spikes in every epoch
    "digits": Input((1, 8, 8), 10, 10),
    "mnist": Input((1, 28, 28), 10, 10),
    # cochleas: the channels, in order, row by row
    "ntidigits": Input((1, 8, 8), 11, 250),
    "shd": Input((7, 10, 10), 20, 250, duration_ms=1000.0, front="conv3d"),
    "spoken_digits": Input((7, 10, 10), 10, 250),
    # cameras: numbers of events
    "dvs_gesture": Input((2, 128, 128), 11, 16, binary=False, front="pool"),
    "cifar10_dvs": Input((2, 128, 128), 10, 10, binary=False),
}
"""As the paper's code has it, and the data sets that stand in for them here.

Differs from the paper: frames of a camera are of equal time, where the authors' are of an equal number of events, and
those of CIFAR10-DVS are not divided by their largest count.
"""


def task(job: Job, name: str, *, steps: int | None = None, limit: int | None = None) -> tuple[Task, Input]:
    """A data set in sequences, and how the network reads it; `steps` in place of the paper's.

    Raises: `ParameterError` for a data set that has no input here; `DataError`.
    """
    if name not in INPUTS:
        raise ParameterError("task", f"data set {name!r}", "one that CS-GRU reads", nearest(name, INPUTS))
    read, data = INPUTS[name], job.load(name, limit=limit)
    count = read.steps if steps is None else steps
    if not isinstance(data, EventDataset):
        return Task(data, Rate(count)), read
    duration = data.duration_ms if read.duration_ms is None else read.duration_ms
    return Task(data, EventFrames(count, bin_ms=duration / count, binary=read.binary)), read
