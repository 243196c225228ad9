"""The Heidelberg spiking data sets: spoken digits (SHD) and speech commands (SSC) through a model cochlea."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np

from rheobase.data.event_dataset import EventDataset
from rheobase.data.formats.arrays import labels
from rheobase.data.formats.hdf5 import open_hdf5, read_array, read_ragged
from rheobase.data.sets.folders import find_folder, how_to_point
from rheobase.data.sets.join import Part, from_parts
from rheobase.errors import DataError

UNITS = 700
SHD_MS = 1400.0
"""What most papers cut the recordings at; the last spikes come at about 1.37 s."""
SSC_MS = 1000.0
"""Length of the audio."""

DIGITS = (
    "zero", "one", "two", "three", "four", "five", "six", "seven", "eight", "nine",
    "null", "eins", "zwei", "drei", "vier", "fünf", "sechs", "sieben", "acht", "neun",
)  # fmt: skip
COMMANDS = 35

ARCHIVES = {
    "shd_train.h5": "f3252aeb598ac776c1b526422d90eecb",
    "shd_test.h5": "1503a5064faa34311c398fb0a1ed0a6f",
    "ssc_train.h5": "d102be95e7144fcc0553d1f45ba94170",
    "ssc_valid.h5": "b4eee3516a4a90dd0c71a6ac23a8ae43",
    "ssc_test.h5": "a35ff1e9cffdd02a20eb850c17c37748",
}
"""md5 of the published .zip of each file. That of the unpacked file is not published: its structure is checked."""


def shd(data_dir: str | Path | None = None) -> EventDataset:
    """Spiking Heidelberg Digits (Cramer, Stradmann, Schemmel & Zenke, 2020): 8,156 recordings to train, 2,264 to test.

    The digits in English (classes 0 to 9) and German (10 to 19), as spikes of 700 units. Of the 12 speakers two are in
    the test part alone. There is no part to validate on: `by_group(["0", "3"])` takes two speakers off the training
    part, so that the test part is used once.

    data_dir (else the environment variable RHEOBASE_DATA, else the user's cache) is the folder of shd_train.h5 and
    shd_test.h5, or one that holds it as `shd`. In memory, 4 bytes a spike, times as the files hold them (float16
    seconds, so steps of 0.5 to 1 ms late in a recording).

    Reference: IEEE Trans. Neural Netw. Learn. Syst. 33:2744 (2022), doi 10.1109/TNNLS.2020.3044364.

    **Raises**: DataError where the files are missing or corrupt, or h5py is not installed.
    """
    train, test = _paths("shd", data_dir, ("train", "test"))
    parts = [_part(path, "extra/speaker") for path in (train, test)]
    return from_parts("shd", parts[:1], parts[1:], DIGITS, shape=(UNITS,), duration_ms=SHD_MS, kind="speaker")


def ssc(data_dir: str | Path | None = None) -> EventDataset:
    """Spiking Speech Commands (Cramer et al., 2020): 35 words as spikes of 700 units, 105,829 recordings.

    The training part holds the 75,466 published to train on and the 9,981 to validate on, and its groups tell them
    apart: `by_group("valid")` is the published cut. The 20,382 to test are the test part.

    data_dir (as for `shd`) is the folder of ssc_train.h5, ssc_valid.h5 and ssc_test.h5, or one that holds it as `ssc`.
    In memory, 4 bytes a spike, which makes some GB. Reference and errors are those of `shd`.
    """
    paths = _paths("ssc", data_dir, ("train", "valid", "test"))
    train, valid, test = (_part(path, None, part) for path, part in zip(paths, ("train", "valid", "test"), strict=True))
    return from_parts(
        "ssc", [train, valid], [test], _words(paths[0]), shape=(UNITS,), duration_ms=SSC_MS, kind="published part"
    )


def _paths(name: str, data_dir: str | Path | None, parts: tuple[str, ...]) -> list[Path]:
    folder = find_folder(data_dir, (name,))
    paths = [folder / f"{name}_{part}.h5" for part in parts]
    for path in paths:
        if not path.is_file():
            packed = [file.name for end in (".zip", ".gz") if (file := path.with_name(path.name + end)).is_file()]
            given = f"{packed[0]}, still packed, in {folder}" if packed else f"no {path.name} in {folder}"
            remedy = (
                f"get {path.name}.zip (md5 {ARCHIVES[path.name]}) from zenkelab.org/datasets (there is no download "
                f"here), unpack it, and {how_to_point(name)}"
            )
            raise DataError(name, given, ", ".join(each.name for each in paths), remedy)
    return paths


def _part(path: Path, speakers: str | None, named: str = "") -> Part:
    """One file; its groups are the speakers, or all the one named."""
    with open_hdf5(path) as file:
        times, lengths = read_ragged(file, "spikes/times", path)
        units, others = read_ragged(file, "spikes/units", path)
        label = labels(read_array(file, "labels", path), str(path), "labels")
        group = read_array(file, speakers, path) if speakers else np.full(len(lengths), named)
    if times.dtype.kind != "f" or not np.array_equal(lengths, others):
        given = f"times of dtype {times.dtype}, and {len(times)} of them for {len(units)} units"
        raise DataError(str(path), given, "a time in seconds and a unit for each spike", "get the file again")
    offsets = np.concatenate([[0], np.cumsum(lengths)])
    return Part(str(path), {"unit": units, "t": times, "offsets": offsets}, label, group)


def _words(path: Path) -> tuple[str, ...]:
    """The names of the classes, where the file has them; else their numbers."""
    with open_hdf5(path) as file:
        keys: Any = file.get("extra/keys")
        names = [] if keys is None else [key.decode() if isinstance(key, bytes) else str(key) for key in keys[()]]
    return tuple(names) if len(names) == COMMANDS else tuple(str(k) for k in range(COMMANDS))
