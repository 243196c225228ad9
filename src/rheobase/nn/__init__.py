"""Layers over sequences (time, batch, ...). `Linear` is torch's own: it takes any leading axes."""

from __future__ import annotations

from typing import TYPE_CHECKING

from torch.nn import Linear

from rheobase.lazy_exports import lazily

if TYPE_CHECKING:
    from rheobase.nn.chunked import Chunked
    from rheobase.nn.conv import AvgPool1d, AvgPool2d, Conv1d, Conv2d, Flatten, MaxPool1d, MaxPool2d
    from rheobase.nn.decay_groups import parameter_groups
    from rheobase.nn.delays.connection_delay import AxonalDelay, SynapticDelay
    from rheobase.nn.delays.delay_line import DelayLine
    from rheobase.nn.delays.input_history import Delay
    from rheobase.nn.dropout import Dropout
    from rheobase.nn.graph import Graph
    from rheobase.nn.image_networks.spiking_resnet import MembraneBlock, SpikingResNet
    from rheobase.nn.image_networks.spiking_vgg import SpikingVGG
    from rheobase.nn.norm import TdBatchNorm
    from rheobase.nn.psn import PSN, MaskedPSN, SlidingPSN
    from rheobase.nn.quantise import levels, quantised
    from rheobase.nn.readout import GroupReadout
    from rheobase.nn.recurrence.conv_gru import ConvGRU
    from rheobase.nn.recurrence.cs_gru import CSGRU
    from rheobase.nn.recurrence.recurrent import Recurrent
    from rheobase.nn.recurrence.recurrent_delay import RecurrentDelay
    from rheobase.nn.recurrence.spik_gru import SpikGRU
    from rheobase.nn.scale import Scale
    from rheobase.nn.sequential import Sequential
    from rheobase.nn.spike_linear import SpikeLinear
    from rheobase.nn.stateful import Stateful

__all__ = [
    "CSGRU", "PSN", "AvgPool1d", "AvgPool2d", "AxonalDelay", "Chunked", "Conv1d", "Conv2d", "ConvGRU", "Delay",
    "DelayLine", "Dropout", "Flatten", "Graph", "GroupReadout", "Linear", "MaskedPSN", "MaxPool1d", "MaxPool2d",
    "MembraneBlock", "Recurrent", "RecurrentDelay", "Scale", "Sequential", "SlidingPSN", "SpikGRU", "SpikeLinear",
    "SpikingResNet", "SpikingVGG", "Stateful", "SynapticDelay", "TdBatchNorm", "levels", "parameter_groups",
    "quantised",
]  # fmt: skip

# names and the files that hold them: `import rheobase` reads none of them
_FILES = {
    "AvgPool1d": "conv",
    "AvgPool2d": "conv",
    "AxonalDelay": "delays.connection_delay",
    "CSGRU": "recurrence.cs_gru",
    "Chunked": "chunked",
    "Conv1d": "conv",
    "Conv2d": "conv",
    "ConvGRU": "recurrence.conv_gru",
    "Delay": "delays.input_history",
    "DelayLine": "delays.delay_line",
    "Dropout": "dropout",
    "Flatten": "conv",
    "Graph": "graph",
    "GroupReadout": "readout",
    "MaskedPSN": "psn",
    "MaxPool1d": "conv",
    "MaxPool2d": "conv",
    "MembraneBlock": "image_networks.spiking_resnet",
    "PSN": "psn",
    "Recurrent": "recurrence.recurrent",
    "RecurrentDelay": "recurrence.recurrent_delay",
    "Scale": "scale",
    "Sequential": "sequential",
    "SlidingPSN": "psn",
    "SpikGRU": "recurrence.spik_gru",
    "SpikeLinear": "spike_linear",
    "SpikingResNet": "image_networks.spiking_resnet",
    "SpikingVGG": "image_networks.spiking_vgg",
    "Stateful": "stateful",
    "SynapticDelay": "delays.connection_delay",
    "TdBatchNorm": "norm",
    "levels": "quantise",
    "parameter_groups": "decay_groups",
    "quantised": "quantise",
}

__getattr__ = lazily(__name__, _FILES)
