"""What a network is trained for: the shape of a sample, and the classes. With the settings it rebuilds the network."""

from __future__ import annotations

import math
from dataclasses import asdict, dataclass
from typing import Any

from torch import Tensor

from rheobase.checks import is_number, is_whole
from rheobase.data import Dataset, EventDataset, Scaling, SeriesDataset
from rheobase.errors import CheckpointError


@dataclass(frozen=True)
class Task:
    """A data set without its samples.

    sample_shape   of an image, or of a frame of events
    classes        their names, in the order of the network's outputs
    duration_ms    of recordings of events; None for others
    longest        steps of the longest time series; None for others
    scaling        of time series, from the samples that are trained on
    step           from a step of a time series to the next, in the unit of its times; None where the data do not say it

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
            return cls(data.name, data.sample_shape, data.classes, None, data.longest, scaling, data.step)
        duration = data.duration_ms if isinstance(data, EventDataset) else None
        return cls(data.name, tuple(data.sample_shape), data.classes, duration)

    def as_json(self) -> dict[str, Any]:
        """The task as values of JSON."""
        content = {**asdict(self), "sample_shape": list(self.sample_shape), "classes": list(self.classes)}
        longest, _, step = content.pop("longest"), content.pop("scaling"), content.pop("step")
        if self.scaling is None:
            return content
        said = {} if step is None else {"step": step}
        return {**content, "longest": longest, "scaling": {k: list(v) for k, v in asdict(self.scaling).items()}, **said}

    @classmethod
    def from_json(cls, content: Any, source: str) -> Task:
        """What `as_json` gave, read from the file `source`. Raises `CheckpointError`."""
        series: dict[str, Any] = {}
        if isinstance(content, dict) and {"longest", "scaling"} <= set(content):
            # runs of before say no step
            series = {name: content[name] for name in ("longest", "scaling", "step") if name in content}
            content = {name: value for name, value in content.items() if name not in series}
        if isinstance(content, dict) and set(content) == {"name", "sample_shape", "classes", "duration_ms"}:
            shape, classes, duration = content["sample_shape"], content["classes"], content["duration_ms"]
            fits = isinstance(shape, list) and all(is_whole(n, 1) for n in shape)
            fits = fits and isinstance(classes, list) and all(isinstance(name, str) for name in classes)
            if fits and isinstance(content["name"], str) and (duration is None or is_number(duration, above=0.0)):
                return cls(content["name"], tuple(shape), tuple(classes), duration, **_of_series(series, shape, source))
        expected, remedy = "the one that `rheobase train` writes", "give the folder of a run, or start a new one"
        raise CheckpointError(source, "no task of a training run of this version", expected, remedy)


def _of_series(content: dict[str, Any], shape: list[int], source: str) -> dict[str, Any]:
    """What a task of time series has beside, checked."""
    if not content:
        return {}
    longest, scaling, step = content["longest"], content["scaling"], content.get("step")
    held = dict[str, Any](scaling) if isinstance(scaling, dict) else {}
    slope = held.pop("slope", [])  # runs of before have none
    sizes = [held.get("mean"), held.get("std"), *([slope] if slope else [])]
    fits = is_whole(longest, 1) and (step is None or is_number(step, above=0.0))
    fits = fits and all(isinstance(one, list) and len(one) == shape[0] for one in sizes)
    if fits and all(is_number(value) for one in sizes for value in one or ()):
        mean, std, *more = (tuple(one or ()) for one in sizes)
        if all(value > 0 for one in (std, *more) for value in one):
            return {"longest": longest, "scaling": Scaling(mean, std, *more), "step": step}
    given, remedy = "a scaling of series that does not fit its channels", "give the folder of a run"
    raise CheckpointError(source, given, "a mean and a deviation > 0 for each channel", remedy)
