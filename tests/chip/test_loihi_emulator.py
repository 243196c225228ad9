"""The cores of a Loihi chip in integers, held against the network of compartments, which computes in floats.

A few random networks here; RHEOBASE_FUZZ=1000 with this file runs as many.
"""

from __future__ import annotations

import os
from itertools import pairwise
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch
from torch import Tensor

from rheobase import nn
from rheobase.chip import loihi
from rheobase.chip.loihi import Compartment, Emulator, Loihi, Programmed, programmed, synapses
from rheobase.chip.loihi.configuration import tiles_apart
from rheobase.chip.loihi.mapping import region
from rheobase.core.wrappers.refractory import Refractory
from rheobase.errors import DataError, InputError, NotRepresentable, ParameterError, ShapeError, StateError
from tests.chip.loihi_arithmetic import drawn, whole

CASES = int(os.environ.get("RHEOBASE_FUZZ", "3"))


def spikes(*shape: int, rate: float = 0.3, seed: int = 0) -> Tensor:
    return (torch.rand(shape, generator=torch.Generator().manual_seed(seed)) < rate).float()


def held(layer: Any, seed: int, most: float = 100.0, **form: Any) -> Any:
    """A layer whose weights are drawn from -most/2 to most."""
    drawn = torch.rand(layer.weight.shape, generator=torch.Generator().manual_seed(seed))
    layer.weight.data = most * (1.5 * drawn - 0.5)
    return synapses(layer, **form)


def on_chip(found: Programmed, x: Tensor) -> Tensor:
    """The output spikes of samples (time, batch, ...), each from rest, in the network's order and steps."""
    emulator, (source, core, axon) = Emulator(found.net), found.inputs.T
    number = {tuple(at): k for k, at in enumerate(found.outputs.tolist())}
    out = torch.zeros(len(x), x.shape[1], len(number))
    for k in range(x.shape[1]):
        tick, which = np.nonzero(x[:, k].flatten(1).numpy()[:, source] != 0)
        run = emulator.run(len(x) + found.latency, (tick, core[which], axon[which]))
        for t, c, n in zip(*(each.tolist() for each in run.spikes), strict=True):
            out[t - found.latency, k, number[c, n]] = 1
    return out


def deep() -> tuple[nn.Sequential, Tensor]:
    """A convolution, delays, a refractory period, biases, exponents on both sides of 0."""
    registers: dict[str, Any] = dict(decay_u=900, decay_v=300)
    delays = nn.SynapticDelay(72, 30, taps=9, width=0.0)
    delays.positions.d.data = torch.randint(0, 9, (30, 72), generator=torch.Generator().manual_seed(5)).float()
    net = nn.Sequential(
        held(nn.Conv2d(2, 2, 3, padding=1, stride=(1, 2), bias=False), 0, weight_exp=1),
        Compartment((2, 6, 6), **registers, vth_mant=torch.randint(150, 900, (2, 6, 6)), bias_mant=90, bias_exp=3),
        nn.Flatten(),
        held(delays, 1, 40.0, weight_bits=5),
        Refractory(Compartment(30, **registers, vth_mant=900, bias_mant=torch.arange(30) - 15), tau_refrac=3.0),
        held(nn.Linear(30, 8, bias=False), 2, 60.0, weight_exp=-2),
        Compartment(8, decay_v=100, vth_mant=60),
    )
    return net, spikes(60, 3, 2, 6, 12)


@pytest.mark.parametrize("limits", [{}, dict(compartments=7, in_axons=70)], ids=["few cores", "many cores"])
def test_the_chip_spikes_as_the_network_does(limits: dict[str, int]) -> None:
    net, x = deep()
    found = programmed(net, (2, 6, 12), Loihi(**limits))
    expected = net(x)[0].detach()
    assert torch.equal(on_chip(found, x), expected)
    rates = expected.mean((0, 1))
    assert float(rates.min()) < float(rates.max())
    assert 0.02 < float(rates.mean()) < 0.8, "neither silent nor always on"
    # 72, 30 and 8 compartments, no more than 7 to a core
    assert len(found.net.cores) == sum(found.cores.values())
    assert len(found.net.cores) == 3 if not limits else len(found.net.cores) >= 11 + 5 + 2


def test_counts_are_those_of_the_spikes() -> None:
    """By hand: spikes of the network, times the synapses and the cores that each reaches."""
    g = torch.Generator().manual_seed(0)
    first, second = nn.Linear(6, 9, bias=False), nn.Linear(9, 8, bias=False)
    for layer in (first, second):
        layer.weight.data = 80.0 * (torch.rand(layer.weight.shape, generator=g) < 0.5)
    net = nn.Sequential(synapses(first), Compartment(9, vth_mant=100), synapses(second), Compartment(8, vth_mant=150))
    x = spikes(20, 1, 6)
    found = programmed(net, (6,), Loihi(compartments=1))
    run = Emulator(found.net).run(21, tuple(_fed(found, x)), record="all")
    hidden, out = (each.detach()[:, 0] for each in net.outputs(x)[1::2])
    assert int(run.counts.spikes.sum()) == int(hidden.sum() + out.sum()) == len(run.spikes.tick)
    assert int(run.counts.host.sum()) == int(out.sum())
    # with a compartment to a core, a message for each synapse
    events = int((x[:, 0] @ (first.weight != 0).float().T).sum() + (hidden @ (second.weight != 0).float().T).sum())
    assert int(run.counts.synaptic_events.sum()) == int(run.counts.active_axons.sum()) == events
    distance, hops, there = found.net.distance(), 0, second.weight.detach() != 0
    for k, row in enumerate(hidden.sum(0).tolist()):
        hops += int(row) * sum(int(distance[k, 9 + n]) for n in range(8) if bool(there[n, k]))
    assert int(run.counts.hops.sum()) == hops > 0


def _fed(found: Programmed, x: Tensor) -> list[Any]:
    source, core, axon = found.inputs.T
    tick, which = np.nonzero(x[:, 0].numpy()[:, source] != 0)
    return [tick, core[which], axon[which]]


@pytest.mark.parametrize("exp", [-2, 7])
def test_a_core_to_the_last_bit(exp: int) -> None:
    """Registers over all of their ranges: u and v, which spikes alone would not tell apart, as in integers."""
    from rheobase.chip.loihi.configuration import Configuration, CoreRegisters

    n, axons, steps = 60, 8, 60
    g, (_, registers) = np.random.default_rng(exp + 9), drawn(exp + 9, n, 1)
    mantissa, active = 2 * g.integers(-15, 16, (axons, n)), g.random((steps, axons)) < 0.4
    held: dict[str, Any] = {k: v.astype(np.int32) for k, v in registers.items() if k != "bias_exp"}
    core = CoreRegisters(
        layer=0,
        mantissa=mantissa.astype(np.int16),
        weight_bits=8,
        weight_exp=exp,
        delay=None,
        **held,
        bias_exp=registers["bias_exp"],
        refractory=np.ones(n, np.int32),
        host=np.ones(n, np.int32),
        sends=np.zeros((0, 3), np.int32),
    )
    tick, axon = np.nonzero(active)
    emulator = Emulator(Configuration(Loihi(), (core,), np.zeros(1, np.int64)))
    weights = np.floor(mantissa * 2.0**exp).astype(np.int64)
    z, u, v = whole(active @ weights, **registers)
    state, told = None, np.zeros((steps, n), np.int64)
    for t in range(steps):
        at = axon[tick == t]
        run = emulator.run(1, (np.full(len(at), t), np.zeros(len(at), np.int64), at), state=state)
        state = run.state
        told[t, run.spikes.neuron] = 1
        assert np.array_equal(state.u[0], u[t])
        assert np.array_equal(state.v[0], np.where(z[t], 0, v[t]))
    assert np.array_equal(told, z)
    assert (v < 0).any()


def test_a_run_in_two_pieces_and_a_file(tmp_path: Path) -> None:
    net, x = deep()
    found = programmed(net, (2, 6, 12), Loihi(compartments=20))
    loihi.save(found.net, tmp_path / "a.safetensors", notes={"a": 1})
    emulator = Emulator(loihi.load(tmp_path / "a.safetensors"))
    assert loihi.notes(tmp_path / "a.safetensors") == {"a": 1}
    source, core, axon = found.inputs.T
    tick, which = np.nonzero(x[:, 0].flatten(1).numpy()[:, source] != 0)
    whole = Emulator(found.net).run(62, (tick, core[which], axon[which]), record="all")
    early = tick < 31
    one = emulator.run(31, (tick[early], core[which][early], axon[which][early]), record="all")
    two = emulator.run(31, (tick[~early], core[which][~early], axon[which][~early]), state=one.state, record="all")
    for k in range(3):
        assert np.array_equal(np.concatenate([one.spikes[k], two.spikes[k]]), whole.spikes[k])
    for a, b in zip(whole.state.v, two.state.v, strict=True):
        assert np.array_equal(a, b)
    assert len(whole.spikes.tick) > 100


def test_what_is_not_of_this_chip(tmp_path: Path) -> None:
    layer = nn.Linear(200, 3, bias=False)
    layer.weight.data[:] = 254.0
    net = programmed(nn.Sequential(synapses(layer), Compartment(3)), (200,)).net
    emulator = Emulator(net)
    every = np.zeros(200, np.int64), np.zeros(200, np.int64), np.arange(200)
    with pytest.raises(InputError, match="add up to 50800 in step 0 of core 0"):
        emulator.run(1, every)
    with pytest.raises(ParameterError, match=r"axon\[0\] = 200 of inputs"):
        emulator.run(1, ([0], [0], [200]))
    with pytest.raises(ParameterError, match=r"tick\[0\] = 5 of inputs"):
        emulator.run(5, ([5], [0], [0]))
    with pytest.raises(ShapeError, match="one length"):
        emulator.run(5, ([0, 1], [0], [0]))
    with pytest.raises(StateError, match="a State"):
        emulator.run(5, state=3)  # type: ignore[arg-type]
    small = programmed(nn.Sequential(held(nn.Linear(2, 1, bias=False), 0), Compartment(1)), (2,)).net
    with pytest.raises(StateError, match="a state of cores"):
        emulator.run(5, state=Emulator(small).rest())
    with pytest.raises(NotRepresentable, match="200 in_axons"):
        programmed(nn.Sequential(layer, Compartment(3)), (200,), Loihi(in_axons=100))
    path = tmp_path / "a.safetensors"
    loihi.save(net, path)
    raw = path.read_bytes()
    path.write_bytes(raw[:-40])
    with pytest.raises(DataError, match="what cannot be read"):
        loihi.load(path)
    path.write_bytes(raw[:-2] + bytes([raw[-2] ^ 1, raw[-1]]))
    with pytest.raises(DataError, match="differ from its checksum"):
        loihi.load(path)


def test_registers_out_of_their_range() -> None:
    import dataclasses

    net = programmed(nn.Sequential(held(nn.Linear(2, 1, bias=False), 0), Compartment(1)), (2,)).net
    (core,) = net.cores
    for change, told in (
        (dict(vth_mant=np.array([1 << 17])), "vth_mant = 131072"),
        (dict(decay_u=np.array([1, 2])), "decay_u of shape"),
        (dict(sends=np.array([[0, 1, 0]])), r"a spike to \[0, 1, 0\]"),
        (dict(refractory=np.array([0])), "refractory = 0"),
    ):
        with pytest.raises((ParameterError, ShapeError), match=told):
            dataclasses.replace(net, cores=(dataclasses.replace(core, **change),))
    with pytest.raises(ParameterError, match="one for each core"):
        dataclasses.replace(net, place=np.array([0, 1]))
    with pytest.raises(ParameterError, match="no more than 1"):
        dataclasses.replace(net, chip=Loihi(cores=1), place=np.array([1]))


def random_network(seed: int) -> tuple[nn.Sequential, Tensor, Loihi]:
    """2 to 5 layers of 10 to 200 compartments with 2 to 30 % of the synapses, for cores of narrow limits."""
    g, tg = np.random.default_rng(seed), torch.Generator().manual_seed(seed)
    sizes, layers = g.integers(10, 200, g.integers(2, 6) + 1).tolist(), list[torch.nn.Module]()
    limits = Loihi(compartments=int(g.integers(8, 65)), in_axons=int(g.integers(200, 400)))
    share = g.uniform(0.02, 0.3)
    for before, after in pairwise(sizes):
        layer = nn.Linear(before, after, bias=False)
        there = torch.rand(after, before, generator=tg) < share
        layer.weight.data = there * torch.randint(-60, 120, (after, before), generator=tg).float()
        layer.weight.data[0, 0] = 100.0
        decays: dict[str, Any] = dict(decay_u=int(g.integers(0, 4097)), decay_v=int(g.integers(0, 4097)))
        compartments = Compartment(
            after, **decays, vth_mant=int(g.integers(50, 400)), bias_mant=int(g.integers(-20, 60))
        )
        layers += [synapses(layer, weight_bits=int(g.integers(3, 9))), compartments]
    return nn.Sequential(*layers), (torch.rand(10, 1, sizes[0], generator=tg) < 0.4).float(), limits


def test_random_networks_keep_the_limits_and_the_spikes() -> None:
    """And their cores stand nearer to each other than at random places of the same part of the mesh."""
    saved = list[float]()
    for seed in range(CASES):
        net, x, limits = random_network(seed)
        outputs = [each.detach() for each in net.outputs(x)[1::2]]
        found = programmed(net, x.shape[2:], limits, [each.sum((0, 1)).numpy() for each in outputs])
        assert all(core.load().exceeded(limits) is None for core in found.net.cores)
        assert torch.equal(on_chip(found, x), outputs[-1]), seed
        n, g = len(found.net.cores), np.random.default_rng(seed)
        apart = tiles_apart(limits, region(n, limits))
        chance = [g.permutation(len(apart))[:n] for _ in range(50)]
        hops = np.mean([(found.flow * apart[each][:, each]).sum() for each in chance])
        if n > limits.tile and hops:
            saved.append(1 - float((found.flow * found.net.distance()).sum() / hops))
    assert saved
    assert min(saved) > 0


@pytest.mark.parametrize(
    "chip", [Loihi(), Loihi(cores=101), Loihi(cores=30, tile=3, row=20)], ids=["whole", "odd", "row"]
)
def test_there_is_room_for_as_many_cores_as_a_chip_has(chip: Loihi) -> None:
    for n in range(1, chip.cores + 1):
        places = region(n, chip)
        assert n <= len(places) == len(set(places.tolist()))
        assert 0 <= places.min() <= places.max() < chip.cores
