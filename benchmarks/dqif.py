"""DQIF beside LIF and PLIF: one layer, forward and backward, in kernels that the engine makes of their equations.

512 neurons over 100 steps, batch 64, a dense upstream gradient, one surrogate for all; the input of each makes it fire
in some percent of the steps. Contestants take turns in one run.

    python -m benchmarks.dqif [--quick]
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import asdict
from typing import Any

import torch
from torch import Tensor

from benchmarks.measure import Contestant, agreement, interleave
from benchmarks.options import finish, keep_memory, parsed, parser, say
from rheobase import neurons, surrogates
from rheobase.core import Neuron

FULL, QUICK = (100, 64, 512), (20, 4, 16)
SURROGATE = surrogates.Boxcar(1.0, 1.0)
LEARNED = ("a", "u1", "u2")


def cells(size: int) -> dict[str, tuple[Neuron, float]]:
    """Each contestant with the factor of its input, N(0, 1)."""
    given: dict[str, Any] = {"surrogate": SURROGATE}
    return {
        "LIF": (neurons.LIF(size, dt=1.0, tau_mem=2.0, **given), 2.0),
        "PLIF": (neurons.PLIF(size, **given), 1.5),
        "PLIF, learned": (neurons.PLIF(size, learn=("a",), **given), 1.5),
        "DQIF, factored": (neurons.DQIF(size, **given), 1.0),
        "DQIF, euler": (neurons.DQIF(size, form="euler", **given), 1.0),
        "DQIF, factored, learned": (neurons.DQIF(size, learn=LEARNED, **given), 1.0),
        "DQIF, euler, learned": (neurons.DQIF(size, form="euler", learn=LEARNED, **given), 1.0),
    }


def forward_backward(cell: Neuron, x: Tensor, g: Tensor, backend: str = "auto") -> tuple[Tensor, Tensor]:
    """Spikes, and the gradient of the input; those of the parameters are made with it."""
    spikes, _ = cell(x, backend=backend)
    found = torch.autograd.grad(spikes, [x, *cell.parameters()], g)
    return spikes.detach(), found[0]


def main() -> None:
    keep_memory()
    options = parsed(parser(__doc__))
    steps, batch, size = QUICK if options.quick else FULL
    torch.manual_seed(0)
    noise, g = torch.randn(steps, batch, size), torch.randn(steps, batch, size)
    calls: dict[str, Callable[[], object]] = {}
    rows: dict[str, Any] = {}
    for name, (cell, factor) in cells(size).items():
        x = (factor * noise).requires_grad_()
        calls[name] = lambda cell=cell, x=x: forward_backward(cell, x, g)
        spikes, gradient = forward_backward(cell, x, g)
        agreed = agreement(spikes, gradient, *forward_backward(cell, x, g, "reference"))
        rows[name] = {"activity": spikes.mean().item(), "agreement": asdict(agreed)}
    timings = interleave([Contestant(name, call) for name, call in calls.items()], budget=options.budget)
    for name, row in rows.items():
        row["seconds"], row["to_lif"] = timings[name], timings[name].median / timings["LIF"].median
        say(
            f"  {name:24s} {1e3 * timings[name].median:8.3f} ms {row['to_lif']:6.2f} x   active {row['activity']:.1%}, "
            f"gradient off by {row['agreement']['gradient']:.0e}"
        )
    finish("dqif", options, {"shape": (steps, batch, size), "rows": rows})


if __name__ == "__main__":
    main()
