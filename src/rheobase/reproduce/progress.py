"""Progress of a reproduction: bars on a terminal, lines elsewhere, or nothing."""

from __future__ import annotations

from collections.abc import Callable
from typing import TYPE_CHECKING, Any

from rheobase.learning import BatchRecord, Callback, Concern, History
from rheobase.learning.training.callbacks import RunStart
from rheobase.learning.training.progress import epoch_line
from rheobase.progress import Paced, bar

if TYPE_CHECKING:
    from rich.console import Console


class Watcher:
    """Receives progress and shows nothing; `Bars` and `Lines` show it."""

    def part(self, title: str, number: int, total: int, *, stored: bool) -> None:
        """Part `number` of `total` begins, or was `stored` by an earlier call."""

    def begin(self, what: str, total: int) -> None:
        """A piece of work begins, of so many steps."""

    def advance(self, done: int, note: str = "") -> None:
        """So many steps of it are done."""

    def warn(self, text: str) -> None:
        """Something is wrong with the piece of work."""

    def end(self) -> None:
        """The work has ended."""


class Lines(Watcher):
    """Lines through `say`, at most one every few seconds within a piece of work."""

    def __init__(self, say: Callable[[str], None]):
        self._say = say
        self._what, self._total, self._paced = "", 0, Paced()

    def part(self, title: str, number: int, total: int, *, stored: bool) -> None:
        self._say(f"{number}/{total} {title}{': stored by an earlier call' if stored else ''}")

    def begin(self, what: str, total: int) -> None:
        self._what, self._total = what, total
        self._paced.begin()

    def advance(self, done: int, note: str = "") -> None:
        if self._paced.due():
            self._say(f"  {self._what}: {done}/{self._total}{' ' + note if note else ''}")

    def warn(self, text: str) -> None:
        self._say(f"  warning: {text}")


class Bars(Watcher):
    """Two bars: one over the parts, one over the piece of work in hand. `console`: standard error unless given."""

    def __init__(self, console: Console | None = None):
        self.console = console
        self._bars: Any = None
        self._parts: Any = None
        self._work: Any = None

    def part(self, title: str, number: int, total: int, *, stored: bool) -> None:
        self._bars = self._bars or self._started(total)
        self._bars.update(self._parts, completed=number - (0 if stored else 1), description=title, note="")
        self._bars.update(self._work, visible=False)

    def begin(self, what: str, total: int) -> None:
        if self._bars is not None:
            self._bars.reset(self._work, total=total, description=f"  {what}", note="", visible=True)

    def advance(self, done: int, note: str = "") -> None:
        if self._bars is not None:
            self._bars.update(self._work, completed=done, note=note)

    def warn(self, text: str) -> None:
        if self._bars is not None:
            self._bars.console.print(f"warning: {text}", style="yellow", markup=False, highlight=False)

    def end(self) -> None:
        if self._bars is not None:
            self._bars.stop()
            self._bars = None

    def _started(self, total: int) -> Any:
        bars = bar(self.console, transient=True)
        self._parts = bars.add_task("", total=total, note="")
        self._work = bars.add_task("", total=None, note="", visible=False)
        bars.start()
        return bars


class TrainingBar(Callback):
    """A `Trainer` as a piece of work: a step for each batch, the figures of the last epoch beside it."""

    def __init__(self, watcher: Watcher, what: str):
        self._watcher, self._what, self._note = watcher, what, ""

    def on_start(self, run: RunStart) -> None:
        self._watcher.begin(self._what, run.epochs * run.batches)
        self._watcher.advance(run.done * run.batches + run.position)

    def on_batch(self, record: BatchRecord) -> None:
        self._watcher.advance(record.step, self._note)

    def on_epoch(self, history: History) -> None:
        self._note = epoch_line(history[-1])

    def on_concern(self, concern: Concern) -> None:
        self._watcher.warn(f"{self._what}, {concern}")
