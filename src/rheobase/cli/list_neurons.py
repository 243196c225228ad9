"""`rheobase list`: all neurons in one table, or the pre-trained networks with their cards."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer

from rheobase.cli.options import Debug, Json, examples, reported, write_json

EXAMPLES = examples("rheobase list", "rheobase list --json neurons.json", "rheobase list --pretrained")


def list_neurons(
    pretrained: Annotated[
        bool, typer.Option("--pretrained", help="The networks that come with the package, instead.")
    ] = False,
    json: Json = None,
    debug: Debug = False,
) -> None:
    """List all neurons: what each is, its paper, its states and its parameters."""
    with reported(debug, json=json):
        if pretrained:
            _pretrained(json)
            return
        from rheobase.cli.terminal import console, table
        from rheobase.core.declaration.describe import Description
        from rheobase.runs.neurons_by_name import find, names

        described = [Description.of(find(name)) for name in names()]
        rows = [(d.kind.__name__, d.summary, " ".join(d.kind.states), " ".join(d.kind.params)) for d in described]
        out = console()
        out.print(table(("neuron", "what it is, and its paper", "states", "parameters"), rows))
        out.print(f"{len(rows)} neurons. Equations, units and a picture of one: rheobase show {rows[-1][0]}")
        write_json(json, {"neurons": [d.as_json() for d in described]})


def _pretrained(json: Path | None) -> None:
    from rheobase.cli.terminal import console, figures
    from rheobase.runs.pretrained import card, names

    cards, out = [card(name) for name in names()], console()
    for one in cards:
        out.print(one.name, style="bold")
        out.print(figures(one.rows))
    out.print(f'{len(cards)} networks. In Python: rheobase.load("{cards[0].name}").predict(x)')
    write_json(json, {"pretrained": [one.as_json() for one in cards]})
