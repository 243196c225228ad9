"""The loss at rising learning rates, as `find_learning_rate` tried them."""

from __future__ import annotations

from matplotlib.figure import Figure

from rheobase.learning import LearningRateSearch
from rheobase.plot.style import LIGHT, WIDTH, Style, dress, few_ticks, legend, log_ticks, new_figure


def learning_rates(search: LearningRateSearch, used: float | None = None, *, style: Style = LIGHT) -> Figure:
    """The smoothed loss of each rate, with the suggested one and the one that was `used` marked.

    >>> found = LearningRateSearch(rates=(1e-3, 1e-2, 1e-1), losses=(0.7, 0.4, 0.9))
    >>> len(learning_rates(found, used=1e-3).axes)
    1
    """
    figure = new_figure(WIDTH, 2.9, style)
    ax = figure.subplots()
    dress(ax, style, title="Loss", x="learning rate", y="cross-entropy (nats)", grid="y")
    ax.plot(search.rates, search.losses, color=style.colours[0], lw=1.8)
    ax.set_xscale("log")
    ax.axvline(search.suggested, color=style.muted, lw=1.2, ls="--", label=f"suggested: {search.suggested:g}")
    if used is not None:
        ax.axvline(used, color=style.ink, lw=1.2, label=f"taken: {used:g}")
    few_ticks(ax, y=6)
    log_ticks(ax, x=True)
    legend(ax, style, loc="lower left")
    return figure
