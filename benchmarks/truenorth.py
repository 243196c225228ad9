"""A full TrueNorth chip, tick by tick: 4,096 cores, 128 synapses on each axon, random targets, delays of 1 to 15 ticks.

Neurons are driven by their leak to about 10, 20 and 50 spikes per second and disturbed by what they send one another,
in balance; every neuron has weights, leak and thresholds of its own ("--shared": all have the same). Of four classes:
narrow (16-bit potentials, 8-bit weights), general, and both with every stochastic mode on. Hops are counted, spikes are
not kept. For each class and rate, milliseconds of a tick by the clock and of processor time for each thread, and
microseconds of processor time for a core and a tick, beside 400 of Compass (2012: 256 million cores, 388 times slower
than real time on 262,144 processors); and the time in which a copy moves the bytes that a tick must read and write.

    python -m benchmarks.truenorth [--quick] [--kinds narrow general] [--rates 10 20] [--shared] [--crossover]
"""

from __future__ import annotations

import os
import time
from collections.abc import Callable, Sequence
from dataclasses import asdict
from typing import Any

import numpy as np
import torch

from benchmarks.measure import Contestant, interleave, peak_memory
from benchmarks.options import finish, parsed, parser, say
from rheobase.chip.truenorth import Configuration, Counts, Emulator, TrueNorth, fast
from rheobase.chip.truenorth.kernel import Kernel
from rheobase.engine.llvm.compile import compile_module, host

KINDS = ("narrow", "general", "chance", "general chance")
RATES = (10, 20, 50)
THREADS = (1, 2)
SETTLE, TICKS = 60, 100
COMPASS = 400.0  # microseconds of processor time for a core and a tick


def chip(board: TrueNorth, kind: str, rate: int, *, shared: bool = False, seed: int = 0) -> Configuration:
    """A board whose neurons fire `rate` times in 1000 ticks."""
    g, n, period = np.random.default_rng(seed), board.n_cores, 1000 // rate
    general, chance = "general" in kind, "chance" in kind
    neurons = (1, 1) if shared else (n, 256)

    def own(low: int, high: int, shape: tuple[int, ...] = neurons) -> Any:
        return np.full(shape, (low + high) // 2) if shared else g.integers(low, high + 1, shape)

    # of the weights two are positive and two the same with the other sign; of a stochastic one the size is its chance
    low, high = (128, 254) if chance else (130, 200) if general else (1, 3)
    w = own(low, high, (1, 2, 1) if shared else (n, 2, 256)).astype(np.int16)
    step = 0.75 if chance else 250.0 if general else 10.0
    eta = 4 if chance else 0
    mean, spread = step * period - (2**eta - 1) / 2, step * period / 20
    half = g.integers(0, 256, (n, 256, 16), dtype=np.uint8)
    # half of the bits and their opposites: 128 synapses on each axon
    crossbar = np.stack([half, ~half], axis=-1).reshape(n, 256, 32)
    return Configuration(
        board,
        crossbar=crossbar,
        axon_type=np.arange(256)[None] % 4,
        s=np.stack([w[:, 0], -w[:, 0], w[:, 1], -w[:, 1]], 1),
        b=int(chance),
        c=int(chance),
        leak=own(128, 254) if chance else own(int(0.9 * step), min(255, int(1.1 * step))),
        TM=eta,
        alpha=own(max(1, int(mean - spread)), max(1, int(mean + spread))),
        beta=own(200_000, 201_000) if general else own(1000, 1100),
        gamma=0,
        v=g.integers(0, max(1, int(mean - spread)), (n, 256)),
        target=g.integers(0, n, (n, 256), dtype=np.int32),
        target_axon=g.integers(0, 256, (n, 256), dtype=np.uint8),
        delay=g.integers(1, 16, (n, 256), dtype=np.uint8),
    )


def least_bytes(emulator: Emulator, counts: Counts) -> float:
    """What a tick reads and writes at least, in whole lines of the cache."""
    plan, ticks = emulator._plan, len(counts.spikes)
    wide = ~plan.classes.narrow
    number = np.where(wide, 4, 2) * 256
    # potentials there and back, what is due and its mark
    total = (2 * number).sum() + 2 * 32 * len(wide)
    if len(plan.tables) > 4 * 2**20:
        # rows of parameters that no cache keeps: leak and threshold, and the weights of the types that are active
        active = counts.active_axons.sum() / ticks / len(wide)
        kinds = 4 * (1 - (1 - 0.25) ** active)
        total = total + (2 * number).sum() + (number / 2 * kinds).sum()
    # a line of the crossbar for each active axon; of targets, and of what becomes due, for each spike
    return float(total + 64 * (counts.active_axons.sum() + 2 * counts.spikes.sum()) / ticks)


def timed(emulator: Emulator, threads: int, ticks: int, clock: Callable[[], float]) -> Callable[[], float]:
    """A run from a settled state, which reports its seconds by a clock."""
    state = emulator.run(SETTLE).state

    def call() -> float:
        torch.set_num_threads(threads)
        begin = clock()
        emulator.run(ticks, state=state)
        return clock() - begin

    return call


def copied(threads: int, size: int) -> Callable[[], float]:
    source, target = torch.zeros(size, dtype=torch.int8), torch.empty(size, dtype=torch.int8)

    def call() -> float:
        torch.set_num_threads(threads)
        begin = time.process_time()
        target.copy_(source)
        # of each thread: beside other work the clock would tell of that
        return (time.process_time() - begin) / threads

    return call


def measure(emulator: Emulator, ticks: int, budget: float, workers: Sequence[int]) -> dict[str, Any]:
    contestants, size = list[Contestant](), 64 * 2**20
    for n in workers:
        contestants += [
            Contestant(f"clock {n}", timed(emulator, n, ticks, time.perf_counter), reports=True),
            Contestant(f"processor {n}", timed(emulator, n, ticks, time.process_time), reports=True),
            Contestant(f"copy {n}", copied(n, size), reports=True),
        ]
    timings = interleave(contestants, budget=budget)
    counts = emulator.run(ticks, state=emulator.run(SETTLE).state).counts
    cores, least = emulator.net.board.n_cores, least_bytes(emulator, counts)
    row: dict[str, Any] = {
        "rate": 1000 * counts.spikes.mean() / cores / 256,
        "active_axons": counts.active_axons.mean() / cores,
        "hops_per_spike": counts.hops.sum() / max(1, counts.spikes.sum()),
        "least_bytes": least,
        "narrow": float(emulator._plan.classes.narrow.mean()),
        "threads": {},
    }
    for n in workers:
        clock, processor, copy = (timings[f"{name} {n}"] for name in ("clock", "processor", "copy"))
        row["threads"][n] = {
            "clock": asdict(clock),
            "processor": asdict(processor),
            "ms": 1e3 * clock.median / ticks,
            "processor_ms_of_a_thread": 1e3 * processor.median / ticks / n,
            "us_of_a_core": 1e6 * processor.median / ticks / cores,
            # a copy reads as much as it writes
            "copy_ms": 1e3 * copy.median * least / (2 * size),
        }
    return row


def crossover(cores: tuple[int, int], ticks: int, budget: float) -> dict[str, Any]:
    """Rows of weights against counts of axons, in a cache: nanoseconds of a core and a tick, by active axons."""
    ways = {"rows": 256, "counts": 0}
    codes = {
        name: compile_module(Kernel(host().vector_bits, dict.fromkeys((16, 32), few)).text())
        for name, few in ways.items()
    }
    usual, found = fast.kernel, dict[str, Any]()
    for kind in ("narrow", "general"):
        for rate in (20, 40, 80, 125, 200, 333):
            emulator = Emulator(chip(TrueNorth(cores=cores), kind, rate))
            run = timed(emulator, 1, ticks, time.process_time)

            def through(code: Any, run: Callable[[], float] = run) -> float:
                fast.kernel = lambda: code
                return run()

            contestants = [
                Contestant(name, lambda code=code: through(code), reports=True) for name, code in codes.items()
            ]
            timings = interleave(contestants, budget=budget / 12)
            active = emulator.run(ticks).counts.active_axons.mean() / (cores[0] * cores[1])
            row = {name: 1e9 * t.median / ticks / (cores[0] * cores[1]) for name, t in timings.items()}
            found[f"{kind}, {active:.1f} active axons"] = row
            say(f"{kind:8s} {active:6.1f} active: " + ", ".join(f"{name} {ns:.0f} ns" for name, ns in row.items()))
    fast.kernel = usual
    return found


def whole_run(cores: tuple[int, int], kind: str) -> tuple[Callable[[], object], Callable[[], object]]:
    """For `peak_memory`: a small board, and a configuration that is made, planned and run."""

    def made(board: TrueNorth) -> object:
        emulator = Emulator(chip(board, kind, 20))
        return emulator.run(40, state=emulator.run(40).state)

    return lambda: made(TrueNorth(cores=(2, 2))), lambda: made(TrueNorth(cores=cores))


def main() -> None:
    p = parser(__doc__)
    p.add_argument("--kinds", nargs="+", choices=KINDS, default=KINDS)
    p.add_argument("--rates", nargs="+", type=int, default=RATES)
    p.add_argument("--shared", action="store_true", help="all neurons have the same weights, leak and thresholds")
    p.add_argument(
        "--crossover", action="store_true", help="time rows of weights against counts of axons, nothing else"
    )
    options = parsed(p)
    if options.crossover:
        crossover((16, 8), 50 if options.quick else 500, options.budget)
        return
    cores, ticks = ((4, 4), 10) if options.quick else ((64, 64), TICKS)
    load = [os.getloadavg()[0]]
    cases: dict[str, Any] = {}
    for kind in options.kinds:
        for rate in options.rates:
            emulator = Emulator(chip(TrueNorth(cores=cores), kind, rate, shared=options.shared))
            row = cases[f"{kind}, {rate} Hz"] = measure(emulator, ticks, options.budget / 8, THREADS)
            for n, found in row["threads"].items():
                say(
                    f"{kind:15s} {row['rate']:5.1f} Hz, {n} threads: {found['ms']:.2f} ms of a tick, "
                    f"{found['processor_ms_of_a_thread']:.2f} of each thread's processor, "
                    f"{found['us_of_a_core']:.2f} us of a core, a copy of as much {found['copy_ms']:.2f} ms"
                )
    memory = peak_memory("benchmarks.truenorth:whole_run", {"cores": cores, "kind": "narrow"})
    say(f"memory of configuration, plan and run together: {memory / 1e6:.0f} MB")
    load.append(os.getloadavg()[0])
    found = {"cores": cores, "ticks": ticks, "shared": options.shared, "load": load, "cases": cases}
    finish("truenorth", options, {**found, "compass_us": COMPASS, "memory": memory})


if __name__ == "__main__":
    main()
