"""Published models of other cells: rest and spikes as their authors simulated them."""

from __future__ import annotations

import csv
import json
import os

import pytest
import torch

from rheobase.cells import from_allen
from tests.cells.test_against_neuron import DATA, MOUSE, mouse, step

HUMAN = DATA / "models_human_allactive"
long = pytest.mark.skipif("RHEOBASE_LONG" not in os.environ, reason="kernels of its own: RHEOBASE_LONG=1 runs it")
human = pytest.mark.skipif(not HUMAN.is_dir(), reason="no models_human_allactive/ in RHEOBASE_DATA")
CELLS = sorted(path.name.removesuffix("_fit.json") for path in HUMAN.glob("*_fit.json")) if HUMAN.is_dir() else []
# of the others the table has a rest that NEURON does not give for their files either: up to 7 mV off
OF_THE_TABLE = [name for name in CELLS if name.startswith("ITL") or name == "PVALB__643397120"]


@human
def test_all_human_cells_are_there() -> None:
    assert len(CELLS) == 19
    assert len(OF_THE_TABLE) == 9


@human
@pytest.mark.parametrize("name", CELLS)
def test_human_cells_rest_where_their_authors_say(name: str) -> None:
    """The potential before a stimulus, of simulations whose stimulus is not known; all 19 run."""
    cell = from_allen(HUMAN / f"{name}_fit.json", HUMAN / f"{name}.swc.gz", dt=0.2)
    _, _, rec = cell(torch.zeros(2500, 1, dtype=torch.float64), record=("soma",), every=500)
    assert bool(torch.isfinite(rec["soma"]).all())
    if name in OF_THE_TABLE:
        with (HUMAN / "simulated_features.csv").open(newline="") as file:
            (row,) = [row for row in csv.reader(file) if f"{row[0]}__{row[1]}" == name]
        assert float(rec["soma"][-1, 0]) == pytest.approx(float(row[9]), abs=0.02)


@mouse
@long
def test_an_all_active_mouse_cell() -> None:
    """The first two spikes of another group's simulation, to 0.05 ms; the cell settles at a coarser step."""
    folder = MOUSE / "osb_497232312"
    expected = json.loads((folder / "expected_spikes.json").read_text("utf-8"))
    cell = from_allen(folder / "497232312_fit.json", next(folder.glob("*.swc.gz")), dt=0.1, axon="stub")
    _, settled = cell(step([0.0], 0.1, total=expected["start_ms"]))
    cell.dt = 0.005
    spikes, _ = cell(torch.full((29600, 1), 1e-3 * expected["amp_pA"], dtype=torch.float64), settled)
    found = (spikes[:, 0].nonzero()[:, 0] + 1) * cell.dt
    wanted = torch.tensor(expected["expected_spike_times_ms"][: len(found)]) - expected["start_ms"]
    assert len(found) == 2
    assert float((found - wanted).abs().max()) < 0.05
