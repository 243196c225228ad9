"""`rheobase bench neurons`: how fast the neuron layers run on this machine."""

from __future__ import annotations

from collections.abc import Callable
from typing import TYPE_CHECKING, Annotated, Any

import typer

from rheobase.cli.options import MOST_THREADS, Debug, Json, examples, reported, write_json

if TYPE_CHECKING:
    from rheobase.core.declaration.population import Declared

EXAMPLES = examples(
    "rheobase bench neurons",
    "rheobase bench neurons --neuron LIF --neuron SRC --seconds 5 --json speed.json",
    "rheobase bench neurons --steps 20 --batch 8 --size 64 --seconds 0.2   (a quick look)",
)
TRIVIAL, LAYER, LOOP = "y = 2 * x", "layer", "torch loop"
DT = 1.0  # ms

bench = typer.Typer(help="Measure speed on this machine.", no_args_is_help=True)


@bench.command("neurons", epilog=EXAMPLES)
def bench_neurons(
    neuron: Annotated[
        list[str] | None, typer.Option(metavar="NAME", help="Only this neuron; repeatable.", show_default="all")
    ] = None,
    steps: Annotated[int, typer.Option(min=1, help="Time steps of the sequence.")] = 100,
    batch: Annotated[int, typer.Option(min=1, help="Sequences in the batch.")] = 64,
    size: Annotated[int, typer.Option(min=1, help="Neurons in the layer.")] = 512,
    seconds: Annotated[float, typer.Option(min=0.0, help="Time to spend on each neuron.")] = 2.0,
    threads: Annotated[
        int | None, typer.Option(min=1, max=MOST_THREADS, help="Threads.", show_default="as torch has them")
    ] = None,
    json: Json = None,
    debug: Debug = False,
) -> None:
    """Time each neuron layer, forward and backward, in turns with two yardsticks.

    The yardsticks are torch's own y = 2 * x on the same tensor, and the same equations as a plain torch loop over time.
    Against other libraries: make bench.
    """
    with reported(debug, json=json):
        from rheobase.cli.machine import machine
        from rheobase.memory import check_memory
        from rheobase.runs.neurons_by_name import find, names
        from rheobase.runs.threads import threads as so_many

        kinds = [find(name) for name in neuron or names()]
        sizes = f"--steps {steps} --batch {batch} --size {size}"
        # input, output, and the gradient of both
        check_memory("bench", sizes, 4 * 4 * steps * batch * size, "take fewer of one of them")
        with so_many(threads):
            rows = _measured(kinds, (steps, batch, size), seconds)
            content = {
                "shape": [steps, batch, size],
                "dtype": "float32",
                "unit": "s",
                "machine": machine(),
                "rows": rows,
            }
        _tell(content)
        write_json(json, content)


def _measured(kinds: list[type[Declared]], shape: tuple[int, int, int], seconds: float) -> list[dict[str, Any]]:
    rows: list[dict[str, Any]] = []
    for k, kind in enumerate(kinds, start=1):
        typer.echo(f"{k}/{len(kinds)} {kind.__name__}", err=True)
        rows.append(_measure(kind, shape, seconds))
    return rows


def _tell(content: dict[str, Any]) -> None:
    from rheobase.cli.terminal import console, table

    columns = ("neuron", "forward + backward", TRIVIAL, "times that", LOOP, "times faster")
    cells = [
        (
            r["neuron"], _ms(r["layer"]), _ms(r["trivial"]), f"{r['over_trivial']:.1f}",
            _ms(r["loop"]), f"{r['speedup_over_loop']:.0f}",
        )
        for r in content["rows"]
    ]  # fmt: skip
    steps, batch, size = content["shape"]
    title = f"{steps} steps, batch {batch}, {size} neurons, float32, {content['machine']['threads']} threads"
    console().print(table(columns, cells, title=title, right=columns[1:]))


def _measure(kind: type[Declared], shape: tuple[int, int, int], seconds: float) -> dict[str, Any]:
    import torch

    from rheobase.cli.timing import interleaved
    from rheobase.current_clamp import make, onsets, smallest_current

    layer = make(kind, shape[2], DT)
    generator = torch.Generator().manual_seed(0)
    level = smallest_current(kind, within=float(shape[0])) or 1.0
    x = (level * torch.randn(shape, generator=generator)).requires_grad_()
    upstream = torch.randn(shape, generator=generator)
    timings = interleaved(
        {
            TRIVIAL: _both_ways(lambda: 2 * x, x, upstream),
            LAYER: _both_ways(lambda: layer(x)[0], x, upstream),
            LOOP: _both_ways(lambda: layer(x, backend="reference")[0], x, upstream),
        },
        seconds=seconds,
    )
    with torch.no_grad():
        share = float(onsets(layer(x)[0], layer.graded).double().mean())
    trivial, ours, loop = (timings[name].median for name in (TRIVIAL, LAYER, LOOP))
    return {
        "neuron": kind.__name__, "layer": ours, "trivial": trivial, "loop": loop, "over_trivial": ours / trivial,
        "speedup_over_loop": loop / ours, "spikes_per_step": share, "calls": {k: t.calls for k, t in timings.items()},
    }  # fmt: skip


def _both_ways(forward: Callable[[], Any], x: Any, upstream: Any) -> Callable[[], None]:
    def call() -> None:
        x.grad = None
        forward().backward(upstream)

    return call


def _ms(seconds: float) -> str:
    return f"{1e3 * seconds:.2f} ms" if seconds < 0.1 else f"{1e3 * seconds:.0f} ms"
