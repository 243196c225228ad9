"""The cell of `benchmarks.cells`: a published human interneuron where its files are, else a tree by hand.

Both have 127 compartments and the mechanisms of the published models: ten in the soma, five in the dendrites.
"""

from __future__ import annotations

import os
import re
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor

from rheobase import channels
from rheobase.cells import Cell, Compartments, Section, from_allen

FOLDER = Path(os.environ.get("RHEOBASE_DATA", "data")) / "pvalb_689331391"
NAMES = [f"seed{seed}_hof{k}" for seed in (1, 2, 3) for k in range(20)]
STORED = ("seed1_hof0", "seed2_hof5")  # models of which the folder has traces by NEURON
AMPLITUDES = (-0.11, -0.05, 0.02, 0.03, 0.04, 0.05, 0.06, 0.07, 0.08, 0.1, 0.12, 0.14, 0.16, 0.18, 0.2, 0.25)  # nA
MECHANISMS = Path(__file__).parent / "simulators" / "neuron_channels"
DT, ONSET, END, TOTAL = 0.02, 200.0, 600.0, 715.0  # ms
REVERSAL = {"na": 53.0, "k": -107.0}  # mV, of the published models
# of the models by hand: around the medians of the published ones
MEDIANS: dict[str, dict[str, dict[str, float]]] = {
    "soma": {
        "Pas": {"g": 6e-5, "e": -68.0}, "Ih": {"gbar": 1e-3}, "Kv3_1": {"gbar": 1.6}, "NaV": {"gbar": 0.17},
        "K_Tst": {"gbar": 0.3}, "K_Pst": {"gbar": 0.08}, "SK": {"gbar": 2.6e-4}, "Ca_HVA": {"gbar": 1.6e-4},
        "Ca_LVA": {"gbar": 1e-3}, "CaDynamics": {"gamma": 5e-3, "decay": 300.0},
    },
    "dend": {
        "Pas": {"g": 6e-5, "e": -68.0}, "Ih": {"gbar": 2.6e-4}, "Kv3_1": {"gbar": 0.05}, "NaV": {"gbar": 1.4e-3},
        "Im_v2": {"gbar": 9e-5},
    },
}  # fmt: skip


def published() -> bool:
    """Whether the files of the published models are there (`RHEOBASE_DATA`)."""
    return FOLDER.is_dir()


def cells(models: Sequence[int], dt: float = DT, **options: Any) -> Cell:
    """A cell of shape (models,): those of these numbers, from 0 to 59, again from the first on behind the last."""
    if published():
        files = [FOLDER / f"{NAMES[k % len(NAMES)]}.json" for k in models]
        return from_allen(files, FOLDER / "morphology.swc.gz", dt=dt, **options)
    shape = (len(models),)
    scale = {name: torch.tensor([_factor(k, name) for k in models], dtype=torch.float64) for name in _varied()}
    held = {
        kind: [
            getattr(channels, name)(
                *shape,
                **{key: value * scale.get(f"{kind}.{name}.{key}", torch.ones(shape)) for key, value in values.items()},
            )
            for name, values in mechanisms.items()
        ]
        for kind, mechanisms in MEDIANS.items()
    }
    return Cell(
        _tree(),
        held,
        dt=dt,
        shape=shape,
        c_mem={"soma": 3.0, "dend": 3.0},
        Ra=120.0,
        reversal=REVERSAL,
        v_init=-68.0,
        start="neuron",
        **options,
    )


def learning(cell: Cell) -> Cell:
    """The same cells, the maximal conductances of which are learned."""
    values = {key: value.detach() for key, value in cell.values().items()}
    held = {
        kind: [
            type(m)(
                *cell.shape,
                learn=("gbar",) if "gbar" in m.params else (),
                **{key: values[f"{kind}.{name}.{key}"] for key in m.params},
            )
            for name, m in mechanisms.items()
        ]
        for kind, mechanisms in cell.channels.items()
    }  # type: ignore[union-attr]
    passive = {name: {kind: values[f"{name}.{kind}"] for kind in cell.kinds} for name in ("c_mem", "Ra")}
    return Cell(
        cell.compartments,
        held,
        dt=cell.dt,
        shape=cell.shape,
        **passive,
        reversal=REVERSAL,
        celsius=cell.celsius,
        v_init=cell.v_init,
        start=cell.start,
    )


def stimuli(first: int, stop: int, amplitudes: Sequence[float], models: int, dtype: torch.dtype) -> Tensor:
    """The step of current of the time steps from `first` to before `stop`: (time, amplitudes, models), nA."""
    t = (torch.arange(first, stop, dtype=torch.float64) + 0.5) * DT
    on = ((t >= ONSET) & (t < END)).to(dtype)
    return (on[:, None] * torch.tensor(amplitudes, dtype=dtype))[..., None].expand(-1, -1, models).contiguous()


def described(cell: Cell) -> dict[str, Any]:
    """The cell in words that a process of NEURON reads: its sections, and the values of each of its models."""
    tree = cell.compartments
    number = {section: k for k, section in enumerate(tree.sections)}
    sections = [
        {
            "name": s.name,
            "kind": s.kind,
            "nseg": int(n),
            "at": s.at,
            "parent": None if s.parent is None else number[s.parent],
            "points": _points(s).tolist(),
        }
        for s, n in zip(tree.sections, tree.nseg, strict=True)
    ]
    count = cell.shape[0]
    models = [dict[str, dict[str, float]]() for _ in range(count)]
    for key, value in cell.values().items():
        first, *rest = key.split(".")
        kind, name = (rest[0], {"c_mem": "cm"}.get(first, first)) if len(rest) == 1 else (first, "_".join(rest[::-1]))
        parameter, _, mechanism = name.partition("_")
        # what NEURON takes from the cell as a whole
        if parameter == "celsius" or (parameter == "e" and mechanism != "Pas"):
            continue
        if len(rest) == 2 and not _ranged(*rest):
            _check_default(key, value, *rest)
            continue
        name = name.replace("_Pas", "_pas")
        for model, x in zip(models, value.detach().double().expand(count).tolist(), strict=True):
            model.setdefault(kind, {})[name] = x
    inserted = {kind: ["pas" if name == "Pas" else name for name in held] for kind, held in cell.channels.items()}  # type: ignore[union-attr]
    return {
        "sections": sections,
        "mechanisms": inserted,
        "models": models,
        "celsius": cell.celsius,
        "v_init": cell.v_init,
        "reversal": {f"e{ion}": e for ion, e in REVERSAL.items()},
        "dt": cell.dt,
    }


def _ranged(mechanism: str, parameter: str) -> bool:
    """Whether NEURON's mechanism has this parameter; of Pas, which it brings itself, it has all."""
    path = MECHANISMS / f"{mechanism}.mod"
    if not path.exists():
        return True
    declared = re.findall(r"^\s*RANGE (.*)$", path.read_text(), re.MULTILINE)
    return parameter in re.findall(r"\w+", " ".join(declared))


def _check_default(key: str, value: torch.Tensor, mechanism: str, parameter: str) -> None:
    """What NEURON's mechanism has as a number must be that number here. Raises: `ValueError`."""
    default = getattr(channels, mechanism).params[parameter].default
    if not bool((value.detach().double() == default).all()):
        raise ValueError(f"{key} is {value}, but NEURON's mechanism has {default} as a number")


def _points(s: Section) -> NDArray[np.float64]:
    """x, y, z and diameter of each point; a section of which only lengths are known lies straight."""
    xyz = np.outer(s.arc, (1.0, 0.0, 0.0)) if s.points is None else s.points
    return np.column_stack([xyz, s.diameters])


def _tree() -> Compartments:
    """A soma of 12 um and 42 dendrites of three compartments: two stems that branch in two, four times."""
    soma = Section("soma", length=12.0, diameter=12.0, nseg=1)
    made, rank = [soma], [soma, soma]
    diameter = 1.2
    while len(made) < 43:
        following: list[Section] = []
        for parent in rank:
            for _ in range(1 if parent is soma else 2):
                if len(made) < 43:
                    at = 0.5 if parent is soma else 1.0
                    each = Section(
                        f"dend[{len(made) - 1}]", length=70.0, diameter=diameter, parent=parent, at=at, nseg=3
                    )
                    made.append(each)
                    following.append(each)
        rank, diameter = following, 0.8 * diameter
    return Compartments.of(made)


def _varied() -> list[str]:
    return [f"{kind}.{name}.gbar" for kind, held in MEDIANS.items() for name, x in held.items() if "gbar" in x]


def _factor(model: int, name: str) -> float:
    """By how much a conductance of a model by hand is stronger: 0.7 to 1.4, the same in every run."""
    generator = np.random.default_rng([model % len(NAMES), _varied().index(name)])
    return float(np.exp(generator.uniform(np.log(0.7), np.log(1.4))))
