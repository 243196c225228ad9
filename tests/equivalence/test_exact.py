"""What is called exact is exact: against fractions, which never round."""

from __future__ import annotations

from fractions import Fraction

import pytest
import torch

from rheobase import neurons, nn
from rheobase.equivalence import StepLIF, exact_steps, grid_bits, to_grid
from rheobase.errors import NotRepresentable, ParameterError
from rheobase.reproduce.equivalence.networks import KINDS, Choice, made, sequence


def potentials(neuron: StepLIF, current: list[float]) -> list[Fraction]:
    """The potentials of one neuron, in fractions."""
    decay, gain, threshold = (Fraction(float(x)) for x in (neuron.decay, neuron.gain, neuron.v_threshold))
    u, z, found = Fraction(0), 0, []
    for i in current:
        u = decay * (u - threshold * z) if neuron.leaks else decay * u - threshold * z
        u += gain * Fraction(i)
        z = int(u >= threshold)
        found.append(u)
    return found


@pytest.mark.parametrize(("decay", "leaks"), [(0.5, True), (0.5, False), (0.75, True), (0.75, False), (0.875, True)])
@pytest.mark.parametrize("backend", ["reference", "auto"])
def test_steps_that_are_said_to_be_exact_are(decay: float, leaks: bool, backend: str) -> None:
    neuron = StepLIF(16, decay=decay, leaks=leaks, gain=0.5).double()
    x = torch.randint(-512, 1024, (80, 1, 16), generator=torch.Generator().manual_seed(0)).double() / 1024
    steps = exact_steps(neuron, x)
    assert 10 < steps < 45
    _, _, rec = neuron(x, record=("v.pre",), backend=backend)
    exact = [potentials(neuron, x[:, 0, k].tolist()) for k in range(16)]
    right = [[Fraction(v) == u for v, u in zip(rec.v_pre[:, 0, k].tolist(), exact[k], strict=True)] for k in range(16)]
    assert all(all(lane[:steps]) for lane in right)
    # and the promise is not idle: a few steps later some of them are rounded
    assert not all(all(lane[: steps + 4]) for lane in right)


def test_a_perfect_integrator_is_exact_for_ever() -> None:
    x = torch.randint(0, 2, (1000, 1, 4), generator=torch.Generator().manual_seed(0)).double()
    net = to_grid(nn.Sequential(nn.Linear(4, 3), neurons.IF(3, dt=1.0)).double())
    assert exact_steps(net, x) >= 1000


@pytest.mark.parametrize("kind", KINDS)
@pytest.mark.parametrize("delays", [False, True])
def test_whole_networks(kind: str, delays: bool) -> None:
    """In float32, of 24 digits, the same network is exact for fewer steps, where one is at all."""
    choice = Choice(kind, True, 0.5, delays)
    net = made(choice, 0)
    x = sequence(choice, 60, 2, 0)
    double, single = exact_steps(net, x), exact_steps(net.float(), x.float())
    assert double - single == 53 - 24


def test_what_rounds_is_named() -> None:
    x = torch.rand(5, 1, 4, dtype=torch.float64)
    plain = nn.Sequential(nn.Linear(4, 3), StepLIF(3)).double()
    # weights of float32 have so few digits that float64 adds them without rounding
    assert exact_steps(plain, torch.ones_like(x)) > 1
    torch.nn.init.uniform_(plain[0].weight)
    with pytest.raises(NotRepresentable, match=r"Linear.*grid"):
        exact_steps(plain, torch.ones_like(x))
    with pytest.raises(NotRepresentable, match="sums of"):
        exact_steps(to_grid(plain), x)
    with pytest.raises(NotRepresentable, match=r"LIF.*decay.*to_grid"):
        exact_steps(neurons.LIF(4, dt=1.0).double(), torch.ones_like(x))


def test_to_grid_rounds_everything_and_leaves_the_original() -> None:
    net = nn.Sequential(
        nn.Linear(4, 3),
        nn.Delay(3, taps=2),
        neurons.LIF(3, dt=1.0, tau_mem=3.5, v_threshold=0.7),
        nn.SynapticDelay(3, 3, taps=3, bias=True),
        nn.Recurrent(neurons.LIF(3, dt=1.0)),
    ).double()
    kept = {name: value.clone() for name, value in net.state_dict().items()}
    grid = to_grid(net, bits=6, decay_bits=2)
    assert all(torch.equal(value, kept[name]) for name, value in net.state_dict().items())
    cell, lateral = grid[2], grid[4].neuron
    assert isinstance(cell, StepLIF)
    assert isinstance(lateral, StepLIF)
    assert (cell.decay.item(), cell.gain.item(), cell.v_threshold.item()) == (0.75, 0.25, 45 / 64)
    assert lateral.decay.item() == 0.75  # the largest that two bits can say
    assert float(grid[3].positions.width) == 0.0
    assert float(grid[1].gain) == 1.0
    for weight in (grid[0].weight, grid[0].bias, grid[1].m, grid[3].weight, grid[4].weight_rec):
        bits = grid_bits(weight)
        assert bits is not None
        assert bits <= 6
    # the taps were divided by their gain before
    assert torch.allclose(grid[1].weights(), net[1].weights(), atol=2**-6)
    assert torch.allclose(grid[0].weight, net[0].weight, atol=2**-6)
    assert exact_steps(grid, torch.ones(9, 1, 4).double()) >= 9


def test_a_network_on_the_grid_is_the_same_neuron() -> None:
    """LIF as ExpEuler steps it, and the StepLIF that `to_grid` makes of it where its decay is dyadic already."""
    cell = neurons.LIF(5, dt=1.0, tau_mem=float(-1.0 / torch.tensor(0.75).double().log())).double()
    x = torch.rand(60, 2, 5).double() * 6
    assert torch.equal(cell(x)[0], to_grid(cell, decay_bits=2)(x)[0])


def test_refusals_of_to_grid() -> None:
    with pytest.raises(ParameterError, match="bits"):
        to_grid(nn.Linear(2, 2), bits=0)
    with pytest.raises(NotRepresentable, match="threshold"):
        to_grid(neurons.LIF(2, dt=1.0, v_threshold=0.01), bits=4)
    with pytest.raises(NotRepresentable, match="v_leak"):
        to_grid(neurons.LIF(2, dt=1.0, v_leak=0.5), decay_bits=2)
