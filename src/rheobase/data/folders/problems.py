"""Files of a folder read one after the other; what they refuse is collected."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from pathlib import Path
from typing import TypeAlias, TypeVar

from rheobase.errors import DataError
from rheobase.problems import Problems

_TRIED = 5

Watch: TypeAlias = Callable[[str, int, int], None]
"""Hears of long work: (what is done, how much of it, of how much)."""
_Read = TypeVar("_Read")


def read_each(
    files: Sequence[Path],
    names: Sequence[str],
    read: Callable[[Path], _Read],
    problems: Problems,
    watch: Watch | None = None,
) -> list[tuple[str, _Read]]:
    """What `read` gives of each file, with the file's name; what it refuses is noted among the problems."""
    out = list[tuple[str, _Read]]()
    for done, (file, name) in enumerate(zip(files, names, strict=True), start=1):
        try:
            out.append((name, read(file)))
        except DataError as error:
            problems.add_error(error, name)
        if watch is not None:
            watch("reading files", done, len(files))
    return out


def first_read(files: Sequence[Path], read: Callable[[Path], _Read]) -> _Read | None:
    """What `read` gives of the first of a few files that it does not refuse: what all may be like."""
    for file in files[:_TRIED]:
        try:
            return read(file)
        except DataError:
            continue  # told with all others when the files are read
    return None


def bytes_of(files: Sequence[Path]) -> int:
    """The size of some files together."""
    return sum(file.stat().st_size for file in files)


def inside(path: Path, folder: Path) -> str:
    """The name of a file as a user sees it: from the folder on."""
    return path.relative_to(folder).as_posix() if path != folder else path.name
