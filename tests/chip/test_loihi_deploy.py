"""Networks on Loihi by `deploy`: certificates, what float neurons become, bills by hand, refusals."""

from __future__ import annotations

from typing import Any

import pytest
import torch
from torch import Tensor

from rheobase import chip, neurons, nn
from rheobase.chip import Loihi, loihi
from rheobase.chip.deployment import Deployed
from rheobase.errors import NotRepresentable, ParameterError, ShapeError

RESET = ("reset",)


def spikes(*shape: int, rate: float = 0.4, seed: int = 0) -> Tensor:
    return (torch.rand(shape, generator=torch.Generator().manual_seed(seed)) < rate).float()


def network(kind: Any, *, bias: bool = False, **values: Any) -> nn.Sequential:
    """12-20-6, whose weights are whole numbers for kinds without a leak, with thresholds of a few of them."""
    g, layers = torch.Generator().manual_seed(3), list[torch.nn.Module]()
    for before, after in ((12, 20), (20, 6)):
        layer = nn.Linear(before, after, bias=bias)
        layer.weight.data = torch.randint(-2, 4, (after, before), generator=g).float()
        if bias:
            layer.bias.data = torch.randint(-1, 2, (after,), generator=g).float()
        layers += [layer, kind(after, **values)]
    return nn.Sequential(*layers)


@pytest.mark.parametrize(
    ("kind", "values"),
    [
        (neurons.CubaLIF, dict(dt=1.0, tau_syn=3.0, tau_mem=10.0, v_threshold=0.6)),
        (neurons.LIF, dict(dt=1.0, tau_mem=5.0, v_threshold=0.9)),
        (neurons.IF, dict(dt=0.5, v_threshold=4.0)),
        (neurons.HardResetLIF, dict(dt=1.0, tau_mem=5.0)),
        (neurons.PLIF, {}),
    ],
    ids=lambda x: getattr(x, "__name__", ""),
)
def test_the_certificate_of_float_neurons(kind: Any, values: dict[str, Any]) -> None:
    net, x = network(kind, bias=kind is not neurons.PLIF, **values), spikes(30, 12, 12)
    deployed, report = chip.deploy(net, Loihi(), x, allow=("reset", "bias"))
    assert (report.samples, report.same_spikes, report.same_predictions) == (12, 12, 12)
    assert report.cores == {"layer 0 (Linear)": 1, "layer 2 (Linear)": 1}
    assert (report.latency, report.ticks) == (1, 31)
    assert report.plain is not None
    assert torch.equal(report.plain, net(x)[0].sum(0).argmax(1))
    one, two = report.changes.layers
    assert one.spikes_float > 100
    assert 0.6 < one.spikes_chip / one.spikes_float < 1.1
    assert one.coincident > 0.4 * one.spikes_chip
    assert torch.equal(deployed(x), deployed.parts.chip(x)[0])
    assert two.layer == 3


def test_neurons_without_leak_and_with_a_hard_reset_are_the_same_on_the_chip() -> None:
    """Whole weights and thresholds: V >= theta of the library is V > theta - 1 of the chip, in every case."""
    net, x = network(neurons.HardResetIF, dt=1.0, v_threshold=5.0, bias=True), spikes(60, 10, 12)
    deployed, report = chip.deploy(net, Loihi(), x)
    assert torch.equal(deployed(x), net(x)[0])
    assert report.same_as_plain == 10
    one, two = report.changes.layers
    assert one.spikes_float == one.spikes_chip == one.coincident
    assert two.spikes_float == two.spikes_chip == two.coincident > 500
    # thresholds that are met exactly: a mean of steps that is no mere chance
    v = net.outputs(x)[0].cumsum(0)
    assert bool((v == 5.0).any())


def test_a_plain_lif_is_refused_until_its_loss_is_named() -> None:
    net = network(neurons.LIF, dt=1.0)
    with pytest.raises(NotRepresentable, match=r"layer 0.*a loss of reset.*Remedy: allow=\('reset',\)"):
        chip.deploy(net, Loihi())
    with pytest.raises(NotRepresentable, match=r"layer 1, SRC.*leave it in software"):
        chip.deploy(nn.Sequential(nn.Linear(3, 2), neurons.SRC(2)), Loihi())
    with pytest.raises(NotRepresentable, match="no neurons behind"):
        chip.deploy(nn.Sequential(*net.layers[:3]), Loihi(), allow=RESET)
    with pytest.raises(ParameterError, match="allow 'rest'"):
        chip.deploy(net, Loihi(), allow=("rest",))
    with pytest.raises(ParameterError, match="TrueNorth takes a network of whole numbers"):
        chip.deploy(net, chip.TrueNorth(), allow=RESET)
    with pytest.raises(ParameterError, match="a TrueNorth or a Loihi"):
        chip.deploy(net, "loihi")  # type: ignore[arg-type]
    with pytest.raises(NotRepresentable, match="in software, between layers of the chip"):
        chip.deploy(net, Loihi(), allow=RESET, software=(1,))
    with pytest.raises(NotRepresentable, match="0 and 1 alone, where the chip begins"):
        chip.deploy(net, Loihi(), 0.5 * spikes(4, 2, 12), allow=RESET)
    with pytest.raises(NotRepresentable, match="2 cores; expected no more than 1"):
        chip.deploy(net, Loihi(cores=1), allow=RESET)


def test_images_and_layers_in_software() -> None:
    """A convolution that the chip has, behind one in software; a readout in software; dropout in between."""
    torch.manual_seed(0)
    net = nn.Sequential(
        nn.Conv2d(1, 2, 3, bias=False),
        neurons.LIF((2, 6, 6), dt=1.0, v_threshold=0.2),
        nn.Conv2d(2, 3, 3, bias=False),
        neurons.CubaLIF((3, 4, 4), dt=1.0, v_threshold=0.01),
        nn.Flatten(),
        nn.Dropout(0.5),
        nn.Linear(48, 10, bias=False),
        neurons.CubaLIF(10, dt=1.0, v_threshold=0.01),
        torch.nn.Dropout(0.5),
        nn.Linear(10, 3),
        neurons.LI(3, dt=1.0),
    )
    layers: Any = net.layers
    for k in (0, 2, 6):
        layers[k].weight.data.abs_()
    net.train()
    net[8].eval()
    modes = [module.training for module in net.modules()]
    x = spikes(25, 4, 1, 8, 8)
    deployed, report = chip.deploy(net, Loihi(), x, software=(0, 1, 8, 9, "LI"), allow=RESET)
    assert [module.training for module in net.modules()] == modes
    assert report.software[0] == "layer 0 (Conv2d)"
    assert report.cores == {"layer 2 (Conv2d)": 1, "layer 6 (Linear)": 1}
    assert (report.same_spikes, report.same_predictions) == (4, 4)
    assert report.host > 1
    net.eval()
    assert report.plain is not None
    assert torch.equal(report.plain, net(x)[0].sum(0).argmax(1)), "the float network, without its dropout"
    assert deployed(x).shape == (25, 4, 3)
    with pytest.raises(ShapeError, match="x, whose images have a size"):
        chip.deploy(nn.Sequential(*net.layers[2:4]), Loihi(), allow=RESET)


def test_one_wrong_sample_is_counted(monkeypatch: pytest.MonkeyPatch) -> None:
    true = Deployed.run_chip

    def wrong(self: Deployed, x: Any, **more: Any) -> Any:
        out, counts = true(self, x, **more)
        out[:, 2] = 1 - out[:, 2]
        return out, counts

    monkeypatch.setattr(Deployed, "run_chip", wrong)
    _, report = chip.deploy(network(neurons.LIF, dt=1.0), Loihi(), spikes(9, 5, 12), allow=RESET)
    assert (report.samples, report.same_spikes) == (5, 4)
    assert report.same_predictions <= 5


def test_the_bill_by_hand() -> None:
    """Davies et al. (2018), table 2, times what was counted; the static power once, or by the share of the cores."""
    net, x = network(neurons.LIF, dt=1.0), spikes(10, 3, 12)
    deployed, report = chip.deploy(net, Loihi(), x, allow=RESET)
    hidden, out = (each.mean(1).sum().item() for each in deployed.parts.chip.outputs(x)[1::2])
    # by one step more, in which the first layer may spike without input
    assert report.spikes >= hidden + out
    assert report.bill is not None
    part = {name: span.nominal for name, span in report.bill.parts.items()}
    assert part["synaptic operations"] == pytest.approx(23.6e-12 * report.synaptic_events)
    assert part["neuron updates"] == pytest.approx(52e-12 * (26 * 11 - report.spikes) + 81e-12 * report.spikes)
    assert part["static"] == pytest.approx(0.104 * 11e-3)
    assert part["hops between tiles"] == 0.0, "two cores of one tile"
    messages = report.given + hidden  # each hidden spike to one core
    assert part["spikes"] == pytest.approx(1.7e-12 * messages, rel=0.1)
    assert report.own_energy is not None
    assert report.shared_energy is not None
    own = sum(value for name, value in part.items() if name != "static")
    assert report.own_energy.nominal == pytest.approx(own)
    assert report.shared_energy.nominal == pytest.approx(own + 2 / 128 * part["static"])
    held = report.as_json()
    assert held["exact_ticks"] is None
    assert len(held["layers"]) == 2
    assert "same predictions as in full precision" in str(report)


def test_quantisation_aware_training_and_back_to_the_chip() -> None:
    """At the learning rate of the float network, and then on the chip: the same spikes as the trained network."""
    net, x = network(neurons.CubaLIF, dt=1.0, v_threshold=0.3), spikes(20, 8, 12)
    twin: Any
    twin, _ = loihi.quantise(net, x, allow=RESET, weight_bits=5)
    assert float((twin[0].parametrizations.weight.original - net[0].weight).detach().abs().max()) < 1e-5
    optimiser = torch.optim.Adam(twin.parameters(), lr=0.05)
    losses = []
    for _ in range(25):
        loss = (twin(x)[0].mean(0) - torch.linspace(0, 0.5, 6)).square().mean()
        optimiser.zero_grad()
        loss.backward()
        optimiser.step()
        losses.append(float(loss.detach()))
    assert losses[-1] < 0.5 * losses[0]
    _, report = chip.deploy(twin, Loihi(), x)
    assert (report.same_spikes, report.changes, report.plain) == (8, None, None)


def test_a_network_in_double_precision() -> None:
    net, x = network(neurons.HardResetIF, dt=1.0, v_threshold=5.0), spikes(15, 3, 12)
    single, report = chip.deploy(net, Loihi(), x)
    double, same = chip.deploy(net.double(), Loihi(), x)
    assert torch.equal(single(x), double(x))
    assert same.same_as_plain == report.same_as_plain == same.same_spikes == 3
    assert same.changes == report.changes


def test_weights_that_are_rounded_already_stay_those_of_their_network() -> None:
    """Of ternary weights a copy is made; the network that is given still runs, as it did."""
    net, x = nn.quantised(network(neurons.HardResetIF, dt=1.0, v_threshold=5.0), whole=1), spikes(15, 3, 12)
    before = net(x)[0].detach()
    deployed, report = chip.deploy(net, Loihi(), x)
    assert torch.equal(net(x)[0].detach(), before)
    assert torch.equal(deployed(x), before)
    assert report.same_as_plain == 3
