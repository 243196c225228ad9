"""Reader of AEDAT 2.0 files of any camera whose addresses are known: DVS128 and the DAVIS.

A DAVIS word is a pixel event where bits 31 (a sample of the picture or the gyroscope) and 10 (an outer signal) are 0:
bit 11 polarity (1 brighter), 12 to 21 x, 22 to 30 y. Of a DVS128 see `aedat`.

Reference: docs.inivation.com, AEDAT file formats.
"""

from __future__ import annotations

from pathlib import Path

import numpy as np

from rheobase.data.formats.aedat import after_header, dvs128_events, mapped
from rheobase.data.formats.recording import SENSORS, Recording, sensor_of
from rheobase.errors import DataError

_EVENT_BYTES = 8
_CHIP = b"# AEChip:"
# a word on the camera is no proof of it: so many events on so few rows are none of a camera, but of a cochlea, say
_ENOUGH, _FEW = 1000, 4


def read_aedat2_of(path: Path, sensor: str | None = None) -> Recording:
    """The pixel events of an AEDAT 2.0 file; of a last event that is cut short, `notes` tells.

    `sensor` names the camera (a name of `SENSORS`) where the header does not.

    **Raises**: DataError for a file that cannot be read, of another or of no camera, or with times below 0.
    """
    raw = mapped(path)
    begin = after_header(raw, path, b"#!AER-DAT2.0", None)
    camera = _camera(raw[:begin].tobytes(), path, sensor)
    rest = (len(raw) - begin) % _EVENT_BYTES
    words = np.frombuffer(raw, ">i4", offset=begin, count=(len(raw) - begin - rest) // 4).reshape(-1, 2)
    address, t = words.T.astype(np.int64)
    address &= 0xFFFFFFFF
    if len(t) and int(t.min()) < 0:
        given = f"an event at {int(t.min())} us: the clock of 32 bits ran over"
        raise DataError(str(path), given, "times that are not negative", "cut the file there")
    if camera == "dvs128":
        events = dvs128_events(address, t, path)
        x, y, p, t = events
    else:
        pixel = address & 0x80000400 == 0
        address, t = address[pixel], t[pixel]
        x, y, p = address >> 12 & 0x3FF, address >> 22 & 0x1FF, address >> 11 & 1
    if sensor is not None and len(t) > _ENOUGH and min(len(np.unique(x)), len(np.unique(y))) <= _FEW:
        given = f"events on {len(np.unique(x))} columns and {len(np.unique(y))} rows of {camera}"
        raise DataError(str(path), given, "those of a camera", "check --sensor: these may be no events of pixels")
    notes = (f"a last event of {rest} bytes in place of {_EVENT_BYTES} left out",) if rest else ()
    return Recording(x, y, p, t, SENSORS[camera], notes)


def _camera(header: bytes, path: Path, sensor: str | None) -> str:
    line = next((line for line in header.splitlines() if line.startswith(_CHIP)), None)
    wanted = None if sensor is None else sensor_of(sensor)
    if line is None:
        if wanted is None:
            known = ", ".join(SENSORS)
            given = "no line AEChip in its header, so that the meaning of its addresses is unknown"
            remedy = f"--sensor names it ({known}); recordings of a silicon cochlea are not read"
            raise DataError(str(path), given, "the name of the camera", remedy)
        return wanted
    chip = line[len(_CHIP) :].decode("ascii", "replace").strip()
    found = sensor_of(chip)
    if found is None:
        raise DataError(str(path), f"events of {chip}", f"a camera of {', '.join(SENSORS)}", "convert it to .npz")
    if wanted is not None and wanted != found:
        raise DataError(str(path), f"a file of {chip}", f"{sensor}, as --sensor says", "leave --sensor out")
    return found
