"""Peak memory of a training step of four LIF layers of 512 neurons, T = 500, batch 64.

The figure is the highest memory during forward and backward above that in use before it (inputs and weights
in place), each in a fresh process, and the same per neuron and time step.

    python -m benchmarks.memory [--quick] [--libraries rheobase snntorch]
"""

from __future__ import annotations

import math
from collections.abc import Callable
from typing import Any

import torch

from benchmarks.measure import peak_memory
from benchmarks.networks import CHUNKED, activities, loss, network, spikes
from benchmarks.options import add_libraries, competitors, finish, parsed, parser, say

FULL, QUICK = (500, 64, (512,) * 5), (50, 8, (64,) * 5)
# to compile four unrolled loops of 500 steps takes hours
ABSENT = {"torch_compile": "500 unrolled steps do not compile in reasonable time"}


def step_of(
    name: str, time: int, batch: int, sizes: tuple[int, ...]
) -> tuple[Callable[[], object], Callable[[], object]]:
    """For `peak_memory`: the step at a tiny size, and the step."""
    net = network(name, sizes)

    def step_on(x: torch.Tensor) -> Callable[[], object]:
        return lambda: torch.autograd.grad(loss(net.run(x)), net.weights)

    return step_on(spikes(2, 2, sizes[0])), step_on(spikes(time, batch, sizes[0]))


def main() -> None:
    p = parser(__doc__)
    add_libraries(p)
    options = parsed(p)
    names, absent = competitors(options)
    names, absent = [name for name in names if name not in ABSENT], absent | ABSENT
    if "rheobase" in names:
        names.insert(names.index("rheobase") + 1, CHUNKED)
    time, batch, sizes = QUICK if options.quick else FULL
    neurons = math.prod((time, batch, sum(sizes[1:])))
    rows: dict[str, dict[str, Any]] = {}
    for name in names:
        net = network(name, sizes)
        taken = peak_memory("benchmarks.memory:step_of", dict(name=name, time=time, batch=batch, sizes=sizes))
        rows[net.name] = {"memory": taken, "bytes_per_neuron_step": taken / neurons, "differs": net.differs}
        say(f"  {net.name:32s} {taken / 1e6:9.1f} MB  {taken / neurons:7.1f} bytes per neuron and step")
    if "rheobase" in rows:
        for row in rows.values():
            row["to_rheobase"] = row["memory"] / rows["rheobase"]["memory"]
    rates = activities(sizes, spikes(time, batch, sizes[0]))
    results = {"time": time, "batch": batch, "sizes": sizes, "activity": rates, "rows": rows}
    finish("memory", options, {**results, "absent": absent})


if __name__ == "__main__":
    main()
