"""The graphs of the NIR paper: the exact solution, the other simulators, a real camera's digits; files of others."""

from __future__ import annotations

import json
import os
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch

from rheobase import nn
from rheobase.errors import DataError
from rheobase.interop import nir

DATA = Path(os.environ.get("RHEOBASE_DATA", "no data"))
ORACLE, FILES = DATA / "oracle_nir", DATA / "files_for_readers" / "nir"
needs_oracle = pytest.mark.skipif(
    not ORACLE.is_dir(), reason="the graphs of the NIR paper are not here (RHEOBASE_DATA)"
)
needs_files = pytest.mark.skipif(not FILES.is_dir(), reason="the files for readers are not here (RHEOBASE_DATA)")


def traces(name: str) -> np.ndarray[Any, Any]:
    """Input, potential and spikes of 1000 steps of 0.1 ms."""
    return np.loadtxt(ORACLE / "01_lif" / f"lif_{name}.csv", delimiter=",")


def ran(parts: int) -> tuple[np.ndarray[Any, Any], np.ndarray[Any, Any]]:
    """Spikes and potential of each of the 1000 steps, run in `parts` each."""
    net = nir.read(ORACLE / "01_lif" / "lif_norse.nir", dt=0.1 / parts, dtype=torch.float64)
    x = torch.from_numpy(traces("exact")[:, 0].copy())[:, None, None].repeat_interleave(parts, 0)
    with torch.no_grad():
        spikes, _, rec = net[1](net[0](x), record=("v",))
    return spikes.view(1000, parts).sum(1).numpy(), rec.v.view(1000, parts)[:, -1].numpy()


@needs_oracle
def test_the_exact_lif() -> None:
    """Up to the first spike it is the exact solution; after it, to what a reset at the end of a step leaves out."""
    exact = traces("exact")
    spikes, v = ran(1)
    first = int(exact[:, 2].argmax())
    np.testing.assert_array_equal(spikes, exact[:, 2])
    np.testing.assert_allclose(v[:first], exact[:first, 1], rtol=0, atol=1e-12)
    gaps = [np.abs(ran(parts)[1] - exact[:, 1]).max() for parts in (1, 16, 256)]
    assert gaps[0] == pytest.approx(0.006226159, rel=1e-6)  # v_reset at the end of the step, as Norse's, too
    assert gaps[1] < 0.3 * gaps[0]
    assert gaps[2] < 0.03 * gaps[0]


@needs_oracle
def test_the_spikes_are_those_of_norse_and_snntorch() -> None:
    spikes, _ = ran(1)
    for name in ("norse", "snntorch"):
        np.testing.assert_array_equal(spikes, traces(name)[:, 2])


@needs_oracle
def test_the_digits_of_a_real_camera() -> None:
    """8 of the 800 recordings that `python -m benchmarks.nir_digits` classifies, in 100 of their 300 steps."""
    path = DATA / "nmnist_small" / "nmnist_small_train.npz"
    if not path.is_file():
        pytest.skip("nmnist_small is not here")
    from benchmarks.nir_digits import frames, network

    with np.load(path) as data:
        x, labels = frames(data, range(8), steps=100)
    with torch.no_grad():
        out = network()(x)[0]
    assert int((out.sum(0).argmax(-1) == labels).sum()) >= 7


@needs_oracle
def test_the_recurrent_braille_network() -> None:
    for name, sizes in (("bias_zero", (12, 38, 7)), ("noBias_subtract", (12, 40, 7))):
        net = nir.read(ORACLE / "03_rnn" / f"braille_noDelay_{name}.nir", dt=0.1)
        kinds = [type(layer).__name__ for layer in net.layers]
        assert kinds == ["Linear", "Recurrent", "Linear", "HardResetCubaLIF"]
        assert (net[0].in_features, *net[1].neuron.shape, *net[3].shape) == sizes
        x = (torch.rand(256, 3, 12, generator=torch.Generator().manual_seed(0)) < 0.1).float()
        assert net.outputs(x)[1].sum() > 100
        found = nir.round_trip(net, x)
        assert found.exact, found


REFUSED = {
    "braille_snntorch_early.nir": "pickle",
    # pools of stride 1, and neurons of the shapes behind pools of stride 2
    "scnn_mnist_early.nir": r"node '6' \(IF\): got r of shape \(8, 8, 8\); expected \(8, 15, 15\)",
    # edges of a node by a name that it does not have
    "braille_noDelay_bias_zero_subgraph.nir": "'lif', which is no node",
    "braille_noDelay_noBias_subtract_subgraph.nir": "'lif', which is no node",
}


@needs_files
@needs_oracle
def test_every_file_is_read_or_refused_by_name() -> None:
    truth = json.loads((FILES.parent / "truth.json").read_text())
    read = 0
    for path in sorted([*FILES.glob("*.nir"), *ORACLE.rglob("*.nir")]):
        if path.name in REFUSED:
            with pytest.raises(DataError, match=REFUSED[path.name]):
                nir.read(path, dt=0.1)
            continue
        net = nir.read(path, dt=0.1)
        read += 1
        told = truth.get(f"nir/{path.name}", {}).get("graph")
        if told is not None:
            _as_told(net, told)
    assert read == 11


def _as_told(net: nn.Sequential, told: dict[str, Any]) -> None:
    """The means of the weights of the first and last linear layer, and of a time constant, are those of the file."""
    nodes = told["nodes"]
    linear = [layer for layer in net.layers if isinstance(layer, torch.nn.Linear)]
    first, last = ("fc1", "fc2") if "fc1" in nodes else ("0", "0")
    for layer, name in ((linear[0], first), (linear[-1], last)):
        assert float(layer.weight.detach().mean()) == pytest.approx(nodes[name]["weight"]["mean"], rel=1e-5)
    cell = nodes.get("lif2", nodes.get("1"))
    tau = cell.get("tau_mem", cell.get("tau"))["mean"]
    assert float(net[len(net) - 1].value("tau_mem").mean()) == pytest.approx(1000.0 * tau, rel=1e-5)
