"""Kernels of learnable delays, narrowed from epoch to epoch while a network trains."""

from __future__ import annotations

from torch import nn

from rheobase.errors import ParameterError
from rheobase.learning.training.callbacks import Callback, RunStart
from rheobase.learning.training.history import History
from rheobase.nn.delays.tap_kernels import Positions, exponential


class Annealing(Callback):
    """Narrows the kernels of all delays of a network, from `start` to `end` steps by equal factors.

    It takes a `share` of the epochs. After the last epoch the width is 0: every delay is one tap, as it is tested and
    used. The one callback that changes what is trained; the width follows from the number of epochs that are done, so
    a resumed run goes on as it would have.

    Raises: `ParameterError` for a share outside (0, 1], and widths that are not positive.

    Reference: Hammouamri, Khalfaoui-Hassani & Masquelier, ICLR (2024), arXiv 2306.17670: a quarter of the epochs.

    >>> from rheobase.nn import AxonalDelay
    >>> delay = AxonalDelay(3, taps=25)
    >>> Annealing(delay, start=12.0, end=0.5).narrow(done=5, epochs=40)
    >>> round(float(delay.positions.width), 2)
    2.45
    """

    def __init__(self, net: nn.Module, *, start: float, end: float, share: float = 0.25):
        if not 0 < share <= 1:
            raise ParameterError("Annealing", f"share = {share}", "a number in (0, 1]", "share=0.25")
        if not 0 < end <= start:
            raise ParameterError("Annealing", f"from {start} to {end}", "start >= end > 0, in steps", "taps / 2 to 0.5")
        self.delays = [part for part in net.modules() if isinstance(part, Positions)]
        self.start, self.end, self.share, self.epochs = start, end, share, 0

    def narrow(self, *, done: int, epochs: int) -> None:
        """Set the width of all kernels after `done` of `epochs` epochs."""
        width = 0.0 if done >= epochs else exponential(self.start, self.end, done / (self.share * epochs))
        for delay in self.delays:
            delay.anneal(width)

    def on_start(self, run: RunStart) -> None:
        self.epochs = run.epochs
        self.narrow(done=run.done, epochs=run.epochs)

    def on_epoch(self, history: History) -> None:
        self.narrow(done=len(history), epochs=self.epochs)
