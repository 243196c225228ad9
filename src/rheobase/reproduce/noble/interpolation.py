"""Codes between two models, after the paper's section 4.3, beside a cell with the parameters in between."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from typing import Any

import torch
from matplotlib.axes import Axes
from matplotlib.figure import Figure
from torch import Tensor, nn

from rheobase.errors import ParameterError
from rheobase.learning import trains_of
from rheobase.learning.fitting.features import check_features
from rheobase.operator import FourierOperator, Samples, StandIn, Traces, interpolate
from rheobase.operator.fourier import library
from rheobase.plot import Picture, Style, Table
from rheobase.plot.style import WIDTH, dress, legend_below, new_figure
from rheobase.reproduce.job import Job
from rheobase.reproduce.noble.figures import FEATURES as EFEL
from rheobase.reproduce.noble.figures import Prediction, figures
from rheobase.reproduce.noble.line_tables import (
    BETWEEN,
    CELL,
    END,
    OWN,
    TIMES,
    codes_of,
    columns,
    keep,
    place_of,
    rows,
    said,
)
from rheobase.reproduce.noble.lines import FEATURES, Line, at, features_of, solved, spikes_between
from rheobase.reproduce.noble.over_seeds import over_seeds
from rheobase.reproduce.noble.settings import HELD_OUT, PROTOCOL, SHORT_PROTOCOL
from rheobase.reproduce.noble.stand_ins import NEURON, OPERATOR, SHOWN, again, predicted
from rheobase.reproduce.noble.traces import CODES, FOLDER, RESPONSE, Family, family
from rheobase.reproduce.paper import Finding, Part
from rheobase.reproduce.record import slug

DRAWN = 3  # lines of each group


def run(job: Job) -> Finding:
    check_features(tuple(EFEL.values()))
    if any(choice["kind"] == OPERATOR for choice in job["trained"].values()):
        library()
    _check_fractions(job["fractions"])
    on, lines, traces = solved(job, family(job))
    plain, kept = over_seeds(job, on, job["trained"], ())
    without = _without_net(job, on, lines, traces)
    found = {
        name: [
            _along(job, f"{slug(name)}-seed-{seed}-lines", on, job["trained"][name], one, lines, traces)
            for seed, one in zip(job["trained"][name].get("seeds", job["seeds"]), results, strict=True)
        ]
        for name, results in plain.items()
    }
    keep(job, kept, found)
    text = said(job, found, without)
    return Finding(
        text,
        tables=[
            Table(f"Between {group}", columns(job), rows(job, group, found, without), _caption(job, on, group, lines))
            for group in lines
        ],
        pictures=[
            Picture(
                "Intervals between models",
                f"The first {DRAWN} lines of each group, under the current nearest to {SHOWN:g} nA; "
                "the first net, first seed.",
                text,
                lambda style: _drawn(job, on, lines, traces, found, without, style),
            )
        ],
        seeds=kept.table(),
    )


def _check_fractions(fractions: Sequence[float]) -> None:
    if len(fractions) < 3 or fractions[0] != 0.0 or fractions[-1] != 1.0 or list(fractions) != sorted(set(fractions)):
        given, expected = f"fractions {list(fractions)}", "ascending numbers from 0 to 1, one in between at least"
        raise ParameterError("noble", given, expected, "[0.0, 0.5, 1.0], say")


def _truths(on: Family, lines: Sequence[Line], traces: Traces, features: Tensor) -> list[Samples]:
    """What the cells do, for each fraction."""
    return [on.windows(at(traces, lines, k), features) for k in range(len(lines[0].models))]


def _placed(key: str, made: Prediction, truth: Samples, on: Family, *, shaped: bool = True) -> dict[str, Any]:
    """The figures at one fraction, and beside them the features of each sample, its own and those of the cell."""
    own, cell = features_of(made.v, made.trains, on), features_of(truth.v, truth.trains, on)
    scored = figures(made, truth, on, shaped=shaped)
    return {key: scored, f"{key}, own": own.numpy(), f"{key}, cell": cell.numpy()}


def _without_net(job: Job, on: Family, lines: Mapping[str, list[Line]], traces: Traces) -> Mapping[str, Any]:
    """A unit: the cells themselves, and what is known of a cell from the traces of both ends."""

    def work() -> dict[str, Any]:
        _, features = on.code(RESPONSE)
        found = dict[str, Any]()
        for group, those in lines.items():
            truths = _truths(on, those, traces, features)
            first, last = truths[0], truths[-1]
            for share, truth in zip(job["fractions"], truths, strict=True):
                near = first if share <= 0.5 else last
                both = Prediction(
                    (1.0 - share) * first.v + share * last.v, spikes_between(first.trains, last.trains, share)
                )
                for name, made, shaped in (
                    (CELL, Prediction(truth.v, truth.trains), True),
                    (END, Prediction(near.v, near.trains), True),
                    (TIMES, both, False),
                ):
                    found |= _placed(place_of(group, name, BETWEEN, share), made, truth, on, shaped=shaped)
        return found

    return job.unit("lines", work, pairs=_pairs(lines), settings=_data(job))


def _along(
    job: Job,
    name: str,
    on: Family,
    choice: Mapping[str, Any],
    result: Mapping[str, Any],
    lines: Mapping[str, list[Line]],
    traces: Traces,
) -> Mapping[str, Any]:
    """A unit: a trained net at each fraction of each line, told the code in between, and that of the cell there."""

    def work() -> dict[str, Any]:
        net, features = again(on, choice, result)
        found = dict[str, Any]()
        for group, those in lines.items():
            truths = _truths(on, those, traces, features)
            # codes of training models alone are within the range that was trained
            made = _interpolated(net, on, those, truths[0], features, job["fractions"], group == "training models")
            for share, truth, one in zip(job["fractions"], truths, made, strict=True):
                found |= _placed(place_of(group, "", BETWEEN, share), one, truth, on)
                if bool(torch.isfinite(truth.code).all()) and 0.0 < share < 1.0:
                    own = predicted(net, truth, on.protocol.sample)
                    found |= _placed(place_of(group, "", OWN, share), own, truth, on)
        return found

    return job.unit(name, work, **choice, pairs=_pairs(lines), settings=_data(job))


def _interpolated(
    net: nn.Module,
    on: Family,
    lines: Sequence[Line],
    first: Samples,
    features: Tensor,
    fractions: Sequence[float],
    check_range: bool,
) -> Iterator[Prediction]:
    """For each fraction what the net makes of the codes between both ends of each line."""
    if not isinstance(net, FourierOperator | StandIn):
        raise ParameterError("noble", f"a {type(net).__name__}", f"{OPERATOR!r} or {NEURON!r}", "leave it out")
    each = first.current.shape[1] // len(lines)
    found = [
        interpolate(
            net, current, features[line.pair[0]], features[line.pair[1]], tuple(fractions), check_range=check_range
        )
        for line, current in zip(lines, first.current.split(each, 1), strict=True)
    ]
    for k in range(len(fractions)):
        v, spikes = (torch.cat([getattr(one, name)[:, k] for one in found], 1) for name in ("v", "spikes"))
        yield Prediction(v, trains_of(spikes, on.protocol.sample))


def _pairs(lines: Mapping[str, list[Line]]) -> dict[str, list[list[int]]]:
    return {group: [list(line.pair) for line in those] for group, those in lines.items()}


def _data(job: Job) -> dict[str, Any]:
    return {name: job[name] for name in job.settings if name not in ("trained", "seeds")}


def _caption(job: Job, on: Family, group: str, lines: Mapping[str, list[Line]]) -> str:
    those, p = lines[group], on.protocol
    epochs = "; ".join(
        f"{name}: {one['epochs']} and {one.get('free', 0)} epochs, {one.get('refined', 0)} rounds of refinement"
        for name, one in job["trained"].items()
    )
    room = ", ".join(f"{name} {x:g}" for name, x in FEATURES.items())
    return (
        f"{len(those)} pairs of {group} that were drawn, {job['tested']} currents each; the cell in between has every "
        "value of the genome and the axial resistance on the line between those of both ends, and was solved. A net "
        f"is told the code {BETWEEN} of both ends, or the code {OWN}, by its responses, where all of these cells "
        "have them (two spikes or more under each short step, the last one late in it). Errors are over the inner "
        "fractions, against that cell: of counts the mean, of the others the median. Between: the share of inner "
        f"samples whose feature is between those of its own ends, with this room: {room}; the steady potential is "
        f"that of samples without a spike. '{TIMES.capitalize()}': the k-th spike between the k-th ones of both ends, "
        f"which the solver ran under the same current; '{END}': its trace. Learned from {len(on.train)} traces of "
        f"{len(on.training)} models, windows of {p.window * p.sample:.4g} ms at {p.sample:g} ms; {epochs}."
    )


def _drawn(
    job: Job,
    on: Family,
    lines: Mapping[str, list[Line]],
    traces: Traces,
    found: Mapping[str, Sequence[Mapping[str, Any]]],
    without: Mapping[str, Any],
    style: Style,
) -> Figure:
    figure = new_figure(WIDTH, 3.4, style)
    axes = figure.subplots(1, len(lines), squeeze=False)[0]
    fractions, interval = job["fractions"], list(FEATURES).index("mean interval (ms)")
    for ax, (group, those) in zip(axes, lines.items(), strict=True):
        dress(ax, style, title=f"between {group}", x="fraction", y="mean interval (ms)" if ax is axes[0] else "")
        currents = at(traces, those, 0).amplitude
        each = len(currents) // len(those)
        chosen = [int((currents[:each] - SHOWN).abs().argmin()) + k * each for k in range(min(DRAWN, len(those)))]

        def shown(one: Mapping[str, Any], name: str, code: str, group: str = group) -> tuple[list[float], Tensor]:
            known = [share for share in fractions if place_of(group, name, code, share) in one]
            rows = [torch.as_tensor(one[f"{place_of(group, name, code, share)}, own"])[:, interval] for share in known]
            return known, torch.stack(rows)

        known, rows = shown(without, CELL, BETWEEN)
        ax.plot(known, rows[:, chosen].numpy(), "o-", ms=5, lw=1.6, color=style.muted, label=CELL)
        for colour, (name, results) in zip(style.colours, list(found.items())[:1], strict=False):
            for code in codes_of(job, group, results[0]):
                known, rows = shown(results[0], "", code)
                label, mark = f"{name.removeprefix('causal neuron, ')}, {code}", ".-" if code == BETWEEN else "x"
                ax.plot(known, rows[:, chosen].numpy(), mark, ms=4, lw=0.9, color=colour, label=label)
    _one_label_each(axes[0])
    legend_below(figure, axes[0], style, columns=2)
    return figure


def _one_label_each(ax: Axes) -> None:
    """One entry of the legend for all lines of a kind."""
    seen = set[str]()
    for line in ax.get_lines():
        label = str(line.get_label())
        if label in seen:
            line.set_label("_")
        seen.add(label)


def _smaller(used: Mapping[str, Any]) -> str:
    pairs = " and ".join(f"{count} pairs of {group}" for group, count in used["pairs"].items())
    traces = used["chunks"] * used["stimuli"] * min(used["models"], 50)
    return (
        "The paper draws 50 codes around each held-out model and 200 from the hull of the training models, for an "
        f"operator that saw 22.7 million samples, and shows figures without a score; here it is lines between {pairs}, "
        f"and nets that learned from {traces:,} traces. A code of responses is not in it."
    )


_NEURON = {
    "kind": NEURON,
    "code": RESPONSE,
    "hidden": 16,
    "batch": 16,
    "lr": 0.01,
    "epochs": 60,
    "free": 25,
    "refined": 3,
}

PART = Part(
    "interpolation",
    "Codes between two models",
    "codes between two models beside a cell with the parameters in between",
    run,
    settings={
        "seeds": [0, 1],
        "held_out": HELD_OUT,
        "models": 50,
        "protocol": PROTOCOL,
        "chunks": 1,
        "stimuli": 8,
        "validation": 1,
        "tested": 12,
        "fitted": [],
        "told": [0.03, 0.07, 0.15],
        "told_ms": 250.0,
        "fractions": [0.0, 0.25, 0.5, 0.75, 1.0],
        "pairs": {"training models": 12, "unseen models": 10},
        "trained": {
            "causal neuron, responses": _NEURON,
            "causal neuron, two features": {**_NEURON, "code": CODES[0], "seeds": [0]},
            "Fourier operator": {
                "kind": OPERATOR,
                "code": CODES[0],
                "modes": 256,
                "hidden": 16,
                "layers": 4,
                "batch": 16,
                "lr": 0.004,
                "epochs": 3,
                "seeds": [0],
                "weights": True,
            },
        },
    },
    quick={
        "seeds": [0],
        "models": 12,
        "held_out": HELD_OUT[:4],
        "protocol": SHORT_PROTOCOL,
        "chunks": 3,
        "tested": 6,
        "validation": 4,
        "told": [0.05, 0.15],
        "told_ms": 150.0,
        "pairs": {"training models": 3, "unseen models": 3},
        "trained": {"causal neuron, responses": {**_NEURON, "epochs": 20, "free": 8, "refined": 1}},
    },
    needs=(FOLDER,),
    minutes=19,
    reduced=_smaller,
)
