"""Callbacks of a training run: progress bars and logs. They are called in the first process only."""

from __future__ import annotations

import importlib
import warnings
from collections.abc import Iterable
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from rheobase.errors import BackendUnavailable
from rheobase.files import atomic_write, ensure_folder
from rheobase.learning.training.concern import Concern, TrainingWarning
from rheobase.learning.training.history import History


@dataclass(frozen=True, kw_only=True)
class RunStart:
    """A run at its start: `epochs` of `batches` each, of which `done` epochs and `position` batches are done."""

    epochs: int
    batches: int
    done: int
    position: int
    samples: int
    parameters: int
    device: str


@dataclass(frozen=True, kw_only=True)
class BatchRecord:
    """One batch done. `epoch` and `batch` count from 1, `step` counts all batches of the run.

    >>> BatchRecord(epoch=1, batch=2, batches=10, step=2, loss=0.7).loss
    0.7
    """

    epoch: int
    batch: int
    batches: int
    step: int
    loss: float


class Callback:
    """Observes a run, and changes nothing. Override what you need.

    A `KeyboardInterrupt` raised here acts as Ctrl-C.

    >>> class Losses(Callback):
    ...     def on_epoch(self, history):
    ...         print(history[-1].loss)
    """

    def on_start(self, run: RunStart) -> None:
        """Training begins, or goes on."""

    def on_batch(self, record: BatchRecord) -> None:
        """One optimiser step is done."""

    def on_epoch(self, history: History) -> None:
        """One epoch and its validation are done; `history[-1]` is its record."""

    def on_concern(self, concern: Concern) -> None:
        """Something is wrong with the run: a layer is silent, the loss explodes... Each is told once."""

    def on_end(self) -> None:
        """Training ends, for whatever reason."""


class Callbacks(Callback):
    """Several callbacks as one.

    >>> Callbacks([Callback(), Callback()]).on_end()
    """

    def __init__(self, callbacks: Iterable[Callback]):
        self.callbacks = tuple(callbacks)

    def on_start(self, run: RunStart) -> None:
        for callback in self.callbacks:
            callback.on_start(run)

    def on_batch(self, record: BatchRecord) -> None:
        for callback in self.callbacks:
            callback.on_batch(record)

    def on_epoch(self, history: History) -> None:
        for callback in self.callbacks:
            callback.on_epoch(history)

    def on_concern(self, concern: Concern) -> None:
        for callback in self.callbacks:
            callback.on_concern(concern)

    def on_end(self) -> None:
        for callback in self.callbacks:
            callback.on_end()


class WarnOfConcerns(Callback):
    """Gives every concern as a Python warning, `TrainingWarning`; `Trainer` adds it where no callback tells of them.

    >>> callbacks = [WarnOfConcerns()]  # Trainer(callbacks=callbacks)
    """

    def on_concern(self, concern: Concern) -> None:
        warnings.warn(str(concern), TrainingWarning, stacklevel=2)


class CsvLog(Callback):
    """Writes a CSV file with one line per epoch, complete at any moment. Raises `StorageError`.

    >>> import tempfile
    >>> with tempfile.TemporaryDirectory() as folder:
    ...     log = CsvLog(f"{folder}/log/history.csv")
    ...     log.path.parent.is_dir()
    True
    """

    def __init__(self, path: str | Path):
        self.path = Path(path)
        ensure_folder(self.path.parent)

    def on_epoch(self, history: History) -> None:
        atomic_write(self.path, history.as_csv().encode())


class TensorBoardLog(Callback):
    """Writes the loss of each batch and the figures of each epoch for TensorBoard.

    A resumed run goes on in the same folder; what an interrupted one wrote after its checkpoint is discarded.

    Raises: `BackendUnavailable` where tensorboard is not installed, `StorageError` for a folder that cannot
    be made.
    """

    def __init__(self, folder: str | Path):
        try:
            importlib.import_module("torch.utils.tensorboard")
        except ImportError as error:
            raise BackendUnavailable(
                "TensorBoardLog",
                f"no tensorboard ({error})",
                "the package tensorboard",
                'pip install "rheobase[tensorboard]"',
            ) from error
        self.folder = Path(folder)
        ensure_folder(self.folder)
        self._writer: Any = None
        self._step = 0

    def on_start(self, run: RunStart) -> None:
        from torch.utils.tensorboard import SummaryWriter

        self._step = run.done * run.batches + run.position
        self._writer = SummaryWriter(str(self.folder), purge_step=self._step + 1)

    def on_batch(self, record: BatchRecord) -> None:
        self._step = record.step
        self._writer.add_scalar("batch/loss", record.loss, record.step)

    def on_epoch(self, history: History) -> None:
        figures = history.as_json()[-1]
        del figures["epoch"]
        for name, value in figures.items():
            if value is not None:
                self._writer.add_scalar(f"epoch/{name}", value, self._step)

    def on_end(self) -> None:
        if self._writer is not None:
            self._writer.close()
            self._writer = None
