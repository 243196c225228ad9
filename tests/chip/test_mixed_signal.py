"""Dies of an analog chip: their numbers against closed forms, lanes against single dies, and what is refused."""

from __future__ import annotations

import copy
import math
import sys
from dataclasses import replace
from typing import Any

import pytest
import torch
from torch import Tensor

from rheobase import neurons, nn
from rheobase.chip.mixed_signal import Drift, Process, aware, dies, named, on_die, software
from rheobase.chip.mixed_signal.devices import on_dies
from rheobase.core.wrappers import Noisy
from rheobase.data import Rate, digits
from rheobase.errors import NotRepresentable, ParameterError, RheobaseError, ShapeError
from rheobase.learning import Recipe, Trainer

ALL = Process(
    levels=9,
    mismatch=(0.01, 0.1),
    cells={"tau_*": 0.2, "v_threshold": 0.1},
    read_noise=0.02,
    stuck=(0.05, 0.02),
    drift=named("pcm").drift,
)
STEADY = Drift(mean=(0.0, 0.05, 0.05, 0.05), deviation=(0.0, 0.0, 0.0, 0.0), compensated=False)


def network(seed: int = 0, hidden: int = 12) -> Any:
    torch.manual_seed(seed)
    return nn.Sequential(
        nn.Flatten(),
        nn.Linear(6, hidden),
        neurons.LIF(hidden, dt=1.0, tau_mem=torch.linspace(5.0, 20.0, hidden), v_threshold=0.1),
        nn.Dropout(),
        nn.Linear(hidden, 3),
        neurons.LI(3, dt=1.0),
    )


def spikes(batch: int = 90, steps: int = 12) -> tuple[Tensor, Tensor]:
    g = torch.Generator().manual_seed(1)
    return (torch.rand(steps, batch, 2, 3, generator=g) < 0.5).float(), torch.randint(3, (batch,), generator=g)


# --- numbers ----------------------------------------------------------------------------------------
def test_the_sum_of_a_layer_varies_over_dies_as_in_closed_form() -> None:
    """y = sum_k w_k x_k has the variance sum_k s(g_k)^2 x_k^2, of both devices of a pair; read noise adds to it."""
    torch.manual_seed(0)
    g, x = torch.rand(1, 40) * 0.6 + 0.3, torch.randn(40)
    n, process = 4000, Process(mismatch=(0.0, 0.1, 0.05), range=1.0)
    y = on_dies(g, process, range(n), 3, 0.0)[:, 0] @ x
    expected = ((0.1 * g[0] + 0.05 * g[0] ** 2) ** 2 * x**2).sum()
    # the variance of a variance of normal numbers is 2 / n; four of its deviations
    assert float(y.var() / expected) == pytest.approx(1.0, abs=4 * math.sqrt(2 / n))
    assert float(y.mean() - (g[0] * x).sum()) == pytest.approx(0.0, abs=4 * math.sqrt(float(expected) / n))


def test_drift_is_a_power_of_time_and_is_compensated_by_its_mean() -> None:
    g = torch.tensor([[0.5, -1.0, 0.25]])
    later = on_dies(g, Process(drift=STEADY), [1], 0, 180.0)
    torch.testing.assert_close(later[0], g * 10.0**-0.05)
    compensated = Process(drift=replace(STEADY, compensated=True))
    torch.testing.assert_close(on_dies(g, compensated, [1], 0, 1e9)[0], g)


def test_levels_range_and_stuck_devices() -> None:
    weight = torch.tensor([[0.9, -0.42, 0.1, -3.0]])
    assert on_dies(weight, Process(levels=3, range=1.0), [0], 0, 0.0).tolist() == [[[1.0, -0.5, 0.0, -1.0]]]
    assert on_dies(weight, Process(stuck=(1.0, 0.0)), [0], 0, 0.0).abs().max() == 0
    # both devices of a pair at the largest conductance take each other away
    assert on_dies(weight, Process(stuck=(0.0, 1.0)), [0], 0, 0.0).abs().max() == 0
    many = on_dies(torch.full((100, 100), 0.5), Process(stuck=(0.1, 0.02), range=1.0), range(5), 0, 0.0)
    # 0.5 less 0, 1 less 0, 0 less 0, and so on
    shares = {value: float((many == value).double().mean()) for value in (0.5, 1.0, 0.0, -0.5, -1.0)}
    expected = {0.5: 0.88 * 0.98, 1.0: 0.02 * 0.98, 0.0: 0.1 * 0.98 + 0.02 * 0.02, -0.5: 0.88 * 0.02, -1.0: 0.1 * 0.02}
    assert shares == pytest.approx(expected, abs=4e-3)


def test_constants_of_neurons_have_the_mean_and_spread_that_is_asked_for() -> None:
    net = nn.Sequential(nn.Linear(1, 4000), neurons.LIF(4000, dt=1.0, v_leak=0.5, v_threshold=2.5))
    cell = on_die(net, Process(cells={"tau_mem": 0.3, "v_threshold": 0.1}), 5)[1]  # type: ignore[index]
    tau, theta = cell.tau_mem, cell.v_threshold - 0.5
    assert float(tau.std() / tau.mean()) == pytest.approx(0.3, rel=0.06)
    assert float(tau.mean()) == pytest.approx(20.0, rel=0.02)
    assert (float(theta.mean()), float(theta.std())) == pytest.approx((2.0, 0.2), rel=0.05)
    assert abs(float(torch.corrcoef(torch.stack([tau, theta]))[0, 1])) < 0.06
    assert float(cell.v_leak) == 0.5


# --- dies -------------------------------------------------------------------------------------------
def test_lanes_are_single_dies() -> None:
    """Every die among others is the network `on_die` gives, whatever the number of dies and of samples at a time."""
    net, (x, y) = network(), spikes()
    before = copy.deepcopy(net.state_dict())
    found = dies(net, ALL, x, y, n=6, seed=11, age=3600.0)
    assert found.lanes
    for k in range(6):
        single = on_die(net, ALL, 11 + k, age=3600.0)
        with torch.no_grad():
            classes = single(x)[0].sum(0).argmax(1)
            expected = net.eval()(x)[0].sum(0).argmax(1)
        assert float(found.accuracy[k]) == float((classes == y).double().mean())
        assert float(found.agreement[k]) == float((classes == expected).double().mean())
    assert found.accuracy.unique().numel() > 1
    again = dies(net, ALL, x, y, n=2, seed=14, age=3600.0)
    assert torch.equal(again.accuracy, found.accuracy[3:5])
    assert all(torch.equal(a, b) for a, b in zip(before.values(), net.state_dict().values(), strict=True))


def test_rounded_networks_are_put_on_dies_with_their_rounded_weights() -> None:
    net, (x, y) = nn.quantised(network(), bits=3), spikes()
    found = dies(net, Process(levels=4), x, y, n=2)
    assert found.agreement.tolist() == [1.0, 1.0]
    torch.testing.assert_close(on_die(net, Process(levels=4), 1)[1].weight.detach(), net[1].weight.detach())  # type: ignore[index]


def test_few_samples_at_a_time_see_the_same_noise(monkeypatch: pytest.MonkeyPatch) -> None:
    net, (x, y) = network(), spikes()
    whole = dies(net, ALL, x, y, n=5)
    monkeypatch.setattr(sys.modules[dies.__module__], "VALUES", 12 * 12 * 7)
    done = list[int]()
    apart = dies(net, ALL, x, y, n=5, progress=done.append)
    assert torch.equal(whole.accuracy, apart.accuracy)
    assert done == [1, 2, 3, 4, 5]


def test_layers_that_are_no_chain_run_die_after_die() -> None:
    torch.manual_seed(0)
    net = nn.Sequential(
        nn.Conv2d(1, 4, 2),
        neurons.LIF((4, 1, 2), dt=1.0, v_threshold=0.05),
        nn.Flatten(),
        nn.Linear(8, 6),
        nn.Recurrent(neurons.LIF(6, dt=1.0, v_threshold=0.02)),
        nn.Linear(6, 3, bias=False),
    )
    x, y = spikes()
    process = Process(mismatch=0.3, cells={"tau_mem": 0.3})
    for layer in (net[0], net[3], net[5]):
        torch.nn.init.uniform_(layer.weight, -1.0, 1.0)  # type: ignore[arg-type]
    found = dies(net, process, x[:, :, None], y, n=4)
    assert not found.lanes
    assert found.accuracy.unique().numel() > 1
    single = on_die(net, process, 2)
    assert not torch.equal(single[4].weight_rec, net[4].weight_rec)  # type: ignore[index]
    assert single[4].neuron.tau_mem.shape == (6,)  # type: ignore[index]


def test_nothing_changes_where_the_process_is_perfect() -> None:
    net, (x, y) = network(), spikes()
    found = dies(net, Process(), x, y, n=3)
    assert found.agreement.tolist() == [1.0] * 3
    assert found.median == found.software == found.programmed
    assert found.lost == 0.0
    assert (found.yield_at(found.software), found.yield_at(1.0)) == (1.0, 0.0)
    assert "3 dies of a process of its own" in str(found)


def test_lengths_end_samples() -> None:
    net, (x, y) = network(), spikes()
    lengths = torch.arange(90) % 12 + 1
    found = dies(net, ALL, x, y, n=3, lengths=lengths)
    other = x.clone()
    other[torch.arange(12)[:, None] >= lengths] = 1.0
    assert torch.equal(dies(net, ALL, other, y, n=3, lengths=lengths).accuracy, found.accuracy)


# --- training ---------------------------------------------------------------------------------------
def test_in_training_the_network_is_on_a_die_and_in_evaluation_it_is_not() -> None:
    process = Process(levels=9, mismatch=0.2, cells={"tau_*": 0.2}, stuck=(0.1, 0.0))
    net, (x, _) = network(), spikes()
    twin = aware(net, process).train()
    twin[3].p = 0.0  # type: ignore[index]
    torch.manual_seed(3)
    first, again = twin(x)[0], twin(x)[0]
    assert not torch.equal(first, again)
    torch.manual_seed(3)
    assert torch.equal(twin(x)[0], first)
    # which die it is follows from torch's random state
    torch.manual_seed(3)
    seed = int(torch.randint(1 << 32, 1 << 62, ()))
    weight = on_dies(net[1].weight, process, [seed], 0, 0.0)[0]
    torch.testing.assert_close(twin[1].weight.detach(), weight.detach())  # type: ignore[index]
    twin.eval()
    assert torch.equal(twin(x)[0], twin(x)[0])
    steps = twin[1].weight.detach() / twin[1].weight.abs().max() * 8  # type: ignore[index]
    torch.testing.assert_close(steps, steps.round())
    plain = software(twin)
    assert torch.equal(plain(x)[0], net.eval()(x)[0])
    assert str(plain) == str(net).replace("p=0.5", "p=0.0")


def test_training_for_a_process_is_worth_it() -> None:
    """A tenth of the devices are stuck: a network that knew of it while it was trained loses less."""
    data = digits()

    def encoder(x: Tensor, *, seed: int, index: Tensor | None = None) -> Tensor:
        return Rate(8)(x, seed=seed, index=index).flatten(2)

    def trained(process: Process | None) -> Any:
        torch.manual_seed(1)
        cell = neurons.LIF(60, dt=1.0, tau_mem=10.0, v_threshold=0.2)
        net: Any = nn.Sequential(nn.Linear(64, 60), cell, nn.Linear(60, 10), neurons.LI(10, dt=1.0, tau_mem=10.0))
        net = net if process is None else aware(net, process)
        recipe = Recipe(epochs=16, batch_size=64, learning_rate=0.01, loss="sum")
        Trainer(recipe).fit(net, encoder=encoder, train=(data.x_train[:640], data.y_train[:640]))
        return net

    process, x = Process(levels=16, mismatch=0.2, stuck=(0.08, 0.02)), encoder(data.x_test, seed=0)
    without, with_ = (dies(trained(one), process, x, data.y_test, n=30) for one in (None, process))
    assert without.software > 0.9
    # which is little for 160 steps of training: benchmarks.mixed_signal has 920
    assert with_.median > without.median + 0.02


def test_training_goes_on_as_if_it_had_not_stopped(tmp_path: Any) -> None:
    x, y = torch.rand(40, 6), torch.randint(3, (40,))

    def encoder(x: Tensor, *, seed: int, index: Tensor | None = None) -> Tensor:
        return x.expand(6, *x.shape)

    def run(folder: Any, *, stop_after: int | None, resume: bool = False) -> Any:
        net = aware(network(), ALL)
        trainer = Trainer(Recipe(epochs=2, batch_size=10), folder=folder)
        trainer.fit(net, encoder=encoder, train=(x, y), stop_after=stop_after, resume=resume)
        return net

    whole = run(tmp_path / "whole", stop_after=None)
    run(tmp_path / "parts", stop_after=3)
    resumed = run(tmp_path / "parts", stop_after=None, resume=True)
    assert all(torch.equal(a, b) for a, b in zip(whole.parameters(), resumed.parameters(), strict=True))


def test_a_learnt_constant_keeps_its_gradient_through_chunks() -> None:
    x, _ = spikes()
    torch.manual_seed(0)
    net = nn.Sequential(nn.Flatten(), nn.Linear(6, 5), neurons.LIF(5, dt=1.0, v_threshold=0.3, learn=("tau_mem",)))
    process = Process(mismatch=0.2, cells={"tau_mem": 0.2}, read_noise=0.01)
    found = []
    for one in (aware(net, process), aware(nn.Chunked(net, steps=5), process)):
        torch.manual_seed(4)
        one(x)[0].sum().backward()
        found.append({name.replace("net.", ""): p.grad for name, p in one.named_parameters()})
    # read noise is drawn chunk by chunk, so only a process without it would give the same numbers
    assert all(g is not None and bool(g.abs().sum() > 0) for each in found for g in each.values())
    quiet = Process(mismatch=0.2, cells={"tau_mem": 0.2})
    found = []
    for one in (aware(net, quiet), aware(nn.Chunked(net, steps=5), quiet)):
        torch.manual_seed(4)
        one(x)[0].sum().backward()
        found.append([p.grad for p in one.parameters()])
    torch.testing.assert_close(*found)


# --- refusals ---------------------------------------------------------------------------------------
@pytest.mark.parametrize(
    ("values", "said"),
    [
        ({"levels": 1}, "levels=1"),
        ({"levels": True}, "levels=True"),
        ({"mismatch": -0.1}, "mismatch=-0.1"),
        ({"mismatch": ()}, r"mismatch=\(\)"),
        ({"mismatch": math.nan}, "mismatch=nan"),
        ({"cells": {"tau_mem": -1.0}}, "cells="),
        ({"cells": 0.2}, "cells=0.2"),
        ({"read_noise": math.inf}, "read_noise=inf"),
        ({"stuck": (0.7, 0.7)}, "stuck="),
        ({"stuck": 0.1}, "stuck=0.1"),
        ({"range": 0.0}, "range=0.0"),
        ({"drift": 0.05}, "drift=0.05"),
    ],
)
def test_processes_that_mean_nothing(values: dict[str, Any], said: str) -> None:
    with pytest.raises(ParameterError, match=said):
        Process(**values)


def test_names_and_factors_that_there_are_not() -> None:
    with pytest.raises(ParameterError, match="did you mean 'pcm'"):
        named("pcn")
    with pytest.raises(ParameterError, match="did you mean 'mismatch'"):
        named("pcm", mismach=0.1)
    with pytest.raises(ParameterError, match="factor=-1"):
        named("pcm").scaled(-1)
    with pytest.raises(ParameterError, match=r"stuck=\(0\.90"):
        named("reram-faulty").scaled(10.0)
    with pytest.raises(ParameterError, match="t_0=0"):
        Drift(mean=STEADY.mean, deviation=STEADY.deviation, t_0=0)
    with pytest.raises(ParameterError, match="low <= high"):
        Drift(mean=(0.0, 0.1, 1.0, 0.0), deviation=STEADY.deviation)


def _psn() -> Any:
    return nn.Sequential(nn.Flatten(), nn.Linear(6, 3), nn.PSN(3, steps=12))


def _src() -> Any:
    return nn.Sequential(nn.Flatten(), nn.Linear(6, 3), neurons.SRC(3))


def _convolution() -> Any:
    return nn.Sequential(nn.Conv2d(2, 3, 1), nn.Flatten())


def _untyped(**other: Any) -> dict[str, Any]:
    return other


@pytest.mark.parametrize(
    ("net", "given", "kind", "said"),
    [
        (network, _untyped(n=0), ParameterError, "n=0"),
        (network, _untyped(n=True), ParameterError, "n=True"),
        (network, _untyped(seed=-1), ParameterError, "seed=-1"),
        (network, _untyped(seed=(1 << 32) - 1), ParameterError, "seed=4294967295"),
        (network, _untyped(process="pcn"), ParameterError, "did you mean 'pcm'"),
        (network, _untyped(process=0.2), ParameterError, "process=0.2"),
        (network, _untyped(age=-1.0), ParameterError, "age=-1"),
        (network, _untyped(process="dynap-se2", age=10.0), ParameterError, "without drift"),
        (network, _untyped(x=torch.zeros(3, 6)), ShapeError, "time, batch"),
        (network, _untyped(y=torch.full((90,), 3)), ShapeError, "labels from 3"),
        (network, _untyped(loss="sun"), ParameterError, "did you mean 'sum'"),
        (network, _untyped(process=Process(range=0.01)), NotRepresentable, "range = 0.01"),
        (_src, _untyped(process="dynap-se2"), NotRepresentable, "a neuron with alpha, rho"),
        (_src, _untyped(process=Process(cells={"alpha": 0.1})), NotRepresentable, "bound to a range"),
        (
            lambda: nn.Sequential(nn.Flatten(), nn.Linear(6, 3), Noisy(neurons.LIF(3, dt=1.0), sigma=0.1)),
            {},
            NotRepresentable,
            "noise of its own",
        ),
        (_psn, {}, NotRepresentable, "no conductances"),
        (lambda: nn.Sequential(nn.Flatten()), {}, ParameterError, "with weights"),
        (_convolution, _untyped(process="reram", x=torch.zeros(4, 2, 2, 3, 3)), NotRepresentable, "layers alone"),
    ],
)
def test_what_no_die_can_be(net: Any, given: dict[str, Any], kind: type[RheobaseError], said: str) -> None:
    x, y = spikes()
    arguments: dict[str, Any] = {"process": "pcm", "x": x, "y": y, "n": 2} | given
    torch.manual_seed(0)
    with pytest.raises(kind, match=said):
        dies(net(), **arguments)


def test_networks_that_cannot_be_made_aware() -> None:
    net = network()
    with pytest.raises(ParameterError, match="aware already"):
        aware(aware(net, ALL), ALL)
    with pytest.raises(ParameterError, match="plain weights"):
        aware(nn.quantised(net, bits=4), ALL)
    with pytest.raises(ParameterError, match="seed=-1"):
        on_die(net, ALL, -1)
    # what is beyond the range is clipped, not refused
    clipped = aware(net, Process(range=0.01)).eval()
    assert float(clipped[1].weight.detach().abs().max()) == pytest.approx(0.01)  # type: ignore[index]
    # and so are its dies
    assert float(software(clipped)[1].weight.detach().abs().max()) == pytest.approx(0.01)  # type: ignore[index]
    assert len(dies(clipped, Process(range=0.01), *spikes(), n=2)) == 2
