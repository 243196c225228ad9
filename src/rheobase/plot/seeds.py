"""What was measured over several seeds: the mean as a line, every seed as a dot."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
from matplotlib.axes import Axes

EVERY_SEED = "Lines: means. Dots: every seed."


def seed_line(
    ax: Axes, x: Sequence[float], values: Sequence[Sequence[float]], *, colour: str, label: str, beside: float = 0.0
) -> None:
    """A line through the means at each x, and a dot for every seed; `beside` moves the dots, as a share of the axis.

    Shapes: for each x, one value for each seed. Where there is one seed, the line alone has markers.
    """
    means = [float(np.mean(one)) for one in values]
    single = all(len(one) == 1 for one in values)
    ax.plot(x, means, "o-" if single else "-", ms=4, lw=1.6, color=colour, label=label, zorder=2)
    if not single:
        step = beside * (max(x) - min(x))
        at = [position + step for position, one in zip(x, values, strict=True) for _ in one]
        every = [value for one in values for value in one]
        ax.plot(at, every, "o", ms=3.5, mfc="none", mew=1.0, color=colour, zorder=3)
