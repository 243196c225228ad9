"""What cells do under a current, place by place, and how often they fire under steps of current."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

import torch
from matplotlib.axes import Axes
from matplotlib.figure import Figure
from torch import Tensor

from rheobase.cells import FICurve
from rheobase.errors import ParameterError, ShapeError
from rheobase.plot.gallery.traces import thinned
from rheobase.plot.style import LIGHT, WIDTH, Style, draw_steps, dress, few_ticks, legend, new_figure
from rheobase.plot.time_axis import Clock

NAMED = 6  # cells that have a colour of their own, and stand in the legend
UNIT = "nA"


@dataclass(frozen=True, eq=False)
class CellResponse:
    """A run of cells: current (time,) in nA, potentials in mV by the name of their place, each (time, cells); dt in ms.

    Raises: `ShapeError`, `ParameterError`.

    >>> run = CellResponse(torch.zeros(100), {"soma": torch.full((100, 1), -70.0)}, dt=0.1)
    >>> list(run.potentials)
    ['soma']
    """

    current: Tensor
    potentials: Mapping[str, Tensor]
    dt: float

    def __post_init__(self) -> None:
        if not self.potentials:
            raise ParameterError("CellResponse", "no potential", "one place at least", 'record=("soma",)')
        for name, v in self.potentials.items():
            if self.current.dim() != 1 or v.dim() != 2 or len(v) != len(self.current):
                given = f"{name} of shape {tuple(v.shape)} beside a current of shape {tuple(self.current.shape)}"
                raise ShapeError("CellResponse", given, "(time, cells) and (time,)", "pick one sample: v[:, 0]")


def cell_response(
    run: CellResponse | None = None,
    *,
    fi: FICurve | None = None,
    rheobase: Tensor | None = None,
    names: Sequence[str] = (),
    title: str = "",
    style: Style = LIGHT,
) -> Figure:
    """Draw a run of cells, their f-I curves, or both: the current at the top, a panel for each place, the rates below.

    rheobase  nA, (cells,): marked on the f-I curves, or alone on the axis of currents
    names     of the cells, which have a legend where they are two to six

    Raises: `ParameterError` for nothing to draw, and for another number of names than of cells.

    >>> import torch
    >>> run = CellResponse(torch.zeros(100), {"soma": torch.full((100, 1), -70.0)}, dt=0.1)
    >>> len(cell_response(run).axes)
    2
    """
    if run is None and fi is None and rheobase is None:
        raise ParameterError("cell_response", "nothing", "a run, an f-I curve or a rheobase", "cell_response(run)")
    count = _count(run, fi, rheobase)
    if names and len(names) != count:
        raise ParameterError("cell_response", f"{len(names)} names", f"one for each of {count} cells", "leave them out")
    heights = [] if run is None else [0.5, *(1.3 for _ in run.potentials)]
    rates = fi is not None or rheobase is not None
    figure = new_figure(WIDTH, 0.7 + 1.15 * (sum(heights) + 1.9 * rates), style)
    axes = list(
        figure.subplots(len(heights) + rates, 1, height_ratios=[*heights, *([1.9] * rates)], squeeze=False)[:, 0]
    )
    if run is not None:
        _run(axes[: len(heights)], run, names, title, style)
    if rates:
        _rates(axes[-1], fi, rheobase, names if run is None else (), title if run is None else "", style)
    figure.align_ylabels(axes)
    return figure


def _count(run: CellResponse | None, fi: FICurve | None, rheobase: Tensor | None) -> int:
    if run is not None:
        return next(iter(run.potentials.values())).shape[1]
    return fi.rate[0].numel() if fi is not None else 0 if rheobase is None else rheobase.numel()


def _colour(k: int, count: int, style: Style) -> dict[str, object]:
    """Of so many cells, few have a colour each; of many, all are one thin line."""
    if count > NAMED:
        return {"color": style.colours[0], "lw": 0.6, "alpha": 0.5}
    return {"color": style.colours[k], "lw": 1.1}


def _run(axes: Sequence[Axes], run: CellResponse, names: Sequence[str], title: str, style: Style) -> None:
    clock, (above, *others) = Clock(run.dt), axes
    dress(above, style, title=title, y=f"current\n({UNIT})")
    draw_steps(above, clock.edges(len(run.current)), run.current.numpy(), style)
    few_ticks(above, y=2)
    time = clock.after(len(run.current))
    for ax, (place, v) in zip(others, run.potentials.items(), strict=True):
        dress(ax, style, y=f"v at {place}\n(mV)")
        for k in range(v.shape[1]):
            label = names[k] if names else None
            ax.plot(*thinned(time, v[:, k].numpy()), label=label, **_colour(k, v.shape[1], style))  # type: ignore[arg-type]
        few_ticks(ax, y=4)
    for ax in axes:
        ax.set_xlim(0, len(run.current) * run.dt)
    for ax in axes[:-1]:
        ax.tick_params(labelbottom=False)
    axes[-1].set_xlabel(clock.label)
    _legend(others[0], names, style)


def _rates(
    ax: Axes, fi: FICurve | None, rheobase: Tensor | None, names: Sequence[str], title: str, style: Style
) -> None:
    dress(ax, style, title=title, x=f"current ({UNIT})", y="rate (Hz)", grid="y")
    least = None if rheobase is None else rheobase.flatten()
    if fi is not None:
        rate = fi.rate.flatten(1)
        for k in range(rate.shape[1]):
            label = names[k] if 1 < len(names) <= NAMED else None
            drawn = _colour(k, rate.shape[1], style)
            marker = "o" if rate.shape[1] <= NAMED else ""
            ax.plot(fi.currents.numpy(), rate[:, k].numpy(), marker=marker, ms=3, label=label, **drawn)  # type: ignore[arg-type]
    if least is not None and bool(torch.isfinite(least).any()):
        for k, value in enumerate(least.tolist()):
            colour = _colour(k, len(least), style)["color"]
            label = "rheobase" if k == 0 else None
            ax.plot([value], [0.0], "^", ms=6, color=colour, clip_on=False, zorder=5, label=label)  # type: ignore[arg-type]
    if fi is None:
        ax.set_ylim(0, 1)
        ax.set_yticks([])
        ax.set_ylabel("")
        ax.set_xlim(left=0)
    else:
        ax.set_ylim(bottom=0, top=None if bool((fi.rate > 0).any()) else 1.0)
        few_ticks(ax, y=5)
    few_ticks(ax, x=6)
    if ax.get_legend_handles_labels()[0]:
        # curves rise to the right
        legend(ax, style, loc="upper left")


def _legend(ax: Axes, names: Sequence[str], style: Style) -> None:
    """Above the panel, where long names of files have room."""
    if 1 < len(names) <= NAMED:
        legend(ax, style, loc="lower left", bbox_to_anchor=(0.0, 1.0), ncols=min(3, len(names)), borderaxespad=0.1)


__all__ = ["CellResponse", "cell_response"]
