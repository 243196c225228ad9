"""A progress bar of a training run, drawn by rich."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from rheobase.learning.training.callbacks import BatchRecord, Callback, RunStart
from rheobase.learning.training.concern import Concern
from rheobase.learning.training.history import EpochRecord, History
from rheobase.progress import bar

if TYPE_CHECKING:
    from rich.console import Console


class RichProgress(Callback):
    """One bar over all batches of the run, with the figures of the last epoch beside it.

    `console` is where it draws; without one, on standard error.

    >>> callbacks = [RichProgress()]  # Trainer(callbacks=callbacks)
    """

    def __init__(self, console: Console | None = None):
        self.console = console
        self._bar: Any = None
        self._task: Any = None

    def on_start(self, run: RunStart) -> None:
        self._bar = bar(self.console, remaining=True)
        self._task = self._bar.add_task(
            f"epoch {min(run.done + 1, run.epochs)}/{run.epochs}",
            total=run.epochs * run.batches,
            completed=run.done * run.batches + run.position,
            note="",
        )
        self._epochs = run.epochs
        self._bar.start()

    def on_batch(self, record: BatchRecord) -> None:
        self._bar.update(self._task, completed=record.step, description=f"epoch {record.epoch}/{self._epochs}")

    def on_epoch(self, history: History) -> None:
        self._bar.update(self._task, note=epoch_line(history[-1]))

    def on_concern(self, concern: Concern) -> None:
        self._bar.console.print(f"warning: {concern}", style="yellow", markup=False, highlight=False)

    def on_end(self) -> None:
        if self._bar is not None:
            self._bar.stop()
            self._bar = None


def epoch_line(record: EpochRecord) -> str:
    """The figures of an epoch in one line.

    >>> epoch_line(
    ...     EpochRecord(
    ...         epoch=1,
    ...         loss=0.5,
    ...         accuracy=0.75,
    ...         validation_loss=0.6,
    ...         validation_accuracy=0.7,
    ...         learning_rate=1e-3,
    ...         seconds=2.0,
    ...     )
    ... )
    'loss 0.500, train 75.0 %, validation 70.0 %'
    """
    parts = [f"loss {record.loss:.3f}", f"train {record.accuracy:.1%}".replace("%", " %")]
    if record.validation_accuracy is not None:
        parts.append(f"validation {record.validation_accuracy:.1%}".replace("%", " %"))
    return ", ".join(parts)
