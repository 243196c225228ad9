"""Several neurons fitted to one recording, on one page: by their errors on sweeps held out, and their parameters."""

from __future__ import annotations

import math
import shlex
from collections.abc import Sequence
from dataclasses import replace
from pathlib import Path
from typing import Any

from matplotlib.figure import Figure

from rheobase.cli.fitting.figures import ERRORS, OFF, as_json, cell, figure, which
from rheobase.cli.fitting.job import Fitted
from rheobase.cli.fitting.page import settings, words
from rheobase.cli.fitting.pictures import best_sweep, overlay_of
from rheobase.cli.fitting.settings import FitSettings
from rheobase.cli.page_text import footer
from rheobase.learning.fitting.agreement import Agreement
from rheobase.plot import Link, Picture, Report, Section, Style, Table
from rheobase.plot.style import TICK, WIDTH, dress, few_ticks, new_figure
from rheobase.runs.folder import REPORT

# nearer to the best than this, fewer parameters are the better choice: of Gamma; of an rms error, mV
CLOSE = {"gamma": 0.02, "v_rms": 0.1}
BEST = {"gamma": "best Gamma", "v_rms": "least rms error of the potential"}


def tested(fitted: Fitted) -> Agreement:
    """The errors that count: on the sweeps held out, or, without any, on those fitted."""
    return fitted.fit.held_out or fitted.fit.fitted


def counting(fits: Sequence[Fitted]) -> str:
    """The error by which they are compared: Gamma, or v_rms where no fitted sweep has a spike."""
    return "v_rms" if fits[0].fit.silent else "gamma"


def ranked(fits: Sequence[Fitted]) -> list[Fitted]:
    """The fits, the one with the best Gamma first; without a spike that with the least rms error."""
    return sorted(fits, key=_worse)


def _worse(one: Fitted) -> float:
    """The larger, the worse the fit."""
    key = counting([one])
    value = getattr(tested(one), key)
    if math.isnan(value):
        return math.inf
    return value if key == "v_rms" else -value


def _error_text(one: Fitted) -> str:
    key = counting([one])
    return figure(getattr(tested(one), key), ".2f" if key == "gamma" else ".3g") + ERRORS[key][1]


def summary(fits: Sequence[Fitted], missing: Sequence[str]) -> str:
    """The findings in three sentences."""
    order = ranked(fits)
    best, held = order[0], order[0].fit.held_out is not None
    where = "on sweeps that none of them was fitted to" if held else "on the sweeps they were fitted to"
    others, key = ", ".join(f"{_name(one)} {_error_text(one)}" for one in order[1:]), counting(fits)
    count = len(best.fit.axes)
    parameters = f"{count} {'parameter' if count == 1 else 'parameters'}"
    value = f"{_error_text(best)} at {tested(best).delta:.3g} ms" if key == "gamma" else _error_text(best)
    sentences = [
        f"{_name(best)} has the {BEST[key]} {where}: {value}, with {parameters}"
        f"{f' (others: {others})' if others else ''}."
    ]
    fewer = [one for one in order[1:] if len(one.fit.axes) < count]
    near, close = [one for one in fewer if _worse(one) < _worse(best) + CLOSE[key]], f"{CLOSE[key]:g}{ERRORS[key][1]}"
    if near:
        least = min(near, key=lambda one: len(one.fit.axes))
        sentences.append(f"{_name(least)} comes as near as {close} with {len(least.fit.axes)}, so prefer it.")
    elif fewer:
        sentences.append(f"None with fewer parameters comes nearer than {close}.")
    else:
        sentences.append("None has fewer parameters.")
    if not held:
        sentences.append("Nothing was held out, and on fitted sweeps more parameters always look better.")
    if missing:
        sentences.append(f"Interrupted: {', '.join(missing)} {'was' if len(missing) == 1 else 'were'} not fitted.")
    return " ".join(sentences)


def table(fits: Sequence[Fitted]) -> Table:
    """A row for each neuron, the best first."""
    held = any(one.fit.held_out is not None for one in fits)
    first = counting(fits)
    label = "Gamma" if first == "gamma" else "rms (mV)"
    columns = ["neuron", "parameters", f"{label}, fitted"]
    columns += [f"{label}, held out"] if held else []
    keys = [key for key in ERRORS if key != "gamma"] if first == "gamma" else ["spikes", "v_error"]
    columns += [f"{ERRORS[key][0]}{f' ({ERRORS[key][1].strip()})' if ERRORS[key][1] else ''}" for key in keys]
    rows: list[list[str | int | float | None]] = []
    for one in ranked(fits):
        fit, errors = one.fit, tested(one)
        gammas = [cell(getattr(fit.fitted, first)), *([cell(getattr(errors, first))] if held else [])]
        others = [cell(ERRORS[key][3] * getattr(errors, key)) for key in keys]
        rows.append([_name(one), len(fit.axes), *gammas, *others])
    matched = fits[0].matched
    if matched is not None:
        errors = matched[1] or matched[0]
        gammas = [cell(getattr(matched[0], first)), *([cell(getattr(errors, first))] if held else [])]
        others = [cell(ERRORS[key][3] * getattr(errors, key)) for key in keys]
        rows.append(["LIF without a search", None, *gammas, *others])
    where = "held out" if held else "that were fitted"
    caption = f"Parameters: those that were searched. Errors behind {label} are those of the sweeps {where}. {OFF}"
    if matched is not None:
        caption += " LIF without a search: matched in closed form (steps: rheobase and slope)."
    return Table(f"Neurons by {label}", tuple(columns), rows, caption=caption, digits=3)


def terminal(fits: Sequence[Fitted]) -> tuple[list[str], list[list[str]]]:
    """Columns and rows of the table for a terminal."""
    made = table(fits)
    return list(made.columns), [made.shown(row) for row in made.rows]


def by_parameters(fits: Sequence[Fitted], style: Style) -> Figure:
    """Gamma, or the rms error, by the number of parameters: held out (filled) and fitted (open)."""
    drawn, key = new_figure(WIDTH, 2.6, style), counting(fits)
    label = "Gamma" if key == "gamma" else "rms error (mV)"
    ax = dress(drawn.subplots(), style, x="parameters that were searched", y=label)
    held = any(one.fit.held_out is not None for one in fits)
    for one in fits:
        x, fit = len(one.fit.axes), one.fit
        ends = [getattr(fit.fitted, key), getattr(tested(one), key)]
        ax.plot([x, x], ends, color=style.muted, lw=0.8, zorder=1)
        ax.plot(x, ends[0], "o", ms=6, mfc="none", mec=style.colours[0], zorder=2)
        if held:
            ax.plot(x, ends[1], "o", ms=6, color=style.colours[1], zorder=2)
        ax.annotate(
            _name(one),
            (x, max([e for e in ends if not math.isnan(e)], default=0.0)),
            xytext=(0, 6),
            textcoords="offset points",
            ha="center",
            fontsize=TICK,
            color=style.ink,
        )
    matched = fits[0].matched
    if matched is not None:
        level = getattr(matched[1] or matched[0], key)
        ax.axhline(level, color=style.muted, lw=0.8, ls=":", label="LIF without a search")
    ax.plot([], [], "o", ms=6, mfc="none", mec=style.colours[0], label="fitted")
    if held:
        ax.plot([], [], "o", ms=6, color=style.colours[1], label="held out")
    ax.margins(x=0.25, y=0.3)
    few_ticks(ax, x=6, whole=True)
    few_ticks(ax, y=5)
    if key == "gamma":
        ax.set_ylim(top=1.12)
    ax.legend(frameon=False, fontsize=TICK, labelcolor=style.ink, loc="best", handlelength=1.0)
    return drawn


def write(fits: Sequence[Fitted], folder: Path, missing: Sequence[str]) -> Path:
    """Write report.html into the folder, in which each neuron has one of its own. Raises `StorageError`."""
    order = ranked(fits)
    everything = _together([one.settings for one in fits], missing)
    file, k = fits[0].file, best_sweep(fits[0])
    names = ", ".join(_name(one) for one in order)
    label = "Gamma" if counting(fits) == "gamma" else "The rms error"
    drawn = Picture(
        f"{label} by the number of parameters",
        "Filled: on the sweeps held out; open: on those fitted. What gains on the open ones alone is overfitted.",
        "; ".join(f"{_name(one)}, {len(one.fit.axes)} parameters: {_error_text(one)}" for one in order),
        lambda style: by_parameters(order, style),
    )
    held = ", held out" if k in fits[0].fit.split.held else ""
    recorded = int(fits[0].recording.spikes()[k].sum())
    side = Picture(
        f"Sweep {fits[0].number(k)}{held}",
        "Potential recorded, and of each neuron, run from rest; above, spikes of data and fit; below, the current.",
        f"{recorded} spikes; " + ", ".join(f"{_name(one)} {int(one.spikes[k].sum())}" for one in order),
        lambda style: overlay_of([(one, k, _name(one)) for one in order], style, height=1.5),
    )
    report = Report(
        title=f"{names} fitted to {file.path.name}",
        summary=summary(fits, missing),
        figures={"recording": repr(fits[0].recording), "held out": which(fits[0])},
        pictures=[],
        opening=drawn,
        sections=[
            Section("Errors", [table(fits)]),
            Section("One sweep", [side]),
            Section("Each neuron", [Link(f"{_name(one)}:", "its page", f"{_name(one)}/{REPORT}") for one in order]),
        ],
        settings=settings(everything),
        command=command(everything, folder),
        footer=footer(),
    )
    return report.write(folder / REPORT)


def command(given: FitSettings, folder: Path) -> str:
    """The command that fits them again; what the clock ended, each neuron's own page repeats exactly."""
    return shlex.join([*words(given), "--name", folder.name])


def numbers(fits: Sequence[Fitted], missing: Sequence[str]) -> dict[str, Any]:
    """All numbers: the fits in order, the best first."""
    return {"file": fits[0].file.path.name, "fits": [as_json(one) for one in ranked(fits)], "not_fitted": list(missing)}


def _together(own: Sequence[FitSettings], missing: Sequence[str]) -> FitSettings:
    """The settings of all neurons in one: the names and ranges of each."""
    neurons = ",".join([*(one.neuron for one in own), *missing])
    learn = tuple(dict.fromkeys(name for one in own for name in one.learn or ())) or None
    ranges = tuple(dict.fromkeys(each for one in own for each in one.ranges))
    return replace(own[0], neuron=neurons, learn=learn, ranges=ranges)


def _name(fitted: Fitted) -> str:
    return fitted.name
