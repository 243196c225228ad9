"""What a part is given to work with: its settings, units whose results are stored, data, and progress bars."""

from __future__ import annotations

import dataclasses
import time
from collections.abc import Callable, Iterator, Mapping, Sequence
from pathlib import Path
from typing import Any, TypeVar

from rheobase.data import Dataset, load
from rheobase.errors import ParameterError, nearest
from rheobase.files import ensure_folder
from rheobase.learning import Callback
from rheobase.reproduce import store
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
    return dataclasses.replace(
        data, x_train=x_train, y_train=y_train, x_test=x_test, y_test=y_test, groups=None
    )  # fmt: skip


class Job:
    """One part at work in its folder. `rheobase.reproduce` says what each of its methods is for."""

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
        hardware: str = "",
        watcher: Watcher | None = None,
    ):
        self.settings, self.quick, self.seed, self.data = dict(settings), quick, seed, data
        self.stored_seconds = 0.0  # of units that an earlier call made
        self.used: set[str] = set()  # the hardware that units were made on
        self._hardware = hardware
        self._folder, self._identity, self._fresh = folder, dict(identity), fresh
        self._watcher = watcher or Watcher()
        self._seen: set[str] = set()

    def __getitem__(self, name: str) -> Any:
        if name not in self.settings:
            raise ParameterError("job", f"setting {name!r}", "one of the part's", nearest(name, self.settings))
        return self.settings[name]

    def unit(self, name: str, work: Callable[[], Mapping[str, Any]], **settings: Any) -> dict[str, Any]:
        """What `work()` returned, now or in an earlier call with these settings and this seed.

        Raises: `ParameterError` for a name given twice, or a result that cannot be stored; `CheckpointError` for a
        damaged file; `StorageError`.
        """
        self._claim(name)
        path = self._folder / "units" / f"{name}.npz"
        made_under = store.key({**self._identity, "unit": name, "seed": self.seed, "settings": settings})
        held = None if self._fresh else store.read(path, made_under)
        if held is not None:
            self.stored_seconds += held.seconds
            self.used.add(held.hardware)
            return held.result
        began = time.perf_counter()
        result = work()
        store.write(path, made_under, result, time.perf_counter() - began, self._hardware)
        self.used.add(self._hardware)
        written = store.read(path, made_under)
        # read back, so that a first call sees what a later one will
        return written.result if written else dict(result)

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

    def load(self, name: str, *, limit: int | None = None) -> Dataset:
        """A data set from the folder of --data.

        In a search, which has the setting `held_out`, its test part is cut from the training part, and the true test
        part is not in it.

        Raises: `DataError`, `ParameterError`.
        """
        data = load(name, self.data, limit=limit)
        return held_out(data, self["held_out"]) if "held_out" in self.settings else data

    def _claim(self, name: str) -> None:
        if name in self._seen or Path(name).name != name or name in ("", ".", ".."):
            given = f"unit {name!r}{', again' if name in self._seen else ''}"
            raise ParameterError("job", given, "a name of its own that can name a file", "depth-2-seed-0, say")
        self._seen.add(name)
