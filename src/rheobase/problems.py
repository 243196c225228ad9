"""All that is wrong with a data set or a file, told at once."""

from __future__ import annotations

from rheobase.errors import DataError

SHOWN_FILES, SHOWN_FAULTS = 10, 20


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
