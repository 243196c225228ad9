"""Allen GLIF configurations: what each number becomes, what is refused, and all published ones in one batch."""

from __future__ import annotations

import copy
import gzip
import json
from collections import defaultdict
from pathlib import Path
from typing import Any

import pytest
import torch

from rheobase import neurons
from rheobase.errors import DataError, NotRepresentable, ParameterError
from rheobase.interop import allen_glif_parameters, from_allen_glif

MODELS = Path(__file__).parents[2].parent / "shared" / "data" / "models_glif"
COUNTS = {"GLIF1": 789, "GLIF2": 288, "GLIF3": 789, "GLIF4": 288, "GLIF5": 287}
RULES = {"a_spike": 0.003, "b_spike": 50.0, "a_voltage": 8.0, "b_voltage": 40.0}


def config(level: int, **changes: Any) -> dict[str, Any]:
    """A configuration with round numbers."""
    r, asc = level in (2, 4, 5), level >= 3
    dynamics = {2: "spike_component", 4: "spike_component", 5: "three_components_exact"}.get(level, "inf")
    spike = {k: RULES[k] for k in ("a_spike", "b_spike")}
    made = {
        "type": "GLIF", "C": 1e-10, "R_input": 2e8, "El": 0.0, "El_reference": -0.07, "th_inf": 0.02, "dt": 5e-5,
        "spike_cut_length": 60, "asc_amp_array": [-1e-11, -2e-10], "asc_tau_array": [0.3, 0.01],
        "coeffs": {"C": 1, "G": 2.0, "a": 0.5, "b": 3.0, "th_inf": 1.5, "asc_amp_array": [1.0, 0.5]},
        "init_voltage": 0.0, "init_threshold": 0.02, "init_AScurrents": [0.0, 0.0], "th_adapt": None,
        "AScurrent_dynamics_method": {"name": "exp" if asc else "none", "params": {}},
        "AScurrent_reset_method": {"name": "sum", "params": {"r": [1.0, 0.9]}} if asc else {"name": "none"},
        "threshold_dynamics_method": {"name": dynamics, "params": RULES if r else {}},
        "threshold_reset_method": {"name": "three_components" if r else "inf", "params": spike if r else {}},
        "voltage_dynamics_method": {"name": "linear_forward_euler", "params": {}},
        "voltage_reset_method": {"name": "v_before", "params": {"a": 0.4, "b": 0.005}} if r else {"name": "zero"},
    }  # fmt: skip
    return copy.deepcopy(made) | changes


WANTED = {
    "c_mem": 100.0, "g_leak": 10.0, "v_leak": -70.0, "v_threshold": -40.0, "tau_refrac": 3.0, "v_reset": -70.0,
    "f_v": 0.4, "v_add": 5.0, "theta_add": 3.0, "b_s": 0.05, "a_v": 0.004, "b_v": 0.12, "tau_asc_1": 300.0,
    "tau_asc_2": 10.0, "asc_add_1": -10.0, "asc_add_2": -100.0, "f_asc_1": 1.0, "f_asc_2": 0.9,
}  # fmt: skip


@pytest.mark.parametrize("level", [1, 2, 3, 4, 5])
def test_every_number_arrives(level: int) -> None:
    kind, values = allen_glif_parameters(config(level))
    assert kind is getattr(neurons, f"GLIF{level}")
    assert values.keys() == kind.params.keys()
    assert values == pytest.approx({name: WANTED[name] for name in kind.params})
    cell = from_allen_glif(config(level), dt=0.1, shape=(2, 3))
    assert isinstance(cell, kind)
    assert cell.shape == (2, 3)
    assert cell.dt == 0.1
    assert float(cell.rest(1).v[0, 0, 0]) == pytest.approx(-70.0)


def test_rest_that_is_not_the_reference() -> None:
    """v <- a v + b holds for v from the reference, also where the cell rests elsewhere."""
    _, values = allen_glif_parameters(config(2, El=0.002, init_voltage=0.002))
    v = -50.0
    jumped = values["v_leak"] + values["f_v"] * (v - values["v_leak"]) + values["v_add"]
    assert jumped == pytest.approx(-70.0 + 0.4 * (v + 70.0) + 5.0)


def test_file(tmp_path: Path) -> None:
    path = tmp_path / "neuron_config.json"
    path.write_text(json.dumps(config(3)))
    assert repr(from_allen_glif(path, dt=0.1)) == repr(from_allen_glif(config(3), dt=0.1))
    assert repr(from_allen_glif(str(path), dt=0.1)) == repr(from_allen_glif(config(3), dt=0.1))
    path.write_text("{")
    with pytest.raises(DataError, match="JSON"):
        from_allen_glif(path, dt=0.1)
    with pytest.raises(DataError, match="check the path"):
        from_allen_glif(tmp_path / "absent.json", dt=0.1)


REFUSED = [
    ({"voltage_dynamics_method": {"name": "quadratic_forward_euler"}}, "quadratic_forward_euler"),
    ({"voltage_reset_method": {"name": "fixed", "params": {"value": 0.0}}}, "exp \\+ three_components_exact \\+ fixed"),
    ({"AScurrent_dynamics_method": {"name": "vector"}}, "vector"),
    ({"AScurrent_reset_method": {"name": "none"}}, "AScurrent_reset_method 'none'"),
    ({"threshold_reset_method": {"name": "max_v_th"}}, "max_v_th"),
    ({"threshold_reset_method": {"name": "three_components", "params": {"a_spike": 0.1, "b_spike": 1.0}}}, "b_spike"),
    ({"asc_tau_array": [0.1, 0.2, 0.3]}, "3 values of asc_tau_array"),
    ({"spike_cut_length": 0}, "spike_cut_length = 0"),
    ({"init_voltage": 0.01}, "init_voltage"),
    ({"init_AScurrents": [0.0, 1e-12]}, "init_AScurrents"),
]


@pytest.mark.parametrize(("changes", "said"), REFUSED, ids=lambda x: str(x)[:40])
def test_what_no_neuron_says_is_refused(changes: dict[str, Any], said: str) -> None:
    with pytest.raises(NotRepresentable, match=said):
        from_allen_glif(config(5, **changes), dt=0.1)


WRONG = [
    ({"C": "1e-10"}, "C = '1e-10'"),
    ({"C": float("nan")}, "C = nan"),
    ({"th_inf": None}, "th_inf = None"),
    ({"R_input": 0.0}, "R_input > 0"),
    ({"C": 100.0}, "C = 100; expected 1e-13 to 1e-07 F.*SI units"),
    ({"R_input": 200.0}, "R_input = 200; expected 100000 to 1e\\+12 Ohm"),
    ({"El_reference": -70.0}, "El_reference = -70; expected"),
    ({"th_inf": 20.0}, "th_inf = 20; expected"),
    ({"dt": 0.05}, "dt = 0.05; expected 1e-07 to 0.01 s"),
    ({"coeffs": 3}, "coeffs = 3"),
    ({"asc_amp_array": 1e-12}, "a list of two numbers"),
]


@pytest.mark.parametrize(("changes", "said"), WRONG, ids=lambda x: str(x)[:40])
def test_wrong_values(changes: dict[str, Any], said: str) -> None:
    with pytest.raises(DataError, match=said):
        from_allen_glif(config(5, **changes), dt=0.1)


@pytest.mark.parametrize("key", ["C", "R_input", "El", "th_inf", "dt", "spike_cut_length", "asc_tau_array"])
def test_missing_values(key: str) -> None:
    made = config(5)
    del made[key]
    with pytest.raises(DataError, match=f"no {key}"):
        from_allen_glif(made, dt=0.1)


def test_no_mapping() -> None:
    with pytest.raises(DataError, match="a list"):
        from_allen_glif([config(1)], dt=0.1)  # type: ignore[arg-type]
    with pytest.raises(ParameterError, match="c_mem > 0"):
        from_allen_glif(config(1, C=-1e-10), dt=0.1)


@pytest.fixture(scope="module")
def published() -> dict[str, neurons.GLIF1]:
    """All published cells of a level as one population."""
    files = [MODELS / f"glif_{species}.json.gz" for species in ("mouse", "human")]
    if not all(file.exists() for file in files):
        pytest.skip("the published GLIF configurations are not here (no licence to copy them)")
    found = defaultdict(list)
    for file in files:
        for levels in json.loads(gzip.decompress(file.read_bytes())).values():
            for level, entry in levels.items():
                kind, values = allen_glif_parameters(entry["neuron_config"])
                assert kind.__name__ == level
                found[level].append(values)
    assert {level: len(cells) for level, cells in found.items()} == COUNTS
    stacked = {
        level: {name: torch.tensor([cell[name] for cell in cells], dtype=torch.float64) for name in cells[0]}
        for level, cells in found.items()
    }
    return {
        level: getattr(neurons, level)(COUNTS[level], dt=0.1, **values).double() for level, values in stacked.items()
    }


def counts(cells: Any, current: torch.Tensor, t_stop: float) -> torch.Tensor:
    """Spikes of each cell under a constant current."""
    # of a few cells the threshold runs away from the potential under currents as strong as some of these
    out, _ = cells(current.expand(round(t_stop / cells.dt), 1, -1).contiguous(), check_finite=False)
    return out.sum((0, 1))


@pytest.mark.parametrize("level", ["GLIF1", "GLIF2", "GLIF3", "GLIF4"])
def test_published_cells_fire_from_the_closed_form_on(published: dict[str, Any], level: str) -> None:
    """Before its first spike a cell is a leaky integrator: it fires from th_inf / R on."""
    cells = published[level]
    rheobase = cells.g_leak * (cells.v_threshold - cells.v_leak)
    # the potential comes within 1 % of its end after ln 100 = 4.6 time constants
    t_stop = 6.0 * float((cells.c_mem / cells.g_leak).max())
    assert int((counts(cells, 0.99 * rheobase, t_stop) > 0).sum()) == 0
    assert int((counts(cells, 1.01 * rheobase, t_stop) > 0).sum()) == COUNTS[level]


def test_published_glif5_cells_fire_between_two_closed_forms(published: dict[str, Any]) -> None:
    """theta_v follows v: the threshold is met at th_inf / R at the earliest, and at rest of both, where
    v (1 - a_v / b_v) = th_inf, at the latest."""
    cells = published["GLIF5"]
    ratio = cells.a_v / cells.b_v
    earliest = cells.g_leak * (cells.v_threshold - cells.v_leak)
    t_stop = 6.0 * float(torch.maximum(cells.c_mem / cells.g_leak, 1.0 / cells.b_v).max())
    rising = ratio >= 0
    assert int((counts(cells, 0.99 * earliest, t_stop)[rising] > 0).sum()) == 0
    settles = ratio < 1
    latest = earliest / (1.0 - ratio).clamp(min=1e-3)
    assert int(settles.sum()) > 250
    assert bool((counts(cells, 1.02 * latest, t_stop)[settles] > 0).all())


def test_published_glif1_rates(published: dict[str, Any]) -> None:
    """At twice the rheobase every interval is the cut and tau ln 2, to the rounding of two steps."""
    cells = published["GLIF1"]
    rheobase = cells.g_leak * (cells.v_threshold - cells.v_leak)
    interval = cells.tau_refrac + cells.c_mem / cells.g_leak * torch.log(torch.tensor(2.0))
    found = 1000.0 / counts(cells, 2.0 * rheobase, 1000.0)
    assert bool(((found - interval).abs() < 0.2 + interval**2 / 1000.0).all())
