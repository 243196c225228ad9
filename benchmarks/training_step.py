"""A whole training step of a 784-512-10 LIF network beside its dense matrix products alone.

The step: forward, cross-entropy on spike counts, backward, Adam. The products alone: two forward, two for the
weights' gradients, one for the hidden spikes' gradient, on tensors of the same shapes.

    python -m benchmarks.training_step [--quick] [--libraries rheobase snntorch] [--without-compile]
"""

from __future__ import annotations

import os
import shutil
import tempfile
from collections.abc import Callable
from typing import Any

import torch
from torch import Tensor

from benchmarks.contestants.torch_compile import compile_seconds
from benchmarks.measure import Contestant, interleave, peak_memory
from benchmarks.networks import Network, activities, loss, network, reference, spikes, weights
from benchmarks.options import add_libraries, competitors, finish, keep_memory, parsed, parser, say

PRODUCTS = "its matrix products alone"
FULL, QUICK = (100, 64, (784, 512, 10)), (10, 4, (30, 20, 10))


def products(time: int, batch: int, sizes: tuple[int, ...]) -> Callable[[], object]:
    """The dense products of one step, and nothing else: no autograd, no neuron, no loss."""
    first, second = weights(sizes)
    rows = time * batch
    x, hidden = spikes(time, batch, sizes[0]).view(rows, -1), spikes(time, batch, sizes[1]).view(rows, -1)
    from_hidden, from_out = torch.randn(rows, sizes[1]), torch.randn(rows, sizes[2])

    def call() -> tuple[Tensor, ...]:
        return x @ first.T, hidden @ second.T, from_out.T @ hidden, from_out @ second, from_hidden.T @ x

    return call


def step_of(net: Network, time: int, batch: int, inputs: int) -> Callable[[], object]:
    """One training step on inputs that already exist."""
    x = spikes(time, batch, inputs)
    # so small that the activity stays what it is over all the steps that are timed
    adam = torch.optim.Adam(net.weights, lr=1e-7)

    def call() -> None:
        adam.zero_grad()
        loss(net.run(x)).backward()
        adam.step()

    return call


def memory_of(
    name: str, time: int, batch: int, sizes: tuple[int, ...]
) -> tuple[Callable[[], object], Callable[[], object]]:
    """For `peak_memory`."""
    call = step_of(network(name, sizes), time, batch, sizes[0])
    return call if name == "torch_compile" else step_of(network(name, sizes), 2, 2, sizes[0]), call


def compare(net: Network, exact: Network, x: Tensor) -> dict[str, float] | None:
    """Share of equal output spikes, and the relative difference of the first weights' gradient."""
    if not net.exact:
        return None
    (out, gradient), (other, other_gradient) = (_gradient(n, x) for n in (net, exact))
    difference = (gradient * net.gain - other_gradient).norm() / other_gradient.norm()
    return {"spikes": (out == other).double().mean().item(), "gradient": difference.item()}


def _gradient(net: Network, x: Tensor) -> tuple[Tensor, Tensor]:
    out = net.run(x)
    return out, torch.autograd.grad(loss(out), net.weights[:1])[0]


def _compile_layers(time: int, batch: int, sizes: tuple[int, ...], limit: float, cache: str) -> float | None:
    total = 0.0
    for size in sizes[1:]:
        seconds = compile_seconds("LIF", (time, batch, size), limit=limit - total, cache=cache)
        if seconds is None:
            return None
        total += seconds
    return total


def main() -> None:
    keep_memory()
    p = parser(__doc__)
    add_libraries(p)
    options = parsed(p)
    names, absent = competitors(options)
    time, batch, sizes = QUICK if options.quick else FULL
    cache = tempfile.mkdtemp(prefix="compile-")
    os.environ["TORCHINDUCTOR_CACHE_DIR"] = cache
    x = spikes(time, batch, sizes[0])
    exact = reference(sizes)
    contestants = [Contestant(PRODUCTS, products(time, batch, sizes))]
    rows: dict[str, dict[str, Any]] = {PRODUCTS: {"differs": "", "agreement": None}}
    try:
        for name in names:
            extra: dict[str, Any] = {}
            if name == "torch_compile":
                say(f"compiling (limit {options.compile_limit:.0f} s)")
                seconds = _compile_layers(time, batch, sizes, options.compile_limit, cache)
                if seconds is None:
                    absent[name] = f"not compiled within {options.compile_limit:.0f} s"
                    continue
                extra["compile_seconds"] = seconds
            net = network(name, sizes)
            contestants.append(Contestant(net.name, step_of(net, time, batch, sizes[0])))
            arguments = dict(name=name, time=time, batch=batch, sizes=sizes)
            extra["memory"] = peak_memory("benchmarks.training_step:memory_of", arguments)
            rows[net.name] = {"differs": net.differs, "agreement": compare(net, exact, x), **extra}
        timings = interleave(contestants, budget=options.budget)
    finally:
        shutil.rmtree(cache, ignore_errors=True)
    for name, timing in timings.items():
        rows[name] |= {"seconds": timing, "to_products": timing.median / timings[PRODUCTS].median}
        say(f"  {name:32s} {1e3 * timing.median:9.3f} ms  {rows[name]['to_products']:7.2f} x")
    results = {"time": time, "batch": batch, "sizes": sizes, "activity": activities(sizes, x)}
    finish("training_step", options, {**results, "rows": rows, "absent": absent})


if __name__ == "__main__":
    main()
