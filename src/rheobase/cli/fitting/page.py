"""The page about a fit."""

from __future__ import annotations

import math
import shlex
from dataclasses import replace
from pathlib import Path

from rheobase.cli.fitting import named
from rheobase.cli.fitting.advice import advice
from rheobase.cli.fitting.figures import ERRORS, OFF, SHAPE, cell, compared, figures, remarks, summary, unit
from rheobase.cli.fitting.job import Fitted
from rheobase.cli.fitting.pictures import all_sweeps, opening
from rheobase.cli.fitting.settings import CELL, FitSettings
from rheobase.cli.fitting.subjects import CellSubject
from rheobase.cli.page_text import footer, value_text
from rheobase.learning.fitting.agreement import Agreement
from rheobase.learning.fitting.sweep_features import SweepFeatures
from rheobase.plot import Report, Section, Table
from rheobase.runs.folder import REPORT

PASSIVE = (
    "Passive stage: first all is fitted to the sweeps without a spike; what these identify of leak, capacitance, axial "
    "resistance and Ih is held while the others are fitted to all sweeps."
)


def write(fitted: Fitted, folder: Path) -> Path:
    """Write report.html into the folder. Raises `StorageError`."""
    data, model = compared(fitted)
    name, file = fitted.name, fitted.file
    report = Report(
        title=f"{name} fitted to {file.path.name}",
        summary=summary(fitted),
        figures=figures(fitted),
        pictures=[],
        opening=opening(fitted),
        sections=[
            Section("How well it fits", [errors_table(fitted)]),
            Section("Parameters", [parameters(fitted)]),
            Section("Features side by side", [features_table(fitted, data, model)]),
            Section("What to try next", advice(fitted, data, model)),
            Section("Every sweep", all_sweeps(fitted)),
            Section(f"The fitted {fitted.subject.word}", _loading(fitted, folder)),
            Section("The recording", [f"{file.path.name}, {file.form}: {fitted.recording!r}", *fitted.notes]),
        ],
        settings=settings(fitted.settings),
        command=command(fitted, folder),
        footer=footer(),
    )
    return report.write(folder / REPORT)


def settings(given: FitSettings) -> dict[str, str]:
    """The settings that were given or have a value of their own, in words."""
    ranges = tuple(f"{name}={low:g}:{high:g}" for name, low, high in given.ranges)
    content = {**given.as_json(), "ranges": ranges}
    return {key: value_text(value) for key, value in content.items() if value not in (None, ())}


def errors_table(fitted: Fitted) -> Table:
    """The errors on the sweeps that were fitted and on those held out, beside a LIF that needs no search."""
    name, held = fitted.name, fitted.fit.held_out
    shown: list[tuple[str, Agreement]] = [("fitted", fitted.fit.fitted)]
    shown += [("held out", held)] if held is not None else []
    for word, other in (("as it was", fitted.before), ("LIF", fitted.matched)):
        if other is not None:
            shown.append((f"{word}, fitted", other[0]))
            shown += [(f"{word}, held out", other[1])] if other[1] is not None else []
    rows = [
        (f"{label} ({sign.strip()})" if sign else label, *(cell(factor * getattr(one, key)) for _, one in shown))
        for key, (label, sign, _, factor) in (ERRORS | SHAPE).items()
        # of a recording without a spike some have no value
        if not all(math.isnan(getattr(one, key)) for _, one in shown)
    ]
    caption = OFF
    if held is not None:
        caption += " The search has not seen the sweeps held out: what counts for a new stimulus is their errors."
    if fitted.before is not None:
        caption += f" As it was: the cell with the values of {fitted.name}."
    if fitted.matched is not None:
        caption += " LIF: matched in closed form (steps: rheobase and slope), what a search has to beat."
    return Table(f"Errors of {name}", ("error", *(title for title, _ in shown)), rows, caption=caption, digits=3)


def _loading(fitted: Fitted, folder: Path) -> list[str]:
    path, subject = named.path_of(fitted, folder), fitted.subject
    if isinstance(subject, CellSubject):
        axon = subject.axon and f", axon={subject.axon!r}"
        words = ["rheobase", "simulate", str(path), "--morphology", str(subject.morphology)]
        words += ["--axon", subject.axon] if subject.axon else []
        return [
            f'In Python: from_allen("{path}", "{subject.morphology}", dt={fitted.recording.dt:g}{axon or ""}).',
            f"On the command line: {shlex.join(words)} --current VALUE.",
            *named.readout(fitted),
        ]
    clock = f", dt={fitted.recording.dt:g}" if fitted.fit.neuron.dt is not None else ""
    return [
        f'In Python: neurons.{fitted.name}.named("{path}", 1{clock}).',
        f"On the command line: rheobase simulate {fitted.name} --set {path} --current VALUE.",
        *named.readout(fitted),
    ]


def parameters(fitted: Fitted) -> Table:
    """Every searched quantity with its range, and a warning at an edge."""
    fit = fitted.fit
    rows = [
        (
            axis.name,
            fit.best.values[axis.name],
            unit(fitted, axis.name),
            ", ".join(remarks(fitted, axis.name)),
            axis.low,
            axis.high,
        )
        for axis in fit.axes
    ]
    caption = ["Beyond an edge a better value may lie: give a wider range."] if fit.at_edges() else []
    if fit.best.held:
        caption.append(PASSIVE)
    return Table("What was searched", ("name", "best", "unit", "remark", "from", "to"), rows, caption=" ".join(caption))


def features_table(fitted: Fitted, data: list[SweepFeatures], model: list[SweepFeatures]) -> Table:
    """Data and fit, sweep by sweep."""
    held = set(fitted.fit.split.held)
    columns = ("sweep", "spikes", "fit ", "first (ms)", "fit  ", "interval (ms)", "fit   ", "last/first", "fit    ")
    columns = (*columns, "v (mV)", "fit     ")
    rows = [
        (
            f"{fitted.number(k)}{', held out' if k in held else ''}",
            a.spikes,
            b.spikes,
            cell(a.first),
            cell(b.first),
            cell(a.interval),
            cell(b.interval),
            cell(a.adaptation),
            cell(b.adaptation),
            cell(a.v),
            cell(b.v),
        )
        for k, (a, b) in enumerate(zip(data, model, strict=True))
    ]
    caption = (
        "The first spike is counted from the beginning of the sweep; last/first: the last interval over the first."
    )
    return Table("Recorded, and of the fit", columns, rows, caption=caption)


def command(fitted: Fitted, folder: Path) -> str:
    """The command that makes the same fit on any machine: with as many steps as were done, and no clock."""
    recipe = fitted.fit.recipe
    done = replace(
        fitted.settings,
        passive=recipe.passive,
        forced=recipe.forced,
        schedule=None if recipe.schedule == recipe.forced else recipe.schedule,
        free=recipe.free,
        generations=recipe.generations,
        time_limit=None,
    )
    return shlex.join([*words(done), "--name", folder.name])


def words(s: FitSettings) -> list[str]:
    """The words of the command that has these settings."""
    found = ["rheobase", "fit", s.neuron, s.file, "--seed", str(s.seed)]
    for name, value in (
        ("morphology", s.morphology),
        ("axon", s.axon),
        ("at", s.at),
        ("current-file", s.current_file),
        ("sweeps", s.sweeps),
        ("channel", s.channel),
        ("units", s.units),
        ("hold-out", s.hold_out),
        ("interval", s.interval),
        ("level", s.level),
        ("junction", s.junction),
        ("dt", s.dt),
    ):
        if value is not None:
            found.append(f"--{name}={value}")
    if s.learn is not None:
        found += ["--learn", ",".join(s.learn)]
    for name, low, high in s.ranges:
        found += ["--range", f"{name}={low!r}:{high!r}"]
    if s.scale is not None:
        found += ["--scale", f"{s.scale[0]!r}:{s.scale[1]!r}"]
    if s.series is not None:
        found.append(f"--series={s.series[0]!r}GOhm:{s.series[1]!r}GOhm")
    cell = s.neuron.lower().endswith(CELL)
    found += ["--passive", str(s.passive)] if cell else []
    found += ["--forced", str(s.forced)]
    found += [] if s.schedule is None else ["--schedule", str(s.schedule)]
    found += [] if cell else ["--free", str(s.free)]
    found += ["--generations", str(s.generations)]
    limit = "none" if s.time_limit is None else f"{s.time_limit:g}s"
    return [*found, "--population", str(s.population), "--time-limit", limit]
