"""A layer against torch's own y = 2 * x with narrower vectors than the machine has: AVX2 on one that has AVX-512.

One thread, 100 steps of 32 samples of 512 neurons, float32, forward.

    python -m benchmarks.narrow [--quick]
"""

from __future__ import annotations

import os
import tempfile
from dataclasses import asdict
from typing import Any

import torch

from benchmarks.measure import Contestant, interleave
from benchmarks.options import finish, keep_memory, parsed, parser, say
from rheobase import neurons
from rheobase.engine.llvm import compile as compiler
from rheobase.engine.llvm import launch
from rheobase.engine.llvm import work_items as items

WIDER = ("avx512", "amx", "avx10", "avxvnni", "evex512", "vaes", "vpclmul", "gfni")
MODELS: dict[str, dict[str, Any]] = {"LIF": {"dt": 1.0}, "SRC": {}, "AdEx": {"dt": 0.1}, "HodgkinHuxley": {"dt": 0.01}}


def narrowed() -> None:
    """From here on kernels are made for a processor with AVX2 and nothing wider."""
    here = compiler.host()
    kept = ",".join(f for f in here.features.split(",") if not any(wide in f for wide in WIDER))
    narrow = compiler.Host("haswell", kept, 256)
    for module in (compiler, items, launch):
        module.host = lambda: narrow  # type: ignore[attr-defined]


def main() -> None:
    keep_memory()
    options = parsed(parser(__doc__))
    torch.set_num_threads(1)
    rows: dict[str, Any] = {}
    with tempfile.TemporaryDirectory() as folder, torch.no_grad():
        os.environ["RHEOBASE_CACHE"] = folder
        narrowed()
        x = torch.rand((10, 2, 512) if options.quick else (100, 32, 512))
        y = torch.empty_like(x)
        for name, given in MODELS.items():
            layer = getattr(neurons, name)(512, **given)
            contestants = [
                Contestant("layer", lambda layer=layer: layer(x)),
                Contestant("y = 2 * x", lambda: torch.mul(x, 2.0, out=y)),
            ]
            timings = interleave(contestants, budget=options.budget / 8)
            ratio = timings["layer"].median / timings["y = 2 * x"].median
            rows[name] = {"ratio": ratio, **{k: asdict(t) for k, t in timings.items()}}
            say(f"{name}: {ratio:.2f} times y = 2 * x, {1e9 * timings['layer'].median / x.numel():.2f} ns for a step")
    finish("narrow", options, {"rows": rows})


if __name__ == "__main__":
    main()
