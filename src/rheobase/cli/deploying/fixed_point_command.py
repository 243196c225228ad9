"""`rheobase deploy RUN --chip fixed-point`."""

from __future__ import annotations

import shlex
from pathlib import Path

import typer

from rheobase.cli.deploying import fixed_point, fixed_point_page, job
from rheobase.cli.deploying.fixed_point import FORMS, FixedOptions
from rheobase.cli.options import INTERRUPTED, write_json
from rheobase.cli.terminal import console, figures
from rheobase.cli.training.reading import reading_lines
from rheobase.cli.watching import Watching
from rheobase.errors import ParameterError, nearest
from rheobase.files import ensure_folder
from rheobase.json_files import write_json as write_content
from rheobase.runs.model import Model


def go(
    model: Model,
    options: FixedOptions,
    folder: Path,
    data_dir: Path | None,
    json: Path | None,
    *,
    run: str,
    overwrite: bool,
) -> None:
    """Refuse what would not fit; else round, compare, write everything, and say it."""
    job.check_folder(folder, model, options, overwrite=overwrite)
    fixed_point.check(model, options)
    data = model.load_data(data_dir, watch=reading_lines())
    ensure_folder(folder / fixed_point.WORK)
    try:
        with Watching() as watch:
            found = fixed_point.deployed(model, data, options, folder, watch=watch)
        # no certificate of other weights may stand beside these
        (folder / job.CERTIFICATE).unlink(missing_ok=True)
        kept, shown = (
            fixed_point.save(found, folder),
            fixed_point_page.write(found, folder, command(run, options, folder)),
        )
        write_content(folder / job.CERTIFICATE, found.as_json())
    except KeyboardInterrupt:
        typer.secho(f"interrupted; the same command goes on from {folder / fixed_point.WORK}", fg="yellow", err=True)
        raise typer.Exit(INTERRUPTED) from None
    write_json(json, found.as_json())
    out = console()
    out.print(f"{model.settings.neuron} on {model.task.name}, in fixed point", style="bold")
    out.print(figures(fixed_point_page.rows(found)))
    for line in (*fixed_point_page.advice(found), f"weights: {kept}", f"report: {shown}"):
        out.print(line, soft_wrap=True)
    held = found.certificate
    for many, text in (
        (held.samples - held.same_outputs, "samples differ between integers and the network"),
        (held.overflows, "values did not fit their registers"),
    ):
        if many:
            typer.secho(f"warning: {many:,} {text}", fg="yellow", err=True)


def known_form(given: str | None) -> str:
    """The form of --form. Raises `ParameterError`."""
    if given is not None and given not in FORMS:
        raise ParameterError("--form", repr(given), f"one of {', '.join(FORMS)}", nearest(given, FORMS))
    return given or FORMS[0]


def command(run: str, options: FixedOptions, folder: Path) -> str:
    """The command that makes this deployment again."""
    words = ["rheobase", "deploy", run, "--chip", options.chip, "--form", options.form]
    words += ["--weight-bits", ",".join(map(str, options.weight_bits)), "--validation", f"{options.validation:g}"]
    words += ["--epochs", str(options.epochs), "--lr", f"{options.lr:g}"] if options.epochs else []
    words += ["--limit", str(options.limit)] if options.limit is not None else []
    return shlex.join([*words, "--out", str(folder)])
