"""Refinement: intervals that drifted come back, on other samples too, and nothing that is worse is taken."""

from __future__ import annotations

from dataclasses import replace
from itertools import pairwise

import pytest
import torch

from rheobase.errors import DataError, ParameterError
from rheobase.learning import trains_of
from rheobase.neurons import ELM
from rheobase.operator import Samples, StandIn
from rheobase.operator.refinement import FEWEST, halves, refine, reread

MOVED = ("v_threshold", "kick", "weight_u")


def firing() -> StandIn:
    """A stand-in that fires: the usual values of its neuron, and a code that moves its threshold."""
    net = StandIn(["x"], sample=0.1, hidden=4)
    usual = ELM(1, hidden=4)
    with torch.no_grad():
        for name, value in net.values.items():
            if name not in ("weight_v", "v_leak"):
                value.copy_(getattr(usual, name))
        net.shifts["v_threshold"].fill_(0.02)
    return net


def answered(net: StandIn, currents: list[float]) -> Samples:
    """What a stand-in does under steps of these currents (nA), as data."""
    current = torch.tensor(currents).expand(600, -1).contiguous()
    code = torch.linspace(1.0, 3.0, len(currents))[:, None]
    with torch.no_grad():
        spikes, v, _ = net(current[:, None], code)
    return Samples(current, code, v[:, 0], spikes[:, 0], trains_of(spikes[:, 0], net.sample))


def test_a_drift_comes_back() -> None:
    net = firing()
    data, others = answered(net, [0.1, 0.12, 0.15, 0.2, 0.01]), answered(net, [0.11, 0.17])
    assert int(torch.isfinite(data.trains).sum(1)[:4].min()) > 5
    with torch.no_grad():
        net.values["kick"] *= 1.1
        net.values["v_threshold"] += 0.01
    moved = answered(net, [0.11, 0.17])
    history = refine(net, data, rounds=3, moved=MOVED)
    assert history[0].before > 0.01
    assert history[-1].after < 0.2 * history[0].before
    assert all(after.before == pytest.approx(before.after) for before, after in pairwise(history))
    true = halves(others.trains)
    was, now = ((halves(x.trains) / true - 1.0).abs().max() for x in (moved, answered(net, [0.11, 0.17])))
    assert float(now) < 0.3 * float(was)


def test_what_is_right_stays() -> None:
    net = firing()
    before = {name: x.clone() for name, x in net.state_dict().items()}
    (only,) = refine(net, answered(net, [0.1, 0.15, 0.2]), rounds=1, moved=("v_threshold",))
    assert only.after <= only.before == 0.0
    assert all(torch.equal(x, before[name]) for name, x in net.state_dict().items())


def test_halves_of_a_train() -> None:
    """Spikes at 1, 2, 4, 8, 16: intervals of 1 to 8 ms; the halves have means of 1.5 and 6."""
    found = halves(torch.tensor([[1.0, 2.0, 4.0, 8.0, 16.0], [1.0, 2.0, *[torch.inf] * 3]]))
    assert found[0].tolist() == [1.0, 1.5, 6.0]
    assert bool(found[1].isnan().all())
    assert bool(halves(torch.ones(1, FEWEST - 1)).isnan().all())


def test_refused() -> None:
    net = firing()
    data = answered(net, [0.1, 0.2])
    with pytest.raises(ParameterError, match="rounds"):
        refine(net, data, rounds=0)
    with pytest.raises(ParameterError, match="weight_in"):
        refine(net, data, moved=("weight_x",))
    with pytest.raises(DataError, match="fire"):
        refine(net, answered(net, [0.0, 0.0]))


def test_the_readout_is_least_squares() -> None:
    """Data of the stand-in itself come back exactly, whatever the readout was; a wrong potential is refused."""
    net = firing()
    data = answered(net, [0.1, 0.15, 0.2, 0.02])
    spikes = data.spikes.clone()
    with torch.no_grad():
        told, _ = net.told(data)
        for x in (net.values["weight_v"], net.values["v_leak"], net.shifts["v_leak"]):
            x += 0.3
        assert float((net.told(data)[0] - told).abs().max()) > 1.0
        reread(net, replace(data, v=told))
        assert float((net.told(data)[0] - told).abs().max()) < 0.01
    assert torch.equal(answered(net, [0.1, 0.15, 0.2, 0.02]).spikes, spikes)
    with pytest.raises(DataError, match="NaN or infinity"):
        reread(net, replace(data, v=torch.full_like(data.v, torch.nan)))
