"""Products in bfloat16 while training, in full precision otherwise."""

from __future__ import annotations

import torch

from rheobase import neurons, nn


def layer(bias: bool = True) -> nn.SpikeLinear:
    torch.manual_seed(0)
    return nn.SpikeLinear(200, 30, bias=bias)


def spikes() -> torch.Tensor:
    return (torch.rand(40, 3, 200, generator=torch.Generator().manual_seed(1)) < 0.1).float()


def test_at_rest_it_is_linear() -> None:
    own = layer().eval()
    x = spikes()
    assert torch.equal(own(x), torch.nn.functional.linear(x, own.weight, own.bias))
    assert torch.equal(own(x.bfloat16()), own(x))


def test_while_training_weights_have_eight_bits() -> None:
    own = layer(bias=False)
    x = spikes()
    exact = torch.nn.functional.linear(x.double(), own.weight.bfloat16().double())
    # one rounding of the result to 8 bits, of sums in float32
    assert torch.allclose(own(x).double(), exact, rtol=2**-8, atol=1e-5)
    assert not torch.equal(own(x), torch.nn.functional.linear(x, own.weight))


def test_gradients_are_those_of_a_linear_layer_to_eight_bits() -> None:
    own, x = layer(), spikes().requires_grad_()
    weight = torch.randn(40, 3, 30, generator=torch.Generator().manual_seed(2))
    found = torch.autograd.grad((own(x) * weight).sum(), (own.weight, own.bias, x))
    plain = torch.nn.functional.linear(x, own.weight, own.bias)
    wanted = torch.autograd.grad((plain * weight).sum(), (own.weight, own.bias, x))
    for a, b in zip(wanted, found, strict=True):
        assert a.dtype == b.dtype == torch.float32
        assert float((a - b).norm() / a.norm()) < 0.01


def test_in_a_network_and_saved() -> None:
    net = nn.Sequential(layer(), neurons.LIF(30, dt=1.0))
    net.eval()
    plain = nn.Sequential(nn.Linear(200, 30), neurons.LIF(30, dt=1.0))
    plain.load_state_dict(net.state_dict())
    assert torch.equal(net(spikes() * 9)[0], plain(spikes() * 9)[0])


def test_autocast_has_its_way() -> None:
    with torch.autocast("cpu", dtype=torch.bfloat16):
        assert layer()(spikes()).dtype == torch.bfloat16
