"""Layers over sequences (time, batch, ...). `Linear` is torch's own: it takes any leading axes."""

from __future__ import annotations

import importlib
from typing import TYPE_CHECKING, Any

from torch.nn import Linear

from rheobase.nn.chunked import Chunked
from rheobase.nn.conv import AvgPool1d, AvgPool2d, Conv1d, Conv2d, Flatten, MaxPool1d, MaxPool2d
from rheobase.nn.delay import Delay
from rheobase.nn.dropout import Dropout
from rheobase.nn.norm import TdBatchNorm
from rheobase.nn.psn import PSN, MaskedPSN, SlidingPSN
from rheobase.nn.quantise import levels, quantised
from rheobase.nn.readout import GroupReadout
from rheobase.nn.recurrent import Recurrent
from rheobase.nn.recurrent_delay import RecurrentDelay
from rheobase.nn.sequential import Sequential
from rheobase.nn.spike_linear import SpikeLinear
from rheobase.nn.spiking_resnet import MembraneBlock, SpikingResNet
from rheobase.nn.spiking_vgg import SpikingVGG
from rheobase.nn.stateful import Stateful
from rheobase.nn.wired_delay import AxonalDelay, SynapticDelay

if TYPE_CHECKING:
    from rheobase.nn.conv_gru import ConvGRU
    from rheobase.nn.cs_gru import CSGRU
    from rheobase.nn.spik_gru import SpikGRU

__all__ = [
    "CSGRU", "PSN", "AvgPool1d", "AvgPool2d", "AxonalDelay", "Chunked", "Conv1d", "Conv2d", "ConvGRU", "Delay",
    "Dropout", "Flatten", "GroupReadout", "Linear", "MaskedPSN", "MaxPool1d", "MaxPool2d", "MembraneBlock",
    "Recurrent", "RecurrentDelay", "Sequential", "SlidingPSN", "SpikGRU", "SpikeLinear", "SpikingResNet", "SpikingVGG",
    "Stateful", "SynapticDelay", "TdBatchNorm", "levels", "quantised",
]  # fmt: skip

# read when they are first asked for: they bring an engine of their own
_LATER = {"ConvGRU": "conv_gru", "CSGRU": "cs_gru", "SpikGRU": "spik_gru"}


def __getattr__(name: str) -> Any:
    if name not in _LATER:
        raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
    found = getattr(importlib.import_module(f"{__name__}.{_LATER[name]}"), name)
    globals()[name] = found
    return found
