"""(c) Continuous time: event-driven networks converted both ways, spike for spike."""

from __future__ import annotations

import math
import statistics
from collections.abc import Mapping
from typing import Any

import numpy as np

from rheobase.equivalence import to_multi_spike, to_single_spike
from rheobase.equivalence.continuous import differences
from rheobase.errors import Unfinished
from rheobase.event_driven import Network, Spikes, run
from rheobase.plot import Table
from rheobase.reproduce.job import Job
from rheobase.reproduce.paper import Finding, Part
from rheobase.reproduce.seeds import Seeds

KINDS = {
    "IF, exponential": (False, "exponential"),
    "IF, delta": (False, "delta"),
    "LIF, exponential": (True, "exponential"),
    "LIF, delta": (True, "delta"),
}
COLUMNS = ("neurons, synapses", "construction", "networks", "spikes", "spikes without a partner",
           "largest |dt| (ms)", "most spikes N", "neurons x", "synapses x", "set aside")  # fmt: skip
SOURCES, RATE = 3, 0.15  # external sources, and spikes of each in a ms
Inputs = tuple[Any, Any]


def run_part(job: Job) -> Finding:
    rows: list[tuple[Any, ...]] = []
    kept = Seeds()
    for kind in job["kinds"]:
        shared = {name: job[name] for name in ("networks", "neurons", "t_stop", "most", "nearest")}
        name = kind.lower().replace(", ", "-")
        for way in ("single-spike", "multi-spike"):
            got = job.unit(f"{name}-{way}", lambda kind=kind, way=way: _measured(job, kind, way), kind=kind, **shared)
            for number, one in enumerate(got["networks"]):
                kept.put({"neurons, synapses": kind, "construction": got["construction"], "network": number, **one})
            rows.append(_row(kind, got))
    spikes, missing, aside = (sum(row[k] for row in rows) for k in (3, 4, 9))
    apart = f", and the others are {max(r[5] for r in rows):.2g} ms apart at most" if spikes > missing else ""
    text = f"{spikes:,} spikes were compared; {missing:,} have no partner{apart}. {aside} networks were set aside."
    note = (
        f"Random recurrent networks of {job['neurons']} neurons with delays and Poisson inputs, {job['t_stop']:g} ms. "
        f"Set aside: a maximum of a potential came within {job['nearest']:g} of a threshold. To multi-spike: networks "
        "of neurons that spike once at most."
    )
    return Finding(text, tables=[Table("Continuous time", COLUMNS, rows, note)], seeds=kept.table())


def _row(kind: str, got: Mapping[str, Any]) -> tuple[Any, ...]:
    used = [one for one in got["networks"] if not one["aside"]]
    factors = [statistics.fmean(one[k] for one in used) if used else 0.0 for k in ("neurons x", "synapses x")]
    return (
        kind,
        got["construction"],
        len(got["networks"]),
        sum(one["spikes"] for one in used),
        sum(one["missing"] for one in used),
        max((one["apart"] for one in used), default=0.0),
        max((one["most"] for one in used), default=0),
        *factors,
        len(got["networks"]) - len(used),
    )


def _measured(job: Job, kind: str, way: str) -> dict[str, Any]:
    """What each random network gave, and by which construction it was converted."""
    leaky, synapse = KINDS[kind]
    rng = np.random.default_rng([job.seed, list(KINDS).index(kind), way == "multi-spike"])
    once, t_stop = way == "multi-spike", float(job["t_stop"])
    found: list[dict[str, Any]] = []
    construction = ""
    while len(found) < job["networks"]:
        net, inputs = drawn(rng, job["neurons"], synapse, leaky=leaky, once=once, t_stop=t_stop)
        before = _few(net, inputs, t_stop, job["most"])
        if before is None:
            continue
        if float(before.margin.min()) <= job["nearest"]:
            found.append({"aside": 1})
            continue
        convert = to_multi_spike if once else to_single_spike
        wide, certificate = convert(net, inputs=inputs, t_stop=t_stop)
        missing, apart = differences(before, wide.trains(run(wide, inputs, t_stop=t_stop)))
        construction = certificate.construction.removesuffix(", continuous time")
        found.append(
            {
                "aside": 0,
                "spikes": len(before),
                "missing": missing,
                "apart": apart,
                "most": max(certificate.max_spikes),
                "neurons x": certificate.neuron_factor,
                "synapses x": certificate.synapse_factor,
            }
        )
    return {"networks": found, "construction": construction}


def _few(net: Network, inputs: Inputs, t_stop: float, most: int) -> Spikes | None:
    """The spikes, unless a neuron has more than `most`, or the network runs away."""
    try:
        spikes = run(net, inputs, t_stop=t_stop, max_events=100 * most * net.n_neurons)
    except Unfinished:
        return None
    return spikes if int(spikes.counts.max()) <= most else None


def drawn(
    rng: np.random.Generator, n: int, kind: str, *, leaky: bool, once: bool, t_stop: float
) -> tuple[Network, Inputs]:
    """A random recurrent network and its inputs; `once`: of neurons that spike once at most."""
    scale = 1.0 if leaky or kind == "delta" else 0.1
    # behind a delta synapse spikes must fall on arrivals, so that what cancels does so in one instant
    drive = 0.0 if once and kind == "delta" else scale * (1.0 if leaky else 0.2)
    net = Network(
        n,
        sources=SOURCES,
        tau_mem=rng.uniform(3.0, 20.0, n) if leaky else math.inf,
        tau_syn=rng.uniform(1.0, 25.0, n),
        v_threshold=rng.uniform(0.5, 1.5, n),
        current=drive * rng.normal(0.4, 0.5, n),
        max_spikes=1 if once else math.inf,
    )
    net = net.connect(
        net.inputs,
        range(n),
        scale * rng.normal(0.7, 0.8, (n, SOURCES)),
        delay=rng.uniform(0.0, 3.0, (n, SOURCES)),
        kind=kind,
    )
    net = net.connect(
        range(n), range(n), scale * rng.normal(-0.1, 0.5, (n, n)), delay=rng.uniform(0.1, 3.0, (n, n)), kind=kind
    )
    events = rng.poisson(RATE * t_stop, SOURCES)
    return net, (np.repeat(np.arange(SOURCES), events), rng.uniform(0.0, 0.8 * t_stop, int(events.sum())))


PART = Part(
    "continuous",
    "Continuous time",
    "event-driven IF and LIF networks, delta and exponential synapses, both ways",
    run_part,
    settings={"kinds": list(KINDS), "networks": 250, "neurons": 5, "t_stop": 30.0, "most": 25, "nearest": 1e-9},
    quick={"networks": 10},
    revision=2,
)
