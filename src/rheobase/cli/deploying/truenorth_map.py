"""What `rheobase map` says of a TrueNorth: its cores by load, and what the mesh carries."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import numpy as np
from matplotlib.figure import Figure

from rheobase.chip.truenorth import Run, traffic
from rheobase.cli.deploying.stored import Stored
from rheobase.plot.chip_map import chip_map, load_of

COLUMNS = ("core", "x, y", "axons", "neurons", "synapses", "spikes sent")
TITLE = "Fullest cores, each of 256 axons and neurons"


def cores(content: dict[str, Any]) -> Iterator[tuple[Any, ...]]:
    """A row for each core, the fullest first."""
    for one in content["fullest"]:
        yield one["core"], f"{one['x']}, {one['y']}", *(one[k] for k in ("axons", "neurons", "synapses", "sent"))


def draw(stored: Stored, run: Run) -> Figure:
    """Load and traffic; an idle chip has a load, and no traffic."""
    busy = len(run.spikes.tick) and traffic(stored.net, run.spikes).sent.any()
    return chip_map(stored.net, run.spikes if busy else None)


def content(stored: Stored, run: Run) -> dict[str, Any]:
    """All numbers."""
    net, found, load = stored.net, traffic(stored.net, run.spikes), load_of(stored.net)
    sent, fuller = found.sent.ravel(), np.maximum(load["axons"], load["neurons"])
    x, y = net.board.xy(np.arange(net.board.n_cores))
    order = np.argsort(-fuller, kind="stable")
    each = [
        {
            "core": int(k),
            "x": int(x[k]),
            "y": int(y[k]),
            "sent": int(sent[k]),
            **{name: int(values[k]) for name, values in load.items()},
        }
        for k in order
        if fuller[k] > 0
    ]
    hops = int(found.along_x.sum() + found.along_y.sum())
    return {
        "board": {"width": net.board.width, "height": net.board.height},
        "cores in use": len(each),
        "fullest": each,
        "layers": {} if stored.wired is None else stored.wired.cores,
        "latency": None if stored.wired is None else stored.wired.latency,
        "synapses": net.n_synapses,
        "longest delay": int(net.delay[net.target >= 0].max(initial=0)),
        "spikes": int(run.counts.spikes.sum()),
        "between cores": int(sent.sum()),
        "hops": hops,
        "busiest link": int(max(found.along_x.max(initial=0), found.along_y.max(initial=0))),
        "links": {"along x": found.along_x.tolist(), "along y": found.along_y.tolist()},
    }


def rows(content: dict[str, Any], stored: Stored) -> dict[str, str]:
    """Names and values, for display."""
    many, board = content["cores in use"], content["board"]
    there = board["width"] * board["height"]
    found = {"cores in use": f"{many} of {there:,} ({board['width']} x {board['height']}); a chip has 4,096"}
    if content["layers"]:
        found["by layer"] = ", ".join(f"{n} for {name}" for name, n in content["layers"].items())
        found["latency"] = f"{content['latency']} ticks"
    if content["fullest"]:
        most = {name: max(one[name] for one in content["fullest"]) for name in ("axons", "neurons")}
        found["fullest"] = f"{most['axons']} of 256 axons, {most['neurons']} of 256 neurons"
    found["synapses"] = f"{content['synapses']:,}"
    found["longest delay"] = f"{content['longest delay']} of 15 ticks"
    found["traffic of"] = content["traffic of"]
    sent = content["between cores"]
    each = f", {content['hops'] / sent:.3g} of a spike" if sent else ""
    found["spikes between cores"] = f"{sent:,}, with {content['hops']:,} hops{each}"
    found["busiest link"] = f"{content['busiest link']:,} spikes"
    return found
