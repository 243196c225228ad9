"""Biophysical models in the format of the Allen Institute: a JSON file of parameters beside a morphology.

    passive     Ra, and for perisomatic models the leak and the capacitance of each kind of section
    conditions  temperature, potential at the start, reversal potentials
    genome      values {section, mechanism, name, value}; without a mechanism the capacitance, Ra or the leak
    axon_morph  what becomes of the axon

All 60 models of one cell, say, are 60 lanes of one `Cell`.
"""

from __future__ import annotations

import json
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import torch
from torch import Tensor

from rheobase import channels
from rheobase.cells.axon import stub_diameters, with_axon_stub, without_axon
from rheobase.cells.cell import Cell
from rheobase.cells.compartments import Compartments
from rheobase.cells.morphology import Morphology
from rheobase.cells.sections import Section
from rheobase.channels.channel import Membrane
from rheobase.checks import is_number
from rheobase.errors import DataError, ParameterError, nearest

MECHANISMS = tuple(name for name in channels.__all__ if name not in ("Channel", "Pool"))
PASSIVE = ("cm", "Ra", "g_pas", "e_pas")
AXONS = ("stub", "two diameters", "none", "whole")


def from_allen(
    parameters: str | Path | Sequence[str | Path],
    morphology: str | Path | Morphology,
    *,
    dt: float,
    axon: str | None = None,
    start: str = "neuron",
    v_init: float | None = None,
    **options: Any,
) -> Cell:
    """The cell of one parameter file, or the cells (of shape (files,)) of several for one morphology.

    axon     "stub": two sections of 30 um by 1 um, as perisomatic models have it; "two diameters": those with the
             diameters of the reconstruction, as all-active models have it; "none": removed; "whole": kept. Required
             where the file has no rule for the axon
    start    "neuron", as NEURON starts these models, or "settled"
    v_init   mV, in place of the files'
    options  others of `Cell`

    Raises: `DataError` for a file that does not hold such a model, or another set of mechanisms than the first file;
    `ParameterError` without an `axon` where it is required, and as `Morphology.read` and `Cell`.
    """
    paths = [Path(parameters)] if isinstance(parameters, str | Path) else [Path(path) for path in parameters]
    if not paths:
        raise ParameterError("from_allen", "no parameter file", "at least one", "give the path of a JSON file")
    alone = isinstance(parameters, str | Path)
    models = [_read(path) for path in paths]
    _check_same_kind(paths, models)
    first, shape = models[0], () if alone else (len(paths),)

    def value(key: tuple[str, str, str]) -> Tensor:
        found = torch.tensor([model.values[key] for model in models], dtype=torch.float64)
        return found[0] if alone else found

    tree = morphology if isinstance(morphology, Morphology) else Morphology.read(morphology)
    sections = _axon(tree.sections(), first.axon if axon is None else axon, str(paths[0]))
    compartments = Compartments.of(sections)
    kinds = [kind for kind in ("soma", "axon", "dend", "apic") if len(compartments.where(kind))]
    inserted: dict[str, list[Membrane]] = {}
    for kind in kinds:
        parameters_of: dict[str, dict[str, Tensor]] = {}
        for section, mechanism, name in first.keys:
            if section == kind and mechanism:
                parameters_of.setdefault(mechanism, {})[name] = value((section, mechanism, name))
        inserted[kind] = [getattr(channels, name)(*shape, **values) for name, values in parameters_of.items()]
    passive = {
        name: {kind: value((kind, "", name)) for kind in kinds if (kind, "", name) in first.keys}
        for name in ("cm", "Ra")
    }
    for name, by_kind in passive.items():
        for kind in kinds:
            if kind not in by_kind:
                given, expected = f"no {name} of {kind}", f"{name} of each kind of section"
                raise DataError(str(paths[0]), given, expected, "use another file")
    return Cell(
        compartments,
        inserted,
        dt=dt,
        c_mem=passive["cm"],
        Ra=passive["Ra"],
        reversal=dict(first.reversal),
        celsius=first.celsius,
        v_init=first.v_init if v_init is None else v_init,
        shape=shape,
        start=start,
        **options,
    )


def _check_same_kind(paths: Sequence[Path], models: Sequence[_Model]) -> None:
    """Raise `DataError` for a file whose model differs from the first one in more than values of parameters."""
    first = models[0]
    for path, model in zip(paths[1:], models[1:], strict=True):
        for name in ("keys", "celsius", "reversal", "v_init", "axon"):
            if getattr(model, name) != getattr(first, name):
                given = f"{name} other than those of {paths[0].name}"
                raise DataError(str(path), given, "files of one kind of model", "make a cell of each kind")


class _Model:
    """What a file says: `values` by (section, mechanism, parameter), and the conditions."""

    def __init__(self, values: dict[tuple[str, str, str], float], conditions: dict[str, Any], axon: str | None):
        self.values, self.axon = values, axon
        self.keys = tuple(sorted(values))
        self.celsius, self.v_init = float(conditions["celsius"]), float(conditions["v_init"])
        found = {
            (ion.removeprefix("e"), float(potential))
            for each in conditions["erev"]
            for ion, potential in each.items()
            if ion != "section"
        }
        self.reversal = tuple(sorted(found))


def _read(path: Path) -> _Model:
    try:
        content = json.loads(path.read_bytes())
        conditions = content["conditions"][0]
        values = {}
        passive = content["passive"][0]
        kinds = {each["section"] for each in (*content["genome"], *passive.get("cm", ()))}
        for kind in sorted(kinds):
            if "ra" in passive:
                values[kind, "", "Ra"] = float(passive["ra"])
            if "e_pas" in passive:
                values[kind, "Pas", "e"] = float(passive["e_pas"])
        for each in passive.get("cm", ()):
            values[each["section"], "", "cm"] = float(each["cm"])
        for each in content["genome"]:
            values |= entry(path, each)
        model = _Model(values, conditions, _axon_rule(content))
    except OSError as error:
        raise DataError(str(path), error.strerror or str(error), "a readable file", "check the path") from error
    except (ValueError, KeyError, TypeError, IndexError, AttributeError) as error:
        if isinstance(error, DataError):
            raise
        given = f"no such model ({type(error).__name__}: {error})"
        expected = "JSON with passive, conditions and genome, as the Allen Cell Types Database has it"
        raise DataError(str(path), given, expected, "use its fit_parameters.json") from error
    if len(dict(model.reversal)) != len(model.reversal):
        given = "reversal potentials that differ between sections"
        raise DataError(str(path), given, "one of each ion", "use another file")
    return model


def entry(path: Path, each: dict[str, Any]) -> dict[tuple[str, str, str], float]:
    """One value of the genome, by section, mechanism and parameter."""
    section, mechanism, name, value = each["section"], each["mechanism"], each["name"], float(each["value"])
    if not is_number(value):
        raise DataError(str(path), f"{name} of {section} = {value}", "a finite number", "use another file")
    if not mechanism or mechanism == "pas":
        if name not in PASSIVE:
            given = f"{name!r} of {section} without a mechanism"
            raise DataError(str(path), given, f"one of {', '.join(PASSIVE)}", nearest(name, PASSIVE))
        return {(section, "", name) if name in ("cm", "Ra") else (section, "Pas", name.removesuffix("_pas")): value}
    if mechanism not in MECHANISMS:
        remedy = f"write it as a file of rheobase.channels; {nearest(mechanism, MECHANISMS)}"
        raise DataError(str(path), f"mechanism {mechanism!r}", "one that rheobase.channels has", remedy)
    parameter = name.removesuffix(f"_{mechanism}")
    known = getattr(channels, mechanism).params
    if parameter not in known:
        raise DataError(str(path), f"{name!r} of {mechanism}", "a parameter of it", nearest(parameter, known))
    return {(section, mechanism, parameter): value}


def _axon_rule(content: dict[str, Any]) -> str | None:
    """The option `axon` that a file implies; None where it has no rule for the axon."""
    for each in content.get("axon_morph") or ():
        lines = " ".join(each.get("delete_axon", ()))
        if "delete_section" in lines:
            return "stub" if "create axon" in lines else "none"
    return None


def _axon(sections: list[Section], axon: str | None, source: str) -> list[Section]:
    if axon is None:
        remedy = 'perisomatic models have axon="stub", all-active ones axon="two diameters"'
        raise ParameterError("from_allen", f"{source}, which does not say what becomes of the axon", "axon=", remedy)
    if axon not in AXONS:
        expected = f"one of {', '.join(map(repr, AXONS))}"
        raise ParameterError("from_allen", f"axon={axon!r}", expected, nearest(str(axon), AXONS))
    if axon == "whole":
        return sections
    if axon == "none":
        return without_axon(sections)
    if axon == "stub":
        return with_axon_stub(sections)
    return with_axon_stub(sections, diameters=stub_diameters(sections), at=1.0)


__all__ = ["from_allen"]
