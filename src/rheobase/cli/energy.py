"""`rheobase energy RUN`: what a trained network costs for a sample, beside an ordinary one and on a chip."""

from __future__ import annotations

import math
from html import escape
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer

from rheobase.cli.options import DataDir, Debug, Json, Run, examples, path, reported, write_json

if TYPE_CHECKING:
    from rheobase.energy import Account, Bill
    from rheobase.energy.chips import Chip
    from rheobase.runs.model import Model

EXAMPLES = examples(
    "rheobase energy src-digits                    (a network that comes with the package)",
    "rheobase energy runs/lif-digits --plot energy.png --json energy.json",
    "rheobase energy lif-digits --chip truenorth --hops 2",
    "rheobase energy runs/lif-mnist --limit 1000 --weight-bits 4 --sram 32",
)
LIMIT = 256  # samples, by default


def energy(
    run: Run,
    chip: Annotated[
        str | None, typer.Option(metavar="CHIP", help="Make out a bill for it, too: truenorth or loihi.")
    ] = None,
    hops: Annotated[
        float | None,
        typer.Option(min=0.0, help="Hops of a spike on the chip, as a mapping gives them.", show_default="a range"),
    ] = None,
    tick: Annotated[
        float | None, typer.Option(help="Milliseconds of a step on the chip.", show_default="1, real time")
    ] = None,
    limit: Annotated[int, typer.Option(min=1, help="Count on so many test samples.")] = LIMIT,
    weight_bits: Annotated[int, typer.Option(min=1, max=32, help="Bits of a weight.")] = 8,
    state_bits: Annotated[int, typer.Option(min=1, max=32, help="Bits of a state and of sums.")] = 16,
    sram: Annotated[
        float, typer.Option(min=0.0, max=1024.0, help="Largest memory on the chip, in KiB; what is larger is in DRAM.")
    ] = 1024.0,
    data_dir: DataDir = None,
    plot: Annotated[Path | None, typer.Option(parser=path, metavar="FILE", help="Draw it: .png, .svg or .pdf.")] = None,
    html: Annotated[
        Path | None, typer.Option("--html", parser=path, metavar="FILE", help="Write the tables as a page, too.")
    ] = None,
    json: Json = None,
    debug: Debug = False,
) -> None:
    """Count what a trained network does for a sample, and give its energy three times, side by side.

    The arithmetic of synapses alone, as papers quote it; integers with all traffic of weights, states and spikes; and
    an ordinary network of the same layers, bit-matched, run once. With the activity at which the spiking network stops
    winning, the metrics of NeuroBench, and a chip's bill. In Python: rheobase.energy.account(net, x).
    """
    with reported(debug, json=json):
        from rheobase.cli.runs_by_name import load_run
        from rheobase.cli.terminal import console
        from rheobase.energy import CMOS45, Memory, Words, Yan22, compare, neurobench, tables
        from rheobase.errors import NotRepresentable
        from rheobase.files import atomic_write, ensure_writable
        from rheobase.plot import check_picture_path
        from rheobase.plot.markup import document

        on = _chip(chip, hops, tick)
        process = CMOS45(Memory(on_chip=1024 * sram))
        words = Words(weight=weight_bits, state=state_bits, value=8)
        if html is not None:
            ensure_writable(html, "--html")
        if plot is not None:
            ensure_writable(check_picture_path(plot), "--plot")
        model = load_run(run)
        account, source = _counted(model, limit, data_dir)
        found = compare(account, process=process, words=words)
        published = compare(account, process=Yan22(), words=words)
        names = neurobench(account)
        bill, refused = None, None
        if on is not None:
            try:
                bill = _billed(account, on)
            except NotRepresentable as error:
                # the counts are shown even if the chip cannot run the network
                refused = error
        out = console()
        title = f"{model.settings.neuron} network of {model.folder.name}, on {source}"
        out.print(title, style="bold", soft_wrap=True)
        _tell_numbers(tables.NUMBERS, tables.number_rows(found))
        for note in tables.notes(found):
            out.print(note, soft_wrap=True)
        if published.break_even is not None:
            clause = tables.wins(published, published.break_even)
            out.print(f"With the constants of the published comparison, {clause}.", soft_wrap=True)
        _tell_layers(tables.LAYERS, tables.layer_rows(found))
        out.print("NeuroBench: " + ", ".join(f"{name} {value:,.6g}" for name, value in names.items()), soft_wrap=True)
        if bill is not None:
            _tell_numbers((bill.chip, "nominal", "range"), tables.bill_rows(bill))
            for note in tables.bill_notes(bill):
                out.print(note, soft_wrap=True)
        content = {"run": str(model.folder), "data": source, **_counts(account), **found.as_json()}
        content["published"] = published.as_json()
        on_chip = None if bill is None else bill.as_json()
        if refused is not None:
            on_chip = {"refused": str(refused)}
        write_json(json, {**content, "neurobench": names, "chip": on_chip})
        if html is not None:
            more = "" if bill is None else _html(bill)
            body = f"<h1>{escape(title)}</h1>\n{found.html()}\n{more}"
            atomic_write(html, document(title, body, "report.css").encode())
        if plot is not None:
            from rheobase.plot import LIGHT, save
            from rheobase.plot.energy import energy as draw

            out.print(f"picture: {save(draw(found, style=LIGHT), plot)}", soft_wrap=True)
        if refused is not None:
            raise refused


def _chip(name: str | None, hops: float | None, tick: float | None) -> Chip | None:
    from rheobase.energy.chips import chip
    from rheobase.errors import ParameterError

    if name is None:
        for option, value in (("--hops", hops), ("--tick", tick)):
            if value is not None:
                raise ParameterError(option, f"{value:g}", "a chip that it is for", "--chip truenorth, say")
        return None
    kind = chip(name)
    if tick is not None and not 0.0 < tick < math.inf:
        raise ParameterError("--tick", f"{tick:g}", "milliseconds, more than 0", "--tick 1 is real time")
    return kind(hops=hops, tick=1e-3 if tick is None else 1e-3 * tick)


def _billed(account: Account, on: Chip) -> Bill:
    from rheobase.energy import bill

    return bill(account, on)


def _counted(model: Model, limit: int, data_dir: Path | None) -> tuple[Account, str]:
    """The account of the first test samples, in batches as large as in the training, and where they are from."""
    from rheobase.cli.training.reading import reading_lines
    from rheobase.cli.watching import Watching
    from rheobase.energy import Account, account
    from rheobase.runs.batch import batch_of
    from rheobase.runs.threads import threads

    given = batch_of(model, limit, data_dir=data_dir, watch=reading_lines())
    coded, found, size = given.coded, list[Account](), model.settings.batch
    with threads(model.settings.threads), Watching() as watch:
        for first in range(0, coded.sequence.shape[1], size):
            part = slice(first, first + size)
            lengths = None if coded.lengths is None else coded.lengths[part]
            found.append(account(model.network, coded.sequence[:, part], lengths=lengths))
            watch("samples", min(first + size, coded.sequence.shape[1]), coded.sequence.shape[1])
    return Account.of(found), given.source


def _counts(account: Account) -> dict[str, Any]:
    from dataclasses import asdict

    return {
        "samples": account.samples,
        "steps": account.steps,
        "operations": asdict(account.total),
        "counted": [{"label": layer.label, **asdict(layer)} for layer in account.layers],
    }


def _tell_numbers(head: tuple[str, str, str], rows: list[tuple[str, str, str]]) -> None:
    from rheobase.cli.terminal import console, table

    console().print(table(head, rows, right=head[1:], whole=head[1:]))


def _tell_layers(head: tuple[str, ...], rows: list[tuple[str, ...]]) -> None:
    from rheobase.cards import aligned
    from rheobase.cli.terminal import console

    # as wide as it is: a column that is wrapped cannot be read
    console().print(f"\n{aligned([head, *rows])}\n", soft_wrap=True)


def _html(bill: Bill) -> str:
    from rheobase.cards import grid
    from rheobase.energy import tables

    table = grid((bill.chip, "nominal", "range"), tables.bill_rows(bill), [False, True, True], "")
    notes = "\n".join(f"<p>{escape(note)}</p>" for note in tables.bill_notes(bill))
    return f'<h2>{escape(bill.chip)}</h2>\n<div class="scroll">\n{table}\n</div>\n{notes}\n'
