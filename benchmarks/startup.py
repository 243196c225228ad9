"""The first call of a neuron in a new process, with an empty and with a filled kernel cache; and the import.

What torch does at the first backward of a process (it imports sympy) is done before.

python -m benchmarks.startup [--quick] [--runs 7]
"""

from __future__ import annotations

import json
import os
import shutil
import statistics
import subprocess
import sys
import tempfile
from typing import Any

from benchmarks.measure import ROOT
from benchmarks.models import MODELS
from benchmarks.options import finish, parsed, parser, say

CHILD = """
import json, sys, time
start = time.perf_counter(); import torch; torch_import = time.perf_counter() - start
start = time.perf_counter(); import rheobase; rheobase_import = time.perf_counter() - start
from benchmarks.contestants.rheobase import layers
from benchmarks.models import current, upstream
model, shape = sys.argv[1], (100, 64, 512)
layer = layers(model, shape[2])[0]
x, g = current(model, *shape).requires_grad_(), upstream(*shape)
# torch itself imports sympy at its first backward with a gradient, half a second that any program pays
torch.ones(1, requires_grad=True).mul(2.0).backward(torch.ones(1))
calls = []
for _ in range(12):
    start = time.perf_counter(); layer.forward_backward(x, g); calls.append(time.perf_counter() - start)
later = sorted(calls[2:])[5]
imports = dict(torch_import=torch_import, rheobase_import=rheobase_import)
print(json.dumps(dict(first=calls[0], later=later, **imports)))
"""


def new_process(model: str, cache: str) -> dict[str, float]:
    """Seconds of the imports, of the first call (forward + backward) and of a later one, in a new process."""
    environment = {**os.environ, "RHEOBASE_CACHE": cache}
    # an installed package has its bytecode, as torch has; without, all sources would be compiled at each import
    environment.pop("PYTHONDONTWRITEBYTECODE", None)
    command = [sys.executable, "-c", CHILD, model]
    ran = subprocess.run(command, cwd=ROOT, env=environment, capture_output=True, text=True, timeout=300, check=False)
    if ran.returncode != 0:
        raise RuntimeError(f"the process for {model} failed:\n{ran.stderr[-3000:]}")
    return json.loads(ran.stdout.splitlines()[-1])


def measure(model: str, runs: int) -> dict[str, Any]:
    """Medians over `runs` new processes with an empty cache, and as many with a filled one, in turns."""
    samples: dict[str, list[dict[str, float]]] = {"cold": [], "warm": []}
    for _ in range(runs):
        cache = tempfile.mkdtemp(prefix="kernels-")
        try:
            # the process that finds the cache empty fills it for the next
            samples["cold"].append(new_process(model, cache))
            samples["warm"].append(new_process(model, cache))
        finally:
            shutil.rmtree(cache, ignore_errors=True)
    result: dict[str, Any] = {}
    for kind, found in samples.items():
        result[kind] = {key: statistics.median(s[key] for s in found) for key in found[0]}
        result[kind]["extra"] = statistics.median(s["first"] - s["later"] for s in found)
    return result


def main() -> None:
    p = parser(__doc__)
    p.add_argument("--runs", type=int, default=None, help="new processes of each kind (default: 7, quick 1)")
    p.add_argument("--models", nargs="+", choices=MODELS, default=MODELS)
    options = parsed(p)
    runs = options.runs or (1 if options.quick else 7)
    rows: dict[str, Any] = {}
    for model in options.models:
        rows[model] = measure(model, runs)
        cold, warm = rows[model]["cold"], rows[model]["warm"]
        imports = f"{1e3 * warm['rheobase_import']:.0f} ms beyond torch's {1e3 * warm['torch_import']:.0f} ms"
        first = f"first call +{cold['extra']:.3f} s cold, +{warm['extra']:.3f} s warm"
        say(f"  {model:18s} {first}, import {imports}")
    finish("startup", options, {"runs": runs, "rows": rows})


if __name__ == "__main__":
    main()
