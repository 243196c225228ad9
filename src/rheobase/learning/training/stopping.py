"""How Ctrl-C ends a training run: between two batches, with a checkpoint."""

from __future__ import annotations

import signal
import threading
from collections.abc import Generator
from contextlib import contextmanager
from pathlib import Path
from types import FrameType


class TrainingInterrupted(KeyboardInterrupt):
    """Ctrl-C during training. `checkpoint` is where the run can be resumed, or None where nothing was saved.

    `epoch` counts from 1 and `batch` is the number of batches of that epoch that are done, both at the
    checkpoint.
    """

    def __init__(self, checkpoint: Path | None, epoch: int, batch: int):
        self.checkpoint, self.epoch, self.batch = checkpoint, epoch, batch
        where = f"saved in epoch {epoch} after {batch} batches; fit(..., resume=True) goes on from {checkpoint}"
        super().__init__(where if checkpoint else "nothing was saved: the run has no folder, or no batch was done")

    def __reduce__(self) -> tuple[type[TrainingInterrupted], tuple[Path | None, int, int]]:
        return type(self), (self.checkpoint, self.epoch, self.batch)


class InterruptWatch:
    """Makes the first Ctrl-C a request that the loop obeys between two batches; the second acts at once.

    Python delivers signals to the main thread only; elsewhere the watch changes nothing.

    >>> watch = InterruptWatch()
    >>> with watch.installed():
    ...     signal.raise_signal(signal.SIGINT)
    ...     watch.requested
    True
    """

    def __init__(self) -> None:
        self.requested = False

    def _on_signal(self, number: int, frame: FrameType | None) -> None:
        if self.requested:
            raise KeyboardInterrupt
        self.requested = True

    @contextmanager
    def installed(self) -> Generator[None]:
        """Listen while open; afterwards the handler that stood there before is back."""
        if threading.current_thread() is not threading.main_thread():
            yield
            return
        before = signal.signal(signal.SIGINT, self._on_signal)
        try:
            yield
        finally:
            signal.signal(signal.SIGINT, before if before is not None else signal.SIG_DFL)
