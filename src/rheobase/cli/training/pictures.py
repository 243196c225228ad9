"""The pictures of a training report."""

from __future__ import annotations

from functools import partial

from rheobase.cli.training.activity import Activity, Layer, activity
from rheobase.cli.training.job import Outcome
from rheobase.data import EventDataset, SeriesDataset
from rheobase.plot import Panel, Picture, confusion, learning_curve, learning_rates, raster, samples, traces

MOST_MISTAKES = 12


def pictures(outcome: Outcome) -> list[Picture]:
    """The pictures that this run has data for, in the order of the report."""
    seen = activity(outcome)
    shown = [_learning(outcome), *_tried(outcome), _confusion(outcome), _raster(outcome, seen)]
    spiking = [layer for layer in seen.layers if bool(layer.spikes.any())]
    if spiking:
        shown.append(_membranes(spiking[-1]))
    mistakes = _mistakes(outcome)
    return [*shown, mistakes] if mistakes else shown


def _learning(outcome: Outcome) -> Picture:
    history = outcome.history
    best = history.best
    kept = f" The weights of epoch {best.epoch}, which validated best, were kept." if best else ""
    held = f" and on {len(outcome.validation[1])} samples held back from them" if outcome.validation else ""
    return Picture(
        "How it learned",
        f"Loss and error after each epoch, on the training samples{held}.{kept}",
        f"Loss and error over {len(history)} epochs.",
        lambda style: learning_curve(history, style=style),
    )


def _tried(outcome: Outcome) -> list[Picture]:
    search, used = outcome.search, outcome.settings.lr
    if search is None:
        return []
    picture = Picture(
        "Learning rates tried",
        f"Before the training, on a copy: the running mean of the loss of {len(search.rates)} batches, each with a "
        "larger rate than the last. A tenth of the rate with the smallest loss is suggested.",
        f"Loss over learning rates from {search.rates[0]:.1e} to {search.rates[-1]:.1e}.",
        lambda style: learning_rates(search, used, style=style),
    )
    return [picture]


def _confusion(outcome: Outcome) -> Picture:
    matrix, classes = outcome.test.confusion, outcome.data.classes
    return Picture(
        "Confusion matrix",
        f"All {outcome.test.samples} test samples, which were run once, after training. Rows are the true classes.",
        f"Confusion matrix of {len(classes)} classes; {int(matrix.trace())} of {int(matrix.sum())} samples are right.",
        lambda style: confusion(matrix, classes, style=style),
    )


def _raster(outcome: Outcome, seen: Activity) -> Picture:
    settings, classes = outcome.settings, outcome.data.classes
    kind = "values" if settings.encoder in ("direct", "population") else "spikes"
    unit = "input" if isinstance(outcome.data, SeriesDataset) else "pixel"
    title = f"Input: {seen.sequence.shape[1]} {unit}s, {settings.encoder} code"
    panels = [Panel(title, seen.sequence, kind, unit, given=True)]
    for k, layer in enumerate(seen.layers, start=1):
        title = f"Layer {k}: {layer.out.shape[1]} {settings.neuron} cells, {int(layer.spikes.sum())} spikes"
        panels.append(Panel(title, layer.out, "values" if layer.cells.graded else "spikes", "cell"))
    panels.append(
        Panel(
            f"Readout: one curve for each class; the network says {classes[seen.predicted]}",
            seen.readout,
            "lines",
            "output",
            names=classes,
            chosen=seen.predicted,
        )
    )
    dt = next((layer.cells.dt for layer in seen.layers), None)
    part = "validation" if outcome.validation else "training"
    return Picture(
        "One sample on its way",
        f"A {part} sample of class {classes[seen.true]}, from its pixels to the readout.",
        "Raster of the input and of every layer over time, and the curves of the readout.",
        lambda style: raster(panels, dt=dt, style=style),
    )


def _membranes(layer: Layer) -> Picture:
    cells = layer.busiest()
    names = [f"cell {k}" for k in cells.tolist()]
    draw = partial(
        traces, layer.potential[:, cells], layer.spikes[:, cells], names, y=layer.potential_label, dt=layer.cells.dt
    )
    return Picture(
        "Inside a few cells",
        f"The {len(names)} cells of the last layer with the most spikes, for the same sample. "
        "A triangle marks a spike.",
        f"Membrane potentials of {len(names)} cells over time.",
        lambda style: draw(style=style),
    )


def _mistakes(outcome: Outcome) -> Picture | None:
    data, predicted = outcome.data, outcome.predicted
    shape = [n for n in data.sample_shape if n > 1]
    if predicted is None or isinstance(data, SeriesDataset | EventDataset) or len(shape) != 2:
        return None
    wrong = (predicted != data.y_test).nonzero().flatten()
    chosen = wrong[:MOST_MISTAKES]
    if not len(chosen):
        return None
    images = data.x_test[chosen].view(-1, *shape)
    captions = [f"{data.classes[data.y_test[k]]} read as {data.classes[predicted[k]]}" for k in chosen]
    return Picture(
        "What it got wrong",
        _misread(len(chosen), len(wrong)),
        "Images with their true class and the class given: " + ", ".join(captions) + ".",
        lambda style: samples(images, captions, style=style),
    )


def _misread(shown: int, wrong: int) -> str:
    if shown < wrong:
        return f"{shown} of the {wrong} test samples that were misread."
    return "The one test sample that was misread." if wrong == 1 else f"The {wrong} test samples that were misread."
