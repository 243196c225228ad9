"""Learned stand-ins for biophysical cells: the Fourier operator over whole stimuli, and a causal neuron.

A model of a cell is told from others by a code (two features of its f-I curve, or its conductances); both learn from
the same traces, by the same loop, and refuse what lies outside of what they were trained on.
"""

from __future__ import annotations

from rheobase.operator.baselines import nearest_model, never_firing
from rheobase.operator.codes import Codes
from rheobase.operator.convolutional import Convolutional
from rheobase.operator.data_set import Split, Traces, generate, load
from rheobase.operator.embedding import channels, modulated
from rheobase.operator.fourier import FourierOperator
from rheobase.operator.interpolation import Interpolated, interpolate
from rheobase.operator.mixtures import blended, mixed
from rheobase.operator.models import AllenModels, Models
from rheobase.operator.protocol import Protocol
from rheobase.operator.sag import SagLoss, sag
from rheobase.operator.samples import Samples, windows
from rheobase.operator.scores import Scores, crossings, scores
from rheobase.operator.stand_in import StandIn
from rheobase.operator.training import Epoch, train

__all__ = [
    "AllenModels",
    "Codes",
    "Convolutional",
    "Epoch",
    "FourierOperator",
    "Interpolated",
    "Models",
    "Protocol",
    "SagLoss",
    "Samples",
    "Scores",
    "Split",
    "StandIn",
    "Traces",
    "blended",
    "channels",
    "crossings",
    "generate",
    "interpolate",
    "load",
    "mixed",
    "modulated",
    "nearest_model",
    "never_firing",
    "sag",
    "scores",
    "train",
    "windows",
]
