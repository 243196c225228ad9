"""A published human interneuron against stored traces of NEURON at the same step, and its dt -> 0 limit."""

from __future__ import annotations

import json
import os
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch
from torch import Tensor

from rheobase.cells import Cell, Compartments, Morphology, from_allen, without_axon
from rheobase.channels import Pas

DATA = Path(os.environ.get("RHEOBASE_DATA", "data"))
PVALB, MOUSE = DATA / "pvalb_689331391", DATA / "models_mouse_allen"
stored = pytest.mark.skipif(not PVALB.is_dir(), reason="no pvalb_689331391/ in RHEOBASE_DATA")
mouse = pytest.mark.skipif(not MOUSE.is_dir(), reason="no models_mouse_allen/ in RHEOBASE_DATA")
FAR = "dend[3](0.970588)"


def step(amplitudes: Any, dt: float, first: float = 200.0, last: float = 600.0, total: float = 715.0) -> Tensor:
    """A step of current in nA, (time, amplitudes): on in the steps whose middle lies in it."""
    t = (torch.arange(round(total / dt), dtype=torch.float64) + 0.5) * dt
    return ((t >= first) & (t < last)).double()[:, None] * torch.as_tensor(amplitudes, dtype=torch.float64)


def crossings(v: Tensor, dt: float, threshold: float = -20.0) -> list[float]:
    """Times of upward crossings by linear interpolation, of samples v at dt, 2 dt, ..."""
    k = ((v[1:] >= threshold) & (v[:-1] < threshold)).nonzero()[:, 0]
    return ((k + 1 + (threshold - v[k]) / (v[k + 1] - v[k])) * dt).tolist()


@pytest.fixture(scope="module")
def traces() -> Any:
    return np.load(PVALB / "neuron_traces.npz")


@pytest.fixture(scope="module")
def both() -> Cell:
    return from_allen(
        [PVALB / f"{name}.json" for name in ("seed1_hof0", "seed2_hof5")], PVALB / "morphology.swc.gz", dt=0.02
    )


@stored
def test_twelve_traces_at_the_same_step(both: Cell, traces: Any) -> None:
    """Soma, the most distant compartment and calcium over 715 ms: what differs is that the file holds float32."""
    x = step(traces["amplitudes_nA"], 0.02)[..., None].expand(-1, -1, 2).contiguous()
    spikes, _, rec = both(x, record=("soma", FAR, "soma.CaDynamics.ca"), every=5)
    assert np.array_equal(spikes.sum(0).T.numpy(), traces["spike_count"])
    for name, key, tolerance in (("soma", "v_soma_mV", 1e-5), (FAR, "v_dend_mV", 1e-5)):
        expected = torch.as_tensor(traces[key]).double()[..., 1:].permute(2, 1, 0)
        assert float((rec[name] - expected).abs().max()) < tolerance, name
    calcium = torch.as_tensor(traces["cai_soma_mM"]).double()[..., 1:].permute(2, 1, 0)
    torch.testing.assert_close(rec["soma.CaDynamics.ca"][:, 0], calcium, rtol=1e-7, atol=0)


@stored
def test_float32_keeps_the_spike_times(both: Cell, traces: Any) -> None:
    """All spikes of NEURON's, within 0.01 ms: also next to rheobase, where 1e-6 mV at the start becomes 3 mV."""
    x = step(traces["amplitudes_nA"], 0.02)[..., None].expand(-1, -1, 2).float().contiguous()
    _, _, rec = both(x, record=("soma",))
    for model in range(2):
        for k in range(6):
            found = crossings(rec["soma"][:, k, model].double(), 0.02)
            expected = [t for t in traces["spike_times_ms"][model, k].tolist() if t == t]
            assert len(found) == len(expected)
            assert max(map(abs, np.subtract(found, expected)), default=0.0) < 0.01


@stored
def test_the_passive_cable() -> None:
    """All 127 compartments at seven times, to 1e-8 mV."""
    z = np.load(PVALB / "passive_traces.npz")
    soma, dend = float(z["cm_soma_uF_cm2"]), float(z["cm_dend_uF_cm2"])
    tree = Compartments.of(without_axon(Morphology.read(PVALB / "morphology.swc.gz").sections()))
    leak = {kind: [Pas(g=float(z["g_pas_S_cm2"]), e=float(z["e_pas_mV"]))] for kind in ("soma", "dend")}
    names = [f"{tree.sections[tree.section[k]].name}({tree.x[k]:.6f})" for k in tree.segments]
    for index, dt in enumerate(z["dt_ms"].tolist()):
        cell = Cell(tree, leak, dt=dt, c_mem={"soma": soma, "dend": dend}, Ra=float(z["Ra_ohm_cm"]), v_init=-68.0)
        every = round(0.1 / dt)
        _, _, rec = cell(step(z["amplitudes_nA"], dt), record=tuple(names), every=every)
        found = torch.stack([rec[name] for name in names], -1)  # (time, amplitudes, compartments)
        assert float((found[:, :, 0].T - torch.as_tensor(z["v_soma_mV"][index, :, 1:])).abs().max()) < 1e-8
        for time, expected in zip(z["snapshot_time_ms"], z["v_segments_mV"][index].swapaxes(0, 1), strict=True):
            at = found[round(float(time) / 0.1) - 1]
            assert float((at - torch.as_tensor(expected)).abs().max()) < 1e-8, time


@stored
def test_spike_times_go_to_their_limit_at_order_one(traces: Any) -> None:
    """At 0.2 nA the spikes of the first 60 ms for dt = 0.01 and 0.005 are NEURON's own; half the step, half the error.

    The limit is NEURON's too: twice its times at 0.0025 less those at 0.005.
    """
    amplitude = traces["convergence_amplitudes_nA"][3:]
    stored = dict(zip(traces["convergence_dt_ms"].tolist(), traces["convergence_spike_times_ms"][:, 3], strict=True))
    limit, errors = 2.0 * stored[0.0025] - stored[0.005], list[Any]()
    for dt in (0.02, 0.01, 0.005):
        cell = from_allen(PVALB / "seed1_hof0.json", PVALB / "morphology.swc.gz", dt=dt)
        _, _, rec = cell(step(amplitude, dt, total=260.0), record=("soma",))
        found = crossings(rec["soma"][:, 0], dt)[:4]
        assert len(found) == 4
        if dt in stored:
            assert float(np.abs(np.subtract(found, stored[dt][:4])).max()) < 1e-4
        errors.append(found - limit[:4])
    np.testing.assert_allclose(errors[0] / errors[1], 2.0, atol=0.1)
    np.testing.assert_allclose(errors[1] / errors[2], 2.0, atol=0.1)


@mouse
@pytest.mark.parametrize(
    ("name", "fit", "swc", "amplitude"),
    [
        ("osb_472450023", "464198958_fit.json", "Sst-IRES-Cre_Ai14-165865.03.01.01_491119181_m.swc.gz", 0.05),
        ("osb_483108201", "479704527_fit.json", "Rbp4-Cre_KL100_Ai14-196623.04.01.01_491119548_m.swc.gz", 0.27),
    ],
)
def test_perisomatic_mouse_cells(name: str, fit: str, swc: str, amplitude: float) -> None:
    """The spike times of another group's simulation, to the 0.07 ms within which NEURON repeats them."""
    expected = json.loads((MOUSE / name / "expected_spikes.json").read_text("utf-8"))["expected_spike_times_ms"]
    cell = from_allen(MOUSE / name / fit, MOUSE / name / swc, dt=0.005, axon="stub")
    spikes, _ = cell(step([amplitude], 0.005, 1020.0, 2020.0, 2020.0))
    found = ((spikes[:, 0] > 0).nonzero()[:, 0] + 1) * 0.005
    assert len(found) == len(expected)
    assert float((found - torch.tensor(expected)).abs().max()) < 0.07


@mouse
def test_a_mouse_cell_at_a_coarse_step() -> None:
    """The potential before the stimulus and 20 spikes; NEURON itself repeats the stored times within 0.7 ms at 0.1."""
    folder = MOUSE / "perisomatic_472363762"
    z = np.load(folder / "neuron_reference_iclamp_100pA.npz")
    fit, swc = folder / "472363762_fit.json", folder / "Scnn1a_473845048_m.swc.gz"
    cell = from_allen(fit, swc, dt=0.1, v_init=float(z["v_init_mV"]))
    spikes, _, rec = cell(step([float(z["amp_nA"])], 0.1, 500.0, 2500.0, 3000.0), record=("soma",))
    before = torch.as_tensor(z["v_mV"][:4900])
    assert float((rec["soma"][:4900, 0] - before).abs().max()) < 2e-5
    found = (spikes[:, 0].nonzero()[:, 0] + 1) * 0.1
    assert float((found - torch.as_tensor(z["spike_times_ms"])).abs().max()) <= 0.7
