"""Layers at several places, in chunks, with hooks or more axes; every number of a process in training, too."""

from __future__ import annotations

import math
import sys
from dataclasses import replace
from typing import Any

import pytest
import torch
from torch import Tensor
from torch.nn.utils import prune

from rheobase import neurons, nn
from rheobase.chip.mixed_signal import Drift, Process, aware, dies, named, on_die, software
from rheobase.chip.mixed_signal.devices import on_dies
from rheobase.core.wrappers import Refractory
from rheobase.errors import NotRepresentable, ParameterError, RheobaseError, ShapeError

OFF = Process(levels=33, mismatch=0.2, cells={"tau_mem": 0.3, "v_threshold": 0.2}, stuck=(0.05, 0.02))
READ = Process(read_noise=0.1, mismatch=0.2)


def linear(inputs: int, outputs: int, kind: Any = nn.Linear) -> Any:
    layer = kind(inputs, outputs)
    # of a readout the rows are alike, so that a little changes the class
    torch.nn.init.uniform_(layer.weight, -1.0, 1.0 if outputs == 3 else 2.0)
    if outputs == 3:
        layer.weight.data -= layer.weight.data.mean(1, keepdim=True)
    return layer


def lif(v_threshold: float = 0.4) -> neurons.LIF:
    return neurons.LIF(6, dt=1.0, tau_mem=5.0, v_threshold=v_threshold)


def given(steps: int = 12, batch: int = 40, *more: int) -> tuple[Tensor, Tensor]:
    g = torch.Generator().manual_seed(1)
    return (torch.rand(steps, batch, *more, 6, generator=g) < 0.4).float(), torch.randint(3, (batch,), generator=g)


def twice() -> Any:
    layer, cell = linear(6, 6), lif()
    return nn.Sequential(layer, cell, layer, cell, linear(6, 3))


def tied() -> Any:
    first, second = linear(6, 6), linear(6, 6)
    second.weight = first.weight
    return nn.Sequential(first, lif(), second, lif(1.2), linear(6, 3))


def axes() -> Any:
    return nn.Sequential(linear(6, 2), neurons.LIF(3, 2, dt=1.0, v_threshold=0.3), linear(2, 3), nn.Flatten())


def hooked() -> Any:
    net = nn.Sequential(linear(6, 6), lif(), linear(6, 3))
    net[2].register_forward_hook(lambda layer, given, out: out.relu() - 0.3 * out)  # type: ignore[union-attr]
    return net


class Rectified(nn.Linear):
    def forward(self, input: Tensor) -> Tensor:
        return super().forward(input).relu()


class Doubled(nn.Sequential):
    def forward(self, x: Tensor, *given: Any, **more: Any) -> Any:
        out, states = super().forward(x.flip(-1), *given, **more)
        return -out, states


# --- dies among others, alone and in training ---------------------------------------------------------
@pytest.mark.parametrize(
    ("make", "process", "more", "lanes"),
    [
        (twice, OFF, (), True),
        (tied, OFF, (), True),
        (tied, READ, (), True),
        (axes, READ, (3,), True),
        (lambda: nn.Sequential(linear(6, 6, nn.SpikeLinear), lif(), linear(6, 3)), READ, (), True),
        (lambda: nn.Chunked(nn.Sequential(linear(6, 6), lif(), linear(6, 3)), steps=5), READ, (), True),
        (lambda: nn.Sequential(nn.Sequential(linear(6, 6), lif()), linear(6, 3)), OFF, (), True),
        (hooked, OFF, (), False),
        (lambda: nn.Sequential(linear(6, 6, Rectified), lif(), linear(6, 3)), OFF, (), False),
        (lambda: Doubled(linear(6, 6), lif(), linear(6, 3)), OFF, (), False),
    ],
)
def test_a_die_among_others_is_the_network_of_that_die(
    make: Any, process: Process, more: tuple[int, ...], lanes: bool
) -> None:
    torch.manual_seed(0)
    net, (x, y) = make(), given(12, 40, *more)
    found = dies(net, process, x, y, n=3, seed=5)
    assert found.lanes == lanes
    for k in range(3):
        with torch.no_grad():
            out = on_die(net, process, 5 + k)(x)[0]
            classes, expected = (one.sum(0).argmax(1) for one in (out, net.eval()(x)[0]))
        assert float(found.accuracy[k]) == float((classes == y).double().mean())
        assert float(found.agreement[k]) == float((classes == expected).double().mean())
    assert float(found.agreement.min()) < 1.0


@pytest.mark.parametrize(
    "make",
    [
        twice,
        tied,
        lambda: nn.Sequential(linear(6, 6), nn.Recurrent(Refractory(lif(), tau_refrac=1.0)), linear(6, 3)),
        lambda: nn.Sequential(torch.nn.Unflatten(2, (1, 6)), nn.Conv1d(1, 3, 3), nn.Flatten(), linear(12, 6), lif()),
    ],
)
def test_a_die_in_training_is_the_die_of_its_seed(make: Any, monkeypatch: pytest.MonkeyPatch) -> None:
    torch.manual_seed(0)
    net, (x, _) = make(), given(12, 10)
    process = replace(OFF, drift=named("pcm").drift)
    twin = aware(net, process, age=3600.0).train()
    torch.manual_seed(3)
    seed = int(torch.randint(1 << 32, 1 << 62, ()))
    torch.manual_seed(3)
    out = twin(x)[0]
    monkeypatch.setattr(sys.modules[on_die.__module__], "MOST_SEED", 1 << 62)
    torch.testing.assert_close(out, on_die(net, process, seed, age=3600.0)(x)[0])
    assert not torch.equal(out, net(x)[0])


def test_a_state_starts_where_the_constant_of_the_die_is() -> None:
    net = nn.Sequential(linear(6, 50), neurons.CubaLIF(50, dt=1.0, v_leak=0.5, learn=("v_leak",)))
    twin: Any = aware(net, Process(cells={"v_leak": 0.2})).train()
    twin(given()[0])
    start = twin[1].rest(1).v
    assert float(start.detach().std()) == pytest.approx(0.1, rel=0.3)
    start.sum().backward()
    (grad,) = [p.grad for p in twin[1].parameters() if p.grad is not None]
    # of v_leak times a factor, for each of the neurons
    assert float(grad) == pytest.approx(float(start.detach().sum()) / 0.5)
    assert float(twin.eval()[1].rest(1).v.detach().std()) == 0.0


def test_gradients_on_a_die_are_those_of_finite_differences() -> None:
    """Of a bias and of a time constant that the die scales; and the weights have the gradient on the die's weights."""
    torch.manual_seed(0)
    tau = torch.linspace(4.0, 9.0, 6)
    net = nn.Sequential(linear(6, 6), neurons.LI(6, dt=1.0, tau_mem=tau, learn=("tau_mem",))).double()
    twin: Any = aware(net, Process(mismatch=0.2, cells={"tau_mem": 0.3})).train()
    x = given(12, 4)[0].double()

    def loss() -> Tensor:
        torch.manual_seed(3)
        return twin(x)[0].square().sum()

    weight = twin[0].parametrizations["weight"].original
    others = [p for p in twin.parameters() if p is not weight]
    assert len(others) == 2
    for p in others:
        (g,) = torch.autograd.grad(loss(), p)
        with torch.no_grad():
            p[2] += 1e-6
            up = loss()
            p[2] -= 2e-6
            down = loss()
            p[2] += 1e-6
        assert float(g[2]) == pytest.approx(float(up - down) / 2e-6, rel=1e-5)
    (straight,) = torch.autograd.grad(loss(), weight)
    value = twin[0].weight.detach().requires_grad_()
    states = twin[1](torch.nn.functional.linear(x, value, twin[0].bias))[0]
    torch.testing.assert_close(straight, torch.autograd.grad(states.square().sum(), value)[0])


# --- numbers ------------------------------------------------------------------------------------------
@pytest.mark.parametrize("more", [(), (3,)])
def test_read_noise_is_new_at_every_step_sample_place_and_output(more: tuple[int, ...]) -> None:
    layer, (x, _) = linear(6, 8), given(20, 30, *more)
    net, process = nn.Sequential(layer), Process(read_noise=0.05)
    size = 0.05 * layer.weight.detach().abs().max() * x.square().sum(-1, keepdim=True).sqrt().clamp(min=1e-9)
    for noisy in (on_die(net, process, 1), aware(net, process).train()):
        with torch.no_grad():
            z = ((noisy(x)[0] - layer(x)) / size)[:, x.abs().sum((0, *range(2, x.dim()))) > 0]
        z = z.flatten(2)
        keep = z[z != 0]
        assert float(keep.std()) == pytest.approx(1.0, abs=5 / math.sqrt(2 * keep.numel()))
        assert abs(float(keep.mean())) < 5 / math.sqrt(keep.numel())
        assert keep.unique().numel() > 0.98 * keep.numel()
    assert torch.equal(aware(net, process).eval()(x)[0], net(x)[0])
    with pytest.raises(ShapeError, match="time, batch"):
        on_die(net, process, 1)(x[0, :, 0] if more else x[0])


def test_every_number_of_a_drift_acts() -> None:
    """One device: g ((t + t_0) / t_0)^-nu, nu = |m + s z|, and 1 + q sqrt(ln((t + t_0 + t_read) / (2 t_read))) z."""
    g, n = torch.full((1, 1), 0.5), 20000
    still, line = (0.0, 0.0, 0.0, 0.0), (0.02, 0.1, 0.0, 1.0)
    drift = Drift(mean=line, deviation=(0.0, 0.01, 0.0, 1.0), t_0=2.0, t_read=1e-3, compensated=False)

    def later(drift: Drift, age: float, g: Tensor = g) -> Tensor:
        return on_dies(g, Process(drift=drift, range=1.0), range(n), 0, age).flatten().double()

    nu = -(later(drift, 98.0) / 0.5).log() / math.log(50.0)
    assert float(nu.mean()) == pytest.approx(0.02 * math.log(0.5) + 0.1, rel=2e-3)
    assert float(nu.std()) == pytest.approx(0.01, rel=0.02)
    flickering = replace(drift, mean=still, deviation=still, flicker=0.01, exponent=0.5)
    grown = math.sqrt(math.log(100.001 / 2e-3))
    for most, q in ((1.0, 0.01 / 0.5**0.5), (0.012, 0.012)):
        spread = later(replace(flickering, most=most), 98.0).std()
        assert float(spread / 0.5) == pytest.approx(q * grown, rel=0.02)
    assert float(later(replace(flickering, most=0.0), 98.0).std()) == 0.0
    # what a device loses and how it flickers have nothing to do with each other
    both = later(replace(drift, flicker=0.01), 98.0) / later(drift, 98.0)
    assert abs(float(torch.corrcoef(torch.stack([both, nu]))[0, 1])) < 5 / math.sqrt(n)


def test_a_scaled_process_is_further_off_in_everything_that_differs() -> None:
    process = Process(levels=9, mismatch=0.2, cells={"tau_mem": 0.1}, read_noise=0.02, stuck=(0.1, 0.02), range=3.0)
    twice = Process(
        levels=9, mismatch=(0.0, 0.4), cells={"tau_mem": 0.2}, read_noise=0.04, stuck=(0.2, 0.04), range=3.0
    )
    assert process.scaled(2.0) == twice


@pytest.mark.parametrize("t_0", [1e-3, 20.0])
def test_conductances_are_numbers_at_any_age(t_0: float) -> None:
    drift = named("pcm").drift
    assert drift is not None
    for age in (0.0, 1e-300, 1e308):
        for compensated in (True, False):
            process = named("pcm", drift=replace(drift, t_0=t_0, compensated=compensated))
            assert bool(on_dies(torch.ones(3, 3), process, [0], 0, age).isfinite().all())


def test_programmed_weights_are_exact_however_far_they_were() -> None:
    layer = nn.Linear(2, 1, bias=False)
    layer.weight.data = torch.tensor([[1e8, 0.3]])
    twin: Any = aware(nn.Sequential(layer), Process(levels=3, range=1.0)).eval()
    assert twin[0].weight.tolist() == [[1.0, 0.5]]


def test_a_name_counts_before_a_pattern() -> None:
    net = nn.Sequential(linear(6, 6), neurons.CubaLIF(6, dt=1.0))
    die: Any = on_die(net, Process(cells={"tau_*": 0.0, "tau_mem": 0.3}), 0)
    assert float(die[1].tau_mem.std()) > 0.0
    assert float(die[1].tau_syn.std()) == 0.0


def test_a_process_keeps_its_constants() -> None:
    cells = {"tau_mem": 0.1}
    process = Process(cells=cells)
    cells["tau_mem"] = 9.0
    assert process.cells == {"tau_mem": 0.1}


def test_names_stand_for_processes() -> None:
    net = nn.Sequential(linear(6, 6), lif())
    assert str(on_die(net, "pcm", 1)) == str(on_die(net, named("pcm"), 1))
    assert str(aware(net, "pcm")) == str(aware(net, named("pcm")))


def test_software_gives_back_frozen_and_shared_weights() -> None:
    net = tied()
    net[0].weight.requires_grad_(False)
    back: Any = software(aware(net, OFF))
    assert back[0].weight is back[2].weight
    assert not back[0].weight.requires_grad
    assert not on_die(net, OFF, 0)[0].weight.requires_grad  # type: ignore[index]


# --- refusals -----------------------------------------------------------------------------------------
def _pruned() -> Any:
    net = nn.Sequential(linear(6, 6), lif())
    prune.l1_unstructured(net[0], "weight", amount=0.5)
    return net


def _plain() -> Any:
    return nn.Sequential(linear(6, 6), lif())


@pytest.mark.parametrize(
    ("make", "process", "kind", "said"),
    [
        (lambda: None, OFF, ParameterError, "NoneType"),
        (_pruned, OFF, NotRepresentable, "prune.remove"),
        (
            lambda: nn.Sequential(linear(6, 6), nn.PSN(6, steps=12)).requires_grad_(False),
            OFF,
            NotRepresentable,
            "no conductances",
        ),
        (twice, READ, NotRepresentable, "several places"),
        (lambda: nn.Sequential(linear(6, 3, Rectified)), READ, NotRepresentable, "linear layers alone"),
        (lambda: nn.Sequential(nn.Linear(6, 0)), OFF, ParameterError, r"shape \(0, 6\)"),
        (_plain, Process(cells={"tau_*": 0.1, "v_treshold": 0.1}), ParameterError, "did you mean 'v_threshold'"),
        (_plain, Process(cells={"v_leak": 0.1}), NotRepresentable, "v_leak, of which a share is 0"),
        (
            lambda: nn.Sequential(linear(6, 6), Refractory(lif())),
            Process(cells={"tau_*": 0.1}),
            NotRepresentable,
            "with tau_refrac",
        ),
        (_plain, 0.2, ParameterError, "process=0.2"),
        (_plain, "pcn", ParameterError, "did you mean 'pcm'"),
    ],
)
@pytest.mark.filterwarnings("ignore:Initializing zero-element tensors")
def test_what_is_refused(make: Any, process: Any, kind: type[RheobaseError], said: str) -> None:
    net = make()
    for use in (
        lambda: dies(net, process, *given(), n=1),
        lambda: on_die(net, process, 0),
        lambda: aware(net, process),
    ):
        with pytest.raises(kind, match=said):
            use()


def test_names_that_are_none_and_drifts_that_mean_nothing() -> None:
    line = (0.0, 0.05, 0.0, 1.0)
    with pytest.raises(ParameterError, match=r"\[\]"):
        named([])  # type: ignore[arg-type]
    with pytest.raises(ParameterError, match="at least t_read"):
        Drift(mean=line, deviation=line, t_0=1e-9, t_read=1.0)
    with pytest.raises(ParameterError, match="compensated='no'"):
        Drift(mean=line, deviation=line, compensated="no")  # type: ignore[arg-type]


def test_a_process_may_name_what_only_other_neurons_have() -> None:
    dies(nn.Sequential(linear(6, 3), neurons.LI(3, dt=1.0)), "dynap-se2", *given(), n=1)


def test_layers_alike_are_other_devices() -> None:
    """Of two layers of the same weights, a die has two arrays, whose numbers have nothing to do with each other."""
    net = torch.nn.Sequential(torch.nn.Linear(40, 40), torch.nn.Linear(40, 40))
    for layer in net:
        torch.nn.init.ones_(layer.weight)  # type: ignore[arg-type]
    one, two = (layer.weight.detach().flatten() for layer in on_die(net, Process(mismatch=0.2), 3))  # type: ignore[union-attr]
    assert abs(float(torch.corrcoef(torch.stack([one, two]))[0, 1])) < 5 / math.sqrt(len(one))


def test_a_network_in_evaluation_draws_no_die() -> None:
    net = aware(torch.nn.Sequential(torch.nn.Linear(3, 2)), Process(mismatch=0.2)).eval()
    before = torch.random.get_rng_state()
    net(torch.ones(4, 1, 3))
    assert torch.equal(torch.random.get_rng_state(), before)
