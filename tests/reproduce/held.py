"""What every finding is held to, whichever part it is of."""

from __future__ import annotations

import re
from typing import Any

from matplotlib.backends.backend_agg import FigureCanvasAgg
from matplotlib.figure import Figure

from rheobase.plot import DARK, LIGHT, Table, png
from rheobase.reproduce.paper import Finding
from rheobase.reproduce.scores import EACH, SCORE, SEEDS, SPREAD


def hold(found: Finding) -> None:
    """No deviation and no ranking of one seed; a row for each seed; pictures that can be read."""
    scores = [table for table in found.tables if SCORE in table.columns and SEEDS in table.columns]
    for table in scores:
        _one_seed_has_no_deviation(table)
    numbers = {row[table.columns.index(SEEDS)] for table in scores for row in table.rows}
    if numbers == {1}:
        assert "+-" not in found.text
        assert not re.search(r"(?<!which) is best", found.text)
    if scores:
        assert found.seeds is not None
        assert "seed" in found.seeds.columns
        assert len(found.seeds.rows) >= len(scores[0].rows)
    for picture in found.pictures:
        assert picture.alt
        for style in (LIGHT, DARK):
            legible(picture.draw(style))


def _one_seed_has_no_deviation(table: Table) -> None:
    rows = [dict(zip(table.columns, row, strict=True)) for row in table.rows]
    for row in rows:
        assert (row[SEEDS] > 1) == (row.get(SPREAD) is not None) == (row.get(EACH) is not None)
    if all(row[SEEDS] == 1 for row in rows):
        assert SPREAD not in table.columns
        assert "One seed each" in table.caption


def legible(figure: Figure) -> None:
    """At least three labelled ticks on every logarithmic axis, and no text cut off at an edge."""
    # as it is written: the layout then stands
    png(figure)
    for ax in figure.axes:
        for name, axis in (("x", ax.xaxis), ("y", ax.yaxis)):
            if getattr(ax, f"get_{name}scale")() == "log" and axis.get_visible() and _shown(axis):
                assert len(_shown(axis)) >= 3, f"{len(_shown(axis))} labelled ticks on a logarithmic axis"
    width, height = figure.bbox.width, figure.bbox.height
    renderer = FigureCanvasAgg(figure).get_renderer()
    for ax in figure.axes:
        for text in (ax.xaxis.label, ax.yaxis.label, ax.title, *ax.texts):
            if text.get_text() and text.get_visible():
                box = text.get_window_extent(renderer)
                inside = box.x0 >= -1 and box.y0 >= -1 and box.x1 <= width + 1 and box.y1 <= height + 1
                assert inside, f"{text.get_text()!r} is cut off"


def _shown(axis: Any) -> list[str]:
    low, high = sorted(axis.get_view_interval())
    labels = zip(axis.get_majorticklocs(), axis.get_ticklabels(), strict=False)
    return [text.get_text() for at, text in labels if low <= at <= high and text.get_text() and text.get_visible()]
