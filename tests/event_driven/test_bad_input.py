"""What has no meaning is refused by name, before anything runs."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest
import torch

from rheobase.errors import DTypeError, InputError, ParameterError, RheobaseError, ShapeError
from rheobase.event_driven import Network, run

NET = Network(2, sources=1).connect([2, 0], [0, 1], [[1.0, 0.0], [0.0, 1.0]], kind="delta")

BAD: list[tuple[dict[str, Any], type[RheobaseError], str]] = [
    (dict(n_neurons=0), ParameterError, "n_neurons=0"),
    (dict(n_neurons=2.0), ParameterError, "n_neurons=2.0"),
    (dict(sources=-1), ParameterError, "sources=-1"),
    (dict(tau_mem=[10.0, 0.0]), ParameterError, r"tau_mem\[1\] = 0.0"),
    (dict(tau_mem=np.nan), InputError, "tau_mem"),
    (dict(tau_syn=np.inf), InputError, "tau_syn"),
    (dict(tau_syn=0.0), ParameterError, 'kind="delta"'),
    (dict(v_threshold=0.0), ParameterError, "v_threshold"),
    (dict(reset=[1.0, -1.0]), ParameterError, r"reset\[1\]"),
    (dict(max_spikes=1.5), ParameterError, "max_spikes"),
    (dict(current=[1.0, 2.0, 3.0]), ShapeError, r"current of shape \(3,\)"),
    (dict(pre=[0], post=[1], weight=[1.0], delay=[1.0, 2.0], kind=["delta"]), ShapeError, "lengths"),
    (dict(pre=[2], post=[1], weight=[1.0], delay=[1.0], kind=["delta"]), ParameterError, r"pre\[0\] = 2"),
    (dict(pre=[0], post=[2], weight=[1.0], delay=[1.0], kind=["delta"]), ParameterError, r"post\[0\] = 2"),
    (dict(pre=[0], post=[1], weight=[1.0], delay=[-1.0], kind=["delta"]), ParameterError, r"delay\[0\] = -1"),
    (dict(pre=[0], post=[1], weight=[np.inf], delay=[1.0], kind=["delta"]), InputError, "weight"),
    (dict(pre=[0], post=[1], weight=[1.0], delay=[1.0], kind=["expontial"]), ParameterError, "'exponential'"),
    (dict(pre=[0.9], post=[1], weight=[1.0], delay=[1.0], kind=["delta"]), DTypeError, "pre of dtype float64"),
    (dict(pre=[0], post=[True], weight=[1.0], delay=[1.0], kind=["delta"]), DTypeError, "post of dtype bool"),
    (dict(pre=[0], post=[1], weight=["one"], delay=[1.0], kind=["delta"]), DTypeError, "weight that is no array"),
    (dict(tau_mem="20 ms"), DTypeError, "tau_mem that is no array"),
    (dict(n_neurons=True), ParameterError, "n_neurons=True"),
]


@pytest.mark.parametrize(("given", "error", "text"), BAD)
def test_networks(given: dict[str, Any], error: type[RheobaseError], text: str) -> None:
    with pytest.raises(error, match=text):
        Network(**{"n_neurons": 2, **given})


def test_a_loop_in_no_time() -> None:
    net = Network(4).connect([0, 1, 2], [1, 2, 0], np.diag([1.0, 1.0, 1.0]), kind="delta", delay=np.eye(3))
    assert net.n_synapses == 3
    with pytest.raises(ParameterError, match=r"loop .* \[1, 2\]"):
        net.connect([1], [2], [[1.0]], kind="delta").connect([2], [1], [[1.0]], kind="delta")
    # what acts on v a moment later has an order
    assert net.connect([1], [1], [[1.0]], kind="exponential").connect([2], [2], [[1.0]], kind="step").n_synapses == 5


def test_connections() -> None:
    with pytest.raises(ShapeError, match=r"\(2, 3\), which is \(post, pre\)"):
        NET.connect([0, 1, 2], [0, 1], np.ones((3, 2)))
    with pytest.raises(ShapeError, match="delay of shape"):
        NET.connect([0], [1], [[1.0]], delay=[1.0, 2.0])
    with pytest.raises(DTypeError, match=r"Network.connect: got pre of dtype float64"):
        NET.connect([0.9], [1], [[1.0]])  # type: ignore[list-item]
    with pytest.raises(DTypeError, match=r"post of dtype float64"):
        NET.connect([0], np.array([1.0]), [[1.0]])
    with pytest.raises(DTypeError, match="pre that is no array"):
        NET.connect([[0], [1, 0]], [1], [[1.0]])  # type: ignore[list-item]
    with pytest.raises(DTypeError, match="weight that is no array"):
        NET.connect([0], [1], [["strong"]])
    # what counts is taken whatever holds it, and nothing is a connection to nobody
    for pre in (range(2), (0, 1), np.array([0, 1], np.uint8), torch.tensor([0, 1])):
        assert NET.connect(pre, [1], [[1.0, 1.0]], delay=1.0).n_synapses == NET.n_synapses + 2
    assert NET.connect([], [], np.empty((0, 0))).n_synapses == NET.n_synapses


@pytest.mark.parametrize(
    ("given", "error", "text"),
    [
        (dict(t_stop=-1.0), ParameterError, "t_stop"),
        (dict(t_stop=np.inf), InputError, "t_stop"),
        (dict(t_stop=1.0, inputs=([0], [0.0, 1.0])), ShapeError, "1 sources and 2 times"),
        (dict(t_stop=1.0, inputs=([1], [0.0])), ParameterError, "sources 1 to 1"),
        (dict(t_stop=1.0, inputs=([0], [-1.0])), InputError, "input times"),
        (dict(t_stop=1.0, inputs=([0], [np.nan])), InputError, "input times"),
        (dict(t_stop=1.0, record_at=[2.0]), ParameterError, "record_at"),
        (dict(t_stop=1.0, record=[2]), ParameterError, "record="),
        (dict(t_stop=1.0, record=[0.9]), DTypeError, "record of dtype float64"),
        (dict(t_stop=1.0, record_at=["soon"]), DTypeError, "record_at"),
        (dict(t_stop=1.0, inputs=([0.9], [0.0])), DTypeError, "sources of inputs of dtype float64"),
        (dict(t_stop=1.0, inputs=([0], ["now"])), DTypeError, "times of inputs"),
        (dict(t_stop="1 ms"), ParameterError, "t_stop='1 ms'"),
        (dict(t_stop=True), ParameterError, "t_stop=True"),
        (dict(t_stop=1.0, max_events=-1), ParameterError, "max_events=-1"),
        (dict(t_stop=1.0, max_events=0), ParameterError, "max_events=0"),
        (dict(t_stop=1.0, max_events=1.5), ParameterError, "max_events=1.5"),
        (dict(t_stop=1.0, max_events=True), ParameterError, "max_events=True"),
    ],
)
def test_runs(given: dict[str, Any], error: type[RheobaseError], text: str) -> None:
    with pytest.raises(error, match=text):
        run(NET, **given)


def test_a_limit_beyond_what_can_be_counted_is_none() -> None:
    assert len(run(NET, ([0], [0.0]), t_stop=1.0, max_events=10**30)) > 0


def test_a_network_is_frozen_and_can_be_written_down() -> None:
    with pytest.raises(ValueError, match="read-only"):
        NET.weight[0] = 2.0
    again = eval(repr(NET))
    assert repr(again) == repr(NET)
    assert np.array_equal(again.weight, NET.weight)
    silent = Network(1, tau_mem=float("inf"), max_spikes=3.0)
    assert eval(repr(silent)).tau_mem.tolist() == [np.inf]
    assert "100 synapses" in repr(Network(10).connect(range(10), range(10), np.ones((10, 10))))
