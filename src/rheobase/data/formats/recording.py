"""One recording of an event camera, as its file has it."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path

import numpy as np

from rheobase.errors import DataError

# a clock that is set anew, not events in the wrong order
MOST_BACK_US = 1_000_000

SENSORS = {
    "dvs128": (128, 128),
    "davis128": (128, 128),
    "davis208": (208, 192),
    "davis240": (240, 180),
    "davis346": (346, 260),
    "davis640": (640, 480),
}
"""Width and height of cameras, by the beginning of their names."""


@dataclass(frozen=True, eq=False)
class Recording:
    """Events (n,) int64 as the file numbers its pixels; p is 1 where it grew brighter, t in us.

    size    width and height of the camera; None where the file does not say it
    notes   what of the file was left out
    """

    x: np.ndarray
    y: np.ndarray
    p: np.ndarray
    t: np.ndarray
    size: tuple[int, int] | None = None
    notes: tuple[str, ...] = ()

    def __len__(self) -> int:
        return len(self.t)

    def __repr__(self) -> str:
        size = "unknown size" if self.size is None else f"{self.size[0]}x{self.size[1]} pixels"
        return f"Recording({len(self)} events, {size})"


def sensor_of(name: str) -> str | None:
    """The name in `SENSORS` of a camera; None for an unknown one.

    >>> sensor_of("DAVIS240C"), sensor_of("eu.seebetter.ini.chips.davis.Davis346red"), sensor_of("CochleaAMS1c")
    ('davis240', 'davis346', None)
    """
    last = name.rsplit(".", 1)[-1].lower()
    return next((known for known in SENSORS if last.startswith(known)), None)


def checked(recording: Recording, path: Path) -> Recording:
    """The recording, where its events are ones of its camera and its clock runs on.

    **Raises**: DataError naming the first event that is not.
    """
    if not len(recording):
        return recording
    if recording.size is not None:
        width, height = recording.size
        outside = (recording.x >= width) | (recording.y >= height) | (recording.x < 0) | (recording.y < 0)
        if outside.any():
            k = int(outside.argmax())
            first = f"x = {recording.x[k]}, y = {recording.y[k]}"
            given = f"{int(outside.sum())} events outside the sensor, the first at {first}"
            expected = f"x < {width} and y < {height}"
            raise DataError(str(path), given, expected, "check which camera it is (--sensor)")
    back = np.diff(recording.t)
    if len(back) and int(back.min()) < -MOST_BACK_US:
        k = int(back.argmin())
        given = f"times that go back by {-int(back[k]) / 1e6:g} s after event {k}"
        raise DataError(str(path), given, "one clock that runs on", "cut the file where its clock was set anew")
    return recording
