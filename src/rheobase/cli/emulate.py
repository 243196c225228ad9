"""`rheobase emulate FILE`: a stored chip configuration, run on spikes, on data, at random or by itself."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer

from rheobase.cli.options import MOST_SEED, DataDir, Debug, Json, examples, path, reported, write_json

if TYPE_CHECKING:
    from collections.abc import Iterable

    from rheobase.cli.deploying.stored import Drive, Stored

EXAMPLES = examples(
    "rheobase emulate runs/if-digits --samples 20             (test samples of its data)",
    "rheobase emulate chip.safetensors --rate 20 --ticks 1000 --json rates.json",
    "rheobase emulate chip.safetensors --spikes in.npz --out out.npz",
)
TICKS, MOST_TICKS = 1000, 10_000_000


def emulate(
    file: Annotated[
        str, typer.Argument(metavar="RUN|FILE", help="A run that was deployed, or a stored configuration.")
    ],
    samples: Annotated[
        int | None,
        typer.Option(
            min=1, help="Run on so many test samples, each from rest.", show_default="1, of what was deployed"
        ),
    ] = None,
    spikes: Annotated[
        Path | None,
        typer.Option(parser=path, metavar="FILE", help="Spikes in: an .npz or .csv with tick, core and axon."),
    ] = None,
    rate: Annotated[
        float | None, typer.Option(min=0.0, max=1000.0, help="Spikes in by chance, so many a second on each axon (Hz).")
    ] = None,
    ticks: Annotated[
        int | None,
        typer.Option(min=1, max=MOST_TICKS, help="How long, in ticks of 1 ms.", show_default="1000"),
    ] = None,
    seed: Annotated[int, typer.Option(min=0, max=MOST_SEED, help="Of --rate, and of stochastic neurons.")] = 0,
    data_dir: DataDir = None,
    out: Annotated[
        Path | None,
        typer.Option(parser=path, metavar="FILE", help="Write the spikes out as .npz: sample, tick, core and neuron."),
    ] = None,
    json: Json = None,
    debug: Debug = False,
) -> None:
    """Run a chip that was stored: the rate of its neurons, the spikes that leave it, and ticks per second.

    Without --samples, --spikes and --rate, a deployed run gets its first test sample, and another configuration runs by
    itself. In Python: rheobase.chip.truenorth.Emulator(truenorth.load(FILE)).run(ticks).
    """
    with reported(debug, json=json):
        from rheobase.cli.deploying import stored as at
        from rheobase.cli.terminal import console, figures
        from rheobase.cli.watching import Watching
        from rheobase.errors import ParameterError
        from rheobase.files import ensure_writable

        chosen = {"--samples": samples, "--spikes": spikes, "--rate": rate}
        named = [name for name, value in chosen.items() if value is not None]
        if len(named) > 1:
            raise ParameterError("emulate", " and ".join(named), "one of them", "leave the others out")
        if out is not None and out.suffix != ".npz":
            raise ParameterError("emulate --out", str(out), "a name that ends in .npz", f"--out {out.stem}.npz")
        if out is not None:
            ensure_writable(out, "--out")
        stored = at.opened(file)
        by_data = samples is not None or (not named and at.has_data(stored))
        if ticks is not None and (by_data or spikes is not None):
            given, remedy = f"--ticks {ticks} with samples or spikes", "leave it out: they say how long it takes"
            raise ParameterError("emulate", given, "--ticks with --rate, or alone", remedy)
        with Watching() as watch:
            if by_data:
                drives: Iterable[Drive] = at.of_data(stored, samples or 1, data_dir, watch)
                driven_by, many = f"the first {samples or 1} test samples", samples or 1
            elif spikes is not None:
                drives, driven_by, many = [at.read_spikes(spikes, stored)], f"the spikes of {spikes}", 1
            elif rate is not None:
                drives = [at.at_random(stored, rate, ticks or TICKS, seed)]
                driven_by, many = f"random spikes of {rate:g} Hz", 1
            else:
                drives, driven_by, many = [at.Drive(ticks or TICKS, None)], "nothing from outside", 1
            content, events = _run(stored, drives, many, seed, watch, keep=out is not None)
        if out is not None:
            _write(out, events)
        content = {"file": str(stored.path), "driven by": driven_by, **content}
        write_json(json, content)
        console().print(f"{stored.net!r}", style="bold", soft_wrap=True)
        console().print(figures(_rows(content)))
        if out is not None:
            console().print(f"spikes: {out}", soft_wrap=True)


def _run(
    stored: Stored, drives: Iterable[Drive], many: int, seed: int, watch: Any, *, keep: bool
) -> tuple[dict[str, Any], list[Any]]:
    """Run each from rest, and count."""
    import time

    import numpy as np

    from rheobase.cli.deploying.stored import voted

    emulator = stored.emulator()
    began, ticks, done = 0.0, 0, 0
    total, kept = dict.fromkeys(("spikes", "host", "synaptic_events", "hops", "merged", "active_axons"), 0), list[Any]()
    votes, right = list[int | None](), list[bool]()
    number = {}
    if stored.wired is not None:
        number = {tuple(place): k for k, place in enumerate(stored.wired.outputs.tolist())}
    for drive in drives:
        state, begin = emulator.rest(seed=seed), time.perf_counter()

        def on_progress(at: int, before: int = ticks, of: int = drive.ticks) -> None:
            watch("ticks", before + at, before + of)

        found = emulator.run(drive.ticks, drive.inputs, state=state, progress=on_progress if many == 1 else None)
        began += time.perf_counter() - begin
        ticks, done = ticks + drive.ticks, done + 1
        for name in total:
            total[name] += int(getattr(found.counts, name).sum())
        if stored.wired is not None:
            counts = np.zeros(len(number), np.int64)
            np.add.at(
                counts,
                [number[c, n] for c, n in zip(found.spikes.core.tolist(), found.spikes.neuron.tolist(), strict=True)],
                1,
            )
            votes.append(voted(stored, counts))
            if drive.truth is not None and votes[-1] is not None:
                right.append(votes[-1] == drive.truth)
        if keep:
            kept.append(found)
        if many > 1:
            watch("samples", done, many)
    in_use = stored.in_use
    classes = [] if stored.wired is None else stored.wired.facts.get("classes", [])
    return {
        "runs": done,
        "ticks": ticks,
        "cores": stored.n_cores,
        "neurons in use": in_use,
        **total,
        "rate": 1000.0 * total["spikes"] / ticks / in_use if in_use else 0.0,
        "seconds": began,
        "ticks_per_second": ticks / began if began else 0.0,
        "predictions": [None if vote is None else classes[vote] for vote in votes],
        "right": sum(right) if right else None,
        "of": len(right),
    }, kept


def _rows(content: dict[str, Any]) -> dict[str, str]:
    speed = content["ticks_per_second"]
    found = {
        "driven by": content["driven by"],
        "ran": f"{content['ticks']:,} ticks of 1 ms, {speed:,.0f} a second ({speed / 1000:.2g} times real time)",
        "spikes": f"{content['spikes']:,}; {content['rate']:.4g} Hz, mean of {content['neurons in use']:,} neurons",
        "spikes out": f"{content['host']:,}",
        "synaptic events, hops": f"{content['synaptic_events']:,} and {content['hops']:,}",
        "lost": f"{content['merged']:,} spikes met an axon that was active already",
    }
    predictions = [str(one) for one in content["predictions"] if one is not None]
    if predictions:
        more = f" and {len(predictions) - 20} more" if len(predictions) > 20 else ""
        found["predictions"] = ", ".join(predictions[:20]) + more
    if content["right"] is not None:
        found["right"] = f"{content['right']} of {content['of']}"
    return found


def _write(out: Path, events: list[Any]) -> None:
    """The spikes that left the chip, in one step."""
    import io

    import numpy as np

    from rheobase.files import atomic_write

    data = io.BytesIO()
    samples = [np.full(len(one.spikes.tick), k, np.int64) for k, one in enumerate(events)]
    columns: dict[str, Any] = {"sample": np.concatenate(samples)}
    for name in ("tick", "core", "neuron"):
        columns[name] = np.concatenate([getattr(one.spikes, name) for one in events])
    np.savez_compressed(data, **columns)
    atomic_write(out, data.getvalue())
