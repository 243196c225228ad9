"""`rheobase bench`: how fast the neuron layers, or a trained network, run on this machine."""

from __future__ import annotations

from collections.abc import Callable
from typing import TYPE_CHECKING, Annotated, Any

import typer
from typer.core import TyperGroup

from rheobase.cli.options import MOST_THREADS, DataDir, Debug, Json, Run, examples, reported, write_json

if TYPE_CHECKING:
    from rheobase.core.declaration.population import Declared

RUN_EXAMPLES = examples(
    "rheobase bench runs/lif-digits",
    "rheobase bench runs/lif-digits --batch 256 --seconds 30 --json speed.json",
    "rheobase bench network neurons   (the same, for a run that is called as a command is)",
)
EXAMPLES = examples(
    "rheobase bench neurons",
    "rheobase bench neurons --neuron LIF --neuron SRC --seconds 5 --json speed.json",
    "rheobase bench neurons --steps 20 --batch 8 --size 64 --seconds 0.2   (a quick look)",
)
TRIVIAL, LAYER, LOOP = "y = 2 * x", "layer", "torch loop"
DT = 1.0  # ms


class _Runs(TyperGroup):
    """`bench RUN` is `bench network RUN`: a word that is no command of `bench` is a run."""

    def resolve_command(self, ctx: Any, args: list[str]) -> Any:
        if args and args[0] not in self.commands and not args[0].startswith("-"):
            args = ["network", *args]
        return super().resolve_command(ctx, args)


bench = typer.Typer(
    cls=_Runs,
    help="Measure speed on this machine: of neurons, or of a trained network (rheobase bench RUN).",
    epilog=examples("rheobase bench runs/lif-digits", "rheobase bench neurons --neuron LIF"),
    no_args_is_help=True,
)


@bench.command("network", epilog=RUN_EXAMPLES)
def bench_network(
    run: Run,
    batch: Annotated[
        int | None, typer.Option(min=1, help="Samples in the batch.", show_default="as in the training")
    ] = None,
    seconds: Annotated[float, typer.Option(min=0.0, help="Time to spend, after a warm-up.")] = 10.0,
    threads: Annotated[
        int | None, typer.Option(min=1, max=MOST_THREADS, help="Threads.", show_default="as in the training")
    ] = None,
    data_dir: DataDir = None,
    json: Json = None,
    debug: Debug = False,
) -> None:
    """Time a trained network, forward and a whole training step, against the plain loop over time.

    Both run on the first test samples of the run, in turns; where its data are missing, on random ones of their shape.
    The plain loop is the reference that kernels are held to: the same equations, one torch operation after the other.
    """
    with reported(debug, json=json):
        from rheobase.cli.bench_network import timed
        from rheobase.cli.runs_by_name import load_run, round_lines
        from rheobase.cli.terminal import console, table
        from rheobase.cli.training.reading import reading_lines
        from rheobase.machine import machine
        from rheobase.profiling.words import duration
        from rheobase.runs.batch import batch_of
        from rheobase.runs.threads import threads as so_many

        model = load_run(run)
        given = batch_of(model, batch, data_dir=data_dir, watch=reading_lines())
        shape, settings = list(given.coded.sequence.shape), model.settings
        typer.echo(f"{settings.neuron} on {given.source}: {' x '.join(map(str, shape))}", err=True)
        with so_many(threads or settings.threads):
            found = timed(model, given, seconds, round_lines())
            content: dict[str, Any] = {
                "run": str(model.folder),
                "neuron": settings.neuron,
                "data": given.source,
                "shape": shape,
                "unit": "s",
                **found,
                "machine": machine(),
            }
        columns = ("", "rheobase", LOOP, "times faster", "quartiles", "rounds")
        cells = [
            (
                r["what"],
                duration(r["rheobase"]),
                duration(r["loop"]),
                f"{r['times_faster']:.3g}",
                f"{r['lower_quartile']:.3g} to {r['upper_quartile']:.3g}",
                str(r["rounds"]),
            )
            for r in content["rows"]
        ]
        host = content["machine"]
        title = f"{settings.neuron} on {given.source}: {shape[0]} steps, batch {shape[1]}, {host['threads']} threads"
        out = console()
        out.print(table(columns, cells, title=title, right=columns[1:]))
        out.print(f"{host['processor']}, {host['cores']} cores, torch {host['torch']}", soft_wrap=True)
        same = f"{found['same_class']} of {found['samples']} samples get the same class from both"
        out.print(f"{same}; largest difference {found['largest_difference']:.2g} of the largest output", soft_wrap=True)
        write_json(json, content)


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
        from rheobase.machine import machine
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
            r["neuron"],
            _ms(r["layer"]),
            _ms(r["trivial"]),
            f"{r['over_trivial']:.1f}",
            _ms(r["loop"]),
            f"{r['speedup_over_loop']:.0f}",
        )
        for r in content["rows"]
    ]
    steps, batch, size = content["shape"]
    title = f"{steps} steps, batch {batch}, {size} neurons, float32, {content['machine']['threads']} threads"
    console().print(table(columns, cells, title=title, right=columns[1:]))


def _measure(kind: type[Declared], shape: tuple[int, int, int], seconds: float) -> dict[str, Any]:
    import torch

    from rheobase.current_clamp import make, onsets, smallest_current
    from rheobase.profiling.timing import interleaved

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
        "neuron": kind.__name__,
        "layer": ours,
        "trivial": trivial,
        "loop": loop,
        "over_trivial": ours / trivial,
        "speedup_over_loop": loop / ours,
        "spikes_per_step": share,
        "calls": {k: t.calls for k, t in timings.items()},
    }


def _both_ways(forward: Callable[[], Any], x: Any, upstream: Any) -> Callable[[], None]:
    def call() -> None:
        x.grad = None
        forward().backward(upstream)

    return call


def _ms(seconds: float) -> str:
    return f"{1e3 * seconds:.2f} ms" if seconds < 0.1 else f"{1e3 * seconds:.0f} ms"
