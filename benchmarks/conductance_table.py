"""The section of BENCHMARKS.md about conductance-based neurons beside NEURON and Brian2."""

from __future__ import annotations

from typing import Any

from benchmarks.markdown import notes, percent, table, times


def conductance(results: dict[str, Any]) -> str:
    low, high = results["currents"]
    parts = [
        "## Conductance-based neurons\n",
        f"{results['cells']:,} independent cells of Hodgkin & Huxley (1952), each under a constant current of its own "
        f"({low:g} to {high:g} uA/cm2), {results['t_stop']:g} ms from rest; every spike is recorded, and nothing else. "
        "rheobase runs in chunks of 1,000 steps and lists the spikes of each. NEURON is one process, with implicit "
        "Euler where nothing else is said. The programs of Brian2 are compiled with its own flags and report the time "
        "of their loop over time (processor time without OpenMP). All compiling is off the clock. Named is the "
        "time per neuron and step, and how many times it is that of the first line.\n",
        "A spike is an upward crossing of 0 mV, dated to the middle of its step; so an exact solution, too, is off by "
        f"0.29 dt (rms). The reference ({results['spikes']:,} "
        f"spikes) is RK4 in float64 at dt = {results['reference_dt']:g} ms; scipy's DOP853 agrees with it to "
        f"{results['reference_error']:.1e} ms. Equal counts are the cells with as many spikes as in the reference; "
        "over these, times are off by so much, and intervals are longer by so much in the median. The voltage is that "
        f"of four cells that do not fire, over {results['quiet_stop']:g} ms.\n",
    ]
    head = [
        "",
        "ns per neuron and step",
        "to rheobase",
        "equal counts",
        "spikes off by: ms, rms",
        "at most",
        "intervals longer by",
        "voltage off by: mV, rms",
    ]
    for case in results["cases"].values():
        before, after = case["load"]
        steps = results["cells"] * round(results["t_stop"] / case["dt"])
        rows = []
        for name, row in case["rows"].items():
            median, lower, upper = (f"{1e9 * row['seconds'][k] / steps:.3g}" for k in ("median", "lower", "upper"))
            found = row["accuracy"]
            rows.append(
                [
                    name,
                    f"{median} [{lower}, {upper}]",
                    times(row["to_rheobase"]),
                    percent(found["equal_counts"]),
                    f"{found['rms']:.2g}",
                    f"{found['largest']:.2g}",
                    f"{100 * found['interval']:.2g} %",
                    f"{row['voltage']:.1e}",
                ]
            )
        parts += [
            f"### dt = {case['dt']:g} ms\n",
            f"The load of the machine was {before:.1f} before the timing and {after:.1f} after it, this benchmark's "
            "own included.\n",
            table(head, rows),
            notes(case["rows"], results["absent"]),
        ]
    return "\n".join(filter(None, parts))
