"""A neuron layer right after a matrix product in the same process, beside the same layer alone, in turns.

If the kernels ran on threads of their own, these would fight with those of the product, which spin for a
while. `y = 2 * x` stands beside: what the product costs it is the caches that the product emptied.

    python -m benchmarks.after_matmul [--quick] [--models LIF SRC]
"""

from __future__ import annotations

from typing import Any

import torch

from benchmarks.contestants import rheobase as ours
from benchmarks.measure import Contestant, interleave
from benchmarks.models import MODELS
from benchmarks.neurons import FULL, QUICK, TRIVIAL, layers_of, ready
from benchmarks.options import finish, keep_memory, parsed, parser, say


def measure(model: str, shape: tuple[int, int, int], budget: float) -> dict[str, Any]:
    """Alone and after the product, for the layer and for the trivial operator; then with one thread."""
    time, batch, neurons = shape
    x, weight = torch.randn(time * batch, neurons), torch.randn(neurons, neurons)
    layer, trivial = ours.layers(model, neurons)[0], layers_of("trivial", model, neurons)[0]
    contestants = []
    for subject in (layer, trivial):
        call = ready(subject, model, shape)
        contestants += [
            # called twice: alone means after itself, not after another contestant
            Contestant(f"{subject.name} alone", call, before=call),
            Contestant(f"{subject.name} after a product", call, before=lambda: torch.mm(x, weight)),
        ]
    timings = interleave(contestants, budget=budget)
    threads = torch.get_num_threads()
    by_threads: dict[int, Any] = {}
    for count in sorted({1, threads}):
        torch.set_num_threads(count)
        alone = Contestant("layer", ready(layer, model, shape))
        by_threads[count] = interleave([alone], budget=budget / 4)["layer"]
    torch.set_num_threads(threads)
    names = [layer.name, TRIVIAL]
    ratios = {n: timings[f"{n} after a product"].median / timings[f"{n} alone"].median for n in names}
    return {"timings": timings, "ratios": ratios, "threads": by_threads}


def main() -> None:
    keep_memory()
    p = parser(__doc__)
    p.add_argument("--models", nargs="+", choices=MODELS, default=("LIF", "SRC"))
    options = parsed(p)
    shape = QUICK if options.quick else FULL
    rows: dict[str, Any] = {}
    for model in options.models:
        rows[model] = measure(model, shape, options.budget / len(options.models))
        for name, timing in rows[model]["timings"].items():
            say(f"  {model:12s} {name:28s} {1e3 * timing.median:8.3f} ms")
        for count, timing in rows[model]["threads"].items():
            say(f"  {model:12s} {f'on {count} threads':28s} {1e3 * timing.median:8.3f} ms")
    finish("after_matmul", options, {"shape": shape, "rows": rows})


if __name__ == "__main__":
    main()
