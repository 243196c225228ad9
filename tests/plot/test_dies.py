"""The picture of a yield: every die is in a bar, and the curve falls where the dies are."""

from __future__ import annotations

import pytest
import torch

from rheobase.chip.mixed_signal import Dies, Process
from rheobase.errors import ParameterError
from rheobase.plot import DARK, LIGHT, dies, png


def made(*accuracy: float, software: float = 0.9) -> Dies:
    values = torch.tensor(accuracy, dtype=torch.float64)
    return Dies(Process(), 0, values, torch.ones_like(values), software, software, 100, 0.0, True)


def test_bars_and_yield() -> None:
    found = made(0.5, 0.6, 0.6, 0.9)
    figure = dies({"plain": found, "other": made(0.8, 0.85)}, style=DARK)
    top, bottom = figure.axes
    bars = [bar.get_height() for bar in top.patches]  # pyright: ignore[reportAttributeAccessIssue]
    assert sum(bars) == 6
    x, y = bottom.lines[1].get_data()
    # from just above an accuracy on, the dies that are better
    for at, expected in ((50.5, 75.0), (60.5, 25.0), (90.0, 25.0)):
        assert float(y[torch.tensor(x.tolist()).ge(at).nonzero()[0]]) == expected
    labels = [text.get_text() for text in top.get_legend().get_texts()]
    assert labels[0] == "plain: median 60.00 %, software 90.00 %"
    assert png(figure).startswith(b"\x89PNG")


def test_dies_that_are_all_alike() -> None:
    figure = dies(made(0.9, 0.9), style=LIGHT)
    assert sum(bar.get_height() for bar in figure.axes[0].patches) == 2  # pyright: ignore[reportAttributeAccessIssue]


def test_none() -> None:
    with pytest.raises(ParameterError, match="0 sets of dies"):
        dies({})
