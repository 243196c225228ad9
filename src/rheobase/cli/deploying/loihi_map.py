"""What `rheobase map` says of a Loihi: what its cores hold, of their limits, and the messages between them."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import numpy as np
from matplotlib.figure import Figure

from rheobase.chip.loihi import Run
from rheobase.cli.deploying.stored import Stored
from rheobase.plot.core_load import core_load

COLUMNS = ("core", "tile", "layer", "compartments", "axons in", "axons out", "synapses, KiB", "spikes")
TITLE = "Fullest cores"
HELD = ("compartments", "in_axons", "out_axons", "synapse_bits")


def content(stored: Stored, run: Run) -> dict[str, Any]:
    """All numbers."""
    net = stored.net
    spikes, limits = np.bincount(run.spikes.core, minlength=len(net.cores)), {k: getattr(net.chip, k) for k in HELD}
    each = list[dict[str, Any]]()
    for k, core in enumerate(net.cores):
        load = core.load()
        held = {name: int(getattr(load, name)) for name in HELD}
        full = max(held[name] / limits[name] for name in HELD)
        each.append(
            {
                "core": k,
                "place": int(net.place[k]),
                "tile": int(net.place[k]) // net.chip.tile,
                "layer": core.layer,
                **held,
                "full": full,
                "spikes": int(spikes[k]),
            }
        )
    messages = int(run.counts.active_axons.sum())
    return {
        "cores in use": len(each),
        "cores": net.chip.cores,
        "limits": limits,
        "fullest": sorted(each, key=lambda one: -one["full"]),
        "layers": {} if stored.wired is None else stored.wired.cores,
        "latency": None if stored.wired is None else stored.wired.latency,
        "synapses": net.n_synapses,
        "spikes": int(run.counts.spikes.sum()),
        "messages": messages,
        "hops": int(run.counts.hops.sum()),
    }


def cores(content: dict[str, Any]) -> Iterator[tuple[Any, ...]]:
    """A row for each core, the fullest first."""
    for one in content["fullest"]:
        yield (
            one["core"],
            one["tile"],
            one["layer"],
            one["compartments"],
            one["in_axons"],
            one["out_axons"],
            f"{one['synapse_bits'] / 8192:.4g}",
            one["spikes"],
        )


def rows(content: dict[str, Any], stored: Stored) -> dict[str, str]:
    """Names and values, for display."""
    found = {"cores in use": f"{content['cores in use']} of {content['cores']} of a chip"}
    if content["layers"]:
        found["by layer"] = ", ".join(f"{n} for {name}" for name, n in content["layers"].items())
        found["latency"] = f"{content['latency']} steps"
    for name, most in content["limits"].items():
        used = max(one[name] for one in content["fullest"])
        shown = f"{used / 8192:.4g} of {most / 8192:g} KiB" if name == "synapse_bits" else f"{used:,} of {most:,}"
        called = "synapse memory" if name == "synapse_bits" else name.replace("_", " ")
        found[f"most {called}"] = f"{shown} of a core"
    found["synapses"] = f"{content['synapses']:,}"
    found["traffic of"] = content["traffic of"]
    messages = content["messages"]
    each = f", {content['hops'] / messages:.3g} of a message" if messages else ""
    found["messages to cores"] = f"{messages:,}, with {content['hops']:,} hops between tiles{each}"
    return found


def draw(stored: Stored, run: Run) -> Figure:
    """How full the cores are."""
    return core_load(stored.net)
