"""Products in bfloat16 while training, in full precision otherwise."""

from __future__ import annotations

import pytest
import torch

from rheobase import errors, explain, neurons, nn
from rheobase.nn import spike_linear


def layer(bias: bool = True) -> nn.SpikeLinear:
    torch.manual_seed(0)
    return nn.SpikeLinear(200, 30, bias=bias, products="bfloat16")


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


@pytest.mark.parametrize(
    ("has", "seconds", "made"),
    [
        ({"avx2", "fma"}, (1.0, 0.1), torch.float32),  # a processor without such products, however fast they seem
        ({"avx512bf16"}, (1.0, 0.25), torch.bfloat16),
        ({"amx-bf16"}, (1.0, 0.9), torch.float32),  # they are there, and do not pay
        ({"bf16"}, (1.0, 8.0), torch.float32),
    ],
)
def test_the_hardware_and_one_measurement_decide(
    has: set[str], seconds: tuple[float, float], made: torch.dtype, monkeypatch: pytest.MonkeyPatch
) -> None:
    times = dict(zip((torch.float32, torch.bfloat16), seconds, strict=True))
    monkeypatch.setattr(spike_linear, "features", lambda: frozenset(has))
    monkeypatch.setattr(spike_linear, "measured", times.__getitem__)
    monkeypatch.setattr(spike_linear, "faster_in_bfloat16", spike_linear.faster_in_bfloat16.__wrapped__)
    own = nn.SpikeLinear(200, 30)
    assert own.made_in("cpu") == made
    x = spikes()
    product = torch.nn.functional.linear(x, own.weight, own.bias)
    assert torch.equal(own(x), product) == (made == torch.float32)
    assert str(made).removeprefix("torch.") in explain(own, x).parts[0].reason


def test_the_choice_can_be_made() -> None:
    assert nn.SpikeLinear(2, 3, products="float32").made_in("cpu") == torch.float32
    assert "products='bfloat16'" in repr(layer())
    with pytest.raises(errors.ParameterError, match="products = 'half'"):
        nn.SpikeLinear(2, 3, products="half")
