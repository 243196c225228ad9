"""Where the files of a data set lie."""

from __future__ import annotations

from pathlib import Path

from rheobase.data.sets.mnist import data_root


def find_folder(data_dir: str | Path | None, names: tuple[str, ...]) -> Path:
    """The first folder of these names inside data_dir, else data_dir itself.

    Without data_dir: the environment variable RHEOBASE_DATA, else the user's cache.
    """
    place = data_root(names[0], data_dir)
    return next((place / name for name in names if (place / name).is_dir()), place)


def how_to_point(name: str) -> str:
    """The end of a remedy: how to name the folder of files that the user got by hand.

    >>> how_to_point("shd")
    'point data_dir (--data-dir) or RHEOBASE_DATA at their folder, or at one that holds it as shd'
    """
    return f"point data_dir (--data-dir) or RHEOBASE_DATA at their folder, or at one that holds it as {name}"
