"""What it costs a layer to ask whether a profiler runs: one call of the smallest layer, with the question and without.

Seconds are those of the thread on its core, which other programs on the machine do not lengthen; so it is one thread.

python -m benchmarks.profiler_rows [--quick]
"""

from __future__ import annotations

import time
from collections.abc import Callable
from dataclasses import asdict

import torch

from benchmarks.measure import Contestant, interleave
from benchmarks.options import finish, parsed, parser, say
from rheobase import neurons, nn
from rheobase.core.execution.profiler_rows import profiled

QUESTION = "the question alone"
SHAPES = {"one neuron, one step": (1, 1, 1), "512 neurons, batch 64, 100 steps": (100, 64, 512)}


def repeated(call: Callable[[], object], times: int) -> Callable[[], float]:
    def loop() -> float:
        with torch.no_grad():
            start = time.thread_time()
            for _ in range(times):
                call()
        return (time.thread_time() - start) / times

    return loop


def main() -> None:
    options = parsed(parser(__doc__))
    torch.set_num_threads(1)
    rows = {}
    for title, shape in SHAPES.items():
        times = 2 if options.quick else 500 if shape == (1, 1, 1) else 5
        x, layer = torch.ones(shape), neurons.LIF(shape[2], dt=1.0)
        net = nn.Sequential(layer)
        contestants = {
            "LIF": lambda x=x, layer=layer: layer(x),
            "LIF, not asked": lambda x=x, layer=layer: torch.nn.Module.__call__(layer, x),
            "Sequential of it": lambda x=x, net=net: net(x),
            QUESTION: profiled,
        }
        timings = interleave(
            [Contestant(name, repeated(call, times), reports=True) for name, call in contestants.items()],
            budget=options.budget / 2,
        )
        rows[title] = {name: {"seconds": asdict(t)} for name, t in timings.items()}
        found = ", ".join(f"{name} {1e6 * row['seconds']['median']:.3g} us" for name, row in rows[title].items())
        say(f"{title}: {found}")
    finish("profiler_rows", options, {"rows": rows})


if __name__ == "__main__":
    main()
