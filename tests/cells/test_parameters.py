"""Values of cells by their names, cells made after one, and what two cells may not share."""

from __future__ import annotations

from typing import Any

import pytest
import torch

from rheobase import channels as C
from rheobase.cells import Cell, Compartments, Current, GapJunction, Section, Synapse
from rheobase.cells.parameters import assign, populated, spec_of
from rheobase.errors import ParameterError
from rheobase.synapses import NMDA, Exponential

SOMA = Section("soma", length=20, diameter=20, nseg=1)
TREE = Compartments.of([SOMA, Section("dend", length=200, diameter=2, parent=SOMA, nseg=3)])
WEIGHTS = torch.tensor([1e-3, 2e-3], dtype=torch.float64)


def cell(**options: Any) -> Cell:
    """Two synapses of different weights, one more, and two junctions of different conductances."""
    inputs = {
        "i": Current("soma"),
        "exc": Synapse(["dend(0.9)", "soma"], Exponential(2, weight=WEIGHTS)),
        "nmda": Synapse("dend(0.5)", NMDA(weight=1e-3)),
    }
    gaps = [GapJunction("dend(0.9)", "soma", g=1e-3), GapJunction("dend(0.5)", "soma", g=2e-3)]
    leak = {kind: [C.Pas(g=1e-4, e=-70.0)] for kind in ("soma", "dend")}
    return Cell(TREE, leak, **{"dt": 0.1, "v_init": -70.0, "inputs": inputs, "junctions": gaps, **options})


@pytest.mark.parametrize(
    ("name", "unit", "value"),
    [
        ("exc.weight", "uS", WEIGHTS.flip(0)),
        ("nmda.tau_decay", "ms", torch.tensor(50.0).double()),
        ("g_gap", "uS", WEIGHTS),
        ("soma.Pas.g", "S/cm2", torch.tensor(2e-4).double()),
        ("Ra.dend", "ohm cm", torch.tensor(80.0).double()),
    ],
)
def test_every_value_has_a_unit_and_takes_another(name: str, unit: str, value: torch.Tensor) -> None:
    made = cell()
    assert spec_of(made, name).unit == unit
    assign(made, name, value)
    torch.testing.assert_close(made.values()[name].detach(), value, rtol=1e-14, atol=0)
    with pytest.raises(ParameterError, match=f"{name.rpartition('.')[2] if name[0] != 'R' else 'Ra'} = -1"):
        assign(made, name, -1.0)


def test_cells_after_one_are_it_and_share_nothing_with_it() -> None:
    """With weights of places and conductances of junctions that differ, which are no differences between cells."""
    one = cell()
    three = populated(one, 3, ("soma.Pas.g",))
    for name, value in one.values().items():
        own = value.expand(3) if name == "soma.Pas.g" else value
        torch.testing.assert_close(three.values()[name].detach(), own.detach(), rtol=1e-14, atol=0)
    assign(three, "exc.weight", 0.0)
    torch.testing.assert_close(one.values()["exc.weight"], WEIGHTS, rtol=0, atol=0)
    for name in ("exc.weight", "g_gap"):
        with pytest.raises(ParameterError, match=f"own values of '{name}'"):
            populated(one, 3, (name,))


def test_a_channel_of_one_cell_is_not_changed_by_another() -> None:
    held = [C.Kv3_1(gbar=0.3), C.NaV(gbar=0.1)]
    first = Cell(TREE, {"soma": held}, dt=0.1, reversal={"k": -90.0}, celsius=34.0)
    Cell(TREE, {"soma": held}, dt=0.1, reversal={"k": -90.0}, celsius=34.0)  # of the same surroundings
    for other in ({"reversal": {"k": -60.0}}, {"reversal": {"k": -90.0}, "celsius": 24.0}):
        with pytest.raises(ParameterError, match=r"(Kv3_1|NaV) of another cell, with (e = -90|celsius = 34)"):
            Cell(TREE, {"soma": held}, dt=0.1, **{"celsius": 34.0, **other})
    values = first.values()
    assert (float(values["soma.Kv3_1.e"]), float(values["soma.NaV.celsius"])) == (-90.0, 34.0)


def test_a_cell_that_was_refused_does_not_keep_its_channels() -> None:
    held = [C.Kv3_1(gbar=0.3)]
    with pytest.raises(ParameterError, match=r"soma\.Kv3_1\.nothing"):
        Cell(TREE, {"soma": held}, dt=0.1, reversal={"k": -90.0}, scale={"soma.Kv3_1.nothing": [1.0]})
    made = Cell(TREE, {"soma": held}, dt=0.1, reversal={"k": -60.0})
    assert float(made.values()["soma.Kv3_1.e"]) == -60.0


def test_a_reversal_potential_that_nothing_reads_is_refused() -> None:
    """Of an ion that there is not, and that of calcium beside a pool."""
    with pytest.raises(ParameterError, match=r"a reversal potential of 'K'; expected one of na, k, ca"):
        Cell(TREE, {}, dt=0.1, reversal={"K": -90.0})
    held = [C.Ca_HVA(gbar=1e-3), C.CaDynamics()]
    made = Cell(TREE, {"soma": held}, dt=0.1)
    with pytest.raises(ParameterError, match=r"a value of soma\.Ca_HVA\.e; expected the Nernst potential"):
        assign(made, "soma.Ca_HVA.e", 50.0)
    with pytest.raises(ParameterError, match=r"a value of soma\.Ca_HVA\.e"):
        populated(made, 2, ("soma.Ca_HVA.e",))
    with pytest.raises(ParameterError, match=r"learn=\('e',\) of Ca_HVA in soma"):
        Cell(TREE, {"soma": [C.Ca_HVA(learn=("e",)), C.CaDynamics()]}, dt=0.1)
    alone = Cell(TREE, {"soma": [C.Ca_HVA(gbar=1e-3)]}, dt=0.1)
    assign(alone, "soma.Ca_HVA.e", 50.0)
    assert float(alone.values()["soma.Ca_HVA.e"]) == 50.0


def test_a_part_with_a_step_of_its_own_is_refused() -> None:
    with pytest.raises(ParameterError, match=r"Ih in soma with dt = 0\.5; expected the cell's, dt = 0\.1"):
        Cell(TREE, {"soma": [C.Ih(dt=0.5)]}, dt=0.1)
    with pytest.raises(ParameterError, match=r"the receptor of exc with dt = 0\.5"):
        cell(inputs={"exc": Synapse("soma", Exponential(dt=0.5))})
