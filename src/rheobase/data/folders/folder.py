"""The data set of a user's folder of files, whatever their kind."""

from __future__ import annotations

from pathlib import Path
from typing import Any

from rheobase.data.dataset import Dataset
from rheobase.data.folders.images import image_folder
from rheobase.data.folders.problems import Watch
from rheobase.data.folders.reading import Reading
from rheobase.data.folders.recordings import event_folder
from rheobase.data.folders.scan import scan
from rheobase.data.folders.sounds import sound_folder
from rheobase.problems import Problems

_MAKERS = {"images": image_folder, "events": event_folder, "audio": sound_folder}


def from_class_folders(folder: Path, reading: Reading, watch: Watch | None = None) -> Dataset[Any]:
    """The samples of a folder: images, audio or recordings of events, a class for each folder.

        CLASS/...                            a share becomes the test part; or whole groups
        train/CLASS/..., test/CLASS/...      as they are

    `watch` hears how much is read.

    **Raises**: DataError with all that is wrong with the files; ParameterError for choices that do not fit them.
    """
    problems = Problems(str(folder))
    found = scan(folder, reading, problems)
    return _MAKERS[found.kind](found, reading, problems, watch)
