"""The Fourier operator at several sizes and amounts of training: what its errors do, and when it fires."""

from __future__ import annotations

import statistics
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

import numpy as np
from matplotlib.figure import Figure

from rheobase.learning import RelativeLp
from rheobase.learning.fitting.features import check_features
from rheobase.operator import never_firing
from rheobase.operator.fourier import library
from rheobase.plot import Picture, Style, Table
from rheobase.plot.style import TICK, WIDTH, dress, legend_below, log_ticks, new_figure
from rheobase.reproduce.job import Job
from rheobase.reproduce.noble.figures import FEATURES
from rheobase.reproduce.noble.over_seeds import over_seeds
from rheobase.reproduce.noble.power_law import PowerLaw, power_law
from rheobase.reproduce.noble.settings import HELD_OUT, SHORT_PROTOCOL
from rheobase.reproduce.noble.stand_ins import OPERATOR, baselines, counted
from rheobase.reproduce.noble.tables import number
from rheobase.reproduce.noble.traces import CODES, FOLDER, Family, family
from rheobase.reproduce.paper import Finding, Part

PARTS = ("unseen amplitudes", "unseen models")
ERRORS = {"voltage error (%)": "voltage", "mean-subtracted error (%)": "subtracted"}
GAMMA, SPIKES, SEEN, MINUTES = "Gamma at 4 ms", "spikes of a firing trace", "samples seen", "CPU minutes"
COLUMNS = ("prediction", "parameters", SEEN, "objective, validation", *ERRORS, GAMMA, SPIKES, "missed", MINUTES)
FLOOR = ("never fires", "nearest training model", "the solver itself")
PUBLISHED_SAMPLES, PUBLISHED_PARAMETERS, PUBLISHED_ERROR = 75_600 * 300, 1_803_001, 2.18

Results = Mapping[str, list[Mapping[str, Any]]]


@dataclass(frozen=True)
class Trend:
    """How an error goes with samples and parameters, and whether any of these operators fires."""

    law: PowerLaw | None
    fires: bool

    @property
    def carried(self) -> PowerLaw | None:
        """The law, if it may be carried on: where no operator fires, it is a law of what does not fire."""
        return self.law if self.law is not None and self.law.falls and self.fires else None


def run(job: Job) -> Finding:
    check_features(tuple(FEATURES.values()))
    library()
    on = family(job)
    floor = baselines(job, on)
    found, kept = over_seeds(job, on, job["trained"], PARTS)
    trends = {(part, error): _trend(job, on, part, key, found) for part in PARTS for error, key in ERRORS.items()}
    text = _said(job, on, found, floor, trends[PARTS[0], "voltage error (%)"])
    return Finding(
        text,
        tables=[
            *(
                Table(part.capitalize(), COLUMNS, _rows(job, on, part, found, floor), _caption(job, on))
                for part in PARTS
            ),
            _laws(trends),
        ],
        pictures=[
            Picture(
                "Error against samples",
                "Each point is a training of its own; dashed: the prediction that never fires. The level of the paper "
                "is of its own windows, size and budget.",
                text,
                lambda style: _drawn(job, on, found, floor, style),
            )
        ],
        quoted=[_published()],
        seeds=kept.table(),
    )


def _seen(job: Job, on: Family, name: str) -> int:
    """Samples that a training saw: whole batches."""
    choice = job["trained"][name]
    return len(on.train) // choice["batch"] * choice["batch"] * choice["epochs"]


def _spikes(on: Family, part: str, counts: np.ndarray | None) -> float:
    """Spikes of a trace, of those in which the cell fires; of the cell itself where there are no counts."""
    _, features = on.code(CODES[0])
    cell = counted(on.windows(on.parts()[part], features).trains)
    return float((cell if counts is None else np.asarray(counts))[cell > 0].mean())


def _silent(on: Family) -> float:
    """The objective of the prediction that never fires, on the traces that the checkpoint is chosen by."""
    _, features = on.code(CODES[0])
    v = never_firing(on.windows(on.train, features), on.train.amplitude, on.validation.amplitude)
    return float(RelativeLp()(v, on.windows(on.validation, features).v))


def _rows(job: Job, on: Family, part: str, found: Results, floor: Mapping[str, Any]) -> list[tuple[Any, ...]]:
    rows = list[tuple[Any, ...]]()
    objectives = {FLOOR[0]: _silent(on), FLOOR[2]: 0.0}
    for name in FLOOR:
        one = floor[f"{name}, {part}"]
        # the nearest model is simulated: how often it fires is in its spike count error, in part `comparison`
        spikes = {FLOOR[0]: 0.0, FLOOR[2]: _spikes(on, part, None)}.get(name)
        figures = (one["voltage"], one["subtracted"], one["gamma"], spikes, one["missed"])
        rows.append((name, None, None, objectives.get(name), *figures, None))
    for name, results in found.items():
        one, mean = results[0], lambda key, of=results: statistics.fmean(r[part][key] for r in of)
        objective, cpu = (statistics.fmean(r[key] for r in results) for key in ("validation", "cpu"))
        spikes = statistics.fmean(_spikes(on, part, r[f"counts, {part}"]) for r in results)
        figures = (mean("voltage"), mean("subtracted"), mean("gamma"), spikes, mean("missed"))
        rows.append((name, one["parameters"], _seen(job, on, name), objective, *figures, cpu / 60.0))
    return rows


def _trend(job: Job, on: Family, part: str, key: str, found: Results) -> Trend:
    each = [(_seen(job, on, name), one) for name, results in found.items() for one in results]
    errors = [one[part][key] for _, one in each]
    law = power_law([seen for seen, _ in each], [one["parameters"] for _, one in each], errors)
    return Trend(law, any(one[part]["gamma"] > 0 for _, one in each))


def _laws(trends: Mapping[tuple[str, str], Trend]) -> Table:
    rows = list[tuple[Any, ...]]()
    for (part, error), trend in trends.items():
        if trend.law is None:
            continue
        said = [f"{a:.3f} +- {half:.3f}" for a, half in zip(trend.law.exponents, trend.law.halves, strict=True)]
        ends = trend.carried.at(PUBLISHED_SAMPLES, PUBLISHED_PARAMETERS) if trend.carried else (None, None, None)
        published = PUBLISHED_ERROR if (part, error) == (PARTS[0], "voltage error (%)") else None
        rows.append((part, error, *said, *ends, published))
    note = (
        "error = scale samples^-a parameters^-b, by least squares of the logarithms over all trainings above, with "
        "95 % intervals. At the published budget: 22.7 million samples and 1,803,001 parameters, with the interval in "
        "which one more training would be if the law held so far; empty where the error is not shown to fall with "
        "samples, or where no operator fires."
    )
    columns = ("test", "error", "a, samples", "b, parameters", "at the published budget", "from", "to", "published")
    return Table("Laws", columns, rows, note)


def _said(job: Job, on: Family, found: Results, floor: Mapping[str, Any], trend: Trend) -> str:
    part = PARTS[0]
    most = max(_seen(job, on, name) for name in found)
    last = [results for name, results in found.items() if _seen(job, on, name) == most]
    scored = "; ".join(
        f"{results[0]['parameters']:,} parameters {_mean(results, part, 'voltage')} % (mean-subtracted "
        f"{_mean(results, part, 'subtracted')} %, Gamma {_mean(results, part, 'gamma')})"
        for results in last
    )
    silent = floor[f"{FLOOR[0]}, {part}"]
    return (
        f"Voltage error under unseen amplitudes after {most:,} samples: {scored}. Never firing: "
        f"{number(silent['voltage'])} % ({number(silent['subtracted'])} %, Gamma 0). {_carried_on(trend)}"
    )


def _carried_on(trend: Trend) -> str:
    """How the error goes, and what that says at the published budget, where it says anything."""
    if trend.law is None:
        return "These trainings are too few to tell how the error goes on."
    (a, b), (over_samples, over_sizes) = trend.law.exponents, trend.law.halves
    said = (
        f"The error {_way(a, over_samples)} with samples (as samples^-a, a = {a:.2f} +- {over_samples:.2f}) and "
        f"{_way(b, over_sizes)} with parameters (b = {b:.3f} +- {over_sizes:.3f})"
    )
    if trend.carried is None:
        none = "" if trend.fires else ", and none fires"
        return f"{said}{none}: the curve does not point at the published error, and nothing is said of that budget."
    value, low, high = trend.carried.at(PUBLISHED_SAMPLES, PUBLISHED_PARAMETERS)
    where = "within" if low <= PUBLISHED_ERROR <= high else "outside of"
    return (
        f"{said}; carried on to the published 22.7 million samples and 1,803,001 parameters that is {value:.2g} % "
        f"({low:.2g} to {high:.2g} %), and the published {PUBLISHED_ERROR} % is {where} that interval."
    )


def _way(exponent: float, half: float) -> str:
    if abs(exponent) <= half:
        return "is not shown to change"
    return "falls" if exponent > 0 else "rises"


def _mean(results: list[Mapping[str, Any]], part: str, key: str) -> str:
    return number(statistics.fmean(one[part][key] for one in results))


def _caption(job: Job, on: Family) -> str:
    p, one = on.protocol, next(iter(job["trained"].values()))
    return (
        f"Windows of {p.window * p.sample:.4g} ms at {p.sample:g} ms with a step of {p.duration:g} ms; {len(on.train)} "
        f"training traces of {len(on.training)} models, seen again in every epoch with other starts of the window; "
        f"{len(on.validation)} to choose the checkpoint by. Each training has a cosine of its own, of Adam at "
        f"{one['lr']:g}, batches of {one['batch']}, the code {one['code']}, and one level of the amplitude's embedding "
        "less than published, since the window is shorter. Objective: the relative error in the norm of order 4. "
        "Spikes: upward crossings of -20 mV, mean over the traces in which the cell fires. CPU minutes: processor time "
        "of one thread in training and validation."
    )


def _published() -> Table:
    columns = ("prediction", "parameters", SEEN, "window (ms)", "voltage error (%)")
    row = ("NOBLE (section 4.2)", PUBLISHED_PARAMETERS, PUBLISHED_SAMPLES, 515, PUBLISHED_ERROR)
    return Table("Published", columns, [row], "75,600 traces, 300 epochs; four days of a graphics processor.")


def _drawn(job: Job, on: Family, found: Results, floor: Mapping[str, Any], style: Style) -> Figure:
    figure = new_figure(WIDTH, 3.2, style)
    axes = figure.subplots(1, 2)
    sizes = dict.fromkeys(results[0]["parameters"] for results in found.values())
    for ax, (error, key) in zip(axes, ERRORS.items(), strict=True):
        dress(ax, style, title="unseen amplitudes", x=SEEN, y=error, grid="y")
        for colour, mark, size in zip(style.colours, "os^Dv", sizes, strict=False):
            points = sorted(
                (_seen(job, on, name), one[PARTS[0]][key])
                for name, results in found.items()
                for one in results
                if one["parameters"] == size
            )
            label = f"{size:,} parameters"
            ax.loglog(*zip(*points, strict=True), mark + "-", ms=4, lw=1.0, color=colour, label=label)
        ax.axhline(floor[f"{FLOOR[0]}, {PARTS[0]}"][key], color=style.muted, lw=1.0, ls="--", label="never fires")
    axes[0].axhline(PUBLISHED_ERROR, color=style.ink, lw=1.0, ls=":")
    said = "published:\n1,803,001 parameters,\n22.7 million samples"
    axes[0].text(
        0.02,
        PUBLISHED_ERROR,
        said,
        transform=axes[0].get_yaxis_transform(),
        fontsize=TICK,
        color=style.ink,
        va="bottom",
    )
    for ax in axes:
        log_ticks(ax, x=True, y=True)
    legend_below(figure, axes[0], style)
    return figure


def _smaller(used: Mapping[str, Any]) -> str:
    p = used["protocol"]
    count = used["chunks"] * used["stimuli"] * min(used["models"], 50)
    return (
        f"The paper trains 1,803,001 parameters on 22.7 million samples (75,600 traces of 515 ms at 0.06 ms, 300 "
        f"epochs); here {count:,} traces with a step of {p['duration']:g} ms at {p['keep'] * p['dt']:g} ms are seen at "
        f"most {max(one['epochs'] for one in used['trained'].values())} times."
    )


# the window is 2.6 times shorter than the published one: with one level less its highest frequency is 5.8 kHz (4.4)
_OPERATOR = {"kind": OPERATOR, "code": CODES[0], "levels": 8, "batch": 16, "lr": 0.004}
LARGE = {"modes": 256, "hidden": 24, "layers": 4}
MIDDLE = {"modes": 128, "hidden": 12, "layers": 4}
SMALL = {"modes": 128, "hidden": 8, "layers": 2}


def _trained(sizes: tuple[Mapping[str, int], ...], epochs: tuple[int, ...]) -> dict[str, dict[str, Any]]:
    """Each size with each number of epochs, the short ones first."""
    return {
        f"{size['layers']} layers of {size['hidden']}, {count} epoch{'s' * (count > 1)}": {
            **_OPERATOR,
            **size,
            "epochs": count,
        }
        for count in epochs
        for size in sizes
    }


PART = Part(
    "scaling",
    "Sizes of the operator",
    "the Fourier operator at three sizes, trained on more and more samples",
    run,
    settings={
        "seeds": [0],
        "held_out": HELD_OUT,
        "models": 50,
        "protocol": SHORT_PROTOCOL,
        "chunks": 5,
        "stimuli": 8,
        "validation": 2,
        "tested": 12,
        "fitted": [],
        "trained": _trained((SMALL, MIDDLE, LARGE), (1, 3, 8)),
    },
    quick={
        "models": 12,
        "held_out": HELD_OUT[:4],
        "chunks": 1,
        "tested": 6,
        "validation": 4,
        "trained": _trained((SMALL, MIDDLE), (1, 4)),
    },
    needs=(FOLDER,),
    minutes=15,
    reduced=_smaller,
)
