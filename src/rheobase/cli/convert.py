"""`rheobase convert single-spike MODEL`: a trained network as one of another kind of neurons, with a certificate."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer

from rheobase.cli.options import Debug, Json, examples, path, reported, write_json

if TYPE_CHECKING:
    from torch import Tensor, nn

    from rheobase.cli.converting.saved import Saved
    from rheobase.equivalence import Certificate

SINGLE = examples(
    "rheobase convert single-spike runs/lif-digits",
    "rheobase convert single-spike runs/lif-digits/best.json --max-spikes 16 --grid 10 --decay-bits 2",
    "rheobase convert single-spike runs/lif-digits/best-0123456789abcdef.safetensors --out one.json",
)
MULTI = examples(
    "rheobase convert multi-spike runs/lif-digits/single-spike.json",
    "rheobase convert multi-spike one.json --how moebius --out many.json",
)

MOST_COPIES = 1_000_000

convert = typer.Typer(help="Convert a trained network between kinds of neurons.", no_args_is_help=True)

Model = Annotated[
    Path,
    typer.Argument(
        parser=path,
        metavar="MODEL",
        help="Folder of a run of `rheobase train`, or a .json or .safetensors of a saved network.",
    ),
]
Out = Annotated[
    Path | None,
    typer.Option(
        parser=path, metavar="FILE", help="Where it goes: a .json, its tensors beside it.", show_default="beside MODEL"
    ),
]
Samples = Annotated[int, typer.Option(min=1, help="Test samples to measure and to compare on.")]
DataDir = Annotated[
    Path | None, typer.Option(parser=path, metavar="FOLDER", help="Where the data lie.", show_default="as in training")
]


@convert.command("single-spike", epilog=SINGLE)
def single_spike(
    model: Model,
    max_spikes: Annotated[
        str, typer.Option(metavar="auto|N", help="Copies of a neuron; auto: in each layer, what the samples need.")
    ] = "auto",
    grid: Annotated[
        int | None, typer.Option(metavar="BITS", help="First round weights to multiples of 2^-BITS.")
    ] = None,
    decay_bits: Annotated[
        int | None, typer.Option(metavar="BITS", help="With --grid: decays of LIF, too, to multiples of 2^-BITS.")
    ] = None,
    samples: Samples = 200,
    out: Out = None,
    data_dir: DataDir = None,
    json: Json = None,
    debug: Debug = False,
) -> None:
    """Share out the spikes of every neuron among copies that spike once each; print the certificate.

    The network must be of neurons whose reset subtracts (LIF, IF, CubaLIF, AdLIF). Both networks are run on test
    samples in double precision, where sums of trained weights do not round; spikes and predictions are compared.
    """
    with reported(debug, json=json):
        from rheobase import equivalence
        from rheobase.cli.converting.saved import inputs, read
        from rheobase.errors import ParameterError

        if decay_bits is not None and grid is None:
            raise ParameterError("convert", "--decay-bits without --grid", "both", "--grid 10 --decay-bits 2, say")
        wanted = _whole(max_spikes)
        saved = read(model, data_dir)
        source, new = saved.net, list[dict[str, Any]]()
        if grid is not None:
            source = equivalence.to_grid(source, bits=grid, decay_bits=decay_bits)
            new.append({"to": "grid", "bits": grid, "decay_bits": decay_bits})
        one, certificate = equivalence.to_single_spike(source, wanted, inputs=inputs(saved, samples))
        new.append({"to": "single-spike", "max_spikes": list(certificate.max_spikes)})
        _end(saved, source, one, certificate, new, out or saved.path.with_name("single-spike.json"), samples, json)


@convert.command("multi-spike", epilog=MULTI)
def multi_spike(
    model: Model,
    how: Annotated[
        str, typer.Option(metavar="auto|moebius|autapse", help="Groups that cancel, or inhibition of oneself.")
    ] = "auto",
    samples: Samples = 200,
    out: Out = None,
    data_dir: DataDir = None,
    json: Json = None,
    debug: Debug = False,
) -> None:
    """Put neurons that may spike often in the place of neurons that spike once; print the certificate.

    MODEL is a network that `rheobase convert single-spike` saved. By Moebius inversion, where the reset does not decay:
    for each neuron a group, one for every square-free number, whose spikes cancel all but the first. By an autapse, for
    any decay: the neuron inhibits itself. How high its potential gets is measured on test samples.
    """
    with reported(debug, json=json):
        from rheobase import equivalence
        from rheobase.cli.converting.saved import inputs, read

        saved = read(model, data_dir)
        x = inputs(saved, samples)
        many, certificate = equivalence.to_multi_spike(saved.net, how=how, inputs=x)
        largest = list(equivalence.highest_potentials(saved.net, x))
        new = [{"to": "multi-spike", "how": how, "horizon": len(x), "largest": largest}]
        _end(saved, saved.net, many, certificate, new, out or saved.path.with_name("multi-spike.json"), samples, json)


def _whole(given: str) -> int | None:
    """A number of copies; None for auto. Raises `ParameterError`."""
    from rheobase.cli.quantity import whole
    from rheobase.errors import ParameterError

    if given == "auto":
        return None
    copies = whole(given)
    if copies is None or copies > MOST_COPIES:
        expected = f"auto or a whole number up to {MOST_COPIES}"
        raise ParameterError("convert", f"--max-spikes {given}", expected, "--max-spikes 16, say")
    return copies


def _end(
    saved: Saved,
    source: nn.Module,
    net: nn.Module,
    certificate: Certificate,
    new: list[dict[str, Any]],
    out: Path,
    samples: int,
    json: Path | None,
) -> None:
    from rheobase.cli.converting.saved import predicted, write
    from rheobase.cli.terminal import console, figures

    truth, (before, after) = predicted(saved, (source, net), samples)
    changed = int((before != after).sum())
    write(out, net, saved, new)
    rows = {
        **certificate.rows(),
        "predictions that change": f"{changed} of {len(truth)}",
        "right before and after": f"{_right(before, truth)} and {_right(after, truth)}",
    }
    out_console = console()
    out_console.print(f"{saved.settings.neuron} on {saved.data.name}, test samples 1 to {len(truth)}", style="bold")
    out_console.print(figures(rows))
    out_console.print(f"network: {out}", soft_wrap=True)
    content = {
        "certificate": certificate.as_json(),
        "samples": len(truth),
        "predictions_changed": changed,
        "right_before": _right(before, truth),
        "right_after": _right(after, truth),
        "network": str(out),
        "conversions": [*saved.conversions, *new],
    }
    write_json(json, content)


def _right(predicted: Tensor, truth: Tensor) -> int:
    return int((predicted == truth).sum())
