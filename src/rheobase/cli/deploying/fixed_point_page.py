"""The page of a deployment in fixed point, and its figures in words."""

from __future__ import annotations

from pathlib import Path

from matplotlib.figure import Figure

from rheobase.cli.deploying.fixed_point import WEIGHTS, FixedOutcome
from rheobase.cli.deploying.job import CERTIFICATE
from rheobase.cli.page_text import footer
from rheobase.plot import Link, Picture, Report, Section, Table
from rheobase.plot.style import Style, dress, new_figure

PAGE = "report.html"
LAYER = (
    "layer",
    "cell",
    "weights",
    "integrator",
    "weight error",
    "spikes, float",
    "spikes",
    "coincident",
    "overflows",
)


def rows(found: FixedOutcome) -> dict[str, str]:
    """Names and values, for display."""
    held = found.certificate
    tried = ", ".join(f"{bits}: {100 * share:.2f} %" for bits, share in found.tried.items())
    named = {
        "weights": f"{found.weight_bits} bits"
        + (
            f", the fewest within a standard error of the best of {found.validated:,} validation samples"
            if len(found.tried) > 1
            else ""
        ),
        "validation": f"float {100 * found.float_validation:.2f} %; bits {tried}",
        "same outputs": f"{held.same_outputs:,} of {held.samples:,} test samples, bit by bit, in integers",
        "accuracy in fixed point": f"{100 * found.accuracy(held.predicted):.2f} %",
        "in full precision": f"{100 * found.accuracy(found.plain_predicted):.2f} %, so {100 * found.lost:.2f} +- "
        f"{100 * found.error_of_loss:.2f} points are lost",
        "overflows": f"{held.overflows:,}",
    }
    for layer in found.layers.layers:
        named[f"layer {layer.layer}"] = str(layer).split(": ", 1)[1]
    return named


def advice(found: FixedOutcome) -> list[str]:
    """What to try where more than a point is lost, and by more than chance (two standard errors)."""
    if found.lost <= max(0.01, 2 * found.error_of_loss):
        return []
    options = found.options
    what = [f"--epochs {max(5, 2 * options.epochs)} (training through the rounding)"]
    what += [f"--weight-bits {found.weight_bits + 2}"] if found.weight_bits < 9 else []
    text = f"{100 * found.lost:.1f} points are lost. What may lose less: {', or '.join(what)}"
    return [f"{text}; each with --out ANOTHER. Compare them by their validation accuracy, not by that of the test."]


def warnings(found: FixedOutcome) -> list[str]:
    """What is not as it should be."""
    held = found.certificate
    counts = (
        (held.samples - held.same_outputs, "samples differ between integers and the network"),
        (held.overflows, "values did not fit their registers"),
    )
    return [f"{many:,} {text}" for many, text in counts if many]


def write(found: FixedOutcome, folder: Path, command: str) -> Path:
    """Write report.html. Raises `StorageError`."""
    held, model = found.certificate, found.model
    each = [
        (
            one.layer,
            one.neuron,
            one.weights,
            one.integrator,
            f"{one.weight_error:.2%}",
            one.spikes_float,
            one.spikes_fixed,
            one.coincident,
            one.overflows,
        )
        for one in found.layers.layers
    ]
    page = Report(
        title=f"{model.settings.neuron} network on {model.task.name}, in fixed point",
        summary=f"With weights of {found.weight_bits} bits {100 * found.accuracy(held.predicted):.2f} % of "
        f"{held.samples:,} test samples are right, and {100 * found.accuracy(found.plain_predicted):.2f} % in full "
        "precision.",
        note="The chip is emulated, in integers; energy is not computed.",
        links=[
            Link("The weights: ", WEIGHTS, WEIGHTS),
            Link("The predictions of every sample, and all numbers: ", CERTIFICATE, CERTIFICATE),
        ],
        figures=rows(found),
        warnings=[f"{text}." for text in warnings(found)] + advice(found),
        sections=[
            Section(
                "Layers",
                [
                    Table(
                        "Layers",
                        LAYER,
                        each,
                        "Under 200 training samples. Spikes of SRC are crossings of 1/2.",
                    )
                ],
            )
        ],
        pictures=[
            Picture(
                "Bits of a weight",
                f"Accuracy on {found.validated:,} validation samples; the line is the float network.",
                "accuracy over the bits of a weight",
                lambda style: _draw(found, style),
            )
        ]
        if len(found.tried) > 1
        else [],
        settings={**{k: str(v) for k, v in found.options.as_json().items()}, "run": str(model.folder)},
        command=command,
        footer=footer(),
    )
    return page.write(folder / PAGE)


def _draw(found: FixedOutcome, style: Style) -> Figure:
    figure = new_figure(5.0, 3.0, style)
    axes = dress(figure.subplots(), style, x="bits of a weight", y="validation accuracy (%)", grid="y")
    bits = sorted(found.tried)
    axes.axhline(100 * found.float_validation, color=style.muted, lw=0.8, ls=":")
    axes.plot(bits, [100 * found.tried[b] for b in bits], marker="o", color=style.colours[0])
    axes.set_xticks(bits)
    return figure
