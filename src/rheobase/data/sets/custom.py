"""A user's own data: a folder of image, audio or event files, of four idx files, or one .npz."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np

from rheobase.data.dataset import Dataset
from rheobase.data.folders.folder import from_class_folders
from rheobase.data.folders.parts import same_samples
from rheobase.data.folders.problems import Watch, bytes_of
from rheobase.data.folders.reading import Reading
from rheobase.data.formats.arrays import images, labels
from rheobase.data.formats.idx import read_idx
from rheobase.data.formats.npz import check_room_for_arrays, read_npz
from rheobase.data.formats.series_arrays import series_or_images
from rheobase.data.sets.mnist import FILES, find
from rheobase.data.sets.series import from_series, is_series
from rheobase.errors import DataError, ParameterError
from rheobase.memory import check_room
from rheobase.problems import Problems

_KEYS = tuple(FILES)
_WRITE = f"write it with np.savez_compressed(path, {', '.join(f'{key}=...' for key in _KEYS)})"


def from_path(path: Path, reading: Reading | None = None, watch: Watch | None = None) -> Dataset:
    """A data set from a folder of files by class (`from_class_folders`), one of idx files, or a .npz.

    **Raises**: DataError where there is nothing at `path`, or it is none of these; ParameterError for choices of
    reading that mean nothing for it.
    """
    reading = reading or Reading()
    if path.is_dir() and not any(find(path, name) for name in FILES.values()):
        return from_class_folders(path, reading, watch)
    if (path.is_file() or is_series(path)) and _holds_series(path, reading):
        return from_series(path, reading)
    reading.refuse_all(set(reading.given) - {"kind"}, str(path), "arrays, which are read as they are")
    if path.is_dir():
        return from_folder(path)
    if not path.exists():
        expected = "a folder of images, audio or event files by class, or of idx files; or a .npz file"
        raise DataError(str(path), "no such file or folder", expected, "check the path")
    return from_npz(path)


def _holds_series(path: Path, reading: Reading) -> bool:
    if is_series(path) or path.suffix.lower() == ".npy":
        if reading.kind == "images":
            raise ParameterError("--kind", "images", f"series, the kind of {path}", "leave it out")
        return True
    kind = reading.kind or series_or_images(path)
    if kind is None:
        given = "numbers from 0 to 1 with three axes: images (samples, height, width), or (samples, time, channels)?"
        remedy = "say --kind images or --kind series; in Python, reading=Reading(kind=...)"
        raise DataError(str(path), given, "to be told which, because nothing in the file does", remedy)
    return kind == "series"


def from_folder(folder: Path) -> Dataset:
    """A data set from train-images-idx3-ubyte, train-labels-idx1-ubyte and the same with t10k, plain or .gz.

    Any image shape and any number of classes will do: the names are MNIST's, the content is the user's.

    **Raises**: DataError naming the file that is missing, corrupt, or does not fit the others.
    """
    files: dict[str, Path] = {}
    for part, name in FILES.items():
        path = find(folder, name)
        if path is None:
            expected = "the four files " + ", ".join(FILES.values()) + ", plain or .gz"
            raise DataError(str(folder), f"no {name}", expected, f"add or rename the file that holds {part}")
        files[part] = path
    size = bytes_of(list(files.values()))
    # a byte of a file is a pixel or more; float32 beside it
    check_room(str(folder), f"idx files of {size / 2**30:.3g} GiB", 5 * size, "take fewer samples")
    return _dataset(str(folder), {part: read_idx(path) for part, path in files.items()})


def from_npz(path: Path) -> Dataset:
    """A data set from a .npz with x_train, y_train, x_test and y_test.

    Images are uint8, or floats in [0, 1], of shape (n, *sample); labels are integers 0, 1... of shape (n,).

    **Raises**: DataError naming the key that is missing, corrupt, or does not fit the others.
    """
    check_room_for_arrays(path, _KEYS, 4)  # float32 beside them
    return _dataset(str(path), read_npz(path, _KEYS, _WRITE))


def _dataset(source: str, arrays: dict[str, np.ndarray]) -> Dataset:
    parts: dict[str, Any] = {}
    refused = list[DataError]()
    for name, array in arrays.items():
        try:
            parts[name] = images(array, source, name) if name.startswith("x") else labels(array, source, name)
        except DataError as error:
            refused.append(error)
    if len(refused) == 1:
        raise refused[0]
    if refused:
        problems = Problems(source, _WRITE)
        for error in refused:
            problems.add(f"{error.given}, not {error.expected} ({error.remedy})")
        problems.tell("images and their classes")
    seen = parts["y_train"].unique().tolist()
    if seen != list(range(len(seen))):
        shown = ", ".join(map(str, seen[:5])) + ("..." if len(seen) > 5 else "")
        remedy = "number the classes without gaps: np.unique(y, return_inverse=True)[1] over both parts together"
        expected = "each of 0, 1, 2... to the last class at least once"
        raise DataError(source, f"y_train with labels {shown}", expected, remedy)
    if len(seen) < 2:
        raise DataError(source, "one class alone in y_train: nothing to learn", "two or more", "add samples of another")
    same = same_samples(parts["x_train"], parts["y_train"], parts["x_test"], parts["y_test"])
    return Dataset(source, **parts, classes=tuple(map(str, seen)), notes=same)
