"""What a part is given to work with: its settings, units whose results are stored, data, and progress bars."""

from __future__ import annotations

import dataclasses
from collections.abc import Callable, Iterator, Mapping, Sequence
from pathlib import Path
from typing import Any, TypeVar

from rheobase.data import Dataset, load
from rheobase.errors import ParameterError, nearest
from rheobase.files import ensure_folder
from rheobase.jobs import Executor, Here, Unit, run
from rheobase.learning import Callback
from rheobase.reproduce.elsewhere import Asked, Reached, one_unit
from rheobase.reproduce.progress import TrainingBar, Watcher

T = TypeVar("T")


def held_out(data: Dataset, part: float | str | Sequence[str]) -> Dataset:
    """The training part alone, cut in two: `part` of it, a share or names of groups, becomes the test part.

    >>> import torch
    >>> x, y = torch.rand(20, 8), torch.arange(20) % 2
    >>> held_out(Dataset("toy", x, y, x, y, classes=("even", "odd")), 0.2)
    Dataset 'toy': 16 training and 4 test samples of shape (8,), 2 classes
    """
    cut = data.split(part) if isinstance(part, (int, float)) else data.by_group(part)
    (x_train, y_train), (x_test, y_test) = cut
    return dataclasses.replace(data, x_train=x_train, y_train=y_train, x_test=x_test, y_test=y_test, groups=None)


class Job:
    """One part at work in its folder. `rheobase.reproduce` says what each of its methods is for.

    Where `on` is remote, a unit is asked for, and done with all others that were, as soon as one of their results is
    looked at: by a worker that runs the part, as `part`, up to this unit (`only`).
    """

    def __init__(
        self,
        settings: Mapping[str, Any],
        folder: Path,
        *,
        identity: Mapping[str, Any],
        quick: bool = False,
        seed: int = 0,
        data: Path | None = None,
        fresh: bool = False,
        on: Executor | None = None,
        part: Callable[[Job], Any] | None = None,
        only: str | None = None,
        watcher: Watcher | None = None,
    ):
        self.settings, self.quick, self.seed, self.data = dict(settings), quick, seed, data
        self.stored_seconds = 0.0  # of units that an earlier call made
        self.used: set[str] = set()  # the hardware that units were made on
        self._folder, self._identity, self._fresh = folder, dict(identity), fresh
        self._on, self._part, self._only = on or Here(), part, only
        self._watcher = watcher or Watcher()
        self._seen: set[str] = set()
        self._asked: list[Unit] = []

    def __getitem__(self, name: str) -> Any:
        if name not in self.settings:
            raise ParameterError("job", f"setting {name!r}", "one of the part's", nearest(name, self.settings))
        return self.settings[name]

    def unit(self, name: str, work: Callable[[], Mapping[str, Any]], **settings: Any) -> Mapping[str, Any]:
        """What `work()` returned, now or in an earlier call with these settings and this seed.

        Raises: `ParameterError` for a name given twice, or a result that cannot be stored; `CheckpointError` for a
        damaged file; `StorageError`.
        """
        if name in self._seen:
            raise ParameterError("job", f"unit {name!r}, again", "a name of its own", "depth-2-seed-0, say")
        self._seen.add(name)
        facts = {**self._identity, "seed": self.seed, "settings": settings}
        if name == self._only:
            raise Reached(work())
        if self._only is None and not self._on.remote:
            return self._done([Unit(name, work, {}, facts)])[name]
        unit = Unit(name, one_unit, self._sent(name), facts)
        if self._only is None:
            self._asked.append(unit)
        return Asked(unit, self._folder, self.gather)

    def gather(self) -> None:
        """Have all done that was asked for, where others do it."""
        asked, self._asked = self._asked, []
        if asked:
            self._watcher.begin("units", len(asked))
            self._done(asked)

    def _done(self, units: Sequence[Unit]) -> dict[str, dict[str, Any]]:
        found: dict[str, dict[str, Any]] = {}
        told = self._watcher.advance if self._on.remote else lambda done: None
        for one in run(units, self._folder, on=self._on, fresh=self._fresh, progress=lambda done, _: told(done)):
            self.stored_seconds += one.seconds if one.stored else 0.0
            self.used.add(one.hardware)
            found[one.unit.name] = one.result
        return found

    def _sent(self, name: str) -> dict[str, Any]:
        """What a worker needs to do a unit."""
        return {
            "part": self._part,
            "only": name,
            "settings": self.settings,
            "folder": self._folder.absolute(),
            "identity": self._identity,
            "quick": self.quick,
            "seed": self.seed,
            "data": None if self.data is None else self.data.absolute(),
        }

    def track(self, items: Sequence[T], what: str) -> Iterator[T]:
        """The items, one by one, with a bar over them."""
        self._watcher.begin(what, len(items))
        for k, item in enumerate(items, start=1):
            yield item
            self._watcher.advance(k)

    def bar(self, what: str) -> Callable[..., None]:
        """A function of (done, total, note="") that shows a piece of work as a bar."""
        begun: list[int] = []

        def show(done: int, total: int, note: str = "") -> None:
            if begun != [total]:
                begun[:] = [total]
                self._watcher.begin(what, total)
            self._watcher.advance(done, note)

        return show

    def training(self, what: str) -> Callback:
        """A callback that shows a training run as a bar."""
        return TrainingBar(self._watcher, what)

    def folder(self, name: str) -> Path:
        """A folder that stays between calls, for the checkpoints of a unit."""
        folder = self._folder / "work" / name
        ensure_folder(folder)
        return folder

    def shared(self, name: str) -> Path:
        """A folder that stays between calls and that all parts of a paper have in common, for data that they make."""
        folder = self._folder.parent / "shared" / "work" / name
        ensure_folder(folder)
        return folder

    def load(self, name: str, *, limit: int | None = None) -> Dataset:
        """A data set from the folder of --data.

        In a search, which has the setting `held_out`, its test part is cut from the training part, and the true test
        part is not in it.

        Raises: `DataError`, `ParameterError`.
        """
        data = load(name, self.data, limit=limit)
        return held_out(data, self["held_out"]) if "held_out" in self.settings else data
