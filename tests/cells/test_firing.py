"""f-I curves and rheobases of cells: a closed form, and the spikes of NEURON."""

from __future__ import annotations

import math
from typing import Any

import numpy as np
import pytest
import torch

from rheobase import channels as C
from rheobase.cells import (
    Cell,
    Compartments,
    Place,
    Section,
    VoltageClamp,
    fi_curve,
    firing,
    from_allen,
    rheobase_current,
)
from rheobase.errors import ParameterError
from tests.cells.test_against_neuron import PVALB, stored

SOMA = Compartments.of([Section("soma", length=20, diameter=20)])
AREA = math.pi * 400  # um2
DT = 0.1


def leaky(*g: float, **options: Any) -> Cell:
    """Passive spheres: a spike is the crossing of -60 mV from -70 mV."""
    held = {"soma": [C.Pas(len(g), g=torch.tensor(g, dtype=torch.float64), e=-70.0)]}
    return Cell(SOMA, held, dt=DT, shape=(len(g),), v_init=-70.0, threshold=-60.0, **options)


@pytest.mark.parametrize("duration", [5.0, 100.0])
def test_the_rheobase_of_a_leaky_sphere(duration: float) -> None:
    """10 mV = I R (1 - (1 + dt/tau)^-n) by backward Euler, for cells of several resistances at once."""
    g = (5e-5, 1e-4, 3e-4)
    found = rheobase_current(leaky(*g), settle=10.0, duration=duration, dtype=torch.float64)
    for k, each in enumerate(g):
        siemens, tau = 0.01 * AREA * each, 1e-3 / each
        exact = 10.0 * siemens / (1 - (1 + DT / tau) ** -round(duration / DT))
        assert exact <= float(found[k]) * (1 + 1e-12)
        assert float(found[k]) == pytest.approx(exact, rel=3e-4)


def test_a_cell_that_fires_by_itself_and_one_that_never_does() -> None:
    held = {"soma": [C.Pas(3, g=1e-4, e=torch.tensor([-50.0, -70.0, -70.0], dtype=torch.float64))]}
    cell = Cell(SOMA, held, dt=DT, shape=(3,), v_init=-70.0, threshold=-60.0)
    found = rheobase_current(cell, settle=20.0, duration=100.0, most=0.01)
    assert float(found[0]) == 0.0
    assert bool(torch.isnan(found[1:]).all())  # 0.0126 nA is above the most that was tried


def test_a_spike_of_the_start_is_none_of_the_cell() -> None:
    """Away from its rest, a cell fires once while it settles; its rheobase is that of one which starts at rest."""
    held = [C.Pas(g=3e-5, e=-70.0), C.NaTa_t(gbar=0.5), C.Kv3_1(gbar=0.3)]
    rest, away = (
        Cell(SOMA, {"soma": held}, dt=DT, v_init=v, reversal={"na": 50.0, "k": -90.0}) for v in (-70.0, -45.0)
    )
    started, _ = away(torch.zeros(500, 1))
    assert float(started.sum()) == 1
    least = rheobase_current(rest, duration=50.0)
    assert 0.001 < float(least) < 1.0
    torch.testing.assert_close(rheobase_current(away, duration=50.0), least, rtol=2e-3, atol=0)


def test_rates_counts_and_first_spikes_do_not_hang_on_how_lanes_are_cut(monkeypatch: pytest.MonkeyPatch) -> None:
    held = {"soma": [C.Pas(g=1e-4, e=-70.0), C.NaTa_t(2, gbar=torch.tensor([0.2, 0.3])), C.Kv3_1(gbar=0.1)]}
    cell = Cell(SOMA, held, dt=0.05, shape=(2,), v_init=-70.0, reversal={"na": 50.0, "k": -90.0})
    currents = [-0.05, 0.0, 0.1, 0.3]
    seen: list[tuple[int, int]] = []
    whole = fi_curve(cell, currents, settle=30.0, duration=120.0, progress=lambda *at: seen.append(at))
    assert seen[-1] == (2400, 2400)
    assert bool((whole.count[:2] == 0).all())
    assert bool((whole.count[2:] > 2).all())
    monkeypatch.setattr(firing, "AT_ONCE", 2)
    monkeypatch.setattr(firing, "PIECE", 77)
    cut = fi_curve(cell, currents, settle=30.0, duration=120.0)
    for name in ("count", "rate", "first"):
        torch.testing.assert_close(getattr(cut, name), getattr(whole, name), rtol=0, atol=0, equal_nan=True)
    # and are those of the run itself
    x = torch.cat([torch.zeros(600, 1, 2), torch.full((2400, 1, 2), 0.3)])
    spikes, _ = cell(x)
    for k in range(2):
        at = spikes[600:, 0, k].nonzero()[:, 0]
        assert len(at) == int(whole.count[3, k])
        assert float(whole.first[3, k]) == pytest.approx((int(at[0]) + 1) * 0.05)
        assert float(whole.rate[3, k]) == pytest.approx(1000 * (len(at) - 1) / (0.05 * int(at[-1] - at[0])))


@stored
def test_the_spikes_of_neuron() -> None:
    """Counts and latencies of two published models in the first 150 ms of six steps, stored traces of NEURON."""
    z = np.load(PVALB / "neuron_traces.npz")
    files = [PVALB / f"{name}.json" for name in z["models"]]
    cell = from_allen(files, PVALB / "morphology.swc.gz", dt=0.02)
    found = fi_curve(cell, z["amplitudes_nA"], settle=200.0, duration=150.0, dtype=torch.float64)
    for model in range(2):
        for k in range(6):
            times = z["spike_times_sample_ms"][model, k]
            times = times[times <= 350.0]
            assert int(found.count[k, model]) == len(times)
            if len(times):
                assert float(found.first[k, model]) == pytest.approx(times[0] - 200.0, abs=0.03)


WRONG = [
    (dict(currents=[[0.1]]), r"\(currents,\)"),
    (dict(currents=[]), "finite numbers"),
    (dict(currents=[math.nan]), "finite numbers"),
    (dict(currents=[0.1], duration=0.0), "duration = 0.0"),
    (dict(currents=[0.1], settle=-1.0), "settle = -1.0"),
]


@pytest.mark.parametrize(("given", "said"), WRONG)
def test_what_has_no_meaning_is_refused(given: dict[str, Any], said: str) -> None:
    with pytest.raises(ParameterError, match=said):
        fi_curve(leaky(1e-4), **given)


def test_other_inputs_and_ends_are_refused() -> None:
    clamped = leaky(1e-4, inputs={"v": VoltageClamp("soma")}, watch=Place("soma"))
    with pytest.raises(ParameterError, match=r"v \(VoltageClamp\).*a Current"):
        rheobase_current(clamped)
    with pytest.raises(ParameterError, match="most = 0"):
        rheobase_current(leaky(1e-4), most=0.0)
