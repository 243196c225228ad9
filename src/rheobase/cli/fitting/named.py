"""The fitted neuron as a named set in a file, in the format of those beside the equations."""

from __future__ import annotations

import json
from pathlib import Path
from typing import cast

from rheobase.cells import Cell
from rheobase.cli.fitting import parameter_file
from rheobase.cli.fitting.job import Fitted
from rheobase.cli.fitting.subjects import CellSubject
from rheobase.core import Neuron
from rheobase.files import atomic_write
from rheobase.learning.fitting.population import declared

FILE = "fitted.toml"


def write(fitted: Fitted, folder: Path) -> Path:
    """Write fitted.toml: what `AdEx.named(FILE, 1)` and `rheobase simulate AdEx --set FILE` read.

    Of a cell fitted.json: a parameter file.
    """
    path = path_of(fitted, folder)
    if isinstance(fitted.subject, CellSubject):
        fit = fitted.fit
        facts = {
            "fitted_to": fitted.file.path.name,
            "gamma": None if fit.silent else fit.gamma,
            "v_rms_mV": fit.fitted.v_rms,
            "delta_ms": fit.delta,
            "dt_ms": fitted.recording.dt,
            "r_series_GOhm": fit.readout["r_series"],
            "junction_mV": fitted.settings.junction or 0.0,
            "fitted": list(fit.best.values),
            "seed": fitted.settings.seed,
        }
        return parameter_file.write(fitted.subject, cast(Cell, fit.neuron), list(fit.best.values), folder, facts)
    atomic_write(path, text(fitted).encode())
    return path


def path_of(fitted: Fitted, folder: Path) -> Path:
    """Where the fitted neuron or cell stands."""
    return folder / (parameter_file.FILE if isinstance(fitted.subject, CellSubject) else FILE)


def text(fitted: Fitted) -> str:
    """The content of the file; the values are those in force, with all digits."""
    fit, recording = fitted.fit, fitted.recording
    neuron = declared(cast(Neuron, fit.neuron))
    values = {name: float(value.detach().flatten()[0]) for name, value in neuron.values().items()}
    units = {name: spec.unit for name, spec in neuron.params.items()}
    searched = set(fit.best.values)
    how = f"Gamma {fit.gamma:.3f} at {fit.delta:.3g} ms"
    if fit.silent:
        how = f"without a spike, rms error {fit.fitted.v_rms:.3g} mV"
    meaning = f"fitted to {fitted.file.path.name}: {how}, dt = {recording.dt:g} ms"
    lines = [
        "# A named set of one neuron. In Python: "
        f'neurons.{fitted.name}.named("{FILE}", 1' + (f", dt={recording.dt:g})" if neuron.dt else ")"),
        f"# On the command line: rheobase simulate {fitted.name} --set {FILE} --current ...",
        *(f"# {line}" for line in readout(fitted)),
        f'neuron = "{fitted.name}"',
        f"source = {json.dumps(f'rheobase fit, seed {fitted.settings.seed}')}",
        "",
        "[fitted]",
        f"meaning = {json.dumps(meaning)}",
    ]
    if neuron.options:
        options = ", ".join(f"{name} = {json.dumps(value)}" for name, value in neuron.options.items())
        lines.append(f"options = {{ {options} }}")
    lines.append("[fitted.values]")
    for name, value in values.items():
        how_found = "fitted" if name in searched else "held"
        lines.append(f"{name} = {value!r}  # {units[name]}, {how_found}")
    return "\n".join(lines) + "\n"


def readout(fitted: Fitted) -> list[str]:
    """How input and potential of the model relate to what was recorded, where they are not the same."""
    fit, junction = fitted.fit, fitted.settings.junction
    out, unit = fit.readout, "nA" if isinstance(fit.neuron, Cell) else fit.neuron.input_unit
    lines: list[str] = []
    if unit not in ("pA", "nA"):
        lines.append(f"input = {out['input_scale']:.6g} x current in pA" + (f", in {unit}" if unit != "1" else ""))
    seen = (
        [] if (out["v_gain"], out["v_offset"]) == (1.0, 0.0) else [f"{out['v_offset']:.6g} + {out['v_gain']:.6g} x v"]
    )
    if out["r_series"] or junction:
        seen = seen or ["v"]
        seen += [f"{out['r_series']:.6g} x current in pA"] if out["r_series"] else []
        seen += [f"{junction:g}"] if junction else []
    if seen:
        what = "recorded potential" if out["r_series"] or junction else "potential"
        lines.append(f"{what} in mV = {' + '.join(seen)}")
    return lines
