"""`rheobase dies RUN`: a trained network on hundreds of virtual dies of an analog chip."""

from __future__ import annotations

from html import escape
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from rheobase.cli.options import DataDir, Debug, Json, Run, check_apart, examples, path, reported, write_json

if TYPE_CHECKING:
    from rheobase.chip.mixed_signal import Dies, Process
    from rheobase.runs.model import Model

MOST_SEED = (1 << 32) - 1  # as chip.mixed_signal names dies
EXAMPLES = examples(
    "rheobase dies lif-digits --process pcm        (a network that comes with the package)",
    "rheobase dies runs/lif-digits --process pcm --age 86400 --dies 500 --plot dies.png",
    "rheobase dies runs/lif-digits --process dynap-se2 --scale 2 --least 0.9 --json dies.json --html dies.html",
)


def dies(
    run: Run,
    process: Annotated[
        str, typer.Option(metavar="NAME", help="pcm, reram, reram-2-days, reram-faulty or dynap-se2.")
    ] = "pcm",
    dies: Annotated[int, typer.Option(min=1, max=1_000_000, help="How many dies.")] = 200,
    seed: Annotated[int, typer.Option(min=0, max=MOST_SEED, help="The first die's number; the others follow.")] = 0,
    age: Annotated[float, typer.Option(min=0.0, help="Seconds after programming, where conductances drift.")] = 0.0,
    scale: Annotated[
        float, typer.Option(min=0.0, help="So many times the mismatch, read noise and stuck devices.")
    ] = 1.0,
    least: Annotated[
        float | None,
        typer.Option(min=0.0, max=1.0, help="A good die's least accuracy.", show_default="2 points below software"),
    ] = None,
    limit: Annotated[int | None, typer.Option(min=1, help="Take so many test samples.", show_default="all")] = None,
    data_dir: DataDir = None,
    plot: Annotated[Path | None, typer.Option(parser=path, metavar="FILE", help="Draw it: .png, .svg or .pdf.")] = None,
    html: Annotated[
        Path | None, typer.Option("--html", parser=path, metavar="FILE", help="Write a page, with the picture.")
    ] = None,
    json: Json = None,
    debug: Debug = False,
) -> None:
    """Put a trained network on virtual dies of an analog chip: accuracy die by die, and the yield.

    A die has its own mismatch, stuck devices, drift and read noise, which follow from its number: the same die gives
    the same figures. In Python: chip.mixed_signal.dies(net, process, x, y); aware(net, process) trains for a process.
    """
    with reported(debug, json=json):
        from rheobase.chip.mixed_signal import named
        from rheobase.cli.runs_by_name import load_run
        from rheobase.cli.terminal import console, figures
        from rheobase.files import atomic_write, ensure_writable
        from rheobase.plot import DARK, LIGHT, check_picture_path, png, save
        from rheobase.plot import dies as draw

        chosen = named(process).scaled(scale)
        check_apart({"--json": json, "--html": html, "--plot": plot})
        if html is not None:
            ensure_writable(html, "--html")
        if plot is not None:
            ensure_writable(check_picture_path(plot), "--plot")
        model = load_run(run)
        found, source = _found(model, chosen, dies, seed, age, limit, data_dir)
        good = max(0.0, found.software - 0.02) if least is None else least
        title = f"{model.settings.neuron} network of {model.folder.name} on {process}"
        rows = rows_of(found)
        rows[f"yield, of dies with {100 * good:.2f} % or more"] = f"{100 * found.yield_at(good):.1f} %"
        content = {"run": str(model.folder), "data": source, "scale": scale, **found.as_json()}
        write_json(json, {**content, "least": good, "yield": found.yield_at(good)})
        out = console()
        out.print(f"{title}, {source}", style="bold", soft_wrap=True)
        out.print(figures(rows))
        out.print(f"source: {chosen.source}", soft_wrap=True)
        figure = draw(found, title=title, style=LIGHT)
        if html is not None:
            pictures = png(figure), png(draw(found, title=title, style=DARK))
            atomic_write(html, _page(f"{title}, {source}", rows, chosen, pictures).encode())
        if plot is not None:
            out.print(f"picture: {save(figure, plot)}", soft_wrap=True)


def rows_of(found: Dies) -> dict[str, str]:
    """The figures of some dies, by what they are."""

    def percent(*values: float) -> str:
        return " to ".join(f"{100 * value:.2f}" for value in values) + " %"

    return {
        "dies": f"{len(found)}, seeds {found.seed} to {found.seed + len(found) - 1}, {found.samples} samples",
        "in software": percent(found.software),
        "as programmed": percent(found.programmed),
        "median die": percent(found.median),
        "nine dies of ten": percent(found.quantile(0.05), found.quantile(0.95)),
        "worst and best die": percent(found.quantile(0.0), found.quantile(1.0)),
        "same class as in software, median die": percent(float(found.agreement.median())),
    }


def _found(
    model: Model, process: Process, n: int, seed: int, age: float, limit: int | None, data_dir: Path | None
) -> tuple[Dies, str]:
    import torch

    from rheobase.chip.mixed_signal import dies as run_dies
    from rheobase.cli.watching import Watching
    from rheobase.learning.training.samples import Samples
    from rheobase.runs.threads import threads

    settings = model.settings
    with threads(settings.threads), Watching() as watch:
        data = model.load_data(data_dir, watch=watch)
        encoder = settings.encode(model.task)
        samples = Samples.of("test", (data.x_test, data.y_test), encoder)
        few = len(samples) if limit is None else min(limit, len(samples))
        coded = samples.encoded(encoder, torch.arange(few), settings.seed)
        found = run_dies(
            model.network,
            process,
            coded.sequence,
            coded.target,
            n,
            seed=seed,
            age=age,
            loss=settings.recipe().criterion,
            lengths=coded.lengths,
            progress=lambda done: watch("dies", done, n),
        )
    return found, f"{few} test samples of {data.name}"


def _page(title: str, rows: dict[str, str], process: Process, pictures: tuple[bytes, bytes]) -> str:
    from rheobase.cards import grid
    from rheobase.plot import markup

    table = grid(("", "value"), list(rows.items()), [False, True], "")
    shown = markup.figure(*pictures, alt="Accuracy of dies", caption="Solid: median. Dotted: in software.")
    body = (
        f'<h1>{escape(title)}</h1>\n<div class="scroll">\n{table}\n</div>\n{shown}\n'
        f"<p>Source: {escape(process.source)}</p>\n"
    )
    return markup.document(title, body, "report.css")
