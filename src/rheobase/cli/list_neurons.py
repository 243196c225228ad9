"""`rheobase list`: all neurons in one table."""

from __future__ import annotations

from rheobase.cli.options import Debug, Json, examples, reported, write_json

EXAMPLES = examples("rheobase list", "rheobase list --json neurons.json")


def list_neurons(json: Json = None, debug: Debug = False) -> None:
    """List all neurons: what each is, its paper, its states and its parameters."""
    with reported(debug, json=json):
        from rheobase.cli.terminal import console, table
        from rheobase.core.declaration.describe import Description
        from rheobase.runs.neurons_by_name import find, names

        described = [Description.of(find(name)) for name in names()]
        rows = [(d.kind.__name__, d.summary, " ".join(d.kind.states), " ".join(d.kind.params)) for d in described]
        out = console()
        out.print(table(("neuron", "what it is, and its paper", "states", "parameters"), rows))
        out.print(f"{len(rows)} neurons. Equations, units and a picture of one: rheobase show {rows[-1][0]}")
        write_json(json, {"neurons": [d.as_json() for d in described]})
