"""MNIST and Fashion-MNIST: a folder of four idx files, each checked against the published content."""

from __future__ import annotations

import os
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from torch import Tensor

from rheobase import files
from rheobase.data.dataset import Dataset
from rheobase.data.formats.arrays import images, labels
from rheobase.data.formats.idx import read_bytes, read_idx
from rheobase.data.sets.download import download as fetch
from rheobase.errors import DataError

FILES = {
    "x_train": "train-images-idx3-ubyte",
    "y_train": "train-labels-idx1-ubyte",
    "x_test": "t10k-images-idx3-ubyte",
    "y_test": "t10k-labels-idx1-ubyte",
}
"""The four files of a folder in this format, by the part they hold; each may end in .gz."""


@dataclass(frozen=True)
class Published:
    """A published data set of fixed content: where it is downloaded, and the sha256 of each unpacked file."""

    name: str
    classes: tuple[str, ...]
    mirror: str
    sha256: dict[str, str]

    def load(self, data_dir: str | Path | None, download: bool) -> Dataset:
        """The data set from its folder, fetched first where `download` is true and a file is missing."""
        folder = self._folder(data_dir)
        parts: dict[str, Any] = {part: self._read(part, folder, download) for part in FILES}
        return Dataset(self.name, **parts, classes=self.classes)

    def _folder(self, data_dir: str | Path | None) -> Path:
        root = data_root(self.name, data_dir)
        inside = root / self.name
        holds_files = not inside.is_dir() and find(root, FILES["x_train"]) is not None
        return root if holds_files else inside

    def _read(self, part: str, folder: Path, download: bool) -> Tensor:
        digest = self.sha256[part]
        path = find(folder, FILES[part])
        if path is None and download:
            path = folder / f"{FILES[part]}.gz"
            fetch(f"{self.mirror}/{path.name}", path, lambda file: read_bytes(file, digest))
        if path is None:
            remedy = (
                f"point data_dir (--data-dir) or RHEOBASE_DATA at the folder that holds {self.name}/, "
                "or fetch it once with download=True (--download)"
            )
            raise DataError(self.name, f"no {FILES[part]} in {folder}", "that file, plain or .gz", remedy)
        array = read_idx(path, digest)
        return images(array, str(path), part) if part.startswith("x") else labels(array, str(path), part)


def find(folder: Path, name: str) -> Path | None:
    """The file `name` or `name`.gz in a folder, or None."""
    return next((path for path in (folder / name, folder / f"{name}.gz") if path.is_file()), None)


def data_root(name: str, data_dir: str | Path | None) -> Path:
    """Where the data set `name` is looked for: data_dir, else the environment variable RHEOBASE_DATA, else the cache.

    **Raises**: DataError where nothing names a folder and the user has no home; ParameterError for a ~ without one.
    """
    given = data_dir or os.environ.get("RHEOBASE_DATA")
    root = files.expanded(given, f"folder of {name}") if given else cache_folder()
    try:
        root.exists()
    except OSError as error:
        # a name too long for the system, a folder above that may not be searched
        said, remedy = f"a folder that cannot be looked at ({files.why(error)})", "check the path and its rights"
        raise DataError(str(root), said, f"the folder of {name}", remedy) from error
    return root


def cache_folder() -> Path:
    """Where downloads go, and are looked for, when no folder is named: rheobase/data in the user's cache.

    **Raises**: DataError for a user without a home.
    """
    cache = files.cache_folder()
    if cache is None:
        given = "no folder, and no home folder with a cache in it"
        raise DataError("data", given, "a folder to look in", "give data_dir (--data-dir) or RHEOBASE_DATA")
    return cache / "data"


MNIST = Published(
    "mnist",
    tuple(str(k) for k in range(10)),
    "https://ossci-datasets.s3.amazonaws.com/mnist",
    {
        "x_train": "ba891046e6505d7aadcbbe25680a0738ad16aec93bde7f9b65e87a2fc25776db",
        "y_train": "65a50cbbf4e906d70832878ad85ccda5333a97f0f4c3dd2ef09a8a9eef7101c5",
        "x_test": "0fa7898d509279e482958e8ce81c8e77db3f2f8254e26661ceb7762c4d494ce7",
        "y_test": "ff7bcfd416de33731a308c3f266cc351222c34898ecbeaf847f06e48f7ec33f2",
    },
)
"""Handwritten digits (LeCun, Cortes & Burges, 1998)."""

FASHION_MNIST = Published(
    "fashion_mnist",
    ("T-shirt", "trouser", "pullover", "dress", "coat", "sandal", "shirt", "sneaker", "bag", "ankle boot"),
    "http://fashion-mnist.s3-website.eu-central-1.amazonaws.com",
    {
        "x_train": "c59f468a2f672dc815687fe0f83887768d799fd8a3f3276145d20f83aa44d888",
        "y_train": "bad3541b69d912435c50bb6ba87bec294ff4f6a2e1246121d8633921760443d9",
        "x_test": "5b4141f0afbad91edebe8549f8fcffe087ea10ca49f1dbef5c9a5cd8815ce37b",
        "y_test": "0402a96d92fd2663957122ceb108a494c5af83dab82d92729df917d7dec38c34",
    },
)
"""Articles of clothing (Xiao, Rasul & Vollgraf, 2017)."""


def mnist(data_dir: str | Path | None = None, *, download: bool = False) -> Dataset:
    """MNIST: 60,000 training and 10,000 test images of 28 x 28 pixels, 10 digits.

    The folder is data_dir, else the environment variable RHEOBASE_DATA, else the user's cache; the files lie
    in its `mnist` folder or in itself. A network is used only where `download` is true and a file is missing.

    **Raises**: DataError where a file is missing, corrupt or not the published one, or the network does not
    answer; StorageError where a download cannot be written.
    """
    return MNIST.load(data_dir, download)


def fashion_mnist(data_dir: str | Path | None = None, *, download: bool = False) -> Dataset:
    """Fashion-MNIST: the sizes of MNIST, 10 kinds of clothing. Arguments and errors are those of `mnist`."""
    return FASHION_MNIST.load(data_dir, download)
