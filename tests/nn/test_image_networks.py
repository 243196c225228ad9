"""Spiking VGG and ResNet: their layers, their currents, their states."""

from __future__ import annotations

from typing import Any

import pytest
import torch
from torch import Tensor

from rheobase import neurons, nn
from rheobase.core import Neuron
from rheobase.errors import ParameterError, ShapeError
from rheobase.learning import spiking_layers

SHAPE = (3, 16, 16)


def dqif(shape: tuple[int, ...]) -> torch.nn.Module:
    return neurons.DQIF(shape)


def small(kind: str, **given: Any) -> nn.Sequential:
    torch.manual_seed(0)
    if kind == "vgg":
        return nn.SpikingVGG(SHAPE, 5, **{"neuron": dqif, "width": 0.1, **given})
    return nn.SpikingResNet(SHAPE, 5, **{"neuron": dqif, "width": 0.1, "depth": int(kind), **given})


def images(steps: int = 4, batch: int = 6) -> Tensor:
    return torch.rand(steps, batch, *SHAPE, generator=torch.Generator().manual_seed(1))


def weights(net: torch.nn.Module, kernels: tuple[int, ...]) -> int:
    return sum(p.numel() for p in net.parameters() if p.dim() == 4 and p.shape[-1] in kernels)


def count(net: torch.nn.Module, *kinds: type) -> int:
    return sum(isinstance(part, kinds) for part in net.modules())


@pytest.mark.parametrize("kind", ["vgg", "18", "19", "34"])
def test_a_network_learns_all_it_has(kind: str) -> None:
    net = small(kind)
    out, states = net(images())
    assert out.shape == (4, 6, 5)
    assert len(states) == len(net.stateful)
    out.square().sum().backward()
    for name, p in net.named_parameters():
        assert p.grad is not None, name
        assert bool(p.grad.isfinite().all()), name
    assert len(spiking_layers(net)) == count(net, Neuron)


@pytest.mark.parametrize(("kind", "layers"), [("vgg", 9), ("18", 18), ("19", 19), ("34", 34)])
def test_layers_with_weights(kind: str, layers: int) -> None:
    net = small(kind)
    long = [part for part in net.modules() if isinstance(part, torch.nn.Conv2d) and part.kernel_size != (1, 1)]
    assert len(long) + count(net, torch.nn.Linear) == layers
    assert all(part.bias is None for part in long)


def test_weights_are_those_of_the_published_networks() -> None:
    """Of He et al. for 3 x 3 stems; of VGGSNN and ResNet-19 by their plans."""

    def cheap(shape: tuple[int, ...]) -> torch.nn.Module:
        return neurons.PLIF(shape)

    vgg = nn.SpikingVGG((2, 48, 48), 10, neuron=cheap)
    pairs = ((2, 64), (64, 128), (128, 256), (256, 256), (256, 512), (512, 512), (512, 512), (512, 512))
    assert weights(vgg, (3,)) == 9 * sum(a * b for a, b in pairs)
    assert vgg.layers[-1].in_features == 512 * 3 * 3
    resnet = nn.SpikingResNet((3, 32, 32), 10, depth=18, neuron=cheap)
    assert weights(resnet, (1, 3)) == 11_173_962 - 5_130 - 9_600  # all, less readout and normalisations
    wide = nn.SpikingResNet((3, 32, 32), 10, depth=19, neuron=cheap)
    assert weights(wide, (3,)) == 9 * (3 * 128 + 6 * 128**2 + 128 * 256 + 5 * 256**2 + 256 * 512 + 3 * 512**2)


@pytest.mark.parametrize("v_threshold", [1.0, 0.5])
@pytest.mark.parametrize("kind", ["vgg", "18", "19"])
def test_currents_into_cells_have_the_spread_of_the_threshold(kind: str, v_threshold: float) -> None:
    net = small(kind, v_threshold=v_threshold, neuron=lambda shape: neurons.DQIF(shape, v_threshold=v_threshold))
    seen: list[Tensor] = []
    for part in net.modules():
        if isinstance(part, neurons.DQIF):
            part.register_forward_pre_hook(lambda module, given: seen.append(given[0].detach()))
    net(images(batch=16))
    for current in seen:
        assert float(current.mean()) == pytest.approx(0.0, abs=1e-3)
        # where two currents join, they may be correlated
        assert float(current.std()) == pytest.approx(v_threshold, rel=0.2 if kind != "vgg" else 0.02)


@pytest.mark.parametrize("kind", ["vgg", "19"])
def test_two_chunks_are_the_whole(kind: str) -> None:
    net, x = small(kind).double(), images().double()
    net(x)
    net.eval()
    whole, end = net(x)
    first, between = net(x[:1])
    second, after = net(x[1:], between)
    torch.testing.assert_close(torch.cat([first, second]), whole, rtol=1e-10, atol=1e-12)
    torch.testing.assert_close(after, end, rtol=1e-10, atol=1e-12)


def test_the_shortcut_carries_currents() -> None:
    """With silent cells, what comes in goes out, normalised."""
    silent = nn.MembraneBlock(
        (4, 6, 6), (4, 6, 6), neuron=lambda shape: neurons.PLIF(shape, v_threshold=1e9), stride=1, v_threshold=1.0
    )
    x = torch.randn(3, 5, 4, 6, 6)
    out, _ = silent(x)
    torch.testing.assert_close(out, silent.shortcut(x))
    assert float(out.detach().std()) == pytest.approx(0.5**0.5, rel=0.01)


def test_a_large_stem_quarters_the_image() -> None:
    net = nn.SpikingResNet((3, 64, 48), 5, depth=18, neuron=dqif, width=0.05, stem="large")
    shapes = [part.shape[1:] for part in net.modules() if isinstance(part, neurons.DQIF)]
    assert shapes[0] == (16, 12)
    assert shapes[-1] == (2, 2)
    assert net(torch.rand(2, 3, 3, 64, 48))[0].shape == (2, 3, 5)


@pytest.mark.parametrize("shape", [(1, 7, 9), (3, 5, 5)])
def test_odd_sizes(shape: tuple[int, int, int]) -> None:
    x = torch.rand(2, 3, *shape)
    assert nn.SpikingResNet(shape, 4, depth=18, neuron=dqif, width=0.05)(x)[0].shape == (2, 3, 4)
    assert nn.SpikingVGG(shape, 4, neuron=dqif, plan=(4, "pool", 6, "pool"))(x)[0].shape == (2, 3, 4)


@pytest.mark.parametrize(
    ("given", "match"),
    [
        (dict(shape=(16, 16)), "shape"),
        (dict(shape=(3, 16, 0)), "shape"),
        (dict(classes=0), "classes"),
        (dict(neuron=neurons.DQIF(3)), "neuron"),
        (dict(width=0.0), "width"),
        (dict(width=float("nan")), "width"),
    ],
)
@pytest.mark.parametrize("kind", [nn.SpikingVGG, nn.SpikingResNet])
def test_refusals(kind: Any, given: dict[str, Any], match: str) -> None:
    whole: dict[str, Any] = {"shape": SHAPE, "classes": 5, "neuron": dqif, "width": 0.1, **given}
    with pytest.raises(ParameterError, match=match):
        kind(whole.pop("shape"), whole.pop("classes"), **whole)


def test_refusals_of_their_own() -> None:
    with pytest.raises(ParameterError, match="depth"):
        nn.SpikingResNet(SHAPE, 5, neuron=dqif, depth=50)
    with pytest.raises(ParameterError, match="stem"):
        nn.SpikingResNet(SHAPE, 5, neuron=dqif, stem="tiny")
    with pytest.raises(ParameterError, match="pools 1 x 1"):
        nn.SpikingVGG(SHAPE, 5, neuron=dqif, plan=("pool",) * 5)
    with pytest.raises(ParameterError, match="in the plan"):
        nn.SpikingVGG(SHAPE, 5, neuron=dqif, plan=(8, "max"))
    with pytest.raises(ShapeError, match="3 features"):
        small("vgg")(torch.rand(4, 2, 1, 16, 16))
