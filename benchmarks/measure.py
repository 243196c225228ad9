"""Fair measures: contestants take turns within one run; memory is that of a fresh process each."""

from __future__ import annotations

import gc
import json
import math
import os
import random
import statistics
import subprocess
import sys
import time
from collections.abc import Callable, Iterable, Sequence
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any, cast

import torch
from torch import Tensor

ROOT = Path(__file__).resolve().parent.parent
# a contestant faster than this is called several times per turn, after one call that is not counted:
# its predecessor in the round has emptied the caches and the allocator, which is not its own cost
BRIEF = 0.05


@dataclass(frozen=True)
class Contestant:
    """What is timed. `before` runs ahead of every timed call, off the clock.

    `reports`: the call itself returns its seconds, since part of it (a process that starts, say) is not to count.
    """

    name: str
    call: Callable[[], object]
    before: Callable[[], object] | None = None
    reports: bool = False


@dataclass(frozen=True)
class Timing:
    """Seconds per call: median, minimum and quartiles over `calls` calls."""

    median: float
    minimum: float
    lower: float
    upper: float
    calls: int

    @classmethod
    def of(cls, seconds: Sequence[float]) -> Timing:
        lower, _, upper = statistics.quantiles(seconds, n=4) if len(seconds) > 1 else [seconds[0]] * 3
        return cls(statistics.median(seconds), min(seconds), lower, upper, len(seconds))


def once(contestant: Contestant) -> float:
    """Seconds of one call."""
    if contestant.before is not None:
        contestant.before()
    start = time.perf_counter()
    result = contestant.call()
    elapsed = time.perf_counter() - start
    return float(cast(float, result)) if contestant.reports else elapsed


def interleave(
    contestants: Iterable[Contestant], *, budget: float, warm_up: int = 2, rounds: tuple[int, int] = (5, 400)
) -> dict[str, Timing]:
    """Time all contestants in rounds, in a new order each round, until `budget` seconds are spent.

    Every contestant gets at least `rounds[0]` and at most `rounds[1]` turns, whatever the budget.
    """
    field = list(contestants)
    if len({c.name for c in field}) < len(field):
        raise ValueError(f"two contestants of one name among {[c.name for c in field]}")
    calls: dict[str, int] = {}
    for contestant in field:
        typical = min(once(contestant) for _ in range(warm_up))
        calls[contestant.name] = 1 if typical > BRIEF else min(5, math.ceil(0.4 * BRIEF / typical))
    seconds: dict[str, list[float]] = {c.name: [] for c in field}
    order = random.Random(0)
    collecting = gc.isenabled()
    gc.collect()
    gc.disable()
    try:
        start, done = time.perf_counter(), 0
        while done < rounds[0] or (done < rounds[1] and time.perf_counter() - start < budget):
            for contestant in order.sample(field, len(field)):
                if calls[contestant.name] > 1:
                    once(contestant)
                seconds[contestant.name] += [once(contestant) for _ in range(calls[contestant.name])]
            done += 1
    finally:
        if collecting:
            gc.enable()
    return {name: Timing.of(values) for name, values in seconds.items()}


def peak_memory(target: str, arguments: dict[str, Any], *, timeout: float = 1800.0) -> int:
    """Bytes by which one call raises the memory of a fresh process above its inputs.

    `target` is "module:function"; the function takes `arguments` and returns (warm_up, call).
    """
    command = [sys.executable, "-m", "benchmarks.peak", target, json.dumps(arguments)]
    # with the allocator as it is by default
    environment = {name: value for name, value in os.environ.items() if not name.startswith("MALLOC_")}
    ran = subprocess.run(
        command, cwd=ROOT, env=environment, capture_output=True, text=True, timeout=timeout, check=False
    )
    if ran.returncode != 0:
        raise RuntimeError(f"{target} {arguments} failed in its own process:\n{ran.stderr[-3000:]}")
    return int(json.loads(ran.stdout.splitlines()[-1])["bytes"])


@dataclass(frozen=True)
class Agreement:
    """How far a layer does what the reference does, from the same input and upstream gradient.

    `spikes`: share of equal outputs. `sequences`: share of (sample, neuron) pairs whose whole output is
    equal. `gradient`: |difference| / |reference| of the input's gradient (2-norms) over these pairs; where
    one spike falls on the other side of the threshold, all that follows differs, and its gradient with it.
    """

    spikes: float
    sequences: float
    gradient: float


def agreement(
    out: Tensor, gradient: Tensor, reference: Tensor, reference_gradient: Tensor, atol: float = 0.0
) -> Agreement:
    """Compare outputs and gradients of shape (time, batch, neurons). `atol` is for graded outputs."""
    equal = (out - reference).abs() <= atol
    whole = equal.all(0)
    if not bool(whole.any()):
        return Agreement(equal.double().mean().item(), 0.0, math.nan)
    mine, other = gradient[:, whole].double(), reference_gradient[:, whole].double()
    difference = ((mine - other).norm() / other.norm()).item()
    return Agreement(equal.double().mean().item(), whole.double().mean().item(), difference)


def machine() -> dict[str, Any]:
    """The processor, its cores as this process sees them, and the versions in use."""
    from importlib.metadata import PackageNotFoundError, version

    versions = {"python": sys.version.split()[0]}
    for name in (
        "torch",
        "rheobase",
        "llvmlite",
        "numba",
        "numpy",
        "spikingjelly",
        "snntorch",
        "norse",
        "neuron",
        "brian2",
        "nest-simulator",
    ):
        try:
            versions[name] = version(name)
        except PackageNotFoundError:
            # a checkout on the path has no metadata; a peer that is absent does not compete
            if name == "rheobase":
                versions[name] = "checkout"
    return {
        "cpu": _cpu_name(),
        "cores": len(os.sched_getaffinity(0)) if hasattr(os, "sched_getaffinity") else os.cpu_count(),
        "threads": torch.get_num_threads(),
        "vector": torch.backends.cpu.get_cpu_capability(),
        "system": f"{os.uname().sysname} {os.uname().machine}",
        "versions": versions,
    }


def _cpu_name() -> str:
    """The processor's name; families of one name are told apart by the numbers behind it."""
    table = Path("/proc/cpuinfo")
    if not table.exists():
        import platform

        return platform.processor() or platform.machine()
    pairs = (line.partition(":") for line in table.read_text().splitlines())
    fields = {key.strip(): value.strip() for key, _, value in pairs}
    name = fields.get("model name", "unknown processor")
    family = f" (family {fields['cpu family']}, model {fields['model']})" if "cpu family" in fields else ""
    return name + family


def write_results(path: Path, results: dict[str, Any]) -> None:
    """Write JSON with the machine and the date; an interrupted write leaves the old file."""
    path.parent.mkdir(parents=True, exist_ok=True)
    stamped = {"date": time.strftime("%Y-%m-%d"), "machine": machine(), **results}
    temporary = path.with_name(path.name + ".tmp")
    temporary.write_text(json.dumps(stamped, indent=1, default=asdict) + "\n")
    temporary.replace(path)
