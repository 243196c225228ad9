"""A check for torch modules that read axis 1 as channels: in a sequence (time, batch, ...) axis 1 is the batch."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence

from torch import nn

from rheobase.core.neuron import Neuron
from rheobase.errors import ParameterError
from rheobase.nn.stateful import Stateful

_FOLD = "run it on x.flatten(0, 1), (time * batch, ...), in a module of your own"
_STEPS = "nn.Recurrent(neuron) or nn.SpikGRU, which carry their state; or call it in a module of your own"

# by the name of the class in torch, or of one that it comes from
REPLACED: Mapping[str, str] = {
    "_BatchNorm": "nn.TdBatchNorm(features): statistics over time and batch",
    "_InstanceNorm": _FOLD,
    "GroupNorm": _FOLD,
    "LocalResponseNorm": _FOLD,
    "CrossMapLRN2d": _FOLD,
    "Conv1d": "nn.Conv1d of rheobase, over (time, batch, channels, length)",
    "Conv2d": "nn.Conv2d of rheobase, over (time, batch, channels, height, width)",
    "_ConvNd": _FOLD,
    "AvgPool1d": "nn.AvgPool1d of rheobase, over (time, batch, channels, length)",
    "AvgPool2d": "nn.AvgPool2d of rheobase, over (time, batch, channels, height, width)",
    "MaxPool1d": "nn.MaxPool1d of rheobase, over (time, batch, channels, length)",
    "MaxPool2d": "nn.MaxPool2d of rheobase, over (time, batch, channels, height, width)",
    "_AvgPoolNd": _FOLD,
    "_MaxPoolNd": _FOLD,
    "_MaxUnpoolNd": _FOLD,
    "_LPPoolNd": _FOLD,
    "_AdaptiveAvgPoolNd": _FOLD,
    "_AdaptiveMaxPoolNd": _FOLD,
    "FractionalMaxPool2d": _FOLD,
    "FractionalMaxPool3d": _FOLD,
    "Dropout1d": "nn.Dropout of rheobase: one mask for all steps",
    "Dropout2d": "nn.Dropout of rheobase: one mask for all steps",
    "Dropout3d": "nn.Dropout of rheobase: one mask for all steps",
    "FeatureAlphaDropout": "nn.Dropout of rheobase: one mask for all steps",
    "Softmax2d": "torch.nn.Softmax(2), over the channels of (time, batch, channels, ...)",
    "ChannelShuffle": _FOLD,
    "Upsample": _FOLD,
    "Fold": _FOLD,
    "Unfold": _FOLD,
    "_ReflectionPadNd": _FOLD,
    "_ReplicationPadNd": _FOLD,
    "_CircularPadNd": _FOLD,
    "EmbeddingBag": "torch.nn.Embedding, and a sum over axis 2",
    "RNNBase": _STEPS,
    "RNNCellBase": _STEPS,
    "MultiheadAttention": "call it in a module of your own: attention(x, x, x)[0] attends over time",
    "ModuleList": "give its layers one by one: nn.Sequential(*layers)",
    "ModuleDict": "give its layers one by one: nn.Sequential(*layers.values())",
}
# the argument that names an axis, and the same module over the axes of a sequence
BY_AXIS: Mapping[str, tuple[str, str]] = {
    "Softmax": ("dim", "torch.nn.Softmax(-1), over the features"),
    "LogSoftmax": ("dim", "torch.nn.LogSoftmax(-1), over the features"),
    "Softmin": ("dim", "torch.nn.Softmin(-1), over the features"),
    "GLU": ("dim", "torch.nn.GLU(-1), over the features"),
    "Flatten": ("start_dim", "nn.Flatten() of rheobase, which keeps time and batch"),
    "Unflatten": ("dim", "torch.nn.Unflatten(2, sizes), which leaves time and batch as they are"),
}


def check_axes(owner: str, layers: Iterator[tuple[str, nn.Module]]) -> None:
    """Raise `ParameterError` for the first of these (name, layer) that would read the batch as its channels.

    A class with a `forward` of its own is assumed to handle its axes; a plain torch.nn.Sequential is checked layer by
    layer. The error names a replacement.
    """
    for name, layer in layers:
        if not type(layer).forward.__module__.startswith("torch.nn.modules"):
            continue
        if type(layer).forward is nn.Sequential.forward:
            inside = [(f"{name}.{inner}", part) for inner, part in layer.named_children()]
            _check_no_state(owner, inside)
            check_axes(owner, iter(inside))
            continue
        remedy = _remedy(layer)
        if remedy is not None:
            expected = "a layer over (time, batch, ...), whose axis 1 is the batch"
            shown = " ".join(repr(layer).split())
            raise ParameterError(owner, f"torch's {shown} as layer {name}", expected, remedy)


def check_chains(owner: str, net: nn.Module) -> None:
    """Raise `ParameterError` for a torch.nn.Sequential anywhere in `net` whose neurons and layers do not fit.

    The chain may end in a neuron, whose (out, state) the module around it takes apart. A layer in it that takes the
    batch for its channels would run without an error wherever the two are of one size.
    """
    for name, chain in net.named_modules():
        if type(chain).forward is nn.Sequential.forward:
            inside = [(f"{name}.{inner}" if name else inner, part) for inner, part in chain.named_children()]
            if any(isinstance(part, (Neuron, Stateful)) for _, part in inside):
                _check_no_state(owner, inside[:-1])
                check_axes(owner, iter(inside))


def _check_no_state(owner: str, layers: Sequence[tuple[str, nn.Module]]) -> None:
    """Raise `ParameterError` for a neuron in torch's Sequential, which would hand (out, state) to the next layer."""
    for name, part in layers:
        if isinstance(part, (Neuron, Stateful)):
            given = f"torch.nn.Sequential with {type(part).__name__} as layer {name}"
            expected = "rheobase's nn.Sequential around what returns (out, state)"
            raise ParameterError(owner, given, expected, "rheobase.nn.Sequential(...), which carries every state")


def _remedy(layer: nn.Module) -> str | None:
    """The replacement for a layer, as text; None for a layer that acts on the axes after time and batch alone."""
    kinds = [kind.__name__ for kind in type(layer).__mro__ if kind.__module__.startswith("torch.nn.modules")]
    for kind in kinds:
        if kind in REPLACED:
            return REPLACED[kind]
        if kind in BY_AXIS:
            argument, remedy = BY_AXIS[kind]
            axis = getattr(layer, argument)
            # counted from the end, an axis is known to be none of the first two only where it is the last
            known = isinstance(axis, int) and (axis >= 2 or axis == -1)
            return None if known else remedy
    if isinstance(layer, nn.PReLU) and layer.num_parameters > 1:
        return "torch.nn.PReLU(), with one parameter"
    if any(isinstance(part, nn.MultiheadAttention) and part.batch_first for part in layer.modules()):
        return "batch_first=False: time is the first axis"
    return None
