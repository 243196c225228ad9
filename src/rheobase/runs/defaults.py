"""The defaults of a training run. Numbers only, so that the help can read them without torch."""

from __future__ import annotations

from typing import Any

# the one that the defaults below, and the figures on folders and time series, were found with
NEURON = "LIF"
MANY_SAMPLES = 10_000
EPOCHS, EPOCHS_OF_MANY = 40, 10
# of a user's folder without a test part; see data.folders.reading
TEST_SHARE, SPLIT_SEED = 0.2, 0

PLAIN: dict[str, Any] = {
    "validation": 0.1,
    "recurrent": False,
    "seed": 0,
    "device": "auto",
    "devices": 1,
    "precision": "32-true",
    "tensorboard": False,
}

# Found on validation splits of the digits alone.
COMMON: dict[str, Any] = {
    "hidden": (128,),
    "encoder": "rate",
    "gain": 1.0,
    "steps": 60,
    "batch": 64,
    "lr": 0.01,
    "loss": "sum",
    "optimiser": "adam",
    "schedule": "cosine",
    "taps": 1,
    "hold": 0,
    "readout_tau": 20.0,
    "threshold": 0.25,
    "fields": 8,
}
# Of time series: by cross-validation on training parts of the UEA and UCR archives (benchmarks/series_search.py,
# series_folds.py).
# `hold` is for series that go in step by step: where steps are put together, shapes count more than places.
SERIES: dict[str, Any] = {
    "hidden": (256,),
    "encoder": "slope",
    "gain": 3.0,
    "steps": 50,
    "batch": 16,
    "loss": "last",
    "readout_tau": 60.0,
    "hold": 10,
}
# Steps of the optimiser: as many for 40 series as for 270, which 150 epochs gave 450 and 2,550. Of more series each is
# still seen as often as those of 400 are.
SERIES_UPDATES, SERIES_LEAST_EPOCHS = 750, 30
# Below it, a tenth of the series is too few to choose an epoch by, and too many to do without.
FEW_SERIES = 500
BY_NEURON: dict[str, dict[str, Any]] = {"SRC": {"hidden": (256,), "lr": 0.005, "loss": "last"}}


def of(neuron: str, samples: int) -> dict[str, Any]:
    """The defaults for a neuron and so many training samples.

    >>> of("SRC", 1000)["loss"], of("LIF", 60_000)["epochs"]
    ('last', 10)
    """
    epochs = EPOCHS if samples <= MANY_SAMPLES else EPOCHS_OF_MANY
    return {**PLAIN, **COMMON, **BY_NEURON.get(neuron, {}), "epochs": epochs}


def epochs_of_series(trained: int, batch: int) -> int:
    """The epochs for so many series that are trained on, in batches of `batch`.

    >>> epochs_of_series(67, 16), epochs_of_series(270, 16), epochs_of_series(20_000, 16)
    (150, 45, 30)
    """
    batches = max(1, -(-trained // max(1, batch)))
    return max(SERIES_LEAST_EPOCHS, -(-SERIES_UPDATES // batches))


def said(name: str) -> str:
    """A default as text for the help, with the neurons that have another one.

    >>> said("steps"), said("hidden")
    ('60', '128; SRC 256')
    """
    others = [f"{neuron} {_words(own[name])}" for neuron, own in BY_NEURON.items() if name in own]
    return "; ".join([_words((PLAIN | COMMON)[name]), *others])


def _words(value: Any) -> str:
    return ",".join(map(str, value)) or "none" if isinstance(value, tuple) else str(value)
