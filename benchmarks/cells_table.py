"""The sections of `benchmarks.cells`, `benchmarks.jaxley_cells` and `benchmarks.synapses`."""

from __future__ import annotations

from typing import Any

from benchmarks.markdown import megabytes, table, times

CELL = {
    "published": "The human interneuron of 127 compartments, with 60 published sets of parameters",
    "by hand": "A tree of 127 compartments by hand, with 60 sets of parameters around those of a human interneuron",
}


def cells(results: dict[str, Any]) -> str:
    found = results["population"]
    models, currents, total, dt = (found[key] for key in ("models", "currents", "ms", "dt"))
    before, after = found["load"]
    lines = [
        "## Cells of many compartments\n",
        f"{CELL[results['cell']]}; ten mechanisms in the soma and five in the dendrites, among them a sodium channel "
        f"of 12 states in every compartment. {models} models x {currents} currents, {total:g} ms, dt = {dt:g} ms, "
        "whole runs on two threads, the soma of all recorded at every step, its spikes found and every fifth value "
        f"written to a file. Nanoseconds are for a compartment, step and trace. The load was {before:.1f} before and "
        f"{after:.1f} after.\n",
    ]
    if "neuron" in found:
        lines.append(
            f"NEURON {found['neuron']} takes turns with them: one process, and two at once, each a trace in a turn, "
            "other models and currents in every turn; only its integration is timed. Its mechanisms are those of "
            "`benchmarks/simulators/neuron_channels`, translated by `nrnivmodl` with its own flags. CoreNEURON of the "
            "wheel of 9.0.2 is not beside it: `nrnivmodl -coreneuron` writes the solver of `NaV` twice into one file, "
            "which g++ 12 refuses."
        )
        if "neuron_against_stored" in found:
            off = found["neuron_against_stored"]
            lines.append(
                f"With them it repeats 12 traces that NEURON made with the published files, within {off['mV']:.1e} mV "
                f"(they are stored in float32) and {off['ms']:.1e} ms of every spike."
            )
        lines.append("")
    return "\n".join([*lines, *_tables(results)])


def cells_avx512(results: dict[str, Any]) -> str:
    before, after = results["population"]["load"]
    said = (
        "The tables above, on a machine with AVX-512 (`--json benchmarks/results/cells_avx512.json`). "
        f"The load was {before:.1f} before and {after:.1f} after.\n"
    )
    return "\n".join(["### On AVX-512\n", said, *_tables(results)])


def _tables(results: dict[str, Any]) -> list[str]:
    """Whole runs beside NEURON, and what a step costs."""
    found, lines = results["population"], list[str]()
    rows = [
        [
            name,
            f"{row['seconds']['median']:.3g} [{row['seconds']['lower']:.3g}, {row['seconds']['upper']:.3g}]",
            f"{row['ns']:.3g}",
            times(row.get("neuron_two")),
            *(_off(row.get(key)) for key in OTHERS),
            megabytes(row.get("memory")),
        ]
        for name, row in found["rows"].items()
    ]
    lines.append(table(["", "s", "ns", "NEURON, 2 processes", *OTHERS.values(), "peak MB"], rows))
    lines.append(
        "NEURON's seconds are for one trace: of two processes, half of what two traces take. Spike times are those of "
        "upward crossings of -20 mV; given is the largest difference over all spikes of the traces compared, in "
        "brackets how many these are, and how many of them have another number of spikes, which are not compared.\n"
    )
    kinds = ("forward, 1 threads", "forward, 2 threads", "gradient, 1 threads", "gradient, 2 threads")
    steps = [
        [
            name,
            *(f"{row[kind]['ns']:.3g}" for kind in kinds),
            *(times(row[f"gradient, {n} threads"]["ns"] / row[f"forward, {n} threads"]["ns"]) for n in (1, 2)),
        ]
        for name, row in results["steps"].items()
    ]
    lines.append(
        "Nanoseconds for a compartment, step and lane, forward and with the gradient of the spike times by every "
        "maximal conductance (with the forward run that it needs):\n"
    )
    if max(found["load"]) > 3.0:
        lines.append("Other work ran beside on the same cores, so what a second thread gives cannot be seen here.\n")
    head = [
        "",
        "forward, 1 thread",
        "2 threads",
        "with gradient, 1 thread",
        "2 threads",
        "to forward, 1 thread",
        "2 threads",
    ]
    return [*lines, table(head, steps)]


OTHERS = {
    "to_float64": "spikes off float64: ms",
    "to_neuron": "off NEURON here: ms",
    "to_stored": "off stored NEURON: ms",
}


def _off(found: dict[str, Any] | None) -> str:
    if found is None:
        return ""
    return f"{found['ms']:.1e} ({found['traces']}; {found['other counts']})"


def jaxley(results: dict[str, Any]) -> str:
    kinds = ("forward", "gradient", "gradient without checkpoints")
    names = ["rheobase, forward", "rheobase, gradient", *(f"Jaxley, {kind}" for kind in kinds)]
    rows, apart = list[list[str]](), list[list[str]]()
    for title, case in results["cases"].items():
        ns = {name: case["rows"][name]["ns"] for name in names}
        best = min(ns[name] for name in names[3:])
        over = (ns["Jaxley, forward"] / ns["rheobase, forward"], best / ns["rheobase, gradient"])
        rows.append([title, *(f"{ns[name]:.3g}" for name in names), *map(times, over)])
        off, own = case["compared"], case["rounded"]
        compiling = (f"{case['compile'][kind]:.0f}" if kind in case["compile"] else "" for kind in kinds)
        apart.append(
            [
                title,
                f"{off['mV']:.1e}",
                f"{off['gradient']:.1e}",
                *(f"{x:.1e}" for x in own.values()),
                str(off["spikes"]),
                *compiling,
            ]
        )
    versions = results["versions"]
    length = f"{results['ms']:g} ms" + (" (a reduced run: 100 ms in full)" if results["ms"] < 100.0 else "")
    return "\n".join(
        [
            "## Cells beside Jaxley\n",
            f"Jaxley {versions['version']} on JAX {versions['jax']}, on the CPU, in a process of its own that takes "
            f"turns: `jit` of `vmap` of `integrate`, its solver `jaxley.dhs`, two levels of checkpoints as its "
            "documentation has them, and none. The same tree by hand "
            f"of {results['compartments']} compartments in both, the currents of Hodgkin & Huxley in each (Jaxley's "
            f"`HH`; `Na_HH`, `K_HH` and `Pas` here), backward Euler, dt = {results['dt']:g} ms, {length}, "
            "a step of current into the soma. The gradient is that of the sum of squares of the soma's potential by "
            "six conductances in each lane. Nanoseconds of the processor for a compartment, lane and step, one thread, "
            "whole calls, the shortest of the turns; Jaxley's compilation is apart. Times are Jaxley's to rheobase's, "
            "of its two gradients the shorter.\n",
            table(["", *names, "forward", "gradient"], rows),
            "What both give, and what compiling takes once (seconds on a busy machine): the largest difference of the "
            "soma's potential, and of a gradient relative to the largest of its kind, between both, and between "
            "rheobase and its own run in float64; spikes of all lanes. Where a gradient differs by nan, Jaxley's is "
            "not a number.\n",
            table(
                [
                    "",
                    "mV",
                    "gradient",
                    "own mV",
                    "own gradient",
                    "spikes",
                    *(f"compiling, {kind}: s" for kind in kinds),
                ],
                apart,
            ),
            "One lane alone is Jaxley's: its vectors are compartments, here they are lanes; and a call here takes some "
            "3 ms before its first step (of one lane 3.8 ms for 40 steps, 15 ms for 800, 60 ms for 4000 in float32, "
            "busy). Jaxley runs on GPUs and TPUs as well, for which a cell has no kernel here, and its documentation "
            "has networks of cells; its channels are any function in JAX.\n",
        ]
    )


def synapses(results: dict[str, Any]) -> str:
    def us(row: dict[str, Any]) -> str:
        per = 1e6 / (results["steps"] * results["lanes"])
        median, lower, upper = (f"{per * row['seconds'][k]:.3g}" for k in ("median", "lower", "upper"))
        return f"{median} [{lower}, {upper}]"

    cases = results["cases"]
    rows = [
        [
            title,
            *(text for rows in cases.values() for text in (us(rows[title]), f"{rows[title]['ns'] / bare(rows):.3g} x")),
        ]
        for title in cases["forward"]
    ]
    head = ["", *(text for what in cases for text in (f"{what}: us", "to none"))]
    return "\n".join(
        [
            "## Synapses on a cell\n",
            f"Microseconds of the processor, one thread, for a step of one of {results['lanes']} cells of 127 "
            f"compartments in float32, with {results['synapses']} synapses at random places, in turns "
            f"({results['steps']} steps a run). "
            "Other work may have run beside: it is not in the processor's time, but takes of its caches.\n",
            table(head, rows),
        ]
    )


def bare(rows: dict[str, Any]) -> float:
    """The nanoseconds of the cell without synapses."""
    return rows["no synapses"]["ns"]
