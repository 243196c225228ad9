"""Which classes a network takes for which."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
from matplotlib.axes import Axes
from matplotlib.figure import Figure
from torch import Tensor

from rheobase.errors import InputError, ShapeError
from rheobase.plot.style import LABEL, LIGHT, TICK, WIDTH, Style, dress, new_figure
from rheobase.plot.time_axis import array

_NUMBERS_UP_TO = 24  # classes; above it the cells are too small for numbers


def confusion(matrix: Tensor, classes: Sequence[str], *, style: Style = LIGHT) -> Figure:
    """Counts of every true class (row) taken for every class (column): hits in one colour, errors in another.

    Shapes: matrix (classes, classes), counts.

    Raises: `ShapeError` for another shape; `InputError` for what are no counts.

    >>> import torch
    >>> len(confusion(torch.tensor([[8, 2], [1, 9]]), ["cat", "dog"]).axes) > 0
    True
    """
    counts = array("confusion", "matrix", matrix, ("classes", "classes"))
    n = len(classes)
    if counts.shape != (n, n):
        given = f"matrix of shape {counts.shape} for {n} classes"
        raise ShapeError("confusion", given, f"({n}, {n})", "give one name per class")
    if not (np.isfinite(counts) & (counts >= 0) & (counts == np.floor(counts))).all():
        remedy = "shares times the number of samples, rounded"
        raise InputError("confusion", "a matrix with other values than counts", "whole numbers from 0 on", remedy)
    size = min(WIDTH, 1.6 + 0.4 * n)
    figure = new_figure(size, size * 0.92, style)
    ax = figure.subplots()
    share = counts / np.maximum(counts.sum(1, keepdims=True), 1)
    hits, errors = _layers(share)
    ax.imshow(hits, cmap=style.ramp(style.right), vmin=0, vmax=1.6)
    # the square root keeps a single error visible
    ax.imshow(np.sqrt(errors), cmap=style.ramp(style.wrong), vmin=0, vmax=0.6)
    total, right = int(counts.sum()), int(counts.trace())
    title = f"{right} of {total} right, {total - right} wrong"
    dress(ax, style, title=title, x="class given by the network", y="true class")
    rotated = max(map(len, classes)) > 3
    ax.set_xticks(range(n), list(classes), rotation=45 if rotated else 0, ha="right" if rotated else "center")
    ax.set_yticks(range(n), list(classes))
    ax.set_xticks(np.arange(n + 1) - 0.5, minor=True)
    ax.set_yticks(np.arange(n + 1) - 0.5, minor=True)
    ax.grid(which="minor", color=style.grid, linewidth=0.8)
    ax.tick_params(which="both", length=0)
    for spine in ax.spines.values():
        spine.set_visible(False)
    if n <= _NUMBERS_UP_TO:
        _write_numbers(ax, counts, style)
    return figure


def _layers(share: np.ndarray) -> tuple[np.ma.MaskedArray, np.ma.MaskedArray]:
    own = np.eye(len(share), dtype=bool)
    return np.ma.masked_array(share, ~own), np.ma.masked_array(share, own | (share == 0))


def _write_numbers(ax: Axes, counts: np.ndarray, style: Style) -> None:
    small = TICK if len(counts) <= 12 else TICK - 2
    for (row, column), count in np.ndenumerate(counts):
        if count:
            weight = "normal" if row == column else "bold"
            ax.text(
                column,
                row,
                f"{int(count)}",
                ha="center",
                va="center",
                color=style.ink,
                fontweight=weight,
                fontsize=min(LABEL, small),
            )
