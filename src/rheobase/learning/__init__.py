"""Losses, metrics, checkpoints and the trainer."""

from __future__ import annotations

from rheobase.deprecated import moved
from rheobase.learning.fitting import (
    Agreement,
    Candidate,
    Fit,
    FitCallback,
    FitRecipe,
    FitStep,
    Recording,
    RichFitProgress,
    coincidences,
    feature_errors,
    features,
    fit_neuron,
    gamma,
    matched_lif,
    reliability,
    trains_of,
    van_rossum,
    window,
    with_spikes,
)
from rheobase.learning.layers import spiking_layers
from rheobase.learning.losses import (
    LOSSES,
    CrossEntropy,
    LastCrossEntropy,
    Loss,
    MaxCrossEntropy,
    MeanCrossEntropy,
    MeanSoftmaxCrossEntropy,
    RateBand,
    RelativeLp,
    SumCrossEntropy,
    TemporalCrossEntropy,
    loss,
)
from rheobase.learning.metrics import (
    accuracy,
    confusion_matrix,
    count_parameters,
    count_spikes,
    spikes_per_neuron,
)
from rheobase.learning.training.callbacks import (
    BatchRecord,
    Callback,
    CsvLog,
    RunStart,
    TensorBoardLog,
    WarnOfConcerns,
)
from rheobase.learning.training.checkpoints import load_checkpoint, load_weights, save_checkpoint, save_weights
from rheobase.learning.training.concern import Concern, TrainingWarning
from rheobase.learning.training.evaluate import Evaluation
from rheobase.learning.training.history import EpochRecord, History
from rheobase.learning.training.progress import RichProgress
from rheobase.learning.training.recipe import OPTIMISERS, Recipe
from rheobase.learning.training.samples import Indexable
from rheobase.learning.training.schedules import SCHEDULES
from rheobase.learning.training.starts import LearningRateSearch, find_learning_rate, scale_to_activity
from rheobase.learning.training.stopping import TrainingInterrupted
from rheobase.learning.training.trainer import Trainer

__all__ = [
    "LOSSES",
    "OPTIMISERS",
    "SCHEDULES",
    "Agreement",
    "BatchRecord",
    "Callback",
    "Candidate",
    "Concern",
    "CrossEntropy",
    "CsvLog",
    "EpochRecord",
    "Evaluation",
    "Fit",
    "FitCallback",
    "FitRecipe",
    "FitStep",
    "History",
    "Indexable",
    "LastCrossEntropy",
    "LearningRateSearch",
    "Loss",
    "MaxCrossEntropy",
    "MeanCrossEntropy",
    "MeanSoftmaxCrossEntropy",
    "RateBand",
    "Recipe",
    "Recording",
    "RelativeLp",
    "RichFitProgress",
    "RichProgress",
    "RunStart",
    "SumCrossEntropy",
    "TemporalCrossEntropy",
    "TensorBoardLog",
    "Trainer",
    "TrainingInterrupted",
    "TrainingWarning",
    "WarnOfConcerns",
    "accuracy",
    "coincidences",
    "confusion_matrix",
    "count_parameters",
    "count_spikes",
    "feature_errors",
    "features",
    "find_learning_rate",
    "fit_neuron",
    "gamma",
    "load_checkpoint",
    "load_weights",
    "loss",
    "matched_lif",
    "reliability",
    "save_checkpoint",
    "save_weights",
    "scale_to_activity",
    "spikes_per_neuron",
    "spiking_layers",
    "trains_of",
    "van_rossum",
    "window",
    "with_spikes",
]

__getattr__ = moved(__name__, {"dqif": "rheobase.reproduce.dqif.theory", "operations": "rheobase.energy"})
