"""The sections of `benchmarks.schemes` and `benchmarks.rallpack`."""

from __future__ import annotations

from typing import Any

from benchmarks.markdown import table


def schemes(results: dict[str, Any]) -> str:
    rows = [
        [f"NEURON, {dt} ms" if float(dt) else "NEURON, its limit", *_off(values), ""]
        for dt, values in results["NEURON"].items()
    ]
    for name, steps in results["rows"].items():
        rows += [[f"{name}, {dt} ms", *_off(row["ms"]), f"{row['seconds']:.2g}"] for dt, row in steps.items()]
    costs = [[name, *(f"{ns:.3g}" for ns in lanes.values())] for name, lanes in results["cost"].items()]
    lanes = list(next(iter(results["cost"].values())))
    spikes = ", ".join(map(str, results["spikes"]))
    return "\n".join(
        [
            "## Schemes of a cell\n",
            f"The human interneuron of 127 compartments, one published set of parameters ({results['model']}), "
            f"four currents, {results['ms']:g} ms ({spikes} spikes). Given is the largest error of a spike's time in "
            f"ms against `Extrapolated(3)` at {results['exact']:g} ms, and the processor seconds for a second of one "
            "trace where four run at once in float64. NEURON's times are stored ones; its limit is twice those at "
            "0.0025 ms less those at 0.005 ms.\n",
            table(["", *(f"{a:g} nA" for a in results["amplitudes"]), "s"], rows),
            "Processor nanoseconds for a compartment, lane and step, float64, by the number of lanes:\n",
            table(["", *(f"{n} lanes" for n in lanes)], costs),
        ]
    )


PACKS = {
    "1": "Rallpack 1: a passive cable; error of the potential, relative",
    "2": "Rallpack 2: a passive tree; error of the potential, relative",
    "3": "Rallpack 3: an axon; error of a spike's time, ms",
}


def rallpack(results: dict[str, Any]) -> str:
    parts = [
        "## Rallpack\n",
        f"The three cells of Bhalla, Bilitch & Bower (1992), {results['ms']:g} ms, float64, one lane: a passive cable "
        "of one space constant and a passive tree that is a cable to its root, beside the closed form of the "
        f"continuous cable, and an axon of Hodgkin & Huxley beside spike times of NEURON {results['neuron']} "
        f"(Crank-Nicolson at 0.001 ms, {1e3 * results['neuron_ms']:.2g} us from those at 0.002 ms). "
        "Errors are at the end where the current enters and at the far one: the root of the mean square over that of "
        "the rise, or the largest of a spike. Processor nanoseconds are for a compartment and step.\n",
    ]
    for pack, title in PACKS.items():
        rows = [
            [f"{name}, {dt} ms", *_off(row["errors"]), f"{row['ns']:.3g}"]
            for name, steps in results["cases"][pack].items()
            for dt, row in steps.items()
        ]
        parts += [f"{title} ({results['compartments'][pack]} compartments).\n", table(["", "near", "far", "ns"], rows)]
    parts.append(
        "Where the current enters, the potential of a cable rises as the root of time, and every scheme has order 1. "
        "What is left of the tree at small steps is its sizes, which are given in three digits.\n"
    )
    return "\n".join(parts)


def _off(errors: list[float | None]) -> list[str]:
    return ["other number of spikes" if x is None else f"{x:.2g}" for x in errors]
