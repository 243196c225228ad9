"""Every public name says what it is, and shows it in a doctest; the few that cannot are here, each with the reason."""

from __future__ import annotations

import inspect
import warnings
from typing import Any

from tests.house.test_public_names import PACKAGES, listed, package, pinned

# public, and not pinned one by one; channels are declarations, whose pages (docs/channels) are made by running them
MORE = (
    "rheobase.chip",
    "rheobase.chip.fixed_point",
    "rheobase.chip.loihi",
    "rheobase.chip.mixed_signal",
    "rheobase.chip.truenorth",
    "rheobase.operator",
    "rheobase.profiling",
    "rheobase.recordings",
    "rheobase.synapses",
)

# results, and what they are made by: the example of that shows them
MADE_BY = {
    "rheobase.cells.CellState": "rheobase.cells.Cell",
    "rheobase.chip.Deployed": "rheobase.chip.deploy",
    "rheobase.chip.fixed_point.Certificate": "rheobase.chip.fixed_point.certify",
    "rheobase.chip.fixed_point.Emulated": "rheobase.chip.fixed_point.emulate",
    "rheobase.chip.fixed_point.LayerReport": "rheobase.chip.fixed_point.quantise",
    "rheobase.chip.fixed_point.Report": "rheobase.chip.fixed_point.quantise",
    "rheobase.chip.loihi.Core": "rheobase.chip.loihi.cores",
    "rheobase.chip.loihi.LayerReport": "rheobase.chip.loihi.quantise",
    "rheobase.chip.loihi.Mantissa": "rheobase.chip.loihi.synapses",
    "rheobase.chip.loihi.Report": "rheobase.chip.loihi.quantise",
    "rheobase.chip.mixed_signal.Dies": "rheobase.chip.mixed_signal.dies",
    "rheobase.chip.mixed_signal.Drift": "rheobase.chip.mixed_signal.Process",
    "rheobase.chip.mixed_signal.Mismatched": "rheobase.chip.mixed_signal.aware",
    "rheobase.chip.truenorth.Counts": "rheobase.chip.truenorth.Emulator",
    "rheobase.chip.truenorth.Events": "rheobase.chip.truenorth.Emulator",
    "rheobase.chip.truenorth.Run": "rheobase.chip.truenorth.Emulator",
    "rheobase.chip.truenorth.State": "rheobase.chip.truenorth.Emulator",
    "rheobase.chip.truenorth.Traffic": "rheobase.chip.truenorth.traffic",
    "rheobase.cells.FICurve": "rheobase.cells.fi_curve",
    "rheobase.energy.Account": "rheobase.energy.account",
    "rheobase.energy.Bill": "rheobase.energy.bill",
    "rheobase.energy.Comparison": "rheobase.energy.compare",
    "rheobase.interop.Agreement": "rheobase.interop.to_onnx",
    "rheobase.interop.nir.RoundTrip": "rheobase.interop.nir.round_trip",
    "rheobase.interop.run_onnx": "rheobase.interop.to_onnx",
    "rheobase.interop.from_torch_export": "rheobase.interop.to_torch_export",
    "rheobase.interop.allen_glif_parameters": "rheobase.interop.from_allen_glif",
    "rheobase.learning.Agreement": "rheobase.learning.fit_neuron",
    "rheobase.learning.Candidate": "rheobase.learning.fit_neuron",
    "rheobase.learning.Fit": "rheobase.learning.fit_neuron",
    "rheobase.learning.RunStart": "rheobase.learning.Callback",
    "rheobase.operator.Scores": "rheobase.operator.scores",
    "rheobase.plot.Movie": "rheobase.plot.animate",
    "rheobase.profiling.Explanation": "rheobase.explain",
    "rheobase.profiling.Whole": "rheobase.explain",
    "rheobase.recordings.RecordingFile": "rheobase.recordings.read",
    "rheobase.recordings.Sweep": "rheobase.recordings.read",
    "rheobase.recordings.Trace": "rheobase.recordings.read_current",
    "rheobase.runs.Exported": "rheobase.interop.to_onnx",
    "rheobase.runs.Imported": "rheobase.runs.import_nir",
}
FILES = "it reads files that do not come with the package; docs/cells.md and docs/populations.md show it"
TRACES = "it needs traces of a cell, seconds to make; docs/tutorials/09_neural_operator.md runs it"
SETS = "it reads published files that do not come with the package; tests/data reads them where they are"
WITHOUT = {
    "rheobase.cells.Population": FILES,
    "rheobase.cells.from_allen": FILES,
    "rheobase.cells.population": FILES,
    "rheobase.plot.population": FILES,
    "rheobase.learning.features": "it needs eFEL, an extra; docs/fitting.md shows what it says",
    "rheobase.learning.TensorBoardLog": "it needs tensorboard, an extra, and writes where it is told",
    "rheobase.learning.TrainingInterrupted": "Ctrl-C raises it",
    "rheobase.operator.AllenModels": FILES,
    "rheobase.synapses.Receptor": "an interface, which Exponential, NMDA and their like show",
    **{f"rheobase.operator.{name}": TRACES for name in (
        "Epoch", "FourierOperator", "Models", "Samples", "Split", "StandIn", "Traces", "generate", "load", "train",
        "windows",
    )},
    **{f"rheobase.data.{name}": SETS for name in (
        "cifar10", "cifar10_dvs", "cifar10_subset", "dvs_gesture", "fashion_mnist", "mnist", "nmnist", "ntidigits",
        "shd", "spoken_digits", "ssc",
    )},
}  # fmt: skip


def public() -> dict[str, Any]:
    """Every public name that is a class or a function, with what it names."""
    found: dict[str, Any] = {}
    with warnings.catch_warnings():
        warnings.simplefilter("ignore", DeprecationWarning)
        for parent in PACKAGES:
            found |= {f"{parent}.{name}": named(parent, name) for name in pinned()[parent]}
        for parent in MORE:
            found |= {f"{parent}.{name}": named(parent, name) for name in listed(parent)}
    return {name: value for name, value in found.items() if inspect.isclass(value) or inspect.isroutine(value)}


def named(parent: str, name: str) -> Any:
    """What a name means; also where the doctests of a module that is called as its function were collected before."""
    value = getattr(package(parent), name)
    return getattr(value, name, value) if inspect.ismodule(value) else value


def shown(value: Any) -> bool:
    """Whether its docstring, or that of one of its own methods, has a doctest."""
    docs = [inspect.getdoc(value) or ""]
    if inspect.isclass(value):
        docs += [inspect.getdoc(part) or "" for name, part in vars(value).items() if not name.startswith("_")]
    return any(">>> " in doc for doc in docs)


def test_every_name_says_what_it_is() -> None:
    silent = [
        name for name, value in public().items() if not (vars(value).get("__doc__") or value.__doc__ or "").strip()
    ]
    assert not silent, f"no docstring: {silent}"


def test_every_name_has_an_example() -> None:
    names = public()
    told = {*MADE_BY, *WITHOUT}
    errors = {name for name in names if name.startswith("rheobase.errors.")}  # of one form, which RheobaseError shows
    lacking = sorted(name for name, value in names.items() if name not in told | errors and not shown(value))
    assert not lacking, f"{len(lacking)} public names without a doctest: {lacking}"
    assert shown(names["rheobase.errors.RheobaseError"])


def test_what_is_excused_needs_it() -> None:
    names = public()
    gone = {*MADE_BY, *WITHOUT} - set(names)
    assert not gone, f"no longer there: {sorted(gone)}"
    shown_now = [name for name in (*MADE_BY, *WITHOUT) if shown(names[name])]
    assert not shown_now, f"they have an example: {shown_now}"
    silent = {maker for maker in MADE_BY.values() if not shown(names[maker])}
    assert not silent, f"they excuse others, and have no example: {sorted(silent)}"


def test_the_rule_bites() -> None:
    def bare() -> None:
        """Nothing is shown."""

    assert not shown(bare)
    assert listed("rheobase.surrogates")
