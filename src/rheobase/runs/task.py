"""What a network is trained for: the shape of a sample, and the classes. With the settings it rebuilds the network."""

from __future__ import annotations

import math
from dataclasses import asdict, dataclass
from typing import Any

from torch import Tensor

from rheobase.checks import is_number, is_whole
from rheobase.data import Dataset, EventDataset, Scaling, SeriesDataset
from rheobase.data.formats.found_series import LIKE_STEPS, RESAMPLE, unlike_step
from rheobase.errors import CheckpointError

FAR_LONGER = 100  # times as long as those of the training: in another unit


@dataclass(frozen=True)
class Task:
    """A data set without its samples.

    sample_shape   of an image, or of a frame of events
    classes        their names, in the order of the network's outputs
    duration_ms    of recordings of events; None for others
    longest        steps of the longest time series; None for others
    scaling        of time series, from the samples that are trained on
    step           from a step of a time series to the next, in the unit of its times; None where the data do not say it
    channels       the names of the channels of a time series; () of others, and of runs of before

    >>> Task("toy", (8, 8), ("even", "odd"), None).input_size
    64
    """

    name: str
    sample_shape: tuple[int, ...]
    classes: tuple[str, ...]
    duration_ms: float | None
    longest: int | None = None
    scaling: Scaling | None = None
    step: float | None = None
    channels: tuple[str, ...] = ()

    @property
    def input_size(self) -> int:
        """Values of a sample."""
        return math.prod(self.sample_shape)

    @classmethod
    def of(cls, data: Dataset, trained: Tensor | None = None, *, steps: int | None = None) -> Task:
        """That of a data set; of time series, `trained` are those that the scaling is taken from, by default x_train.

        `steps` are those that the longest series is to have, put together where there are more.
        """
        if isinstance(data, SeriesDataset):
            bin_ = -(-data.longest // max(1, steps or data.longest))
            scaling = Scaling.of(data.x_train if trained is None else trained, bin_)
            told = (data.longest, scaling, data.step, data.channels)
            return cls(data.name, data.sample_shape, data.classes, None, *told)
        duration = data.duration_ms if isinstance(data, EventDataset) else None
        return cls(data.name, tuple(data.sample_shape), data.classes, duration)

    def unlike(self, other: Task, steps: int) -> tuple[str, str, str] | None:
        """What the data of another task of this shape have that is not of this one; what was expected; a remedy.

        Rows at other times, other channels or another order of them, and recordings of events so long, or so short,
        that their times have another unit. `steps` are those of the code. None where nothing is.
        """
        if said := unlike_step(other.step, self.step):
            return said, LIKE_STEPS, RESAMPLE
        if other.channels != self.channels and _named(other.channels) and _named(self.channels):
            theirs, own = (f"the channels {', '.join(names)}" for names in (other.channels, self.channels))
            return theirs, f"{own}, in this order", "Reading(columns='channels=...') says which, and in which order"
        if self.duration_ms is not None and other.duration_ms is not None:
            return unlike_lengths(self.duration_ms, steps, other.duration_ms, other.duration_ms)
        return None

    def as_json(self) -> dict[str, Any]:
        """The task as values of JSON."""
        content = {**asdict(self), "sample_shape": list(self.sample_shape), "classes": list(self.classes)}
        longest, _, step, _ = (content.pop(name) for name in ("longest", "scaling", "step", "channels"))
        if self.scaling is None:
            return content
        scaling = {k: list(v) for k, v in asdict(self.scaling).items()}
        said = {} if step is None else {"step": step}
        return {**content, "longest": longest, "scaling": scaling, **said, "channels": list(self.channels)}

    @classmethod
    def from_json(cls, content: Any, source: str) -> Task:
        """What `as_json` gave, read from the file `source`. Raises `CheckpointError`."""
        series: dict[str, Any] = {}
        if isinstance(content, dict) and {"longest", "scaling"} <= set(content):
            # runs of before say neither step nor channels
            series = {k: content[k] for k in ("longest", "scaling", "step", "channels") if k in content}
            content = {name: value for name, value in content.items() if name not in series}
        if isinstance(content, dict) and set(content) == {"name", "sample_shape", "classes", "duration_ms"}:
            shape, classes, duration = content["sample_shape"], content["classes"], content["duration_ms"]
            fits = isinstance(shape, list) and all(is_whole(n, 1) for n in shape)
            fits = fits and isinstance(classes, list) and all(isinstance(name, str) for name in classes)
            if fits and isinstance(content["name"], str) and (duration is None or is_number(duration, above=0.0)):
                return cls(content["name"], tuple(shape), tuple(classes), duration, **_of_series(series, shape, source))
        expected, remedy = "the one that `rheobase train` writes", "give the folder of a run, or start a new one"
        raise CheckpointError(source, "no task of a training run of this version", expected, remedy)


def _named(channels: tuple[str, ...]) -> bool:
    """Whether they are names: not those of a task of before, and not the numbers that channels without names have."""
    return any(not name.isdecimal() for name in channels)


def unlike_lengths(used: float, steps: int, least: float, most: float) -> tuple[str, str, str] | None:
    """What to say of recordings of `least` to `most` ms of events, of which a code of `steps` frames sees `used` ms.

    None where some of them fit: all in the first frame, or all of them so long that most is left out, are times in
    another unit.
    """
    frame = used / max(1, steps)
    if most >= frame and least <= FAR_LONGER * used:
        return None
    said = f"recordings of {least:.4g} to {most:.4g} ms"
    expected = f"about {used:.4g} ms, as in the training: {steps} frames of {frame:.4g} ms"
    return said, expected, "t counts us in whole numbers, and seconds in floats; cut recordings that are so long"


def _of_series(content: dict[str, Any], shape: list[int], source: str) -> dict[str, Any]:
    """What a task of time series has beside, checked."""
    if not content:
        return {}
    longest, scaling, step = content["longest"], content["scaling"], content.get("step")
    held = dict[str, Any](scaling) if isinstance(scaling, dict) else {}
    slope = held.pop("slope", [])  # runs of before have none
    sizes = [held.get("mean"), held.get("std"), *([slope] if slope else [])]
    channels = content.get("channels", [])
    fits = isinstance(channels, list) and all(isinstance(name, str) for name in channels)
    fits = fits and len(channels) in (0, shape[0])
    fits = fits and is_whole(longest, 1) and (step is None or is_number(step, above=0.0))
    fits = fits and all(isinstance(one, list) and len(one) == shape[0] for one in sizes)
    if fits and all(is_number(value) for one in sizes for value in one or ()):
        mean, std, *more = (tuple(one or ()) for one in sizes)
        if all(value > 0 for one in (std, *more) for value in one):
            scales = Scaling(mean, std, *more)
            return {"longest": longest, "scaling": scales, "step": step, "channels": tuple(channels)}
    given, remedy = "a scaling of series that does not fit its channels", "give the folder of a run"
    raise CheckpointError(source, given, "a mean and a deviation > 0 for each channel", remedy)
