"""`rheobase list`: all neurons in groups and what each is for, all channels, or the pre-trained networks."""

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
    """List all neurons in groups, and the channels of neurons and cells: what each is for, and its paper.

    The JSON file has all that is declared of each: equations, parameters, options, states and named sets.
    """
    with reported(debug, json=json):
        if pretrained:
            _pretrained(json)
            return
        from rheobase.cli.terminal import console, table
        from rheobase.core.declaration.describe import Description
        from rheobase.runs.channels_by_name import find as find_channel
        from rheobase.runs.channels_by_name import names as channel_names
        from rheobase.runs.neuron_groups import GROUPS, placed
        from rheobase.runs.neurons_by_name import find, names

        described = {name: Description.of(find(name)) for name in names()}
        out = console()
        # all tables with columns of one width
        widest = max(map(len, described))
        longest = max(len(use) for members in GROUPS.values() for use in members.values())
        for group, members in GROUPS.items():
            rows = [
                (name.ljust(widest), use.ljust(longest), f"{described[name].authors}, {described[name].year}")
                for name, use in members.items()
            ]
            out.print(table(("neuron", "for", "paper"), rows, title=group, whole=("for",)))
        channels = {name: Description.of(find_channel(name)) for name in channel_names()}
        lines = [
            (name.ljust(widest), each.summary.rstrip("."), f"{each.authors}, {each.year}".strip(", "))
            for name, each in channels.items()
        ]
        out.print(table(("channel", "what it is", "paper"), lines, title="Channels, parts of neurons and cells"))
        count = f"{len(described)} neurons, {len(channels)} channels."
        out.print(f"{count} Equations, parameters, units and a picture of one: rheobase show {next(iter(described))}")
        content = [
            {**each.as_json(), "group": placed(name)[0], "for": placed(name)[1]} for name, each in described.items()
        ]
        write_json(json, {"neurons": content, "channels": [each.as_json() for each in channels.values()]})


def _pretrained(json: Path | None) -> None:
    from rheobase.cli.terminal import console, figures
    from rheobase.runs.pretrained import card, names

    cards, out = [card(name) for name in names()], console()
    for one in cards:
        out.print(one.name, style="bold")
        out.print(figures(one.rows))
    out.print(f'{len(cards)} networks. In Python: rheobase.load("{cards[0].name}").predict(x)')
    write_json(json, {"pretrained": [one.as_json() for one in cards]})
