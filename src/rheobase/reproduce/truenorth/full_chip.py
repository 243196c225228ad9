"""A full chip of random neurons: what it does in a second, and what it would draw."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import replace
from typing import Any

import numpy as np
from matplotlib.figure import Figure

from rheobase import plot
from rheobase.chip.truenorth import Configuration, Emulator, TrueNorth
from rheobase.energy import chips
from rheobase.energy.chips import Traffic
from rheobase.plot import Picture, Table
from rheobase.plot.style import Style
from rheobase.reproduce.job import Job
from rheobase.reproduce.paper import Finding, Part
from rheobase.reproduce.record import Record
from rheobase.reproduce.truenorth.power import power

FULL = 4096  # cores, of which the power is that of a whole chip
COLUMNS = (
    "cores",
    "synapses of an axon",
    "rate (Hz)",
    "spikes per tick",
    "synaptic events per tick",
    "hops of a spike",
    "power (mW)",
    "of the published line (mW)",
)
COUNTED = (0, 1, 3, 4, 5)  # columns of what the emulator counted; the others follow


def network(board: TrueNorth, rate: int, synapses: int, seed: int) -> Configuration:
    """Neurons that leak towards their threshold at a rate (Hz), and disturb one another in balance.

    Each axon reaches about so many neurons of its core, half of them with each sign; targets and delays are random.
    """
    g, n, step, period = np.random.default_rng(seed), board.n_cores, 10, 1000 // rate
    mean, spread = step * period, max(1, step * period // 20)
    crossbar = np.empty((n, 256, 32), np.uint8)
    for core in range(n):
        crossbar[core] = np.packbits(g.random((256, 256)) < synapses / 256, axis=-1, bitorder="little")
    return Configuration(
        board,
        crossbar=crossbar,
        axon_type=np.arange(256)[None] % 2,
        s=np.array([1, -1, 0, 0])[None, :, None],
        leak=step,
        alpha=g.integers(mean - spread, mean + spread + 1, (n, 256)),
        beta=1000,
        gamma=0,
        v=g.integers(0, mean - spread, (n, 256)),
        target=g.integers(0, n, (n, 256), dtype=np.int32),
        target_axon=g.integers(0, 256, (n, 256)),
        delay=g.integers(1, 16, (n, 256)),
    )


TITLE = "Full chip"


def run(job: Job) -> Finding:
    side, ticks = job["side"], job["ticks"]
    board, rows = TrueNorth(cores=(side, side)), list[tuple[Any, ...]]()
    wanted = [(rate, synapses) for synapses in job["synapses"] for rate in job["rates"]]
    for rate, synapses in job.track(wanted, "networks"):
        settings = {"side": side, "ticks": ticks, "settle": job["settle"], "rate": rate, "synapses": synapses}
        one = job.unit(
            f"rate-{rate}-synapses-{synapses}", lambda at=settings: _measured(board, at, job.seed), **settings
        )
        spikes, events, hops = (float(one[name]) for name in ("spikes", "events", "hops"))
        sent = spikes / one["ticks"]
        rows.append((board.n_cores, synapses, sent, events / one["ticks"], hops / spikes if spikes else 0.0))
    first = wanted[0]
    picture = Picture(
        "Spikes of a full chip",
        f"{job['shown']} ticks of the network of {first[0]} Hz and {first[1]} synapses of an axon.",
        "spikes of every core over time, and how many spikes pass each router of the mesh",
        lambda style: _draw(board, first, job["shown"], job.seed, style),
    )
    return replace(finding(job.settings, rows), pictures=[picture])


def again(held: Record, rows: Sequence[Mapping[str, Any]]) -> Finding:
    """The same with powers of the stored counts."""
    table = held.table(TITLE)
    at = [table.columns.index(COLUMNS[k]) for k in COUNTED]
    found = finding(held.settings, [tuple(row[k] for k in at) for row in table.rows])
    return replace(found, drawn=held.pictures)


def finding(settings: Mapping[str, Any], counted: Sequence[Sequence[Any]]) -> Finding:
    """Powers by what was counted: cores, synapses of an axon, spikes and events of a tick, hops of a spike."""
    rows = [_row(*row) for row in counted]
    apart, cores = max(abs(row[6] / row[7] - 1) for row in rows), rows[0][0]
    text = (
        f"{len(rows)} random networks of {cores:,} cores ({cores * 256:,} neurons), {settings['ticks']} ticks each "
        f"after {settings['settle']}. Power by what the emulator counted (events and hops) is within "
        f"{100 * apart:.1f} % of the line through published powers, whose networks had spikes of 42.6 hops."
    )
    note = (
        "Power: of a whole chip at rest, and of the events and hops counted here; where fewer cores are emulated, as "
        "if the rest of the chip did the same."
    )
    return Finding(text, tables=[Table(TITLE, COLUMNS, rows, note)])


def _measured(board: TrueNorth, at: dict[str, Any], seed: int) -> dict[str, float]:
    emulator = Emulator(network(board, at["rate"], at["synapses"], seed))
    state = emulator.run(at["settle"]).state
    counts = emulator.run(at["ticks"], state=state).counts
    return {
        "spikes": float(counts.spikes.sum()),
        "events": float(counts.synaptic_events.sum()),
        "hops": float(counts.hops.sum()),
        "ticks": at["ticks"],
    }


def _row(cores: int, synapses: int, spikes: float, events: float, hops: float) -> tuple[Any, ...]:
    share = FULL / cores
    rate = 1000 * spikes / cores / 256
    traffic = Traffic(1.0, share * events, share * spikes, share * spikes, 0.0)
    found = chips.TrueNorth(hops=hops).bill(traffic).power.nominal
    return cores, synapses, rate, spikes, events, hops, 1e3 * found, power(rate, synapses)


def _draw(board: TrueNorth, first: tuple[int, int], ticks: int, seed: int, style: Style) -> Figure:
    net = network(board, *first, seed)
    return plot.board(net, Emulator(net).run(ticks, record="all").spikes, style=style)


PART = Part(
    "chip",
    "Full chip",
    "random networks that fill a chip: rate, events, hops and power",
    run,
    again=again,
    settings={"side": 64, "ticks": 200, "settle": 60, "rates": [10, 20, 50], "synapses": [64, 128, 256], "shown": 100},
    quick={"side": 8, "ticks": 50, "settle": 20, "rates": [10, 20], "synapses": [128]},
    minutes=2,
)
