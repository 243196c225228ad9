"""CIFAR10-DVS: images of CIFAR-10, moved on a screen before an event camera."""

from __future__ import annotations

import re
from pathlib import Path

import numpy as np
import torch

from rheobase.data.event_dataset import EventDataset
from rheobase.data.events import EventFiles
from rheobase.data.formats.aedat import read_aedat2
from rheobase.data.sets.folders import find_folder, how_to_point
from rheobase.errors import DataError, ParameterError

SHAPE = (2, 128, 128)
"""Polarities, height and width; polarity 1 is brighter."""
DURATION_MS = 1300.0
TEST_FRACTION = 0.3

CLASSES = ("airplane", "automobile", "bird", "cat", "deer", "dog", "frog", "horse", "ship", "truck")

_LAYOUT = "a folder with airplane ... truck, folders of .aedat files"


def cifar10_dvs(data_dir: str | Path | None = None, *, test: float = TEST_FRACTION) -> EventDataset:
    """CIFAR10-DVS (Li, Liu, Ji, Li & Shi, 2017): 1,000 recordings of 128 x 128 pixels for each of 10 classes.

    The set comes without a test part. The recordings with the highest numbers in each class, a share `test` of them,
    become one (by default 0 to 699 are for training and 700 to 999 for testing, as is usual).

    data_dir (else the environment variable RHEOBASE_DATA, else the user's cache) is the folder that holds airplane/
    ... truck/ with files cifar10_airplane_0.aedat ..., or one that holds it as `cifar10_dvs`. Files are AEDAT 2.0, as
    published, each read when it is asked for. Time begins with a recording's first event; rows and columns are those of
    the image, which the camera saw lying on its side.

    Reference: Front. Neurosci. 11:309 (2017), doi 10.3389/fnins.2017.00309.

    **Raises**: DataError where the files are missing or corrupt; ParameterError for a share that leaves no samples.
    """
    folder = find_folder(data_dir, ("cifar10_dvs", "CIFAR10DVS"))
    files: list[Path] = []
    label: list[int] = []
    is_test: list[bool] = []
    for k, name in enumerate(CLASSES):
        found = sorted((folder / name).glob("*.aedat"), key=_number)
        if not found:
            remedy = (
                "get the files from doi.org/10.6084/m9.figshare.4724671 (there is no download here), unpack them, "
                f"and {how_to_point('cifar10_dvs')}"
            )
            raise DataError("cifar10_dvs", f"no .aedat files in {folder / name}", _LAYOUT, remedy)
        held = round(test * len(found)) if 0 < test < 1 else 0
        if not 0 < held < len(found):
            expected = f"a fraction between 0 and 1 that leaves recordings on both sides of {len(found)} of {name}"
            raise ParameterError("cifar10_dvs", f"test={test!r}", expected, "try 0.3")
        files += found
        label += [k] * len(found)
        is_test += [False] * (len(found) - held) + [True] * held
    events = EventFiles(files, SHAPE, read=_read, event_bytes=8)
    seen, chosen = torch.tensor(label), torch.tensor(is_test)
    return EventDataset(
        "cifar10_dvs",
        events[~chosen],
        seen[~chosen],
        events[chosen],
        seen[chosen],
        CLASSES,
        duration_ms=DURATION_MS,
    )


def _number(path: Path) -> tuple[int, str]:
    """Files in the order of the number at the end of their name: 2 before 10."""
    found = re.search(r"(\d+)$", path.stem)
    return (int(found[1]) if found else -1, path.name)


def _read(path: Path, shape: tuple[int, ...]) -> tuple[np.ndarray, np.ndarray]:
    polarities, height, width = shape
    events = read_aedat2(path, min(height, width))
    row, column = height - 1 - events.x, width - 1 - events.y
    address = ((events.p * height + row) * width + column).astype(np.min_scalar_type(polarities * height * width))
    return address, (events.t - events.t.min(initial=events.t[0] if len(events.t) else 0)).astype(np.uint32)
