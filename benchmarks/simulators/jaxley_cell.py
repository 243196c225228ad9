"""Jaxley as a process of its own: a cell of many compartments, in lanes by vmap, forward and with its gradient.

    PYTHON -m benchmarks.simulators.jaxley_cell float32|float64

PYTHON is one in which Jaxley is installed. It reads JSON, a line for each order: first the cell
(`benchmarks.jaxley_cells.described`), then orders {kind, lanes, current, file}. `kind` is "forward", "gradient" or
"gradient without checkpoints". It answers with {seconds, compile}: the processor's seconds of one call, and the wall's
of the first one, which compiles. Potentials of the soma (lanes, 1 + steps) and gradients go into `file` (.npz) where
one is named.

Jaxley's own way of doing each is taken: its channel `HH`, `jax.jit` of `jax.vmap` of `jx.integrate`, two levels of
checkpoints as its documentation has them.
"""

from __future__ import annotations

import json
import math
import os
import sys
import time
from typing import Any

CONDUCTANCES = ("gNa", "gK", "gLeak")


class Simulated:
    """The cell in Jaxley."""

    def __init__(self, told: dict[str, Any]):
        import jaxley as jx
        from jaxley.channels import HH

        self.jx, self.told = jx, told
        compartment = jx.Compartment()
        branches = [jx.Branch(compartment, ncomp=each["nseg"]) for each in told["sections"]]
        cell = jx.Cell(branches, parents=[each["parent"] for each in told["sections"]])
        for k, each in enumerate(told["sections"]):
            cell.branch(k).set("length", each["length"] / each["nseg"])
            cell.branch(k).set("radius", each["diameter"] / 2.0)
        cell.set("capacitance", told["c_mem"])
        cell.set("axial_resistivity", told["Ra"])
        cell.insert(HH())
        cell.set("v", told["v_init"])
        cell.init_states(delta_t=told["dt"])
        cell.branch(0).comp(0).record()
        kinds = [each["kind"] for each in told["sections"]]
        for kind in dict.fromkeys(kinds):
            of = cell.branch([k for k, other in enumerate(kinds) if other == kind])
            for name in CONDUCTANCES:
                of.make_trainable(f"HH_{name}", verbose=False)
        self.cell, self.made = cell, dict[tuple[str, int, int], Any]()

    def call(self, kind: str, lanes: int, steps: int) -> Any:
        """The compiled function of conductances and current."""
        import jax

        if (kind, lanes, steps) in self.made:
            return self.made[kind, lanes, steps]
        levels = math.ceil(math.sqrt(steps + 1))
        checkpoints = [levels, levels] if kind == "gradient" else None

        def one(params: Any, current: Any) -> Any:
            stimuli = self.cell.branch(0).comp(0).data_stimulate(current)
            return self.jx.integrate(
                self.cell,
                params=params,
                data_stimuli=stimuli,
                delta_t=self.told["dt"],
                checkpoint_lengths=checkpoints,
            )[0]

        many = jax.vmap(one, in_axes=(0, None))

        def loss(params: Any, current: Any) -> tuple[Any, Any]:
            v = many(params, current)
            return (v[:, 1:] ** 2).sum(), v

        self.made[kind, lanes, steps] = jax.jit(many if kind == "forward" else jax.grad(loss, has_aux=True))
        return self.made[kind, lanes, steps]

    def run(self, kind: str, lanes: int, current: list[float], file: str | None = None) -> dict[str, float]:
        import jax
        import jax.numpy as jnp
        import numpy as np

        values = [jnp.asarray(x)[:lanes, None] for x in self.told["conductances"].values()]
        names = [next(iter(each)) for each in self.cell.get_parameters()]
        given = [{name: value} for name, value in zip(names, values, strict=True)]
        call, x = self.call(kind, lanes, len(current)), jnp.asarray(current)
        new = call._cache_size() == 0
        wall, begin = time.perf_counter(), time.process_time()
        found = jax.block_until_ready(call(given, x))
        took = {"seconds": time.process_time() - begin, "compile": time.perf_counter() - wall if new else 0.0}
        if file is not None:
            grads, v = ([], found) if kind == "forward" else found
            of_each = [np.asarray(next(iter(g.values()))) for g in grads]
            np.savez(
                file, v=np.asarray(v), **dict(zip(list(self.told["conductances"])[: len(grads)], of_each, strict=True))
            )
        return took


def main() -> None:
    # one thread, as the others: XLA's pool has as many as the process may use
    os.sched_setaffinity(0, {min(os.sched_getaffinity(0))})
    os.environ["XLA_FLAGS"] = "--xla_cpu_multi_thread_eigen=false intra_op_parallelism_threads=1"
    # what Jaxley prints goes where errors go
    answers, sys.stdout = sys.stdout, sys.stderr
    import jax
    import jaxley

    jax.config.update("jax_enable_x64", sys.argv[1] == "float64")
    jax.config.update("jax_platform_name", "cpu")
    cell = Simulated(json.loads(sys.stdin.readline()))
    answers.write(json.dumps({"version": jaxley.__version__, "jax": jax.__version__}) + "\n")
    answers.flush()
    for line in sys.stdin:
        answers.write(json.dumps(cell.run(**json.loads(line))) + "\n")
        answers.flush()


if __name__ == "__main__":
    main()
