"""The account of a network: every layer counted as by itself, nothing twice, and nothing left out without a word."""

from __future__ import annotations

import copy
from dataclasses import astuple

import pytest
import torch
from torch import Tensor
from torch import nn as torch_nn

from rheobase import explain, neurons, nn
from rheobase.energy import Account, Operations, account, operations
from rheobase.errors import InputError, ParameterError, ShapeError

T, B = 6, 4


def spikes(*shape: int, rate: float = 0.4) -> Tensor:
    return (torch.rand(T, B, *shape, generator=torch.Generator().manual_seed(1)) < rate).float()


def network() -> nn.Sequential:
    torch.manual_seed(0)
    inner = nn.Sequential(nn.Linear(8, 8), nn.Recurrent(neurons.LIF(8, dt=1.0)))
    net = nn.Sequential(nn.Linear(6, 8), neurons.LIF(8, dt=1.0), inner, nn.Linear(8, 3), neurons.LI(3, dt=1.0))
    with torch.no_grad():
        net[0].weight.abs_().mul_(8)
        inner[0].weight.abs_().mul_(8)
    return net


def test_layers_are_those_of_each_by_itself_and_add_up() -> None:
    net, x = network(), spikes(6)
    found = account(net, x)
    assert [layer.label for layer in found.layers] == [
        "0: Linear",
        "1: LIF",
        "2.0: Linear",
        "2.1: Recurrent",
        "3: Linear",
        "4: LI",
    ]
    before = [x, *(out.detach() for out in net.outputs(x))]
    inner = net[2]
    assert isinstance(inner, nn.Sequential)
    (current, _) = (out.detach() for out in inner.outputs(before[2]))
    alone = [
        operations(net[0], x),
        operations(net[1], before[1]),
        operations(inner[0], before[2]),
        operations(inner[1], current),
        operations(net[3], before[3]),
        operations(net[4], before[4]),
    ]
    assert [layer.operations for layer in found.layers] == alone
    assert found.total.accumulates == sum(one.accumulates for one in alone) > 0
    assert found.total.spikes_in == float(x.sum()) / B, "spikes that enter the network"
    assert not found.uncounted
    lines = T * (6 + 8 + 8 + 8)
    read = float(x.sum() + before[2].sum() + before[3][:-1].sum() + before[3].sum()) / B
    assert found.activity == pytest.approx(read / lines)


def test_the_spikes_that_enter_are_those_of_the_input_whatever_layer_is_named_first() -> None:
    torch.manual_seed(0)
    x, lengths = spikes(5), torch.tensor([T, 3, 0, 1])
    alive = torch.arange(T)[:, None] < lengths
    linear, cells = torch.nn.Linear(5, 5), neurons.LIF(5, dt=1.0, tau_mem=2.0)
    layers = {"back": torch.nn.Linear(5, 5), "a": linear, "b": torch.nn.Linear(5, 5), "n": cells}
    edges = [("input", "a"), ("input", "b"), ("a", "n"), ("b", "n"), ("n", "back"), ("back", "n"), ("n", "output")]
    twice = nn.Sequential(linear, cells, linear, cells)
    for net in (nn.Graph(layers, edges), twice):
        assert account(net, x).total.spikes_in == float(x.sum()) / B
        parts = [account(net, x[:, k : k + 1]) for k in range(B)]
        assert Account.of(parts).total.spikes_in == pytest.approx(float(x.sum()) / B)
    found = account(twice, x, lengths=lengths)
    assert found.total.spikes_in == pytest.approx(float((x * alive[..., None]).sum()) / B)
    # a layer that stands in a network twice counts as two of its kind
    apart = account(nn.Sequential(linear, cells, copy.deepcopy(linear), copy.deepcopy(cells)), x)
    assert account(twice, x).total == apart.total


def test_explain_and_the_account_count_alike() -> None:
    net, x = network(), spikes(6)
    found = account(net, x)
    parts = explain(net, x, seconds=0.0).parts
    assert [part.operations for part in parts] == [layer.operations for layer in found.layers]


def test_batches_together_are_the_whole() -> None:
    net, x = network(), spikes(6)
    whole, parts = account(net, x), [account(net, x[:, :1]), account(net, x[:, 1:])]
    found = Account.of(parts)
    assert found.samples == whole.samples == B
    for a, b in zip(found.layers, whole.layers, strict=True):
        assert vars(a.operations) == pytest.approx(vars(b.operations))
        assert (a.outputs, a.silent) == pytest.approx((b.outputs, b.silent))


def test_a_normalisation_behind_weights_is_in_them() -> None:
    torch.manual_seed(0)
    net = nn.Sequential(
        nn.Linear(6, 8), nn.TdBatchNorm(8), neurons.LIF(8, dt=1.0), nn.TdBatchNorm(8), nn.Linear(8, 8), nn.Scale(2.0)
    ).eval()
    x = spikes(6)
    found = {layer.label: layer for layer in account(net, x).layers}
    assert [name for name, layer in found.items() if layer.folded] == ["1: TdBatchNorm", "5: Scale"]
    assert found["1: TdBatchNorm"].operations == Operations()
    assert found["3: TdBatchNorm"].operations is not None
    assert found["3: TdBatchNorm"].operations.updates == 8 * T
    unfolded = account(net, x, folded=False).total
    assert unfolded.updates == account(net, x).total.updates + 2 * 8 * T


def test_a_shortcut_is_counted() -> None:
    net = nn.SpikingResNet((3, 8, 8), 5, depth=18, neuron=lambda shape: neurons.LIF(shape, dt=1.0), width=0.05).eval()
    found = account(net, spikes(3, 8, 8))
    assert not found.uncounted
    between = found.layers[-1]
    assert (between.name, between.kind) == ("between layers", "sums")
    # what each of eight blocks gives
    sizes = [net[2 + k].main[-1].norm.num_features for k in range(8)]  # pyright: ignore[reportAttributeAccessIssue]
    pixels = [64, 64, 16, 16, 4, 4, 1, 1]
    assert between.operations == Operations(sums=T * sum(a * b for a, b in zip(sizes, pixels, strict=True)))
    # its normalisation has no weights before it where the shapes agree
    shortcuts = [layer for layer in found.layers if layer.name.endswith("shortcut")]
    assert len(shortcuts) == 5
    assert all(not layer.folded for layer in shortcuts)


class Own(torch_nn.Module):
    """Somebody's network: a product outside layers, a layer nobody knows, and one that is not called."""

    def __init__(self) -> None:
        super().__init__()
        self.linear, self.unknown, self.unused = nn.Linear(6, 6), torch_nn.GELU(), nn.Linear(2, 2)

    def forward(self, x: Tensor) -> Tensor:
        return torch.tanh(0.5 * self.unknown(self.linear(x))[:, :].flatten(2)) - x


def test_nothing_is_left_out_without_a_word() -> None:
    found = account(Own(), spikes(6))
    said = {layer.label: layer.uncounted for layer in found.uncounted}
    assert set(said) == {"unknown: GELU", "unused: Linear", "between layers: functions"}
    assert "counted(x, out)" not in said["unknown: GELU"]
    assert "the network did not call it" in said["unused: Linear"]
    assert "tanh (1)" in said["between layers: functions"]
    assert "mul (1)" in said["between layers: functions"]
    assert found.layers[-2].operations == Operations(sums=6 * T)


def test_time_that_is_folded_into_the_batch_is_not_taken_for_it() -> None:
    class Folded(torch_nn.Module):
        def __init__(self) -> None:
            super().__init__()
            self.conv = torch_nn.Conv2d(2, 3, 3)

        def forward(self, x: Tensor) -> Tensor:
            return self.conv(x.flatten(0, 1)).unflatten(0, x.shape[:2])

    (layer,) = account(Folded(), spikes(2, 5, 5)).layers
    assert "(24, 2, 5, 5)" in layer.uncounted


def test_sequences_end() -> None:
    net, x, lengths = network(), spikes(6), torch.tensor([6, 3, 1, 2])
    found = account(net, x, lengths=lengths)
    assert found.steps == 3.0
    assert found.layers[0].operations == operations(net[0], x, lengths=lengths)
    assert found.layers[3].operations is not None
    assert found.layers[3].operations.cell_steps == 8 * 3.0


def test_nothing_is_changed() -> None:
    net = nn.Sequential(nn.Linear(6, 8), nn.TdBatchNorm(8), nn.Dropout(0.5), neurons.LIF(8, dt=1.0))
    before, generator = {k: v.clone() for k, v in net.state_dict().items()}, torch.get_rng_state()
    account(net, spikes(6))
    assert all(torch.equal(v, before[k]) for k, v in net.state_dict().items())
    assert torch.equal(generator, torch.get_rng_state())
    assert not any(m._forward_hooks for m in net.modules())


def louder(net: nn.Sequential) -> nn.Sequential:
    """With weights at which its cells fire."""
    with torch.no_grad():
        for weight in net.parameters():
            if weight.dim() > 1:
                weight.mul_(8.0)
    return net.eval()


def kinds() -> dict[str, nn.Sequential]:
    """Networks of layers that look along time, or that need to know of it."""
    torch.manual_seed(0)
    return {
        "lateral": nn.Sequential(nn.Linear(6, 7), nn.Recurrent(neurons.LIF(7, dt=1.0, tau_mem=3.0)), nn.Linear(7, 3)),
        "delays": nn.Sequential(nn.Delay(6, taps=3), nn.Linear(6, 7), neurons.LIF(7, dt=1.0, tau_mem=3.0)),
        "gates": nn.Sequential(nn.SpikGRU(6, 8), nn.Linear(8, 3), neurons.LI(3, dt=1.0)),
        "norm": nn.Sequential(nn.Linear(6, 7), nn.TdBatchNorm(7, v_threshold=1.0), neurons.LIF(7, dt=1.0, tau_mem=3.0)),
    }


@pytest.mark.parametrize("kind", kinds())
def test_sequences_that_end_are_counted_as_each_by_itself(kind: str) -> None:
    net, x, lengths = louder(kinds()[kind]), spikes(6), torch.tensor([6, 1, 3, 5])
    found = account(net, x, lengths=lengths)
    each = Account.of([account(net, x[: int(n), k : k + 1]) for k, n in enumerate(lengths)])
    assert found.total.spikes > 0
    for one, other in zip(found.layers, each.layers, strict=True):
        assert one.operations is not None
        assert other.operations is not None
        assert astuple(one.operations) == pytest.approx(astuple(other.operations))
        for name in ("steps", "outputs", "silent", "lines", "words", "weights"):
            assert getattr(one, name) == pytest.approx(getattr(other, name)), (one.label, name)


def test_it_is_counted_as_an_inference_whatever_mode_the_network_is_in() -> None:
    torch.manual_seed(0)
    lif = neurons.LIF(7, dt=1.0, tau_mem=3.0)
    net = louder(
        nn.Sequential(nn.Linear(6, 7), nn.TdBatchNorm(7, v_threshold=1.0), lif, nn.Dropout(0.5), nn.Linear(7, 3))
    )
    expected = account(net, spikes(6))
    assert expected.layers[-1].operations is not None
    assert expected.layers[-1].operations.accumulates > 0
    net.train()
    net[2].eval()
    assert account(net, spikes(6)) == expected
    assert [layer.training for layer in (net, *net)] == [True, True, True, False, True, True]


def test_accounts_of_other_networks_do_not_add_up() -> None:
    x = spikes(6)
    with pytest.raises(ParameterError, match="0 accounts"):
        Account.of([])
    with pytest.raises(ParameterError, match="networks that differ"):
        Account.of([account(nn.Linear(6, 2), x), account(nn.Linear(6, 3), x)])


def test_refusals() -> None:
    net = network()
    with pytest.raises(ShapeError, match="keep both axes"):
        account(net, torch.zeros(3, 6))
    with pytest.raises(ShapeError, match="keep both axes"):
        account(net, torch.zeros(0, 2, 6))
    with pytest.raises(ParameterError, match="0: Linear"):
        account(net, torch.zeros(3, 2, 7))
    with pytest.raises(ParameterError, match="Module"):
        account("net", spikes(6))  # type: ignore[arg-type]
    with pytest.raises(ParameterError, match="list"):
        account(net, [1.0])  # type: ignore[arg-type]
    for wrong in (float("nan"), float("inf")):
        with pytest.raises(InputError, match="NaN or infinity"):
            account(nn.Linear(6, 2), torch.full((3, 2, 6), wrong))
    with pytest.raises(ParameterError, match="lengths from 3 to 9; expected 0 to 3"):
        account(nn.Linear(6, 2), torch.zeros(3, 2, 6), lengths=torch.tensor([3, 9]))


def test_a_layer_of_whole_weights_has_the_name_that_it_had() -> None:
    net = nn.quantised(nn.Sequential(nn.Linear(3, 2, bias=False), neurons.IF(2, dt=1.0)), whole=1)
    found = account(net, torch.ones(4, 1, 3))
    assert [layer.label for layer in found.layers] == ["0: Linear", "1: IF"]
