"""An account of a network has the metrics that NeuroBench itself finds for it in snnTorch."""

from __future__ import annotations

import json

import pytest

from rheobase import from_decay, input_scale, neurons, nn
from rheobase.energy import account, neurobench
from tests.against.make_neurobench import BETA, CASES, FILE, drawn

STORED = json.loads(FILE.read_text())


def leaky(*shape: int) -> neurons.LIF:
    """snnTorch's Leaky, whose reset comes a step later."""
    return neurons.LIF(shape, dt=1.0, tau_mem=from_decay(BETA), v_threshold=1 / BETA, v_leak=1 / BETA - 1)


@pytest.mark.parametrize("case", CASES)
def test_metrics(case: str) -> None:
    weights, x = drawn(case)
    net = nn.Sequential(
        nn.Conv2d(2, 4, 3, stride=2, padding=1), leaky(4, 4, 3), nn.Flatten(), nn.Linear(48, 5), leaky(5)
    )
    for layer, (weight, bias) in zip((net[0], net[3]), (weights[:2], weights[2:]), strict=True):
        layer.weight.data, layer.bias.data = (input_scale(BETA) * value for value in (weight, bias))
    expected, found = STORED[case], neurobench(account(net, x))
    # the constants of neurons are buffers in both, of other sizes
    own = sum(b.numel() * b.element_size() for b in net.buffers())
    assert found["Footprint"] - own == expected["Footprint"]
    assert found["ConnectionSparsity"] == expected["ConnectionSparsity"] > 0
    assert found["ActivationSparsity"] == pytest.approx(expected["ActivationSparsity"], abs=1e-12)
    assert (found["ActivationSparsity"] == 1.0) == (case == "silent")
    operations = {k: found[k] for k in ("Effective_MACs", "Effective_ACs", "Dense")}
    assert operations == pytest.approx(expected["SynapticOperations"], abs=1e-9)
    assert (operations["Effective_MACs"] > 0) == (case == "analog")
