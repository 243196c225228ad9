"""Of every module that torch has: in a chain it leaves the samples of a batch apart, or it is refused with a remedy."""

from __future__ import annotations

import copy
import re
from collections.abc import Callable
from typing import Any

import pytest
import torch
from torch import nn as torch_nn

from rheobase import neurons, nn
from rheobase.errors import DTypeError, ParameterError

TIME, BATCH, FEATURES = 5, 3, 4
T = torch_nn
Make = Callable[[], torch_nn.Module]

# what a chain takes, with the shape behind (time, batch)
KEPT: dict[str, tuple[Make, tuple[int, ...]]] = {
    **{
        name: (getattr(T, name), (FEATURES,))
        for name in (
            "AlphaDropout", "CELU", "Dropout", "ELU", "GELU", "GLU", "Hardshrink", "Hardsigmoid", "Hardswish",
            "Hardtanh", "Identity", "LeakyReLU", "LogSigmoid", "Mish", "PReLU", "RReLU", "ReLU", "ReLU6", "SELU",
            "SiLU", "Sigmoid", "Softplus", "Softshrink", "Softsign", "Tanh", "Tanhshrink",
        )
    },
    "ConstantPad1d": (lambda: T.ConstantPad1d(1, 0.5), (FEATURES,)),
    "ConstantPad2d": (lambda: T.ConstantPad2d(1, 0.5), (2, FEATURES, FEATURES)),
    "ConstantPad3d": (lambda: T.ConstantPad3d(1, 0.5), (2, FEATURES, FEATURES)),
    "Flatten": (lambda: T.Flatten(2), (2, FEATURES)),
    "LayerNorm": (lambda: T.LayerNorm(FEATURES), (FEATURES,)),
    "LazyLinear": (lambda: T.LazyLinear(2), (FEATURES,)),
    "Linear": (lambda: T.Linear(FEATURES, 2), (FEATURES,)),
    "LogSoftmax": (lambda: T.LogSoftmax(-1), (FEATURES,)),
    "PixelShuffle": (lambda: T.PixelShuffle(2), (FEATURES, 2, 2)),
    "PixelUnshuffle": (lambda: T.PixelUnshuffle(2), (1, FEATURES, FEATURES)),
    "RMSNorm": (lambda: T.RMSNorm(FEATURES), (FEATURES,)),
    "Sequential": (lambda: T.Sequential(T.Linear(FEATURES, 2), T.ReLU()), (FEATURES,)),
    "Softmax": (lambda: T.Softmax(2), (FEATURES, 2)),
    "Softmin": (lambda: T.Softmin(-1), (FEATURES,)),
    "Threshold": (lambda: T.Threshold(0.1, 0.0), (FEATURES,)),
    "TransformerEncoder": (lambda: T.TransformerEncoder(encoder_layer(False), 1), (FEATURES,)),
    "TransformerEncoderLayer": (lambda: encoder_layer(False), (FEATURES,)),
    "Unflatten": (lambda: T.Unflatten(2, (2, 2)), (FEATURES,)),
    "ZeroPad1d": (lambda: T.ZeroPad1d(1), (FEATURES,)),
    "ZeroPad2d": (lambda: T.ZeroPad2d(1), (2, FEATURES, FEATURES)),
    "ZeroPad3d": (lambda: T.ZeroPad3d(1), (2, FEATURES, FEATURES)),
}  # fmt: skip


def encoder_layer(batch_first: bool) -> torch_nn.Module:
    return T.TransformerEncoderLayer(FEATURES, 2, 8, dropout=0.0, batch_first=batch_first)


# what it refuses, with a word of the remedy
REFUSED: dict[str, tuple[Make, str]] = {
    **{f"{lazy}BatchNorm{n}d": (made, "TdBatchNorm") for n in (1, 2, 3) for lazy, made in (
        ("", lambda n=n: getattr(T, f"BatchNorm{n}d")(BATCH)), ("Lazy", lambda n=n: getattr(T, f"LazyBatchNorm{n}d")()),
    )},
    **{f"{lazy}InstanceNorm{n}d": (made, "flatten") for n in (1, 2, 3) for lazy, made in (
        ("", lambda n=n: getattr(T, f"InstanceNorm{n}d")(BATCH)),
        ("Lazy", lambda n=n: getattr(T, f"LazyInstanceNorm{n}d")()),
    )},
    **{f"Conv{n}d": (lambda n=n: getattr(T, f"Conv{n}d")(BATCH, 2, 1), word)
       for n, word in ((1, "nn.Conv1d of rheobase"), (2, "nn.Conv2d of rheobase"), (3, "flatten"))},
    **{f"LazyConv{n}d": (lambda n=n: getattr(T, f"LazyConv{n}d")(2, 1), word)
       for n, word in ((1, "nn.Conv1d of rheobase"), (2, "nn.Conv2d of rheobase"), (3, "flatten"))},
    **{f"ConvTranspose{n}d": (lambda n=n: getattr(T, f"ConvTranspose{n}d")(BATCH, 2, 1), "flatten") for n in (1, 2, 3)},
    **{f"LazyConvTranspose{n}d": (lambda n=n: getattr(T, f"LazyConvTranspose{n}d")(2, 1), "flatten")
       for n in (1, 2, 3)},
    **{f"{kind}Pool{n}d": (lambda n=n, kind=kind: getattr(T, f"{kind}Pool{n}d")(2),
                           f"nn.{kind}Pool{n}d of rheobase" if n < 3 else "flatten")
       for kind in ("Avg", "Max") for n in (1, 2, 3)},
    **{f"{kind}Pool{n}d": (lambda n=n, kind=kind: getattr(T, f"{kind}Pool{n}d")(1), "flatten")
       for kind in ("AdaptiveAvg", "AdaptiveMax") for n in (1, 2, 3)},
    **{f"LPPool{n}d": (lambda n=n: getattr(T, f"LPPool{n}d")(2, 2), "flatten") for n in (1, 2, 3)},
    **{f"MaxUnpool{n}d": (lambda n=n: getattr(T, f"MaxUnpool{n}d")(2), "flatten") for n in (1, 2, 3)},
    **{f"FractionalMaxPool{n}d": (lambda n=n: getattr(T, f"FractionalMaxPool{n}d")(2, output_size=1), "flatten")
       for n in (2, 3)},
    **{f"{kind}Pad{n}d": (lambda n=n, kind=kind: getattr(T, f"{kind}Pad{n}d")(1), "flatten")
       for kind in ("Circular", "Reflection", "Replication") for n in (1, 2, 3)},
    **{f"Dropout{n}d": (lambda n=n: getattr(T, f"Dropout{n}d")(0.5), "nn.Dropout of rheobase") for n in (1, 2, 3)},
    "ChannelShuffle": (lambda: T.ChannelShuffle(1), "flatten"),
    "CrossMapLRN2d": (lambda: T.CrossMapLRN2d(2), "flatten"),
    "EmbeddingBag": (lambda: T.EmbeddingBag(9, 2), "Embedding"),
    "FeatureAlphaDropout": (T.FeatureAlphaDropout, "nn.Dropout of rheobase"),
    "Fold": (lambda: T.Fold(2, 1), "flatten"),
    "GRU": (lambda: T.GRU(FEATURES, 2), "nn.SpikGRU"),
    "GRUCell": (lambda: T.GRUCell(FEATURES, 2), "nn.SpikGRU"),
    "GroupNorm": (lambda: T.GroupNorm(1, BATCH), "flatten"),
    "LSTM": (lambda: T.LSTM(FEATURES, 2), "nn.Recurrent"),
    "LSTMCell": (lambda: T.LSTMCell(FEATURES, 2), "nn.Recurrent"),
    "LocalResponseNorm": (lambda: T.LocalResponseNorm(2), "flatten"),
    "ModuleDict": (lambda: T.ModuleDict({"a": T.ReLU()}), "one by one"),
    "ModuleList": (lambda: T.ModuleList([T.ReLU()]), "one by one"),
    "MultiheadAttention": (lambda: T.MultiheadAttention(FEATURES, 2), "attention(x, x, x)"),
    "RNN": (lambda: T.RNN(FEATURES, 2), "nn.Recurrent"),
    "RNNCell": (lambda: T.RNNCell(FEATURES, 2), "nn.Recurrent"),
    "Softmax2d": (T.Softmax2d, "Softmax(2)"),
    "SyncBatchNorm": (lambda: T.SyncBatchNorm(BATCH), "TdBatchNorm"),
    "Unfold": (lambda: T.Unfold(1), "flatten"),
    "Upsample": (lambda: T.Upsample(2), "flatten"),
    "UpsamplingBilinear2d": (lambda: T.UpsamplingBilinear2d(2), "flatten"),
    "UpsamplingNearest2d": (lambda: T.UpsamplingNearest2d(2), "flatten"),
}  # fmt: skip
# those that a word decides on
ODD: list[tuple[Make, str]] = [
    *(
        (lambda kind=kind, dim=dim: getattr(T, kind)(dim), f"torch.nn.{kind}(-1)")
        for kind in ("Softmax", "LogSoftmax", "Softmin")
        for dim in (None, 0, 1, -2)
    ),
    (lambda: T.GLU(1), "torch.nn.GLU(-1)"),
    (T.Flatten, "nn.Flatten() of rheobase"),
    (lambda: T.Flatten(0), "nn.Flatten() of rheobase"),
    (lambda: T.Unflatten(1, (1, BATCH)), "torch.nn.Unflatten(2, sizes)"),
    (lambda: T.PReLU(BATCH), "PReLU()"),
    (lambda: encoder_layer(True), "batch_first=False"),
    (lambda: T.TransformerEncoder(encoder_layer(True), 1), "batch_first=False"),
    (lambda: T.Sequential(T.ReLU(), T.Sequential(T.BatchNorm1d(BATCH))), "TdBatchNorm"),
]

# of several inputs, not to be called, or whole networks
NO_LAYER = {
    "AdaptiveLogSoftmaxWithLoss", "Bilinear", "Container", "CosineSimilarity", "DataParallel", "Embedding", "Module",
    "NLLLoss2d", "PairwiseDistance", "ParameterDict", "ParameterList", "RNNBase", "RNNCellBase", "Transformer",
    "TransformerDecoder", "TransformerDecoderLayer",
}  # fmt: skip


def modules_of_torch() -> set[str]:
    found = {name for name, kind in vars(T).items() if isinstance(kind, type) and issubclass(kind, T.Module)}
    return {name for name in found if not name.endswith("Loss")}


def test_every_module_of_torch_is_looked_at() -> None:
    known = {*KEPT, *REFUSED, *NO_LAYER}
    assert not modules_of_torch() - known, "new in torch: say whether a chain takes it"
    assert not set(KEPT) & set(REFUSED)


@pytest.mark.parametrize("name", KEPT)
@pytest.mark.filterwarnings("ignore:enable_nested_tensor is True:UserWarning")
def test_what_is_taken_leaves_samples_apart(name: str) -> None:
    make, shape = KEPT[name]
    torch.manual_seed(0)
    chain = nn.Sequential(make()).eval()
    x = torch.randn(TIME, BATCH, *shape)
    out, _ = chain(x)
    assert out.shape[:2] == (TIME, BATCH)
    for b in range(BATCH):
        alone, _ = chain(x[:, b : b + 1])
        torch.testing.assert_close(alone[:, 0], out[:, b])


@pytest.mark.parametrize("name", REFUSED)
def test_what_would_mix_them_is_refused(name: str) -> None:
    make, remedy = REFUSED[name]
    with pytest.raises(ParameterError, match=rf"{name}.* as layer 1; .*Remedy: .*{re.escape(remedy)}"):
        nn.Sequential(T.Identity(), make())


@pytest.mark.parametrize(("make", "remedy"), ODD)
@pytest.mark.filterwarnings("ignore:enable_nested_tensor is True:UserWarning")
def test_an_argument_decides(make: Make, remedy: str) -> None:
    with pytest.raises(ParameterError, match=rf"Remedy: .*{re.escape(remedy)}"):
        nn.Sequential(make())


def test_the_fault_that_it_was() -> None:
    """With as many features as samples, each sample was normalised by itself."""
    with pytest.raises(ParameterError, match=r"torch's BatchNorm1d\(3, .* as layer 1; .*nn.TdBatchNorm"):
        nn.Sequential(nn.Linear(4, 3), T.BatchNorm1d(3), neurons.LIF(3, dt=1.0))
    net = nn.Sequential(nn.Linear(4, 3), nn.TdBatchNorm(3), neurons.LIF(3, dt=1.0))
    assert net(torch.randn(5, 3, 4))[0].shape == (5, 3, 3)


class PerStep(T.BatchNorm1d):
    """A class of the user's that knows its axes."""

    def forward(self, input: torch.Tensor) -> torch.Tensor:
        return super().forward(input.flatten(0, 1)).view_as(input)


class Renamed(T.BatchNorm1d):
    """One that does not."""


def test_a_class_with_a_forward_of_its_own_is_taken_to_know() -> None:
    assert nn.Sequential(PerStep(3))(torch.randn(5, 3, 3))[0].shape == (5, 3, 3)
    with pytest.raises(ParameterError, match="TdBatchNorm"):
        nn.Sequential(Renamed(3))


def test_weights_under_a_parametrisation_are_no_disguise() -> None:
    normed: Any = torch.nn.utils.parametrizations.weight_norm(T.Conv1d(3, 3, 1))
    with pytest.raises(ParameterError, match=r"nn\.Conv1d of rheobase"):
        nn.Sequential(normed)
    own = torch.nn.utils.parametrizations.weight_norm(nn.Conv1d(3, 3, 1))
    assert nn.Sequential(own)(torch.randn(5, 2, 3, 4))[0].shape == (5, 2, 3, 4)


@pytest.mark.parametrize(
    "own", [nn.Conv1d(3, 3, 1), nn.Conv2d(3, 3, 1), nn.MaxPool2d(2), nn.AvgPool1d(2), nn.Flatten(), nn.Dropout(0.5)]
)
def test_rheobase_s_own_are_taken_and_copied(own: torch_nn.Module) -> None:
    assert len(copy.deepcopy(nn.Sequential(own))) == 1


# --- the pair that a neuron returns, handed to the next layer ---------------------------------------------------------

LIF3 = neurons.LIF(3, dt=1.0)


def plif(shape: tuple[int, ...]) -> neurons.PLIF:
    return neurons.PLIF(*shape)


TAKE: dict[str, tuple[Make, tuple[int, ...]]] = {
    "LIF": (lambda: LIF3, (3,)),
    "PLIF": (lambda: neurons.PLIF(3), (3,)),
    "CondLIF": (lambda: neurons.CondLIF(3, dt=1.0), (3,)),
    "Sequential": (lambda: nn.Sequential(T.Linear(3, 2)), (3,)),
    "Recurrent": (lambda: nn.Recurrent(LIF3), (3,)),
    "RecurrentDelay": (lambda: nn.RecurrentDelay(LIF3, taps=2), (3,)),
    "Delay": (lambda: nn.Delay(3, taps=2), (3,)),
    "DelayLine": (lambda: nn.DelayLine(3, taps=2), (3,)),
    "AxonalDelay": (lambda: nn.AxonalDelay(3, taps=2), (3,)),
    "SynapticDelay": (lambda: nn.SynapticDelay(3, 2, taps=2), (3,)),
    "SpikGRU": (lambda: nn.SpikGRU(3, 2), (3,)),
    "CSGRU": (lambda: nn.CSGRU(1, 2, kernel_size=1), (1, 2, 2)),
    "ConvGRU": (lambda: nn.ConvGRU(1, 2, kernel_size=1), (1, 2, 2)),
    "PSN": (lambda: nn.PSN(3, steps=5), (3,)),
    "MaskedPSN": (lambda: nn.MaskedPSN(3, steps=5, order=2), (3,)),
    "SlidingPSN": (lambda: nn.SlidingPSN(3, order=2), (3,)),
    "Chunked": (lambda: nn.Chunked(nn.Sequential(LIF3), steps=2), (3,)),
    "Graph": (lambda: nn.Graph({"a": nn.SpikeLinear(3, 2)}, [("input", "a"), ("a", "output")]), (3,)),
    "Dropout": (nn.Dropout, (3,)),
    "Flatten": (nn.Flatten, (3,)),
    "TdBatchNorm": (lambda: nn.TdBatchNorm(3), (3,)),
    "SpikeLinear": (lambda: nn.SpikeLinear(3, 2), (3,)),
    "GroupReadout": (lambda: nn.GroupReadout(6, classes=2), (6,)),
    "MembraneBlock": (
        lambda: nn.MembraneBlock((1, 4, 4), (1, 4, 4), neuron=plif, stride=1, v_threshold=1.0),
        (1, 4, 4),
    ),
    "SpikingVGG": (lambda: nn.SpikingVGG((3, 32, 32), 2, neuron=plif, width=0.1), (3, 32, 32)),
    "SpikingResNet": (lambda: nn.SpikingResNet((3, 16, 16), 2, neuron=plif, width=0.05), (3, 16, 16)),
    **{name: (lambda name=name: getattr(nn, name)(1, 1, 1), (1, 4)) for name in ("Conv1d", "Conv2d")},
    **{
        name: (lambda name=name: getattr(nn, name)(2), (1, 4))
        for name in ("AvgPool1d", "AvgPool2d", "MaxPool1d", "MaxPool2d")
    },
}


def test_every_layer_is_looked_at() -> None:
    layers = {name for name in nn.__all__ if isinstance(getattr(nn, name), type)}
    # torch's own, whose error is torch's; one that takes any tensor; and the abstract one
    assert layers - set(TAKE) == {"Linear", "Scale", "Stateful"}


@pytest.mark.parametrize("name", TAKE)
def test_the_pair_of_a_neuron_is_answered(name: str) -> None:
    """torch's Sequential hands on (out, state): the next layer says which Sequential does not."""
    make, shape = TAKE[name]
    x = torch.zeros(5, 2, *shape)
    with pytest.raises(DTypeError, match=r"the \(out, state\) of a layer.*rheobase\.nn\.Sequential does so in a chain"):
        make()((x, x[0]))
