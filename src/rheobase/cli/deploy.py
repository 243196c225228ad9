"""`rheobase deploy RUN --chip NAME`: a trained network on a chip, with a certificate and a bill."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Annotated, TypeVar

import typer

from rheobase.cli.options import DataDir, Debug, Json, Run, examples, path, reported

if TYPE_CHECKING:
    from rheobase.runs.model import Model

EXAMPLES = examples(
    "rheobase train --neuron IF --data digits; rheobase deploy runs/if-digits --chip truenorth",
    "rheobase deploy runs/if-digits --chip truenorth --software 3 --software LI   (the readout stays in software)",
    "rheobase deploy runs/if-mnist --chip truenorth --inputs 128 --threshold 4,8,16",
    "rheobase train --neuron CubaLIF --data digits; rheobase deploy runs/cubalif-digits --chip loihi",
    "rheobase deploy runs/src-digits --chip fixed-point --weight-bits 8,5,4,3   (SRC, LIF and IF)",
)
# what has options of its own, by chip
CHIPS = {
    "truenorth": ("whole", "threshold", "inputs", "software", "votes"),
    "loihi": ("weight_bits", "software", "votes"),
    "fixed-point": ("weight_bits", "form"),
}
VOTES = 8  # for each class
THRESHOLDS = "4,8"  # the best of benchmarks/truenorth_default.py; 16 lost points at every seed
LR = 0.002
T = TypeVar("T")


def deploy(
    run: Run,
    chip: Annotated[
        str, typer.Option(metavar="CHIP", help="Which chip: truenorth, loihi or fixed-point.")
    ] = "truenorth",
    software: Annotated[
        list[str] | None,
        typer.Option(
            metavar="LAYER",
            help="A layer that stays in software, by number or kind, before or after the others; repeatable.",
        ),
    ] = None,
    votes: Annotated[
        int | None,
        typer.Option(
            min=1,
            max=256,
            help="Neurons of each class, in the place of a readout that no chip has (LI).",
            show_default="8, for such a readout",
        ),
    ] = None,
    whole: Annotated[
        int | None,
        typer.Option(
            min=1, max=2, help="Weights of truenorth: 1 is -1, 0, 1; 2 is -2 to 2.", show_default="1, of truenorth"
        ),
    ] = None,
    threshold: Annotated[
        str | None,
        typer.Option(
            metavar="N,...",
            help="Thresholds of truenorth to train with, counted in weights; validation takes one.",
            show_default=THRESHOLDS,
        ),
    ] = None,
    weight_bits: Annotated[
        str | None,
        typer.Option(
            metavar="N,...",
            help="Bits of a weight of loihi, 2 to 8, or in fixed point, 2 to 16, to train with; validation takes one.",
            show_default="8; fixed-point: 5",
        ),
    ] = None,
    form: Annotated[
        str | None,
        typer.Option(
            metavar="lines|fpga",
            help="SRC in fixed point: with its own constants and lines for tanh, or as on the published FPGA.",
            show_default="lines, of fixed-point",
        ),
    ] = None,
    inputs: Annotated[
        int | None,
        typer.Option(
            min=1,
            max=256,
            help="Train layers in groups of neurons that read so many inputs each (truenorth).",
            show_default="all",
        ),
    ] = None,
    epochs: Annotated[
        int | None,
        typer.Option(min=1, help="Of the training in whole numbers.", show_default="the run's; fixed-point: none"),
    ] = None,
    lr: Annotated[
        float | None, typer.Option(help="Largest learning rate of that training.", show_default=f"{LR:g}")
    ] = None,
    validation: Annotated[
        float,
        typer.Option(
            min=0.01, max=0.9, help="Share of the training samples that choose threshold (or bits) and epoch."
        ),
    ] = 0.1,
    limit: Annotated[int | None, typer.Option(min=1, help="Test samples to compare on.", show_default="all")] = None,
    data_dir: DataDir = None,
    out: Annotated[
        Path | None, typer.Option(parser=path, metavar="FOLDER", help="Where it goes.", show_default="RUN/CHIP")
    ] = None,
    overwrite: Annotated[bool, typer.Option("--overwrite", help="Replace what another deployment left in it.")] = False,
    json: Json = None,
    debug: Debug = False,
) -> None:
    """Put a trained network on a chip: train it once more in whole numbers, map it, run both, compare.

    truenorth takes IF neurons; loihi takes CubaLIF, LIF, HardResetLIF, PLIF, IF and HardResetIF. The layers of the run
    are trained in weights of whole numbers, once for each threshold (truenorth) or number of bits (loihi), on the
    training samples; held-out ones choose. FOLDER gets the chip's configuration (rheobase emulate, rheobase map), a
    certificate with the predictions of every test sample, and a page. The same command goes on after Ctrl-C. In Python:
    chip.deploy. fixed-point takes SRC, LIF and IF and rounds them; --epochs trains them on. In Python:
    chip.fixed_point.quantise.
    """
    with reported(debug, json=json):
        from rheobase.cli.deploying.flow import CORES, FIXED_POINT, Written, go
        from rheobase.cli.deploying.options import FixedOptions, Options, known_form
        from rheobase.cli.runs_by_name import load_run
        from rheobase.errors import ParameterError, nearest

        if chip not in CHIPS:
            raise ParameterError("--chip", repr(chip), f"one of {', '.join(CHIPS)}", nearest(chip, CHIPS))
        model = load_run(run)
        given = {"whole": whole, "threshold": threshold, "inputs": inputs, "weight_bits": weight_bits, "form": form}
        _of_other_chips(chip, **given, software=software, votes=votes)
        where = out or _place(model, chip)
        written = Written(data_dir=data_dir, json=json, overwrite=overwrite)
        if chip == "fixed-point":
            if lr is not None and epochs is None:
                expected, remedy = "--epochs as well: nothing is trained without", "--epochs 8, say, or leave it out"
                raise ParameterError("--lr", f"{lr:g} for fixed-point", expected, remedy)
            fixed = FixedOptions(
                form=known_form(form),
                weight_bits=_numbers("--weight-bits", _or(weight_bits, "5"), 2, 16, "5"),
                epochs=epochs or 0,
                lr=_or(lr, LR),
                validation=validation,
                limit=limit,
            )
            go(FIXED_POINT, model, fixed, where, fixed.command(run, where), written)
            return
        options = Options(
            chip=chip,
            software=tuple(software or ()),
            votes=_votes(model, software or [], votes),
            whole=whole or 1,
            thresholds=_numbers("--threshold", _or(threshold, THRESHOLDS), 1, 1 << 17, THRESHOLDS),
            inputs=inputs,
            weight_bits=_numbers("--weight-bits", _or(weight_bits, "8"), 2, 8, "8"),
            epochs=epochs or model.settings.epochs,
            lr=_or(lr, LR),
            validation=validation,
            limit=limit,
        )
        go(CORES, model, options, where, options.command(run, where), written)


def _or(given: T | None, default: T) -> T:
    """What is given, be it empty or 0, which are refused where they are wrong."""
    return default if given is None else given


def _of_other_chips(chip: str, **given: object) -> None:
    """Raise `ParameterError` for an option of a chip that is not this one."""
    from rheobase.errors import ParameterError

    for name, value in given.items():
        if value is not None and name not in CHIPS[chip]:
            option = "--" + name.replace("_", "-")
            known = ", ".join("--" + one.replace("_", "-") for one in CHIPS[chip])
            raise ParameterError(option, f"{value} for {chip}", f"an option that it has ({known})", "leave it out")


def _votes(model: Model, software: list[str], votes: int | None) -> int:
    """How many neurons vote for a class: none where the readout stays in software, or is none of leaky integrators.

    Raises: `ParameterError` for votes that were asked for, where there is nothing to vote.
    """
    from rheobase.errors import ParameterError
    from rheobase.neurons import LI
    from rheobase.nn.quantise import kind_of

    last = len(model.network) - 1
    if kind_of(model.network[-1]) is LI and not {"LI", str(last)} & set(software):
        return VOTES if votes is None else votes
    if votes is not None:
        given = f"{votes}, and no readout of leaky integrators (LI) that goes on the chip"
        raise ParameterError("--votes", given, "a network that ends in LI, which is not in --software", "leave it out")
    return 0


def _numbers(option: str, given: str, least: int, most: int, say: str) -> tuple[int, ...]:
    from rheobase.cli.quantity import whole
    from rheobase.errors import ParameterError

    found = [whole(word.strip()) for word in given.split(",")]
    known = [value for value in found if value is not None and least <= value <= most]
    if len(known) < len(found):
        expected = f"whole numbers from {least} to {most}, with a comma between two"
        raise ParameterError(option, repr(given), expected, f"{option} {say}, say")
    return tuple(dict.fromkeys(known))


def _place(model: Model, chip: str) -> Path:
    """RUN/CHIP; of a network that comes with the package, a folder in runs/."""
    from rheobase.cli.runs_by_name import RUNS

    return model.folder / chip if model.card is None else RUNS / f"{model.folder.name}-{chip}"
