"""N-MNIST: the digits of MNIST, shown on a screen to an event camera that moves in three saccades."""

from __future__ import annotations

from pathlib import Path

import torch
from torch import Tensor

from rheobase.data.dataset import stratified
from rheobase.data.event_dataset import EventDataset
from rheobase.data.events import EventFiles, Events, axes
from rheobase.data.formats.arrays import labels
from rheobase.data.formats.npz import read_npz
from rheobase.data.sets.folders import find_folder, how_to_point
from rheobase.data.sets.join import Part, joined
from rheobase.errors import DataError, ParameterError

SHAPE = (2, 34, 34)
"""Polarities, height and width; polarity 1 is brighter."""
FOLDERS = ("nmnist", "nmnist_small")
"""Names of the folder; the second for a part of the recordings."""
DURATION_MS = 300.0
"""Three saccades of 100 ms; recordings run on for about 10 ms with few events."""

TEST_FRACTION = 0.2
SPLIT_SEED = 34
"""Of the cut where there is no test part. Fixed for good, so that results on the same files can be compared."""

_CLASSES = tuple(str(k) for k in range(10))
_LAYOUT = (
    "a folder with Train/0 ... Train/9 of .bin files (and Test/ alike), "
    "or a .npz of recordings whose name ends in train (and one that ends in test)"
)
_GET = (
    "get Train.zip and Test.zip from doi.org/10.17632/468j46mzdv.1 (there is no download here), unpack them, "
    f"and {how_to_point('nmnist')}"
)
_WRITE = "write it with np.savez_compressed(path, x=, y=, p=, t=, offsets=, label=)"


def nmnist(data_dir: str | Path | None = None, *, test: float = TEST_FRACTION, seed: int = SPLIT_SEED) -> EventDataset:
    """N-MNIST (Orchard, Jayawant, Cohen & Thakor, 2015): event recordings of 34 x 34 pixels and two polarities.

    data_dir (else the environment variable RHEOBASE_DATA, else the user's cache) is a folder that holds `nmnist`
    or `nmnist_small`, or that folder itself, or a .npz file. Two layouts are read:

        Train/0/*.bin ... Test/9/*.bin   the published files of 40-bit events, each read when it is asked for
        *train.npz, *test.npz            x, y, p, t (us) of all events, offsets (n + 1,), label (n,); in memory

    Where there is no test part, the share `test` of the training recordings becomes one: by class, chosen by `seed`.

    Reference: Front. Neurosci. 9:437 (2015), doi 10.3389/fnins.2015.00437.

    **Raises**: DataError where the files are missing or corrupt; ParameterError for a share that leaves no samples.
    """
    folder = find_folder(data_dir, FOLDERS)
    events, train, held = _from_npz(folder) if (folder.is_file() or _npz(folder, "train")) else _from_bins(folder)
    seen = torch.cat([train, held])
    is_test = torch.arange(len(seen)) >= len(train)
    if not len(held):
        count = round(test * len(seen)) if 0 < test < 1 else 0
        if not 0 < count < len(seen):
            expected = f"a fraction between 0 and 1 that leaves recordings on both sides of {len(seen)}"
            raise ParameterError("nmnist", f"test={test!r}", expected, "try 0.2")
        is_test[stratified(seen, count, seed)] = True
    return EventDataset(
        "nmnist",
        events[~is_test],
        seen[~is_test],
        events[is_test],
        seen[is_test],
        _CLASSES,
        duration_ms=DURATION_MS,
    )


def _npz(folder: Path, part: str) -> list[Path]:
    """The .npz files of one part: at most one."""
    found = sorted(folder.glob(f"*{part}.npz"))
    if len(found) > 1:
        given = f"{len(found)} files that end in {part}.npz"
        raise DataError(str(folder), given, "at most one", "give the path of the file that is meant")
    return found


def _from_npz(place: Path) -> tuple[Events, Tensor, Tensor]:
    """All recordings, and the labels of the training and the test part."""
    files = [place] if place.is_file() else [*_npz(place, "train"), *_npz(place, "test")]
    parts: list[Part] = []
    for file in files:
        arrays = read_npz(file, (*axes(SHAPE), "t", "offsets", "label"), _WRITE)
        parts.append(Part(str(file), arrays, labels(arrays["label"], str(file), "label")))
    given = [part.label for part in parts]
    return joined(parts, SHAPE), given[0], given[1] if len(given) > 1 else torch.empty(0, dtype=torch.int64)


def _from_bins(folder: Path) -> tuple[Events, Tensor, Tensor]:
    files: list[Path] = []
    given: list[Tensor] = []
    for part in ("Train", "Test"):
        found = [sorted((folder / part / name).glob("*.bin")) for name in _CLASSES]
        if part == "Train" and not any(found):
            raise DataError("nmnist", f"no recordings in {folder}", _LAYOUT, _GET)
        files += [file for of_class in found for file in of_class]
        counts = torch.tensor([len(of_class) for of_class in found])
        given.append(torch.arange(len(_CLASSES)).repeat_interleave(counts))
    return EventFiles(files, SHAPE), given[0], given[1]
