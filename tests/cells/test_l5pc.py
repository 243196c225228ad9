"""A layer 5 pyramidal cell of a published circuit against the features that it was fitted to.

Values of the model: "release" parameters of BlueBrain/BluePyOpt, examples/l5pc; features, protocols and morphology are
stored. Its channels are those of Hay et al. (2011, doi 10.1371/journal.pcbi.1002107), whose names differ from ours.
"""

from __future__ import annotations

import json

import numpy as np
import pytest

from rheobase import channels as C
from rheobase.cells import Cell, Compartments, Morphology, stub_diameters, with_axon_stub
from rheobase.learning import Recording, features
from tests.cells.test_against_neuron import DATA, step
from tests.cells.test_published import long

FOLDER = DATA / "models_l5pc"
pytestmark = [long, pytest.mark.skipif(not FOLDER.is_dir(), reason="no models_l5pc/ in RHEOBASE_DATA")]


def ih_along(distance: np.ndarray) -> np.ndarray:
    return -0.8696 + 2.087 * np.exp(0.0031 * distance)


def pyramidal(dt: float) -> Cell:
    whole = Morphology.read(FOLDER / "C060114A7.asc.gz").sections()
    tree = Compartments.of(with_axon_stub(whole, diameters=stub_diameters(whole), at=1.0))
    ih, leak = 8e-5, {"g": 3e-5, "e": -75.0}
    held = {
        "soma": [
            C.Pas(**leak), C.Ih(gbar=ih), C.NaTs2_t(gbar=0.983955), C.Kv3_1(gbar=0.303472), C.SK(gbar=0.008407),
            C.Ca_HVA(gbar=0.000994), C.Ca_LVA(gbar=0.000333), C.CaDynamics(gamma=0.000609, decay=210.485284),
        ],
        "axon": [
            C.Pas(**leak), C.NaTa_t(gbar=3.137968), C.Nap_Et2(gbar=0.006827), C.K_Pst(gbar=0.973538),
            C.K_Tst(gbar=0.089259), C.SK(gbar=0.007104), C.Kv3_1(gbar=1.021945), C.Ca_HVA(gbar=0.00099),
            C.Ca_LVA(gbar=0.008752), C.CaDynamics(gamma=0.00291, decay=287.198731),
        ],
        "dend": [C.Pas(**leak), C.Ih(gbar=ih)],
        "apic": [C.Pas(**leak), C.Ih(gbar=ih), C.NaTs2_t(gbar=0.026145), C.Kv3_1(gbar=0.004226), C.Im(gbar=0.000143)],
    }  # fmt: skip
    return Cell(
        tree,
        held,
        dt=dt,
        scale={"apic.Ih.gbar": ih_along},
        c_mem={"soma": 1.0, "axon": 1.0, "dend": 2.0, "apic": 2.0},
        Ra=100.0,
        reversal={"na": 50.0, "k": -85.0},
        v_init=-65.0,
    )


def apical_at(tree: Compartments, distance: float) -> str:
    """The place of the first apical section that reaches this far from the soma."""
    for k in tree.where("apic"):
        section = tree.section[k]
        own = tree.segments[tree.section[tree.segments] == section]
        if tree.distance[own[0]] <= distance <= tree.distance[own[-1]]:
            nearest = own[np.abs(tree.distance[own] - distance).argmin()]
            return f"{tree.sections[section].name}({tree.x[nearest]:.6f})"
    raise AssertionError(distance)


def test_a_spike_that_runs_back_into_the_dendrite() -> None:
    """One somatic spike and its size 660 and 800 um away: within three standard deviations of what was recorded."""
    pytest.importorskip("efel", reason="efel is in rheobase[bio]")
    wanted = json.loads((FOLDER / "features.json").read_text("utf-8"))["bAP"]
    (pulse,) = json.loads((FOLDER / "protocols.json").read_text("utf-8"))["bAP"]["stimuli"]
    dt, cell = 0.05, pyramidal(0.05)
    places = {
        "soma": "soma",
        "dend1": apical_at(cell.compartments, 660.0),
        "dend2": apical_at(cell.compartments, 800.0),
    }
    begin, end = pulse["delay"], pulse["delay"] + pulse["duration"]
    x = step([pulse["amp"]], dt, begin, end, pulse["totduration"])
    _, _, rec = cell(x, record=tuple(places.values()))
    for name, place in places.items():
        # the level at which eFEL sees a spike; a dendrite's is lower
        level = -20.0 if name == "soma" else -55.0
        recording = Recording(rec[place].T, 1e3 * x.T, dt, level=level, start=dt, v_unit="mV", current_unit="pA")
        names = [{"Spikecount": "spike_count"}.get(key, key) for key in wanted[name]]
        (found,) = features(recording, start=begin, stop=end if name == "soma" else pulse["totduration"], names=names)
        for key, (mean, deviation) in zip(names, wanted[name].values(), strict=True):
            assert abs(found[key] - mean) < 3 * deviation, (name, key, found[key], mean, deviation)
