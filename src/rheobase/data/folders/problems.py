"""All that is wrong with a data set, told at once."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from pathlib import Path
from typing import TypeAlias, TypeVar

from rheobase.errors import DataError

SHOWN_FILES, SHOWN_FAULTS = 10, 20
_TRIED = 5

Watch: TypeAlias = Callable[[str, int, int], None]
"""Hears of long work: (what is done, how much of it, of how much)."""
_Read = TypeVar("_Read")


class Problems:
    """Collects what is wrong with the files of a folder, or the lines of a file, each fault once with those that have it.

    >>> problems = Problems("pets")
    >>> problems.add("is empty", "cat/a.png")
    >>> problems.add("is empty", "dog/b.png")
    >>> problems.tell("files of images")
    Traceback (most recent call last):
        ...
    rheobase.errors.DataError: pets: got 2 problems: cat/a.png, dog/b.png: is empty; expected files of images. Remedy: mend these, or take them out of the folder.
    """  # noqa: E501

    def __init__(self, source: str, remedy: str = "mend these, or take them out of the folder") -> None:
        self.source, self.remedy = source, remedy
        self._files: dict[str, list[str]] = {}

    def add(self, fault: str, *files: str) -> None:
        """Note a fault, of the whole folder where no file is named."""
        self._files.setdefault(fault, []).extend(files)

    def add_error(self, error: DataError, file: str) -> None:
        """Note what the reader of a file refused."""
        self.add(f"{error.given}; expected {error.expected} ({error.remedy})", file)

    def __len__(self) -> int:
        return sum(max(1, len(files)) for files in self._files.values())

    def tell(self, expected: str) -> None:
        """Raise `DataError` where anything was noted."""
        if self._files:
            raise self.error(expected)

    def error(self, expected: str) -> DataError:
        """All that was noted, as one error."""
        told = [_line(fault, files) for fault, files in list(self._files.items())[:SHOWN_FAULTS]]
        if len(self._files) > SHOWN_FAULTS:
            told.append(f"and {len(self._files) - SHOWN_FAULTS} more kinds of problem")
        count = f"{len(self)} problem{'s' if len(self) > 1 else ''}"
        return DataError(self.source, f"{count}: {'; '.join(told)}", expected, self.remedy)


def _line(fault: str, files: list[str]) -> str:
    if not files:
        return fault
    more = f" and {len(files) - SHOWN_FILES} more" if len(files) > SHOWN_FILES else ""
    return f"{', '.join(files[:SHOWN_FILES])}{more}: {fault}"


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
