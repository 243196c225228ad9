"""What one neuron does over time, with its resets: the current, the membrane and its threshold, the other states."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
import torch
from matplotlib.axes import Axes
from matplotlib.figure import Figure

from rheobase.core import OdeNeuron
from rheobase.core.bound import Bound
from rheobase.core.declaration.describe import display, driver, labelled
from rheobase.current_clamp import Response, membrane
from rheobase.plot.gallery.variables import variables
from rheobase.plot.style import TICK, WIDTH, Style, draw_steps, dress, few_ticks, legend, mark_spikes, new_figure
from rheobase.plot.time_axis import Clock

MOST_POINTS = 3000  # of a curve; more is not seen


def traces(run: Response, *, style: Style) -> Figure:
    """The current at the top, the membrane below it, then the other states, and the output of a graded cell.

    Other states of one unit and a like size share a panel. The output is left out where it is one of the states.
    """
    kind, clock = type(run.neuron), Clock(run.dt)
    potential = membrane(run.neuron)
    groups = _groups(run, potential)
    shows_more = run.neuron.graded and not any(torch.equal(run.out, trace) for trace in run.states.values())
    heights = [0.5, 1.5, *([0.8] * (len(groups) + shows_more))]
    figure = new_figure(WIDTH, 0.6 + 1.05 * sum(heights), style)
    axes = figure.subplots(len(heights), 1, sharex=True, height_ratios=heights)
    current, voltage, *others = axes
    # two lines: the panel is low
    dress(current, style, title=_title(run), y=labelled(driver(kind), kind.input_unit).replace(" (", "\n("))
    draw_steps(current, clock.edges(len(run.current)), run.current.numpy(), style)
    few_ticks(current, y=2)
    dress(voltage, style, y=labelled(potential, kind.states[potential].unit))
    _draw_membrane(voltage, run, potential, style)
    for ax, names in zip(others, groups, strict=False):
        unit = kind.states[names[0]].unit
        # a legend names the curves of a panel of several
        dress(ax, style, y=labelled(names[0], unit) if len(names) == 1 else display(unit))
        for k, name in enumerate(names):
            cycle, colour = divmod(k + 1, len(style.colours))
            ax.plot(
                *thinned(clock.after(len(run.current)), run.states[name].numpy()),
                lw=1.2,
                label=name,
                color=style.colours[colour],
                ls="--" if cycle else "-",
            )
        few_ticks(ax, y=3)
        if len(names) > 1:
            legend(ax, style, loc="center left", bbox_to_anchor=(1.0, 0.5), borderaxespad=0.2)
    if shows_more:
        dress(axes[-1], style, y="output")
        axes[-1].plot(*thinned(clock.after(len(run.out)), run.out.numpy()), color=style.ink, lw=1.2)
        few_ticks(axes[-1], y=3)
    axes[-1].set_xlabel(clock.label)
    axes[-1].set_xlim(0, clock.step * len(run.current))
    figure.align_ylabels(axes)
    return figure


def _title(run: Response) -> str:
    kind, changes = type(run.neuron), int((run.current[1:] != run.current[:-1]).sum())
    level = f"{strongest(run):.3g} {display(kind.input_unit)}".rstrip()
    # more often than a step, which begins and ends
    return f"{kind.__name__} under a {f'step of {level}' if changes <= 2 else 'current that changes'}"


def strongest(run: Response) -> float:
    """The value of a run's current that is farthest from 0."""
    return float(run.current[run.current.abs().argmax()])


def _groups(run: Response, potential: str) -> list[list[str]]:
    """The other variables that are worth a curve, those of one unit and a like size together."""
    kind = type(run.neuron)
    groups: list[tuple[str, float, list[str]]] = []
    for name in variables(kind):
        size = float(run.states[name].abs().max())
        if name == potential:
            continue
        unit = kind.states[name].unit
        for other_unit, other_size, names in groups:
            if unit == other_unit and 0.05 * other_size <= size <= 20 * other_size:
                names.append(name)
                break
        else:
            groups.append((unit, size, [name]))
    return [names for _, _, names in groups]


def _draw_membrane(ax: Axes, run: Response, potential: str, style: Style) -> None:
    clock = Clock(run.dt)
    time, values = spiking_curve(run, potential)
    ax.plot(*thinned(time, values), color=style.colours[0], lw=1.3)
    low, high = float(np.nanmin(values)), float(np.nanmax(values))
    level = threshold_level(run, potential)
    if level is not None and np.nanmin(level) <= high + 0.6 * (high - low):
        after, last = clock.after(len(level)), int(np.flatnonzero(np.isfinite(level))[-1])
        ax.plot(*thinned(after, level), color=style.muted, lw=0.9, ls="--", zorder=1)
        high = max(high, float(np.nanmax(level)))
        ax.annotate(
            "threshold",
            (float(after[last]), float(level[last])),
            xytext=(4, 0),
            textcoords="offset points",
            va="center",
            fontsize=TICK - 1,
            color=style.muted,
            annotation_clip=False,
        )
    few_ticks(ax, y=4)
    if not run.neuron.graded and not getattr(run.neuron, "crossing", False):
        mark_spikes(ax, clock.after(len(run.current))[run.spikes.numpy()], low, high, style.ink)


def spiking_curve(run: Response, name: str) -> tuple[np.ndarray, np.ndarray]:
    """A state over time from its start, and at each spike up to the threshold before it falls to the reset."""
    clock, steps = Clock(run.dt), len(run.current)
    time, values = clock.after(steps), run.states[name].numpy()
    at = run.spikes.nonzero().flatten().numpy()
    if run.neuron.graded or getattr(run.neuron, "crossing", False) or not len(at):
        return time, values
    tops = run.before[name].numpy()[at]
    level = threshold_level(run, name)
    # a spike that overshoots within a step is drawn as high as the paper has it
    if level is not None:
        tops = np.fmin(tops, level[at])
    return np.insert(time, at, time[at]), np.insert(values, at, tops)


def threshold_level(run: Response, name: str) -> np.ndarray | None:
    """The neuron's threshold at each step, as a value of the state `name`, (time,).

    It is NaN while there is none (in a refractory time, say), and None is returned where there never is.
    """
    neuron = run.neuron
    if not isinstance(neuron, OdeNeuron) or neuron.graded or neuron.crossing:
        return None
    along = {each: trace.double().requires_grad_(each == name) for each, trace in run.before.items()}
    distance = Bound(neuron, {k: v.double() for k, v in neuron.values().items()}, neuron.dt).threshold(
        neuron.State(**along)
    )
    (slope,) = torch.autograd.grad(distance.sum(), along[name], allow_unused=True, materialize_grads=True)
    there = slope > 0
    if not bool(there.any()):
        return None
    level = torch.where(there, along[name] - distance / slope, torch.nan)
    return level.detach().numpy()


def thinned(time: np.ndarray, values: np.ndarray, most: int = MOST_POINTS) -> tuple[np.ndarray, np.ndarray]:
    """A long curve with its peaks, in fewer points: of each stretch the first, lowest, highest and last.

    >>> time, values = thinned(np.arange(10_000), np.eye(1, 10_000, 777)[0])
    >>> len(time) <= 3000, float(values.max())
    (True, 1.0)
    """
    if len(time) <= most:
        return time, values
    keep: list[int] = []
    for stretch in np.array_split(np.arange(len(time)), most // 4):
        # where all is NaN, as good as any
        part = np.nan_to_num(values[stretch])
        ends: Sequence[int] = (stretch[0], stretch[part.argmin()], stretch[part.argmax()], stretch[-1])
        keep += sorted({int(k) for k in ends})
    return time[keep], values[keep]
