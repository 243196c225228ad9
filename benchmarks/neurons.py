"""One neuron layer, forward + backward, beside `y = 2 * x` on the same tensor and the same model elsewhere.

python -m benchmarks.neurons [--quick] [--models LIF SRC] [--without-compile] [--json FILE]
"""

from __future__ import annotations

import argparse
import os
import shutil
import tempfile
from collections.abc import Callable
from typing import Any

import torch
from torch import Tensor

from benchmarks.contestants import Layer, library
from benchmarks.contestants import rheobase as ours
from benchmarks.contestants.torch_compile import compile_seconds
from benchmarks.measure import Agreement, Contestant, agreement, interleave, peak_memory
from benchmarks.models import MODELS, activity, current, upstream
from benchmarks.options import add_libraries, competitors, earlier, finish, keep_memory, parsed, parser, say

TRIVIAL = "y = 2 * x"
FULL, QUICK = (100, 64, 512), (20, 8, 64)
ACTIVE = (0.02, 0.20)
GRADED_TOLERANCE = 1e-3


def double(x: Tensor) -> Tensor:
    return 2 * x


def layers_of(name: str, model: str, neurons: int) -> list[Layer]:
    """A library's layers of one model; the trivial operator stands among them as a library."""
    if name == "trivial":
        return [Layer(TRIVIAL, double, reference=None)]
    return list(library(name).layers(model, neurons))


def ready(layer: Layer, model: str, shape: tuple[int, int, int]) -> Callable[[], tuple[Tensor, Tensor]]:
    """A call without arguments: forward + backward on inputs that already exist."""
    x = (layer.gain * current(model, *shape)).requires_grad_()
    g = upstream(*shape)
    return lambda: layer.forward_backward(x, g)


def memory_of(
    name: str, index: int, model: str, shape: tuple[int, int, int]
) -> tuple[Callable[[], Any], Callable[[], Any]]:
    """For `peak_memory`: a small warm-up, and the call."""
    layer = layers_of(name, model, shape[2])[index]
    call = ready(layer, model, shape)
    # a compiled graph fits one shape only, so it warms up on that
    warm_up = call if name == "torch_compile" else ready(layer, model, (2, 2, shape[2]))
    return warm_up, call


def compare(layer: Layer, model: str, shape: tuple[int, int, int], references: dict[str, Any]) -> Agreement | None:
    """Agreement with rheobase's reference loop of the same model and surrogate; None where it has none."""
    if layer.reference is None:
        return None
    key = repr(layer.reference)
    if key not in references:
        reference = ours.layers(model, shape[2], backend="reference", **layer.reference)[0]
        references[key] = ready(reference, model, shape)()
    out, gradient = ready(layer, model, shape)()
    exact, exact_gradient = references[key]
    graded = not bool(((exact == 0) | (exact == 1)).all())
    return agreement(out, gradient * layer.gain, exact, exact_gradient, atol=GRADED_TOLERANCE if graded else 0.0)


def measure(model: str, shape: tuple[int, int, int], options: argparse.Namespace, cache: str) -> dict[str, Any]:
    """All contestants on one model."""
    out, _ = ready(ours.layers(model, shape[2], backend="reference")[0], model, shape)()
    rate = activity(out)
    if not ACTIVE[0] <= rate <= ACTIVE[1]:
        raise RuntimeError(f"{model} is active in {rate:.1%} of the steps, not in {ACTIVE}: set its drive in models.py")
    rows: dict[str, dict[str, Any]] = {}
    contestants: list[Contestant] = []
    names, absent = competitors(options)
    references: dict[str, Any] = {}
    for name in ("trivial", *names):
        extra: dict[str, Any] = {}
        if name == "torch_compile":
            say(f"  compiling {model} (limit {options.compile_limit:.0f} s)")
            seconds = compile_seconds(model, shape, limit=options.compile_limit, cache=cache)
            if seconds is None:
                absent[name] = f"not compiled within {options.compile_limit:.0f} s"
                continue
            extra["compile_seconds"] = seconds
        if name != "trivial" and model in library(name).LACKS:
            absent[name] = library(name).LACKS[model]
        for index, layer in enumerate(layers_of(name, model, shape[2])):
            contestants.append(Contestant(layer.name, ready(layer, model, shape)))
            extra["memory"] = peak_memory(
                "benchmarks.neurons:memory_of", dict(name=name, index=index, model=model, shape=shape)
            )
            rows[layer.name] = {
                "differs": layer.differs,
                "agreement": compare(layer, model, shape, references),
                **extra,
            }
    references.clear()
    timings = interleave(contestants, budget=options.budget)
    for name, timing in timings.items():
        rows[name] |= {"seconds": timing, "to_trivial": timing.median / timings[TRIVIAL].median}
        if "rheobase" in timings:
            rows[name]["to_rheobase"] = timing.median / timings["rheobase"].median
    return {"activity": rate, "rows": rows, "absent": absent}


def main() -> None:
    keep_memory()
    p = parser(__doc__)
    p.add_argument("--models", nargs="+", choices=MODELS, default=MODELS)
    add_libraries(p)
    options = parsed(p)
    shape = QUICK if options.quick else FULL
    cache = tempfile.mkdtemp(prefix="compile-")
    os.environ["TORCHINDUCTOR_CACHE_DIR"] = cache
    cases = earlier("neurons", options, shape=shape)
    try:
        for model in options.models:
            say(f"{model} {shape}")
            # a graph of one model must not count against the compiler's limit of another
            torch.compiler.reset()
            cases[model] = measure(model, shape, options, cache)
            for name, row in cases[model]["rows"].items():
                times = f"{1e3 * row['seconds'].median:9.3f} ms  {row['to_trivial']:7.2f} x"
                say(f"  {name:32s} {times}  {row['memory'] / 1e6:8.1f} MB")
            # what is measured stays, whatever becomes of the next model
            finish("neurons", options, {"shape": shape, "cases": cases})
    finally:
        shutil.rmtree(cache, ignore_errors=True)


if __name__ == "__main__":
    main()
