"""All problems of a file at once."""

from __future__ import annotations

from rheobase.errors import DataError

MOST_TOLD = 12


class Problems:
    """Collects what is wrong with a file, to be told in one error.

    >>> found = Problems("a.csv")
    >>> found.add("line 3", "2 values where 4 are expected")
    >>> found.add("line 7", "no label")
    >>> found.refuse("a table", "mend these lines")
    Traceback (most recent call last):
        ...
    rheobase.errors.DataError: a.csv: got 2 problems: line 3: 2 values where 4 are expected; line 7: no label; expected a table. Remedy: mend these lines.
    """  # noqa: E501

    def __init__(self, source: str):
        self.source = source
        self._told: list[str] = []
        self.count = 0

    def __bool__(self) -> bool:
        return self.count > 0

    def add(self, where: str, what: str) -> None:
        """Note a problem; only the first are kept in words."""
        self.count += 1
        if len(self._told) < MOST_TOLD:
            self._told.append(f"{where}: {what}" if where else what)

    def refuse(self, expected: str, remedy: str) -> None:
        """Raise `DataError` with all that was noted; nothing where nothing was."""
        if not self.count:
            return
        head = f"{self.count} problems: " if self.count > 1 else ""
        more = f"; and {self.count - len(self._told)} more" if self.count > len(self._told) else ""
        raise DataError(self.source, head + "; ".join(self._told) + more, expected, remedy)
