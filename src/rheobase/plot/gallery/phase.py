"""The state space of a neuron in one or two variables: nullclines, the direction field, and the path of a run."""

from __future__ import annotations

from dataclasses import dataclass, replace

import numpy as np
from contourpy import contour_generator
from matplotlib.axes import Axes

from rheobase.core.declaration.describe import display, labelled
from rheobase.core.declaration.population import Declared
from rheobase.current_clamp import Response
from rheobase.plot.gallery.reduction import Reduction, reduction
from rheobase.plot.gallery.traces import strongest, threshold_level
from rheobase.plot.gallery.variables import variables, velocity
from rheobase.plot.style import Style, dress, few_ticks, legend_under

GRID, ARROWS = 160, 15


@dataclass(frozen=True)
class PhasePlane:
    """Two variables, the part of their plane that a run visits, and the constant current of the field.

    `x` and `y` are (n,), the rates of change `dx` and `dy` (n, n), with a row for each value of y.
    """

    names: tuple[str, str]
    x: np.ndarray
    y: np.ndarray
    dx: np.ndarray
    dy: np.ndarray
    current: float

    def nullcline(self, name: str) -> list[np.ndarray]:
        """The curves on which a variable has the rate of change 0, each (points, 2)."""
        rate = self.dx if name == self.names[0] else self.dy
        lines = contour_generator(self.x, self.y, np.clip(np.nan_to_num(rate), -1e12, 1e12)).lines(0.0)
        return [np.asarray(line) for line in lines]


def phase_plane(
    neuron: Declared,
    x: tuple[float, float],
    y: tuple[float, float],
    current: float,
    points: int = GRID,
    reduced: Reduction | None = None,
) -> PhasePlane:
    """The field of a neuron with two variables over a rectangle: the first along x, the second along y.

    Of a neuron with more, it is that of its reduction to two.
    """
    across, up = np.linspace(*x, points), np.linspace(*y, points)
    if reduced is None:
        first, second = variables(neuron)
        at = {first: across[None, :], second: up[:, None]}
    else:
        first, second = reduced.first, reduced.second
        at = reduced.at(neuron, across[None, :], up[:, None], current)
    rates = velocity(neuron, at, current)
    return PhasePlane((first, second), across, up, rates[first], rates[second], current)


def draw_phase(ax: Axes, run: Response, style: Style) -> None:
    """The plane of two variables of a neuron, or dv/dt over v of a neuron with one, under the current of a run."""
    (_draw_line if len(variables(run.neuron)) == 1 else _draw_plane)(ax, run, style)


def _draw_plane(ax: Axes, run: Response, style: Style) -> None:
    current = strongest(run)
    during = _while(run, current)
    reduced = reduction(during, current) if len(variables(run.neuron)) > 2 else None
    first, second = variables(run.neuron) if reduced is None else (reduced.first, reduced.second)
    path, jumps = _path(during, first, second)
    x, y = (_padded(np.concatenate([path[:, k], jumps[:, :, k].ravel()]), room) for k, room in ((0, 0.1), (1, 0.25)))
    kind = type(run.neuron)
    dress(
        ax,
        style,
        title="Phase plane",
        x=labelled(first, kind.states[first].unit),
        y=labelled(second, kind.states[second].unit),
    )
    plane = phase_plane(run.neuron, x, y, current, reduced=reduced)
    _arrows(ax, phase_plane(run.neuron, x, y, current, ARROWS, reduced), style)
    for name, colour in zip((first, second), style.colours[1:], strict=False):
        for k, line in enumerate(plane.nullcline(name)):
            ax.plot(*line.T, color=colour, lw=1.5, label=f"{name}-nullcline" if k == 0 else None)
    for line in phase_plane(run.neuron, x, y, 0.0, reduced=reduced).nullcline(first) if current else []:
        ax.plot(*line.T, color=style.colours[1], lw=0.9, ls=":")
    ax.plot(*path.T, color=style.colours[0], lw=1.1)
    for jump in jumps:
        ax.plot(*jump.T, color=style.colours[0], lw=0.6, ls=(0, (2, 2)))
    ax.plot(*path[:1].T, "o", color=style.colours[0], ms=4)
    ax.set_xlim(*x)
    ax.set_ylim(*y)
    few_ticks(ax, x=4, y=4)
    legend_under(ax, style)


def _draw_line(ax: Axes, run: Response, style: Style) -> None:
    (name,) = variables(run.neuron)
    kind = type(run.neuron)
    values = np.concatenate([run.states[name].numpy(), _tops(run, name)])
    low, high = _padded(values)
    along = np.linspace(low, high, 400)
    unit = kind.states[name].unit
    rate = labelled(f"d{name}/dt", f"{display(unit) or '1'}/ms") if run.dt else f"change of {name} in a step"
    dress(ax, style, title="Phase line", x=labelled(name, unit), y=rate)
    current, level = strongest(run), display(kind.input_unit)
    for k, i in enumerate(sorted({0.0, current})):
        label = f"input {i:.3g} {level}".rstrip()
        colour = style.muted if i == 0 and current else style.colours[0]
        ax.plot(along, velocity(run.neuron, {name: along}, i)[name], color=colour, lw=1.5 if k else 1.2, label=label)
    ax.axhline(0.0, color=style.muted, lw=0.8)
    ax.set_xlim(low, high)
    _zoom(ax, np.concatenate([velocity(run.neuron, {name: values}, i)[name] for i in (0.0, current)]))
    few_ticks(ax, x=4, y=4)
    legend_under(ax, style)


def _zoom(ax: Axes, visited: np.ndarray) -> None:
    """Where an upstroke dwarfs all else, show the rates at which the neuron spends its time."""
    low, high = np.quantile(visited, (0.02, 0.9))
    room = 0.25 * (high - low)
    bottom, top = ax.get_ylim()
    if top - bottom > 8 * (high - low) > 0:
        ax.set_ylim(max(bottom, min(low, 0.0) - room), min(top, high + room))


def _while(run: Response, current: float) -> Response:
    """The part of a run up to the last step of this current: the field is that of this current."""
    end = int((run.current == current).nonzero()[-1]) + 1
    cut = {name: {k: v[:end] for k, v in getattr(run, name).items()} for name in ("states", "before")}
    inputs = {name: x[:end] for name, x in run.inputs.items()}
    return replace(run, inputs=inputs, out=run.out[:end], spikes=run.spikes[:end], **cut)


def _arrows(ax: Axes, plane: PhasePlane, style: Style) -> None:
    # in parts of the picture, so that an arrow points where the curve goes; only the direction is shown
    u, v = plane.dx / np.ptp(plane.x), plane.dy / np.ptp(plane.y)
    size = np.hypot(u, v)
    size[size == 0] = 1.0
    ax.quiver(
        plane.x,
        plane.y,
        u / size,
        v / size,
        color=style.muted,
        alpha=0.35,
        pivot="mid",
        scale=26,
        width=0.0035,
        headwidth=4,
    )


def _path(run: Response, first: str, second: str) -> tuple[np.ndarray, np.ndarray]:
    """The way between resets, with a gap at each; and the jumps (spikes, 2, 2), from before to after."""
    at = run.spikes.nonzero().flatten().numpy()
    after = np.stack([run.states[n].double().numpy() for n in (first, second)], axis=1)
    if run.neuron.graded or getattr(run.neuron, "crossing", False) or not len(at):
        return after, np.empty((0, 2, 2))
    before = np.stack([_tops(run, first), run.before[second].double().numpy()[at]], axis=1)
    gaps = np.full_like(before, np.nan)
    return np.insert(after, np.repeat(at, 2), np.stack([before, gaps], 1).reshape(-1, 2), axis=0), np.stack(
        [before, after[at]], axis=1
    )


def _tops(run: Response, name: str) -> np.ndarray:
    """A state just before each reset, no higher than the threshold."""
    at = run.spikes.nonzero().flatten().numpy()
    tops, level = run.before[name].double().numpy()[at], threshold_level(run, name)
    return tops if level is None else np.fmin(tops, level[at])


def _padded(values: np.ndarray, share: float = 0.1) -> tuple[float, float]:
    low, high = float(np.nanmin(values)), float(np.nanmax(values))
    room = share * (high - low) or 0.1 * abs(high) or 1.0
    return low - room, high + room
