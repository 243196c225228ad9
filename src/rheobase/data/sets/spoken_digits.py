"""Spoken digits as spikes of a model cochlea: free recordings, converted as the Heidelberg digits were."""

from __future__ import annotations

import math
from pathlib import Path

import numpy as np

from rheobase.data.event_dataset import EventDataset
from rheobase.data.formats.arrays import labels
from rheobase.data.formats.npz import read_npz
from rheobase.data.sets.folders import find_folder, how_to_point
from rheobase.data.sets.join import Part, from_parts
from rheobase.errors import DataError

UNITS = 700
"""The audio is of 8 kHz, so the units of the highest frequencies carry little."""
FOLDERS = ("spoken_digits", "fsdd_cochlea_spikes")
FILES = ("fsdd_cochlea_train.npz", "fsdd_cochlea_test.npz")
DURATION_MS = 1000.0
"""Holds 99.97 % of the spikes; the longest recording lasts 2.28 s."""

_KEYS = ("times", "units", "offsets", "label", "speaker", "time_unit_s")
_WRITE = f"write it with np.savez_compressed(path, {', '.join(f'{key}=' for key in _KEYS)})"


def spoken_digits(data_dir: str | Path | None = None) -> EventDataset:
    """Digits spoken in English by five people, as spikes of 700 units: 2,250 to train on and 250 to test.

    The audio of the Free Spoken Digit Dataset (Jackson, 2016), turned into spikes by the basilar membrane, hair cells
    and bushy cells of Cramer et al. (2020): the form of their Heidelberg digits, but other recordings. The test part is
    the first five recordings of each speaker and digit, so every speaker is in both parts; `leave_out("theo")` tests on
    a new one.

    data_dir (else the environment variable RHEOBASE_DATA, else the user's cache) is the folder of the files
    fsdd_cochlea_train.npz and fsdd_cochlea_test.npz, or one that holds it as `spoken_digits` or
    `fsdd_cochlea_spikes`: times (in units of time_unit_s) and units of all spikes, offsets (n + 1,), label and speaker
    (n,). In memory, 4 bytes a spike.

    Reference: IEEE Trans. Neural Netw. Learn. Syst. 33:2744 (2022), doi 10.1109/TNNLS.2020.3044364.

    **Raises**: DataError where the files are missing or corrupt.
    """
    folder = find_folder(data_dir, FOLDERS)
    missing = [name for name in FILES if not (folder / name).is_file()]
    if missing:
        remedy = f"get both files (there is no download here), and {how_to_point('spoken_digits')}"
        raise DataError("spoken_digits", f"no {' and no '.join(missing)} in {folder}", " and ".join(FILES), remedy)
    (train, tick_us), (test, other) = (_part(folder / name) for name in FILES)
    if tick_us != other:
        given = f"time_unit_s of {tick_us} us to train and {other} us to test"
        raise DataError("spoken_digits", given, "one unit of time", "write both files alike")
    return from_parts(
        "spoken_digits",
        [train],
        [test],
        tuple(str(k) for k in range(10)),
        shape=(UNITS,),
        duration_ms=DURATION_MS,
        kind="speaker",
        tick_us=tick_us,
    )


def _part(path: Path) -> tuple[Part, int]:
    """The recordings of a file, and its unit of time in us."""
    held = read_npz(path, _KEYS, _WRITE)
    unit = held["time_unit_s"]
    tick = float(unit) * 1e6 if unit.ndim == 0 and unit.dtype.kind == "f" else math.nan
    if not (tick > 0.5 and abs(tick - round(tick)) < 1e-6 * tick):
        given = f"time_unit_s of {unit.tolist()!r}"
        raise DataError(str(path), given, "whole microseconds, in seconds", "np.float64(5e-5) for 50 us, say")
    if held["times"].dtype.kind not in "iu" or held["speaker"].dtype.kind not in "iuU":
        given = f"times of dtype {held['times'].dtype} and speaker of dtype {held['speaker'].dtype}"
        raise DataError(str(path), given, "integer times, and speakers as text or numbers", _WRITE)
    arrays: dict[str, np.ndarray] = {"unit": held["units"], "t": held["times"], "offsets": held["offsets"]}
    return Part(str(path), arrays, labels(held["label"], str(path), "label"), held["speaker"]), round(tick)
