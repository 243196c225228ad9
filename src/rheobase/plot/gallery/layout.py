"""What the panels of the gallery share in their arrangement."""

from __future__ import annotations

from matplotlib.axes import Axes

from rheobase.plot.style import Style, legend


def legend_below(ax: Axes, style: Style) -> None:
    """A legend under the label of the x axis, where it covers no curve."""
    legend(ax, style, loc="upper left", bbox_to_anchor=(0.0, -0.24), borderaxespad=0.0, labelspacing=0.25)
