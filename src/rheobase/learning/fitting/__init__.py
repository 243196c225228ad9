"""Neurons fitted to current-clamp recordings, scored by the coincidence factor Gamma."""

from rheobase.learning.fitting.features import feature_errors, features, with_spikes
from rheobase.learning.fitting.fit import Candidate, Fit, FitRecipe, fit_neuron
from rheobase.learning.fitting.gamma import coincidences, gamma, reliability, trains_of, window
from rheobase.learning.fitting.progress import FitCallback, FitStep, RichFitProgress
from rheobase.learning.fitting.recording import Recording

__all__ = [
    "Candidate",
    "Fit",
    "FitCallback",
    "FitRecipe",
    "FitStep",
    "Recording",
    "RichFitProgress",
    "coincidences",
    "feature_errors",
    "features",
    "fit_neuron",
    "gamma",
    "reliability",
    "trains_of",
    "window",
    "with_spikes",
]
