"""From settings to fits in their folders: plan, fit or go on, and say on the terminal what came of it."""

from __future__ import annotations

import re
import shlex
from collections.abc import Iterable, Sequence
from dataclasses import replace
from pathlib import Path
from typing import Any

import typer

from rheobase.cli.fitting import compare, named, page
from rheobase.cli.fitting import figures as numbers
from rheobase.cli.fitting.job import Fitted, Plan, plan, run, settings_of
from rheobase.cli.fitting.quantities import names
from rheobase.cli.fitting.resuming import JOURNAL, close, left
from rheobase.cli.fitting.settings import FitSettings
from rheobase.cli.fitting.subjects import subjects_of
from rheobase.cli.options import INTERRUPTED, write_json
from rheobase.cli.terminal import console, figures, table
from rheobase.errors import RheobaseError
from rheobase.files import ensure_folder
from rheobase.json_files import write_json as write
from rheobase.recordings import RecordingFile, read
from rheobase.runs.folder import CONFIG, REPORT, RESULT

_OPTIONS = {"current": "--current-file", **{name: f"--{name}" for name in ("channel", "interval", "sweeps", "units")}}


def plans_of(settings: FitSettings) -> list[Plan]:
    """A plan of each neuron, or of the cell."""
    subjects = subjects_of(names(settings.neuron), settings.morphology, settings.axon, settings.at)
    if settings.morphology is None:
        # as they are written, upper and lower case aside
        settings = replace(settings, neuron=",".join(one.name for one in subjects))
    file = _read(settings)
    return [plan(own, one, file) for own, one in zip(settings_of(settings, subjects), subjects, strict=True)]


def _read(settings: FitSettings) -> RecordingFile:
    """The recording. Raises what `recordings.read` does, its remedies in the words of the command line."""
    try:
        return read(
            Path(settings.file),
            current=None if settings.current_file is None else Path(settings.current_file),
            sweeps=settings.sweeps,
            channel=settings.channel,
            units=settings.units,
            interval=settings.interval,
        )
    except RheobaseError as error:
        remedy = re.sub(rf"\b({'|'.join(_OPTIONS)})=", lambda found: f"{_OPTIONS[found[1]]} ", error.remedy)
        raise type(error)(_OPTIONS.get(error.obj, error.obj), error.given, error.expected, remedy.strip()) from error


def resume(folder: Path, given: Sequence[str], limit: float | None, json: Path | None) -> None:
    """Go on with the fit in a folder; `given` are the options that were typed beside."""
    words = {"neuron": "NEURON", "recording": "RECORDING"}
    others = [words.get(name, f"--{name.rstrip('_').replace('_', '-')}") for name in given]
    settings = left(folder, others, limit)
    plans = [made for own in settings for made in plans_of(own)]
    go(plans, folder, json)


def go(plans: Sequence[Plan], folder: Path, json: Path | None) -> None:
    """Fit what is planned, into a folder. Raises `typer.Exit` where Ctrl-C ended it."""
    if len(plans) == 1:
        _one(plans[0], folder, json)
    else:
        _several(plans, folder, json)


def _one(made: Plan, folder: Path, json: Path | None) -> None:
    _say(made.notes)
    fitted, content = _fitted(made, folder, folder)
    close([fitted], [folder])
    write_json(json, content)
    screen = console()
    screen.print(f"{made.subject.name} fitted to {made.file.path.name}", style="bold")
    screen.print(figures({**numbers.figures(fitted), **numbers.values(fitted)}))
    for line in content["try_next"]:
        screen.print(f"try next: {line}", soft_wrap=True)
    screen.print(
        f"report: {folder / REPORT}\n{made.subject.word}: {named.path_of(fitted, folder)}",
        soft_wrap=True,
        highlight=False,
    )
    if not fitted.fit.finished:
        typer.secho("interrupted; this is the best so far", fg="yellow", err=True)
        _say_how_to_go_on(folder)
        raise typer.Exit(INTERRUPTED)


def _say_how_to_go_on(folder: Path) -> None:
    typer.echo(f"go on with: rheobase fit --resume {shlex.quote(str(folder))}", err=True)


def _several(plans: Sequence[Plan], folder: Path, json: Path | None) -> None:
    """Each neuron in a folder of its own inside the folder of all, and one page that compares them."""
    write(folder / CONFIG, {"notes": {"fits": [made.settings.located() for made in plans]}})
    _say(dict.fromkeys(note for made in plans for note in made.notes))
    fits: list[Fitted] = []
    for made in plans:
        _say([f"{made.subject.name}, {len(fits) + 1} of {len(plans)}"])
        ensure_folder(folder / made.subject.name)
        fitted, _ = _fitted(made, folder / made.subject.name, folder)
        fits.append(fitted)
        if not fitted.fit.finished:
            break
    missing = [made.subject.name for made in plans[len(fits) :]]
    content = compare.numbers(fits, missing)
    write(folder / RESULT, content)
    report = compare.write(fits, folder, missing)
    write_json(json, content)
    screen = console()
    screen.print(f"{len(fits)} neurons fitted to {plans[0].file.path.name}", style="bold")
    columns, rows = compare.terminal(fits)
    screen.print(table(columns, rows, right=columns[1:]))
    screen.print(f"{compare.summary(fits, missing)}\nreport: {report}", soft_wrap=True)
    if fits[-1].fit.finished:
        close(fits, [folder / one.name for one in fits])
    else:
        typer.secho("interrupted; what was fitted is kept", fg="yellow", err=True)
        _say_how_to_go_on(folder)
        raise typer.Exit(INTERRUPTED)


def _fitted(made: Plan, folder: Path, whole: Path) -> tuple[Fitted, dict[str, Any]]:
    """Fit, and leave all of it in the folder: settings, neuron, numbers and page. `whole` is where one goes on."""
    write(folder / CONFIG, {"notes": {"fit": made.settings.located()}})
    try:
        fitted = run(made, folder / JOURNAL)
    except KeyboardInterrupt:
        # a second Ctrl-C: what was done is in the journal
        _say_how_to_go_on(whole)
        raise
    # the neuron first: whatever happens then, it is kept
    named.write(fitted, folder)
    content = numbers.as_json(fitted)
    write(folder / RESULT, content)
    page.write(fitted, folder)
    return fitted, content


def _say(notes: Iterable[str]) -> None:
    say = console(err=True)
    for note in notes:
        say.print(note, soft_wrap=True)


__all__ = ["go", "plans_of", "resume"]
