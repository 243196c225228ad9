"""Data sets of images and of events, and the encoders that turn them into sequences."""

from __future__ import annotations

from pathlib import Path

from rheobase.data.augmented import Augmented, Cutout, Flipped
from rheobase.data.auto_augmented import AutoAugmented
from rheobase.data.cifar10 import cifar10, cifar10_subset
from rheobase.data.cifar10_dvs import cifar10_dvs
from rheobase.data.custom import from_path
from rheobase.data.dataset import Dataset
from rheobase.data.digits import digits
from rheobase.data.dvs_gesture import dvs_gesture
from rheobase.data.encoders import Direct, Encoder, Latency, Rate
from rheobase.data.events import EventDataset, Events
from rheobase.data.frames import EventFrames
from rheobase.data.groups import Groups
from rheobase.data.heidelberg import shd, ssc
from rheobase.data.mnist import fashion_mnist, mnist
from rheobase.data.nmnist import nmnist
from rheobase.data.ntidigits import ntidigits
from rheobase.data.shifted import Shifted
from rheobase.data.spoken_digits import spoken_digits
from rheobase.errors import ParameterError, nearest

__all__ = [
    "NAMES",
    "Augmented",
    "AutoAugmented",
    "Cutout",
    "Dataset",
    "Direct",
    "Encoder",
    "EventDataset",
    "EventFrames",
    "Events",
    "Flipped",
    "Groups",
    "Latency",
    "Rate",
    "Shifted",
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
) -> Dataset:
    """A data set by name, or the user's own by path (a folder of idx files, or a .npz; see `custom`).

    A name wins over a file of the same name: write ./digits for the file. `data_dir` concerns all names but digits,
    `download` mnist and fashion_mnist; `limit` keeps at most that many training and that many test samples.

    **Raises**: ParameterError for an unknown name, with the nearest one, or a limit that is not a positive
    integer; DataError where the data are missing, corrupt or do not fit together; StorageError where a
    download cannot be written.

    >>> load("digits", limit=100)
    Dataset 'digits': 100 training and 100 test samples of shape (8, 8), 10 classes
    """
    if name_or_path == "digits":
        data = digits()
    elif name_or_path == "mnist":
        data = mnist(data_dir, download=download)
    elif name_or_path == "fashion_mnist":
        data = fashion_mnist(data_dir, download=download)
    elif isinstance(name_or_path, str) and name_or_path in _WITHOUT_DOWNLOAD:
        data = _WITHOUT_DOWNLOAD[name_or_path](data_dir)
    else:
        data = from_path(_as_path(name_or_path))
    return data if limit is None else data.limited(limit)


def _as_path(given: str | Path) -> Path:
    path = Path(given).expanduser()
    is_word = isinstance(given, str) and not path.suffix and not path.is_absolute() and len(path.parts) == 1
    if is_word and not path.exists():
        expected = "the name of a data set, a folder of idx files, or a .npz file"
        raise ParameterError("data", repr(given), expected, nearest(str(given), NAMES))
    return path
