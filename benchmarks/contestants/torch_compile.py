"""torch.compile of the plain loop, unrolled into one graph. Inductor needs a C++ compiler on the machine."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
import time

import torch

from benchmarks.contestants import Layer
from benchmarks.contestants.torch_loop import sequence
from benchmarks.measure import ROOT
from benchmarks.models import current, upstream

LACKS: dict[str, str] = {}


def layers(model: str, neurons: int) -> list[Layer]:
    run, parameters = sequence(model, neurons)
    # fullgraph: a loop that falls apart into pieces would be another contestant
    compiled = torch.compile(run, fullgraph=True, dynamic=False)
    return [Layer("torch.compile", lambda x: compiled(x, *parameters), parameters)]


def compile_seconds(model: str, shape: tuple[int, int, int], *, limit: float, cache: str) -> float | None:
    """Seconds to compile forward and backward from nothing, in a process of its own; None past `limit`.

    The result stays in `cache` (a folder), from where this process then loads it.
    """
    command = [sys.executable, "-m", "benchmarks.contestants.torch_compile", model, *map(str, shape)]
    environment = {**os.environ, "TORCHINDUCTOR_CACHE_DIR": cache}
    pipes = dict(stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True)
    child = subprocess.Popen(command, cwd=ROOT, env=environment, start_new_session=True, **pipes)
    try:
        out, err = child.communicate(timeout=limit)
    except subprocess.TimeoutExpired:
        # its workers and the C++ compiler go with it
        os.killpg(child.pid, signal.SIGKILL)
        child.communicate()
        return None
    if child.returncode != 0:
        raise RuntimeError(f"torch.compile of {model} failed:\n{err[-3000:]}")
    return float(out.splitlines()[-1])


if __name__ == "__main__":
    _model, (_time, _batch, _neurons) = sys.argv[1], map(int, sys.argv[2:])
    _x = current(_model, _time, _batch, _neurons).requires_grad_()
    _g = upstream(_time, _batch, _neurons)
    _start = time.perf_counter()
    layers(_model, _neurons)[0].forward_backward(_x, _g)
    print(time.perf_counter() - _start)
