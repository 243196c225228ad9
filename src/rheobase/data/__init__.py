"""Data sets of images and of events, and the encoders that turn them into sequences."""

from __future__ import annotations

from pathlib import Path
from typing import Any

from rheobase.data.augmentation.augmented import Augmented, Cutout, Flipped
from rheobase.data.augmentation.auto_augmented import AutoAugmented
from rheobase.data.augmentation.shifted import Shifted
from rheobase.data.dataset import Dataset
from rheobase.data.encoding.encoders import Direct, Encoder, Latency, Rate, Thermometer
from rheobase.data.encoding.frames import EventFrames
from rheobase.data.encoding.held import Held
from rheobase.data.encoding.scaling import Scaled, Scaling
from rheobase.data.encoding.series import Currents, Delta, Population, Slope
from rheobase.data.event_dataset import EventDataset
from rheobase.data.events import Events
from rheobase.data.folders.problems import Watch
from rheobase.data.folders.reading import Reading
from rheobase.data.groups import Groups
from rheobase.data.series import SeriesDataset
from rheobase.data.sets.cifar10 import cifar10, cifar10_subset
from rheobase.data.sets.cifar10_dvs import cifar10_dvs
from rheobase.data.sets.custom import from_path
from rheobase.data.sets.digits import digits
from rheobase.data.sets.dvs_gesture import dvs_gesture
from rheobase.data.sets.heidelberg import shd, ssc
from rheobase.data.sets.mnist import fashion_mnist, mnist
from rheobase.data.sets.nmnist import nmnist
from rheobase.data.sets.ntidigits import ntidigits
from rheobase.data.sets.spoken_digits import spoken_digits
from rheobase.errors import DataError, ParameterError, RheobaseError, nearest
from rheobase.files import expanded

__all__ = [
    "NAMES",
    "Augmented",
    "AutoAugmented",
    "Currents",
    "Cutout",
    "Dataset",
    "Delta",
    "Direct",
    "Encoder",
    "EventDataset",
    "EventFrames",
    "Events",
    "Flipped",
    "Groups",
    "Held",
    "Latency",
    "Population",
    "Rate",
    "Reading",
    "Scaled",
    "Scaling",
    "SeriesDataset",
    "Shifted",
    "Slope",
    "Thermometer",
    "cifar10",
    "cifar10_dvs",
    "cifar10_subset",
    "digits",
    "dvs_gesture",
    "fashion_mnist",
    "load",
    "mnist",
    "nmnist",
    "ntidigits",
    "shd",
    "spoken_digits",
    "ssc",
]

_WITHOUT_DOWNLOAD = {
    "cifar10": cifar10,
    "cifar10_subset": cifar10_subset,
    "nmnist": nmnist,
    "shd": shd,
    "ssc": ssc,
    "spoken_digits": spoken_digits,
    "ntidigits": ntidigits,
    "dvs_gesture": dvs_gesture,
    "cifar10_dvs": cifar10_dvs,
}

NAMES = ("digits", "mnist", "fashion_mnist", *_WITHOUT_DOWNLOAD)
"""The data sets that have a name; `load` takes these, or a path."""


def load(
    name_or_path: str | Path,
    data_dir: str | Path | None = None,
    *,
    download: bool = False,
    limit: int | None = None,
    reading: Reading | None = None,
    watch: Watch | None = None,
) -> Dataset[Any]:
    """A data set by name, or the user's own by path: a folder of files by class, a folder of idx files, or a .npz.

    A name wins over a file of the same name: write ./digits for the file. `data_dir` concerns all names but digits,
    `download` mnist and fashion_mnist; `limit` keeps at most that many training and that many test samples.
    `reading` says how the files of a folder are read, and which of them test; `watch` hears how far that is.

    **Raises**: ParameterError for an unknown name, with the nearest one, a limit that is not a positive integer, or a
    reading that means nothing for these data; DataError where the data are missing, corrupt or do not fit together;
    StorageError where a download cannot be written.

    >>> load("digits", limit=100)
    Dataset 'digits': 100 training and 100 test samples of shape (8, 8), 10 classes
    """
    try:
        data = _loaded(name_or_path, data_dir, download=download, reading=reading or Reading(), watch=watch)
    except RheobaseError:
        raise
    except OSError as error:
        # a name too long for the system, a folder above that may not be searched: told by whoever looks first
        given = f"a place that cannot be looked at ({error.strerror or error})"
        remedy = "check the path and its rights"
        raise DataError(str(error.filename or name_or_path), given, "a readable file or folder", remedy) from error
    return data if limit is None else data.limited(limit)


def _loaded(
    name_or_path: str | Path, data_dir: str | Path | None, *, download: bool, reading: Reading, watch: Watch | None
) -> Dataset[Any]:
    if name_or_path in NAMES:
        reading.refuse_all(set(reading.given), str(name_or_path), "a published data set, which is read as it is")
    if name_or_path == "digits":
        return digits()
    if name_or_path == "mnist":
        return mnist(data_dir, download=download)
    if name_or_path == "fashion_mnist":
        return fashion_mnist(data_dir, download=download)
    if isinstance(name_or_path, str) and name_or_path in _WITHOUT_DOWNLOAD:
        return _WITHOUT_DOWNLOAD[name_or_path](data_dir)
    return from_path(_as_path(name_or_path), reading, watch)


def _as_path(given: str | Path) -> Path:
    path = expanded(given, "data")
    is_word = isinstance(given, str) and not path.suffix and not path.is_absolute() and len(path.parts) == 1
    if is_word and not path.exists():
        expected = "the name of a data set, a folder of images, events or idx files, or a .npz file"
        raise ParameterError("data", repr(given), expected, nearest(str(given), NAMES))
    return path
