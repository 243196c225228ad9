"""The page of a deployment, and its figures in words."""

from __future__ import annotations

from pathlib import Path

from rheobase.cli.deploying.job import CERTIFICATE, CHIP, Outcome
from rheobase.cli.deploying.targets import target_of
from rheobase.cli.page_text import footer, value_text
from rheobase.energy.tables import joules, ranged
from rheobase.plot import Link, Report

PAGE = "report.html"
QUIET = 0.01  # from this share of samples without an output spike on, a warning is given


def rows(found: Outcome) -> dict[str, str]:
    """Names and values, for display."""
    report, samples = found.report, found.report.samples
    whole, on_chip = found.accuracy(report.wanted), found.accuracy(report.predicted)
    lost = 100 * (found.plain - on_chip)
    by_chance = 100 * found.error_of_loss
    tried = ", ".join(f"{v}: {100 * share:.2f} %" for v, share in found.tried.items())
    target = target_of(found.options)
    named = {
        "same predictions": f"{report.same_predictions:,} of {samples:,} test samples, as the network in whole numbers",
        "same spikes out": f"{report.same_spikes:,} of {samples:,} samples, tick by tick",
        "accuracy on the chip": f"{100 * on_chip:.2f} %",
        "in whole numbers": f"{100 * whole:.2f} % in software",
        "in full precision": f"{100 * found.plain:.2f} %, so {lost:.2f} +- {by_chance:.2f} points are lost",
        target.title_of_value: f"{found.chosen}, by validation ({tried})",
        "cores": f"{report.n_cores}: " + ", ".join(f"{n} for {name}" for name, n in report.cores.items()),
        "in software": ", ".join(report.software) or "nothing",
        "latency": f"{1e3 * report.seconds:g} ms for a sample of {report.ticks - report.latency} steps "
        f"({report.latency} tick{'s' * (report.latency != 1)} from a step to its output)",
        "a sample": f"{report.spikes:,.0f} spikes, {report.synaptic_events:,.0f} synaptic events, "
        f"{report.hops:,.0f} hops",
        **target.more(found),
    }
    for name, span in (
        ("energy, of its own", report.own_energy),
        ("with its cores at rest", report.shared_energy),
        ("with a whole chip", None if report.bill is None else report.bill.total),
    ):
        if span is not None:
            named[name] = f"{joules(span.nominal)} ({ranged(span)}) a sample"
    return named


def advice(found: Outcome) -> list[str]:
    """What to try where more than a point is lost, and by more than chance (two standard errors)."""
    lost = found.plain - found.accuracy(found.report.predicted)
    if lost <= max(0.01, 2 * found.error_of_loss):
        return []
    options, target = found.options, target_of(found.options)
    quiet = found.report.silent and target.title_of_value == "threshold" and found.chosen > 1
    what = [*([f"--threshold {found.chosen // 2}"] if quiet else []), *target.advice(options)]
    what += [f"--votes {2 * options.votes}"] if 0 < options.votes <= 128 else []
    what += [f"--epochs {2 * options.epochs}", f"--software {found.last_linear} and the layers behind it"]
    text = f"{100 * lost:.1f} points are lost to whole numbers. What may lose less: {', or '.join(what)}"
    return [f"{text}; each with --out ANOTHER. Compare them by their validation accuracy, not by that of the test."]


def warnings(found: Outcome) -> list[str]:
    """What is not as it should be."""
    report = found.report
    many = report.samples - report.same_predictions
    found_wrong = [f"{many:,} predictions differ from those of the network in whole numbers"] if many else []
    if report.silent > QUIET * report.samples:
        found_wrong.append(
            f"no spike leaves the chip in {report.silent:,} of {report.samples:,} samples: that these are the same as "
            "in software says little"
        )
    return found_wrong


def write(found: Outcome, folder: Path, command: str) -> Path:
    """Write report.html. Raises `StorageError`."""
    report, model = found.report, found.model
    chosen = {name: value_text(value) for name, value in found.options.as_json().items() if value is not None}
    page = Report(
        title=f"{model.settings.neuron} network on {model.task.name}, on {target_of(found.options).title}",
        summary=f"On the emulated chip {report.same_predictions:,} of {report.samples:,} predictions are those of the "
        f"network in whole numbers; {100 * found.accuracy(report.predicted):.2f} % are right, and "
        f"{100 * found.plain:.2f} % in full precision.",
        note="The chip is emulated, and its energy is computed from published measurements, not measured.",
        links=[
            Link("The configuration of the chip: ", CHIP, CHIP),
            Link("The predictions of every sample, and all numbers: ", CERTIFICATE, CERTIFICATE),
        ],
        figures=rows(found),
        warnings=[f"{text}." for text in warnings(found)] + advice(found),
        pictures=[target_of(found.options).picture(found.deployed, found.example)],
        settings={**chosen, "run": str(model.folder), "network": repr(found.net)},
        command=command,
        footer=footer(),
    )
    return page.write(folder / PAGE)
