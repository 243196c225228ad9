"""Render `benchmarks/results/*.json` into `docs/benchmarks.md`.

python -m benchmarks.table [--results FOLDER] [--out FILE]
"""

from __future__ import annotations

import argparse
import json
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Any

from benchmarks.cells_table import cells, cells_avx512, jaxley, synapses
from benchmarks.conductance_table import conductance
from benchmarks.markdown import megabytes, ms, notes, percent, table, times
from benchmarks.measure import ROOT
from benchmarks.schemes_table import rallpack, schemes
from benchmarks.truenorth_table import truenorth

INTRODUCTION = """# Benchmarks

Written by `python -m benchmarks.table` from `benchmarks/results/*.json`; do not edit by hand. `make bench` runs
all of them, `make bench-peers` builds the environment of the peers (`benchmarks/peers/requirements.txt`, one
torch for all contestants). The CPU only. Every peer runs whole sequences, in the fastest form of the model that
we know of there.

How it is measured: all contestants of a table take turns within one process, in a new order each round, with
the garbage collector off; given are the median and, in brackets, the quartiles. A contestant that is faster
than 50 ms is called several times per turn, after one call that is not counted. Memory is the highest above
that in use before the call, each in a fresh process. For the timings, the allocator of all contestants keeps the
memory it has (glibc's `MALLOC_TRIM_THRESHOLD_`): page faults would drown what is timed. "rheobase in chunks" is
`nn.Chunked`, which runs each chunk of time once more on the way back.

Agreement is with rheobase's reference loop, from the same input and the same upstream gradient, wherever a
contestant computes the same model: the share of equal outputs, and the relative difference of the input's
gradient over the cells whose outputs are all equal (after one spike on the other side of the threshold, all
differs).
"""

WHAT = {
    "LIF": "One state; exact step, subtractive reset, arctan surrogate.",
    "CubaLIF": "LIF with an exponential synaptic current.",
    "FiveStates": "Two synapses, membrane, two adaptations; six learnable parameters per neuron.",
    "SRC": "The spiking recurrent cell as by default: its gradient does not pass through h and h_s in time.",
    "SRCThroughTime": "The same with `detach_recurrence=False`. Chaotic: rounding changes it.",
    "ResonateAndFire": "A neuron that the engine has never seen, written in `benchmarks/models.py`.",
}


def agreed(row: dict[str, Any]) -> tuple[str, str]:
    found = row.get("agreement")
    return ("", "") if found is None else (percent(found["spikes"]), f"{found['gradient']:.0e}")


def size(shape: Sequence[int]) -> str:
    return f"T = {shape[0]}, batch {shape[1]}, {shape[2]} neurons, float32"


def rates(results: dict[str, Any]) -> str:
    return ", ".join(f"{rate:.1%}" for rate in results["activity"])


def neurons(results: dict[str, Any]) -> str:
    parts = [
        "## One neuron layer, forward + backward\n",
        f"{size(results['shape'])}; a dense upstream gradient.\n",
    ]
    for model, case in results["cases"].items():
        parts.append(f"### {model}\n")
        parts.append(f"{WHAT[model]} Active in {case['activity']:.1%} of the steps.\n")
        head = ["", "ms", "to `y = 2 * x`", "to rheobase", "peak MB", "equal outputs", "gradient differs by"]
        rows = [
            [
                name,
                ms(row["seconds"]),
                times(row["to_trivial"]),
                times(row.get("to_rheobase")),
                megabytes(row.get("memory")),
                *agreed(row),
            ]
            for name, row in case["rows"].items()
        ]
        parts += [table(head, rows), notes(case["rows"], case["absent"])]
    return "\n".join(filter(None, parts))


def training_step(results: dict[str, Any]) -> str:
    sizes = "-".join(map(str, results["sizes"]))
    text = (
        f"A {sizes} LIF network without biases, T = {results['time']}, batch {results['batch']}, float32; "
        f"forward, cross-entropy, backward, Adam. The layers are active in {rates(results)} of the steps.\n"
    )
    rows = [
        [name, ms(row["seconds"]), times(row["to_products"]), megabytes(row.get("memory")), *agreed(row)]
        for name, row in results["rows"].items()
    ]
    head = [
        "",
        "ms",
        "to the products alone",
        "peak MB",
        "equal outputs",
        "first weights' gradient differs by",
    ]
    return "\n".join(
        [
            "## A training step beside its matrix products\n",
            text,
            table(head, rows),
            notes(results["rows"], results["absent"]),
        ]
    )


def memory(results: dict[str, Any]) -> str:
    layers, width = len(results["sizes"]) - 1, results["sizes"][1]
    text = (
        f"{layers} LIF layers of {width}, each behind a linear layer; T = {results['time']}, batch "
        f"{results['batch']}; forward, cross-entropy, backward. The layers are active in {rates(results)} "
        "of the steps.\n"
    )
    rows = [
        [name, megabytes(row["memory"]), f"{row['bytes_per_neuron_step']:.1f}", times(row.get("to_rheobase"))]
        for name, row in results["rows"].items()
    ]
    head = ["", "peak MB", "bytes per neuron and step", "to rheobase"]
    return "\n".join(
        ["## Memory of a training step\n", text, table(head, rows), notes(results["rows"], results["absent"])]
    )


def startup(results: dict[str, Any]) -> str:
    text = (
        "Forward + backward at T = 100, batch 64, 512 neurons: how much longer the first call of a process "
        "takes than a later one, with an empty and with a filled kernel cache; medians of "
        f"{results['runs']} processes each.\n"
    )
    rows = [
        [
            model,
            f"{row['cold']['extra']:.3f}",
            f"{row['warm']['extra']:.3f}",
            f"{1e3 * row['warm']['rheobase_import']:.0f}",
            f"{1e3 * row['warm']['torch_import']:.0f}",
        ]
        for model, row in results["rows"].items()
    ]
    head = ["", "cold: + s", "warm: + s", "`import rheobase` beyond torch: ms", "`import torch`: ms"]
    return "\n".join(["## The first call\n", text, table(head, rows)])


def after_matmul(results: dict[str, Any]) -> str:
    text = f"{size(results['shape'])}; forward + backward alone, and right after a matrix product.\n"
    rows = []
    for model, row in results["rows"].items():
        for name, ratio in row["ratios"].items():
            alone, after = (row["timings"][f"{name} {how}"] for how in ("alone", "after a product"))
            rows.append([f"{model}: {name}", ms(alone), ms(after), times(ratio)])
    threads = [[model, *(ms(timing) for timing in row["threads"].values())] for model, row in results["rows"].items()]
    counts = next(iter(results["rows"].values()))["threads"]
    head = ["", *(f"{n} thread{'' if n == '1' else 's'}: ms" for n in counts)]
    return "\n".join(
        [
            "## Beside other work on the same cores\n",
            text,
            table(["", "alone: ms", "after a product: ms", "ratio"], rows),
            "`torch.set_num_threads` is obeyed:\n",
            table(head, threads),
        ]
    )


def epoch(results: dict[str, Any]) -> str:
    parts = ("encoding", "product", "cells, readout, loss", "backward, Adam")
    rows = [
        [name, f"{row['whole']:.1f}", *(f"{row[part]:.1f}" for part in parts)] for name, row in results["rows"].items()
    ]
    return "\n".join(
        [
            "## An epoch of MNIST\n",
            f"The SRC network 784-100 with its group readout, {results['steps']} steps, batches of {results['batch']}: "
            f"all {results['samples']:,} images ({results['images']}), forward, backward and Adam, with "
            f"{results['draws']:.1e} Bernoulli draws by the counter-based rate code. Seconds of one epoch, and of its "
            "parts.\n",
            table(["", "whole epoch: s", *parts], rows),
        ]
    )


def delay(results: dict[str, Any]) -> str:
    rows = [
        [name, ms(row["seconds"]), times(row["to_rheobase"]), f"{row['error']:.0e}"]
        for name, row in results["rows"].items()
    ]
    step = results["training_step"]
    without, delayed = (ms(step[f"{taps} taps"]) for taps in (0, results["taps"]))
    return "\n".join(
        [
            "## Delays as states\n",
            f"Each of {results['neurons']} neurons sums its last {results['taps']} inputs; {results['steps']} steps, "
            f"batch {results['batch']}, float32, forward and backward, with the gradients of inputs and taps. The "
            "error is the largest difference to float64, relative to the largest value, of sums and gradients.\n",
            table(["", "ms", "to rheobase", "error"], rows),
            f"A training step of a network of 140-{results['neurons']}-{results['neurons']}-20 AdLIF cells: {without} "
            f"ms without delays, {delayed} ms with them, {results['training_ratio']:.2f} x.\n",
        ]
    )


def cs_gru(results: dict[str, Any]) -> str:
    steps, batch, channels, size = results["sizes"]
    rows = [
        [
            f"{name} ({percent(case['activity'])} of the cells)",
            *(ms(row["seconds"]) for row in case["rows"].values()),
            times(case["ratio"]),
            f"{case['agreement']['gradient']:.0e}",
        ]
        for name, case in results["cases"].items()
    ]
    contestants = [f"{name}: ms" for name in next(iter(results["cases"].values()))["rows"]]
    return "\n".join(
        [
            "## CS-GRU\n",
            f"One layer of {channels} channels on images of {size} x {size} with one channel, {steps} steps, batch "
            f"{batch}, float32, forward and backward, beside a loop in torch of the same equations, step by step. All "
            "spikes are equal; given is the largest difference of a parameter's gradient (2-norms).\n",
            table(["spikes in a step", *contestants, "faster by", "gradients differ by"], rows),
        ]
    )


def dqif(results: dict[str, Any]) -> str:
    rows = [
        [name, ms(row["seconds"]), times(row["to_lif"]), percent(row["activity"]), *agreed(row)]
        for name, row in results["rows"].items()
    ]
    return "\n".join(
        [
            "## DQIF beside LIF\n",
            f"One layer, forward and backward; {size(results['shape'])}; a dense upstream gradient, a rectangular "
            "surrogate. Agreement is with the reference loop. Learned: with the gradients of the parameters.\n",
            table(["", "ms", "to LIF", "active in", "equal outputs", "gradient differs by"], rows),
        ]
    )


def event_driven(results: dict[str, Any]) -> str:
    speed = [
        [name, f"{row['per_second'] / 1e6:.2f}", f"{row['arrivals']:,}", f"{row['rate']:.1f}"]
        for name, row in results["speed"].items()
    ]
    stepped = dict(results["stepped"])
    ours = stepped.pop("event-driven")
    rows = [
        [
            name,
            f"{1e3 * row['seconds']:.3g}",
            f"{row['median_error']:.1e}",
            str(row["missing"]),
            f"{row['seconds_at_aim']:.1e}",
            times(row["at_aim_to_event_driven"]),
        ]
        for name, row in stepped.items()
    ]
    return "\n".join(
        [
            "## Event-driven simulation\n",
            f"{results['neurons']:,} neurons in recurrence, 100 synapses each, delays of 0.5 to 5 ms, on one core; "
            f"{results['t_stop']:g} ms.\n",
            table(["", "million synaptic events per second", "events", "rate: Hz"], speed),
            f"The first {results['compared']:g} ms of the first of them in {1e3 * ours['seconds']:.3g} ms, and on a "
            "grid in a compiled loop that is exact within a step. Its error is of first order; from that follows what "
            f"it would take to be off by {results['aim']:g} of that time.\n",
            table(["", "ms", "off by (median): ms", "missing", f"to {results['aim']:g}: s", "to event-driven"], rows),
        ]
    )


def tree(results: dict[str, Any]) -> str:
    head = ["", "forward", "its memory", "with the gradient", "its memory"]
    kinds = ("forward", "forward, memory", "with the gradient", "with the gradient, memory")
    rows = [[name, *(f"{row[kind]['ns']:.2f}" for kind in kinds)] for name, row in results["cases"].items()]
    return "\n".join(
        [
            "## The elimination of a tree\n",
            f"Nanoseconds for a compartment of a lane, {results['lanes']} lanes on a random tree: the linear system of "
            "a branched cable, and its adjoint. Beside them, a copy by torch of as many bytes as must be read and "
            "written.\n",
            table(head, rows),
        ]
    )


def profiler_rows(results: dict[str, Any]) -> str:
    def us(row: dict[str, Any]) -> str:
        median, lower, upper = (f"{1e6 * row['seconds'][k]:.4g}" for k in ("median", "lower", "upper"))
        return f"{median} [{lower}, {upper}]"

    names = list(next(iter(results["rows"].values())))
    rows = [[title, *(us(found[name]) for name in names)] for title, found in results["rows"].items()]
    return "\n".join(
        [
            "## Rows of torch's profiler\n",
            "Microseconds on its core of one forward call of a LIF layer without gradients, where no profiler runs. A "
            'layer asks whether one does; "not asked" is the same call without that.\n',
            table(["", *names], rows),
        ]
    )


SECTIONS: dict[str, Callable[[dict[str, Any]], str]] = {
    "neurons": neurons,
    "training_step": training_step,
    "memory": memory,
    "startup": startup,
    "after_matmul": after_matmul,
    "conductance": conductance,
    "epoch": epoch,
    "delay": delay,
    "cs_gru": cs_gru,
    "dqif": dqif,
    "event_driven": event_driven,
    "tree": tree,
    "cells": cells,
    "cells_avx512": cells_avx512,
    "jaxley_cells": jaxley,
    "synapses": synapses,
    "schemes": schemes,
    "rallpack": rallpack,
    "truenorth": truenorth,
    "profiler_rows": profiler_rows,
}


def provenance(results: dict[str, Any]) -> str:
    """Machine, versions and date of one result."""
    found = results["machine"]
    versions = ", ".join(f"{name} {version}" for name, version in found["versions"].items())
    quick = " **A quick run at tiny sizes: not a measurement.**" if results["quick"] else ""
    return (
        f"Measured {results['date']} on {found['cpu']}, {found['cores']} cores, {found['threads']} torch "
        f"threads, {found['vector']}, {found['system']}; {versions}.{quick}\n"
    )


def render(folder: Path) -> str:
    """The whole page, from the results that are there."""
    parts = [INTRODUCTION]
    for name, section in SECTIONS.items():
        path = folder / f"{name}.json"
        if path.exists():
            results = json.loads(path.read_text())
            parts += [section(results).rstrip() + "\n", provenance(results)]
    return "\n".join(parts)


def main() -> None:
    p = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    p.add_argument("--results", type=Path, default=ROOT / "benchmarks" / "results")
    p.add_argument("--out", type=Path, default=ROOT / "docs" / "benchmarks.md")
    options = p.parse_args()
    options.out.write_text(render(options.results))


if __name__ == "__main__":
    main()
