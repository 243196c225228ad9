"""DVS128 Gesture: hand and arm gestures before an event camera, in several lights."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import torch

from rheobase.data.event_dataset import EventDataset
from rheobase.data.events import Events, Taken, taken
from rheobase.data.formats.aedat import Packets, polarity_packets, read_aedat3
from rheobase.data.groups import Groups
from rheobase.data.sets.folders import find_folder, how_to_point
from rheobase.errors import DataError
from rheobase.files import why

SHAPE = (2, 128, 128)
"""Polarities, height and width; polarity 1 is brighter."""
DURATION_MS = 6000.0
"""About the length of a gesture."""

CLASSES = (
    "hand clapping",
    "right hand wave",
    "left hand wave",
    "right arm clockwise",
    "right arm counter clockwise",
    "left arm clockwise",
    "left arm counter clockwise",
    "arm roll",
    "air drums",
    "air guitar",
    "other gestures",
)

_COLUMNS = "class,startTime_usec,endTime_usec"


@dataclass(frozen=True)
class Gesture:
    """One gesture: when it was made in the recording of a file, and the packets of that time."""

    file: Path
    label: int
    begin_us: int
    end_us: int
    packets: Packets


class GestureEvents(Events):
    """Gestures in AEDAT 3.1 files, each read whenever it is asked for.

    **Raises**: DataError for a file that cannot be read, has changed, or has events outside the shape.
    """

    def __init__(self, gestures: Sequence[Gesture]) -> None:
        self.gestures, self.frame_shape = tuple(gestures), SHAPE

    def __len__(self) -> int:
        return len(self.gestures)

    def sizes(self) -> np.ndarray:
        """Of each gesture, the events in its packets; a few of them may be before or after it."""
        return np.array([int(gesture.packets.events.sum()) for gesture in self.gestures], dtype=np.int64)

    def take(self, places: np.ndarray | None = None) -> Taken:
        chosen = self.gestures if places is None else [self.gestures[k] for k in places.tolist()]
        return taken([self._read(gesture) for gesture in chosen])

    def _read(self, gesture: Gesture) -> tuple[np.ndarray, np.ndarray]:
        _, height, width = self.frame_shape
        events = read_aedat3(gesture.file, gesture.packets, min(height, width))
        inside = (events.t >= gesture.begin_us) & (events.t < gesture.end_us)
        x, y, p, t = (values[inside] for values in events)
        return ((p * height + y) * width + x).astype(np.uint16), (t - gesture.begin_us).astype(np.uint32)

    def __repr__(self) -> str:
        return f"GestureEvents({len(self)} recordings, {self.frame_shape})"


def dvs_gesture(data_dir: str | Path | None = None) -> EventDataset:
    """DVS128 Gesture (Amir et al., 2017): 11 gestures of 29 users in three to five lights, 128 x 128 pixels.

    Training and test part are the users of trials_to_train.txt (23) and of trials_to_test.txt (6); `by_group` cuts the
    training part by user. Times begin with the gesture.

    data_dir (else the environment variable RHEOBASE_DATA, else the user's cache) is the published folder, or one that
    holds it as `dvs_gesture` or `DvsGesture`: those two lists, a file user01_fluorescent.aedat and its
    user01_fluorescent_labels.csv for each name in them. Loading looks at the times of all events once; events are read
    when they are asked for.

    Reference: Proc. CVPR 2017, 7388-7397, doi 10.1109/CVPR.2017.781.

    **Raises**: DataError where files are missing or corrupt.
    """
    folder = find_folder(data_dir, ("dvs_gesture", "DvsGesture"))
    gestures, users, counts = [], [], []
    for part in ("train", "test"):
        before = len(gestures)
        for file in _trials(folder, part):
            found = _gestures(file)
            gestures += found
            users += [file.stem.split("_")[0]] * len(found)
        counts.append(len(gestures) - before)
        if not counts[-1]:
            given = f"no gestures in the trials of trials_to_{part}.txt"
            raise DataError(str(folder), given, "at least one", "check that the folder is whole")
    events = GestureEvents(gestures)
    label, n = torch.tensor([gesture.label for gesture in gestures]), counts[0]
    groups = Groups.of("user", np.array(users[:n]), np.array(users[n:]))
    return EventDataset(
        "dvs_gesture",
        events[:n],
        label[:n],
        events[n:],
        label[n:],
        CLASSES,
        duration_ms=DURATION_MS,
        groups=groups,
    )


def _trials(folder: Path, part: str) -> list[Path]:
    """The recordings that a list names."""
    listed = folder / f"trials_to_{part}.txt"
    if not listed.is_file():
        remedy = (
            "get DvsGesture.tar.gz from research.ibm.com/dvsgesture (there is no download here), unpack it, "
            f"and {how_to_point('dvs_gesture')}"
        )
        raise DataError("dvs_gesture", f"no {listed.name} in {folder}", "the published folder", remedy)
    names = [line.strip() for line in _text(listed).splitlines()]
    return [folder / name for name in names if name]


def _gestures(file: Path) -> list[Gesture]:
    """Those that the .csv beside a recording lists."""
    listed = file.with_name(f"{file.stem}_labels.csv")
    head, *lines = _text(listed).splitlines() or [""]
    if head.strip() != _COLUMNS:
        raise DataError(str(listed), f"columns {head!r}", _COLUMNS, "get the file again")
    packets = polarity_packets(file)
    found: list[Gesture] = []
    for line in filter(str.strip, lines):
        try:
            number, begin, end = map(int, line.split(","))
        except ValueError as error:
            raise DataError(str(listed), f"the line {line!r}", "three integers", "get the file again") from error
        if not (1 <= number <= len(CLASSES) and 0 <= begin < end < begin + (1 << 32)):
            expected = f"a class from 1 to {len(CLASSES)}, and a time before a later one (us)"
            raise DataError(str(listed), f"the line {line!r}", expected, "get the file again")
        overlaps = (packets.last >= begin) & (packets.first < end)
        found.append(Gesture(file, number - 1, begin, end, Packets(*(column[overlaps] for column in packets))))
    return found


def _text(path: Path) -> str:
    try:
        return path.read_text(encoding="ascii")
    except (OSError, UnicodeDecodeError) as error:
        given = f"a file that cannot be read ({why(error)})"
        raise DataError(str(path), given, "a text file of the published folder", "check that it is whole") from error
