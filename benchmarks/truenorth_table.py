"""The section on a full TrueNorth chip in `docs/benchmarks.md`."""

from __future__ import annotations

from typing import Any

from benchmarks.markdown import megabytes, table


def truenorth(results: dict[str, Any]) -> str:
    (x, y), (before, after) = results["cores"], results["load"]
    own = "the same for all neurons" if results["shared"] else "of their own for every neuron"
    text = (
        f"{x * y:,} cores ({256 * x * y:,} neurons), 128 synapses on each axon, random targets, delays of 1 to 15 "
        f"ticks, hops counted; weights, leak and thresholds {own}. Potentials of 16 bits and weights of 8 (narrow), or "
        "32 and 16 (general); without random numbers, or with all stochastic modes on. Milliseconds of a tick, by the "
        f"clock (median and quartiles of runs of {results['ticks']} ticks) and on the processor of each thread; "
        f"microseconds of processor time for a core and a tick, where Compass took {results['compass_us']:.0f} (2012, "
        "on 262,144 processors); and the processor time in which torch copies as many bytes as a tick must at least "
        f"read and write. Configuration, plan and run together take {megabytes(results['memory'])} MB. The load of the "
        f"machine was {before:.1f} before the timing and {after:.1f} after it, this benchmark's own included.\n"
    )
    rows = []
    for name, case in results["cases"].items():
        for threads, found in case["threads"].items():
            clock = found["clock"]
            low, high = (1e3 * clock[k] / results["ticks"] for k in ("lower", "upper"))
            rows.append(
                [
                    name.rpartition(",")[0],
                    f"{case['rate']:.1f}",
                    threads,
                    f"{found['ms']:.2f} [{low:.2f}, {high:.2f}]",
                    f"{found['processor_ms_of_a_thread']:.2f}",
                    f"{found['us_of_a_core']:.2f}",
                    f"{found['copy_ms']:.2f}",
                    f"{case['least_bytes'] / 1e6:.1f}",
                ]
            )
    head = [
        "class",
        "Hz",
        "threads",
        "ms by the clock",
        "ms of a thread's processor",
        "us for a core",
        "copy: ms",
        "MB",
    ]
    slow = "\nMeasured beside other work: the clock tells of that, too.\n" if max(before, after) > 3.0 else ""
    return "\n".join(["## A TrueNorth chip\n", text, table(head, rows), slow])
