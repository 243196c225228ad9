"""A data set from a folder of event files, one recording each."""

from __future__ import annotations

from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass, replace
from pathlib import Path

import numpy as np

from rheobase.data.event_dataset import EventDataset
from rheobase.data.events import StoredEvents
from rheobase.data.folders.parts import contents, copies, cut, digest, groups_of
from rheobase.data.folders.problems import Watch, bytes_of, first_read, read_each
from rheobase.data.folders.reading import EVENT_ROLES, Reading, parsed_size
from rheobase.data.folders.scan import Found
from rheobase.data.formats.event_file import read_event_file
from rheobase.data.formats.recording import SENSORS, Recording, sensor_of
from rheobase.errors import ParameterError, nearest
from rheobase.memory import check_room
from rheobase.problems import Problems

EXPECTED = "recordings of one camera, with events in each"
_LONGEST_US = (1 << 32) - 1
_MANY_INPUTS = 50_000
# while they are brought together: of each recording x, y, p and t; the same of all in a row; and the addresses
_EVENT_BYTES = 13 + 9 + 4


@dataclass(frozen=True)
class EventRecordings:
    """Recordings in memory. lengths (recordings,) us; `camera` is its width and height, and who says them."""

    events: StoredEvents
    lengths: np.ndarray
    camera: tuple[int, int]
    camera_from_files: bool
    notes: tuple[str, ...]


def event_folder(found: Found, reading: Reading, problems: Problems, watch: Watch | None = None) -> EventDataset:
    """The recordings of a folder. Their time counts from their first event.

    **Raises**: DataError with all problems of all files; ParameterError for a camera that is unknown.
    """
    recordings = read_recordings(found.files, found.names, reading, problems, watch=watch)
    in_test, how = cut(found, reading)
    sums = contents(found)
    train, test = recordings.lengths[~in_test.numpy()], recordings.lengths[in_test.numpy()]
    duration = reading.duration or (int(train.max()) + 1) / 1000.0
    width, height = recordings.camera
    whence = (
        "--sensor"
        if reading.sensor
        else "as the files say"
        if recordings.camera_from_files
        else "the largest address; --sensor names it"
    )
    _, rows, columns = recordings.events.frame_shape
    shown = [f"a camera of {width}x{height} pixels ({whence})"]
    if reading.size is not None:
        shown.append(f"pixels put together to {columns}x{rows} (--size)")
    elif 2 * rows * columns > _MANY_INPUTS:
        shown.append(f"{2 * rows * columns} inputs: --size 32x32, say, puts neighbouring pixels together")
    median = float(np.median(train)) / 1000
    late = int((np.concatenate([train, test]) >= 1000 * duration).sum())
    over = f"; of {late} longer ones the rest is left out" if late else ""
    by = "--duration" if reading.duration else "the longest of the training part; --duration changes it"
    shown.append(f"recordings last {median:.4g} ms (median); {duration:.6g} ms are used ({by}){over}")
    return EventDataset(
        str(found.folder),
        recordings.events[~in_test],
        found.label[~in_test],
        recordings.events[in_test],
        found.label[in_test],
        found.classes,
        duration_ms=duration,
        groups=groups_of(found, reading, in_test),
        notes=(*found.notes, *shown, *recordings.notes, how, *copies(found, in_test, sums)),
        reading=replace(reading, sensor=reading.sensor or f"{width}x{height}"),
        digest=digest(found, in_test, sums),
    )


def camera_of(reading: Reading) -> tuple[str | None, tuple[int, int] | None]:
    """What --sensor says: the name of a camera, or its width and height. Raises `ParameterError` for neither."""
    if reading.sensor is None:
        return None, None
    if (size := parsed_size(reading.sensor)) is not None:
        return None, size
    if (name := sensor_of(reading.sensor)) is not None:
        return name, SENSORS[name]
    remedy = nearest(reading.sensor, SENSORS)
    raise ParameterError("--sensor", reading.sensor, "the name of a camera, or WIDTHxHEIGHT", remedy)


def read_recordings(
    files: Sequence[Path],
    names: Sequence[str],
    reading: Reading,
    problems: Problems,
    *,
    watch: Watch | None = None,
) -> EventRecordings:
    """The recordings of event files, in memory, 8 bytes an event at most.

    **Raises**: DataError with all problems, those that were found before as well, and before they are read for
    recordings that do not fit into memory; ParameterError for an unknown camera.
    """
    sensor, size = camera_of(reading)

    columns = {role: names[0] for role, names in reading.roles_of(EVENT_ROLES, "events").items()}

    def read_one(file: Path) -> Recording:
        return _small(read_event_file(file, sensor=sensor, size=size, columns=columns))

    first = first_read(files, lambda file: (len(read_one(file)), file.stat().st_size))
    if first is not None:
        total = bytes_of(files)
        events = total * first[0] / first[1]  # as many for a byte as in the first
        given = f"{len(files)} recordings of about {events:.3g} events"
        check_room(problems.source, given, _EVENT_BYTES * events, "take fewer or shorter recordings")
    read = read_each(files, names, read_one, problems, watch)
    cameras = Counter(recording.size for _, recording in read if recording.size is not None)
    told = bool(cameras)
    largest = (
        max((int(one.x.max()) for _, one in read if len(one)), default=0) + 1,
        max((int(one.y.max()) for _, one in read if len(one)), default=0) + 1,
    )
    camera = max(cameras, key=lambda one: cameras[one]) if cameras else largest
    for name, recording in read:
        if not len(recording):
            problems.add("no events in it", name)
        elif recording.size is not None and recording.size != camera:
            shown = f"{recording.size[0]}x{recording.size[1]}"
            problems.add(f"a camera of {shown} pixels where most have {camera[0]}x{camera[1]}", name)
        elif int(recording.x.max()) >= camera[0] or int(recording.y.max()) >= camera[1]:
            problems.add(f"events outside the {camera[0]}x{camera[1]} pixels that other files say", name)
        elif int(recording.t.max()) > _LONGEST_US:
            problems.add(f"lasts {recording.t.max() / 6e7:.0f} minutes; 71 are the most", name)
    problems.tell(EXPECTED)
    pooled = parsed_size(reading.size) if reading.size is not None else None
    if pooled is not None and (pooled[0] > camera[0] or pooled[1] > camera[1]):
        expected = f"at most the {camera[0]}x{camera[1]} pixels of the camera"
        raise ParameterError("--size", str(reading.size), expected, "pixels can be put together, not made")
    width, height = pooled or camera
    arrays = {
        "x": np.concatenate([_pooled(one.x, width, camera[0]) for _, one in read]),
        "y": np.concatenate([_pooled(one.y, height, camera[1]) for _, one in read]),
        "p": np.concatenate([one.p for _, one in read]),
        "t": np.concatenate([one.t.astype(np.uint32) for _, one in read]),
        "offsets": np.concatenate([[0], np.cumsum([len(one) for _, one in read])]),
    }
    lengths = np.array([int(one.t.max()) for _, one in read], np.int64)
    noted = Counter(note for _, one in read for note in one.notes)
    notes = tuple(f"{count} files: {note}" if count > 1 else f"1 file: {note}" for note, count in noted.items())
    return EventRecordings(StoredEvents(arrays, (2, height, width), problems.source), lengths, camera, told, notes)


def _small(recording: Recording) -> Recording:
    """With narrow integers, and times since the first event."""
    if not len(recording):
        return recording
    return replace(
        recording,
        x=recording.x.astype(np.uint16),
        y=recording.y.astype(np.uint16),
        p=recording.p.astype(np.uint8),
        t=recording.t - int(recording.t.min()),
    )


def _pooled(place: np.ndarray, size: int, of: int) -> np.ndarray:
    return place if size == of else (place.astype(np.uint32) * size // of).astype(np.uint16)
