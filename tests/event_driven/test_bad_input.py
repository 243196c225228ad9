"""What has no meaning is refused by name, before anything runs."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest

from rheobase.errors import InputError, ParameterError, RheobaseError, ShapeError
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
    ],
)
def test_runs(given: dict[str, Any], error: type[RheobaseError], text: str) -> None:
    with pytest.raises(error, match=text):
        run(NET, **given)


def test_a_network_is_frozen_and_can_be_written_down() -> None:
    with pytest.raises(ValueError, match="read-only"):
        NET.weight[0] = 2.0
    again = eval(repr(NET))
    assert repr(again) == repr(NET)
    assert np.array_equal(again.weight, NET.weight)
    silent = Network(1, tau_mem=float("inf"), max_spikes=3.0)
    assert eval(repr(silent)).tau_mem.tolist() == [np.inf]
    assert "100 synapses" in repr(Network(10).connect(range(10), range(10), np.ones((10, 10))))
