"""N-TIDIGITS18: spoken digits, recorded by a silicon cochlea of 64 channels."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np
import torch

from rheobase.data.event_dataset import EventDataset
from rheobase.data.formats.hdf5 import open_hdf5, read_array
from rheobase.data.sets.folders import find_folder, how_to_point
from rheobase.data.sets.join import Part, from_parts
from rheobase.errors import DataError

CHANNELS = 64
FILE = "n-tidigits.hdf5"
DURATION_MS = 1250.0
"""250 steps of 5 ms, where papers cut the recordings."""

_SAID = ("z", "1", "2", "3", "4", "5", "6", "7", "8", "9", "o")
_NAMED = "names gender-speaker-sample-digits, man-ae-a-1 say"


def ntidigits(data_dir: str | Path | None = None, *, oh: bool = False) -> EventDataset:
    """N-TIDIGITS18 (Anumula, Neil, Delbruck & Liu, 2018): its recordings of a single digit.

    Classes are 0 ("zero") to 9; `oh` keeps the recordings of "oh", of which there are as many as of any digit, as an
    eleventh. With them 2,464 to train and 2,486 to test. Recordings of several digits are left out. The speakers of the
    test part are others than those of the training part; `by_group` cuts the latter by speaker.

    data_dir (else the environment variable RHEOBASE_DATA, else the user's cache) is the folder of n-tidigits.hdf5, or
    one that holds it as `ntidigits`: train_labels and, for each label, train_timestamps (s) and train_addresses
    (0 to 63), and the same for test. In memory.

    Reference: Front. Neurosci. 12:23 (2018), doi 10.3389/fnins.2018.00023.

    **Raises**: DataError where the file is missing or corrupt, or h5py is not installed.
    """
    path = find_folder(data_dir, ("ntidigits",)) / FILE
    if not path.is_file():
        remedy = f"get it from the authors (there is no download here), and {how_to_point('ntidigits')}"
        raise DataError("ntidigits", f"no {FILE} in {path.parent}", f"the file {FILE}", remedy)
    said = _SAID if oh else _SAID[:-1]
    with open_hdf5(path) as file:
        train, test = (_part(file, part, path, said) for part in ("train", "test"))
    classes = ("0", *said[1:10], *(("oh",) if oh else ()))
    return from_parts("ntidigits", [train], [test], classes, shape=(CHANNELS,), duration_ms=DURATION_MS, kind="speaker")


def _part(file: Any, part: str, path: Path, said: tuple[str, ...]) -> Part:
    names = [
        name.decode("ascii", "replace") if isinstance(name, bytes) else str(name)
        for name in read_array(file, f"{part}_labels", path).reshape(-1).tolist()
    ]
    label: list[int] = []
    speaker: list[str] = []
    times, units = [np.empty(0, np.float32)], [np.empty(0, np.uint8)]
    for name in names:
        pieces = name.split("-")
        if len(pieces) != 4:
            raise DataError(str(path), f"{part}_labels with {name!r}", _NAMED, "check that it is the published file")
        gender, who, _, digits = pieces
        if digits not in said:
            continue
        label.append(said.index(digits))
        speaker.append(f"{gender}-{who}")
        times.append(read_array(file, f"{part}_timestamps/{name}", path).reshape(-1))
        units.append(_channels(read_array(file, f"{part}_addresses/{name}", path).reshape(-1), name, path))
        if len(times[-1]) != len(units[-1]) or times[-1].dtype.kind != "f":
            given = f"{len(times[-1])} times of dtype {times[-1].dtype} and {len(units[-1])} addresses of {name}"
            raise DataError(str(path), given, "a time in seconds and an address for each event", "get the file again")
    if not label:
        given = f"no single digit among the {len(names)} of {part}_labels"
        raise DataError(str(path), given, _NAMED, "check that it is the published file")
    offsets = np.cumsum([len(piece) for piece in times])
    arrays: dict[str, np.ndarray] = {"unit": np.concatenate(units), "t": np.concatenate(times), "offsets": offsets}
    return Part(str(path), arrays, torch.tensor(label), np.array(speaker))


def _channels(addresses: np.ndarray, name: str, path: Path) -> np.ndarray:
    """Addresses as small integers; the file may hold them as floats."""
    if len(addresses) and not (addresses.min() >= 0 and addresses.max() < CHANNELS):
        given = f"addresses from {addresses.min()} to {addresses.max()} of {name}"
        raise DataError(str(path), given, f"0 to {CHANNELS - 1}", "check that it is the published file")
    return addresses.astype(np.uint8)
