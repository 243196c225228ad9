"""Where the files of a data set lie."""

from __future__ import annotations

import os
from pathlib import Path

from rheobase.data.mnist import cache_folder


def find_folder(data_dir: str | Path | None, names: tuple[str, ...]) -> Path:
    """The first folder of these names inside data_dir, else data_dir itself.

    Without data_dir: the environment variable RHEOBASE_DATA, else the user's cache.
    """
    place = Path(data_dir or os.environ.get("RHEOBASE_DATA") or cache_folder()).expanduser()
    return next((place / name for name in names if (place / name).is_dir()), place)


def how_to_point(name: str) -> str:
    """The end of a remedy: how to name the folder of files that the user got by hand.

    >>> how_to_point("shd")
    'point data_dir (--data-dir) or RHEOBASE_DATA at their folder, or at one that holds it as shd'
    """
    return f"point data_dir (--data-dir) or RHEOBASE_DATA at their folder, or at one that holds it as {name}"
