"""Callbacks of a fit, and a progress bar drawn by rich."""

from __future__ import annotations

import math
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from rheobase.progress import bar

if TYPE_CHECKING:
    from rich.console import Console


@dataclass(frozen=True)
class FitStep:
    """One step done: its stage ("passive", "forced", "free" or "evolve"), its number from 1, and the best so far.

    `gamma` is that at `delta` ms; NaN where no sweep of the stage has a spike: `score` is then the mean square error of
    the potential over its variance.

    >>> FitStep(stage="evolve", step=3, score=0.4, gamma=0.6, seconds=1.0, delta=4.0).gamma
    0.6
    """

    stage: str
    step: int
    score: float
    gamma: float
    seconds: float
    delta: float

    @property
    def said(self) -> str:
        """How good the best is, in words."""
        if math.isnan(self.gamma):
            return f"potential off by {100.0 * self.score:.2g} % of its variance"
        return f"best Gamma {self.gamma:.3f} ({self.delta:.3g} ms)"


class FitCallback:
    """Observes a fit, and changes nothing. Override what you need. A `KeyboardInterrupt` raised here acts as Ctrl-C.

    >>> class Best(FitCallback):
    ...     def on_step(self, step):
    ...         self.gamma = step.gamma
    """

    def on_start(self, steps: int) -> None:
        """A fit of at most so many steps begins."""

    def on_step(self, step: FitStep) -> None:
        """One step is done."""

    def on_end(self) -> None:
        """The fit ends, for whatever reason."""


class RichFitProgress(FitCallback):
    """One bar over all steps, with the best Gamma beside it; on `console`, or on standard error.

    >>> callbacks = [RichFitProgress()]  # fit_neuron(..., callbacks=callbacks)
    """

    def __init__(self, console: Console | None = None):
        self.console = console
        self._bar: Any = None
        self._task: Any = None

    def on_start(self, steps: int) -> None:
        self._bar = bar(self.console)
        self._task = self._bar.add_task("start", total=steps, note="")
        self._bar.start()

    def on_step(self, step: FitStep) -> None:
        self._bar.update(
            self._task,
            completed=step.step,
            description=step.stage,
            note=step.said,
        )

    def on_end(self) -> None:
        if self._bar is not None:
            self._bar.stop()
            self._bar = None
