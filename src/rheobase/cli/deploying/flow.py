"""A deployment from its refusals to its certificate, the same for chips with cores and for fixed point."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import typer

from rheobase.cli.deploying import fixed_point, fixed_point_page, job, page
from rheobase.cli.deploying.targets import target_of
from rheobase.cli.options import INTERRUPTED, write_json
from rheobase.cli.terminal import console, figures
from rheobase.cli.training.reading import reading_lines
from rheobase.cli.watching import Watching
from rheobase.files import ensure_folder
from rheobase.json_files import write_json as write_content
from rheobase.runs.model import Model


@dataclass(frozen=True, kw_only=True)
class Flow:
    """What differs: each takes options or an outcome of its own kind.

    check      refuses what no data would make fit
    deployed   trains or rounds, and compares on test samples
    save       writes what runs elsewhere (`kept`, in words) into a folder
    page       writes the page
    rows, advice, warnings   what is said at the end
    title      where the network went
    """

    check: Callable[[Model, Any], object]
    deployed: Callable[..., Any]
    save: Callable[[Any, Path], Path]
    kept: str
    page: Callable[[Any, Path, str], Path]
    rows: Callable[[Any], dict[str, str]]
    advice: Callable[[Any], list[str]]
    warnings: Callable[[Any], list[str]]
    title: Callable[[Any], str]


CORES = Flow(
    check=job.check,
    deployed=job.deployed,
    save=job.save_chip,
    kept="configuration",
    page=page.write,
    rows=page.rows,
    advice=page.advice,
    warnings=page.warnings,
    title=lambda found: f"on {target_of(found.options).title}",
)
FIXED_POINT = Flow(
    check=fixed_point.check,
    deployed=fixed_point.deployed,
    save=fixed_point.save,
    kept="weights",
    page=fixed_point_page.write,
    rows=fixed_point_page.rows,
    advice=fixed_point_page.advice,
    warnings=fixed_point_page.warnings,
    title=lambda _: "in fixed point",
)


@dataclass(frozen=True, kw_only=True)
class Written:
    """What is asked of the command beside the numbers: where the data are, and what is written or written over."""

    data_dir: Path | None
    json: Path | None
    overwrite: bool


def go(
    flow: Flow,
    model: Model,
    options: Any,
    folder: Path,
    command: str,
    asked: Written,
) -> None:
    """Refuse what would not fit; else deploy, write everything, the certificate last, and say it."""
    job.check_folder(folder, model, options, overwrite=asked.overwrite)
    flow.check(model, options)
    data = model.load_data(asked.data_dir, watch=reading_lines())
    ensure_folder(folder / job.WORK)
    try:
        with Watching() as watch:
            found = flow.deployed(model, data, options, folder, watch=watch)
        # no certificate of another deployment may stand beside this one; with its own it is whole
        (folder / job.CERTIFICATE).unlink(missing_ok=True)
        kept, shown, content = flow.save(found, folder), flow.page(found, folder, command), found.as_json()
        write_content(folder / job.CERTIFICATE, content)
    except KeyboardInterrupt:
        typer.secho(f"interrupted; the same command goes on from {folder / job.WORK}", fg="yellow", err=True)
        raise typer.Exit(INTERRUPTED) from None
    write_json(asked.json, content)
    out = console()
    out.print(f"{model.settings.neuron} on {model.task.name}, {flow.title(found)}", style="bold")
    out.print(figures(flow.rows(found)))
    for line in (*flow.advice(found), f"{flow.kept}: {kept}", f"report: {shown}"):
        out.print(line, soft_wrap=True)
    for text in flow.warnings(found):
        typer.secho(f"warning: {text}", fg="yellow", err=True)
