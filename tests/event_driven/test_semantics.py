"""What happens in one instant, and what a run says besides its spikes."""

from __future__ import annotations

import subprocess
import sys

import numpy as np
import pytest

from rheobase import neurons
from rheobase.errors import NotRepresentable, Unfinished
from rheobase.event_driven import Network, Spikes, from_neuron, run
from tests.event_driven.networks import drawn

INF = float("inf")


def test_the_compiler_is_loaded_by_a_run_alone() -> None:
    code = "import sys, rheobase.event_driven, rheobase.equivalence.continuous; print('numba' in sys.modules)"
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert done.stdout.strip() == "False"


def test_all_arrives_before_anything_fires() -> None:
    """Excitation and inhibition at one time: what counts is their sum, in whatever order they stand."""
    for weights in ([1.5, -1.0], [-1.0, 1.5]):
        net = Network(1, sources=2, tau_mem=INF).connect([1, 2], [0], [weights], kind="delta")
        assert len(run(net, ([0, 1], [3.0, 3.0]), t_stop=5.0)) == 0
        assert len(run(net, ([0, 1], [3.0, 4.0]), t_stop=5.0)) == (1 if weights[0] > 0 else 0)


def test_a_jump_over_several_thresholds_is_several_spikes() -> None:
    net = Network(2, sources=1, tau_mem=10.0).connect([2], [0], [[3.25]], kind="delta")
    net = net.connect([0], [1], [[0.25]], kind="delta", delay=1.0)
    spikes = run(net, ([0], [2.0]), t_stop=9.0, record_at=[2.0, 3.0])
    assert spikes.of(0).tolist() == [2.0, 2.0, 2.0]
    np.testing.assert_allclose(spikes.v, [[0.25, 0.0], [0.25 * np.exp(-0.1), 0.75]], rtol=1e-15)
    assert spikes.arrivals == 4
    assert spikes.margin[0] == pytest.approx(0.25)


def test_without_delay_effects_come_a_round_later() -> None:
    """0 excites 1 and 2; 1 would silence 2, but its inhibition comes when 2 has fired: a round later."""
    net = Network(3, sources=1, tau_mem=INF).connect([3], [0], [[1.0]], kind="delta")
    net = net.connect([0], [1, 2], [[1.0], [1.0]], kind="delta").connect([1], [2], [[-1.0]], kind="delta")
    spikes = run(net, ([0], [1.0]), t_stop=2.0, record_at=[1.0])
    assert spikes.neuron.tolist() == [0, 1, 2]
    assert spikes.time.tolist() == [1.0, 1.0, 1.0]
    assert spikes.v.tolist() == [[0.0, 0.0, -1.0]]


def test_a_spike_at_the_start() -> None:
    spikes = run(Network(2, tau_mem=10.0, v_start=[2.5, 0.5]), t_stop=5.0)
    assert spikes.neuron.tolist() == [0, 0]
    assert spikes.time.tolist() == [0.0, 0.0]


def test_neurons_that_have_spent_their_spikes_are_silent() -> None:
    once = run(Network(2, tau_mem=INF, current=1.0, max_spikes=[1, 3]), t_stop=9.5)
    assert once.counts.tolist() == [1, 3]
    assert once.first.tolist() == [1.0, 1.0]
    assert run(Network(1, current=5.0, max_spikes=0), t_stop=9.5).first.tolist() == [INF]


def test_events_at_the_end_count_and_later_ones_do_not() -> None:
    net = Network(1, sources=1, tau_mem=INF).connect([1], [0], [[1.0]], kind="delta", delay=1.0)
    assert run(net, ([0, 0], [1.0, 1.5]), t_stop=2.0).time.tolist() == [2.0]


def test_a_network_runs_away_and_nothing_is_lost() -> None:
    net = Network(2, sources=1, tau_mem=INF).connect([2], [0], [[1.0]], kind="delta")
    net = net.connect([0, 1], [0, 1], [[0.0, 2.0], [2.0, 0.0]], kind="delta", delay=1.0)
    with pytest.raises(Unfinished, match="max_events=1000") as caught:
        run(net, ([0], [0.0]), t_stop=1e9, max_events=1000)
    so_far = caught.value.so_far
    assert isinstance(so_far, Spikes)
    assert so_far.time[:7].tolist() == [0.0, 1.0, 1.0, 2.0, 2.0, 2.0, 2.0]
    assert len(so_far) + so_far.arrivals <= 3000
    assert so_far.t_stop == so_far.time[-1] + 1.0


def test_one_jump_of_more_spikes_than_allowed() -> None:
    net = Network(1, sources=1, tau_mem=INF).connect([1], [0], [[1e18]], kind="delta")
    with pytest.raises(Unfinished):
        run(net, ([0], [0.0]), t_stop=1.0)


def test_margin_is_that_of_the_highest_maximum_below() -> None:
    """An alpha function and its half: the higher maximum counts; the rise that inhibition cuts off counts as well."""
    net = Network(1, sources=2, tau_mem=10.0, tau_syn=10.0).connect([1, 2], [0], [[1.0, -5.0]])
    assert run(net, ([0], [0.0]), t_stop=500.0).margin[0] == pytest.approx(1.0 - np.exp(-1.0))
    cut = run(net, ([0, 1], [0.0, 5.0]), t_stop=500.0)
    assert cut.margin[0] == pytest.approx(1.0 - 0.5 * np.exp(-0.5))
    end = run(net, ([0], [0.0]), t_stop=2.0)
    assert end.margin[0] == pytest.approx(1.0 - 0.2 * np.exp(-0.2))


def test_margin_where_a_jump_cuts_a_rise_off_or_ends_one() -> None:
    net = Network(1, sources=1, tau_mem=10.0, current=2.0, max_spikes=1)
    down = run(net.connect([1], [0], [[-1.0]], kind="delta"), ([0], [6.9]), t_stop=7.0)
    assert down.margin[0] == pytest.approx(2.0 * np.exp(-0.69) - 1.0)
    still = Network(1, sources=1, tau_mem=10.0)
    up = run(still.connect([1], [0], [[0.875]], kind="delta"), ([0], [6.9]), t_stop=7.0)
    assert (len(up), up.margin[0]) == (0, 0.125)


def test_the_same_network_gives_the_same_bits_and_records_change_nothing() -> None:
    net, inputs = drawn(np.random.default_rng(4), neurons=8, kind="exponential", leaky=True)
    one = run(net, inputs, t_stop=40.0)
    other = run(net, inputs, t_stop=40.0, record_at=np.linspace(0.0, 40.0, 977), record=[3, 1])
    assert len(one) > 20
    assert one.time.tobytes() == other.time.tobytes()
    assert one.margin.tobytes() == other.margin.tobytes()
    assert other.v.shape == (977, 2)
    longer = run(net, inputs, t_stop=60.0)
    assert longer.time[longer.time <= 40.0].tobytes() == one.time.tobytes()


def test_time_to_first_spike_of_two_layers() -> None:
    """Inputs coded by time, alpha-shaped answers, each neuron once: the first spike of each output."""
    net = Network(5, sources=2, tau_mem=10.0, tau_syn=10.0, max_spikes=1)
    net = net.connect(net.inputs, [0, 1, 2], [[4.0, 0.0], [2.0, 2.0], [0.0, 4.0]])
    net = net.connect([0, 1, 2], [3, 4], [[3.0, 1.0, 0.0], [0.0, 1.0, 3.0]])
    early, late = run(net, ([0, 1], [0.0, 4.0]), t_stop=60.0).first[3:]
    assert early < late < INF


def test_from_the_neurons_of_the_library() -> None:
    lif = from_neuron(neurons.LIF(2, 3, dt=1.0, tau_mem=10.0, v_leak=0.25, v_threshold=2.0))
    assert (lif.n_neurons, lif.tau_mem[0], lif.current[5], lif.v_start[0], lif.reset[0]) == (6, 10.0, 0.25, 0.25, 2.0)
    assert from_neuron(neurons.IF(2, dt=1.0)).tau_mem.tolist() == [INF, INF]
    assert from_neuron(neurons.CubaLIF(1, dt=1.0, tau_syn=3.0), sources=4).tau_syn.tolist() == [3.0]
    with pytest.raises(NotRepresentable, match="multiply the weights"):
        from_neuron(neurons.IF(2, dt=1.0, r=2.0))
    with pytest.raises(NotRepresentable, match="IF, LIF or CubaLIF"):
        from_neuron(neurons.QIF(2, dt=1.0))  # type: ignore[arg-type]


def test_the_library_on_a_fine_grid_tends_to_it() -> None:
    """LIF in steps of 0.001 ms is late by a step at most."""
    import torch

    neuron = neurons.LIF(1, dt=0.001, v_leak=1.3).double()
    stepped, _ = neuron(torch.zeros(60_000, 1, 1, dtype=torch.float64))
    times = 0.001 * (1 + np.flatnonzero(stepped.numpy().ravel()))
    exact = run(from_neuron(neuron), t_stop=60.0).time
    late = times - exact[: len(times)]
    assert len(times) in {len(exact), len(exact) - 1}
    assert late.max() < 0.001 * 40
    assert late.min() > -1e-9
