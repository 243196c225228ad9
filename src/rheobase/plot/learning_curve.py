"""How a training run went, epoch by epoch."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from matplotlib.axes import Axes
from matplotlib.figure import Figure

from rheobase.errors import ShapeError
from rheobase.learning import EpochRecord
from rheobase.plot.style import LIGHT, WIDTH, Style, dress, few_ticks, legend, log_ticks, new_figure


def learning_curve(history: Sequence[EpochRecord], *, style: Style = LIGHT) -> Figure:
    """Loss and error of the training and validation split per epoch; the epoch that validated best is marked, if any.

    Raises: `ShapeError` for a history without epochs.

    >>> from rheobase.learning import EpochRecord
    >>> given = dict(accuracy=0.5, validation_loss=0.7, validation_accuracy=0.5, learning_rate=1e-3, seconds=1.0)
    >>> len(learning_curve([EpochRecord(epoch=k, loss=1.0 / k, **given) for k in (1, 2, 3)]).axes)
    2
    """
    if not history:
        raise ShapeError("learning_curve", "a history without epochs", "at least one", "train for an epoch first")
    figure = new_figure(WIDTH, 2.9, style)
    left, right = figure.subplots(1, 2)
    dress(left, style, title="Loss", x="epoch", y="cross-entropy (nats)", grid="y")
    dress(right, style, title="Error", x="epoch", y="wrong classes (%)", grid="y")
    _pair(left, history, [e.loss for e in history], [e.validation_loss for e in history], style)
    error = [100 * (1 - e.accuracy) for e in history]
    validation = [_error(e.validation_accuracy) for e in history]
    _pair(right, history, error, validation, style)
    best = _best(history)
    for ax, values in ((left, [e.validation_loss for e in history]), (right, validation)):
        few_ticks(ax, x=8, whole=True)
        if best is not None:
            value = values[best]
            ax.plot([history[best].epoch], [value], "o", ms=6, mfc="none", mec=style.ink, mew=1.2, label="kept")
        legend(ax, style, loc="upper right")
    left.set_yscale("log")
    log_ticks(left, y=True)
    right.set_ylim(bottom=0)
    few_ticks(right, y=6)
    return figure


def _pair(ax: Axes, history: Sequence[EpochRecord], train: list[float], valid: list[Any], style: Style) -> None:
    epochs = [e.epoch for e in history]
    marker = "o" if len(epochs) == 1 else ""
    ax.plot(epochs, train, color=style.muted, lw=1.4, marker=marker, ms=3, label="training")
    if all(v is not None for v in valid):
        ax.plot(epochs, valid, color=style.colours[0], lw=1.8, marker=marker, ms=3, label="validation")


def _error(accuracy: float | None) -> float | None:
    return None if accuracy is None else 100 * (1 - accuracy)


def _best(history: Sequence[EpochRecord]) -> int | None:
    if any(e.validation_accuracy is None for e in history):
        return None
    return max(range(len(history)), key=lambda k: history[k].rank)
