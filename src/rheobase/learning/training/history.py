"""The history of a training run: one record per epoch."""

from __future__ import annotations

import io
from collections.abc import Iterator, Sequence
from csv import DictWriter
from dataclasses import asdict, dataclass, fields
from typing import Any

from rheobase.learning.training.concern import Concern


@dataclass(frozen=True, kw_only=True)
class EpochRecord:
    """The figures of one epoch, numbered from 1. Validation is None where there is none.

    >>> record = EpochRecord(
    ...     epoch=1,
    ...     loss=0.7,
    ...     accuracy=0.5,
    ...     validation_loss=0.6,
    ...     validation_accuracy=0.6,
    ...     learning_rate=1e-3,
    ...     seconds=2.0,
    ... )
    >>> record.rank
    (0.6, -0.6)
    """

    epoch: int
    loss: float
    accuracy: float
    validation_loss: float | None
    validation_accuracy: float | None
    learning_rate: float
    seconds: float

    @property
    def rank(self) -> tuple[float, float]:
        """What makes an epoch better than another: validation accuracy, then a smaller validation loss."""
        if self.validation_accuracy is None or self.validation_loss is None:
            return (float("-inf"), float("-inf"))
        return (self.validation_accuracy, -self.validation_loss)


@dataclass(frozen=True)
class History(Sequence[EpochRecord]):
    """The records of a run so far. `finished` is False where it stopped on the way and can be resumed.

    `concerns` are what `fit` found wrong since it began or was resumed.

    >>> record = EpochRecord(
    ...     epoch=1,
    ...     loss=0.5,
    ...     accuracy=0.8,
    ...     validation_loss=0.6,
    ...     validation_accuracy=0.7,
    ...     learning_rate=1e-3,
    ...     seconds=2.0,
    ... )
    >>> history = History((record,))
    >>> history.best.epoch, history.stale, len(history)
    (1, 0, 1)
    """

    epochs: tuple[EpochRecord, ...] = ()
    finished: bool = False
    concerns: tuple[Concern, ...] = ()

    def __getitem__(self, index: Any) -> Any:
        return self.epochs[index]

    def __len__(self) -> int:
        return len(self.epochs)

    def __iter__(self) -> Iterator[EpochRecord]:
        return iter(self.epochs)

    @property
    def best(self) -> EpochRecord | None:
        """The first of the epochs with the best validation; None where nothing was validated."""
        validated = [e for e in self.epochs if e.validation_accuracy is not None]
        return max(validated, key=lambda e: e.rank) if validated else None

    @property
    def stale(self) -> int:
        """Epochs since the best one."""
        return len(self.epochs) - self.best.epoch if self.best else 0

    @property
    def seconds(self) -> float:
        """Time of all epochs together."""
        return sum(e.seconds for e in self.epochs)

    def as_json(self) -> list[dict[str, Any]]:
        """One dict per epoch."""
        return [asdict(e) for e in self.epochs]

    def as_csv(self) -> str:
        """A header and one line per epoch."""
        text = io.StringIO(newline="")
        writer = DictWriter(text, [f.name for f in fields(EpochRecord)], lineterminator="\n")
        writer.writeheader()
        writer.writerows(self.as_json())
        return text.getvalue()
