"""Reader of a file of camera events of any known format, which its content tells; the suffix only where that cannot."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import replace
from pathlib import Path

import numpy as np

from rheobase.data.events import read_40_bit
from rheobase.data.formats.aedat import after_header, mapped, polarity_packets, read_aedat3
from rheobase.data.formats.aedat2 import read_aedat2_of
from rheobase.data.formats.aedat4 import read_aedat4
from rheobase.data.formats.event_arrays import (
    read_events_hdf5,
    read_events_npy,
    read_events_npz,
    read_events_text,
)
from rheobase.data.formats.prophesee import read_prophesee
from rheobase.data.formats.recording import SENSORS, Recording, checked, sensor_of
from rheobase.errors import DataError
from rheobase.files import why

FORMATS = "AEDAT 2.0, 3.1 or 4.0, RAW (EVT 2.0 or 3.0), DAT, 40-bit events (.bin, .bs2), HDF5, .npz, .npy or text"
_UNBOUNDED = 1 << 15  # of 15 bits, so that only the check of the camera's size decides
_EVENT_STREAM = b"Event Stream"
# by the byte behind the three of its version
_STREAMS = {0: "generic events, which have no pixels", 1: "DVS events", 2: "ATIS events", 4: "colour events"}
_BY_SUFFIX = (".bin", ".bs2")
_MOST_DISORDER = 0.01


def read_event_file(
    path: Path,
    *,
    sensor: str | None = None,
    size: tuple[int, int] | None = None,
    columns: Mapping[str, str] = {},
) -> Recording:
    """The events of one file.

    `sensor`, a camera of `recording.SENSORS`, or `size`, (width, height), says what files leave open; where a file says
    it, too, both must agree. `columns` are those of x, y, p and t in a text file, by name or by number.

    **Raises**: DataError for a file that is empty, damaged, of no known format, or with events outside its camera.
    """
    recording = _read(path, sensor, columns)
    wanted = size if size is not None else SENSORS[sensor] if sensor is not None else None
    if wanted is not None and recording.size is not None and recording.size != wanted:
        given = f"a camera of {recording.size[0]}x{recording.size[1]} pixels, as the file says"
        raise DataError(str(path), given, f"{wanted[0]}x{wanted[1]}, as --sensor says", "leave --sensor out")
    return checked(replace(recording, size=recording.size or wanted), path)


def _read(path: Path, sensor: str | None, columns: Mapping[str, str]) -> Recording:
    try:
        with path.open("rb") as file:
            head = file.read(64)
    except OSError as error:
        given = f"a file that cannot be read ({why(error)})"
        raise DataError(str(path), given, "a file of events", "check the path and its rights") from error
    suffix = path.suffix.lower()
    if not head:
        raise DataError(str(path), "an empty file of 0 bytes", "a file of events", "get the file again")
    if head.startswith(b"#!AER-DAT2"):
        return read_aedat2_of(path, sensor)
    if head.startswith(b"#!AER-DAT3"):
        return _aedat3(path)
    if head.startswith(b"#!AER-DAT4"):
        return read_aedat4(path)
    if head.startswith(b"% "):
        return read_prophesee(path)
    if head.startswith(b"\x89HDF"):
        return read_events_hdf5(path)
    if head.startswith(b"PK") and suffix == ".npz":
        return read_events_npz(path)
    if head.startswith(b"\x93NUMPY"):
        return read_events_npy(path)
    if suffix in _BY_SUFFIX:
        return _bin(path)
    if suffix in (".csv", ".txt"):
        return read_events_text(path, columns)
    if suffix == ".npz":
        return read_events_npz(path)  # which says what is wrong with it
    if head.startswith(_EVENT_STREAM) and len(head) > len(_EVENT_STREAM) + 3:
        kind = _STREAMS.get(head[len(_EVENT_STREAM) + 3], "an unknown kind")
        given, remedy = f"an Event Stream file (.es) of {kind}", "give the polarity events of a camera"
        if kind in (_STREAMS[1], _STREAMS[2]):
            remedy = "convert it with faery: faery.events_stream_from_file('IN.es').to_file('OUT.aedat4')"
        raise DataError(str(path), given, FORMATS, remedy)
    given = f"a file that begins with {head[:12]!r}"
    remedy = "check what it is, whatever its suffix says, or convert it to .npz with x, y, p and t"
    raise DataError(str(path), given, FORMATS, remedy)


def _aedat3(path: Path) -> Recording:
    events = read_aedat3(path, polarity_packets(path), _UNBOUNDED)
    raw = mapped(path)
    header = raw[: after_header(raw, path, b"#!AER-DAT3.1", b"#!END-HEADER")].tobytes().decode("ascii", "replace")
    source = next((line.split(":", 1)[1] for line in header.splitlines() if line.startswith("#Source")), "")
    known = sensor_of(source.strip())
    return Recording(*events, size=SENSORS[known] if known else None)


def _bin(path: Path) -> Recording:
    """40-bit events, which nothing at their beginning tells from other files: their times are looked at."""
    x, y, p, t = (values.astype(np.int64) for values in read_40_bit(path))
    back = float((np.diff(t) < 0).mean()) if len(t) > 1 else 0.0
    if back > _MOST_DISORDER:
        given = f"times that go back at {100 * back:.0f} % of its events"
        raise DataError(str(path), given, "events in the order of time", "check that it is a file of 40-bit events")
    return Recording(x, y, p, t)
